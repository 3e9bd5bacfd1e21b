//! BALs on their way to being opened, changed and closed, as use cases, on both engines.
mod bals;
mod changes;
mod contacts;
mod guards;
mod imports;
mod moves;
mod policies;
mod register;
mod scale;
mod steps;

use sceau_domain::opening::State;
use sceau_domain::{BalKind, ConventionState, Opening, Role, Timestamp};
use sceau_operator::accounts::NewBal;
use sceau_operator::accounts::structures::views::{Convention, NewStructure, Settlement};
use sceau_operator::openings::{NewOpening, OpeningView};
use sceau_operator::roles::NewRole;
use sceau_operator::{Actor, Door, PersonRef, Who};
use sceau_store::{Id, StoreError, Tx, accounts};
use sceau_testkit::addr;
use sceau_testkit::world::{World, origin};

/// The world with the hospital `hopital` on `alpha.mssante.fr`: `chef` administers it, `anne` and `bruno` work there.
pub(crate) struct House(pub World);

impl House {
    pub async fn new(store: sceau_store::testing::TestStore) -> Self {
        let house = Self(World::on(store, |_| {}).await);
        let (op, admin) = (&house.0.op, &house.0.admin);
        house.people(&["chef"]).await;
        let new =
            NewStructure { code: "hopital".into(), name: "Hôpital de l'Exemple".into(), ..NewStructure::default() };
        op.add_structure(admin, new).await.unwrap();
        house.settle(Opening::Delegated, ConventionState::Signed).await;
        for login in ["anne", "bruno", "chef"] {
            op.join_structure(admin, login, "hopital", "médecin", None).await.unwrap();
        }
        let role = NewRole {
            login: "chef".into(),
            role: Role::Structure,
            structure: Some("hopital".into()),
            body: None,
            function: Some("Essai".into()),
            reason: "désigné par la structure".into(),
        };
        op.grant_role(admin, role).await.unwrap();
        house
    }
    /// Adds people who may open BALs.
    pub async fn people(&self, logins: &[&str]) {
        sceau_testkit::people(&self.0.op, &self.0.store, &self.0.admin, &[], logins).await;
        for login in logins {
            self.edit(login, |p| (p.given_name, p.family_name) = (Some("Prénom".into()), Some("Nom".into()))).await;
        }
    }
    /// Adds people whose identity is certified, but who have not accepted the terms.
    pub async fn undecided(&self, logins: &[&str]) {
        sceau_testkit::newcomers(&self.0.op, &self.0.admin, logins).await;
        for login in logins {
            sceau_testkit::certified(&self.0.store, login).await;
        }
    }
    /// Who opens BALs of the hospital, and where its convention stands.
    pub async fn settle(&self, opening: Opening, state: ConventionState) {
        let (op, admin) = (&self.0.op, &self.0.admin);
        let version = op.structure(admin, "hopital").await.unwrap().version;
        let convention = Convention { state, reference: Some("CONV-1".into()), from: Some(Timestamp(0)), until: None };
        let settlement = Settlement {
            convention: Some(convention),
            domains: Some(vec!["alpha.mssante.fr".into()]),
            body: None,
            opening: Some(opening),
        };
        op.settle_structure(admin, "hopital", version, settlement).await.unwrap();
    }
    /// A person at the REST door.
    pub async fn actor(&self, login: &str) -> Actor {
        let row = self.person(login).await;
        let who = Who::Person(PersonRef { id: row.id, login: row.login, name: row.name });
        Actor { who, bal: None, credential: None, proof: Default::default(), origin: origin(Door::Api) }
    }
    pub async fn person(&self, login: &str) -> accounts::Person {
        let login = login.to_owned();
        let found = self.0.store.read(move |tx| accounts::person_by_login(tx, &login)).await;
        found.unwrap_or_else(|e: StoreError| panic!("{e}")).expect("person")
    }
    /// Changes a person's row.
    pub async fn edit(&self, login: &str, change: impl FnOnce(&mut accounts::Person)) {
        let mut row = self.person(login).await;
        change(&mut row);
        self.write(move |tx| accounts::update_person(tx, &row)).await;
    }
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl Fn(&mut dyn Tx) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> T {
        self.0.store.write(f).await.unwrap_or_else(|e: StoreError| panic!("{e}"))
    }
    pub async fn row(&self, address: &str) -> Option<accounts::Bal> {
        let key = addr(address).key();
        let found = self.0.store.read(move |tx| accounts::bal_by_address(tx, &key)).await;
        found.unwrap_or_else(|e: StoreError| panic!("{e}"))
    }
    /// Asks as this person.
    pub async fn ask(&self, login: &str, bal: NewBal) -> OpeningView {
        let actor = self.actor(login).await;
        self.0.op.ask_opening(&actor, NewOpening::Open(bal)).await.unwrap()
    }
    /// The person accepts what is in force, as the page of the terms has it done.
    pub async fn accept(&self, login: &str) {
        let terms = self.0.op.terms_in_force().await.unwrap();
        let actor = self.actor(login).await;
        self.0.op.accept_terms(&actor, &terms.version.version, &terms.version.digest).await.unwrap();
    }
    pub async fn state(&self, id: &str) -> State {
        self.0.op.opening(&self.0.admin, number(id)).await.unwrap().state
    }
}

/// A BAL of the hospital.
pub(crate) fn of_hospital(local: &str, kind: BalKind, holders: &[&str]) -> NewBal {
    let new = NewBal::new(addr(&format!("{local}@alpha.mssante.fr")), kind, "Boîte", holders);
    NewBal { structure: Some("hopital".into()), ..new }
}

pub(crate) fn number(id: &str) -> Id {
    id.parse().unwrap()
}
