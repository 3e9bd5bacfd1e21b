//! Many clients of every kind on one shared folder, each with a model of what it was told: after every response the model must hold, and who comes back
//! to the folder must find, by what he missed alone, what is really there.
use crate::client::Client;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};

type Flags = BTreeSet<String>;

/// No flags were asked for.
const NOTHING: (usize, u32) = (usize::MAX, u32::MAX);

/// What a client says of itself before it selects.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    Condstore,
    Qresync,
    UidOnly,
}

impl Kind {
    fn enable(self) -> &'static str {
        match self {
            Self::Plain => "NOOP",
            Self::Condstore => "ENABLE CONDSTORE",
            Self::Qresync => "ENABLE QRESYNC",
            Self::UidOnly => "ENABLE QRESYNC UIDONLY",
        }
    }
    fn comes_back(self) -> bool {
        matches!(self, Self::Qresync | Self::UidOnly)
    }
}

/// A message as the client knows it.
#[derive(Debug, Clone, Default)]
struct Known {
    uid: Option<u32>,
    flags: Option<Flags>,
    modseq: u64,
    /// Its flags were told in the present command.
    heard: bool,
}

/// What a client believes.
#[derive(Debug)]
struct Belief {
    kind: Kind,
    /// By sequence number.
    entries: Vec<Known>,
    validity: u32,
    /// Everything up to this modseq was told.
    state: u64,
    /// Told in the present command: the state, the highest modseq.
    said: (Option<u64>, u64),
    /// The present command asks for the flags of messages from this number and from this UID on: its first answer of each must be what was believed.
    asked: (usize, u32),
    /// UIDs told as gone before the folder was selected.
    earlier: BTreeSet<u32>,
}

fn after<'a>(response: &'a str, word: &str) -> Option<&'a str> {
    response.split_once(word).map(|(_, rest)| rest)
}
fn number<T: std::str::FromStr>(response: &str, word: &str) -> Option<T> {
    after(response, word)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
fn flags(response: &str) -> Option<Flags> {
    let list = after(response, "FLAGS (")?.split(')').next()?;
    Some(list.split_whitespace().map(str::to_owned).collect())
}
fn uids(set: &str) -> Vec<u32> {
    let range = |r: &str| {
        let (a, b) = r.split_once(':').unwrap_or((r, r));
        a.parse().unwrap()..=b.parse::<u32>().unwrap()
    };
    set.split(',').flat_map(range).collect()
}

impl Belief {
    fn new(kind: Kind) -> Self {
        let (said, earlier) = Default::default();
        Self { kind, entries: vec![], validity: 0, state: 0, said, asked: NOTHING, earlier }
    }
    /// A command begins.
    fn begin(&mut self, asked: (usize, u32)) {
        self.said = (None, 0);
        self.entries.iter_mut().for_each(|e| e.heard = false);
        self.asked = asked;
    }
    /// Its tagged response came.
    fn end(&mut self) {
        // As RFC 7162 §3.2 has a client count.
        let (state, highest) = self.said;
        let next = state.unwrap_or_else(|| self.state.max(highest));
        assert!(next >= self.state, "the state goes back from {} to {next}", self.state);
        self.state = next;
        let uids: Vec<u32> = self.entries.iter().filter_map(|e| e.uid).collect();
        assert!(self.kind == Kind::UidOnly || uids.is_sorted(), "{uids:?}");
    }
    fn index_of(&self, uid: u32) -> Option<usize> {
        self.entries.iter().position(|e| e.uid == Some(uid))
    }
    /// Where a message of this UID must be whose UID was not told yet.
    fn unknown(&self, uid: u32) -> Option<usize> {
        if self.kind == Kind::UidOnly {
            // It knows how many there are, not in which order.
            return self.entries.iter().position(|e| e.uid.is_none());
        }
        let from = self.entries.iter().rposition(|e| e.uid.is_some_and(|u| u < uid)).map_or(0, |i| i + 1);
        (from < self.entries.len() && self.entries[from].uid.is_none()).then_some(from)
    }
    /// Takes in a response; fails when it contradicts what was told before, or is none for this kind of client.
    fn hear(&mut self, response: &str) {
        if let Some(state) = number(response, "[HIGHESTMODSEQ ") {
            self.said.0 = Some(state);
        }
        if let Some(validity) = number(response, "[UIDVALIDITY ") {
            assert!(self.validity == 0 || self.validity == validity);
            self.validity = validity;
        }
        if let Some(gone) = after(response, "* VANISHED ") {
            assert!(self.kind.comes_back(), "{response}");
            match gone.strip_prefix("(EARLIER) ") {
                Some(set) => self.earlier.extend(uids(set)),
                None => uids(gone).into_iter().for_each(|uid| {
                    let at = self.index_of(uid).or_else(|| self.unknown(uid));
                    drop(self.entries.remove(at.unwrap_or_else(|| panic!("{response}: {uid} is not known"))));
                }),
            }
            return;
        }
        let mut words = response.split(' ');
        let (Some("*"), Some(n), Some(what)) = (words.next(), words.next(), words.next()) else { return };
        let Ok(n) = n.parse::<usize>() else { return };
        match what {
            "EXISTS" => {
                assert!(n >= self.entries.len(), "EXISTS shrank: {response}, had {}", self.entries.len());
                self.entries.resize(n, Known::default());
            }
            "EXPUNGE" => {
                assert!(!self.kind.comes_back() && (1..=self.entries.len()).contains(&n), "{response}");
                self.entries.remove(n - 1);
            }
            "FETCH" => {
                assert!(self.kind != Kind::UidOnly, "{response}");
                assert!((1..=self.entries.len()).contains(&n), "{response}: no such message");
                if let Some(uid) = number(response, "UID ") {
                    let known = &mut self.entries[n - 1].uid;
                    assert!(known.is_none_or(|k| k == uid), "{response}: was {known:?}");
                    *known = Some(uid);
                }
                self.told(n - 1, response);
            }
            "UIDFETCH" => {
                assert!(self.kind == Kind::UidOnly, "{response}");
                let uid = u32::try_from(n).unwrap();
                let at = self.index_of(uid).or_else(|| self.unknown(uid));
                let at = at.unwrap_or_else(|| panic!("{response}: not known"));
                self.entries[at].uid = Some(uid);
                self.told(at, response);
            }
            _ => {}
        }
    }
    fn told(&mut self, at: usize, response: &str) {
        let known = &mut self.entries[at];
        if let Some(modseq) = number(response, "MODSEQ (") {
            assert!(modseq >= known.modseq, "{response}: modseq was {}", known.modseq);
            known.modseq = modseq;
            self.said.1 = self.said.1.max(modseq);
        }
        if let Some(now) = flags(response) {
            let asked = at + 1 >= self.asked.0 || known.uid.is_some_and(|uid| uid >= self.asked.1);
            let first = !std::mem::replace(&mut known.heard, true);
            let same = known.flags.as_ref().is_none_or(|k| *k == now);
            assert!(!(asked && first) || same, "{response}: it was told {:?}", known.flags);
            known.flags = Some(now);
        }
    }
    /// A silent change was made: what was not told is as expected.
    fn assume(&mut self, changed: usize, flag: &str) {
        let known = self.entries.get_mut(changed).filter(|k| !k.heard);
        if let Some(flags) = known.and_then(|k| k.flags.as_mut()) {
            flags.insert(flag.to_owned());
        }
    }
    /// What it would write to its disk.
    fn cache(&self) -> BTreeMap<u32, Flags> {
        self.entries.iter().filter_map(|e| Some((e.uid?, e.flags.clone()?))).collect()
    }
}

/// A small generator of numbers, the same in every run.
struct Dice(u64);
impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

struct Life {
    c: Client,
    belief: Belief,
    dice: Dice,
    seed: u64,
}

impl Life {
    /// Runs a command; its last line.
    async fn run(&mut self, command: &str) -> String {
        let quiet = ["FETCH", "STORE", "SEARCH", "UID SEARCH 1"].iter().any(|c| command.starts_with(c));
        let flags = command.contains("FLAGS)") && !command.contains("PARTIAL");
        self.belief.begin(match (number(command, "UID FETCH "), number(command, "FETCH ")) {
            (Some(uid), _) if flags => (usize::MAX, uid),
            (_, Some(number)) if flags => (number, u32::MAX),
            _ => NOTHING,
        });
        let all = self.c.run(command).await;
        let (last, untagged) = all.split_last().unwrap();
        for response in untagged {
            let removal = response.ends_with(" EXPUNGE") || response.starts_with("* VANISHED ");
            assert!(!(quiet && removal), "{response} during {command}");
            self.belief.hear(response);
        }
        self.belief.hear(last);
        assert!(last.starts_with("OK ") || last.contains("[EXPUNGEISSUED]"), "{command}: {last}");
        self.belief.end();
        last.clone()
    }

    /// Leaves the folder and comes back to it.
    async fn come_back(&mut self) {
        self.run("UNSELECT").await;
        let (kind, state, validity) = (self.belief.kind, self.belief.state, self.belief.validity);
        let mut cache = self.belief.cache();
        let before: BTreeSet<u32> = self.belief.entries.iter().filter_map(|e| e.uid).collect();
        self.belief = Belief { state, validity, ..Belief::new(kind) };
        let list = |uids: &BTreeSet<u32>| uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let known = match self.dice.roll(3) {
            0 if !before.is_empty() => format!(" {}", list(&before)),
            _ => String::new(),
        };
        self.run(&format!("SELECT INBOX (QRESYNC ({validity} {state}{known}))")).await;
        for uid in &self.belief.earlier {
            cache.remove(uid);
        }
        cache.extend(self.belief.cache());
        // What is believed now is what is there.
        self.belief.begin((1, 1));
        let all = self.c.run("UID FETCH 1:* (UID FLAGS MODSEQ)").await;
        let mut there = BTreeSet::new();
        for response in &all {
            let fetched = response.contains("FETCH (UID ");
            if let (true, Some(uid)) = (fetched, number::<u32>(response, "UID ")) {
                let first = there.insert(uid);
                let missed = cache.get(&uid).is_some_and(|known| Some(known) != flags(response).as_ref());
                assert!(!(first && missed), "{response}: since {state} {:?} was believed", cache.get(&uid));
                assert!(!self.belief.earlier.contains(&uid), "{response}: it vanished");
            }
            self.belief.hear(response);
        }
        self.belief.end();
        let ghosts: Vec<&u32> = cache.keys().filter(|uid| !there.contains(uid)).collect();
        assert!(ghosts.is_empty(), "{ghosts:?} went unsaid since {state}");
    }

    async fn step(&mut self, step: usize) {
        let exists = self.belief.entries.len();
        let (seq, uid) = (self.dice.roll(exists.max(1)) + 1, self.dice.roll(60) + 1);
        let numbers = exists > 0 && self.belief.kind != Kind::UidOnly;
        match self.dice.roll(13) {
            0 | 1 => {
                let letter = crate::client::letter(&format!("s{}-{step}", self.seed));
                self.belief.begin(NOTHING);
                for response in self.c.append("INBOX", "", &letter).await {
                    self.belief.hear(&response);
                }
                self.belief.end();
            }
            2 if numbers => drop(self.run(&format!("STORE {seq} +FLAGS (\\Deleted)")).await),
            3 => drop(self.run("EXPUNGE").await),
            4 if numbers => drop(self.run(&format!("FETCH {seq}:* (UID FLAGS)")).await),
            5 => {
                let keyword = self.dice.roll(3);
                self.run(&format!("UID STORE {uid}:{} +FLAGS (k{keyword})", uid + 3)).await;
            }
            6 => drop(self.run(&format!("UID FETCH {uid}:* (ENVELOPE)")).await),
            7 if numbers => drop(self.run(&format!("FETCH {seq} (UID BODY[TEXT])")).await),
            8 => drop(self.run(&format!("UID MOVE {uid} Archive")).await),
            9 if numbers => {
                let flag = format!("s{}", self.dice.roll(3));
                let last = self.run(&format!("STORE {seq} +FLAGS.SILENT ({flag})")).await;
                // What is gone was not changed.
                if last.starts_with("OK ") {
                    self.belief.assume(seq - 1, &flag);
                }
            }
            10 => drop(self.run(&format!("UID FETCH {uid}:* (UID FLAGS) (PARTIAL -1:-5)")).await),
            11 if self.belief.kind.comes_back() => self.come_back().await,
            12 => drop(self.run(&format!("UID STORE {uid} +FLAGS (\\Deleted)")).await),
            _ if numbers => drop(self.run("SEARCH UNDELETED").await),
            _ => drop(self.run("UID SEARCH UNDELETED").await),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_on_one_folder_never_are_told_a_contradiction() {
    let w = World::new().await;
    let mut lives = Vec::new();
    for (seed, kind) in (1..).zip([Kind::Plain, Kind::Condstore, Kind::Qresync, Kind::UidOnly, Kind::Qresync]) {
        let c = Client::anne(&w).await;
        let mut life = Life { c, belief: Belief::new(kind), dice: Dice(seed), seed };
        lives.push(tokio::spawn(async move {
            life.run(kind.enable()).await;
            life.run("SELECT INBOX").await;
            for step in 0..80 {
                life.step(step).await;
            }
            life
        }));
    }
    let mut ends = Vec::new();
    for life in lives {
        ends.push(life.await.unwrap());
    }
    // Once nobody changes anything, all believe the same, and it is what a newcomer finds.
    let mut all: Vec<BTreeMap<u32, Flags>> = Vec::new();
    let mut newcomer = Life { c: Client::anne(&w).await, belief: Belief::new(Kind::Plain), dice: Dice(0), seed: 0 };
    newcomer.run("EXAMINE INBOX").await;
    ends.push(newcomer);
    for life in &mut ends {
        life.run("NOOP").await;
        life.run("UID FETCH 1:* (UID FLAGS)").await;
        assert_eq!(life.belief.cache().len(), life.belief.entries.len());
        all.push(life.belief.cache());
        if life.belief.kind.comes_back() {
            life.come_back().await;
            all.push(life.belief.cache());
        }
    }
    assert!(all.iter().all(|found| *found == all[0]), "{all:#?}");
    assert!(!all[0].is_empty());
}
