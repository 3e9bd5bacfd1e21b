//! The file of checkpoints outside the database: appended, made durable, never rewritten.
//!
//! A crash may leave its last line cut, or keep the last line back. The next start ends a cut line and appends what is lacking, so that a cut
//! line is always the beginning of the next one. Each node has its own file.
use super::Notary;
use super::fold::root_at;
use super::reader::shown;
use sceau_notary::Checkpoint;
use sceau_notary::audit::Line;
use sceau_notary::checkpoint::LONGEST_LINE;
use sceau_store::StoreError;
use sceau_store::notary as rows;
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Lines appended again at a start at most; more are appended at the next rounds.
const AGAIN: i64 = 10_000;

/// The end of a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tail {
    /// The last whole line that is a checkpoint.
    last: Option<Checkpoint>,
    /// The file ends within a line.
    cut: bool,
    /// There is something in it.
    begun: bool,
}

fn tail(path: &Path) -> std::io::Result<Tail> {
    let mut file = match File::open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Tail::default()),
        other => other?,
    };
    let length = file.seek(SeekFrom::End(0))?;
    // Room for a long line that is none, and the line before it.
    let from = length.saturating_sub(4 * LONGEST_LINE as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(4 * LONGEST_LINE as u64).read_to_end(&mut bytes)?;
    let cut = bytes.last().is_some_and(|b| *b != b'\n');
    let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    // What follows the last end of line is empty or cut.
    lines.pop();
    let last = lines.iter().rev().find_map(|line| Checkpoint::from_line(line));
    Ok(Tail { last, cut, begun: length > 0 })
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    sceau_store::append(path, 0o640, text)
}

/// The lines of such a file, as many as there are now; what is appended meanwhile is not read.
pub fn lines(path: &Path) -> std::io::Result<impl Iterator<Item = Line> + use<>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::new(file.take(length));
    let mut number = 0;
    Ok(std::iter::from_fn(move || {
        let mut text = Vec::new();
        let limit = LONGEST_LINE as u64 + 2;
        // A file that cannot be read any more ends here: what it should hold is then found lacking.
        if reader.by_ref().take(limit).read_until(b'\n', &mut text).ok()? == 0 {
            return None;
        }
        number += 1;
        let ended = text.last() == Some(&b'\n');
        if ended {
            text.pop();
        } else if text.len() as u64 == limit {
            skip_line(&mut reader);
            return Some(Line { number, text, ended: true });
        }
        Some(Line { number, text, ended })
    }))
}

fn skip_line(reader: &mut impl BufRead) {
    while let Ok(bytes) = reader.fill_buf() {
        let end = bytes.iter().position(|b| *b == b'\n');
        let used = end.map_or(bytes.len(), |i| i + 1);
        reader.consume(used);
        if end.is_some() || used == 0 {
            return;
        }
    }
}

impl Notary {
    /// Appends checkpoints to the file, durably. False (and an alarm) when it cannot be written: they are appended later.
    pub(super) async fn append_outside(&self, checkpoints: &[Checkpoint]) -> bool {
        let text: String = checkpoints.iter().map(Checkpoint::line).collect();
        self.write_outside(text).await
    }

    async fn write_outside(&self, text: String) -> bool {
        let path = self.0.settings.checkpoints.clone();
        let shown = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || append(&path, &text)).await;
        let operator = &self.0.operator;
        match written {
            Ok(Ok(())) => true,
            Ok(Err(e)) => {
                let cause = e.kind().to_string();
                operator.raise_alarm("notary.outside", "", true, json!({ "name": shown, "cause": cause })).await;
                false
            }
            Err(_) => false,
        }
    }

    /// Compares the end of the file with the checkpoints of this node in the database, ends a line that was cut and appends what is lacking.
    /// False when it could not be written. A file that knows more than the database raises an alarm: the database was rolled back.
    pub(super) async fn mend(&self) -> Result<bool, StoreError> {
        let path = self.0.settings.checkpoints.clone();
        let found = tokio::task::spawn_blocking(move || tail(&path)).await;
        let Ok(Ok(found)) = found else { return Ok(self.write_outside(String::new()).await) };
        let keeper = i64::from(self.store().node());
        // A restore voids what was signed before it: the file goes on from where it went back to.
        let restores = self.restores().await?;
        let voiding = |c: &Checkpoint| restores.iter().filter(|r| r.voids(c.size, c.at)).max_by_key(|r| r.at);
        let restored = found.last.as_ref().and_then(voiding);
        let known = restored.map(|r| r.number).or(found.last.as_ref().map(|c| c.size)).unwrap_or(0);
        let (state, root, newest) = self
            .store()
            .read(move |tx| Ok::<_, StoreError>((rows::state(tx)?, root_at(tx, known)?, rows::newest(tx)?)))
            .await?;
        let agrees = match (restored, &found.last) {
            (Some(r), _) => root == Some(r.hash),
            (None, Some(c)) => root == Some(c.root),
            (None, None) => true,
        };
        let known = i64::try_from(known).unwrap_or(i64::MAX);
        let mut lacking: Vec<Checkpoint> = Vec::new();
        if !agrees {
            let data = json!({ "name": self.0.settings.checkpoints.display().to_string(),
                "limit": known.to_string(), "count": state.size.to_string() });
            self.0.operator.raise_alarm("notary.rollback", "", true, data).await;
            // The history goes on beside the one that the file knows: both are on record.
            lacking.extend(newest.filter(|c| c.keeper == keeper).map(shown));
        } else if found.begun {
            let rows = self.store().read(move |tx| rows::kept_by(tx, keeper, known, AGAIN)).await?;
            lacking.extend(rows.into_iter().map(shown));
        } else {
            // A new file begins with the present; what came before is signed by it.
            let own = newest.filter(|c| c.keeper == keeper);
            if let Some(own) = own {
                let data = json!({ "name": self.0.settings.checkpoints.display().to_string() });
                self.0.operator.raise_alarm("notary.outside_new", "", false, data).await;
                lacking.push(shown(own));
            }
        }
        let full = lacking.len() as i64 == AGAIN;
        let ends = if found.cut { "\n" } else { "" };
        let text = std::iter::once(ends.to_owned()).chain(lacking.iter().map(Checkpoint::line)).collect::<String>();
        if text.is_empty() {
            return Ok(true);
        }
        Ok(self.write_outside(text).await && !full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint { origin: "A".into(), size, root: [1; 32], at: 5, key: "k".into(), signature: [2; 64] }
    }

    #[test]
    fn the_end_of_a_file_is_found_whatever_a_crash_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/checkpoints.jsonl");
        assert_eq!(tail(&path).unwrap(), Tail::default());
        append(&path, &checkpoint(1).line()).unwrap();
        append(&path, &checkpoint(2).line()).unwrap();
        assert_eq!(tail(&path).unwrap(), Tail { last: Some(checkpoint(2)), cut: false, begun: true });
        let whole = checkpoint(3).line();
        append(&path, &whole[..40]).unwrap();
        assert_eq!(tail(&path).unwrap(), Tail { last: Some(checkpoint(2)), cut: true, begun: true });
        append(&path, &format!("\n{whole}")).unwrap();
        assert_eq!(tail(&path).unwrap(), Tail { last: Some(checkpoint(3)), cut: false, begun: true });
        let read: Vec<Line> = lines(&path).unwrap().collect();
        assert_eq!(read.iter().map(|l| (l.number, l.text.len(), l.ended)).collect::<Vec<_>>().len(), 4);
        assert!(read[3].text.starts_with(&read[2].text) && read[2].ended);
    }

    #[test]
    fn lines_of_any_length_are_read_in_bounded_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, format!("{}\nshort\nend", "x".repeat(100_000))).unwrap();
        let read: Vec<Line> = lines(&path).unwrap().collect();
        let seen: Vec<(usize, bool)> = read.iter().map(|l| (l.text.len(), l.ended)).collect();
        assert_eq!(seen, [(LONGEST_LINE + 2, true), (5, true), (3, false)]);
    }
}
