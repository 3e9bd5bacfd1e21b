//! Limits of messages and BALs: the built-in values, and what makes a set of limits acceptable.
//!
//! Budgets of parsers stand with their parsers; here is only what an operator decides and a user feels.
use crate::{Refusal, RefusalCode};
use serde::{Deserialize, Serialize};

/// A mebibyte, in bytes.
pub const MIB: u64 = 1 << 20;

/// Limits in force. `Default` gives the built-in ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest whole message, encoded as it travels, in bytes. 10 MB is what the field recommends and what client
    /// programs expect; taken as 10 MiB, so that a sender who counts either way passes.
    pub message_bytes: u64,
    /// Largest whole message when every recipient is a patient, in bytes. Mon espace santé returns what is over 25 MB;
    /// taken as 25,000,000, so that what passes here passes there however they count.
    pub patient_message_bytes: u64,
    /// Most recipients of one message (Cc and Bcc included).
    pub recipients: usize,
    /// Quota of a new BAL, in bytes of stored messages.
    pub quota_bytes: u64,
    /// Most `Received` fields before a message is judged to loop (RFC 5321 §6.3 advises 100 or more).
    pub hops: usize,
    /// Most folders of one BAL.
    pub folders: usize,
    /// Most different user keywords of one BAL.
    pub keywords: usize,
    /// For how long a program that was away learns exactly what was removed meanwhile (IMAP QRESYNC, JMAP `/changes`), in days.
    /// One that was away longer fetches its list of messages again. A month outlasts a holiday.
    pub journal_days: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 10 * MIB,
            patient_message_bytes: 25_000_000,
            recipients: 40,
            quota_bytes: 2048 * MIB,
            hops: 100,
            folders: 2_000,
            keywords: 500,
            journal_days: 30,
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
        let wrong =
            |name: &str, cause: &str| Err(Refusal::new(RefusalCode::Invalid).with("name", name).with("cause", cause));
        // RFC 5321 §4.5.3.1.7: 64 KiB is the least a server must take.
        for (name, bytes) in
            [("message_bytes", self.message_bytes), ("patient_message_bytes", self.patient_message_bytes)]
        {
            if bytes < 64 << 10 {
                return wrong(name, "< 65536");
            }
            // The embedded store and IMAP count in signed and 32-bit numbers (RFC 9051 §9: number).
            if bytes > u64::from(u32::MAX) / 2 {
                return wrong(name, "> 2147483647");
            }
        }
        if self.quota_bytes < self.announced_bytes() {
            return wrong("quota_bytes", "< message_bytes");
        }
        if i64::try_from(self.quota_bytes).is_err() {
            return wrong("quota_bytes", "> 2^63");
        }
        for (name, count) in [("recipients", self.recipients), ("folders", self.folders), ("keywords", self.keywords)] {
            if count == 0 {
                return wrong(name, "0");
            }
        }
        if self.hops < 10 {
            return wrong("hops", "< 10");
        }
        if self.journal_days == 0 {
            return wrong("journal_days", "0");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_limits_are_those_of_the_field() {
        let l = Limits::default();
        assert_eq!(l.check(), Ok(()));
        assert!(l.message_bytes_for(false) >= 10_000_000 && l.message_bytes_for(true) <= 25_000_000);
        assert_eq!((l.recipients, l.quota_bytes, l.announced_bytes()), (40, 2 << 30, 25_000_000));
    }

    #[test]
    fn absurd_limits_are_refused_by_name() {
        let d = Limits::default();
        for (limits, name) in [
            (Limits { message_bytes: 1000, ..d }, "message_bytes"),
            (Limits { patient_message_bytes: 1 << 40, ..d }, "patient_message_bytes"),
            (Limits { quota_bytes: 1 << 20, ..d }, "quota_bytes"),
            (Limits { quota_bytes: u64::MAX, ..d }, "quota_bytes"),
            (Limits { recipients: 0, ..d }, "recipients"),
            (Limits { folders: 0, ..d }, "folders"),
            (Limits { keywords: 0, ..d }, "keywords"),
            (Limits { hops: 3, ..d }, "hops"),
            (Limits { journal_days: 0, ..d }, "journal_days"),
        ] {
            let refusal = limits.check().expect_err(name);
            assert_eq!(refusal.code, RefusalCode::Invalid);
            assert!(refusal.args.contains(&("name", name.to_owned())), "{refusal:?}");
        }
    }

    #[test]
    fn missing_values_are_the_built_in_ones_and_unknown_ones_errors() {
        let l: Limits = toml::from_str("recipients = 3").expect("valid");
        assert_eq!(l, Limits { recipients: 3, ..Limits::default() });
        assert!(toml::from_str::<Limits>("recipient = 3").is_err());
    }
}
