//! TEST ONLY: what the tests of several rooms play with: an operator's configuration, people, BALs, a world of peers, and a played IGC-Santé.
//! For integration tests and benches; tests inside `operator` itself would see its types twice.
#![allow(clippy::unwrap_used, clippy::expect_used)]
pub mod pki;
pub mod world;

use sceau_domain::{Address, BalKind, DomainKind, Limits, RetrySchedule};
use sceau_operator::accounts::{NewBal, NewPerson};
use sceau_operator::{Actor, Door, Operator, OperatorConfig, Origin};
use sceau_store::Store;
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
        limits: Limits::default(),
        retry: RetrySchedule::default(),
        postmaster: vec![addr("exploitation@alpha.mssante.fr")],
        test_domains: Vec::new(),
        patient_domains: Vec::new(),
        check_header_from: true,
        sent_copy: false,
        white_list: None,
        white_list_every: Duration::from_secs(3600),
        dedupe: Duration::from_secs(7 * 86_400),
        login_failures_per_minute: 1000,
        search: Default::default(),
    }
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
    op.sync_administrators(&[("root".into(), "Responsable Exemple".into())]).await.unwrap();
    let origin = Origin { door: Door::Admin, remote: None, session: "admin".into(), tls: None, once: None };
    let admin = op.administrator("root", origin).await.unwrap();
    (op, admin)
}

/// Adds a domain and, each under his login as a name, people.
pub async fn people(op: &Operator, admin: &Actor, domains: &[(&str, DomainKind)], logins: &[&str]) {
    for (name, kind) in domains {
        op.add_domain(admin, name.parse().unwrap(), *kind).await.unwrap();
    }
    for login in logins {
        let person = NewPerson { login: (*login).into(), name: (*login).into(), national_id: None };
        op.add_person(admin, person).await.unwrap();
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
    let mut bal = NewBal {
        address: addr(address),
        kind,
        name: address.into(),
        test: false,
        reachable: true,
        quota: None,
        holders: holders.iter().map(|h| (*h).to_owned()).collect(),
        members: Vec::new(),
        naming_override: Some("jeu d'essai".into()),
    };
    change(&mut bal);
    op.add_bal(admin, bal).await.unwrap();
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
