//! Who signs in at the played providers: the synthetic people of the world, two whom no operator knows, a few whom the register alone knows, and those who
//! play a part once somebody enters them.
use crate::rpps::{Professional, strangers};
use crate::world::World;
use serde_json::{Value, json};

/// How many newcomers come by the provider. They have cards too.
const NEWCOMERS: usize = 3;

/// Somebody.
#[derive(Debug, Clone)]
pub struct Person {
    /// Login at the operator; for whoever has none, a name to pick: of a newcomer the number.
    pub login: String,
    /// National identifier as the directory writes it: `8` and the RPPS. None for a hospital's clerk.
    pub national: Option<String>,
    /// Family name.
    pub family: String,
    /// Given name.
    pub given: String,
    /// Code of the profession (TRE_G15).
    pub profession: &'static str,
}

impl Person {
    /// The provider's own name for the person.
    pub fn subject(&self) -> String {
        format!("f:5cea0000-0000-4000-8000-000000000001:{}", self.login)
    }
    /// As people read it.
    pub fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
    /// What userinfo says, in the shape of a published answer of Pro Santé Connect.
    pub fn userinfo(&self) -> Value {
        json!({
            "sub": self.subject(),
            "SubjectNameID": self.national,
            "preferred_username": self.national.as_deref().unwrap_or(&self.login),
            "given_name": self.given,
            "family_name": self.family,
            "codeCivilite": "M",
            "Secteur_Activite": "SA07^1.2.250.1.71.4.2.4",
            "SubjectRole": format!("{}^1.2.250.1.213.1.1.5.5", self.profession),
            "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
            "UITVersion": "1.0",
            "SubjectRefPro": { "exercices": [{
                "codeProfession": self.profession,
                "codeCategorieProfessionnelle": "C",
                "nomDexercice": self.family,
                "prenomDexercice": self.given,
                "activities": [{ "codeModeExercice": "L", "raisonSocialeSite": "BAC A SABLE" }],
            }] },
        })
    }
}

/// Professionals of all operators; and somebody whom nobody knows, and somebody with another one's number.
pub fn professionals(world: &World) -> Vec<Person> {
    let people = world.operators.iter().flat_map(|o| &o.people);
    let mut all: Vec<Person> = people
        .filter_map(|(login, name, rpps)| {
            let (given, family) = names(name);
            Some(Person {
                login: (*login).to_owned(),
                national: Some(format!("8{}", (*rpps)?)),
                family,
                given,
                profession: profession(name),
            })
        })
        .collect();
    let more = [("ines.nouvelle", "Inès", "NOUVELLE", "10000000090"), ("faux.martin", "Zoé", "AUTRE", "10000000017")];
    all.extend(more.map(|(login, given, family, rpps)| Person {
        login: login.into(),
        national: Some(format!("8{rpps}")),
        family: family.into(),
        given: given.into(),
        profession: "10",
    }));
    all
}

/// Names to pick of those who play a part beside the world's own people, once somebody enters them: a secretary, who administers a structure, a regional
/// body's agent, support, auditor, an administrator of the operator.
const PARTS: [&str; 6] =
    ["role.secretaire", "role.structure", "role.region", "role.support", "role.auditeur", "role.operateur"];
/// Where they begin in the register: those before have cards, and no account here.
const FIRST: usize = 100;

/// Whom Pro Santé Connect knows: those professionals; newcomers, whom the register knows and no operator; and who plays a part.
pub fn everybody(world: &World) -> Vec<Person> {
    let known = |login: Option<&str>, p: Professional| Person {
        national: Some(format!("8{}", p.rpps)),
        login: login.map_or(p.rpps, str::to_owned),
        family: p.family,
        given: p.given,
        profession: p.profession,
    };
    let newcomers = strangers().take(NEWCOMERS).map(|p| known(None, p));
    let parts = parts().map(|(login, p)| known(Some(login), p));
    professionals(world).into_iter().chain(newcomers).chain(parts).collect()
}

/// Who plays which part, as [`PARTS`] has them.
pub fn parts() -> impl Iterator<Item = (&'static str, Professional)> {
    PARTS.into_iter().zip(strangers().skip(FIRST))
}

/// Whoever works at a hospital, its administrator too.
pub fn employees(o: &crate::world::OperatorSpec) -> Vec<Person> {
    let members = o.people.iter().filter(|p| o.structure.members.iter().any(|m| m.0 == p.0));
    let people = members.map(|(login, name, _)| (*login, *name)).chain([o.structure.administrator]);
    people
        .map(|(login, name)| {
            let (given, family) = names(name);
            Person { login: login.into(), national: None, family, given, profession: profession(name) }
        })
        .collect()
}

/// Given and family name of "Dr Marie MARTIN, occupation".
fn names(name: &str) -> (String, String) {
    let (given, family, _) = crate::provision::names(name);
    (given.to_owned(), family.to_owned())
}

fn profession(name: &str) -> &'static str {
    let occupations = [("infirmière", "60"), ("pharmacien", "21"), ("sage-femme", "50"), ("kinésithérapeute", "70")];
    occupations.into_iter().find(|(word, _)| name.contains(word)).map_or("10", |(_, code)| code)
}
