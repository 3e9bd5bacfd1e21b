//! The frame of pages with a session: banner, where one may go, how one leaves. `templates/shell.html` draws it around a card, `bureau.html` around the
//! desk and the console, `account.html` around what is one's own, whichever room has the page.
use super::layout::{self, ENGLISH, FRENCH};
use super::session::{Visitor, chosen_in, in_language};
use sceau_domain::Lang;
use sceau_domain::text::text;
use sceau_identity::session::csrf;
use sceau_operator::Who;
use std::sync::OnceLock;

/// A place of the account: where it is, and the key of its name.
pub type Place = (&'static str, &'static str);

/// What every page shows around its own matter.
pub struct Shell {
    lang: Lang,
    /// Name of the operator.
    pub operator: String,
    /// Name of whoever is signed in.
    pub who: Option<String>,
    login: Option<String>,
    path: String,
    key: [u8; 32],
    theme: &'static str,
    bal: Option<String>,
    under: Option<&'static str>,
    administers: bool,
}

/// The account's places, where no room above says more than this one has.
const OWN: [Place; 3] =
    [("/bal", "page.shell.bal"), ("/moyens", "page.shell.factors"), ("/appareils", "page.shell.devices")];
static PLACES: OnceLock<&'static [Place]> = OnceLock::new();

/// The menu of the account's pages (`templates/account.html`), ours among them: said once, by the room that has the others, before pages are shown.
pub fn account_places(places: &'static [Place]) {
    PLACES.get_or_init(|| places);
}

/// A place to go.
pub struct Link {
    /// Where.
    pub to: String,
    /// What it is called.
    pub name: String,
    /// Is it this page?
    pub here: bool,
}

impl Shell {
    /// Pages of whoever is signed in, with the key of their names.
    const LINKS: [(&'static str, &'static str); 4] = [
        ("/bal", "page.shell.bal"),
        ("/compte", "page.shell.account"),
        ("/moyens", "page.shell.factors"),
        ("/appareils", "page.shell.devices"),
    ];

    pub(super) fn new(visitor: &Visitor, path: &str) -> Self {
        let person = visitor.actor.as_ref().ok().and_then(|a| match &a.who {
            Who::Person(p) => Some((p.name.clone(), p.login.clone())),
            Who::Connector(_) | Who::System => None,
        });
        let (who, login) = person.unzip();
        let operator = visitor.op.config().name.clone();
        Self {
            lang: visitor.lang,
            operator,
            who,
            login,
            path: path.to_owned(),
            key: visitor.form_key(),
            theme: visitor.theme,
            bal: None,
            under: None,
            administers: visitor.administers,
        }
    }
    /// The frame of a page of a BAL, by its object id.
    #[must_use]
    pub fn of_bal(self, code: &str) -> Self {
        Self { bal: Some(code.to_owned()), ..self }
    }
    /// The frame of a page that stands under one of the account's places.
    #[must_use]
    pub fn under(self, place: &'static str) -> Self {
        Self { under: Some(place), ..self }
    }
    /// The BAL whose page it is.
    pub fn bal(&self) -> Option<&str> {
        self.bal.as_deref()
    }
    /// The login of whoever is signed in, by which a script knows that it is still the same; empty: nobody.
    pub fn login(&self) -> &str {
        self.login.as_deref().unwrap_or_default()
    }
    /// `light` or `dark`, where the person chose; empty: as the system is.
    pub fn theme(&self) -> &'static str {
        self.theme
    }
    /// Where one of our files is.
    pub fn asset(&self, name: &str) -> String {
        crate::assets::path(name)
    }
    /// The language's tag.
    pub fn lang(&self) -> &'static str {
        self.lang.as_str()
    }
    /// A text of the locale files.
    pub fn t(&self, key: &str) -> String {
        layout::set(&text(self.lang, key, &[]))
    }
    /// One with a value.
    pub fn t1(&self, key: &str, name: &str, value: &str) -> String {
        layout::set(&text(self.lang, key, &[(name, value)]))
    }
    /// One of our paths in this language.
    pub fn to(&self, path: &str) -> String {
        in_language(path, self.lang)
    }
    /// The word of a form.
    pub fn jeton(&self, form: &str) -> String {
        csrf(&self.key, form)
    }
    /// The house's mark.
    pub fn mark(&self) -> &'static str {
        layout::MARK
    }
    /// The other language and this one: name, tag, where, is it this one.
    pub fn languages(&self) -> [(&'static str, &'static str, String, bool); 2] {
        let of = |name, lang: Lang| (name, lang.as_str(), chosen_in(&self.path, lang), self.lang == lang);
        [of(FRENCH, Lang::Fr), of(ENGLISH, Lang::En)]
    }
    /// Where whoever is signed in may go.
    pub fn links(&self) -> Vec<Link> {
        let link = |(path, key): &(&str, &str)| Link { to: self.to(path), name: self.t(key), here: *path == self.path };
        let console = self.administers.then_some(("/console", "page.shell.console"));
        Self::LINKS.iter().chain(console.as_ref()).map(link).collect()
    }
    /// The account's places.
    pub fn places(&self) -> Vec<Link> {
        let at = self.under.unwrap_or(&self.path);
        let link = |(path, key): &Place| Link { to: self.to(path), name: self.t(key), here: *path == at };
        PLACES.get().copied().unwrap_or(&OWN).iter().map(link).collect()
    }
}
