//! Who may do what where, asked as an attacker would: blocked people and places, regions that follow other structures, people of two structures,
//! roles without a place, accesses of machines. On both engines.
use super::{On, Reach, permit, reach, unknown};
use crate::refuse::Fail;
use crate::{Actor, Door, Origin, PersonRef, Who};
use sceau_domain::rights::{BalRights, Role, UseCase};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::testing::{self, TestStore};
use sceau_store::{Id, StoreError, Tx, access, accounts as rows, params, roles};

/// Structures 1 (followed by body 1) and 2, bodies 1 and 2; a domain; people and BALs are added by each test.
struct Place(TestStore);

macro_rules! on_both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(super::Place::new(super::testing::sqlite().await).await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(super::Place::new(super::testing::postgres().await).await).await;
            }
        }
    )* };
}
on_both!(
    a_structures_administrator_acts_in_it_alone,
    a_blocked_place_takes_the_effect_of_its_roles,
    a_blocked_person_may_nothing,
    a_region_reaches_what_it_follows_now,
    who_is_brought_into_a_structure_is_not_taken_over,
    nobody_acts_for_who_may_more,
    a_role_without_its_place_or_of_no_known_name_gives_nothing,
    an_access_gives_what_it_holds_and_no_more,
    a_machine_is_no_person,
    an_unknown_name_tells_nothing,
);

impl Place {
    async fn new(store: TestStore) -> Self {
        let place = Self(store);
        place
            .write(|tx| {
                for id in [1_i64, 2] {
                    let code = format!("c{id}");
                    let body = "INSERT INTO regional_bodies (id, code, name, contact, version, created) VALUES ($1, $2, '', '{}', 1, 0)";
                    tx.execute(body, params![id, &code])?;
                    let structure = "INSERT INTO structures (id, code, name, category, address, contact, body_id, opening, convention, territory, \
                                     version, created) VALUES ($1, $2, '', '', '{}', '{}', $3, 'delegated', 'signed', 'fr', 1, 0)";
                    tx.execute(structure, params![id, &code, (id == 1).then_some(1_i64)])?;
                }
                let domain = rows::Domain { id: 1, name: "a.example".into(), kind: "Production".into(), created: 0 };
                rows::insert_domain(tx, &domain)
            })
            .await;
        place
    }
    async fn write<T, F>(&self, act: F) -> T
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
    {
        self.0.write::<_, StoreError, _>(act).await.unwrap()
    }
    async fn sql(&self, sql: &'static str) {
        self.write(move |tx| tx.execute(sql, &[]).map(drop)).await;
    }
    /// Somebody who works in these structures, in this order.
    async fn person(&self, login: &'static str, works: &'static [Id]) -> Actor {
        let id = self.0.new_id();
        self.write(move |tx| {
            rows::insert_person(tx, &rows::Person::new(id, login, login, 0))?;
            for (since, structure) in works.iter().enumerate() {
                let sql = "INSERT INTO memberships (person_id, structure_id, function, since) VALUES ($1, $2, '', $3)";
                tx.execute(sql, params![id, *structure, i64::try_from(since).unwrap_or(0)])?;
            }
            Ok(())
        })
        .await;
        let origin = Origin { door: Door::Api, remote: None, session: "t".into(), tls: None, once: None };
        let who = Who::Person(PersonRef { id, login: login.into(), name: login.into() });
        Actor { who, bal: None, credential: None, proof: Default::default(), origin }
    }
    async fn role(&self, actor: &Actor, role: &'static str, structure: Option<Id>, body: Option<Id>) -> Id {
        let (id, person) = (self.0.new_id(), id_of(actor));
        let given = roles::Given {
            id,
            person_id: person,
            role: role.into(),
            structure_id: structure,
            body_id: body,
            granted: 0,
            granted_by: "t".into(),
            reason: None,
            ended: None,
            ended_by: None,
            function: None,
        };
        self.write(move |tx| roles::insert(tx, &given)).await;
        id
    }
    /// A BAL of a structure, of which this person has an access.
    async fn bal(&self, structure: Option<Id>, actor: &Actor, role: &'static str, rights: BalRights) -> Id {
        let (id, person) = (self.0.new_id(), id_of(actor));
        self.write(move |tx| {
            let address = format!("b{id}@a.example");
            let mut bal = rows::Bal::new(id, (&address, &address), 1, "Org", 0);
            bal.structure_id = structure;
            rows::insert_bal(tx, &bal)?;
            access::grant(tx, &access::NewAccess::now(person, id, role, rights.bits(), 0, "t"))
        })
        .await;
        id
    }
    async fn may(&self, actor: &Actor, use_case: UseCase, on: On) -> bool {
        let actor = actor.clone();
        let asked = self.0.read::<_, Fail, _>(move |tx| permit(tx, &actor, use_case, on)).await;
        match asked.map_err(Refusal::from) {
            Ok(()) => true,
            Err(refusal) => {
                assert_eq!(refusal.code, RefusalCode::RightMissing);
                assert_eq!(refusal.args, [("name", use_case.as_str().to_owned())]);
                false
            }
        }
    }
    async fn reach(&self, actor: &Actor, use_case: UseCase) -> Option<Reach> {
        let actor = actor.clone();
        let asked = self.0.read::<_, Fail, _>(move |tx| reach(tx, &actor, use_case)).await;
        asked.ok()
    }
}

fn id_of(actor: &Actor) -> Id {
    match &actor.who {
        Who::Person(p) => p.id,
        Who::Connector(_) | Who::System => 0,
    }
}

async fn a_structures_administrator_acts_in_it_alone(p: Place) {
    let chief = p.person("chief", &[]).await;
    p.role(&chief, "structure", Some(1), None).await;
    let (here, there) = (p.person("here", &[1]).await, p.person("there", &[2]).await);
    let bals = [
        p.bal(Some(1), &here, "holder", BalRights::ALL).await,
        p.bal(Some(2), &there, "holder", BalRights::ALL).await,
        p.bal(None, &there, "holder", BalRights::ALL).await,
    ];
    assert!(p.may(&chief, UseCase::StructureEdit, On::Structure(1)).await);
    assert!(!p.may(&chief, UseCase::StructureEdit, On::Structure(2)).await);
    assert!(!p.may(&chief, UseCase::StructureSettle, On::Structure(1)).await, "not in the table");
    assert!(!p.may(&chief, UseCase::RoleGrant, On::Operator).await);
    assert!(p.may(&chief, UseCase::PersonEdit, On::Person(id_of(&here))).await);
    assert!(!p.may(&chief, UseCase::PersonEdit, On::Person(id_of(&there))).await);
    assert!(p.may(&chief, UseCase::BalClose, On::Bal(bals[0])).await);
    assert!(!p.may(&chief, UseCase::BalClose, On::Bal(bals[1])).await);
    assert!(!p.may(&chief, UseCase::BalClose, On::Bal(bals[2])).await, "a BAL of no structure is the operator's");
    for use_case in [UseCase::MailRead, UseCase::MailSend, UseCase::MailFile, UseCase::DelegationGrant] {
        assert!(!p.may(&chief, use_case, On::Bal(bals[0])).await, "{use_case}");
    }
    assert_eq!(p.reach(&chief, UseCase::PersonList).await, Some(Reach::Structures(vec![1])));
    // Who no longer works there is no longer within reach.
    p.sql("UPDATE memberships SET ended = 9").await;
    assert!(!p.may(&chief, UseCase::PersonEdit, On::Person(id_of(&here))).await);
}

async fn a_blocked_place_takes_the_effect_of_its_roles(p: Place) {
    let (chief, agent) = (p.person("chief", &[1]).await, p.person("agent", &[]).await);
    p.role(&chief, "structure", Some(1), None).await;
    p.role(&agent, "region", None, Some(1)).await;
    p.sql("UPDATE structures SET blocked = 5 WHERE id = 1").await;
    assert!(!p.may(&chief, UseCase::StructureEdit, On::Structure(1)).await);
    assert!(!p.may(&chief, UseCase::PersonAdd, On::Anywhere).await);
    assert!(p.may(&chief, UseCase::PersonEdit, On::Person(id_of(&chief))).await, "what is one's own stays");
    assert_eq!(p.reach(&chief, UseCase::PersonList).await, None);
    assert_eq!(p.reach(&chief, UseCase::BalList).await, Some(Reach::Own(id_of(&chief))));
    assert!(
        p.may(&agent, UseCase::StructureBlock, On::Structure(1)).await,
        "who blocked it must be able to release it"
    );
    p.sql("UPDATE regional_bodies SET blocked = 5 WHERE id = 1").await;
    assert!(!p.may(&agent, UseCase::StructureBlock, On::Structure(1)).await);
    assert!(!p.may(&agent, UseCase::StructureList, On::Anywhere).await);
    p.sql("UPDATE structures SET blocked = NULL").await;
    assert!(p.may(&chief, UseCase::StructureEdit, On::Structure(1)).await);
    assert!(!p.may(&agent, UseCase::StructureBlock, On::Structure(1)).await);
}

async fn a_blocked_person_may_nothing(p: Place) {
    let chief = p.person("chief", &[1]).await;
    p.role(&chief, "administrator", None, None).await;
    let bal = p.bal(Some(1), &chief, "holder", BalRights::ALL).await;
    p.sql("UPDATE people SET disabled = 5 WHERE login = 'chief'").await;
    for use_case in UseCase::ALL {
        for on in [On::Anywhere, On::Operator, On::Structure(1), On::Body(1), On::Bal(bal), On::Person(id_of(&chief))] {
            assert!(!p.may(&chief, *use_case, on).await, "{use_case} {on:?}");
        }
        assert_eq!(p.reach(&chief, *use_case).await, None);
    }
}

async fn a_region_reaches_what_it_follows_now(p: Place) {
    let agent = p.person("agent", &[]).await;
    let given = p.role(&agent, "region", None, Some(1)).await;
    assert!(p.may(&agent, UseCase::StructureBlock, On::Structure(1)).await);
    assert!(!p.may(&agent, UseCase::StructureBlock, On::Structure(2)).await);
    assert!(p.may(&agent, UseCase::BodyList, On::Body(1)).await);
    assert!(!p.may(&agent, UseCase::BodyList, On::Body(2)).await);
    assert!(!p.may(&agent, UseCase::BodyEdit, On::Body(1)).await);
    p.sql("UPDATE structures SET body_id = 1 WHERE id = 2").await;
    p.sql("UPDATE structures SET body_id = 2 WHERE id = 1").await;
    assert!(!p.may(&agent, UseCase::StructureBlock, On::Structure(1)).await);
    assert!(p.may(&agent, UseCase::StructureBlock, On::Structure(2)).await);
    assert_eq!(p.reach(&agent, UseCase::StructureList).await, Some(Reach::Structures(vec![2])));
    p.write(move |tx| roles::end(tx, given, 7, "t").map(drop)).await;
    assert!(!p.may(&agent, UseCase::StructureBlock, On::Structure(2)).await);
}

async fn who_is_brought_into_a_structure_is_not_taken_over(p: Place) {
    let (one, two) = (p.person("one", &[1]).await, p.person("two", &[2]).await);
    p.role(&one, "structure", Some(1), None).await;
    p.role(&two, "structure", Some(2), None).await;
    // Works in 1 since long; the administrator of 2 has just brought her in.
    let shared = On::Person(id_of(&p.person("shared", &[1, 2]).await));
    for use_case in [UseCase::PersonEdit, UseCase::PersonCertify, UseCase::PersonBlock, UseCase::TokenCreate] {
        assert!(p.may(&one, use_case, shared).await, "{use_case}");
        assert!(!p.may(&two, use_case, shared).await, "{use_case}");
    }
    assert!(p.may(&two, UseCase::PersonList, shared).await);
    assert!(p.may(&two, UseCase::MembershipEdit, shared).await);
}

async fn nobody_acts_for_who_may_more(p: Place) {
    let (chief, help) = (p.person("chief", &[1]).await, p.person("help", &[]).await);
    let (root, peer) = (p.person("root", &[1]).await, p.person("peer", &[1]).await);
    p.role(&chief, "structure", Some(1), None).await;
    p.role(&peer, "structure", Some(1), None).await;
    p.role(&help, "support", None, None).await;
    p.role(&root, "administrator", None, None).await;
    let (root_id, peer_id) = (On::Person(id_of(&root)), On::Person(id_of(&peer)));
    for use_case in [UseCase::PersonEdit, UseCase::PersonBlock, UseCase::TokenCreate, UseCase::TokenRevoke] {
        assert!(!p.may(&chief, use_case, root_id).await, "{use_case}");
        assert!(p.may(&chief, use_case, peer_id).await, "{use_case}");
        assert!(!p.may(&help, use_case, root_id).await, "{use_case}");
        assert!(p.may(&root, use_case, peer_id).await, "{use_case}");
    }
    assert!(p.may(&chief, UseCase::PersonList, root_id).await);
    assert!(!p.may(&help, UseCase::PersonEdit, peer_id).await);
    // A second role elsewhere puts the peer above, too.
    p.role(&peer, "structure", Some(2), None).await;
    assert!(!p.may(&chief, UseCase::TokenCreate, peer_id).await);
    assert!(p.may(&chief, UseCase::PersonEdit, On::Person(id_of(&chief))).await);
}

async fn a_role_without_its_place_or_of_no_known_name_gives_nothing(p: Place) {
    let lost = p.person("lost", &[]).await;
    p.role(&lost, "structure", None, None).await;
    p.role(&lost, "region", None, None).await;
    p.role(&lost, "emperor", None, None).await;
    p.role(&lost, "user", None, None).await;
    for use_case in UseCase::ALL {
        let of_a_user = use_case.is_for(Role::User);
        assert_eq!(p.may(&lost, *use_case, On::Anywhere).await, of_a_user, "{use_case}");
        assert!(!p.may(&lost, *use_case, On::Operator).await, "{use_case}");
        assert!(!p.may(&lost, *use_case, On::Structure(1)).await, "{use_case}");
    }
}

async fn an_access_gives_what_it_holds_and_no_more(p: Place) {
    let (holder, member) = (p.person("holder", &[]).await, p.person("member", &[]).await);
    let bal = p.bal(None, &holder, "responsible", BalRights::ALL).await;
    let guest = id_of(&member);
    p.write(move |tx| access::grant(tx, &access::NewAccess::now(guest, bal, "member", BalRights::READ.bits(), 0, "t")))
        .await;
    let own = On::Bal(bal);
    for use_case in
        [UseCase::BalEdit, UseCase::BalClose, UseCase::AccessGrant, UseCase::DelegationGrant, UseCase::MailSend]
    {
        assert!(p.may(&holder, use_case, own).await, "{use_case}");
        assert!(!p.may(&member, use_case, own).await, "{use_case}");
    }
    assert!(p.may(&member, UseCase::MailRead, own).await);
    assert!(p.may(&member, UseCase::BalList, own).await);
    p.write(move |tx| access::end(tx, guest, bal, 5, "t").map(drop)).await;
    assert!(!p.may(&member, UseCase::BalList, own).await);
}

async fn a_machine_is_no_person(p: Place) {
    let machine = p.person("machine", &[]).await;
    let bal = p.bal(None, &machine, "machine", BalRights::ALL).await;
    for use_case in UseCase::ALL {
        for on in [On::Bal(bal), On::Anywhere, On::Person(id_of(&machine))] {
            assert_eq!(p.may(&machine, *use_case, on).await, use_case.is_for(Role::Machine), "{use_case} {on:?}");
        }
    }
    assert_eq!(p.reach(&machine, UseCase::BalList).await, None);
}

async fn an_unknown_name_tells_nothing(p: Place) {
    let (root, chief, nobody) = (p.person("root", &[]).await, p.person("chief", &[]).await, p.person("n", &[]).await);
    p.role(&root, "administrator", None, None).await;
    p.role(&chief, "structure", Some(1), None).await;
    for (actor, code) in
        [(root, RefusalCode::NotFound), (chief, RefusalCode::RightMissing), (nobody, RefusalCode::RightMissing)]
    {
        let said = p.0.read::<_, Fail, _>(move |tx| Ok(unknown(tx, &actor, UseCase::StructureEdit, "rien"))).await;
        assert_eq!(Refusal::from(said.unwrap()).code, code);
    }
}
