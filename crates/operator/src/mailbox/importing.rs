//! One import of mail at a time into a BAL: of two at once, each would find missing what the other one is bringing, and messages would be there twice.
//!
//! A program that imports says so by an annotation of the server ([`ENTRY`], RFC 5464) whose value is a word of its own and for how many seconds it is
//! to be believed (`WORD SECONDS`); it says it again as long as it goes on, and takes it away at its end. It is kept as a lease, so it counts on every
//! node. Under its word it goes on after a cut, from another session too; another program is refused and told whose import goes on.
use crate::refuse::Fail;
use crate::{Actor, Operator, Who};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Tx, access, leases};
use serde_json::json;

/// The annotation, of the server as a whole.
pub(super) const ENTRY: &str = "/shared/vendor/sceau/import";
/// Names of the leases; the BAL's id follows.
const LEASES: &str = "import:";
/// Longest time for which it is believed, seconds: one large message on a slow line.
const LONGEST: i64 = 4 * 3600;
/// Characters of a word.
const WORD: std::ops::RangeInclusive<usize> = 8..=64;

/// Who imports, as the lease names it.
struct Running<'a> {
    word: &'a str,
    session: &'a str,
    login: &'a str,
}

impl<'a> Running<'a> {
    fn read(owner: &'a str) -> Option<Self> {
        let mut parts = owner.splitn(3, ' ');
        Some(Self { word: parts.next()?, session: parts.next()?, login: parts.next()? })
    }
}

impl Operator {
    /// An import into the session's BAL begins, goes on, or (without a value) is over. What another session took is not given back. `import.running`,
    /// `right.missing`, `syntax.error`.
    pub(super) async fn importing(&self, actor: &Actor, value: Option<&[u8]>) -> Result<(), Refusal> {
        let seat = self.seat(actor)?.filing();
        let said = value.map(|v| read(v).ok_or(RefusalCode::SyntaxError)).transpose()?;
        let (name, session) = (format!("{LEASES}{}", seat.bal), actor.origin.session.clone());
        let now = self.now().0;
        let login = match &actor.who {
            Who::Person(person) => person.login.clone(),
            Who::Connector(_) | Who::System => return Err(RefusalCode::RightMissing.into()),
        };
        let record = self.record(actor, seat.bal, "mail.import");
        let say = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            access::lock(tx, seat.bal)?;
            let bal = seat.check(tx)?;
            let held = leases::holder(tx, &name, now)?;
            let running = held.as_ref().and_then(|(owner, _)| Running::read(owner));
            match (&said, running) {
                (Some((word, _)), Some(other)) if other.word != *word => {
                    let left = held.as_ref().map_or(0, |(_, until)| (until - now + 59_999) / 60_000);
                    let refusal = Refusal::new(RefusalCode::ImportRunning).with("name", other.login);
                    return Err(refusal.with("limit", left).into());
                }
                (Some((word, seconds)), running) => {
                    if running.is_none() {
                        leases::forget(tx, LEASES, now)?;
                        record.write(tx, &bal, &json!({ "on": true }))?;
                    }
                    leases::give(tx, &name, &format!("{word} {session} {login}"), now + seconds * 1000)?;
                }
                (None, Some(own)) if own.session == session => {
                    if let Some((owner, _)) = &held {
                        leases::release(tx, &name, owner)?;
                    }
                    record.write(tx, &bal, &json!({ "on": false }))?;
                }
                (None, _) => {}
            }
            Ok(())
        };
        Ok(self.0.store.write(say).await?)
    }
}

/// `WORD SECONDS`.
fn read(value: &[u8]) -> Option<(String, i64)> {
    let (word, seconds) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let good = WORD.contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let seconds = seconds.parse().ok().filter(|s| (1..=LONGEST).contains(s))?;
    good.then(|| (word.to_owned(), seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_import_says() {
        assert_eq!(read(b"0123456789abcdef 600"), Some(("0123456789abcdef".into(), 600)));
        for bad in
            ["", "0123456789abcdef", "court 600", "0123456789 abc 600", "0123456789abcdef 0", "0123456789abcdef 14401"]
        {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
    }
}
