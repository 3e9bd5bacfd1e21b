//! One operator with its people, two others and the patients' in the white list.
pub use crate::addr;
use crate::{pki, white_list};
use sceau_domain::{BalKind, DomainKind, Limits, Refusal};
use sceau_operator::accounts::NewBal;
use sceau_operator::mail::{Body, Envelope};
use sceau_operator::traces::{TraceFilter, TraceView};
use sceau_operator::{Actor, BalRef, Door, Operator, OperatorConfig, Origin, Peer, PersonRef, Received, Who};
use sceau_store::testing::{START, TestStore};
use sceau_trust::{Anchors, Dn, Trust, WhiteList};
use std::sync::Arc;

/// Our own certificate.
pub const ALPHA: &str = "CN=mss.alpha.fr,O=EXEMPLE,C=FR";
/// Another operator's.
pub const BETA: &str = "CN=mss.beta.fr,O=EXEMPLE,C=FR";
/// A third one's.
pub const GAMMA: &str = "CN=mss.gamma.fr,O=EXEMPLE,C=FR";
/// The patients' operator's.
pub const PATIENTS: &str = "CN=mss.patients.fr,O=EXEMPLE,C=FR";

/// Who owns what in the white list.
pub const LISTED: &[(&str, &str)] = &[
    ("alpha.mssante.fr", ALPHA),
    ("essai.alpha.mssante.fr", ALPHA),
    ("beta.mssante.fr", BETA),
    ("essai.beta.mssante.fr", BETA),
    ("gamma.mssante.fr", GAMMA),
    ("patient.mssante.fr", PATIENTS),
];

/// The operator `alpha` on a real store.
pub struct World {
    /// The operator.
    pub op: Operator,
    /// Its administrator.
    pub admin: Actor,
    /// Its store.
    pub store: TestStore,
}

/// A session at a door.
pub fn origin(door: Door) -> Origin {
    Origin {
        door,
        remote: Some([192, 0, 2, 7].into()),
        session: "s1".into(),
        tls: Some("TLSv1.3 TLS_AES_256_GCM_SHA384".into()),
        once: None,
    }
}

/// Small limits, a test domain and the patients'.
pub fn config() -> OperatorConfig {
    OperatorConfig {
        limits: Limits { recipients: 5, message_bytes: 100_000, patient_message_bytes: 250_000, ..Limits::default() },
        test_domains: vec!["essai.beta.mssante.fr".parse().unwrap()],
        patient_domains: vec!["patient.mssante.fr".parse().unwrap()],
        login_failures_per_minute: 10,
        ..crate::config()
    }
}

/// A white list of these.
pub fn list(entries: &[(&str, &str)]) -> WhiteList {
    white_list(entries.iter().copied())
}

impl World {
    /// On SQLite, as configured above.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }
    /// On SQLite, with a change of the configuration.
    pub async fn with(change: impl FnOnce(&mut OperatorConfig)) -> Self {
        Self::on(sceau_store::testing::sqlite().await, change).await
    }
    /// On this store.
    pub async fn on(store: TestStore, change: impl FnOnce(&mut OperatorConfig)) -> Self {
        let mut config = config();
        change(&mut config);
        let trust = Trust::new(Anchors::default());
        trust.set_white_list(Arc::new(list(LISTED)));
        let (op, mut admin) = crate::open(config, store.clone(), trust).await;
        admin.origin = origin(Door::Admin);
        let world = Self { op, admin, store };
        world.people().await;
        world
    }
    /// The same store under a new process, as after a crash.
    pub async fn restarted(&self) -> Operator {
        Operator::open(self.op.config().clone(), self.store.clone(), self.op.trust().clone()).await.unwrap()
    }

    async fn people(&self) {
        let domains = [
            ("alpha.mssante.fr", DomainKind::Production),
            ("essai.alpha.mssante.fr", DomainKind::Test),
            ("interne.alpha.fr", DomainKind::Internal),
        ];
        crate::people(&self.op, &self.store, &self.admin, &domains, &["anne", "bruno", "chloe"]).await;
        self.bal("anne.martin@alpha.mssante.fr", BalKind::Per, &["anne"], |_| {}).await;
        self.bal("bruno.petit@alpha.mssante.fr", BalKind::Per, &["bruno"], |_| {}).await;
        self.bal("chloe.roux@alpha.mssante.fr", BalKind::Per, &["chloe"], |b| b.reachable = false).await;
        self.bal("exploitation@alpha.mssante.fr", BalKind::Org, &["anne"], |b| b.members = vec!["bruno".into()]).await;
        self.bal("essai.medecin@alpha.mssante.fr", BalKind::Org, &["anne"], |b| b.test = true).await;
    }
    /// Opens a BAL.
    pub async fn bal(&self, address: &str, kind: BalKind, holders: &[&str], change: impl FnOnce(&mut NewBal)) {
        crate::bal(&self.op, &self.admin, address, kind, holders, change).await;
    }

    /// A session of a person on a BAL.
    pub async fn actor(&self, login: &str, bal: &str) -> Actor {
        let (login, key) = (login.to_owned(), addr(bal).key());
        let found = self.store.read(move |tx| {
            let person = sceau_store::accounts::person_by_login(tx, &login)?.expect("person");
            let bal = sceau_store::accounts::bal_by_address(tx, &key)?.expect("BAL");
            Ok::<_, sceau_store::StoreError>((person, bal))
        });
        let (person, row) = found.await.unwrap();
        Actor {
            who: Who::Person(PersonRef { id: person.id, login: person.login, name: person.name }),
            bal: Some(BalRef {
                id: row.id,
                address: addr(bal),
                kind: row.kind.parse().unwrap(),
                flags: sceau_domain::BalFlags { test: row.test, reachable: row.reachable },
                chair: None,
            }),
            credential: None,
            proof: Default::default(),
            origin: origin(Door::Submission),
        }
    }

    /// Everything in a folder, whole messages (prefix and content), oldest first.
    pub async fn folder(&self, login: &str, bal: &str, folder: &str) -> Vec<String> {
        let actor = self.actor(login, bal).await;
        let messages = crate::folder(&self.op, &actor, folder).await;
        messages.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    }
    /// Everything in the INBOX.
    pub async fn inbox(&self, login: &str, bal: &str) -> Vec<String> {
        self.folder(login, bal, "INBOX").await
    }

    /// A message as a door hands it over.
    pub fn message(&self, text: &str) -> Received {
        let mut intake = self.op.intake(1 << 20);
        for piece in text.as_bytes().chunks(1000) {
            intake.push(piece).unwrap();
        }
        intake.finish().unwrap()
    }

    /// Hands a message over as a peer does.
    pub async fn hand_over(
        &self,
        dn: &str,
        from: &str,
        to: &[&str],
        text: &str,
    ) -> Result<sceau_operator::mail::Accepted, Refusal> {
        self.op.mx_accept(&peer(dn), envelope(from, to), self.message(text), &origin(Door::Mx)).await
    }
    /// Submits as a person does.
    pub async fn submit(
        &self,
        actor: &Actor,
        from: &str,
        to: &[&str],
        text: &str,
    ) -> Result<sceau_operator::mail::Accepted, Refusal> {
        self.op.submit(actor, envelope(from, to), self.message(text)).await
    }

    /// Traces of an act, oldest first.
    pub async fn traces(&self, act: &str) -> Vec<TraceView> {
        let filter = TraceFilter { act: Some(act.into()), after: Some(0), limit: Some(1000), ..TraceFilter::default() };
        self.op.traces(&self.admin, &filter).await.unwrap()
    }
    /// Rows of a table.
    pub async fn count(&self, table: &'static str) -> i64 {
        let counted =
            self.store.read(move |tx| tx.query_opt(&format!("SELECT COUNT(*) FROM {table}"), &[])?.unwrap().int(0));
        counted.await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"))
    }
    /// Does this word stand in clear in any file of the store?
    pub fn on_disk(&self, word: &str) -> bool {
        fn holds(folder: &std::path::Path, word: &[u8]) -> bool {
            std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).any(|path| match path.is_dir() {
                true => holds(&path, word),
                false => std::fs::read(&path).unwrap().windows(word.len()).any(|w| w == word),
            })
        }
        holds(self.store.folder(), word.as_bytes())
    }
    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        self.store.clock.advance_ms(seconds * 1000);
    }
}

/// A peer with this certificate.
pub fn peer(dn: &str) -> Peer {
    Peer {
        dn: Dn::parse(dn).unwrap(),
        issuer: Dn::parse("CN=AC,O=EXEMPLE,C=FR").unwrap(),
        fingerprint: "00".into(),
        serial: "01".into(),
        not_after: START.plus_ms(300 * pki::DAY),
        chain: Default::default(),
    }
}

/// An envelope.
pub fn envelope(from: &str, to: &[&str]) -> Envelope {
    Envelope {
        from: (!from.is_empty()).then(|| addr(from)),
        to: to.iter().map(|a| addr(a).into()).collect(),
        dsn: sceau_domain::dsn::MailRequest::default(),
        helo: "client.exemple.fr".into(),
        with: "ESMTPS",
        body: Body::EightBit,
        smtputf8: false,
        requiretls: false,
    }
}

/// A short letter.
pub fn letter(from: &str, subject: &str) -> String {
    format!(
        "From: {from}\r\nTo: quelqu'un <x@example.org>\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{subject}@exemple.fr>\r\n\r\nBonjour {subject}\r\n"
    )
}

/// The stable code of a refusal.
pub fn code<T: std::fmt::Debug>(r: Result<T, Refusal>) -> &'static str {
    r.expect_err("refused").code.as_str()
}
