//! Who sent a message: what this operator verified, apart from what the message says of itself; and whether somebody writes for the first time.
//!
//! Promise: of a BAL of ours is shown what our own directory publishes of it and no more: of whoever is on the liste rouge neither profession nor place.
use crate::accounts::publication;
use crate::boxed;
use crate::desk::message::Reading;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{Address, BalKind, Refusal};
use sceau_message::header;
use sceau_message::trace_field::Passage;
use sceau_store::{access, accounts, rates};
use sceau_trust::Dn;
use std::time::Duration;

/// Longest that is looked for other letters; what is not known by then is not said.
const PATIENCE: Duration = Duration::from_millis(300);
/// What the directory says of a sender, in this order.
const SHOWN: [&str; 4] = ["profession", "speciality", "service", "structure"];

/// What is known of who sent a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A BAL of ours, and no other operator handed it over: only whoever sits there sends as it.
    Own {
        /// Its name.
        label: String,
        /// Its kind.
        kind: BalKind,
        /// Who holds it, when one person does.
        holder: Option<String>,
        /// RPPS or ADELI of the holder, when the identity was certified.
        national_id: Option<String>,
        /// Profession, speciality, service, structure, as far as the directory publishes them.
        about: Vec<String>,
    },
    /// Another operator, by its certificate: it answers for who sends there.
    Operator {
        /// The organization that the certificate names.
        name: String,
        /// DN of the certificate.
        dn: String,
    },
    /// Nobody else: it was written or filed here, and From is this BAL's own address.
    Here,
    /// Nothing: somebody filed it here, it did not come in by a door.
    Unknown,
}

impl Operator {
    /// What is known of who sent a message, and the one address of its From.
    pub(super) async fn sender(
        &self,
        actor: &Actor,
        header: &[u8],
        passage: Option<&Passage>,
    ) -> Result<(Sender, Option<Address>), Refusal> {
        let from = header::origin(header).ok().map(|origin| origin.from);
        let Some(passage) = passage else {
            let own = actor.bal.as_ref().is_some_and(|bal| from.as_ref() == Some(&bal.address));
            return Ok((if own { Sender::Here } else { Sender::Unknown }, from));
        };
        // What another operator handed over is what that one answers for, whatever From says: a domain may be shared with it, or From not judged.
        let peers = passage.peer.as_deref().and_then(Dn::parse).is_some_and(|dn| {
            let list = self.0.trust.white_list();
            list.is_some_and(|list| list.knows(&dn))
        });
        if let Some(key) = from.as_ref().filter(|_| !peers).map(Address::key) {
            let now = self.now();
            let found = self.0.store.read::<_, Fail, _>(move |tx| {
                let Some(bal) = accounts::bal_by_address(tx, &key)? else { return Ok(None) };
                let holder = access::holder(tx, bal.id)?;
                let person = match holder {
                    Some(holder) => accounts::person_by_id(tx, holder.person_id)?,
                    None => None,
                };
                let published = publication::one(tx, person.as_ref(), bal.clone(), false, now)?;
                Ok(Some((bal, person, published)))
            });
            if let Some((bal, person, published)) = found.await?
                && let Ok(kind) = bal.kind.parse()
            {
                let certified = person.as_ref().filter(|p| p.identity != "none");
                let national_id = certified.and_then(|p| p.national_id.clone());
                let holder = person.map(|p| p.name);
                let field = |name: &str| published.fields.iter().find(|f| f.name == name && f.operator)?.value.clone();
                let about = SHOWN.into_iter().filter_map(field).collect();
                return Ok((Sender::Own { label: bal.label, kind, holder, national_id, about }, from));
            }
        }
        let Some(dn) = passage.peer.clone() else { return Ok((Sender::Unknown, from)) };
        let read = Dn::parse(&dn);
        let name = read.as_ref().and_then(|dn| dn.organization().or_else(|| dn.common_name()));
        Ok((Sender::Operator { name: name.unwrap_or_else(|| dn.clone()), dn }, from))
    }

    /// Is the sender of this message named in no other message of the BAL, and was never written to from it? No where that is not known in a moment, for
    /// what somebody filed, and for those from whom something is kept: what they do not see is not told them by this either.
    #[boxed]
    pub async fn first_contact(&self, actor: &Actor, reading: &Reading) -> bool {
        let ([from], Some(bal), true) = (reading.from.as_slice(), &actor.bal, reading.passage.is_some()) else {
            return false;
        };
        let Ok(address) = from.address.parse::<Address>() else { return false };
        if address == bal.address || self.kept_from(actor).is_some() {
            return false;
        }
        let (id, tag) = (bal.id, self.0.store.vault().tag("correspondent", address.key().as_bytes())[..16].to_vec());
        let wrote = self.0.store.read::<_, Fail, _>(move |tx| Ok(rates::wrote_to(tx, id, &tag)?)).await;
        if !matches!(wrote, Ok(false)) {
            return false;
        }
        let others = tokio::time::timeout(PATIENCE, self.others_name(id, &address, reading.message)).await;
        matches!(others, Ok(Ok(Some(false))))
    }
}
