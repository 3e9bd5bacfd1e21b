//! People, structures, regional bodies, reports, announcements and what is published, as use cases, on both engines.
mod identity;
mod lists;
mod reports;

use sceau_domain::Role;
use sceau_operator::accounts::NewPerson;
use sceau_operator::accounts::structures::views::{NewBody, NewStructure, Settlement};
use sceau_operator::roles::NewRole;
use sceau_operator::{Actor, Door, PersonRef, Who};
use sceau_store::{StoreError, Tx, accounts};
use sceau_testkit::world::{World, origin};

/// Two structures: `nord`, which the body `grades` follows, and `sud`. `chef` and `lointain` administer them, `agent` is of the body, `aide` is the
/// support; `anne` (of the world) works in `nord`, `bruno` in both.
pub(crate) struct House(pub World);

impl House {
    pub async fn new(store: sceau_store::testing::TestStore) -> Self {
        Self::with(store, |_| {}).await
    }
    pub async fn with(
        store: sceau_store::testing::TestStore,
        change: impl FnOnce(&mut sceau_operator::OperatorConfig),
    ) -> Self {
        let house = Self(World::on(store, change).await);
        let (op, admin) = (&house.0.op, &house.0.admin);
        for login in ["chef", "lointain", "agent", "aide"] {
            let (given_name, family_name) = (Some(login.to_owned()), Some("Exemple".to_owned()));
            let new = NewPerson { login: login.into(), given_name, family_name, ..NewPerson::default() };
            op.add_person(admin, new).await.unwrap();
        }
        let body = NewBody { code: "grades".into(), name: "GRADeS".into(), ..NewBody::default() };
        op.add_body(admin, body).await.unwrap();
        for code in ["nord", "sud"] {
            let new = NewStructure { code: code.into(), name: format!("Hôpital {code}"), ..NewStructure::default() };
            op.add_structure(admin, new).await.unwrap();
        }
        house.follow("nord", "grades").await;
        for (login, structure) in
            [("anne", "nord"), ("bruno", "nord"), ("bruno", "sud"), ("chef", "nord"), ("lointain", "sud")]
        {
            op.join_structure(admin, login, structure, "", None).await.unwrap();
        }
        for (login, role, structure, body) in [
            ("chef", Role::Structure, Some("nord"), None),
            ("lointain", Role::Structure, Some("sud"), None),
            ("agent", Role::Region, None, Some("grades")),
            ("aide", Role::Support, None, None),
        ] {
            let (structure, body) = (structure.map(str::to_owned), body.map(str::to_owned));
            let role = NewRole {
                login: login.into(),
                role,
                structure,
                body,
                function: Some("Essai".into()),
                reason: "essai".into(),
            };
            op.grant_role(admin, role).await.unwrap();
        }
        house
    }
    /// A body follows a structure from now on; an empty code: none does.
    pub async fn follow(&self, structure: &str, body: &str) {
        let (op, admin) = (&self.0.op, &self.0.admin);
        let version = op.structure(admin, structure).await.unwrap().version;
        let settlement = Settlement { body: Some(body.into()), ..Settlement::default() };
        op.settle_structure(admin, structure, version, settlement).await.unwrap();
    }
    /// A person at the REST door.
    pub async fn actor(&self, login: &str) -> Actor {
        let named = login.to_owned();
        let found = self.0.store.read(move |tx| accounts::person_by_login(tx, &named)).await;
        let row = found.unwrap_or_else(|e: StoreError| panic!("{e}")).expect("person");
        let who = Who::Person(PersonRef { id: row.id, login: row.login, name: row.name });
        Actor { who, bal: None, credential: None, proof: Default::default(), origin: origin(Door::Api) }
    }
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl Fn(&mut dyn Tx) -> Result<T, StoreError> + Send + Sync + 'static,
    ) -> T {
        self.0.store.write(f).await.unwrap_or_else(|e: StoreError| panic!("{e}"))
    }
}
