//! Reports: what somebody finds wrong in a directory, an abuse, a correction of what is certified, a request for help; who looks at it first, and
//! where it goes next (F097, F149).
//!
//! Promises: what is said against somebody is seen by the operator alone; a request for help goes to the regional body that follows the structure
//! (level 1) before it goes to the operator; nothing is passed on downwards.
use serde::{Deserialize, Serialize};

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Something certified about oneself is wrong: it is corrected by whoever certifies.
    Correction,
    /// Somebody else's entry is wrong.
    Error,
    /// An entry or an address is abused.
    Abuse,
    /// Help is asked for.
    Help,
}

/// Where a report lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desk {
    /// The structure's administrators.
    Structure,
    /// The regional body that follows the structure.
    Region,
    /// The operator.
    Operator,
}

/// Where a report is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// Nobody has answered yet.
    Open,
    /// What was asked was done.
    Done,
    /// It was refused, with a reason.
    Refused,
    /// Its author took it back.
    Withdrawn,
}

macro_rules! words {
    ($name:ident { $($variant:ident $text:literal),* }) => {
        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Stable name.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $text),* } }
            /// From the stable name.
            pub fn parse(text: &str) -> Option<Self> { Self::ALL.iter().copied().find(|v| v.as_str() == text) }
        }
    };
}
words! { ReportKind { Correction "correction", Error "error", Abuse "abuse", Help "help" } }
words! { Desk { Structure "structure", Region "region", Operator "operator" } }
words! { ReportState { Open "open", Done "done", Refused "refused", Withdrawn "withdrawn" } }

impl ReportKind {
    /// May those who look after the author's structure see it? What is said against somebody is for the operator.
    pub fn is_local(self) -> bool {
        matches!(self, Self::Correction | Self::Help)
    }
    /// Where it goes first. `structure`: the author works in one; `followed`: a regional body that is not blocked follows it.
    pub fn first(self, structure: bool, followed: bool) -> Desk {
        match self {
            Self::Correction if structure => Desk::Structure,
            Self::Help if structure && followed => Desk::Region,
            _ => Desk::Operator,
        }
    }
}

impl Desk {
    /// The next desk up; none beyond the operator.
    pub fn above(self, followed: bool) -> Option<Self> {
        match self {
            Self::Structure if followed => Some(Self::Region),
            Self::Structure | Self::Region => Some(Self::Operator),
            Self::Operator => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_spoken_against_is_never_asked() {
        for kind in ReportKind::ALL {
            for (structure, followed) in [(true, true), (true, false), (false, false)] {
                let desk = kind.first(structure, followed);
                assert!(kind.is_local() || desk == Desk::Operator, "{kind:?}");
                assert!(structure || desk == Desk::Operator, "nobody is in charge of somebody who works nowhere");
            }
        }
        assert_eq!(ReportKind::Help.first(true, true), Desk::Region);
        assert_eq!(ReportKind::Help.first(true, false), Desk::Operator);
    }

    #[test]
    fn passing_on_goes_up_and_ends() {
        for desk in Desk::ALL {
            for followed in [true, false] {
                let mut at = *desk;
                while let Some(next) = at.above(followed) {
                    assert!(next > at);
                    at = next;
                }
                assert_eq!(at, Desk::Operator);
            }
        }
    }

    #[test]
    fn names_go_both_ways() {
        for kind in ReportKind::ALL {
            assert_eq!(ReportKind::parse(kind.as_str()), Some(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.as_str()));
        }
        assert_eq!(Desk::parse("elsewhere"), None);
        assert_eq!(ReportState::parse("open"), Some(ReportState::Open));
    }
}
