//! Alarms for the people in charge: durable, deduplicated, stable codes (F269).
use crate::boxed;
use sceau_domain::Timestamp;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};

/// An alarm, as listed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct AlarmView {
    /// Stable code, e.g. `white_list.fetch`, `white_list.signature`, `white_list.rollback`, `store.full`, `transfer.tls`.
    pub code: String,
    /// What it is about (domain, certificate…), may be empty.
    pub subject: String,
    /// `warning` or `critical`.
    pub severity: String,
    /// Sentence in French.
    pub fr: String,
    /// Sentence in English.
    pub en: String,
    /// First time.
    #[schema(value_type = i64)]
    pub first: Timestamp,
    /// Last time.
    #[schema(value_type = i64)]
    pub last: Timestamp,
    /// How many times.
    pub count: i64,
    /// Who acknowledged it, and when.
    #[schema(value_type = Option<Vec<Value>>)]
    pub acknowledged: Option<(String, Timestamp)>,
    /// When the cause went away.
    #[schema(value_type = Option<i64>)]
    pub cleared: Option<Timestamp>,
}

use crate::record::{By, Fact};
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode, UseCase};
use sceau_store::{StoreError, alarms as rows};
use serde_json::json;

/// Most alarms one listing gives.
const MOST: i64 = 1000;

/// The full store was told since the last minute's round.
static FULL_TOLD: AtomicBool = AtomicBool::new(false);

impl Operator {
    /// Open alarms that nobody acknowledged; `all` shows acknowledged and cleared ones too. Newest first.
    #[boxed]
    pub async fn alarms(&self, actor: &Actor, all: bool) -> Result<Vec<AlarmView>, Refusal> {
        self.require(actor, UseCase::AlarmList, On::Operator).await?;
        let list = self.0.store.read(move |tx| Ok::<_, Fail>(rows::list(tx, all, MOST)?)).await?;
        Ok(list.into_iter().map(AlarmView::from).collect())
    }

    /// Acknowledges an alarm. `admin.not_found`.
    #[boxed]
    pub async fn acknowledge_alarm(&self, actor: &Actor, code: &str, subject: &str) -> Result<(), Refusal> {
        self.require(actor, UseCase::AlarmAck, On::Operator).await?;
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let (code, subject, login, now) =
            (code.to_owned(), subject.to_owned(), person.login.clone(), self.clock().now().0);
        let fact =
            self.fact("alarm.acknowledged", &By::actor(actor), None, "ok", json!({ "code": code, "subject": subject }));
        let actor = actor.clone();
        self.0
            .store
            .write(move |tx| {
                permit(tx, &actor, UseCase::AlarmAck, On::Operator)?;
                if !rows::acknowledge(tx, &code, &subject, &login, now)? {
                    return Err(Fail::from(Refusal::new(RefusalCode::NotFound).with("name", &code)));
                }
                Ok(fact.write(tx)?)
            })
            .await?;
        Ok(())
    }

    /// Raises an alarm (or counts it once more), in a transaction of its own. `data` is an object whose texts the alarm's
    /// sentence (`alarm.<code>` in the locale files) names. A failing store is logged: an alarm must not stop an act.
    pub(crate) async fn raise_alarm(&self, code: &'static str, subject: &str, critical: bool, data: serde_json::Value) {
        metrics::counter!("sceau_alarms_total", "code" => code).increment(1);
        tracing::warn!(code, critical, "alarm");
        let severity = if critical { "critical" } else { "warning" };
        let (subject, data, now) = (subject.to_owned(), data.to_string(), self.clock().now().0);
        let raised = self.0.store.write(move |tx| rows::raise(tx, code, &subject, severity, &data, now)).await;
        if let Err(e) = raised {
            not_kept(code, &e);
        }
    }

    /// Raises a critical alarm unless it is open, with the trace of what raised it, in one transaction: of several at once, on whichever nodes, one does.
    pub(crate) async fn raise_alarm_once(
        &self,
        code: &'static str,
        subject: &str,
        data: serde_json::Value,
        fact: Fact,
    ) {
        let (subject, data, now) = (subject.to_owned(), data.to_string(), self.clock().now().0);
        let raised = self.0.store.write::<_, StoreError, _>(move |tx| {
            let begun = rows::begin(tx, code, &subject, "critical", &data, now)?;
            if begun {
                fact.write(tx)?;
            }
            Ok(begun)
        });
        match raised.await {
            Ok(true) => {
                metrics::counter!("sceau_alarms_total", "code" => code).increment(1);
                tracing::warn!(code, critical = true, "alarm");
            }
            Ok(false) => {}
            Err(e) => not_kept(code, &e),
        }
    }

    /// Tells of an operation of REST that ended by a fault of the program; `operation` is its method and the pattern of its path.
    #[boxed]
    pub async fn tell_of_defect(&self, operation: &str) {
        self.raise_alarm("web.defect", operation, true, json!({})).await;
    }

    /// Tells of a store that was full, as soon as an alarm can be written.
    #[boxed]
    pub async fn tell_of_full_store_at_once(&self) {
        if crate::refuse::take_full() {
            FULL_TOLD.store(true, Ordering::SeqCst);
            self.raise_alarm("store.full", "", true, json!({})).await;
        }
    }

    /// Likewise once a minute, and of its recovery: a minute at least without a refusal.
    pub(crate) async fn tell_of_full_store(&self) {
        self.tell_of_full_store_at_once().await;
        if !FULL_TOLD.swap(false, Ordering::SeqCst) {
            self.clear_alarm("store.full", "").await;
        }
    }

    /// The cause is gone.
    pub(crate) async fn clear_alarm(&self, code: &'static str, subject: &str) {
        let (subject, now) = (subject.to_owned(), self.clock().now().0);
        let cleared = self.0.store.write(move |tx| rows::clear(tx, code, &subject, now)).await;
        if let Err(e) = cleared.map_err(|e: StoreError| e) {
            tracing::error!(code, error = %e, "alarm not cleared");
        }
    }
}

/// An alarm that could not be written is logged: it must not stop an act.
fn not_kept(code: &str, e: &StoreError) {
    tracing::error!(code, error = %e, "alarm not kept");
    crate::refuse::store(e);
}

impl From<rows::Alarm> for AlarmView {
    fn from(a: rows::Alarm) -> Self {
        let data: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&a.data).unwrap_or_default();
        let mut values: Vec<(&str, &str)> = data.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect();
        values.push(("subject", &a.subject));
        let sentence = |lang| text(lang, &format!("alarm.{}", a.code), &values);
        Self {
            fr: sentence(Lang::Fr),
            en: sentence(Lang::En),
            severity: a.severity,
            first: Timestamp(a.first_at),
            last: Timestamp(a.last_at),
            count: a.count,
            acknowledged: a.acked_by.zip(a.acked_at.map(Timestamp)),
            cleared: a.cleared.map(Timestamp),
            code: a.code,
            subject: a.subject,
        }
    }
}
