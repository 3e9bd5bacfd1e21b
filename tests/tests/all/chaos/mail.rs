//! The messages of the chaos run: each follows from its number alone, so that whoever meets one knows what it must be.
use super::places::{ABSENT, BUSY, Fate, Place};
use sceau_e2e::peer::letter;
use std::fmt::Write;

/// A message.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Its Message-ID before the `@`.
    pub id: String,
    /// Place of the account that sends it.
    pub account: usize,
    /// Its address.
    pub from: String,
    /// Recipients, each with what must become of it.
    pub to: Vec<(String, Fate)>,
    /// As it is submitted.
    pub bytes: Vec<u8>,
}

/// Who sends and where mail goes.
#[derive(Debug)]
pub struct Plan {
    senders: Vec<String>,
    places: Vec<Place>,
    /// People of the sandbox's other operator, and the clinic where nobody listens.
    others: (Vec<String>, String),
}

/// A share of the other operator, in a hundred.
const OTHER: u32 = 11;

/// Numbers that look random and are the same each time.
pub fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// The number in the Message-ID of a message, or of what a report names.
pub fn number_of(text: &str) -> Option<u32> {
    let digits = text.split("<chaos-").nth(1)?.split('@').next()?;
    digits.parse().ok()
}

impl Plan {
    pub fn new(senders: Vec<String>, places: Vec<Place>, people: Vec<String>, clinic: String) -> Self {
        Self { senders, places, others: (people, clinic) }
    }
    pub fn places(&self) -> &[Place] {
        &self.places
    }
    /// A message by its number. The first ones go to each destination in turn, thrice, then by share.
    pub fn mail(&self, number: u32) -> Mail {
        let mut seed = (u64::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let all = self.places.len() + 2;
        let mut to = Vec::new();
        match number as usize {
            early if early < all * 3 => self.to(early % all, number, &mut to),
            _ => self.to(self.drawn(&mut seed), number, &mut to),
        }
        // To several destinations at once.
        if number % 10 == 9 {
            for _ in 0..2 {
                self.to(self.drawn(&mut seed), number, &mut to);
            }
            to.sort_by(|a, b| a.0.cmp(&b.0));
            to.dedup_by(|a, b| a.0 == b.0);
        }
        let account = number as usize % self.senders.len();
        let (id, from) = (format!("chaos-{number}"), self.senders[account].clone());
        let size = [300, 2_000, 300, 9_000, 300, 2_000, 300, 300, 9_000, 70_000][(next(&mut seed) % 10) as usize];
        let bytes = letter(&from, &to[0].0, &id, &body(size, seed)).into_bytes();
        Mail { id, account, from, to, bytes }
    }
    fn drawn(&self, seed: &mut u64) -> usize {
        let total: u32 = self.places.iter().map(|p| p.share).sum::<u32>() + OTHER + 1;
        let mut drawn = u32::try_from(next(seed) % u64::from(total)).expect("small");
        for (i, place) in self.places.iter().enumerate() {
            match drawn.checked_sub(place.share) {
                None => return i,
                Some(rest) => drawn = rest,
            }
        }
        self.places.len() + usize::from(drawn >= OTHER)
    }
    fn to(&self, place: usize, number: u32, to: &mut Vec<(String, Fate)>) {
        let Some(place) = self.places.get(place) else {
            let (people, clinic) = &self.others;
            to.push(match place - self.places.len() {
                0 => (people[number as usize % people.len()].clone(), Fate::Delivered),
                _ => (clinic.clone(), Fate::Expired),
            });
            return;
        };
        to.push((format!("boite@{}", place.domain), place.fate));
        if place.domain.starts_with("partage.") {
            to.push((format!("{ABSENT}@{}", place.domain), Fate::Reported));
            to.push((format!("{BUSY}@{}", place.domain), Fate::Delivered));
        }
    }
}

/// Lines, some of which begin with dots.
fn body(size: usize, mut seed: u64) -> String {
    let mut out = String::with_capacity(size + 80);
    while out.len() < size {
        let dots = ["", "", "", ".", "..", ". "][(next(&mut seed) % 6) as usize];
        let _ = write!(out, "{dots}{:016x}{:016x}{:016x}\r\n", next(&mut seed), next(&mut seed), next(&mut seed));
    }
    out
}
