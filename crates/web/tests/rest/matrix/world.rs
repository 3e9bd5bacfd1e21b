//! A small world that can be copied: two structures with their regional bodies, people and BALs, and nine people who ask.
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use sceau_domain::rights::{Role, UseCase};
use sceau_domain::{BalKind, DomainKind};
use sceau_identity::factor::Factor;
use sceau_operator::disclosures::NewDisclosure;
use sceau_operator::{Actor, Door, Operator, Origin, PersonRef, Who};
use sceau_store::testing::TestStore;
use sceau_store::{EngineUrl, Store, StoreConfig, StoreError, Tx, access, accounts, params};
use sceau_testkit::browser::signed_in;
use sceau_trust::{Anchors, Trust};
use sceau_web::Via;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tower::ServiceExt;

/// In the names of everything that is not here, and of nothing else.
pub const FAR: &str = "lointain";
const DOMAIN: &str = "hopital.mssante.fr";
/// Of the place that is not here alone.
const FAR_DOMAIN: &str = "lointain.mssante.fr";

/// One of the two places, with what is in it.
#[derive(Debug, Clone)]
pub struct Place {
    pub structure: &'static str,
    pub body: &'static str,
    pub person: &'static str,
    pub bal: String,
    /// Ids of rows by the collection in whose paths they stand.
    pub ids: BTreeMap<&'static str, String>,
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub struct Asker {
    pub login: &'static str,
    /// The role, and where it counts.
    pub role: Option<Role>,
    pub place: usize,
    /// User or machine.
    pub nature: Role,
    pub token: String,
    pub id: i64,
}

/// What is copied.
pub struct Template {
    folder: tempfile::TempDir,
    config: StoreConfig,
    pub places: [Place; 2],
    pub askers: Vec<Asker>,
    /// An administrator who is blocked, in a session that was opened before.
    pub blocked: Actor,
    _store: TestStore,
}

/// A copy.
pub struct World {
    pub op: Operator,
    pub store: Store,
    pub app: Router,
    _folder: tempfile::TempDir,
}

pub struct Said {
    pub status: StatusCode,
    pub text: String,
    pub json: Value,
}

impl Said {
    pub fn is_missing_right(&self) -> bool {
        self.json["code"] == "right.missing"
    }
}

/// How an asker comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Tls,
    Socket,
}

pub fn session(id: i64, login: &str) -> Actor {
    let origin = Origin { door: Door::Admin, remote: None, session: "essai".into(), tls: None, once: None };
    let who = Who::Person(PersonRef { id, login: login.into(), name: login.into() });
    Actor { who, bal: None, credential: None, proof: Default::default(), origin }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

const ASKERS: [(&str, Option<Role>, usize); 9] = [
    ("root", Some(Role::Administrator), 0),
    ("chef", Some(Role::Structure), 0),
    ("lointain-chef", Some(Role::Structure), 1),
    ("agent", Some(Role::Region), 0),
    ("lointain-agent", Some(Role::Region), 1),
    ("aide", Some(Role::Support), 0),
    ("auditrice", Some(Role::Auditor), 0),
    ("anne", None, 0),
    ("automate", None, 0),
];
const PLACES: [(&str, &str, &str); 2] = [("ici", "gi", "anne"), ("lointain", "g-lointain", "lointaine")];

fn rows(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let body =
        "INSERT INTO regional_bodies (id, code, name, contact, version, created) VALUES ($1, $2, $2, '{}', 1, 0)";
    let structure = "INSERT INTO structures (id, code, name, category, address, contact, body_id, opening, convention, territory, version, created) \
                     VALUES ($1, $2, $2, '', '{}', '{}', $1, 'delegated', 'signed', 'fr', 1, 0)";
    let domains =
        "INSERT INTO structure_domains (structure_id, domain_id) SELECT $1, id FROM domains WHERE $2 OR name <> $3";
    let connector = "INSERT INTO connectors (id, name, structure_id, state, every_sender, per_hour, version, created, changed) \
                     VALUES ($1, $2, $1, 'active', 1, 0, 1, 0, 0)";
    let sign_in = "INSERT INTO sso_providers (id, structure_id, name, issuer, client_id, assurance, subject_claim, state, version, created) \
                   VALUES ($1, $1, $2, 'https://connexion.example', 'sceau', '{\"claim\":\"acr\",\"values\":[\"mfa\"]}', 'sub', 'active', 1, 0)";
    let works = "INSERT INTO memberships (person_id, structure_id, function, since) SELECT id, $2, '', 0 FROM people WHERE login = $1";
    let role = "INSERT INTO roles (id, person_id, role, structure_id, body_id, granted, granted_by) \
                SELECT $1, id, $3, $4, $5, 0, 'root' FROM people WHERE login = $2";
    for (n, (code, regional, person)) in (1_i64..).zip(PLACES) {
        tx.execute(body, params![n, regional])?;
        tx.execute(structure, params![n, code])?;
        tx.execute(works, params![person, n])?;
        tx.execute(domains, params![n, n == 2, FAR_DOMAIN])?;
        tx.execute(connector, params![n, code])?;
        tx.execute(sign_in, params![n, code])?;
    }
    for (n, (login, given, place)) in (101_i64..).zip(ASKERS).skip(1) {
        let (Some(given), place) = (given, i64::try_from(place).unwrap() + 1) else { continue };
        let structure = (given == Role::Structure).then_some(place);
        let regional = (given == Role::Region).then_some(place);
        tx.execute(role, params![n, login, given.as_str(), structure, regional])?;
    }
    // A second administrator, and one who is blocked.
    tx.execute(role, params![201_i64, "seconde", "administrator", None::<i64>, None::<i64>])?;
    tx.execute(role, params![202_i64, "bloquee", "administrator", None::<i64>, None::<i64>])?;
    tx.execute("UPDATE people SET disabled = 5 WHERE login = 'bloquee'", &[])?;
    tx.execute("UPDATE people SET given_name = login, family_name = login", &[])?;
    tx.execute("UPDATE bals SET structure_id = 1", &[])?;
    tx.execute("UPDATE bals SET structure_id = 2 WHERE address LIKE 'lointaine%'", &[])?;
    let robot = accounts::person_by_login(tx, "automate")?.unwrap().id;
    let bal = accounts::bal_by_address(tx, &format!("labo@{DOMAIN}"))?.unwrap().id;
    // Nothing says of it that it is a person.
    tx.execute(
        "UPDATE people SET given_name = NULL, family_name = NULL, local_id = NULL, identity = 'none', habilitated = 0 WHERE id = $1",
        params![robot],
    )?;
    tx.execute("DELETE FROM acceptances WHERE person_id = $1", params![robot])?;
    access::grant(tx, &access::NewAccess::now(robot, bal, "machine", 7, 0, "root"))
}

impl Template {
    pub async fn new() -> Self {
        let mut store = sceau_store::testing::sqlite().await;
        let (op, admin) =
            sceau_testkit::open(sceau_testkit::config(), store.clone(), Trust::new(Anchors::default())).await;
        let mut logins: Vec<&str> = ASKERS.iter().skip(1).map(|a| a.0).collect();
        logins.extend(["lointaine", "seconde", "bloquee"]);
        let domains = [(DOMAIN, DomainKind::Production), (FAR_DOMAIN, DomainKind::Production)];
        sceau_testkit::people(&op, &store, &admin, &domains, &logins).await;
        sceau_testkit::settled(&store, &["root"]).await;
        for (address, kind, holder) in
            [("anne", BalKind::Per, "anne"), ("lointaine", BalKind::Per, "lointaine"), ("labo", BalKind::App, "anne")]
        {
            sceau_testkit::bal(&op, &admin, &format!("{address}@{DOMAIN}"), kind, &[holder], |_| {}).await;
        }
        store.write(rows).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
        let person = async |login: &'static str| {
            let found = store.read(move |tx| accounts::person_by_login(tx, login)).await;
            found.unwrap_or_else(|e: StoreError| panic!("{e}")).unwrap().id
        };
        let mut askers = Vec::new();
        for (login, role, place) in ASKERS {
            let token = op.create_api_token(&admin, login, "essai", None).await.unwrap().1;
            let nature = if login == "automate" { Role::Machine } else { Role::User };
            askers.push(Asker { login, role, place, nature, token, id: person(login).await });
        }
        let second = session(person("seconde").await, "seconde");
        let mut places = Vec::new();
        for (n, (structure, body, who)) in PLACES.into_iter().enumerate() {
            let bal = format!("{who}@{DOMAIN}");
            let token = op.create_token(&admin, who, None, "essai", None).await.unwrap().0.id;
            let new = NewDisclosure {
                bal: bal.clone(),
                cause: "authority".into(),
                reason: "essai".into(),
                beneficiary: "essai".into(),
                days: 3,
            };
            let disclosure = op.ask_disclosure(&admin, new).await.unwrap().id;
            op.decide_disclosure(&second, disclosure, true, "essai").await.unwrap();
            let folder = op.disclosed_folders(&admin, disclosure).await.unwrap()[0].id;
            let browser = signed_in(&op, &store, who, &[Factor::Passkey]).await.1.credential.unwrap();
            let ids = [
                ("tokens", token),
                ("sessions", browser),
                ("disclosures", disclosure),
                ("folders", folder),
                ("roles", [102, 103][n]),
            ];
            let ids = ids.into_iter().map(|(name, id)| (name, id.to_string())).collect();
            places.push(Place { structure, body, person: who, bal, ids });
        }
        let blocked = session(person("bloquee").await, "bloquee");
        drop(op);
        store.close().await;
        let folder = tempfile::tempdir().unwrap();
        copy(store.folder(), folder.path());
        let places = places.try_into().unwrap();
        Self { folder, config: store.config.clone(), places, askers, blocked, _store: store }
    }

    /// A world of its own; `app` makes its router.
    pub async fn world(&self, app: &dyn Fn(Operator) -> Router) -> World {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path());
        let at = |path: &str| folder.path().join(path);
        let config = StoreConfig {
            data: EngineUrl::Sqlite(at("data/sceau.db")),
            keyring: EngineUrl::Sqlite(at("keyring/keyring.db")),
            blobs: at("blobs").into(),
            spools: at("spools"),
            ..self.config.clone()
        };
        let store = Store::open(config).await.unwrap();
        let trust = Trust::new(Anchors::default());
        let op = Operator::open(sceau_testkit::config(), store.clone(), trust).await.unwrap();
        World { app: app(op.clone()), op, store, _folder: folder }
    }
}

impl World {
    /// Asks as this person, over TLS with the token or over the socket.
    pub async fn ask(&self, asker: &Asker, way: Way, call: &super::document::Call) -> Said {
        let via = match way {
            Way::Tls => Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) },
            Way::Socket => Via::Socket(Arc::new(Ok(session(asker.id, asker.login)))),
        };
        self.send(via, (way == Way::Tls).then_some(asker.token.as_str()), call).await
    }
    pub async fn send(&self, via: Via, token: Option<&str>, call: &super::document::Call) -> Said {
        let mut request = Request::builder().method(call.method.clone()).uri(&call.uri).extension(via);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if call.method != Method::GET {
            request = request.header("if-match", "\"v1\"");
        }
        let body = match &call.body {
            Some((kind, bytes)) => {
                request = request.header("content-type", kind.as_str());
                Body::from(bytes.clone())
            }
            None => Body::empty(),
        };
        let response = self.app.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (status, bytes) = (response.status(), to_bytes(response.into_body(), 64 << 20).await.unwrap());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Said { status, json: serde_json::from_str(&text).unwrap_or_default(), text }
    }
    /// Everything in the database but what is written of asking itself, by table.
    pub async fn kept(&self) -> Kept {
        let all = self.store.read(|tx| {
            let mut all = Kept::new();
            let tables =
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
            for table in tx.query(tables, &[])? {
                let table = table.text(0)?;
                if table != "traces" {
                    let rows = tx.query(&format!("SELECT * FROM {table}"), &[])?;
                    all.insert(table, rows.into_iter().map(|r| r.0).collect());
                }
            }
            Ok(all)
        });
        all.await.unwrap_or_else(|e: StoreError| panic!("{e}"))
    }
    /// Puts back what was there; was anything changed?
    pub async fn put_back(&self, kept: &Kept) -> bool {
        let now = self.kept().await;
        let changed: Kept =
            kept.iter().filter(|(t, rows)| now.get(*t) != Some(*rows)).map(|(t, r)| (t.clone(), r.clone())).collect();
        if changed.is_empty() {
            return false;
        }
        let done = self.store.write(move |tx| {
            tx.execute("PRAGMA defer_foreign_keys = ON", &[])?;
            for (table, rows) in &changed {
                tx.execute(&format!("DELETE FROM {table}"), &[])?;
                for row in rows {
                    let marks: Vec<String> = (1..=row.len()).map(|n| format!("${n}")).collect();
                    tx.execute(&format!("INSERT INTO {table} VALUES ({})", marks.join(", ")), row)?;
                }
            }
            Ok(())
        });
        done.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
        true
    }
}

/// Rows by table.
pub type Kept = BTreeMap<String, Vec<Vec<sceau_store::Value>>>;

/// Is there no place at all where this asker may do this?
pub fn never(asker: &Asker, use_case: UseCase) -> bool {
    !asker.role.is_some_and(|r| use_case.is_for(r)) && !use_case.is_for(asker.nature)
}

/// May this asker do this there, by the table and the places? `None`: it depends on more than the matrix knows.
pub fn expected(asker: &Asker, places: &[Place; 2], use_case: UseCase, call: &super::document::Call) -> Option<bool> {
    use super::document::{Kind, On};
    let on = call.on;
    let by_role = asker.role.is_some_and(|r| use_case.is_for(r));
    let by_nature = use_case.is_for(asker.nature);
    if !by_role && !by_nature {
        return Some(false);
    }
    if (use_case, asker.role) == (UseCase::BalChoices, Some(Role::Support)) {
        // Of the choices, zéro papier alone (F093).
        let asked = call.body.as_ref().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
        return Some(asked.contains("paperless") && !asked.contains("red_list") && !asked.contains("phone"));
    }
    let everywhere = matches!(asker.role, Some(Role::Administrator | Role::Support | Role::Auditor));
    match on {
        On::Anywhere => Some(true),
        _ if by_role && everywhere => Some(true),
        On::Unknown => None,
        On::Place(kind, place) => {
            let bound = by_role
                && asker.place == place
                && match asker.role {
                    Some(Role::Structure) => !matches!(kind, Kind::Body),
                    _ => true,
                };
            let own = by_nature && matches!(kind, Kind::Person | Kind::Bal) && places[place].person == asker.login;
            Some(bound || own)
        }
    }
}
