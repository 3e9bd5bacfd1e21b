//! The pages as a test sees them: a sandbox, people who play their parts, browsers that sign in.
use crate::doors::{accept, api, ask};
use crate::sandbox::{Account, Operator};
use crate::{Browser, Letter, Sandbox, curl, wait};
use serde_json::json;

/// The hospital of operator A.
const HOSPITAL: &str = "hopital-alpes";
/// The regional body that follows it.
const REGION: &str = "region-alpes";

/// A running sandbox whose pages are looked at.
#[derive(Debug)]
pub struct Desk {
    /// The sandbox: operators A and B.
    pub sandbox: Sandbox,
}

/// People beside those of the world, by their logins, which are also what one picks at the played provider. All of them work nowhere yet.
#[derive(Debug, Clone, Copy)]
pub struct Cast {
    /// Has an access to the shared BAL, and a delegation of Dr Martin's.
    pub secretary: &'static str,
    /// Administers the hospital.
    pub structure: &'static str,
    /// Agent of the regional body.
    pub region: &'static str,
    /// Support of the operator.
    pub support: &'static str,
    /// Auditor.
    pub auditor: &'static str,
    /// Administrator of the operator.
    pub administrator: &'static str,
}

impl Cast {
    /// Everybody.
    pub fn all(&self) -> [&'static str; 6] {
        [self.secretary, self.structure, self.region, self.support, self.auditor, self.administrator]
    }
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Width, CSS pixels.
    pub width: u32,
    /// Dark?
    pub dark: bool,
}

impl Screen {
    /// At a desk, on a tablet, on a telephone, each light and dark.
    pub const ALL: [Self; 6] = [
        Self { width: 1440, dark: false },
        Self { width: 1440, dark: true },
        Self { width: 820, dark: false },
        Self { width: 820, dark: true },
        Self { width: 390, dark: false },
        Self { width: 390, dark: true },
    ];
}

impl Desk {
    /// Starts one.
    #[track_caller]
    pub fn start() -> Self {
        Self { sandbox: Sandbox::start() }
    }
    /// Operator A.
    pub fn a(&self) -> &Operator {
        self.sandbox.a()
    }
    /// A page of operator A.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.a().public_url)
    }
    /// A browser in which somebody signed in by the played Pro Santé Connect; it stands where one's mail is.
    #[track_caller]
    pub fn browser(&self, who: &str) -> Browser {
        let browser = Browser::start(&self.sandbox.ready.anchors);
        self.enter(&browser, who);
        browser
    }
    /// Somebody signs in, in this browser.
    #[track_caller]
    pub fn enter(&self, browser: &Browser, who: &str) {
        browser.go(&self.at("/connexion")).press("form[action^='/connexion/psc'] button");
        browser.press(&format!("input[name='who'][value='{who}'] + button[value='card']"));
        // Every page of somebody has the way out.
        wait::until(&format!("{who}'s session"), 30, || browser.has("form[action^='/deconnexion']").then_some(()));
    }
    /// The list of one's inbox, once it has so many rows.
    #[track_caller]
    pub fn listed(&self, browser: &Browser, rows: usize) {
        wait::until("the rows of the list", 60, || {
            browser.go(&self.at("/bureau"));
            (browser.count("a.row-link") >= rows).then_some(())
        });
    }
    /// Enters the people of the cast, as operators do it, with what makes them what they are. `service`: the shared BAL, `doctor`: whose delegate the
    /// secretary is, until `ends` (milliseconds since 1970).
    #[track_caller]
    pub fn cast(&self, service: &str, doctor: &Account, ends: u64) -> Cast {
        let cast = Cast {
            secretary: "role.secretaire",
            structure: "role.structure",
            region: "role.region",
            support: "role.support",
            auditor: "role.auditeur",
            administrator: "role.operateur",
        };
        let a = self.a();
        for login in cast.all() {
            let person = self.sandbox.ready.psc.people.iter().find(|p| p.login == login).expect("an account");
            let (given, family) = person.name.split_once(' ').expect("two names");
            let name = ["--given-name", given, "--family-name", family, "--national-id", &person.national_id[1..]];
            let _ = a.cli(&[&["person", "add", login][..], &name, &["--habilitated"]].concat());
            let _ = a.cli(&["person", "certify", login]);
            accept(&self.sandbox, a, &api(a, login));
        }
        for (login, role, place) in [
            (cast.structure, "structure", &["--structure", HOSPITAL][..]),
            (cast.region, "region", &["--body", REGION]),
            (cast.support, "support", &[]),
            (cast.auditor, "auditor", &[]),
            (cast.administrator, "administrator", &[]),
        ] {
            let grant = ["role", "grant", login, role, "--function", "Exploitation", "--reason", "essai"];
            let _ = a.cli(&[&grant[..], place].concat());
        }
        let _ = a.cli(&["access", "give", service, cast.secretary]);
        let new = json!({ "address": doctor.address, "login": cast.secretary, "ends": ends, "reason": "Secrétariat" });
        let holder = doctor.login.split('*').next().unwrap_or_default();
        let (status, said) = ask(&self.sandbox, a, &api(a, holder), "POST", "/me/delegations", Some(new));
        assert_eq!(status, "201", "{said}");
        cast
    }
    /// Sends so many letters from one account to another, with subjects that one finds again: `Compte rendu 1`…
    #[track_caller]
    pub fn letters(&self, from: &Account, to: &Account, count: usize) -> Vec<Letter> {
        (1..=count)
            .map(|n| {
                let letter = Letter::short(&from.address, &to.address, &format!("Compte rendu {n}"));
                let _ = curl::send(&self.sandbox, self.a(), from, &[&to.address], &letter.bytes).ok();
                letter
            })
            .collect()
    }
}
