//! Lists of compromised passwords: imported by the operator from a file, asked when a password is set (F042). Nothing is asked of anybody outside.
//!
//! The file: a SHA-1 in hexadecimal on each line, `:` and a count behind it or not, as public lists have them. Promises: it is read piece by piece, never
//! held whole; a list takes the place of the one before once it is whole; of each password the first eight octets of its digest are kept, which say nothing.
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::breached::{self as rows, List};
use sceau_store::{Id, StoreError, Tx};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Longest name of a source, characters.
const SOURCE: usize = 300;
/// Entries written in one transaction.
const SLICE: usize = 5_000;
/// Longest line that is looked at, octets: digest and count are 60 at most.
const LINE: usize = 200;
/// Digits of a SHA-1.
const DIGITS: usize = 40;

/// The list in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BreachedView {
    /// Where it comes from.
    pub source: String,
    /// Passwords in it.
    pub entries: i64,
    /// Lines that were no digest.
    pub skipped: i64,
    /// In force since.
    #[schema(value_type = i64)]
    pub imported: Timestamp,
    /// By whom: login.
    pub imported_by: String,
}

/// Reads lines as they come.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
    /// The line is too long: passed over to its end.
    over: bool,
    skipped: i64,
}

impl Lines {
    /// The keys of a piece.
    fn read(&mut self, piece: &[u8], keys: &mut Vec<i64>) {
        let mut pieces = piece.split(|b| *b == b'\n').peekable();
        while let Some(part) = pieces.next() {
            if self.rest.len() + part.len() > LINE {
                self.over = true;
                self.rest.clear();
            } else if !self.over {
                self.rest.extend_from_slice(part);
            }
            if pieces.peek().is_some() {
                self.end(keys);
            }
        }
    }
    /// A line is over.
    fn end(&mut self, keys: &mut Vec<i64>) {
        let line = std::mem::take(&mut self.rest);
        let line = line.trim_ascii();
        match key(line) {
            Some(key) if !self.over => keys.push(key),
            _ if line.is_empty() && !self.over => {}
            _ => self.skipped += 1,
        }
        self.over = false;
    }
}

/// What a line says: the first eight octets of its digest.
fn key(line: &[u8]) -> Option<i64> {
    let (digest, rest) = line.split_at_checked(DIGITS)?;
    let counted = rest.is_empty() || rest.strip_prefix(b":").is_some_and(|n| n.iter().all(u8::is_ascii_digit));
    let mut octets = [0; DIGITS / 2];
    hex::decode_to_slice(digest, &mut octets).ok().filter(|()| counted)?;
    Some(rows::prefix(&octets))
}

/// An import under way. Dropped without [`BreachedIntake::finish`], it leaves what housekeeping removes.
#[derive(Debug)]
pub struct BreachedIntake {
    operator: Operator,
    actor: Actor,
    source: String,
    generation: Id,
    bytes: u64,
    lines: Lines,
    waiting: Vec<i64>,
    written: bool,
}

impl Operator {
    /// Begins to import a list. `right.missing`, `admin.invalid`.
    #[boxed]
    pub async fn import_breached(&self, actor: &Actor, source: &str) -> Result<BreachedIntake, Refusal> {
        self.require(actor, UseCase::BreachedImport, On::Operator).await?;
        let source = plain::line(source, "source", SOURCE)?;
        let list = List {
            generation: self.0.store.new_id(),
            source: source.clone(),
            entries: 0,
            changed: self.now().0,
            imported_by: By::actor(actor).name,
        };
        let generation = list.generation;
        let begun = self.0.store.write::<_, StoreError, _>(move |tx| rows::begin(tx, &list)).await;
        begun.map_err(|e| refuse::store(&e))?;
        let (operator, actor, lines) = (self.clone(), actor.clone(), Lines::default());
        let waiting = Vec::with_capacity(SLICE);
        Ok(BreachedIntake { operator, actor, source, generation, bytes: 0, lines, waiting, written: false })
    }
}

impl BreachedIntake {
    /// Takes a piece of the file. `message.too_big`: the import is to be given up then.
    #[boxed]
    pub async fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        let most = self.operator.config().limits.reference_bytes;
        self.bytes += piece.len() as u64;
        if self.bytes > most {
            return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", most));
        }
        self.lines.read(piece, &mut self.waiting);
        if self.waiting.len() >= SLICE { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), Refusal> {
        let keys = std::mem::replace(&mut self.waiting, Vec::with_capacity(SLICE));
        if keys.is_empty() {
            return Ok(());
        }
        let (generation, now) = (self.generation, self.operator.now().0);
        let written = self.operator.0.store.write::<_, StoreError, _>(move |tx| rows::add(tx, generation, &keys, now));
        // Somebody thought it dead.
        if !written.await.map_err(|e| refuse::store(&e))? {
            return Err(RefusalCode::Unavailable.into());
        }
        self.written = true;
        Ok(())
    }

    /// The file is over: this is the list from now on. `csv.empty`: nothing in it is a digest; the list before stays then.
    #[boxed]
    pub async fn finish(mut self) -> Result<BreachedView, Refusal> {
        let done = self.complete().await;
        if done.is_err() {
            self.give_up().await;
        }
        done
    }

    async fn complete(&mut self) -> Result<BreachedView, Refusal> {
        self.lines.end(&mut self.waiting);
        self.write().await?;
        if !self.written {
            return Err(RefusalCode::CsvEmpty.into());
        }
        let (operator, actor, generation) = (self.operator.clone(), self.actor.clone(), self.generation);
        let said = json!({ "source": self.source, "skipped": self.lines.skipped });
        let fact = operator.fact("breached.imported", &By::actor(&actor), None, "ok", said);
        let now = operator.now().0;
        let put = move |tx: &mut dyn Tx| {
            // Hours may have gone by.
            permit(tx, &actor, UseCase::BreachedImport, On::Operator)?;
            if !rows::put_in_force(tx, generation, now)? {
                return Err(Fail::from(RefusalCode::Unavailable));
            }
            let list = rows::in_force(tx)?.ok_or(RefusalCode::Unavailable)?;
            let mut fact = fact.clone();
            fact.adding("entries", list.entries.into());
            fact.write(tx)?;
            Ok(list)
        };
        let list = operator.0.store.write(put).await?;
        operator.clear_alarm("breached.absent", "").await;
        let List { source, entries, changed, imported_by, .. } = list;
        Ok(BreachedView { source, entries, skipped: self.lines.skipped, imported: Timestamp(changed), imported_by })
    }

    /// Gives the import up; housekeeping removes what was written of it.
    #[boxed]
    pub async fn give_up(self) {
        let generation = self.generation;
        let given = self.operator.0.store.write::<_, StoreError, _>(move |tx| rows::give_up(tx, generation)).await;
        if let Err(e) = given {
            tracing::warn!(code = refuse::store(&e).code.as_str(), "what is left of an import is removed later");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_identity::password::breach_key;

    const PASSWORD: &str = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";

    fn all(pieces: &[&[u8]]) -> (Vec<i64>, i64) {
        let (mut lines, mut keys) = (Lines::default(), Vec::new());
        pieces.iter().for_each(|p| lines.read(p, &mut keys));
        lines.end(&mut keys);
        (keys, lines.skipped)
    }

    #[test]
    fn lists_are_read_as_they_come() {
        let key = breach_key("password");
        let (a, b) = PASSWORD.split_at(11);
        for pieces in [
            &[format!("{PASSWORD}:9545824\r\n").as_bytes()][..],
            &[a.as_bytes(), b.as_bytes()],
            &[PASSWORD.to_lowercase().as_bytes(), b"\n\n"],
        ] {
            assert_eq!(all(pieces), (vec![key], 0));
        }
        let long = "x".repeat(1000);
        for bad in [
            &PASSWORD[1..],
            &format!("{PASSWORD}0"),
            &format!("{PASSWORD}:x"),
            &long,
            &format!("{PASSWORD}:{}", "1".repeat(200)),
        ] {
            // The line behind it is read all the same.
            let text = format!("{bad}\n{PASSWORD}\n");
            assert_eq!(all(&[text.as_bytes()]), (vec![key], 1), "{bad}");
            let (first, second) = text.split_at(text.len() / 2);
            assert_eq!(all(&[first.as_bytes(), second.as_bytes()]), (vec![key], 1), "{bad}");
        }
    }
}
