//! The queue as people see it: what waits, why, since when, until when, what was said.
use super::explain::RouteView;
use super::{explained, stored_refusal};
use crate::Operator;
use crate::ids;
use crate::traces::TraceView;
use sceau_domain::dsn::Notify;
use sceau_domain::text::text;
use sceau_domain::{Address, DomainName, Lang, RefusalCode, Timestamp};
use sceau_store::queue::{self, EntryView, Held, Try};
use serde::{Deserialize, Serialize};

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueState {
    /// It waits for its time or its turn.
    Waiting,
    /// It is being sent.
    Sending,
    /// Somebody holds it.
    Held,
}

impl QueueState {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Held => "held",
        }
    }
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct QueueFilter {
    /// To this domain.
    pub destination: Option<DomainName>,
    /// Of this message.
    pub message: Option<i64>,
    /// That this BAL of ours sent.
    pub sender: Option<Address>,
    /// In this state.
    pub state: Option<QueueState>,
    /// With this in the address of the recipient or the sender.
    pub text: Option<String>,
}

/// Who holds something back, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct HeldView {
    /// Since when.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// Released by itself then.
    #[schema(value_type = Option<i64>)]
    pub until: Option<Timestamp>,
}

impl From<&Held> for HeldView {
    fn from(h: &Held) -> Self {
        Self { at: h.at, by: h.by.clone(), why: h.why.clone(), until: h.until }
    }
}

/// A queue entry, as `sceau queue list|show` explains it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct QueueView {
    /// Entry id.
    #[serde(serialize_with = "ids::text")]
    #[schema(value_type = String)]
    pub id: i64,
    /// Message id in the queue.
    #[serde(serialize_with = "ids::text")]
    #[schema(value_type = String)]
    pub message: i64,
    /// Sender (`<>` when null).
    pub from: String,
    /// Recipient (pseudonym for patients).
    pub to: String,
    /// Destination domain.
    pub destination: String,
    /// `waiting`, `sending`, `held`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// Size, bytes.
    pub size: i64,
    /// When it was queued.
    #[schema(value_type = i64)]
    pub queued: Timestamp,
    /// Next attempt; none while it is held without an end.
    #[schema(value_type = Option<i64>)]
    pub next: Option<Timestamp>,
    /// When we give up, held or not.
    #[schema(value_type = i64)]
    pub expires: Timestamp,
    /// Last answer, in full.
    pub last_reply: Option<String>,
    /// Why it waits, in French.
    pub why_fr: String,
    /// Why it waits, in English.
    pub why_en: String,
    /// Who holds it.
    pub held: Option<HeldView>,
}

/// An attempt that did not succeed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TryView {
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Server, when one was reached.
    pub server: Option<String>,
    /// Code of the refusal.
    pub code: String,
    /// What was said, in full.
    pub reply: Option<String>,
    /// True when no server of the destination could be used at all.
    pub whole: bool,
}

/// A queue entry with all that is known of it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct QueueDetail {
    /// The entry.
    #[serde(flatten)]
    pub entry: QueueView,
    /// What the sender wants to hear of (`NOTIFY`, RFC 3461): `FAILURE,DELAY` when nothing was asked.
    pub notify: String,
    /// Where its mail goes now; none when the process that answers does not send.
    pub route: Option<RouteView>,
    /// Every attempt that did not succeed, oldest first.
    pub tries: Vec<TryView>,
    /// What happened to it, from the traces, oldest first.
    pub history: Vec<TraceView>,
}

/// What waits for one destination.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DestinationStats {
    /// Domain.
    pub domain: String,
    /// Recipients that wait.
    pub entries: i64,
    /// Of them, held one by one.
    pub held_entries: i64,
    /// Messages being sent.
    pub sending: i64,
    /// When the oldest message was queued.
    #[schema(value_type = Option<i64>)]
    pub oldest: Option<Timestamp>,
    /// Next attempt; none while nothing is to be tried.
    #[schema(value_type = Option<i64>)]
    pub next: Option<Timestamp>,
    /// Consecutive attempts that reached no server.
    pub failures: i64,
    /// What the last of them said.
    pub problem: Option<String>,
    /// Who holds the destination as a whole.
    pub held: Option<HeldView>,
}

/// The queue, counted.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct QueueStats {
    /// Recipients that wait, held ones among them.
    pub entries: i64,
    /// Held ones.
    pub held: i64,
    /// Messages being sent.
    pub sending: i64,
    /// Messages.
    pub messages: i64,
    /// Bytes of them.
    pub bytes: i64,
    /// When the oldest was queued.
    #[schema(value_type = Option<i64>)]
    pub oldest: Option<Timestamp>,
    /// Destinations.
    pub destinations: i64,
    /// Of them, those that cannot be reached.
    pub failing: i64,
    /// Of them, those held as a whole.
    pub held_destinations: i64,
}

impl From<queue::Counts> for QueueStats {
    fn from(c: queue::Counts) -> Self {
        Self {
            entries: c.entries,
            held: c.held,
            sending: c.sending,
            messages: c.messages,
            bytes: c.bytes,
            oldest: c.oldest,
            destinations: c.destinations,
            failing: c.failing,
            held_destinations: c.held_destinations,
        }
    }
}

/// What is not to be tried has no time.
fn time(at: Timestamp) -> Option<Timestamp> {
    (at.0 < queue::NEVER).then_some(at)
}

impl From<queue::DestinationView> for DestinationStats {
    fn from(d: queue::DestinationView) -> Self {
        let problem = d.unreached.as_ref().filter(|_| d.failures > 0);
        let problem =
            problem.map(|(_, code, args)| stored_refusal(code, args).map_or_else(|| code.clone(), |r| explained(&r)));
        Self {
            entries: d.entries,
            held_entries: d.held_entries,
            sending: d.sending,
            oldest: d.oldest,
            next: time(d.next).filter(|_| d.held.is_none()),
            failures: d.failures,
            problem,
            held: d.held.as_ref().map(HeldView::from),
            domain: d.domain,
        }
    }
}

impl Operator {
    /// An entry as people see it.
    pub(super) async fn queue_view(&self, view: &EntryView) -> QueueView {
        let (e, now) = (&view.entry, self.now());
        let state = match &view.held {
            Some(_) => QueueState::Held,
            None if view.claimed_until.is_some_and(|until| until > now) => QueueState::Sending,
            None => QueueState::Waiting,
        };
        let (last, last_reply) = self.last_words(view).await;
        let next = match &view.held {
            Some(held) => held.until,
            None => view.destination_next.map_or(Some(e.next_at), |at| time(at).map(|at| at.max(e.next_at))),
        };
        let why = |lang| match (&view.held, state) {
            (Some(held), _) => text(lang, "queue.why_held", &[("name", &held.by), ("cause", &held.why)]),
            (None, QueueState::Sending) => text(lang, "queue.why_sending", &[]),
            _ if view.failures > 0 => {
                // What stands in the way: no server that answers, or one that must not be trusted.
                let code = view.unreached.as_ref().map_or("", |(_, code, _)| code.as_str());
                let cause = last.as_ref().map_or_else(|| code.to_owned(), |r| r.sentence(lang));
                text(lang, "queue.why_destination", &[("domain", &e.destination), ("cause", &cause)])
            }
            _ => match &last {
                Some(r) if matches!(r.code, RefusalCode::TransferPutOff | RefusalCode::TransferRefused) => {
                    text(lang, "queue.why_refused", &[("domain", &e.destination)])
                }
                Some(r) => text(lang, "queue.why_tried", &[("cause", &r.sentence(lang))]),
                None => text(lang, "queue.why_turn", &[("domain", &e.destination)]),
            },
        };
        QueueView {
            id: e.id,
            message: e.message,
            from: if view.sender.is_empty() { "<>".into() } else { view.sender.clone() },
            to: e.recipient.clone(),
            destination: e.destination.clone(),
            state: state.as_str().into(),
            attempts: e.attempts + e.unreached,
            size: view.size,
            queued: view.created,
            next,
            expires: e.expires,
            last_reply,
            why_fr: why(Lang::Fr),
            why_en: why(Lang::En),
            held: view.held.as_ref().map(HeldView::from),
        }
    }

    /// What a sender wants to hear of, as RFC 3461 writes it.
    pub(super) fn notify_shown(view: &EntryView) -> String {
        view.entry.notify.map_or(Notify::USUAL, Notify::from_bits).to_string()
    }

    /// An attempt, with what was said.
    pub(super) async fn try_view(&self, view: &EntryView, t: &Try) -> TryView {
        let reply = match (&t.reply, &t.args) {
            (Some(sealed), _) if !sealed.is_empty() => self.unsealed_reply(view, sealed).await,
            (_, Some(args)) => stored_refusal(&t.code, args).as_ref().map(explained),
            _ => None,
        };
        TryView { at: t.at, server: t.server.clone(), code: t.code.clone(), reply, whole: t.entry.is_none() }
    }
}
