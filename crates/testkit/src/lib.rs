//! TEST ONLY: what the tests of several rooms play with: an operator's configuration, people, BALs, a world of peers, a played IGC-Santé, a server
//! over HTTPS, a relay for ordinary mail, files of people, pages asked as a browser asks them.
//! For integration tests and benches; tests inside `operator` itself would see its types twice.
#![allow(clippy::unwrap_used, clippy::expect_used)]
pub mod browser;
pub mod forms;
pub mod https;
pub mod pages;
pub mod people_file;
pub mod pki;
pub mod relay;
pub mod revoking;
pub mod world;

use sceau_domain::opening::{AddressRule, State};
use sceau_domain::{Address, BalKind, DomainKind, Limits, RetrySchedule};
use sceau_operator::accounts::{NewBal, NewPerson};
use sceau_operator::{Actor, Door, Operator, OperatorConfig, Origin};
use sceau_store::{Store, StoreError, Tx, accounts, terms};
use sceau_trust::{Trust, WhiteList};
use std::time::Duration;

/// Reads an address.
pub fn addr(s: &str) -> Address {
    s.parse().unwrap()
}

/// The plainest configuration: default limits, nothing but `alpha.mssante.fr`.
pub fn config() -> OperatorConfig {
    OperatorConfig {
        name: "Alpha".into(),
        hostname: "mss.alpha.fr".into(),
        public_url: "https://mss.alpha.fr".into(),
        terms: Default::default(),
        limits: Limits::default(),
        retry: RetrySchedule::default(),
        postmaster: vec![addr("exploitation@alpha.mssante.fr")],
        test_domains: Vec::new(),
        patient_domains: Vec::new(),
        check_header_from: true,
        sent_copy: false,
        environment: Default::default(),
        revocation: Default::default(),
        white_list: None,
        white_list_every: Duration::from_secs(3600),
        white_list_old: Duration::from_secs(7 * 86_400),
        dedupe: Duration::from_secs(7 * 86_400),
        login_failures_per_minute: 1000,
        setting_up: true,
        // Most worlds have no relay that could bring anybody a link; those that are about addresses say so.
        notification_address: AddressRule::Off,
        connectors: Default::default(),
        notices: Default::default(),
        abuse: sceau_operator::abuse::Settings::none(),
        search: Default::default(),
        mail_setup: sceau_operator::mail_setup::Settings { servers: servers("mss.alpha.fr"), ..Default::default() },
        desk: Default::default(),
        push: Default::default(),
        // What a password costs is tried where it is meant.
        identity: sceau_operator::identity::settings::Settings {
            password: sceau_operator::identity::settings::PasswordSettings { kib: 64, passes: 1, ..Default::default() },
            ..Default::default()
        },
    }
}

/// Every door of mail programs, at its own port.
pub fn servers(host: &str) -> sceau_domain::mail_setup::Servers {
    let [imaps, imap, submissions, submission] = [993, 143, 465, 587].map(Some);
    sceau_domain::mail_setup::Servers { host: host.into(), imaps, imap, submissions, submission }
}

/// A white list of these domains and distinguished names.
pub fn white_list<S: AsRef<str>>(entries: impl IntoIterator<Item = (S, S)>) -> WhiteList {
    let entry = |(domain, dn): (S, S)| {
        format!(
            "<Domaine><Nom>{}</Nom><Description/><DNCertificatOperateur>{}</DNCertificatOperateur>\
             <ResponsableContact/><SupportContact/><DateMAJ>2026-01-01T00:00:00Z</DateMAJ></Domaine>",
            domain.as_ref(),
            dn.as_ref()
        )
    };
    let entries: String = entries.into_iter().map(entry).collect();
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\
         <DateDeGeneration>2026-11-20T10:00:00Z</DateDeGeneration><ListeDomaines>{entries}</ListeDomaines></ListeBlancheMSSante>"
    );
    WhiteList::parse(xml.as_bytes()).unwrap()
}

/// An operator over a store, with the administrator `root`.
pub async fn open(config: OperatorConfig, store: Store, trust: Trust) -> (Operator, Actor) {
    let op = Operator::open(config, store, trust).await.unwrap();
    op.sync_administrators(&[("root", "Responsable Exemple").into()]).await.unwrap();
    let origin = Origin { door: Door::Admin, remote: None, session: "admin".into(), tls: None, once: None };
    let admin = op.administrator("root", origin).await.unwrap();
    (op, admin)
}

/// Adds a domain and, each under his login as a name, people: with a certified identity, habilitated, who accepted the terms of use.
pub async fn people(op: &Operator, store: &Store, admin: &Actor, domains: &[(&str, DomainKind)], logins: &[&str]) {
    for (name, kind) in domains {
        op.add_domain(admin, name.parse().unwrap(), *kind).await.unwrap();
    }
    newcomers(op, admin, logins).await;
    settled(store, logins).await;
}

/// Adds people of whom nothing but the name is known.
pub async fn newcomers(op: &Operator, admin: &Actor, logins: &[&str]) {
    for login in logins {
        let person = NewPerson { login: (*login).into(), name: (*login).into(), ..NewPerson::default() };
        op.add_person(admin, person).await.unwrap();
    }
}

/// Gives people what a BAL asks of them: a certified identity, an exemption from the national identifier, the habilitation, and their agreement with
/// the terms of use in force (published here when there are none).
pub async fn settled(store: &Store, logins: &[&str]) {
    for login in logins {
        certified(store, login).await;
        accepted(store, login).await;
    }
}

/// A certified identity, an exemption from the national identifier, the habilitation.
pub async fn certified(store: &Store, login: &str) {
    let (login, now) = (login.to_owned(), store.clock().now().0);
    let certify = move |tx: &mut dyn Tx| {
        let mut person = accounts::person_by_login(tx, &login)?.unwrap();
        (person.identity, person.identity_at, person.identity_by) = ("operator".into(), Some(now), Some("root".into()));
        if person.national_id.is_none() {
            (person.local_id, person.local_id_reason) = (Some(login.clone()), Some("jeu d'essai".into()));
            person.local_id_until = Some(now + 3650 * pki::DAY);
        }
        person.habilitated = true;
        assert!(accounts::update_person(tx, &person)?);
        Ok::<_, StoreError>(())
    };
    store.write(certify).await.unwrap();
}

/// The person's agreement with the terms of use in force, published when there are none.
pub async fn accepted(store: &Store, login: &str) {
    let (login, now, id) = (login.to_owned(), store.clock().now().0, store.new_id());
    let accept = move |tx: &mut dyn Tx| {
        let person = accounts::person_by_login(tx, &login)?.unwrap().id;
        let terms_id = match terms::in_force(tx, now)? {
            Some(terms) => terms,
            None => {
                terms::insert(tx, &terms_now(id, "essai", now))?;
                id
            }
        };
        let (door, factors) = ("api".to_owned(), "token".to_owned());
        let digest = vec![0; 32];
        terms::accept(
            tx,
            &terms::Acceptance { person_id: person, terms_id, at: now, door, factors, digest, ..Default::default() },
        )
    };
    store.write::<_, StoreError, _>(accept).await.unwrap();
}

/// Terms in force from now on, for tests.
pub fn terms_now(id: sceau_store::Id, version: &str, now: i64) -> terms::Terms {
    terms::Terms {
        id,
        version: version.into(),
        text_fr: "Conditions d'essai.".into(),
        text_en: "Terms for tests.".into(),
        digest: vec![0; 32],
        changes_fr: String::new(),
        changes_en: String::new(),
        from_at: now,
        published: now,
        published_by: "root".into(),
        withdrawn: None,
    }
}

/// Opens a BAL.
pub async fn bal(
    op: &Operator,
    admin: &Actor,
    address: &str,
    kind: BalKind,
    holders: &[&str],
    change: impl FnOnce(&mut NewBal),
) {
    let mut bal = NewBal::new(addr(address), kind, address, holders);
    bal.naming_override = Some("jeu d'essai".into());
    change(&mut bal);
    let opened = op.add_bal(admin, bal).await.unwrap();
    assert_eq!(opened.state, State::Opened, "{:?}", opened.waits_for);
}

/// Everything in a folder, whole messages (prefix and content), oldest first.
pub async fn folder(op: &Operator, actor: &Actor, name: &str) -> Vec<Vec<u8>> {
    let open = op.open_folder(actor, name, true).await.unwrap();
    let mut out = Vec::new();
    for entry in open.entries {
        let mut reader = op.open_message(actor, entry.message).await.unwrap();
        let (mut bytes, size) = (Vec::new(), reader.size());
        while (bytes.len() as u64) < size {
            bytes.extend(reader.read(bytes.len() as u64, 60_000).await.unwrap());
        }
        assert_eq!(entry.size, size);
        out.push(bytes);
    }
    out
}
