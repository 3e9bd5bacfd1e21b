//! Limits of messages, BALs and acts: every one declared once, with its built-in value, where that comes from, what it may be and where it may be
//! set; and the rule by which a BAL's value is found.
//!
//! The nearest word wins: built-in, configuration (`[limits]`, for the whole operator), domain, kind of BAL, structure, the BAL itself. Budgets of
//! parsers stand with their parsers; here is only what an operator decides and a user feels.
//!
//! Promises: a value out of its range is refused with the range; what a later version wrote and this one does not understand changes nothing.
use crate::{Refusal, RefusalCode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A mebibyte, in bytes.
pub const MIB: u64 = 1 << 20;
/// The least message that a server must take, bytes (RFC 5321 §4.5.3.1.7).
const LEAST_MESSAGE: u64 = 64 << 10;
/// The largest: the embedded store and IMAP count in signed and 32-bit numbers (RFC 9051 §9: number).
const LARGEST_MESSAGE: u64 = (u32::MAX / 2) as u64;

/// Most recipients that anybody may be allowed: what the doors hold of one message.
pub const MOST_RECIPIENTS: u64 = 10_000;

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things.
    Count,
    /// Days.
    Days,
    /// Minutes.
    Minutes,
}
impl Unit {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Days => "days",
            Self::Minutes => "minutes",
        }
    }
}

/// Where a value may be set, from afar to near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole operator: the configuration file.
    Operator,
    /// A domain.
    Domain,
    /// A kind of BAL.
    Kind,
    /// A structure.
    Structure,
    /// A BAL.
    Bal,
}
impl Scope {
    /// Every scope, from afar to near.
    pub const ALL: [Self; 5] = [Self::Operator, Self::Domain, Self::Kind, Self::Structure, Self::Bal];
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Domain => "domain",
            Self::Kind => "kind",
            Self::Structure => "structure",
            Self::Bal => "bal",
        }
    }
}
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl FromStr for Scope {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|x| x.as_str() == s).ok_or(())
    }
}

/// Scopes of what concerns the operator as a whole.
const WHOLE: &[Scope] = &[Scope::Operator];
/// Scopes of what concerns one BAL.
const EVERYWHERE: &[Scope] = &Scope::ALL;

/// What is known of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Stable name, as in `[limits]` of the configuration.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// The built-in value.
    pub built_in: u64,
    /// Least value.
    pub min: u64,
    /// Largest value.
    pub max: u64,
    /// Where it may be set.
    pub scopes: &'static [Scope],
    /// Where the built-in value comes from.
    pub source: &'static str,
    /// Was the source read? Otherwise it is our choice, to be confirmed.
    pub verified: bool,
}

/// Declares every limit once: field, type, built-in value, unit, range, scopes, source, verified.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $ty:ty = $built_in:expr, $unit:ident, $min:expr => $max:expr, $scopes:ident, $source:literal, $verified:literal;)*) => {
        /// A whole set of limits. `Default` gives the built-in ones.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits { $($(#[$doc])* pub $name: $ty),* }
        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $built_in),* }
            }
        }
        /// Values given for some limits, as in `[limits]` of the configuration.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Layer { $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$ty>),* }
        /// Every limit, in order.
        pub const DEFINITIONS: &[Definition] = &[$(Definition {
            name: stringify!($name),
            unit: Unit::$unit,
            built_in: $built_in as u64,
            min: $min,
            max: $max,
            scopes: $scopes,
            source: $source,
            verified: $verified,
        }),*];
        impl Limits {
            /// The value of a limit by its name.
            pub fn get(&self, name: &str) -> Option<u64> {
                match name { $(stringify!($name) => u64::try_from(self.$name).ok(),)* _ => None }
            }
            /// Sets a limit by its name; false when there is none, or when no such value can be held.
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name {
                    $(stringify!($name) => <$ty>::try_from(value).map(|v| self.$name = v).is_ok(),)*
                    _ => false,
                }
            }
            /// These limits, with those that a layer gives.
            #[must_use]
            pub fn with(self, layer: &Layer) -> Self {
                Self { $($name: layer.$name.unwrap_or(self.$name)),* }
            }
        }
    };
}

limits! {
    /// Largest whole message, encoded as it travels, in bytes. 10 MB is what the field recommends and what client
    /// programs expect; taken as 10 MiB, so that a sender who counts either way passes.
    message_bytes: u64 = 10 * MIB, Bytes, LEAST_MESSAGE => LARGEST_MESSAGE, EVERYWHERE, "OIIS, convention (10 Mo)", true;
    /// Largest whole message when every recipient is a patient, in bytes. Mon espace santé returns what is over 25 MB;
    /// taken as 25,000,000, so that what passes here passes there however they count.
    patient_message_bytes: u64 = 25_000_000, Bytes, LEAST_MESSAGE => LARGEST_MESSAGE, EVERYWHERE, "Mon espace santé (25 Mo)", false;
    /// Most recipients of one message (Cc and Bcc included).
    recipients: usize = 40, Count, 1 => MOST_RECIPIENTS, EVERYWHERE, "OIIS, convention (40)", true;
    /// Quota of a BAL, in bytes of stored messages.
    quota_bytes: u64 = 2048 * MIB, Bytes, 1 => i64::MAX as u64, EVERYWHERE, "OIIS, convention (2 Go)", true;
    /// Messages that a BAL may send in a sliding hour; 0: as many as it likes.
    submissions_per_hour: u32 = 0, Count, 0 => 1_000_000, EVERYWHERE, "Sceau", false;
    /// Recipients that a BAL may write to in a sliding hour; 0: as many as it likes.
    recipients_per_hour: u32 = 0, Count, 0 => 1_000_000, EVERYWHERE, "Sceau", false;
    /// Recipients that a BAL may write to in a sliding day; 0: as many as it likes.
    recipients_per_day: u32 = 0, Count, 0 => 10_000_000, EVERYWHERE, "Sceau", false;
    /// Most folders of one BAL.
    folders: usize = 2_000, Count, 1 => 100_000, EVERYWHERE, "Sceau", false;
    /// Most different user keywords of one BAL.
    keywords: usize = 500, Count, 1 => 10_000, EVERYWHERE, "Sceau", false;
    /// Longest delegation of a BAL, in days, from its first day to its last.
    delegation_days: u32 = 366, Days, 1 => 3_660, EVERYWHERE, "Sceau", false;
    /// Use of a shared BAL is unusual when a member does on a day more than this many times the most that anybody did there on one of the 28 days
    /// before; 0: never.
    alert_factor: u32 = 3, Count, 0 => 1_000, EVERYWHERE, "Sceau", false;
    /// Fewer messages read, sent or removed by somebody on a day than this are never unusual.
    alert_least: u32 = 100, Count, 1 => 1_000_000, EVERYWHERE, "Sceau", false;
    /// Fewer acts outside the working calendar by somebody on a day than this are never unusual.
    alert_off_hours: u32 = 30, Count, 1 => 1_000_000, EVERYWHERE, "Sceau", false;
    /// Documents under a password (archives, office documents), which the antivirus cannot read: 0 taken as they are, 1 taken and marked
    /// (`X-Sceau-Unread`, trace), 2 refused. Of the sender and the recipients of a message the strictest counts. S/MIME and PGP are no such documents.
    encrypted_documents: u32 = 1, Count, 0 => 2, EVERYWHERE, "Sceau", false;
    /// Codes by ordinary mail as the second means behind a password: 1 admitted, 0 not. Of the places where somebody has a BAL the strictest counts; never
    /// for whoever administers.
    mail_codes: u32 = 1, Count, 0 => 1, EVERYWHERE, "Sceau", false;
    /// Device tokens that one person may have at once for mail programs; 0: none. Of the places where somebody has a BAL the strictest counts.
    device_tokens: u32 = 20, Count, 0 => 1_000, EVERYWHERE, "Sceau", false;
    /// For how long a device token is good at most, in days; likewise.
    device_token_days: u32 = 366, Days, 1 => 3_660, EVERYWHERE, "Sceau", false;
    /// Most `Received` fields before a message is judged to loop (RFC 5321 §6.3 advises 100 or more).
    hops: usize = 100, Count, 10 => 1_000, WHOLE, "RFC 5321 §6.3", true;
    /// For how long a program that was away learns exactly what was removed meanwhile (IMAP QRESYNC, JMAP `/changes`), in days.
    /// One that was away longer fetches its list of messages again. A month outlasts a holiday.
    journal_days: u32 = 30, Days, 1 => 3_660, WHOLE, "Sceau", false;
    /// Failed logins of one login from one address in a minute before it is refused there; the whole address waits after 20 times
    /// as many.
    login_failures_per_minute: u32 = 20, Count, 1 => 100_000, WHOLE, "Sceau", false;
    /// Mail programs' sessions (IMAP) that one person may have open at one node; 0: any number.
    sessions_per_person: u32 = 200, Count, 0 => 1_000_000, WHOLE, "Sceau", false;
    /// Messages that may be submitted from one address (an IPv6 /64) in a sliding hour; 0: any number. A whole hospital may stand behind one.
    place_messages_per_hour: u32 = 500_000, Count, 0 => 100_000_000, WHOLE, "Sceau", false;
    /// Messages taken from one certificate of another operator in a sliding hour; 0: any number. `[[abuse.partners]]` says otherwise for one.
    peer_messages_per_hour: u32 = 1_000_000, Count, 0 => 100_000_000, WHOLE, "Sceau", false;
    /// Recipients of them, likewise.
    peer_recipients_per_hour: u32 = 5_000_000, Count, 0 => 1_000_000_000, WHOLE, "Sceau", false;
    /// For how long the same message (Message-ID and content) from the same BAL to the same recipient is taken for a retry, and accepted once, in minutes;
    /// 0: never.
    repeat_minutes: u32 = 30, Minutes, 0 => 1_440, WHOLE, "Sceau", false;
    /// Largest file of people and BALs to be imported, in bytes.
    import_bytes: u64 = 64 * MIB, Bytes, 1024 => 4096 * MIB, WHOLE, "Sceau", false;
    /// Largest file of a reference table, in bytes: a national register is a few hundred megabytes.
    reference_bytes: u64 = 4096 * MIB, Bytes, 1024 => 65_536 * MIB, WHOLE, "Sceau", false;
    /// For how long the lines of an import are kept once it is over, in days.
    import_days: u32 = 90, Days, 1 => 3_660, WHOLE, "Sceau", false;
}

fn wrong(name: &str, cause: impl ToString) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name).with("cause", cause)
}

/// The definition of a limit. `admin.not_found`.
pub fn definition(name: &str) -> Result<&'static Definition, Refusal> {
    DEFINITIONS.iter().find(|d| d.name == name).ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", name))
}

impl Definition {
    /// Refuses a value out of the range, naming the range: `admin.invalid`.
    pub fn check(&self, value: u64) -> Result<(), Refusal> {
        self.within(value, self.min, self.max)
    }
    fn within(&self, value: u64, min: u64, max: u64) -> Result<(), Refusal> {
        if (min..=max).contains(&value) {
            return Ok(());
        }
        Err(wrong(self.name, format!("{value}: {min} … {max} {}", self.unit.as_str())))
    }
    /// Refuses a value that may not be set for a scope below the operator, whose limits are `operator`: `admin.invalid`, with the scopes or the
    /// range. Nobody can be given a larger message than the doors announce, nor a BAL that the largest message does not fit into.
    pub fn check_at(&self, scope: Scope, value: u64, operator: &Limits) -> Result<(), Refusal> {
        if scope == Scope::Operator {
            return Err(wrong(self.name, format!("[limits] {} = {value}", self.name)));
        }
        if !self.scopes.contains(&scope) {
            let scopes: Vec<&str> = self.scopes.iter().map(|s| s.as_str()).collect();
            return Err(wrong(self.name, format!("{scope}: {}", scopes.join(", "))));
        }
        let largest = operator.announced_bytes();
        match self.name {
            "message_bytes" | "patient_message_bytes" => self.within(value, self.min, self.max.min(largest)),
            "quota_bytes" => self.within(value, self.min.max(largest), self.max),
            _ => self.check(value),
        }
    }
}

impl Limits {
    /// The size to announce (RFC 1870) while recipients are not known yet, in bytes.
    pub fn announced_bytes(&self) -> u64 {
        self.message_bytes.max(self.patient_message_bytes)
    }
    /// The largest message for these recipients, in bytes: the patients' limit only counts when there is no other recipient.
    pub fn message_bytes_for(&self, only_patients: bool) -> u64 {
        if only_patients { self.patient_message_bytes } else { self.message_bytes }
    }
    /// Refuses a set of limits that nothing can live with.
    ///
    /// # Errors
    /// `admin.invalid`, naming the limit.
    pub fn check(&self) -> Result<(), Refusal> {
        for definition in DEFINITIONS {
            // Every field is in the table: one line makes both.
            definition.check(self.get(definition.name).unwrap_or_default())?;
        }
        if self.quota_bytes < self.announced_bytes() {
            return Err(wrong("quota_bytes", "< message_bytes"));
        }
        Ok(())
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum From {
    /// Nobody set it.
    BuiltIn,
    /// The configuration of the operator.
    Configuration,
    /// It was set there.
    Set(Scope),
}
impl From {
    /// Stable name: `built_in`, `configuration`, or the scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Configuration => "configuration",
            Self::Set(scope) => scope.as_str(),
        }
    }
}

/// A value that was set, for one of the places that a BAL is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where.
    pub scope: Scope,
    /// Of which limit.
    pub name: String,
    /// Value.
    pub value: u64,
}

/// The limits of a BAL, given the operator's and what was set for its places, in any order.
pub fn resolve(operator: &Limits, settings: &[Setting]) -> Limits {
    let mut limits = *operator;
    for definition in DEFINITIONS {
        if let Some(nearest) = nearest(definition, settings) {
            limits.set(definition.name, nearest.value);
        }
    }
    limits
}

/// Where the value of a limit comes from, given the same.
pub fn origin(definition: &Definition, operator: &Limits, settings: &[Setting]) -> From {
    match nearest(definition, settings) {
        Some(setting) => From::Set(setting.scope),
        None if operator.get(definition.name) == Some(definition.built_in) => From::BuiltIn,
        None => From::Configuration,
    }
}

/// The setting that counts. One that is not for its scope or out of its range counts for nothing: a later version may know better, we do not.
fn nearest<'a>(definition: &Definition, settings: &'a [Setting]) -> Option<&'a Setting> {
    let counts = |s: &&Setting| {
        s.name == definition.name
            && s.scope != Scope::Operator
            && definition.scopes.contains(&s.scope)
            && definition.check(s.value).is_ok()
    };
    settings.iter().filter(counts).max_by_key(|s| s.scope)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
