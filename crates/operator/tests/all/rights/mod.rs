//! Administrative roles and disclosures as use cases, on both engines.
mod disclosures;
mod escalation;
mod roles;
mod sessions;
mod tokens;

use sceau_operator::roles::{NewRole, RoleView};
use sceau_operator::{Actor, Door, PersonRef, Who};
use sceau_store::{StoreError, accounts, params};
use sceau_testkit::relay::Played;
use sceau_testkit::world::{World, origin};
use std::sync::Arc;

/// The world with two structures (`ici`, followed by the body `gi`, and `ailleurs`). Everybody is named; `anne` works in `ici`, `bruno` in `ailleurs`.
pub(crate) struct House(pub World);

impl House {
    pub async fn new(store: sceau_store::testing::TestStore) -> Self {
        Self::over(World::on(store, |_| {}).await).await
    }
    /// An operator in service, which is no longer being set up, with a relay for ordinary mail.
    pub async fn in_service(store: sceau_store::testing::TestStore) -> (Self, Arc<Played>) {
        let house = Self::over(World::on(store, |c| c.setting_up = false).await).await;
        let relay = Played::of(&house.0.op);
        (house, relay)
    }
    async fn over(world: World) -> Self {
        let house = Self(world);
        let place = "INSERT INTO structures (id, code, name, category, address, contact, body_id, opening, convention, territory, version, created) \
                     VALUES ($1, $2, $2, '', '{}', '{}', $3, 'delegated', 'signed', 'fr', 1, 0)";
        let body = "INSERT INTO regional_bodies (id, code, name, contact, version, created) VALUES (7, 'gi', 'gi', '{}', 1, 0)";
        let works = "INSERT INTO memberships (person_id, structure_id, function, since) SELECT id, $2, 'médecin', 0 FROM people WHERE login = $1";
        let named = "UPDATE people SET given_name = 'Prénom', family_name = 'Nom' WHERE login <> 'root'";
        let made = house.0.store.write(move |tx| {
            tx.execute(body, &[])?;
            tx.execute(place, params![1_i64, "ici", 7_i64])?;
            tx.execute(place, params![2_i64, "ailleurs", None::<i64>])?;
            tx.execute(works, params!["anne", 1_i64])?;
            tx.execute(works, params!["bruno", 2_i64])?;
            tx.execute(named, &[]).map(drop)
        });
        made.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
        house
    }
    pub async fn sql(&self, sql: &'static str) {
        let done = self.0.store.write(move |tx| tx.execute(sql, &[]).map(drop)).await;
        done.unwrap_or_else(|e: StoreError| panic!("{e}"));
    }
    /// A person at the REST door.
    pub async fn actor(&self, login: &'static str) -> Actor {
        let found = self.0.store.read(move |tx| accounts::person_by_login(tx, login));
        let row = found.await.unwrap_or_else(|e: StoreError| panic!("{e}")).expect("person");
        let who = Who::Person(PersonRef { id: row.id, login: row.login, name: row.name });
        Actor { who, bal: None, credential: None, proof: Default::default(), origin: origin(Door::Api) }
    }
    /// Somebody leaves a structure, as this actor says; the own BALs stay as they are.
    pub async fn leave(&self, actor: &Actor, login: &str, structure: &str) {
        let personal = sceau_operator::life::PersonalFate::Keep;
        let order = sceau_operator::life::Departure { structure: structure.into(), reason: "x".into(), personal };
        self.0.op.depart(actor, login, order).await.unwrap();
    }
    /// Gives a role as `root` does.
    pub async fn grant(&self, login: &str, role: &str, structure: Option<&str>, body: Option<&str>) -> RoleView {
        self.0.op.grant_role(&self.0.admin, new(login, role, structure, body)).await.unwrap()
    }
}

pub(crate) fn new(login: &str, role: &str, structure: Option<&str>, body: Option<&str>) -> NewRole {
    NewRole {
        login: login.into(),
        role: role.parse().unwrap(),
        structure: structure.map(str::to_owned),
        body: body.map(str::to_owned),
        function: Some("Essai".into()),
        reason: "nommée".into(),
    }
}
