//! `[imap]`: the door of mail programs.
use super::ConfigError;
use serde::{Deserialize, Serialize};

/// Longest name of a level, bytes.
const LONGEST: usize = 100;
/// Smallest limit of messages (RFC 9738 §3).
const LEAST: u32 = 1000;

/// `[imap]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImapSection {
    /// Under which name mail programs show a person's other BALs (shared ones, delegated ones) beside his own: `name/address/folder`. Empty: they are
    /// reached by a login of their own (`person*bal`) only.
    pub other_users: String,
    /// How many messages one command works on at most (RFC 9738), at least 1000; none: no limit. Mail programs that do not know the limit then see only the last
    /// messages of a larger folder.
    pub message_limit: Option<u32>,
}

impl Default for ImapSection {
    fn default() -> Self {
        Self { other_users: "Autres BAL".into(), message_limit: None }
    }
}

impl ImapSection {
    /// One level that is neither INBOX nor holds what mailbox names cannot.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let name = self.other_users.as_str();
        let wrong =
            |c: char| c.is_control() || matches!(c, '/' | '%' | '*' | '#' | '\u{2028}' | '\u{2029}' | '\u{feff}');
        if name.len() > LONGEST || name.trim() != name || name.contains(wrong) || name.eq_ignore_ascii_case("INBOX") {
            return Err(ConfigError::of("config.imap_others", &[("value", &self.other_users)]));
        }
        if let Some(most) = self.message_limit.filter(|most| *most < LEAST) {
            return Err(ConfigError::of("config.imap_limit", &[("value", &most.to_string())]));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_level() {
        let check = |name: &str| ImapSection { other_users: name.into(), ..ImapSection::default() }.check().is_ok();
        for good in ["", "Autres BAL", "Boîtes partagées", "Other Users"] {
            assert!(check(good), "{good}");
        }
        for bad in ["inbox", "a/b", "*", " x", "a\nb", &"x".repeat(101)] {
            assert!(!check(bad), "{bad:?}");
        }
    }

    #[test]
    fn limits_that_leave_a_mailbox_readable() {
        let check = |most| ImapSection { message_limit: most, ..ImapSection::default() }.check().is_ok();
        assert!(check(None) && check(Some(1000)) && check(Some(u32::MAX)) && !check(Some(999)) && !check(Some(0)));
    }
}
