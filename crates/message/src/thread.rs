//! Conversations among messages (RFC 5256 §3): `REFERENCES` and `ORDEREDSUBJECT`.
//!
//! Messages are shown one after the other, in the folder's order; of each only an instant, digests and a place in the tree are kept, never
//! a text. What is promised: every message stands in the answer once, nothing is its own ancestor, and time and memory are bounded
//! whatever messages say of each other ([`Threader::push`]). Identifiers and subjects are told apart by keyed digests of 128 bits, whose
//! keys are made anew for each answer.
use crate::casemap::casemap;
use crate::header::{self, fields};
use crate::subject::base_subject;
use crate::summary::{Summary, ids};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;

/// No node.
const NONE: u32 = u32::MAX;
/// Identifiers of one message that are looked at, the last ones: more than people answer.
const REFERENCES_MAX: usize = 200;
/// Identifiers that may be known of messages that are not there, for each message that is, and besides.
const ABSENT_EACH: usize = 2;
const ABSENT_MORE: usize = 10_000;
/// Steps towards ancestors that an answer may cost, looking for loops: for each message, and besides.
const STEPS_EACH: u64 = 1_000;
const STEPS_MORE: u64 = 100_000;

/// How conversations are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// By base subject alone, one level deep.
    OrderedSubject,
    /// By References and In-Reply-To, then by base subject.
    References,
}

/// What a message says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts<'a> {
    /// When it was sent, seconds since 1970.
    pub sent: i64,
    /// Subject, decoded.
    pub subject: Cow<'a, str>,
    /// Message-ID with its angle brackets, when it has one.
    pub id: Option<&'a str>,
    /// What it answers, eldest first.
    pub references: Vec<&'a str>,
}

impl<'a> Facts<'a> {
    /// Of a message; `arrived` (seconds since 1970) counts where its date says nothing.
    pub fn of(summary: &'a Summary, arrived: i64) -> Self {
        let envelope = &summary.envelope;
        let subject = envelope.subject.as_deref().map_or(String::new(), |s| header::decoded(s.as_bytes()));
        let mut references = named(&summary.header, "references");
        if references.is_empty() {
            // Of In-Reply-To the first identifier alone (RFC 5256 §3, step 1).
            references = named(&summary.header, "in-reply-to");
            references.truncate(1);
        }
        Self {
            sent: sent(envelope.date.as_deref(), arrived),
            subject: Cow::Owned(subject),
            id: envelope.message_id.as_deref().and_then(|id| ids(id.as_bytes()).next()),
            references,
        }
    }
    /// Of a message whose content is gone.
    pub fn unknown(arrived: i64) -> Self {
        Self { sent: arrived, subject: Cow::Borrowed(""), id: None, references: Vec::new() }
    }
}

/// The sent date (RFC 5256 §2.2), seconds since 1970: the Date field, else when the message arrived.
pub fn sent(date: Option<&str>, arrived: i64) -> i64 {
    let read = |date: &str| crate::sent::instant(&header::decoded(date.as_bytes()));
    date.and_then(read).unwrap_or(arrived)
}

/// The identifiers of a field, the last [`REFERENCES_MAX`].
fn named<'a>(header: &'a [u8], name: &str) -> Vec<&'a str> {
    // An identifier holds no white space, so folding does not cut one.
    let all = fields(header).filter(|f| f.name.eq_ignore_ascii_case(name)).flat_map(|f| ids(f.value));
    let mut last: Vec<&str> = Vec::new();
    for id in all {
        if last.len() == 2 * REFERENCES_MAX {
            last.drain(..REFERENCES_MAX);
        }
        last.push(id);
    }
    last.split_off(last.len().saturating_sub(REFERENCES_MAX))
}

/// A message or the place of one that is not there.
#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    /// Its message, in the order shown.
    message: u32,
    children: u32,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    number: u32,
    node: u32,
    sent: i64,
    /// Digest of the base subject; none when it is empty.
    subject: Option<u128>,
    /// A reply or a forward.
    marked: bool,
}

/// Takes messages in, gives conversations.
#[derive(Debug)]
pub struct Threader {
    algorithm: Algorithm,
    nodes: Vec<Node>,
    by_id: HashMap<u128, u32>,
    messages: Vec<Message>,
    keys: (RandomState, RandomState),
    absent: usize,
    steps: u64,
}

impl Threader {
    /// Ready for about so many messages.
    pub fn new(algorithm: Algorithm, expected: usize) -> Self {
        Self {
            algorithm,
            nodes: Vec::new(),
            by_id: HashMap::new(),
            messages: Vec::with_capacity(expected.min(1 << 20)),
            keys: (RandomState::new(), RandomState::new()),
            absent: ABSENT_MORE,
            steps: STEPS_MORE,
        }
    }

    /// Takes the next message in, under the number that the answer names it by. What messages say of one another beyond the budget (too
    /// many identifiers of messages that are not there, too many links between long chains) is left out.
    pub fn push(&mut self, number: u32, facts: &Facts<'_>) {
        let subject = base_subject(&facts.subject);
        let digest = (!subject.text.is_empty()).then(|| self.digest(&casemap(&subject.text)));
        let message = u32::try_from(self.messages.len()).unwrap_or(NONE);
        let node = match self.algorithm {
            Algorithm::OrderedSubject => self.node(message),
            Algorithm::References => self.place(message, facts),
        };
        self.messages.push(Message {
            number,
            node,
            sent: facts.sent,
            subject: digest,
            marked: subject.reply_or_forward,
        });
    }

    fn digest(&self, text: &str) -> u128 {
        (u128::from(self.keys.0.hash_one(text)) << 64) | u128::from(self.keys.1.hash_one(text))
    }
    fn node(&mut self, message: u32) -> u32 {
        self.nodes.push(Node { parent: NONE, message, children: 0 });
        u32::try_from(self.nodes.len() - 1).unwrap_or(NONE)
    }
    fn at(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    /// Step 1 of REFERENCES.
    fn place(&mut self, message: u32, facts: &Facts<'_>) -> u32 {
        self.absent += ABSENT_EACH;
        self.steps += STEPS_EACH;
        let own = facts.id.map(|id| self.digest(&plain(id)));
        let node = match own.map(|id| (id, self.by_id.get(&id).copied())) {
            // Somebody named it before it came.
            Some((_, Some(known))) if self.nodes[known as usize].message == NONE => {
                self.at(known).message = message;
                known
            }
            Some((id, None)) => {
                let node = self.node(message);
                self.by_id.insert(id, node);
                node
            }
            // No identifier, or one that another message has: a message for itself.
            _ => self.node(message),
        };
        let mut last = NONE;
        for id in &facts.references {
            let id = self.digest(&plain(id));
            let known = match self.by_id.entry(id) {
                Entry::Occupied(e) => *e.get(),
                Entry::Vacant(_) if self.absent == 0 => continue,
                Entry::Vacant(e) => {
                    self.absent -= 1;
                    self.nodes.push(Node { parent: NONE, message: NONE, children: 0 });
                    *e.insert(u32::try_from(self.nodes.len() - 1).unwrap_or(NONE))
                }
            };
            // A: the chain of what it names, where nothing is known yet.
            if last != NONE && self.nodes[known as usize].parent == NONE {
                self.link(last, known);
            }
            last = known;
        }
        // B: what it names last is its parent, whatever others said of it.
        let before = self.nodes[node as usize].parent;
        if before != NONE {
            self.at(before).children -= 1;
            self.at(node).parent = NONE;
        }
        if last != NONE {
            self.link(last, node);
        }
        node
    }

    /// Makes `child` a child of `parent` unless that made a loop (or looking whether it does cost too much).
    fn link(&mut self, parent: u32, child: u32) {
        if parent == child {
            return;
        }
        // What has no child is nobody's ancestor.
        if self.nodes[child as usize].children > 0 {
            let mut above = parent;
            while above != NONE {
                if above == child || self.steps == 0 {
                    return;
                }
                self.steps -= 1;
                above = self.nodes[above as usize].parent;
            }
        }
        self.at(child).parent = parent;
        self.at(parent).children += 1;
    }

    /// The conversations.
    pub fn finish(self) -> Threads {
        match self.algorithm {
            Algorithm::OrderedSubject => self.by_subject(),
            Algorithm::References => self.by_references(),
        }
    }

    /// Messages by sent date, then in the folder's order.
    fn in_order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..u32::try_from(self.messages.len()).unwrap_or(NONE)).collect();
        order.sort_by_key(|&m| self.messages[m as usize].sent);
        order
    }

    fn by_subject(self) -> Threads {
        let mut firsts: HashMap<Option<u128>, u32> = HashMap::new();
        let order = self.in_order();
        let mut parents = vec![NONE; self.messages.len()];
        for &m in &order {
            match firsts.entry(self.messages[m as usize].subject) {
                Entry::Occupied(first) => parents[m as usize] = *first.get(),
                Entry::Vacant(first) => {
                    first.insert(m);
                }
            }
        }
        let numbers = self.messages.iter().map(|m| m.number).collect();
        Threads::of(numbers, &parents, &order)
    }

    /// Steps 2 to 6. From here on a message is its place in the order shown, and a place after all messages is that of one that is not
    /// there (a dummy).
    fn by_references(self) -> Threads {
        let order = self.in_order();
        let count = self.messages.len();
        let mut parents = self.pruned();
        // Step 4: those without parents by date, dummies by their first child's.
        let mut firsts = vec![NONE; parents.len() - count];
        let mut roots = Vec::new();
        for &m in &order {
            match parents[m as usize] {
                NONE => roots.push(m),
                parent if parent as usize >= count => {
                    let first = &mut firsts[parent as usize - count];
                    if *first == NONE {
                        *first = m;
                        roots.push(parent);
                    }
                }
                _ => {}
            }
        }
        // Step 5: those of the same subject come together. The subject of a dummy is its first child's.
        let speaks = |root: u32| match (root as usize).checked_sub(count) {
            Some(dummy) => &self.messages[firsts[dummy] as usize],
            None => &self.messages[root as usize],
        };
        let dummy = |root: u32| root as usize >= count;
        let mut table: HashMap<u128, u32> = HashMap::new();
        for &root in &roots {
            let Some(subject) = speaks(root).subject else { continue };
            match table.entry(subject) {
                Entry::Vacant(e) => {
                    e.insert(root);
                }
                Entry::Occupied(mut e) => {
                    let kept = *e.get();
                    if !dummy(kept) && (dummy(root) || (speaks(kept).marked && !speaks(root).marked)) {
                        e.insert(root);
                    }
                }
            }
        }
        // Dummies that go, by what takes their children.
        let mut merged: HashMap<u32, u32> = HashMap::new();
        for &root in &roots {
            let Some(subject) = speaks(root).subject else { continue };
            // It stands under a dummy made below.
            if !dummy(root) && parents[root as usize] != NONE {
                continue;
            }
            let Some(kept) = table.get_mut(&subject) else { continue };
            if *kept == root {
                continue;
            }
            if dummy(root) {
                // The table names a dummy wherever there is one.
                merged.insert(root, *kept);
            } else if dummy(*kept) || (speaks(root).marked && !speaks(*kept).marked) {
                parents[root as usize] = *kept;
            } else {
                let both = u32::try_from(parents.len()).unwrap_or(NONE);
                parents.push(NONE);
                parents[root as usize] = both;
                parents[*kept as usize] = both;
                *kept = both;
            }
        }
        if !merged.is_empty() {
            for parent in &mut parents[..count] {
                *parent = merged.get(&*parent).copied().unwrap_or(*parent);
            }
        }
        // Step 6.
        let numbers = self.messages.iter().map(|m| m.number).collect();
        Threads::of(numbers, &parents, &order)
    }

    /// Steps 2 and 3: the parent of each message, then a room for each dummy that stays: those at the top with several children.
    fn pruned(&self) -> Vec<u32> {
        // From the top down: above each node, the next message, or the node at the top when there is none.
        let (starts, below) = children(self.nodes.iter().map(|n| n.parent), 0..self.nodes.len());
        let mut above: Vec<(bool, u32)> = vec![(false, NONE); self.nodes.len()];
        let top = |n: &usize| self.nodes[*n].parent == NONE;
        let mut waiting: Vec<usize> = (0..self.nodes.len()).filter(top).collect();
        while let Some(n) = waiting.pop() {
            let node = self.nodes[n];
            let here = match (node.message, above[n]) {
                (NONE, (false, NONE)) => (false, u32::try_from(n).unwrap_or(NONE)),
                (NONE, inherited) => inherited,
                (message, _) => (true, message),
            };
            for &child in &below[starts[n]..starts[n + 1]] {
                above[child as usize] = here;
                waiting.push(child as usize);
            }
        }
        let mut shared: HashMap<u32, u32> = HashMap::new();
        for m in &self.messages {
            let (by_message, top) = above[m.node as usize];
            if !by_message && top != NONE {
                *shared.entry(top).or_insert(0) += 1;
            }
        }
        let mut rooms: HashMap<u32, u32> = HashMap::new();
        let count = u32::try_from(self.messages.len()).unwrap_or(NONE);
        let mut parents: Vec<u32> = Vec::with_capacity(self.messages.len());
        for m in &self.messages {
            parents.push(match above[m.node as usize] {
                (true, message) => message,
                (false, top) if shared.get(&top).is_some_and(|n| *n > 1) => {
                    let next = count + u32::try_from(rooms.len()).unwrap_or(NONE);
                    *rooms.entry(top).or_insert(next)
                }
                _ => NONE,
            });
        }
        parents.resize(parents.len() + rooms.len(), NONE);
        parents
    }
}

/// An identifier as it is compared: quotes around its local part say nothing (RFC 5256 §3).
fn plain(id: &str) -> Cow<'_, str> {
    if id.contains(['"', '\\']) { Cow::Owned(id.replace(['"', '\\'], "")) } else { Cow::Borrowed(id) }
}

/// The children of each node, taken in an order: where they start in one list, and the list.
fn children(parents: impl Iterator<Item = u32>, order: impl Iterator<Item = usize>) -> (Vec<usize>, Vec<u32>) {
    let parents: Vec<u32> = parents.collect();
    let mut starts = vec![0; parents.len() + 1];
    for &parent in parents.iter().filter(|p| **p != NONE) {
        starts[parent as usize + 1] += 1;
    }
    for n in 1..starts.len() {
        starts[n] += starts[n - 1];
    }
    let mut next = starts.clone();
    let mut below = vec![NONE; starts.last().copied().unwrap_or(0)];
    for n in order {
        let parent = parents[n];
        if parent != NONE {
            below[next[parent as usize]] = u32::try_from(n).unwrap_or(NONE);
            next[parent as usize] += 1;
        }
    }
    (starts, below)
}

/// Conversations, ready to be told.
#[derive(Debug)]
pub struct Threads {
    /// Numbers of messages; nodes beyond are dummies.
    numbers: Vec<u32>,
    roots: Vec<u32>,
    starts: Vec<usize>,
    below: Vec<u32>,
}

/// A piece of `thread-list` (RFC 5256 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// A message; what follows it, but a parenthesis that closes, needs a space.
    Number(u32),
}

impl Threads {
    /// From each node's parent; siblings stand in the order of messages, dummies as their first child.
    fn of(numbers: Vec<u32>, parents: &[u32], order: &[u32]) -> Self {
        let (starts, below) = children(parents.iter().copied(), order.iter().map(|&m| m as usize));
        let mut roots = Vec::new();
        for &m in order {
            let first_of = |parent: u32| below.get(starts[parent as usize]) == Some(&m);
            match parents[m as usize] {
                NONE => roots.push(m),
                parent if parent as usize >= numbers.len() && first_of(parent) => roots.push(parent),
                _ => {}
            }
        }
        Self { numbers, roots, starts, below }
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.roots.len()
    }
    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
    /// The conversations as the wire has them.
    pub fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        enum Step {
            Say(Token),
            Node(u32),
        }
        let mut roots = self.roots.iter();
        let mut steps: Vec<Step> = Vec::new();
        std::iter::from_fn(move || {
            loop {
                let node = match steps.pop() {
                    Some(Step::Say(token)) => return Some(token),
                    Some(Step::Node(node)) => node,
                    None => {
                        let root = *roots.next()?;
                        steps.push(Step::Say(Token::Close));
                        steps.push(Step::Node(root));
                        return Some(Token::Open);
                    }
                };
                let below = &self.below[self.starts[node as usize]..self.starts[node as usize + 1]];
                match below {
                    // Alone, it continues the line.
                    [one] => steps.push(Step::Node(*one)),
                    several => {
                        for child in several.iter().rev() {
                            steps.push(Step::Say(Token::Close));
                            steps.push(Step::Node(*child));
                            steps.push(Step::Say(Token::Open));
                        }
                    }
                }
                if let Some(number) = self.numbers.get(node as usize) {
                    return Some(Token::Number(*number));
                }
            }
        })
    }
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
