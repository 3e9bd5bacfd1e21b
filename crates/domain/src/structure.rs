//! What is said of a structure: who opens its BALs, where its convention stands, who answers for its data.
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),* }
        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Stable name.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $text),* } }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }
        impl FromStr for $name {
            type Err = ();
            fn from_str(s: &str) -> Result<Self, ()> { Self::ALL.iter().copied().find(|v| v.as_str() == s).ok_or(()) }
        }
    };
}

named! {
    /// Who opens BALs of a structure (F012).
    Opening {
        /// The structure's own administrators.
        Delegated "delegated",
        /// The operator, on the structure's request.
        Operator "operator",
        /// The professional, by card.
        Own "self",
    }
}

named! {
    /// Where the convention between the structure and the operator stands.
    ConventionState {
        /// There is none.
        None "none",
        /// It is being prepared.
        Draft "draft",
        /// It is signed.
        Signed "signed",
        /// It is over.
        Ended "ended",
    }
}

named! {
    /// A place in the chain of those who process personal data (F152).
    Processing {
        /// Decides why and how: the structure, or the professional in person.
        Controller "controller",
        /// Processes for the controller: the operator, a regional body between them.
        Processor "processor",
        /// Receives what the regulations give it: indicators, for ANS.
        Recipient "recipient",
    }
}

impl ConventionState {
    /// May what is asked for the structure be opened? A convention that is not signed is no consent (F012).
    pub fn binds(self) -> bool {
        matches!(self, Self::Signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for o in Opening::ALL {
            assert_eq!(o.as_str().parse(), Ok(*o));
            assert_eq!(serde_json::to_string(o).unwrap(), format!("\"{o}\""));
        }
        assert_eq!("self".parse(), Ok(Opening::Own));
        assert_eq!("signed".parse(), Ok(ConventionState::Signed));
        assert_eq!("".parse::<ConventionState>(), Err(()));
        assert!(ConventionState::Signed.binds() && !ConventionState::Draft.binds());
    }
}
