//! From a recording to what a power cut leaves.
use crate::Op;
use std::collections::{BTreeMap, HashSet};
use std::io::Result;
use std::path::Path;

/// What a disk tears a write into, bytes.
const SECTOR: usize = 512;

/// A seeded die (splitmix64): the same seed makes the same cut.
#[derive(Debug, Clone)]
pub struct Die(u64);

impl Die {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `n` (which is at least 1).
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }
}

/// How much of what was not synchronised survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    Nothing,
    /// Everything: the process died, the machine did not.
    Everything,
    /// The first so many operations of each file, the last of them torn.
    Prefix,
    /// Any of them, in any order, each whole, lost or torn; a lost one may have left its length.
    Any,
}

impl Cut {
    /// A kind by the throw of a die.
    pub fn thrown(die: &mut Die) -> Self {
        [Self::Nothing, Self::Everything, Self::Prefix, Self::Any, Self::Any][die.below(5)]
    }
}

/// The state of the disk while a recording is played.
#[derive(Debug)]
pub struct Replay {
    /// By a number that stays when the name changes.
    files: BTreeMap<u64, File>,
    /// Names as the program sees them, and as the disk surely has them.
    names: BTreeMap<String, u64>,
    safe_names: BTreeMap<String, u64>,
    /// Changes of names that are not safe yet, in order.
    pending: Vec<Name>,
    next: u64,
    acknowledged: HashSet<u64>,
    /// Decides what a synchronisation that failed left.
    die: Die,
    /// The disk lies: synchronising does nothing. To show that losses are seen.
    pub lies: bool,
}

impl Default for Replay {
    /// An empty folder.
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            safe_names: BTreeMap::new(),
            pending: Vec::new(),
            next: 0,
            acknowledged: HashSet::new(),
            die: Die::new(0),
            lies: false,
        }
    }
}

/// Number of every folder: it has no content.
const FOLDER: u64 = 0;

#[derive(Debug, Default, Clone)]
struct File {
    safe: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, std::sync::Arc<[u8]>),
    Length(u64),
}

#[derive(Debug, Clone)]
enum Name {
    Is(String, u64),
    Gone(String),
}

impl Name {
    fn folder(&self) -> &str {
        let (Self::Is(name, _) | Self::Gone(name)) = self;
        parent(name)
    }
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Is(name, file) => drop(names.insert(name.clone(), *file)),
            Self::Gone(name) => drop(names.remove(name)),
        }
    }
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn apply(bytes: &mut Vec<u8>, change: &Change, keep: std::ops::Range<usize>) {
    match change {
        Change::Write(offset, data) => {
            let (part, at) = (&data[keep.clone()], *offset as usize + keep.start);
            // The length may be there without the bytes: zeros.
            let end = *offset as usize + if keep.is_empty() { data.len() } else { keep.end };
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[at..at + part.len()].copy_from_slice(part);
        }
        Change::Length(length) => bytes.resize(*length as usize, 0),
    }
}

fn whole(change: &Change) -> std::ops::Range<usize> {
    match change {
        Change::Write(_, data) => 0..data.len(),
        Change::Length(_) => 0..0,
    }
}

/// A part of a write: some of its sectors; one time in four the part ends within a sector.
fn torn(change: &Change, die: &mut Die) -> std::ops::Range<usize> {
    let all = whole(change);
    let sectors = all.end.div_ceil(SECTOR);
    if sectors == 0 {
        return all;
    }
    let (a, b) = (die.below(sectors + 1) * SECTOR, die.below(sectors + 1) * SECTOR);
    let within = if die.below(4) == 0 { die.below(SECTOR) } else { 0 };
    a.min(b).min(all.end)..(a.max(b) + within).min(all.end)
}

impl Replay {
    /// Begins with a folder as it is when the recording begins: all of it is safe.
    pub fn of(folder: &Path) -> Result<Self> {
        let mut replay = Self::default();
        replay.walk(folder, "")?;
        replay.safe_names = replay.names.clone();
        replay.pending.clear();
        Ok(replay)
    }
    fn walk(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.walk(&entry.path(), &format!("{name}/"))?;
            } else if !volatile(&name) {
                let file = self.file(&name);
                file.safe = std::fs::read(entry.path())?;
            }
        }
        Ok(())
    }
    fn file(&mut self, name: &str) -> &mut File {
        let number = match self.names.get(name) {
            Some(number) => *number,
            None => {
                self.next += 1;
                self.names.insert(name.to_owned(), self.next);
                self.pending.push(Name::Is(name.to_owned(), self.next));
                self.next
            }
        };
        self.files.entry(number).or_default()
    }
    /// Acts that were acknowledged so far.
    pub fn acknowledged(&self) -> &HashSet<u64> {
        &self.acknowledged
    }
    /// Plays one operation.
    pub fn play(&mut self, op: &Op) {
        match op {
            Op::Folder(name) => {
                if self.names.insert(name.clone(), FOLDER).is_none() {
                    self.pending.push(Name::Is(name.clone(), FOLDER));
                }
            }
            Op::SyncFailed(name) => {
                for change in std::mem::take(&mut self.file(name).pending) {
                    let (die, whole) = (&mut self.die, whole(&change));
                    let kept = match die.below(3) {
                        0 => continue,
                        1 => torn(&change, die),
                        _ => whole,
                    };
                    apply(&mut self.file(name).safe, &change, kept);
                }
            }
            Op::Create(name) => drop(self.file(name).pending.is_empty()),
            Op::Write(name, offset, bytes) => self.file(name).pending.push(Change::Write(*offset, bytes.clone())),
            Op::Truncate(name, length) => self.file(name).pending.push(Change::Length(*length)),
            Op::Sync(name) if !self.lies => {
                let file = self.file(name);
                for change in std::mem::take(&mut file.pending) {
                    apply(&mut file.safe, &change, whole(&change));
                }
            }
            Op::SyncFolder(folder) if !self.lies => {
                let (safe, rest): (Vec<Name>, _) =
                    std::mem::take(&mut self.pending).into_iter().partition(|n| n.folder() == folder);
                safe.iter().for_each(|n| n.apply(&mut self.safe_names));
                self.pending = rest;
            }
            Op::Sync(_) | Op::SyncFolder(_) => {}
            Op::Rename(from, to) => {
                if let Some(number) = self.names.remove(from) {
                    self.names.insert(to.clone(), number);
                    self.pending.push(Name::Is(to.clone(), number));
                    self.pending.push(Name::Gone(from.clone()));
                }
            }
            Op::Remove(name) => {
                self.names.remove(name);
                self.pending.push(Name::Gone(name.clone()));
            }
            Op::Acknowledged(number) => drop(self.acknowledged.insert(*number)),
        }
    }
    /// Writes the folder as a cut at this instant could have left it. `into` is created; what it held before stays.
    pub fn cut(&self, into: &Path, cut: Cut, die: &mut Die) -> Result<()> {
        let mut names = self.safe_names.clone();
        // Names become safe folder by folder, in their order there.
        let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
        for name in &self.pending {
            *kept.entry(name.folder()).or_default() += 1;
        }
        for n in kept.values_mut() {
            *n = match cut {
                Cut::Nothing => 0,
                Cut::Everything => *n,
                Cut::Prefix | Cut::Any => die.below(*n + 1),
            };
        }
        for name in &self.pending {
            if let Some(n @ 1..) = kept.get_mut(name.folder()) {
                *n -= 1;
                name.apply(&mut names);
            }
        }
        std::fs::create_dir_all(into)?;
        for (name, number) in names.iter().filter(|(name, _)| self.reachable(name, &names)) {
            let path = into.join(name);
            if *number == FOLDER {
                std::fs::create_dir_all(&path)?;
                continue;
            }
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let bytes = self.files.get(number).map(|f| surviving(f, cut, die)).unwrap_or_default();
            std::fs::write(&path, bytes)?;
        }
        Ok(())
    }
    /// Are all the folders above it there? Those whose making was not seen are.
    fn reachable(&self, name: &str, names: &BTreeMap<String, u64>) -> bool {
        let mut above = parent(name);
        while !above.is_empty() {
            if self.names.contains_key(above) && !names.contains_key(above) {
                return false;
            }
            above = parent(above);
        }
        true
    }
}

fn surviving(file: &File, cut: Cut, die: &mut Die) -> Vec<u8> {
    let mut bytes = file.safe.clone();
    let n = file.pending.len();
    match cut {
        Cut::Nothing => {}
        Cut::Everything => file.pending.iter().for_each(|c| apply(&mut bytes, c, whole(c))),
        Cut::Prefix => {
            let kept = die.below(n + 1);
            file.pending[..kept].iter().for_each(|c| apply(&mut bytes, c, whole(c)));
            if let Some(last) = file.pending.get(kept) {
                apply(&mut bytes, last, torn(last, die));
            }
        }
        Cut::Any => {
            for change in &file.pending {
                match die.below(5) {
                    0 => {}
                    2 => apply(&mut bytes, change, 0..0),
                    1 => apply(&mut bytes, change, torn(change, die)),
                    _ => apply(&mut bytes, change, whole(change)),
                }
            }
        }
    }
    bytes
}

/// Shared memory beside a database and lock files say nothing about what is kept.
pub(crate) fn volatile(name: &str) -> bool {
    name.ends_with("-shm") || name.ends_with(".lock")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn write(name: &str, offset: u64, bytes: &[u8]) -> Op {
        Op::Write(name.into(), offset, Arc::from(bytes))
    }
    fn left(replay: &Replay, cut: Cut, seed: u64) -> BTreeMap<String, Vec<u8>> {
        let folder = std::env::temp_dir().join(format!("sceau-replay-{}-{seed}-{cut:?}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        replay.cut(&folder, cut, &mut Die::new(seed)).unwrap();
        let mut found = Replay::of(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let names = std::mem::take(&mut found.names);
        names.into_iter().map(|(name, number)| (name, found.files[&number].safe.clone())).collect()
    }

    #[test]
    fn what_was_synchronised_survives_every_cut_and_nothing_else_must() {
        let mut r = Replay::default();
        for op in [write("d/a", 0, b"safe"), Op::Sync("d/a".into()), Op::SyncFolder("d".into()), write("d/a", 4, b"+")]
        {
            r.play(&op);
        }
        for seed in 0..50 {
            for cut in [Cut::Nothing, Cut::Everything, Cut::Prefix, Cut::Any] {
                let files = left(&r, cut, seed);
                assert!(files["d/a"].starts_with(b"safe"), "{cut:?}");
            }
        }
        assert_eq!(left(&r, Cut::Nothing, 0)["d/a"], b"safe");
        assert_eq!(left(&r, Cut::Everything, 0)["d/a"], b"safe+");
    }

    #[test]
    fn a_name_is_safe_only_with_its_folder_and_a_lying_disk_keeps_nothing() {
        let ops = [
            write("s/x", 0, b"letter"),
            Op::Sync("s/x".into()),
            Op::SyncFolder("s".into()),
            Op::Rename("s/x".into(), "b/x".into()),
        ];
        let mut r = Replay::default();
        ops.iter().for_each(|op| r.play(op));
        assert_eq!(left(&r, Cut::Nothing, 1).keys().collect::<Vec<_>>(), ["s/x"]);
        r.play(&Op::SyncFolder("b".into()));
        assert_eq!(left(&r, Cut::Nothing, 1)["b/x"], b"letter");
        let mut liar = Replay { lies: true, ..Replay::default() };
        ops.iter().for_each(|op| liar.play(op));
        assert!(left(&liar, Cut::Nothing, 1).is_empty());
    }

    #[test]
    fn a_torn_write_is_cut_at_sectors_or_within_one() {
        let mut r = Replay::default();
        r.play(&write("a", 0, &[0; 4096]));
        r.play(&Op::Sync("a".into()));
        r.play(&Op::SyncFolder(String::new()));
        r.play(&write("a", 0, &[1; 4096]));
        let mut partial = 0;
        for seed in 0..200 {
            let bytes = &left(&r, Cut::Any, seed)["a"];
            assert_eq!(bytes.len(), 4096);
            // At most one sector holds both.
            assert!(bytes.chunks(SECTOR).filter(|s| s.iter().any(|b| *b != s[0])).count() <= 1);
            partial += u32::from(bytes.contains(&0) && bytes.contains(&1));
        }
        assert!(partial > 10, "{partial}");
    }

    #[test]
    fn what_a_failed_synchronisation_left_out_no_later_one_brings_back() {
        let mut r = Replay::default();
        r.play(&write("a", 0, &[0; 64 * 512]));
        r.play(&Op::Sync("a".into()));
        r.play(&Op::SyncFolder(String::new()));
        for sector in 0..64 {
            r.play(&write("a", sector * 512, &[1; 512]));
        }
        r.play(&Op::SyncFailed("a".into()));
        r.play(&Op::Sync("a".into()));
        let bytes = &left(&r, Cut::Everything, 1)["a"];
        assert!(bytes.contains(&0) && bytes.contains(&1), "some of it, never all of it");
        // What is written again and synchronised is safe.
        r.play(&write("a", 0, &[2; 64 * 512]));
        r.play(&Op::Sync("a".into()));
        assert!(left(&r, Cut::Nothing, 1)["a"].iter().all(|b| *b == 2));
    }

    #[test]
    fn a_folder_that_was_not_named_durably_takes_its_files_along() {
        let mut r = Replay::default();
        let within =
            [Op::Folder("d".into()), write("d/a", 0, b"x"), Op::Sync("d/a".into()), Op::SyncFolder("d".into())];
        within.iter().for_each(|op| r.play(op));
        assert!(left(&r, Cut::Nothing, 1).is_empty());
        r.play(&Op::SyncFolder(String::new()));
        assert_eq!(left(&r, Cut::Nothing, 1)["d/a"], b"x");
    }

    #[test]
    fn names_of_two_folders_become_safe_in_any_order() {
        let mut r = Replay::default();
        r.play(&Op::Create("a/1".into()));
        r.play(&Op::Create("b/1".into()));
        let only = |seed| left(&r, Cut::Any, seed).into_keys().collect::<Vec<_>>();
        assert!((0..50).any(|seed| only(seed) == ["b/1"]) && (0..50).any(|seed| only(seed) == ["a/1"]));
    }
}
