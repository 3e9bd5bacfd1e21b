//! An operator with the pages of a room, and people who ask for them as a browser does.
use crate::browser::signed_in;
use crate::world::World;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sceau_domain::{Lang, Refusal, RefusalCode, Role};
use sceau_identity::factor::Factor;
use sceau_identity::session::csrf;
use sceau_operator::roles::NewRole;
use sceau_operator::{Actor, Operator};
use sceau_store::testing::TestStore;
use sceau_store::{StoreError, params};
use sceau_trust::{Anchors, Trust};
use std::marker::PhantomData;
use tower::ServiceExt;

/// Where forms come from.
pub const HERE: &str = "https://mss.alpha.fr";
/// The session's cookie, before its value.
const SESSION: &str = "__Host-sceau=";

/// A room whose pages are tried. (This crate is below every door: it knows none.)
pub trait Room {
    /// What a connection tells of itself.
    type Via: Clone + Send + Sync + 'static;
    /// Every page.
    fn app(op: Operator) -> Router;
    /// A browser's connection.
    fn via() -> Self::Via;
}

/// What was answered.
#[derive(Debug)]
pub struct Page {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

impl Page {
    /// A header; empty: there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    /// Says the sentence of a refusal.
    pub fn says(&self, code: RefusalCode) -> bool {
        let first = Refusal::new(code).sentence(Lang::Fr);
        self.text.contains(first.split(['\'', '.', ':', '?']).next().unwrap())
    }
}

/// Asks as a browser does: a form, unless the headers say another type.
pub async fn ask<R: Room>(app: &Router, method: Method, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
    let mut request = Request::builder().method(method).uri(path).extension(R::via());
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(to_bytes(body, 4 << 20).await.unwrap().to_vec()).unwrap();
    Page { status: parts.status, headers: parts.headers, text }
}

/// An operator with the pages of a room.
pub struct House<R> {
    /// The operator.
    pub op: Operator,
    /// Its administrator, `root`.
    pub admin: Actor,
    /// Its store.
    pub store: TestStore,
    /// Its pages.
    pub app: Router,
    room: PhantomData<R>,
}

impl<R: Room> House<R> {
    /// One with `anne` and `bruno`, who have no BAL.
    pub async fn new() -> Self {
        let store = sceau_store::testing::sqlite().await;
        let (op, admin) = crate::open(crate::config(), store.clone(), Trust::new(Anchors::default())).await;
        crate::people(&op, &store, &admin, &[], &["anne", "bruno"]).await;
        Self::of(World { op, admin, store })
    }
    /// The pages of a whole world.
    pub fn of(world: World) -> Self {
        let World { op, admin, store } = world;
        Self { app: R::app(op.clone()), op, admin, store, room: PhantomData }
    }
    /// Two structures, `ici` (followed by the body `gi`, where `anne` works) and `ailleurs` (where `bruno` does), and somebody of each role, who is
    /// called as the role is: the structure's and the region's are of `ici`.
    pub async fn staffed() -> Self {
        let house = Self::new().await;
        let logins = ["administrator", "structure", "region", "support", "auditor"];
        crate::people(&house.op, &house.store, &house.admin, &[], &logins).await;
        let place = "INSERT INTO structures (id, code, name, category, address, contact, body_id, opening, convention, territory, version, created) \
                     VALUES ($1, $2, $2, '', '{}', '{}', $3, 'delegated', 'signed', 'fr', 1, 0)";
        let body = "INSERT INTO regional_bodies (id, code, name, contact, version, created) VALUES (7, 'gi', 'gi', '{}', 1, 0)";
        let works = "INSERT INTO memberships (person_id, structure_id, function, since) SELECT id, $2, 'médecin', 0 FROM people WHERE login = $1";
        let named = "UPDATE people SET given_name = 'Prénom', family_name = 'Nom' WHERE login <> 'root'";
        let made = house.store.write(move |tx| {
            tx.execute(body, &[])?;
            tx.execute(place, params![1_i64, "ici", 7_i64])?;
            tx.execute(place, params![2_i64, "ailleurs", None::<i64>])?;
            for (login, at) in [("anne", 1_i64), ("structure", 1), ("bruno", 2)] {
                tx.execute(works, params![login, at])?;
            }
            tx.execute(named, &[]).map(drop)
        });
        made.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
        for role in Role::ALL.into_iter().filter(|r| r.is_granted()) {
            let new = NewRole {
                login: role.as_str().into(),
                role,
                structure: (role == Role::Structure).then(|| "ici".into()),
                body: (role == Role::Region).then(|| "gi".into()),
                function: Some("Essai".into()),
                reason: "essai".into(),
            };
            house.op.grant_role(&house.admin, new).await.unwrap();
        }
        house
    }
    /// Asks as a browser does.
    pub async fn browse(&self, method: Method, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
        ask::<R>(&self.app, method, path, headers, form).await
    }
    /// A page.
    pub async fn get(&self, path: &str, cookie: &str) -> Page {
        self.browse(Method::GET, path, &[("cookie", cookie)], "").await
    }
    /// A form of one of our pages, sent with its word.
    pub async fn press(&self, path: &str, cookies: &str, fields: &str) -> Page {
        let word = self.word(cookies.strip_prefix(SESSION).expect("a session"), path);
        let headers = [("cookie", cookies), ("origin", HERE)];
        self.browse(Method::POST, path, &headers, &format!("jeton={word}&{fields}")).await
    }
    /// The word of a form in a session.
    pub fn word(&self, session: &str, form: &str) -> String {
        csrf(&self.op.form_key(session), form)
    }
    /// Somebody, signed in: the value of the session's cookie.
    pub async fn enters(&self, login: &str) -> String {
        signed_in(&self.op, &self.store, login, &[Factor::Card]).await.0
    }
    /// Somebody who has just proved who it is: the cookies of the browser.
    pub async fn as_one(&self, login: &str) -> String {
        format!("{SESSION}{}", self.enters(login).await)
    }
}
