//! Rules that somebody sets for what comes to a BAL (F057): which messages, and what is done with them. Pure: what is known of a message is given in.
//!
//! Promises: rules are looked at in their order; of several moves the first one counts; after a rule that stops no other is looked at; words are compared
//! without case and accents, as people search.
use crate::plain;
use crate::text::to_ascii;
use crate::{Address, Refusal, RefusalCode};
use serde::{Deserialize, Serialize};

/// Rules of one BAL. Our choice.
pub const RULES: usize = 50;
/// Conditions of a rule, and acts of one. Our choice.
pub const PARTS: usize = 10;
/// Longest word of a condition, characters.
pub const WORD: usize = 200;
/// Longest name of a rule, characters.
pub const NAME: usize = 100;
/// Longest age that a rule may ask for, days: a hundred years.
const DAYS: u32 = 36_525;
/// Longest label (a keyword), bytes.
const LABEL: usize = 128;

/// What a message must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// These words in a name or an address of From.
    From(String),
    /// In To or Cc.
    To(String),
    /// In the subject.
    Subject(String),
    /// Attachments.
    Attached,
    /// A patient among those who write or are written to, as far as addresses tell.
    Patient,
    /// More than so many bytes.
    Larger(u64),
    /// It came so many days ago, or earlier (F058): the rule is applied to what lies in the INBOX, once a day, and not to what comes.
    Older(u32),
}

/// What is done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Goes into this folder (its row: the same after a renaming).
    Move(i64),
    /// Goes into the archive, into the folder of the year in which it came.
    Archive,
    /// Is followed.
    Flag,
    /// Is marked as read.
    Seen,
    /// Gets a label.
    Label(String),
    /// Its conversation is given to this person (login), at a shared BAL.
    Assign(String),
    /// A new message of the BAL carries it to this address of the trust space (F066).
    Forward(String),
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What people call it.
    pub name: String,
    /// Any of the conditions is enough; else all of them are needed.
    #[serde(default)]
    pub any: bool,
    /// Conditions.
    pub when: Vec<Condition>,
    /// Acts.
    pub then: Vec<Act>,
    /// No rule after it is looked at.
    #[serde(default)]
    pub stop: bool,
}

/// What is known of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Names and addresses of From, decoded.
    pub from: Vec<String>,
    /// Those of To and Cc.
    pub to: Vec<String>,
    /// Subject, decoded.
    pub subject: String,
    /// It has attachments.
    pub attached: bool,
    /// A patient is among its parties.
    pub patient: bool,
    /// Bytes.
    pub size: u64,
    /// Whole days since it came.
    pub days: u32,
}

/// Without case and accents.
fn folded(text: &str) -> String {
    to_ascii(text).to_lowercase()
}

fn holds(texts: &[String], word: &str) -> bool {
    let word = folded(word);
    texts.iter().any(|text| folded(text).contains(&word))
}

impl Condition {
    /// Does the message have it?
    pub fn holds(&self, m: &Message) -> bool {
        match self {
            Self::From(word) => holds(&m.from, word),
            Self::To(word) => holds(&m.to, word),
            Self::Subject(word) => holds(std::slice::from_ref(&m.subject), word),
            Self::Attached => m.attached,
            Self::Patient => m.patient,
            Self::Larger(bytes) => m.size > *bytes,
            Self::Older(days) => m.days >= *days,
        }
    }
}

impl Act {
    /// Does the message lie elsewhere afterwards?
    pub fn moves(&self) -> bool {
        matches!(self, Self::Move(_) | Self::Archive)
    }
}

impl Rule {
    /// As it may be kept: named, with conditions and acts, words neither empty nor endless, one move at most.
    ///
    /// # Errors
    /// `admin.invalid`, `naming.too_long`.
    pub fn checked(self) -> Result<Self, Refusal> {
        let invalid = |name: &'static str| Err(Refusal::new(RefusalCode::Invalid).with("name", name));
        let name = plain::said(&self.name, "name", NAME)?;
        if self.when.is_empty() || self.when.len() > PARTS {
            return invalid("when");
        }
        if self.then.is_empty() || self.then.len() > PARTS {
            return invalid("then");
        }
        let word = |word: String| plain::said(&word, "when", WORD);
        let when = |condition| {
            Ok(match condition {
                Condition::From(text) => Condition::From(word(text)?),
                Condition::To(text) => Condition::To(word(text)?),
                Condition::Subject(text) => Condition::Subject(word(text)?),
                Condition::Larger(0) | Condition::Older(0) => {
                    return Err(Refusal::new(RefusalCode::Invalid).with("name", "when"));
                }
                other => other,
            })
        };
        // One that waits for days and does not, in one, would be two rules.
        let ages = self.days().is_some();
        if ages && self.any && self.when.len() > 1 || self.days().is_some_and(|days| days > DAYS) {
            return invalid("when");
        }
        let when = self.when.into_iter().map(when).collect::<Result<_, Refusal>>()?;
        // A label is a keyword: an atom (RFC 9051 §9).
        let atom = |c: char| c.is_ascii_graphic() && !"(){%*\"\\]".contains(c);
        let wrong = |act: &Act| match act {
            // What lies there for long is nobody's news.
            Act::Assign(_) | Act::Forward(_) if ages => true,
            Act::Forward(to) => to.parse::<Address>().is_err(),
            Act::Label(label) => label.is_empty() || label.len() > LABEL || !label.chars().all(atom),
            _ => false,
        };
        if self.then.iter().any(wrong) || self.then.iter().filter(|act| act.moves()).count() > 1 {
            return invalid("then");
        }
        Ok(Self { name, when, ..self })
    }
    /// For a rule by age: after how many days it is applied.
    pub fn days(&self) -> Option<u32> {
        let older = |c: &Condition| if let Condition::Older(days) = c { Some(*days) } else { None };
        self.when.iter().filter_map(older).max()
    }
    /// Does it concern the message?
    pub fn concerns(&self, m: &Message) -> bool {
        match self.any {
            true => self.when.iter().any(|c| c.holds(m)),
            false => !self.when.is_empty() && self.when.iter().all(|c| c.holds(m)),
        }
    }
}

/// What is done with a message by these rules in their order: each act once, one move.
pub fn acts<'a>(rules: impl IntoIterator<Item = &'a Rule>, m: &Message) -> Vec<&'a Act> {
    let mut out: Vec<&Act> = Vec::new();
    for rule in rules {
        if !rule.concerns(m) {
            continue;
        }
        for act in &rule.then {
            let moved = |a: &&Act| a.moves() && act.moves();
            if !out.iter().any(|a| *a == act || moved(a)) {
                out.push(act);
            }
        }
        if rule.stop {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(when: Vec<Condition>, then: Vec<Act>) -> Rule {
        Rule { name: "essai".into(), any: false, when, then, stop: false }
    }

    fn message() -> Message {
        Message {
            from: vec!["Laboratoire Éclair".into(), "labo@beta.mssante.fr".into()],
            subject: "Résultats de M. X".into(),
            attached: true,
            size: 5_000,
            ..Message::default()
        }
    }

    #[test]
    fn words_are_found_without_case_and_accents() {
        let m = message();
        for (condition, holds) in [
            (Condition::From("eclair".into()), true),
            (Condition::From("LABO@BETA".into()), true),
            (Condition::Subject("resultats".into()), true),
            (Condition::Subject("facture".into()), false),
            (Condition::To("labo".into()), false),
            (Condition::Attached, true),
            (Condition::Patient, false),
            (Condition::Larger(4_999), true),
            (Condition::Larger(5_000), false),
            (Condition::Older(1), false),
        ] {
            assert_eq!(condition.holds(&m), holds, "{condition:?}");
        }
        let both = vec![Condition::Attached, Condition::Patient];
        assert!(!rule(both.clone(), vec![Act::Flag]).concerns(&m));
        assert!(Rule { any: true, ..rule(both, vec![Act::Flag]) }.concerns(&m));
        assert!(!rule(vec![], vec![Act::Flag]).concerns(&m), "no condition is not every message");
    }

    #[test]
    fn rules_go_in_their_order_until_one_stops() {
        let m = message();
        let first = Rule { stop: true, ..rule(vec![Condition::Attached], vec![Act::Move(1), Act::Flag]) };
        let second = rule(vec![Condition::Attached], vec![Act::Move(2), Act::Label("labo".into())]);
        assert_eq!(acts([&first, &second], &m), [&Act::Move(1), &Act::Flag]);
        assert_eq!(acts([&second, &first], &m), [&Act::Move(2), &Act::Label("labo".into()), &Act::Flag]);
    }

    #[test]
    fn a_rule_by_age_waits_for_its_days() {
        let old = rule(vec![Condition::Older(30), Condition::Older(90), Condition::Attached], vec![Act::Archive]);
        assert_eq!((old.days(), rule(vec![Condition::Attached], vec![Act::Flag]).days()), (Some(90), None));
        assert!(old.clone().checked().is_ok());
        let aged = |days| Message { days, ..message() };
        assert!(!old.concerns(&message()) && !old.concerns(&aged(89)) && old.concerns(&aged(90)));
        assert_eq!(acts([&old, &rule(vec![Condition::Attached], vec![Act::Move(1)])], &aged(400)), [&Act::Archive]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let good = rule(vec![Condition::Attached], vec![Act::Flag]);
        assert!(good.clone().checked().is_ok());
        for bad in [
            Rule { name: " ".into(), ..good.clone() },
            rule(vec![], vec![Act::Flag]),
            rule(vec![Condition::Attached], vec![]),
            rule(vec![Condition::From("  ".into())], vec![Act::Flag]),
            rule(vec![Condition::Larger(0)], vec![Act::Flag]),
            rule(vec![Condition::Attached; PARTS + 1], vec![Act::Flag]),
            rule(vec![Condition::Attached], vec![Act::Label("deux mots".into())]),
            rule(vec![Condition::Attached], vec![Act::Forward("pas une adresse".into())]),
            rule(vec![Condition::Attached], vec![Act::Move(1), Act::Move(2)]),
            rule(vec![Condition::Attached], vec![Act::Move(1), Act::Archive]),
            rule(vec![Condition::Older(0)], vec![Act::Archive]),
            rule(vec![Condition::Older(DAYS + 1)], vec![Act::Archive]),
            rule(vec![Condition::Older(90)], vec![Act::Forward("paul@beta.mssante.fr".into())]),
            rule(vec![Condition::Older(90)], vec![Act::Assign("paul".into())]),
            Rule { any: true, ..rule(vec![Condition::Older(90), Condition::Attached], vec![Act::Archive]) },
        ] {
            assert!(bad.clone().checked().is_err(), "{bad:?}");
        }
    }

    proptest! {
        /// Whatever is written into a rule and a message: at most one move, no act twice, and what is kept reads back the same.
        #[test]
        fn acts_are_few(word in "\\PC{1,20}", subject in "\\PC{0,40}", stop: bool) {
            let m = Message { subject, ..message() };
            let rules = [
                Rule { stop, ..rule(vec![Condition::Subject(word)], vec![Act::Move(1), Act::Flag]) },
                rule(vec![Condition::Attached], vec![Act::Move(2), Act::Flag]),
            ];
            let acts = acts(&rules, &m);
            prop_assert!(acts.iter().filter(|a| matches!(a, Act::Move(_))).count() <= 1);
            prop_assert!(acts.iter().filter(|a| matches!(a, Act::Flag)).count() <= 1);
            for rule in &rules {
                let json = serde_json::to_string(rule).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Rule>(&json).unwrap(), rule);
            }
        }
    }
}
