//! What a page leads to: which acts are open to whoever looks at it, each on its thing.
use super::{On, Reach, permitted, reach};
use crate::boxed;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, UseCase};
use sceau_store::{Tx, accounts, structures};

/// Is it a list, of which whoever may see all may see each?
pub fn only_shows(case: UseCase) -> bool {
    matches!(case, UseCase::PersonList | UseCase::BalList | UseCase::StructureList | UseCase::BodyList)
}

/// A thing, by the name that pages have of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A person, by login.
    Person(String),
    /// A BAL, by address.
    Bal(String),
    /// A structure, by code.
    Structure(String),
    /// A regional body, by code.
    Body(String),
}

/// May the asker do this, there? What is not there is nobody's.
fn open_to(tx: &mut dyn Tx, actor: &Actor, case: UseCase, thing: &Thing) -> Result<bool, Fail> {
    let on = match thing {
        Thing::Person(login) => accounts::person_by_login(tx, &login.to_ascii_lowercase())?.map(|p| On::Person(p.id)),
        Thing::Bal(key) => accounts::bal_by_address(tx, key)?.map(|b| On::Bal(b.id)),
        Thing::Structure(code) => structures::by_code(tx, code)?.map(|s| On::Structure(s.id)),
        Thing::Body(code) => structures::body_by_code(tx, code)?.map(|b| On::Body(b.id)),
    };
    on.map_or(Ok(false), |on| permitted(tx, actor, case, on))
}

impl Operator {
    /// Which of these the asker may do, each on its thing: what a page leads to. It is no answer about what exists: pages ask of what they name, and the
    /// call behind each link judges again.
    #[boxed]
    pub async fn permits(&self, actor: &Actor, wanted: Vec<(UseCase, Thing)>) -> Result<Vec<bool>, Refusal> {
        let named = |(case, thing): (UseCase, Thing)| match thing {
            // What is no address is no BAL's.
            Thing::Bal(address) => (case, Thing::Bal(self.key_of(&address).unwrap_or_default())),
            other => (case, other),
        };
        let (actor, wanted): (_, Vec<(UseCase, Thing)>) = (actor.clone(), wanted.into_iter().map(named).collect());
        let judge = move |tx: &mut dyn Tx| {
            let mut whole: Vec<(UseCase, bool)> = Vec::new();
            let mut open = Vec::with_capacity(wanted.len());
            for (case, thing) in &wanted {
                // Whoever sees all of something is not asked about each.
                let known = whole.iter().find(|(known, _)| known == case).map(|(_, all)| *all);
                let all = match known {
                    Some(all) => all,
                    None => {
                        let all = only_shows(*case) && matches!(reach(tx, &actor, *case), Ok(Reach::All));
                        whole.push((*case, all));
                        all
                    }
                };
                open.push(all || open_to(tx, &actor, *case, thing)?);
            }
            Ok::<_, Fail>(open)
        };
        Ok(self.0.store.read(judge).await?)
    }
}
