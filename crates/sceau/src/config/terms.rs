//! `[terms]`: what the placeholders of the terms of use stand for.
use sceau_domain::terms::Values;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `[terms]`: a text each; the two of hours and the three of durations have usual values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TermsSection {
    /// Legal name and form of the operator; its name when absent.
    pub operateur: Option<String>,
    /// Registered address.
    pub adresse: Option<String>,
    /// Who represents it, and as what.
    pub representant: Option<String>,
    /// Where comments and complaints go.
    pub contact: Option<String>,
    /// How support is reached.
    pub support: Option<String>,
    /// When support opens.
    pub ouverture: Option<String>,
    /// When support closes.
    pub fermeture: Option<String>,
    /// Data protection officer.
    pub dpo: Option<String>,
    /// Certified host of the data.
    pub hebergeur: Option<String>,
    /// Months without a login after which a BAL is closed.
    pub inactivite: Option<u32>,
    /// Years for which functional traces are kept.
    pub traces_fonctionnelles: Option<u32>,
    /// Years for which technical traces are kept.
    pub traces_techniques: Option<u32>,
    /// Placeholders of the operator's own texts.
    pub autres: BTreeMap<String, String>,
}

impl TermsSection {
    /// What is given, by placeholder.
    pub fn values(&self) -> Values {
        let number = |n: Option<u32>| n.map(|n| n.to_string());
        let named = [
            ("operateur", self.operateur.clone()),
            ("adresse", self.adresse.clone()),
            ("representant", self.representant.clone()),
            ("contact", self.contact.clone()),
            ("support", self.support.clone()),
            ("ouverture", self.ouverture.clone()),
            ("fermeture", self.fermeture.clone()),
            ("dpo", self.dpo.clone()),
            ("hebergeur", self.hebergeur.clone()),
            ("inactivite", number(self.inactivite)),
            ("traces_fonctionnelles", number(self.traces_fonctionnelles)),
            ("traces_techniques", number(self.traces_techniques)),
        ];
        let given = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        self.autres.clone().into_iter().chain(given).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_named_as_the_text_names_it() {
        let section: TermsSection =
            toml::from_str("dpo = \"dpo@exemple.fr\"\ninactivite = 6\n[autres]\nlogiciel = \"Sceau\"\n").unwrap();
        let values = section.values();
        assert_eq!(values["dpo"], "dpo@exemple.fr");
        assert_eq!((values["inactivite"].as_str(), values["logiciel"].as_str()), ("6", "Sceau"));
        assert_eq!(values.len(), 3);
    }
}
