//! Acts of the console: each stands behind a page that says what will happen, takes what the call takes (a reason, mostly), and asks who sits there to
//! prove it anew where the act cannot be taken back or gives rights (`UseCase::wants_fresh`).
//!
//! [`crate::acts`] names them all, says what each form begins with, and translates each into the one call that REST has for it.
use crate::acts::{all, begins, carry_out};
use crate::carry::Done;
use crate::frame::{Ask, Frame, sheet};
use crate::table::ActLink;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_web::ui::upright;
use sceau_web::{Sent, Shell, layout};
use std::collections::BTreeMap;

/// What was filled in.
pub(crate) type Form = BTreeMap<String, String>;

/// What a field takes.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    /// A line.
    Line,
    /// Several lines.
    Lines,
    /// A number.
    Number,
    /// A day (`2026-03-03`).
    Day,
    /// So or not.
    Tick,
    /// One of these stable names; the first one is chosen.
    One(&'static [&'static str]),
    /// Any of these stable names, each in a field of its own (`rights.read`).
    Many(&'static [&'static str]),
    /// One of those that the form begins with ([`Begins::choices`]).
    Given,
    /// Nothing that one sees: what was read comes back as it was (a version).
    Kept,
}

/// What a form begins with: for a change, what is so now.
#[derive(Default)]
pub(crate) struct Begins {
    /// What the act is about, where that is not what the address names it by.
    pub about: Option<String>,
    /// By field.
    pub values: Form,
    /// What a field that takes one of several is given, and what a line suggests: value and words.
    pub choices: BTreeMap<&'static str, Vec<(String, String)>>,
}

/// An act: the place whose things it is done to, its name, what one must be allowed to do, its look, what it takes.
pub(crate) struct Act {
    pub place: &'static str,
    pub name: &'static str,
    pub needs: UseCase,
    class: &'static str,
    fields: &'static [(&'static str, Takes)],
}

/// An act in one of the lists.
pub(crate) const fn act(
    (place, name): (&'static str, &'static str),
    needs: UseCase,
    class: &'static str,
    fields: &'static [(&'static str, Takes)],
) -> Act {
    Act { place, name, needs, class, fields }
}

/// Acts that take nothing, and those that take a reason alone.
pub(crate) const NOTHING: &[(&str, Takes)] = &[];
pub(crate) const WHY: &[(&str, Takes)] = &[("reason", Takes::Lines)];

impl Act {
    /// Its name below `console.act` in the locale files.
    pub fn key(&self) -> String {
        format!("{}-{}", self.place, self.name)
    }
    /// The field that a call means by a word of its own: `until` is `access_until` where nothing else ends.
    fn meant(&self, name: &str, code: RefusalCode) -> Option<&'static str> {
        let name = name.replace('.', "_");
        let fields = || self.fields.iter().map(|(field, _)| *field);
        if let Some(field) = fields().find(|field| *field == name) {
            return Some(field);
        }
        let part = match name.as_str() {
            "expires" | "ends" => "until",
            "starts" => "from",
            other => other,
        };
        let mut like = fields().filter(|field| field.strip_suffix(part).is_some_and(|rest| rest.ends_with('_')));
        match (like.next(), like.next()) {
            (Some(field), None) if code == RefusalCode::Invalid => Some(field),
            _ => None,
        }
    }
    /// What it takes, by name.
    #[cfg(test)]
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Takes)> {
        self.fields.iter().copied()
    }
}

impl Begins {
    /// About something that people know by this name.
    pub fn about(about: impl Into<String>) -> Self {
        Self { about: Some(about.into()), ..Self::default() }
    }
    /// A field's value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }
    /// A field that may have none.
    pub fn maybe(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        self.set(name, value.unwrap_or_default())
    }
    /// A field that is ticked or not.
    pub fn tick(&mut self, name: &str, on: bool) -> &mut Self {
        self.set(name, if on { "oui" } else { "" })
    }
}

/// An act of a place, by its name.
pub(crate) fn find(place: &str, name: &str) -> Option<&'static Act> {
    all().find(|act| act.place == place && act.name == name)
}

/// The key of an act, when it is one.
pub(crate) fn find_key(key: &str) -> Option<String> {
    all().map(Act::key).find(|known| known == key)
}

/// The way to acts on something, for those that the asker may do; `id` is `-` where it is about nothing that is there yet.
pub(crate) fn links(ask: &Ask, place: &str, id: &str, names: &[&str]) -> Vec<ActLink> {
    let known = names.iter().filter_map(|name| find(place, name)).filter(|act| ask.may(act.needs));
    let link = |act: &Act| ActLink {
        to: ask.visitor.to(&format!("{}/{}", sheet(place, id), act.name)),
        label: ask.t(&format!("act.{}.label", act.key())),
        class: act.class,
    };
    known.map(link).collect()
}

/// How a field of the page that confirms looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Input(&'static str),
    Area,
    Tick,
    Choice,
    Group,
    Kept,
}

/// A field of the page that confirms.
struct Shown {
    id: String,
    name: String,
    label: String,
    help: String,
    error: String,
    value: String,
    look: Look,
    /// Of a choice: value and words. Of a line: what may be meant.
    options: Vec<(String, String)>,
    /// Of a group: id, name, words and whether it is ticked.
    ticks: Vec<(String, String, String, bool)>,
}

impl Shown {
    fn is(&self, look: Look) -> bool {
        self.look == look
    }
    /// The ids of what is said beside a line.
    fn described(&self) -> Option<String> {
        let said = [("help", &self.help), ("error", &self.error)].into_iter().filter(|(_, text)| !text.is_empty());
        let ids: Vec<String> = said.map(|(part, _)| format!("{}-{part}", self.id)).collect();
        Some(ids.join(" ")).filter(|ids| !ids.is_empty())
    }
    /// The type of an input; empty where it is none.
    fn kind(&self) -> &'static str {
        if let Look::Input(kind) = self.look { kind } else { "" }
    }
}

#[derive(askama::Template)]
#[template(path = "confirm.html")]
struct Confirm {
    shell: Shell,
    frame: Frame,
    title: String,
    /// About what.
    about: String,
    what: String,
    error: String,
    /// Where one proves anew that it is oneself, beside a form that waits for it.
    prove: Option<String>,
    action: String,
    class: &'static str,
    fields: Vec<Shown>,
    back: (String, String),
}

/// The act that this address names, for whoever may do it.
fn known(ask: &Ask, name: &str) -> Result<&'static Act, Refusal> {
    let place = ask.place().map_or("", |place| place.name);
    let act = find(place, name).ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", name))?;
    if !ask.may(act.needs) {
        return Err(Refusal::new(RefusalCode::RightMissing).with("name", act.needs.as_str()));
    }
    Ok(act)
}

/// Did whoever asks prove lately that it is them, where the act wants it? `auth.fresh`.
fn confirmed(ask: &Ask, act: &Act) -> Result<(), Refusal> {
    // Whoever leaves may take BALs along: what closing asks, leaving asks.
    if (act.place, act.name) == ("personnes", "depart") {
        ask.op().confirmed(&ask.actor, UseCase::BalClose)?;
    }
    ask.op().confirmed(&ask.actor, act.needs)
}

/// One field as it is shown: with what stands in `form`, and beside what is wrong with it.
fn shown(ask: &Ask, field: &(&'static str, Takes), form: &Begins, wrong: &str, why: &str) -> Shown {
    let &(name, takes) = field;
    let value = form.values.get(name).cloned().unwrap_or_default();
    let words = |list: &[&str]| list.iter().map(|w| ((*w).to_owned(), ask.word(w))).collect();
    let (mut options, mut ticks) = (Vec::new(), Vec::new());
    let look = match takes {
        Takes::Line => {
            options = form.choices.get(name).cloned().unwrap_or_default();
            Look::Input("text")
        }
        Takes::Number => Look::Input("number"),
        Takes::Day => Look::Input("date"),
        Takes::Lines => Look::Area,
        Takes::Tick => Look::Tick,
        Takes::Kept => Look::Kept,
        Takes::One(list) => {
            options = words(list);
            Look::Choice
        }
        Takes::Given => {
            options = form.choices.get(name).cloned().unwrap_or_default();
            Look::Choice
        }
        Takes::Many(list) => {
            let one = |w: &&str| {
                let part = format!("{name}.{w}");
                (
                    format!("c-{name}-{w}"),
                    part.clone(),
                    ask.word(w),
                    form.values.get(&part).is_some_and(|v| !v.is_empty()),
                )
            };
            ticks = list.iter().map(one).collect();
            Look::Group
        }
    };
    let label = if look == Look::Kept { String::new() } else { ask.t(&format!("field.{name}")) };
    let error = if wrong == name { why.to_owned() } else { String::new() };
    Shown {
        id: format!("c-{name}"),
        name: name.to_owned(),
        label,
        help: ask.help(name),
        error,
        value,
        look,
        options,
        ticks,
    }
}

/// The page of an act; `form`: what stands in its fields. After a refusal it says why not, and beside which field.
fn page(ask: &Ask, act: &Act, id: &str, form: &Begins, refused: Option<&Refusal>) -> Response {
    let key = act.key();
    let mut wrong = String::new();
    let (status, error) = match refused.cloned() {
        Some(mut refusal) => {
            // What a call names by its own word is on this page called as its field is.
            for (_, value) in refusal.args.iter_mut().filter(|(arg, _)| *arg == "name") {
                if let Some(field) = act.meant(value, refusal.code) {
                    *value = ask.t(&format!("field.{field}"));
                    wrong = field.to_owned();
                }
            }
            ask.visitor.told(&refusal)
        }
        None => (StatusCode::OK, String::new()),
    };
    let to = if id == "-" { format!("/console/{}", act.place) } else { sheet(act.place, id) };
    let page = Confirm {
        shell: ask.shell(),
        frame: ask.frame(),
        title: ask.t(&format!("act.{key}.label")),
        about: match (&form.about, id) {
            (_, "-") => String::new(),
            (Some(about), _) => upright(about),
            (None, id) => upright(id),
        },
        what: ask.t(&format!("act.{key}.what")),
        fields: act.fields.iter().map(|field| shown(ask, field, form, &wrong, &error)).collect(),
        error,
        prove: refused.filter(|r| r.code == RefusalCode::AuthFresh).map(|_| ask.visitor.to("/connexion/confirmer")),
        action: ask.path().to_owned(),
        class: if act.class.is_empty() { "btn-main" } else { act.class },
        back: (ask.visitor.to(&to), ask.t("leave")),
    };
    ask.visitor.screen(status, &page)
}

/// `GET /console/…/{id}/{act}`: what will happen; what the address gives for a field stands there.
pub(crate) async fn show(Path((id, name)): Path<(String, String)>, ask: Ask) -> Response {
    let act = match known(&ask, &name).and_then(|act| confirmed(&ask, act).map(|()| act)) {
        Ok(act) => act,
        Err(refusal) => return ask.refused(&refusal),
    };
    match Box::pin(begins(&ask, act, &id)).await {
        Ok(mut form) => {
            for (field, takes) in act.fields {
                if let Some(given) = ask.given(field).filter(|_| !matches!(takes, Takes::Kept)) {
                    form.values.insert((*field).to_owned(), given.to_owned());
                }
            }
            page(&ask, act, &id, &form, None)
        }
        Err(refusal) => ask.refused(&refusal),
    }
}

/// `POST /console/…/{id}/{act}`: it happens; back to the thing, or to the list where it is no more.
pub(crate) async fn send(
    Path((id, name)): Path<(String, String)>,
    uri: Uri,
    Sent(visitor, form): Sent<Form>,
) -> Response {
    let ask = match Ask::of(visitor, uri.path(), uri.query().unwrap_or_default()).await {
        Ok(ask) => ask.with(&form),
        Err(answer) => return *answer,
    };
    let act = match known(&ask, &name) {
        Ok(act) => act,
        Err(refusal) => return ask.refused(&refusal),
    };
    if let Err(refusal) = confirmed(&ask, act) {
        return again(&ask, act, &id, form, &refusal).await;
    }
    match Box::pin(carry_out(&ask, act, &id, &form)).await {
        Ok(Done::At(place, id)) => {
            let to = if id.is_empty() { format!("/console/{place}") } else { sheet(place, &id) };
            ask.visitor.see(&format!("{to}?fait={}", act.key()))
        }
        Ok(Done::File(name, bytes)) => {
            let mut headers = layout::headers("application/json", "no-store");
            if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
                headers.insert(header::CONTENT_DISPOSITION, name);
            }
            (headers, bytes).into_response()
        }
        Err(refusal) if refusal.code == RefusalCode::LoginRequired => ask.refused(&refusal),
        Ok(Done::Page(page)) => page,
        Err(refusal) => again(&ask, act, &id, form, &refusal).await,
    }
}

/// The page once more, with what was filled in; where somebody else changed the thing meanwhile, with what is so now.
async fn again(ask: &Ask, act: &Act, id: &str, form: Form, refusal: &Refusal) -> Response {
    let begun = Box::pin(begins(ask, act, id)).await.unwrap_or_default();
    if refusal.code == RefusalCode::EditConflict {
        return page(ask, act, id, &begun, Some(refusal));
    }
    page(ask, act, id, &Begins { values: form, ..begun }, Some(refusal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PLACES;
    use sceau_domain::Lang;
    use sceau_domain::text::text;

    #[test]
    fn what_a_call_names_is_found_among_the_fields() {
        let of = |place, name, word| find(place, name).unwrap().meant(word, RefusalCode::Invalid);
        assert_eq!(of("personnes", "envoyer-jeton", "expires"), Some("token_until"));
        assert_eq!(of("personnes", "envoyer-jeton", "label"), Some("token_label"));
        assert_eq!(of("personnes", "exempter", "until"), Some("exemption_until"));
        assert_eq!(of("bal", "donner-acces", "starts"), Some("access_from"));
        assert_eq!(of("structures", "modifier", "contact.phone"), Some("contact_phone"));
        // Two could be meant; a name is no field.
        assert_eq!(of("structures", "modifier", "name"), None);
        assert_eq!(find("personnes", "exempter").unwrap().meant("until", RefusalCode::StateWrong), None);
    }

    #[test]
    fn every_act_is_of_a_place_and_says_what_it_does() {
        crate::make_known();
        for act in all() {
            assert!(PLACES.iter().any(|p| p.name == act.place), "{}", act.place);
            for part in ["label", "what", "done"] {
                let key = format!("console.act.{}.{part}", act.key());
                assert_ne!(text(Lang::Fr, &key, &[]), key);
            }
            for (name, takes) in act.fields() {
                let key = format!("console.field.{name}");
                assert!(matches!(takes, Takes::Kept) || text(Lang::Fr, &key, &[]) != key, "{key}");
                if let Takes::One(words) | Takes::Many(words) = takes {
                    for word in words {
                        let key = format!("console.word.{word}");
                        assert_ne!(text(Lang::Fr, &key, &[]), key);
                    }
                }
            }
        }
        let mut keys: Vec<_> = all().map(Act::key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all().count());
    }
}
