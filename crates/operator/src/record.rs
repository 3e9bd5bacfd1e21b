//! Traces as use cases write them: who acted, and a trace prepared before the transaction, written in it.
//! Envelope facts, counts and ids; never content.
use crate::mail::refusals::STRANGER;
use crate::{Actor, Door, Operator, Origin, Who};
use sceau_domain::{AccessRole, Address, Refusal, RefusalCode, Timestamp};
use sceau_message::header;
use sceau_store::idempotency::{self, Once};
use sceau_store::traces::{self, Trace};
use sceau_store::{Id, StoreError, Tx};
use sceau_trust::Peer;
use serde_json::{Value, json};

/// Most ids listed in one trace; the count beside them is always whole.
pub(crate) const IDS: usize = 500;

/// Who acted, as traces name it.
#[derive(Debug, Clone, Default)]
pub(crate) struct By {
    /// Login, DN, or `system`.
    pub name: String,
    /// Person, when it is one.
    pub person: Option<Id>,
    /// From where.
    pub origin: Option<Origin>,
    /// As what at the BAL of the session, when not as its holder; and the login of the holder for whom a delegate acts (F024).
    pub seat: Option<(AccessRole, Option<String>)>,
}

/// Says as what somebody acts.
fn seated(data: &mut Value, seat: Option<&(AccessRole, Option<String>)>) {
    let Some((role, holder)) = seat else { return };
    if data.is_null() {
        *data = json!({});
    }
    if let Some(data) = data.as_object_mut() {
        data.insert("as".into(), role.as_str().into());
        if let Some(holder) = holder {
            data.insert("for".into(), holder.as_str().into());
        }
    }
}

impl By {
    /// Ourselves.
    pub fn system() -> Self {
        Self { name: "system".into(), ..Self::default() }
    }
    /// Another operator.
    pub fn peer(peer: Option<&Peer>, origin: &Origin) -> Self {
        let name = peer.map_or_else(|| STRANGER.to_owned(), |p| bounded(p.dn.as_str()));
        Self { name, origin: Some(origin.clone()), ..Self::default() }
    }
    /// Nobody that we know.
    pub fn stranger(origin: &Origin) -> Self {
        Self::peer(None, origin)
    }
    /// A person's session.
    pub fn actor(actor: &Actor) -> Self {
        let origin = Some(actor.origin.clone());
        match &actor.who {
            Who::Person(p) => {
                let chair = actor.bal.as_ref().and_then(|b| b.chair.as_ref());
                let seat = chair.filter(|c| c.role != AccessRole::Holder).map(|c| (c.role, c.holder.clone()));
                Self { name: p.login.clone(), person: Some(p.id), origin, seat }
            }
            Who::Connector(c) => Self { name: format!("connector:{}", c.name), origin, ..Self::default() },
            Who::System => Self { origin, ..Self::system() },
        }
    }
}

/// A trace about to be written. Made before the transaction, so that the transaction may run again.
#[derive(Debug, Clone)]
pub(crate) struct Fact(Trace, Option<(Id, Once)>);

impl Fact {
    /// Writes it, in the transaction of its act; and takes the request's key, so that the act happens once.
    pub fn write(&self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        if let Some((person, once)) = &self.1 {
            idempotency::take(tx, *person, once, self.0.at)?;
        }
        traces::record(tx, &self.0)
    }
    /// The trace itself, for the notary, who gives it its leaf in the same transaction.
    pub fn into_trace(self) -> Trace {
        self.0
    }
    /// One of several traces of an act: another one takes the request's key.
    pub fn without_key(&mut self) {
        self.1 = None;
    }
    /// A technical trace: an automatic act, kept one year.
    pub fn technical(mut self) -> Self {
        self.0.kind = traces::Kind::Technical;
        self
    }
    /// On this BAL.
    pub fn on(mut self, bal: Id, shown: Option<String>) -> Self {
        (self.0.bal_id, self.0.bal) = (Some(bal), shown);
        self
    }
    /// Replaces what is said of the act.
    pub fn saying(&mut self, data: &Value) {
        self.0.data = data.to_string();
    }
    /// Adds to what is said of the act.
    pub fn adding(&mut self, name: &str, value: Value) {
        let mut data: Value = serde_json::from_str(&self.0.data).unwrap_or_default();
        data[name] = value;
        self.saying(&data);
    }
}

/// The trace of an act on a BAL, whose address and facts are known only in the transaction.
#[derive(Debug, Clone)]
pub(crate) struct Record(Trace, Option<(AccessRole, Option<String>)>);

impl Record {
    /// When the act happened, milliseconds.
    pub fn at(&self) -> i64 {
        self.0.at
    }
    /// Writes the trace of an act that was done. `bal` is the BAL's address as [`crate::access::Seat::check`] gave it;
    /// `data` holds counts and ids, never names or content.
    pub fn write(&self, tx: &mut dyn Tx, bal: &str, data: &Value) -> Result<(), StoreError> {
        let mut data = data.clone();
        seated(&mut data, self.1.as_ref());
        let trace = Trace { bal: Some(bal.to_owned()), data: data.to_string(), ..self.0.clone() };
        traces::record(tx, &trace)
    }
    /// Same session, act, person and BAL.
    pub fn same(&self, o: &Self) -> bool {
        let (a, b) = (&self.0, &o.0);
        (a.person_id, a.bal_id) == (b.person_id, b.bal_id) && a.act == b.act && a.session == b.session
    }
}

impl Operator {
    /// Prepares a functional trace. `bal` is the BAL concerned and its address as shown.
    pub(crate) fn fact(
        &self,
        act: &'static str,
        by: &By,
        bal: Option<(Id, &str)>,
        outcome: &str,
        mut data: Value,
    ) -> Fact {
        seated(&mut data, by.seat.as_ref());
        let (bal_id, bal) = bal.unzip();
        // What was refused may be asked again under the same key.
        let once = by.origin.as_ref().and_then(|o| o.once.clone()).filter(|_| outcome == "ok");
        let trace = Trace {
            id: self.0.store.new_id(),
            kind: traces::Kind::Functional,
            act: act.to_owned(),
            at: self.now().0,
            person_id: by.person,
            actor: by.name.clone(),
            bal_id,
            bal: bal.map(str::to_owned),
            remote: by.origin.as_ref().and_then(|o| o.remote).map(|ip| ip.to_string()),
            session: by.origin.as_ref().map(|o| o.session.clone()),
            outcome: outcome.to_owned(),
            data: data.to_string(),
        };
        Fact(trace, by.person.zip(once))
    }

    /// Prepares the functional trace of an act on a BAL.
    pub(crate) fn record(&self, actor: &Actor, bal: Id, act: &'static str) -> Record {
        let Fact(trace, _) = self.fact(act, &By::actor(actor), None, "ok", Value::Null).on(bal, None);
        Record(trace, By::actor(actor).seat)
    }

    /// Envelope facts of a message.
    pub(crate) fn message_facts(&self, id: &str, from: Option<&Address>, header: &[u8], size: u64) -> Value {
        json!({
            "id": id,
            "from": self.shown_path(from),
            "size": size,
            "message_id": self.message_id_tag(header),
        })
    }

    /// Keyed digest of the Message-ID: traces on both ends of a BAL can be matched, and say nothing else.
    pub(crate) fn message_id_tag(&self, header: &[u8]) -> Option<String> {
        self.message_id_digest(header).map(hex::encode)
    }

    /// The same as bytes. None without a Message-ID, or where it is empty.
    pub(crate) fn message_id_digest(&self, header: &[u8]) -> Option<[u8; 16]> {
        let field = header::fields(header).find(|f| f.name.eq_ignore_ascii_case("Message-ID"))?;
        let value = Some(field.value.trim_ascii()).filter(|v| !v.is_empty())?;
        self.0.store.vault().tag("message-id", value).first_chunk().copied()
    }

    /// Traces a refusal within the bounds of [`crate::mail::refusals`], in a transaction of its own, and gives it back.
    pub(crate) async fn refused(
        &self,
        by: By,
        from: Option<&Address>,
        to: Option<&Address>,
        refusal: Refusal,
    ) -> Refusal {
        let Some(origin) = &by.origin else { return refusal };
        metrics::counter!("sceau_refused_total", "code" => refusal.code.as_str()).increment(1);
        if !self.0.refusals.admit(&by.name, origin, refusal.code) {
            return refusal;
        }
        let mut data = json!({});
        if let Some(from) = from {
            data["from"] = self.shown(from).into();
        }
        if let Some(to) = to {
            data["to"] = self.shown(to).into();
        }
        let detail = |name: &str| refusal.args.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
        for name in ["domain", "dn", "cause", "limit"] {
            if let Some(value) = detail(name) {
                data[name] = bounded(&value).into();
            }
        }
        let act = match origin.door {
            Door::Admin => "admin.refused",
            _ if refusal.code.as_str().starts_with("login.") => "login.failed",
            _ if refusal.code == RefusalCode::TermsRequired => "terms.refused",
            _ => "mail.refused",
        };
        let trace = self.fact(act, &by, None, refusal.code.as_str(), data);
        self.trace_alone(trace).await;
        refusal
    }

    /// Writes a trace that belongs to no act. A failure is logged: the refusal stands all the same.
    pub(crate) async fn trace_alone(&self, trace: Fact) {
        let written = self.0.store.write(move |tx| trace.write(tx)).await;
        if let Err(e) = written {
            tracing::error!(error = %e, "a refusal could not be traced");
        }
    }

    /// Traces the refusals that were only counted in the last minute (see [`crate::mail::refusals`]).
    pub(crate) async fn trace_counted_refusals(&self) {
        let made: Vec<Fact> = self
            .0
            .refusals
            .turn()
            .into_iter()
            .map(|folded| {
                let by = match folded.session {
                    Some((origin, name)) => By { name, origin: Some(origin), ..By::default() },
                    None => By { name: STRANGER.into(), ..By::default() },
                };
                self.fact("mail.refused", &by, None, "counted", json!({ "counts": folded.counts }))
            })
            .collect();
        if made.is_empty() {
            return;
        }
        let written = self.0.store.write(move |tx| made.iter().try_for_each(|t| t.write(tx))).await;
        if let Err(e) = written {
            tracing::error!(error = %e, "counted refusals could not be traced");
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock().now()
    }
}

/// What comes from outside, cut to what real names need: a certificate's name may be thousands of bytes long.
fn bounded(value: &str) -> String {
    const LONGEST: usize = 600;
    value.chars().take(LONGEST).collect()
}

/// Ids for a trace's data, at most [`IDS`].
pub(crate) fn ids(ids: impl IntoIterator<Item = Id>) -> Vec<Id> {
    ids.into_iter().take(IDS).collect()
}
