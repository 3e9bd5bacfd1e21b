//! The two sorts of traces of the probative log (F121, F122). One type for the rows, the canonical bytes and the retention.
use serde::{Deserialize, Serialize};

/// Which retention a trace has (F121, F122).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TraceKind {
    /// An act of a person or a peer: ten years.
    Functional,
    /// An automatic act of the system: one year.
    Technical,
}

impl TraceKind {
    /// Name in the database and in canonical bytes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Functional => "Functional",
            Self::Technical => "Technical",
        }
    }
    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Functional, Self::Technical].into_iter().find(|k| k.as_str() == name)
    }
}
