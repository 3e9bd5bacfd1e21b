//! Mailboxes over real stores, on both engines: a house with one domain, people and BALs.
mod across;
mod content;
mod entries;
mod journal;
mod leaving;
mod model;
mod nodes;
mod reading;
mod resync;
mod search;
mod structure;

use crate::boxed;
use crate::mailbox::deliver::{self, Target};
use crate::mailbox::entries::{FlagSet, Flags, OpenFolder};
use crate::mailbox::folders::create_defaults;
use crate::refuse::Fail;
use crate::{Actor, BalRef, Chair, Door, Operator, OperatorConfig, Origin, PersonRef, Received, Who};
use sceau_domain::{AccessRole, BalFlags, BalKind, BalRights, DomainKind, Refusal, RefusalCode, Timestamp};
use sceau_store::blob::{self, BlobRow};
use sceau_store::testing::{self, TestStore};
use sceau_store::{Id, StoreError, Tx, access, accounts as rows, params, terms};
use sceau_trust::{Anchors, Trust};
use std::time::Duration;

/// Runs a test on both engines.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::mailbox::tests::House::sqlite().await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name($crate::mailbox::tests::House::postgres().await).await;
            }
        }
    )* };
}
pub(crate) use on_both;

pub(crate) struct House {
    pub store: TestStore,
    pub operator: Operator,
    domain: Id,
    /// Somebody with a BAL.
    pub actor: Actor,
}

impl House {
    #[boxed]
    pub async fn sqlite() -> Self {
        Self::over(testing::sqlite().await).await
    }
    #[boxed]
    pub async fn postgres() -> Self {
        Self::over(testing::postgres().await).await
    }
    async fn over(store: TestStore) -> Self {
        let limits = sceau_domain::limits::Limits { folders: 20, keywords: 5, ..Default::default() };
        let config = OperatorConfig {
            public_url: "https://mss.a.example".into(),
            terms: Default::default(),
            name: "Test".into(),
            hostname: "mail.a.example".into(),
            limits,
            retry: Default::default(),
            postmaster: Vec::new(),
            test_domains: Vec::new(),
            patient_domains: Vec::new(),
            check_header_from: true,
            sent_copy: false,
            environment: Default::default(),
            revocation: Default::default(),
            white_list: None,
            white_list_every: Duration::from_secs(3600),
            white_list_old: Duration::from_secs(7 * 86_400),
            dedupe: Duration::from_secs(3600),
            login_failures_per_minute: 10,
            setting_up: true,
            notification_address: sceau_domain::opening::AddressRule::Off,
            connectors: Default::default(),
            notices: Default::default(),
            abuse: crate::abuse::Settings::none(),
            search: Default::default(),
            mail_setup: Default::default(),
            identity: Default::default(),
            desk: Default::default(),
            push: Default::default(),
        };
        let operator = Operator::open(config, store.clone(), Trust::new(Anchors::default())).await.unwrap();
        let domain = store.new_id();
        let row = rows::Domain {
            id: domain,
            name: "a.example".into(),
            kind: DomainKind::Production.as_str().into(),
            created: 0,
        };
        store.write::<_, StoreError, _>(move |tx| rows::insert_domain(tx, &row)).await.unwrap();
        let actor = bal(&operator, domain, 1 << 30).await;
        Self { store, operator, domain, actor }
    }
    /// Another person with a BAL.
    #[boxed]
    pub async fn neighbour(&self, quota: i64) -> Actor {
        bal(&self.operator, self.domain, quota).await
    }
    pub fn bal_id(&self) -> Id {
        self.actor.bal.as_ref().unwrap().id
    }
    /// Files a message; its UID.
    #[boxed]
    pub async fn file(&self, folder: &str, text: &str) -> u32 {
        let flags = FlagSet::default();
        self.operator.append(&self.actor, folder, flags, None, self.message(text)).await.unwrap().1
    }
    pub fn message(&self, text: &str) -> Received {
        message(&self.operator, text)
    }
    #[boxed]
    pub async fn open(&self, folder: &str) -> OpenFolder {
        self.operator.open_folder(&self.actor, folder, false).await.unwrap()
    }
    #[boxed]
    pub async fn names(&self) -> Vec<String> {
        self.operator.folders(&self.actor).await.unwrap().into_iter().map(|f| f.name).collect()
    }
    /// Counts rows.
    #[boxed]
    pub async fn count(&self, sql: &'static str) -> i64 {
        let bal = self.bal_id();
        self.store.read::<_, StoreError, _>(move |tx| tx.query(sql, params![bal])?[0].int(0)).await.unwrap()
    }
    /// (used_bytes, message_count) of the BAL.
    #[boxed]
    pub async fn used(&self) -> (i64, i64) {
        let bal = self.bal_id();
        self.store
            .read::<_, StoreError, _>(move |tx| {
                let row = rows::bal_by_id(tx, bal)?.unwrap();
                Ok((row.used_bytes, row.message_count))
            })
            .await
            .unwrap()
    }
    /// Delivers as the MX door does.
    #[boxed]
    pub async fn deliver(&self, to: Id, target: Target, prefix: &[u8], text: &str) -> Result<deliver::Placed, Refusal> {
        let mut message = self.message(text);
        let flags = FlagSet::default();
        let prepared = self.operator.prepare_delivery(to, target, &message, prefix, flags, Timestamp(5)).await?;
        message.spool.settle().await.unwrap();
        let row = BlobRow::from(&message.spool);
        let placed = self.store.write::<_, Fail, _>(move |tx| {
            blob::insert(tx, &row)?;
            deliver::insert(tx, &prepared, RefusalCode::RcptOverQuota)
        });
        let placed = placed.await?;
        message.spool.kept();
        Ok(placed)
    }
}

pub(crate) fn message(operator: &Operator, text: &str) -> Received {
    let mut intake = operator.intake(1 << 20);
    intake.push(text.as_bytes()).unwrap();
    intake.finish().unwrap()
}

pub(crate) fn flags(system: Flags, keywords: &[&str]) -> FlagSet {
    FlagSet { system, keywords: keywords.iter().copied().collect() }
}

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, code: RefusalCode) {
    assert_eq!(result.expect_err("refused").code, code);
}

/// Gives a person what a BAL asks: a certified identity, the habilitation, agreement with the terms in force (published when there are none).
pub(crate) fn settle(tx: &mut dyn Tx, person: Id, now: i64) -> Result<(), StoreError> {
    let row = rows::person_by_id(tx, person)?.unwrap();
    let (identity, local_id) = ("operator".into(), Some(row.login.clone()));
    let local_id_reason = Some("essai".into());
    rows::update_person(tx, &rows::Person { identity, local_id, local_id_reason, habilitated: true, ..row })?;
    let (text_fr, text_en) = ("Conditions".to_owned(), "Terms".to_owned());
    let (changes_fr, changes_en, published_by) = (String::new(), String::new(), "chef".to_owned());
    let (version, digest, from_at) = ("essai".to_owned(), vec![0; 32], now);
    let all = terms::Terms {
        id: person,
        version,
        text_fr,
        text_en,
        digest,
        changes_fr,
        changes_en,
        from_at,
        published: now,
        published_by,
        withdrawn: None,
    };
    if terms::in_force(tx, now)?.is_none() {
        terms::insert(tx, &all)?;
    }
    let terms_id = terms::in_force(tx, now)?.unwrap();
    let (door, factors, digest) = ("imap".to_owned(), "token".to_owned(), vec![0; 32]);
    terms::accept(
        tx,
        &terms::Acceptance { person_id: person, terms_id, at: now, door, factors, digest, ..Default::default() },
    )
}

async fn bal(operator: &Operator, domain: Id, quota: i64) -> Actor {
    let store = &operator.0.store;
    let (person, id) = (store.new_id(), store.new_id());
    let address: sceau_domain::Address = format!("p{id}@a.example").parse().unwrap();
    let key = store.vault().create_bal_key(id).await.unwrap();
    let folders = operator.prepare_default_folders(id, &key).unwrap();
    let someone = rows::Person::new(person, &format!("p{person}"), "Camille Martin", 0);
    let (key, shown, now) = (address.key(), address.to_string(), store.clock().now().0);
    let row =
        rows::Bal { quota_bytes: quota, ..rows::Bal::new(id, (&key, &shown), domain, BalKind::Per.as_str(), now) };
    let login = someone.login.clone();
    store
        .write::<_, StoreError, _>(move |tx| {
            rows::insert_person(tx, &someone)?;
            settle(tx, someone.id, now)?;
            rows::insert_bal(tx, &row)?;
            access::grant(tx, &access::NewAccess::now(person, id, "holder", 15, 1, "chef"))?;
            create_defaults(tx, &folders)
        })
        .await
        .unwrap();
    Actor {
        who: Who::Person(PersonRef { id: person, login, name: "Camille Martin".into() }),
        bal: Some(BalRef { id, address, kind: BalKind::Per, flags: BalFlags::default(), chair: None }),
        credential: None,
        proof: Default::default(),
        origin: Origin { door: Door::Imap, remote: None, session: format!("s{id}"), tls: None, once: None },
    }
}

/// Somebody at the BAL where he sits, with these rights.
pub fn seated(actor: &Actor, rights: i64) -> Actor {
    let rights = BalRights::from_bits(rights);
    let chair = Chair { role: AccessRole::Holder, rights, scope: BalRights::ALL, holder: None, until: None, since: 0 };
    let mut actor = actor.clone();
    actor.bal = actor.bal.map(|bal| BalRef { chair: Some(chair), ..bal });
    actor
}
