//! A group of lines in one transaction: each line in a part of its own, that is taken back when the line is wrong, or when nothing is to be changed.
//!
//! A dry run tells what the real one would: before a line it carries out again, in the transaction that is taken back, those earlier lines that the
//! line follows from (of the same person, with the same login, with the same address, of a BAL or ordinary).
use super::line::{Done, Given, carry};
use super::place;
use super::work::{Task, wrong};
use crate::Operator;
use crate::refuse::Fail;
use crate::rights::permit;
use sceau_domain::people_file::{PersonLine, read};
use sceau_domain::{BalKind, Refusal, RefusalCode, UseCase};
use sceau_store::imports::{self as rows, End, Line};
use sceau_store::{Id, StoreError, Tx, part, remembering};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Longest time that a group works before it commits: the embedded store has one writer, and mail waits behind it.
const LONGEST: Duration = Duration::from_millis(40);
/// Earlier lines of one person that a dry run carries out again; of somebody who stands on more lines, the first ones.
const EARLIER: i64 = 100;

/// What became of a group.
#[derive(Debug)]
pub(super) enum Grouped {
    /// So many lines are ended; a request need not wait any more.
    Ended(usize, Option<Id>),
    /// The import does not stand there any more.
    Elsewhere,
    /// Whoever started it may not go on: why.
    Stopped(String),
}

/// Why what a line wrote is taken back.
enum Back {
    Fail(Fail),
    /// A dry run: all went well.
    Dry(Box<Done>),
}
impl<T: Into<Fail>> From<T> for Back {
    fn from(fail: T) -> Self {
        Self::Fail(fail.into())
    }
}

/// Works on the first of these lines, which come after the one where the import stands.
pub(super) fn group(op: &Operator, tx: &mut dyn Tx, task: &Task, lines: &[Line]) -> Result<Grouped, Fail> {
    let id = task.import.id;
    if rows::stands_at(tx, id)? != Some(task.import.next_line) {
        return Ok(Grouped::Elsewhere);
    }
    // The importer's roles, the structure, its domains, rules and terms are the same for every line: they are looked up once a group.
    remembering(tx, |tx| judged(op, tx, task, lines))
}

fn judged(op: &Operator, tx: &mut dyn Tx, task: &Task, lines: &[Line]) -> Result<Grouped, Fail> {
    let id = task.import.id;
    match permit(tx, &task.actor, UseCase::ImportStart, place(&task.import)) {
        Err(Fail::No(refusal)) if refusal.code == RefusalCode::RightMissing => {
            return Ok(Grouped::Stopped(refusal.code.as_str().into()));
        }
        judged => judged?,
    }
    let (begun, now) = (Instant::now(), op.now().0);
    for (i, row) in lines.iter().enumerate() {
        let (end, ready) = one(op, tx, task, row)?;
        rows::end_line(tx, id, row.line, &end, now)?;
        // A request that need not wait is carried out before the next line looks.
        if ready.is_some() || begun.elapsed() > LONGEST {
            return Ok(Grouped::Ended(i + 1, ready));
        }
    }
    Ok(Grouped::Ended(lines.len(), None))
}

fn fields(task: &Task, row: &Line) -> Result<PersonLine, Refusal> {
    let fields: Vec<String> = serde_json::from_str(&row.text).map_err(|_| RefusalCode::CsvLine)?;
    read(&task.places, &fields)
}

fn one(op: &Operator, tx: &mut dyn Tx, task: &Task, row: &Line) -> Result<(End, Option<Id>), Fail> {
    // It could not be read when it came.
    if row.state == "wrong" {
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        let (sentence_fr, sentence_en) = (text(&row.sentence_fr), text(&row.sentence_en));
        let end = End { state: "wrong", code: text(&row.code), sentence_fr, sentence_en, login: None, result: None };
        return Ok((end, None));
    }
    let line = match fields(task, row) {
        Ok(line) => line,
        Err(refusal) => return Ok((wrong(&refusal), None)),
    };
    if let Some(first) = rows::repeats(tx, task.import.id, &row.key, row.line)? {
        let who = format!("{} {}", line.given_name, line.family_name);
        let refusal = Refusal::new(RefusalCode::ImportRepeated).with("limit", first).with("name", who);
        return Ok((wrong(&refusal), None));
    }
    let outcome = part(tx, |tx| {
        if !task.import.dry {
            return Ok(carry(op, tx, task, &line, None, &[])?);
        }
        let earlier = again(op, tx, task, row, &line)?;
        Err(Back::Dry(Box::new(carry(op, tx, task, &line, None, &earlier)?)))
    });
    match outcome {
        Ok(done) => Ok((done.end, done.ready)),
        Err(Back::Dry(done)) => Ok((done.end, None)),
        Err(Back::Fail(Fail::No(refusal))) if !is_ours(&refusal) => Ok((wrong(&refusal), None)),
        Err(Back::Fail(fail)) => Err(fail),
    }
}

/// Is it not the line's fault? Then it is tried again later.
fn is_ours(refusal: &Refusal) -> bool {
    matches!(refusal.code, RefusalCode::Unavailable | RefusalCode::StorageFull | RefusalCode::ShuttingDown)
}

/// Carries out again what a line of a dry run follows from; who has which BALs by that.
fn again(
    op: &Operator,
    tx: &mut dyn Tx,
    task: &Task,
    row: &Line,
    line: &PersonLine,
) -> Result<Vec<(String, BalKind)>, StoreError> {
    let id = task.import.id;
    let mut before = rows::of_person(tx, id, &line.who(), row.line, EARLIER)?;
    let mut others = Vec::new();
    if !line.login.is_empty() {
        others.extend(rows::by_login(tx, id, &line.login.to_ascii_lowercase())?);
    }
    if !line.address.is_empty() {
        others.extend(rows::by_address(tx, id, &line.address.to_lowercase())?);
    }
    if let Some(contact) = line.contact() {
        others.extend(rows::by_contact(tx, id, &contact, EARLIER)?);
    }
    for other in others {
        // With what made its person.
        let who = other.key.split('|').next().unwrap_or_default().to_owned();
        before.extend(rows::of_person(tx, id, &who, other.line, EARLIER)?);
        before.push(other);
    }
    let before: BTreeMap<i64, Line> = before.into_iter().map(|l| (l.line, l)).collect();
    let mut bals = Vec::new();
    for earlier in before.into_values() {
        let (Ok(line), Some(login)) = (fields(task, &earlier), earlier.login) else { continue };
        let given = Given { login, address: earlier.result };
        match part(tx, |tx| carry(op, tx, task, &line, Some(&given), &bals)) {
            Ok(done) => bals.extend(done.bal),
            Err(Fail::Store(e)) => return Err(e),
            // It would be refused now: it changed nothing for who comes after it.
            Err(Fail::No(_)) => {}
        }
    }
    Ok(bals)
}
