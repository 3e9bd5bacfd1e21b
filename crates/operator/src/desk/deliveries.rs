//! What became of each recipient of what a BAL sent (F244): waits, was handed to its operator, was refused and why, came back.
//!
//! Promises: a recipient is noted in the transaction in which the message leaves, and settled in the one in which it leaves the queue, so that a page and the
//! traces say the same; found by the keyed digest of the Message-ID, so that the copy which a mail program filed by itself finds it too; addresses and
//! servers' words are sealed under the key of the BAL that sent, the one to which reports go; what is settled is never changed by what comes late.
use crate::boxed;
use crate::mail::shown::unsealed_address;
use crate::mailbox::read::MessageSummary;
use crate::mailbox::seal::BalSeal;
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp};
use sceau_store::desk::deliveries::{self as rows, Change, Delivery};
use sceau_store::{Id, StoreError, Tx, messages, queue};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What the rest of a delivery is sealed as; object = its id.
const FIELD: &str = "delivery";
/// Recipients that are shown of one message: more than one may have.
const MOST: usize = 1_000;
/// Rows forgotten in one round of housekeeping.
const SLICE: i64 = 1_000;

/// How far a message came to one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits to be sent.
    Queued,
    /// It was tried, and waits to be tried again.
    Delayed,
    /// It is in a BAL of ours.
    Delivered,
    /// The operator of the recipient, or its structure's own server, took it.
    Relayed,
    /// It was refused for good.
    Failed,
    /// It was tried in vain until its time was over.
    Expired,
    /// An operator gave it back.
    Returned,
    /// An operator removed it from the queue.
    Deleted,
}

impl DeliveryState {
    const ALL: [Self; 8] = [
        Self::Queued,
        Self::Delayed,
        Self::Delivered,
        Self::Relayed,
        Self::Failed,
        Self::Expired,
        Self::Returned,
        Self::Deleted,
    ];
    /// Stable name, as it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Returned => "returned",
            Self::Deleted => "deleted",
        }
    }
    /// It still waits: this is not its last state.
    pub fn waits(self) -> bool {
        matches!(self, Self::Queued | Self::Delayed)
    }
    /// It arrived, as far as we can know.
    pub fn arrived(self) -> bool {
        matches!(self, Self::Delivered | Self::Relayed)
    }
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryView {
    /// The recipient, as it was written.
    pub address: String,
    /// How far it came.
    pub state: DeliveryState,
    /// Why not, where it is so.
    pub code: Option<RefusalCode>,
    /// The server that took or refused it.
    pub server: Option<String>,
    /// What that server said, or our sentence.
    pub reply: Option<String>,
    /// When the message was sent.
    pub sent: Timestamp,
    /// When the state was reached.
    pub at: Timestamp,
}

/// Under which Message-ID something was sent: what finds its recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SentAs([u8; 16]);

impl SentAs {
    /// What names it to a page. It says nothing of the message, and finds something in the BAL that sent alone.
    pub fn code(&self) -> String {
        hex::encode(self.0)
    }
    /// What a page names so.
    pub fn of_code(code: &str) -> Option<Self> {
        let mut digest = [0; 16];
        hex::decode_to_slice(code, &mut digest).ok().map(|()| Self(digest))
    }
}

/// How far what was sent came, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Recipients.
    pub all: usize,
    /// Those whom it has not reached yet.
    pub waits: usize,
    /// Those whom it will not reach.
    pub lost: usize,
    /// When that was last otherwise, milliseconds.
    pub at: i64,
}

impl Followed {
    /// Counts so many recipients in this state.
    fn count(&mut self, state: DeliveryState, recipients: usize, at: i64) {
        self.all += recipients;
        if state.waits() {
            self.waits += recipients;
        } else if !state.arrived() {
            self.lost += recipients;
        }
        self.at = self.at.max(at);
    }
    /// Of recipients that are shown.
    pub fn of(found: &[DeliveryView]) -> Self {
        let mut followed = Self::default();
        found.iter().for_each(|d| followed.count(d.state, 1, d.at.0));
        followed
    }
    /// Those whom it reached, as far as we can know.
    pub fn arrived(&self) -> usize {
        self.all.saturating_sub(self.waits + self.lost)
    }
}

/// What is sealed of a delivery.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Said {
    address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
}

/// What became of an entry of the queue, before it is sealed.
#[derive(Debug, Clone)]
pub(crate) struct Became {
    entry: queue::Entry,
    state: DeliveryState,
    code: Option<RefusalCode>,
    server: Option<String>,
    reply: Option<String>,
}

impl Became {
    /// Of an entry.
    pub fn new(entry: &queue::Entry, state: DeliveryState, code: Option<RefusalCode>) -> Self {
        Self { entry: entry.clone(), state, code, server: None, reply: None }
    }
    /// By this server, with these words.
    pub fn by(self, server: Option<&str>, reply: Option<&str>) -> Self {
        Self { server: server.map(str::to_owned), reply: reply.map(str::to_owned), ..self }
    }
}

/// Recipients about to be noted, each with what carries it: ids of our BALs, or of an entry of the queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct New(Vec<(Delivery, Vec<Id>)>);

impl New {
    /// Notes them but for those that are carried by nothing new (`done`): a message that is sent again for a part is noted for that part.
    pub fn insert(&self, tx: &mut dyn Tx, done: impl Fn(Id) -> bool) -> Result<(), StoreError> {
        let new = self.0.iter().filter(|(_, by)| !by.iter().all(|id| done(*id)));
        new.map(|(d, _)| d).try_for_each(|d| rows::insert(tx, d))
    }
}

impl Said {
    fn sealed(&self, seal: &BalSeal, id: Id) -> Result<Vec<u8>, StoreError> {
        let json = serde_json::to_vec(self).map_err(|e| StoreError::Invalid(e.to_string()))?;
        seal.seal(id, FIELD, &json)
    }
}

impl Operator {
    /// The recipients of a message that this BAL sends now, ready to be noted: those of ours with their BALs, those elsewhere with their entries. Empty without
    /// a Message-ID (`header`: the message's, or what we add before it): nothing could find them.
    pub(crate) async fn new_deliveries(
        &self,
        bal: Id,
        headers: [&[u8]; 2],
        recipients: Vec<(&Address, DeliveryState, Vec<Id>)>,
        now: Timestamp,
    ) -> Result<New, Refusal> {
        let Some(mid) = headers.into_iter().find_map(|h| self.message_id_digest(h)) else { return Ok(New::default()) };
        let seal = self.bal_seal(bal).await?;
        let row = |(to, state, by): (&Address, DeliveryState, Vec<Id>)| {
            // An entry of the queue has the id by which what becomes of it is found.
            let id = match by.as_slice() {
                [entry] if state == DeliveryState::Queued => *entry,
                _ => self.0.store.new_id(),
            };
            let said = Said { address: to.to_string(), ..Said::default() };
            let (tag, state) = (self.delivery_tag(bal, to), state.as_str().to_owned());
            let (recipient, sealed) = (self.shown(to), said.sealed(&seal, id)?);
            let mid = mid.to_vec();
            Ok((Delivery { id, bal, mid, tag, recipient, state, code: None, sealed, sent: now.0, at: now.0 }, by))
        };
        let rows: Result<Vec<_>, StoreError> = recipients.into_iter().map(row).collect();
        rows.map(New).map_err(|e| refuse::store(&e))
    }

    /// Keyed digest of a recipient, unlike that of the same one in another BAL.
    fn delivery_tag(&self, bal: Id, to: &Address) -> String {
        let mut data = bal.to_be_bytes().to_vec();
        data.extend_from_slice(to.key().as_bytes());
        hex::encode(&self.0.store.vault().tag("delivery", &data)[..16])
    }

    /// What became of entries, sealed for the BAL that sent. Empty for what no BAL of ours sent, or where its key is destroyed.
    pub(crate) async fn delivery_changes(
        &self,
        message: &queue::Message,
        became: Vec<Became>,
        now: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        if message.bal == 0 || became.is_empty() {
            return Ok(Vec::new());
        }
        let vault = self.0.store.vault();
        let known = |key: Result<_, StoreError>| match key {
            Err(StoreError::NoKey) => Ok(None),
            key => key.map(Some),
        };
        let (Some(transit), Some(key)) =
            (known(vault.transit_key_of(message.epoch).await)?, known(vault.bal_key(message.bal).await)?)
        else {
            return Ok(Vec::new());
        };
        let seal = BalSeal::new(message.bal, key);
        let change = |b: Became| {
            let bound = crate::queue::aad(message.epoch, b.entry.id, "queue.recipient");
            let to = unsealed_address(&b.entry.recipient, b.entry.recipient_sealed.as_deref(), &transit, bound);
            // What is damaged holds up nothing: the recipient stays as traces show it.
            let address = to.map_or_else(|_| b.entry.recipient.clone(), |to| to.to_string());
            let said = Said { address, server: b.server, reply: b.reply };
            let (id, code) = (b.entry.id, b.code.map(|c| c.as_str().to_owned()));
            Ok(Change { id, state: b.state.as_str(), code, sealed: said.sealed(&seal, id)?, at: now.0 })
        };
        became.into_iter().map(change).collect()
    }

    /// What became of each recipient of a message in the actor's BAL, whoever filed the copy. Empty for what the BAL did not send, and for what was sent
    /// before `desk.deliveries_days`. `entry.unknown`.
    #[boxed]
    pub async fn deliveries(&self, actor: &Actor, message: Id) -> Result<Vec<DeliveryView>, Refusal> {
        self.stands(actor, message).await?;
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let look = move |tx: &mut dyn Tx| {
            let bal = seat.check(tx)?;
            Ok::<_, Fail>((bal, messages::summaries(tx, seat.bal, &[message])?.rows.remove(&message)))
        };
        let (shown, row) = self.0.store.read(look).await?;
        let row = row.ok_or(RefusalCode::EntryUnknown)?;
        let opened = MessageSummary::open(&seal, &row, &mut Vec::new()).map_err(|e| refuse::store(&e))?;
        self.note_reading(actor, (seat.bal, shown), Read::Listed(message, message, 1)).await?;
        let Some(SentAs(mid)) = self.sent_under(&opened) else { return Ok(Vec::new()) };
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            Ok::<_, Fail>(rows::of_messages(tx, seat.bal, &[mid.to_vec()], MOST)?)
        };
        let found = self.0.store.read(look).await?;
        Ok(found.iter().filter_map(|d| view(&seal, d)).collect())
    }

    /// Under which Message-ID a message went, if it went at all; none without one.
    pub(super) fn sent_under(&self, message: &MessageSummary) -> Option<SentAs> {
        let headers = [message.summary.header.as_slice(), message.prefix.as_slice()];
        headers.into_iter().find_map(|h| self.message_id_digest(h)).map(SentAs)
    }

    /// What finds the recipients of a message that the actor may see; none without a Message-ID. Nothing of the message is shown by it. `entry.unknown`.
    #[boxed]
    pub async fn sent_as(&self, actor: &Actor, message: Id) -> Result<Option<SentAs>, Refusal> {
        self.stands(actor, message).await?;
        let seat = self.seat(actor)?;
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            Ok::<_, Fail>(messages::summaries(tx, seat.bal, &[message])?.rows.remove(&message))
        };
        let row = self.0.store.read(look).await?.ok_or(RefusalCode::EntryUnknown)?;
        let seal = self.bal_seal(seat.bal).await?;
        let opened = MessageSummary::open(&seal, &row, &mut Vec::new()).map_err(|e| refuse::store(&e))?;
        Ok(self.sent_under(&opened))
    }

    /// How far what the actor's BAL sent under these Message-IDs came; absent where it sent nothing.
    #[boxed]
    pub async fn how_far(&self, actor: &Actor, sent: &[SentAs]) -> Result<HashMap<SentAs, Followed>, Refusal> {
        let seat = self.seat(actor)?;
        let mids: Vec<Vec<u8>> = sent.iter().map(|SentAs(mid)| mid.to_vec()).collect();
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            Ok::<_, Fail>(rows::counts(tx, seat.bal, &mids)?)
        };
        let mut out: HashMap<SentAs, Followed> = HashMap::new();
        for rows::Count { mid, state, recipients, at } in self.0.store.read(look).await? {
            // What a later program wrote is shown by none of our words.
            let state = DeliveryState::ALL.into_iter().find(|s| s.as_str() == state);
            if let (Some(state), Ok(mid)) = (state, <[u8; 16]>::try_from(mid)) {
                let recipients = usize::try_from(recipients).unwrap_or_default();
                out.entry(SentAs(mid)).or_default().count(state, recipients, at);
            }
        }
        Ok(out)
    }

    /// Forgets what was sent before `desk.deliveries_days`. Part of housekeeping; how many.
    pub(crate) async fn forget_deliveries(&self) -> Result<u64, Refusal> {
        let before = self.now().0 - i64::from(self.0.config.desk.deliveries_days) * 86_400_000;
        let forgotten = self.0.store.write(move |tx| rows::forget(tx, before, SLICE)).await;
        forgotten.map_err(|e: StoreError| refuse::store(&e))
    }
}

/// A delivery as it is shown. One that cannot be opened, or is of a later program, is told in the log and left out.
fn view(seal: &BalSeal, d: &Delivery) -> Option<DeliveryView> {
    let state = DeliveryState::ALL.into_iter().find(|s| s.as_str() == d.state);
    let said = seal.open(d.id, FIELD, &d.sealed).ok().and_then(|json| serde_json::from_slice::<Said>(&json).ok());
    let (Some(state), Some(said)) = (state, said) else {
        tracing::error!(delivery = d.id, "a delivery cannot be read");
        return None;
    };
    let code = d.code.as_deref().and_then(|code| RefusalCode::ALL.iter().find(|c| c.as_str() == code)).copied();
    let Said { address, server, reply } = said;
    Some(DeliveryView { address, state, code, server, reply, sent: Timestamp(d.sent), at: Timestamp(d.at) })
}
