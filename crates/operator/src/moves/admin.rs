//! A move, begun, looked at and ended by the people in charge; and the list of what is to be done.
use super::Standing;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::text::text;
use sceau_domain::{DomainKind, DomainName, Lang, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::accounts;
use sceau_store::domain_moves::{self as rows, DomainMove};
use serde::Serialize;
use serde_json::json;

/// A step of a move.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = MoveStepView)]
pub struct StepView {
    /// Stable code.
    #[schema(example = "list_names_us")]
    pub code: String,
    /// Done; absent when only people can tell.
    pub done: Option<bool>,
    /// What is to be done, in French.
    pub fr: String,
    /// In English.
    pub en: String,
}

/// A domain's move.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MoveView {
    /// The domain.
    #[schema(example = "hopital.mssante.fr")]
    pub domain: String,
    /// `in`, `out`; absent when it does not move.
    pub direction: Option<String>,
    /// `here`, `arriving`, `shared`, `left`: what is done with its mail now.
    #[schema(example = "shared")]
    pub state: String,
    /// Since when.
    #[schema(value_type = Option<i64>)]
    pub begun: Option<Timestamp>,
    /// Until when its BALs that are still here are served.
    #[schema(value_type = Option<i64>)]
    pub until: Option<Timestamp>,
    /// The white list names one of our certificates for it.
    pub names_us: bool,
    /// The white list names others' certificates for it.
    pub names_others: bool,
    /// Its BALs that take mail here.
    pub bals: i64,
    /// What is to be done, in order.
    pub steps: Vec<StepView>,
}

impl Operator {
    /// A domain's move, or that there is none. `admin.not_found`.
    #[boxed]
    pub async fn domain_move(&self, actor: &Actor, name: &DomainName) -> Result<MoveView, Refusal> {
        self.require(actor, UseCase::DomainMove, On::Operator).await?;
        self.move_view(name).await
    }

    /// A domain comes to us. `admin.not_found`; `admin.invalid` when it is an internal one, which no list names.
    #[boxed]
    pub async fn move_domain_in(&self, actor: &Actor, name: &DomainName) -> Result<MoveView, Refusal> {
        self.begin_move(actor, name, true, None).await
    }

    /// A domain goes to another operator; its BALs that are still here are served until `until`. `admin.not_found`; `admin.invalid` when that is past,
    /// or it is an internal one.
    #[boxed]
    pub async fn move_domain_out(
        &self,
        actor: &Actor,
        name: &DomainName,
        until: Timestamp,
    ) -> Result<MoveView, Refusal> {
        self.require(actor, UseCase::DomainMove, On::Operator).await?;
        if until <= self.now() {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "until"));
        }
        self.begin_move(actor, name, false, Some(until.0)).await
    }

    async fn begin_move(
        &self,
        actor: &Actor,
        name: &DomainName,
        inward: bool,
        until: Option<i64>,
    ) -> Result<MoveView, Refusal> {
        self.require(actor, UseCase::DomainMove, On::Operator).await?;
        let act = if inward { "domain.move_in" } else { "domain.move_out" };
        let fact = self.fact(act, &By::actor(actor), None, "ok", json!({ "domain": name, "until": until }));
        let (actor, domain, begun) = (actor.clone(), name.clone(), self.now().0);
        let begin = self.0.store.write(move |tx| {
            permit(tx, &actor, UseCase::DomainMove, On::Operator)?;
            let row = accounts::domain_by_name(tx, domain.as_str())?;
            let row = row.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", &domain))?;
            // Only what the white list can name is with two operators: the mail of an internal one would only stop.
            if row.kind == DomainKind::Internal.as_str() {
                return Err(Fail::from(Refusal::new(RefusalCode::Invalid).with("name", "domain")));
            }
            rows::put(tx, &DomainMove { domain_id: row.id, domain: row.name, inward, begun, until })?;
            Ok::<_, Fail>(fact.write(tx)?)
        });
        begin.await?;
        self.0.moves.forget();
        self.move_view(name).await
    }

    /// The domain does not move (any more): it is ours alone again. `admin.not_found` when it did not move.
    #[boxed]
    pub async fn cancel_domain_move(&self, actor: &Actor, name: &DomainName) -> Result<MoveView, Refusal> {
        self.require(actor, UseCase::DomainMove, On::Operator).await?;
        let fact = self.fact("domain.move_cancelled", &By::actor(actor), None, "ok", json!({ "domain": name }));
        let (actor, domain) = (actor.clone(), name.clone());
        let cancel = self.0.store.write(move |tx| {
            permit(tx, &actor, UseCase::DomainMove, On::Operator)?;
            let unknown = || Refusal::new(RefusalCode::NotFound).with("name", &domain);
            let row = accounts::domain_by_name(tx, domain.as_str())?.ok_or_else(unknown)?;
            if !rows::remove(tx, row.id)? {
                return Err(Fail::from(unknown()));
            }
            Ok(fact.write(tx)?)
        });
        cancel.await?;
        self.0.moves.forget();
        self.move_view(name).await
    }

    async fn move_view(&self, name: &DomainName) -> Result<MoveView, Refusal> {
        let domain = name.clone();
        let read = self.0.store.read(move |tx| {
            let row = accounts::domain_by_name(tx, domain.as_str())?;
            let row = row.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", &domain))?;
            Ok::<_, Fail>((rows::all(tx)?.into_iter().find(|m| m.domain_id == row.id), rows::open_bals(tx, row.id)?))
        });
        let (found, bals) = read.await?;
        let ours = self.own_names().await?;
        let list = self.0.trust.white_list();
        let named: Vec<sceau_trust::Dn> = list.map(|l| l.dns_of(name)).unwrap_or_default();
        let (names_us, names_others) =
            (named.iter().any(|dn| ours.contains(dn)), named.iter().any(|dn| !ours.contains(dn)));
        let state = found.as_ref().map_or(Standing::Here, |m| self.judged(m, name, &ours));
        let steps = found.as_ref().map_or_else(Vec::new, |m| steps(m.inward, names_us, names_others, bals, state));
        Ok(MoveView {
            domain: name.to_string(),
            direction: found.as_ref().map(|m| if m.inward { "in" } else { "out" }.to_owned()),
            state: state.as_str().to_owned(),
            begun: found.as_ref().map(|m| Timestamp(m.begun)),
            until: found.and_then(|m| m.until).map(Timestamp),
            names_us,
            names_others,
            bals,
            steps,
        })
    }
}

fn steps(inward: bool, names_us: bool, names_others: bool, bals: i64, state: Standing) -> Vec<StepView> {
    let step = |code: &str, done: Option<bool>| {
        let say = |lang| text(lang, &format!("domain_move.{code}"), &[]);
        StepView { code: code.to_owned(), done, fr: say(Lang::Fr), en: say(Lang::En) }
    };
    if inward {
        vec![
            step("bals_prepared", Some(bals > 0)),
            step("list_names_us", Some(names_us)),
            step("mx_ours", None),
            step("mail_copied", None),
            step("list_without_them", Some(names_us && !names_others)),
            step("move_ended", Some(false)),
        ]
    } else {
        vec![
            step("list_names_them", Some(names_others)),
            step("mx_theirs", None),
            step("mail_taken", None),
            step("bals_closed", Some(bals == 0)),
            step("list_without_us", Some(!names_us && names_others)),
            step("time_over", Some(state == Standing::Left)),
        ]
    }
}
