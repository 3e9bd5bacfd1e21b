//! Means of signing in, as use cases, on both engines: passkeys, authenticators, passwords, codes, invitations, recoveries.
mod attacks;
mod authenticator;
mod guessing;
mod links;
mod passkeys;
mod passwords;
mod recovery;

use authenticator::Authenticator;
use sceau_domain::{Refusal, RefusalCode, Role};
use sceau_identity::factor::Factor;
use sceau_operator::identity::attempts::Browser;
use sceau_operator::identity::sessions::{Entered, SignedIn};
use sceau_operator::identity::totp::TotpOffer;
use sceau_operator::roles::NewRole;
use sceau_operator::{Actor, Door, Operator, PersonRef, Who};
use sceau_store::{Id, StoreError, accounts};
use sceau_testkit::relay::Played;
use sceau_testkit::world::{World, origin};
use std::sync::Arc;

/// `anne` and `bruno` (of the world) read ordinary mail, `autre` typed their addresses in; `root` and `seconde` administer, and read theirs too.
pub(crate) struct House {
    pub w: World,
    pub relay: Arc<Played>,
}

/// Signs in with a password that nobody guesses.
pub const PASSWORD: &str = "girafe-tambour-velours";

/// One of a browser's sign-ins.
pub fn browser(attempt: &str) -> Browser<'_> {
    Browser { attempt, known: None, agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0", remote: None }
}

/// The code that an authenticator program shows `later` seconds after now (RFC 6238), from the key that the page shows.
pub fn code_of(offer: &TotpOffer, seconds: i64) -> String {
    let mut bits = 0u64;
    let (mut count, mut secret) = (0, Vec::new());
    for c in offer.shown.chars().filter(|c| *c != ' ') {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).expect("base32") as u64;
        (bits, count) = (bits << 5 | value, count + 5);
        if count >= 8 {
            count -= 8;
            secret.push((bits >> count & 0xff) as u8);
        }
    }
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = aws_lc_rs::hmac::sign(&key, &(seconds as u64 / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 0x0f);
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

impl House {
    pub async fn new(store: sceau_store::testing::TestStore) -> Self {
        Self::with(store, |_| {}).await
    }
    pub async fn with(
        store: sceau_store::testing::TestStore,
        change: impl FnOnce(&mut sceau_operator::OperatorConfig),
    ) -> Self {
        let w = World::on(store, |config| {
            // How often somebody may guess is another test's.
            config.login_failures_per_minute = 1_000;
            change(config);
        })
        .await;
        let relay = Played::of(&w.op);
        sceau_testkit::people(&w.op, &w.store, &w.admin, &[], &["seconde", "autre"]).await;
        let named = "UPDATE people SET given_name = login, family_name = login, email = login || '@exemple.fr', email_verified = 1, \
                     email_set_by = (SELECT id FROM people WHERE login = 'autre') WHERE login IN ('anne', 'bruno', 'seconde', 'root')";
        let done = w.store.write(move |tx| tx.execute(named, &[]).map(drop)).await;
        done.unwrap_or_else(|e: StoreError| panic!("{e}"));
        let role = NewRole {
            login: "seconde".into(),
            role: Role::Administrator,
            structure: None,
            body: None,
            function: Some("Exploitation".into()),
            reason: "essai".into(),
        };
        w.op.grant_role(&w.admin, role).await.unwrap();
        Self { w, relay }
    }
    pub fn op(&self) -> &Operator {
        &self.w.op
    }
    pub fn now(&self) -> i64 {
        self.w.store.clock().now().0
    }
    pub fn seconds(&self) -> i64 {
        self.now() / 1000
    }
    pub async fn id(&self, login: &str) -> Id {
        let login = login.to_owned();
        let found = self.w.store.read(move |tx| accounts::person_by_login(tx, &login)).await;
        found.unwrap_or_else(|e: StoreError| panic!("{e}")).expect("person").id
    }
    /// A person at the REST door.
    pub async fn actor(&self, login: &str) -> Actor {
        let who = Who::Person(PersonRef { id: self.id(login).await, login: login.into(), name: login.into() });
        Actor { who, bal: None, credential: None, proof: Default::default(), origin: origin(Door::Api) }
    }
    /// A session of a person, whom a means of the State's just proved.
    pub async fn session(&self, login: &str) -> Actor {
        let cookie = format!("carte-de-{login}");
        let attempt = self.op().begin_attempt(&browser(&cookie), "/moyens", None).await.unwrap();
        let entered =
            self.op().enter_session(attempt, self.id(login).await, Factor::Card, None, &origin(Door::Web)).await;
        self.inside(entered).await
    }
    /// Who is behind what a sign-in led to.
    pub async fn inside(&self, entered: Result<Entered, Refusal>) -> Actor {
        let signed = signed(entered);
        self.op().session_of(&signed.cookie, &origin(Door::Web)).await.unwrap()
    }
    /// Gives a person password and authenticator; what the latter's page showed.
    pub async fn password_and_totp(&self, login: &str) -> TotpOffer {
        let (actor, b) = (self.session(login).await, format!("moyens-de-{login}"));
        self.op().set_password(&actor, PASSWORD).await.unwrap();
        self.op().begin_totp_enrolment(&browser(&b), &actor).await.unwrap();
        let offer = self.op().totp_enrolment(&browser(&b), &actor).await.unwrap();
        let code = code_of(&offer, self.seconds() - 30);
        self.op().enrol_totp(&browser(&b), &actor, &code).await.unwrap();
        offer
    }
    /// Gives a person a passkey.
    pub async fn passkey(&self, login: &str) -> Authenticator {
        let (actor, b) = (self.session(login).await, format!("cle-de-{login}"));
        self.op().begin_passkey_enrolment(&browser(&b), &actor, "Téléphone").await.unwrap();
        let options = self.op().passkey_options(&browser(&b), true, Some(&actor)).await.unwrap();
        let mut key = Authenticator::new();
        let answer = key.create(&options);
        self.op().enrol_passkey(&browser(&b), &actor, answer.as_bytes()).await.unwrap();
        key
    }
    /// The first means of a sign-in.
    pub async fn password(&self, attempt: &str, login: &str, password: &str) -> Result<Entered, Refusal> {
        self.op().password_first(&browser(attempt), ("/bal", None), (login, password), &origin(Door::Web)).await
    }
    /// The kinds that a person has.
    pub async fn kinds(&self, login: &str) -> Vec<String> {
        let all = self.op().factors(&self.w.admin, Some(login)).await.unwrap();
        all.into_iter().map(|f| f.kind).collect()
    }
    /// What is sent leaves.
    pub async fn sent(&self) {
        self.op().run_due_jobs().await.unwrap();
    }
}

pub fn signed(entered: Result<Entered, Refusal>) -> SignedIn {
    match entered {
        Ok(Entered::In(signed)) => signed,
        other => panic!("{other:?}"),
    }
}

pub fn code<T: std::fmt::Debug>(done: Result<T, Refusal>) -> RefusalCode {
    done.expect_err("a refusal").code
}
