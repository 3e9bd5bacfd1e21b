//! Addresses that are typed, judged without a trace: may this BAL write there?
//!
//! Promises: by the rules that sending asks ([`crate::mail::submission`]), each recipient at its place among the others; whoever tries addresses out
//! is counted as at every door, where the caller says that a person asked.
use crate::boxed;
use crate::{Actor, Operator};
use sceau_domain::{Address, Limits, Refusal, RefusalCode};
use sceau_message::letter::{Party, Typed, typed};

/// Longest field of recipients, bytes.
pub(super) const FIELD: usize = 32 << 10;
/// Most addresses that are read of a field: far more than any message may have.
const READ: usize = 1_000;

/// What is said of an address that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The name before it; may be empty.
    pub name: String,
    /// What was typed for the address.
    pub text: String,
    /// Why it cannot receive.
    pub why: Option<Refusal>,
}

impl Operator {
    /// The limits of a letter of the actor's BAL.
    #[boxed]
    pub async fn letter_limits(&self, actor: &Actor) -> Result<Limits, Refusal> {
        self.limits_of_actor(actor).await
    }

    /// Judges what stands in the fields of recipients, in order; one that stands twice is judged once. `bytes`: of the message. `counted`: somebody
    /// asked, not a page that saves by itself. `right.missing`.
    #[boxed]
    pub async fn look_at_recipients(
        &self,
        actor: &Actor,
        fields: &[&str],
        bytes: u64,
        counted: bool,
    ) -> Result<Vec<Verdict>, Refusal> {
        let seat = self.seat(actor)?.sending();
        self.0.store.read::<_, crate::refuse::Fail, _>(move |tx| seat.check(tx)).await?;
        let (mut verdicts, mut seen): (Vec<Verdict>, Vec<Address>) = (Vec::new(), Vec::new());
        for Typed { name, text, address } in fields.iter().flat_map(|field| typed(field, READ).0) {
            let why = match address {
                None => Some(Refusal::new(RefusalCode::RcptSyntax).with("address", &text)),
                Some(address) if seen.contains(&address) => continue,
                Some(address) => {
                    let judged = self.judge_addressee(actor, &address, seen.len(), Some(bytes)).await;
                    seen.push(address);
                    judged.err()
                }
            };
            if let Some(refusal) = why.as_ref().filter(|_| counted) {
                // Pages are not slowed: whoever tries many is told to the operator.
                let _ = self.note_refused(actor, refusal);
            }
            verdicts.push(Verdict { name, text, why });
        }
        Ok(verdicts)
    }
}

/// The recipients of a field. `rcpt.syntax` for what is no address.
pub(super) fn parties(field: &str) -> Result<Vec<Party>, Refusal> {
    let one = |Typed { name, text, address }: Typed| {
        address.map(|a| (name, a)).ok_or_else(|| Refusal::new(RefusalCode::RcptSyntax).with("address", text))
    };
    typed(field, READ).0.into_iter().map(one).collect()
}

/// Whoever of a field has an address: of a draft, what is half typed is left out.
pub(super) fn readable(field: &str) -> Vec<Party> {
    typed(field, READ).0.into_iter().filter_map(|one| one.address.map(|address| (one.name, address))).collect()
}
