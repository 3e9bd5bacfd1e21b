//! `[openings]`: what is asked before a BAL opens, beyond what no operator may leave out.
use sceau_domain::opening::AddressRule;
use serde::{Deserialize, Serialize};

/// `[openings]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpeningsSection {
    /// The ordinary address of whoever is to stand for a BAL (F063): `required` (given and confirmed by its link), `given` (the link may be used later),
    /// `off`.
    pub notification_address: AddressRule,
}

impl OpeningsSection {
    /// Does it ask for addresses to which nothing could send a link?
    pub fn lacks_relay(self, relay: bool) -> bool {
        !relay && self.notification_address != AddressRule::Off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_asked_for_unless_it_is_said_otherwise() {
        let section = |text: &str| toml::from_str::<OpeningsSection>(text);
        assert_eq!(section("").unwrap().notification_address, AddressRule::Required);
        for (word, rule) in
            [("required", AddressRule::Required), ("given", AddressRule::Given), ("off", AddressRule::Off)]
        {
            let read = section(&format!("notification_address = {word:?}")).unwrap();
            assert_eq!((read.notification_address, read.lacks_relay(false)), (rule, rule != AddressRule::Off));
            assert!(!read.lacks_relay(true));
        }
        assert!(section("notification_address = \"no\"").is_err() && section("address = \"off\"").is_err());
    }
}
