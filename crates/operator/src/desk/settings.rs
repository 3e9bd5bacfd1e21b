//! What is configured of the desk: `[desk]`. The program reads the section as it stands here.
use serde::{Deserialize, Serialize};

/// `[desk]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a sent message can be held back, seconds: a person chooses within it. At most [`Settings::MOST_UNDO`].
    pub undo_seconds: u32,
    /// How long after "delete for good" the message is removed, seconds: until then it can be taken back.
    pub removal_seconds: u32,
    /// How long files on their way are kept without a draft, hours.
    pub upload_hours: u32,
    /// How far ahead a message may be scheduled, days.
    pub schedule_days: u32,
    /// How long what became of each recipient is shown, days: the traces say the same for as long as they are kept (our choice).
    pub deliveries_days: u32,
    /// How much of a message's own pictures is shown within it, MiB.
    pub images_inline_mib: u32,
    /// How large "all pieces" may be, MiB.
    pub zip_mib: u32,
}

impl Settings {
    /// Longest time in which a sent message can be held back, seconds.
    pub const MOST_UNDO: u32 = 30;

    /// What is not as it must be: its key and its value.
    pub fn wrong(&self) -> Option<(&'static str, String)> {
        let within =
            |key, value: u32, least: u32, most: u32| (value < least || value > most).then(|| (key, value.to_string()));
        within("undo_seconds", self.undo_seconds, 0, Self::MOST_UNDO)
            .or_else(|| within("removal_seconds", self.removal_seconds, 1, 600))
            .or_else(|| within("upload_hours", self.upload_hours, 1, 720))
            .or_else(|| within("schedule_days", self.schedule_days, 1, 3_660))
            .or_else(|| within("deliveries_days", self.deliveries_days, 1, 3_660))
            .or_else(|| within("images_inline_mib", self.images_inline_mib, 0, 64))
            .or_else(|| within("zip_mib", self.zip_mib, 1, 1_024))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            undo_seconds: 10,
            removal_seconds: 15,
            upload_hours: 48,
            schedule_days: 365,
            deliveries_days: 400,
            images_inline_mib: 8,
            zip_mib: 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_within_their_bounds() {
        assert_eq!(Settings::default().wrong(), None);
        let long = Settings { undo_seconds: 31, ..Settings::default() };
        assert_eq!(long.wrong(), Some(("undo_seconds", "31".to_owned())));
        let none = Settings { removal_seconds: 0, ..Settings::default() };
        assert_eq!(none.wrong(), Some(("removal_seconds", "0".to_owned())));
    }
}
