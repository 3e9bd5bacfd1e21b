//! Acts of the console: each stands behind a page that says what will happen, takes what the call takes (a reason, mostly), and asks who sits there to
//! prove it anew where the act cannot be taken back or gives rights (`UseCase::wants_fresh`).
//!
//! One table names them all; [`crate::carry`] translates each into the one call that REST has for it.
use crate::carry::{Done, carry_out};
use crate::frame::{Ask, Frame, sheet};
use crate::table::ActLink;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::{Refusal, RefusalCode, UseCase};
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
    /// One of these stable names; the first one is chosen.
    One(&'static [&'static str]),
}

/// An act: the place whose things it is done to, its name, what one must be allowed to do, its look, what it takes.
pub(crate) struct Act {
    pub place: &'static str,
    pub name: &'static str,
    pub needs: UseCase,
    class: &'static str,
    fields: &'static [(&'static str, Takes)],
}

const fn act(
    (place, name): (&'static str, &'static str),
    needs: UseCase,
    class: &'static str,
    fields: &'static [(&'static str, Takes)],
) -> Act {
    Act { place, name, needs, class, fields }
}

const NOTHING: &[(&str, Takes)] = &[];
const WHY: &[(&str, Takes)] = &[("reason", Takes::Lines)];
const KINDS: &[&str] = &["Per", "Org", "App", "Cab"];
const ROLES: &[&str] = &["structure", "region", "support", "auditor", "administrator"];
const CAUSES: &[&str] = &["request", "notification_address", "departure", "unused", "misuse"];

/// Every act.
pub(crate) const ACTS: &[Act] = &[
    act(
        ("personnes", "ajouter"),
        UseCase::PersonAdd,
        "btn-main",
        &[
            ("login", Takes::Line),
            ("given_name", Takes::Line),
            ("family_name", Takes::Line),
            ("national_id", Takes::Line),
            ("structure", Takes::Line),
            ("function", Takes::Line),
        ],
    ),
    act(("personnes", "certifier"), UseCase::PersonCertify, "btn-main", NOTHING),
    act(
        ("personnes", "rattacher"),
        UseCase::MembershipEdit,
        "",
        &[("structure", Takes::Line), ("function", Takes::Line)],
    ),
    act(("personnes", "inviter"), UseCase::FactorInvite, "", NOTHING),
    act(
        ("personnes", "remplacer-moyens"),
        UseCase::RecoveryAsk,
        "",
        &[("checked", Takes::Lines), ("reason", Takes::Lines)],
    ),
    act(("personnes", "bloquer"), UseCase::PersonBlock, "btn-risk", WHY),
    act(("personnes", "debloquer"), UseCase::PersonBlock, "", WHY),
    act(
        ("personnes", "depart"),
        UseCase::MembershipEdit,
        "btn-risk",
        &[
            ("structure", Takes::Line),
            ("personal", Takes::One(&["suspend", "close", "keep"])),
            ("reason", Takes::Lines),
        ],
    ),
    act(("structures", "bloquer"), UseCase::StructureBlock, "btn-risk", WHY),
    act(("structures", "debloquer"), UseCase::StructureBlock, "", WHY),
    act(
        ("bal", "donner-acces"),
        UseCase::AccessGrant,
        "btn-main",
        &[("login", Takes::Line), ("role", Takes::One(&["member", "responsible"])), ("reason", Takes::Lines)],
    ),
    act(("bal", "retirer-acces"), UseCase::AccessGrant, "", &[("login", Takes::Line), ("reason", Takes::Lines)]),
    act(("bal", "suspendre"), UseCase::BalSuspend, "", WHY),
    act(("bal", "reprendre"), UseCase::BalSuspend, "", WHY),
    act(("bal", "bloquer"), UseCase::BalBlock, "btn-risk", WHY),
    act(("bal", "debloquer"), UseCase::BalBlock, "", WHY),
    act(
        ("bal", "clore"),
        UseCase::BalClose,
        "btn-risk",
        &[("cause", Takes::One(CAUSES)), ("identity_proof", Takes::Line), ("reason", Takes::Lines)],
    ),
    act(("bal", "garder"), UseCase::BalClose, "", WHY),
    act(
        ("demandes", "ouvrir"),
        UseCase::OpeningAsk,
        "btn-main",
        &[
            ("address", Takes::Line),
            ("kind", Takes::One(KINDS)),
            ("name", Takes::Line),
            ("structure", Takes::Line),
            ("holders", Takes::Line),
            ("members", Takes::Line),
        ],
    ),
    act(("demandes", "verifier"), UseCase::OpeningDecide, "btn-main", NOTHING),
    act(("demandes", "refuser"), UseCase::OpeningDecide, "btn-risk", WHY),
    act(("demandes", "annuler"), UseCase::OpeningAsk, "", NOTHING),
    act(
        ("roles", "donner"),
        UseCase::RoleGrant,
        "btn-main",
        &[
            ("login", Takes::Line),
            ("role", Takes::One(ROLES)),
            ("structure", Takes::Line),
            ("body", Takes::Line),
            ("function", Takes::Line),
            ("reason", Takes::Lines),
        ],
    ),
    act(("roles", "retirer"), UseCase::RoleGrant, "btn-risk", WHY),
    act(("recuperations", "confirmer"), UseCase::RecoveryConfirm, "btn-main", NOTHING),
    act(("recuperations", "arreter"), UseCase::RecoveryStop, "btn-risk", NOTHING),
    act(("file", "relancer"), UseCase::QueueRetry, "btn-main", NOTHING),
    act(("file", "tout-relancer"), UseCase::QueueRetry, "", &[("destination", Takes::Line)]),
    act(("file", "retenir"), UseCase::QueueHold, "", WHY),
    act(("file", "liberer"), UseCase::QueueHold, "", NOTHING),
    act(("file", "retourner"), UseCase::QueueReturn, "btn-risk", WHY),
    act(("file", "supprimer"), UseCase::QueueDelete, "btn-risk", WHY),
    act(("certificats", "retirer"), UseCase::CertificateRetire, "btn-risk", WHY),
    act(("alarmes", "acquitter"), UseCase::AlarmAck, "btn-main", NOTHING),
    act(
        ("abus", "decider"),
        UseCase::AbuseDecide,
        "btn-main",
        &[("decision", Takes::One(&["nothing", "warn", "block", "suspend"])), ("reason", Takes::Lines)],
    ),
    act(
        ("signalements", "repondre"),
        UseCase::ReportHandle,
        "btn-main",
        &[("outcome", Takes::One(&["done", "refused"])), ("answer", Takes::Lines)],
    ),
    act(("signalements", "transmettre"), UseCase::ReportHandle, "", WHY),
    act(
        ("annonces", "publier"),
        UseCase::AnnouncementMake,
        "btn-main",
        &[("title", Takes::Line), ("text", Takes::Lines), ("body", Takes::Line)],
    ),
    act(
        ("limites", "fixer"),
        UseCase::PolicySet,
        "btn-main",
        &[
            ("scope", Takes::One(&["domain", "kind", "structure", "bal"])),
            ("subject", Takes::Line),
            ("limit", Takes::Line),
            ("value", Takes::Line),
        ],
    ),
    act(("traces", "preuve"), UseCase::TraceProve, "btn-main", NOTHING),
];

impl Act {
    /// Its name below `console.act` in the locale files.
    pub fn key(&self) -> String {
        format!("{}-{}", self.place, self.name)
    }
    /// What it takes, by name.
    #[cfg(test)]
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Takes)> {
        self.fields.iter().copied()
    }
}

fn find(place: &str, name: &str) -> Option<&'static Act> {
    ACTS.iter().find(|act| act.place == place && act.name == name)
}

/// The key of an act, when it is one.
pub(crate) fn find_key(key: &str) -> Option<String> {
    ACTS.iter().map(Act::key).find(|known| known == key)
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

/// A field of the page that confirms.
struct Shown {
    id: String,
    name: &'static str,
    label: String,
    help: String,
    value: String,
    area: bool,
    options: Vec<(String, String)>,
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
    ask.op().confirmed(&ask.actor, act.needs)?;
    Ok(act)
}

fn page(ask: &Ask, act: &Act, id: &str, form: &Form, refused: Option<&Refusal>) -> Response {
    let key = act.key();
    let (status, error) = match refused {
        Some(refusal) => ask.visitor.told(refusal),
        None => (StatusCode::OK, String::new()),
    };
    let about = if id == "-" { "" } else { id };
    let field = |&(name, takes): &(&'static str, Takes)| Shown {
        id: format!("c-{name}"),
        name,
        label: ask.t(&format!("field.{name}")),
        help: ask.help(name),
        value: form.get(name).cloned().or_else(|| ask.given(name).map(str::to_owned)).unwrap_or_default(),
        area: matches!(takes, Takes::Lines),
        options: match takes {
            Takes::One(words) => words.iter().map(|w| ((*w).to_owned(), ask.word(w))).collect(),
            Takes::Line | Takes::Lines => Vec::new(),
        },
    };
    let to = if id == "-" { format!("/console/{}", act.place) } else { sheet(act.place, id) };
    let page = Confirm {
        shell: ask.shell(),
        frame: ask.frame(),
        title: ask.t(&format!("act.{key}.label")),
        about: about.to_owned(),
        what: ask.t(&format!("act.{key}.what")),
        error,
        action: ask.path().to_owned(),
        class: if act.class.is_empty() { "btn-main" } else { act.class },
        fields: act.fields.iter().map(field).collect(),
        back: (ask.visitor.to(&to), ask.t("leave")),
    };
    ask.visitor.screen(status, &page)
}

/// `GET /console/…/{id}/{act}`: what will happen.
pub(crate) async fn show(Path((id, name)): Path<(String, String)>, ask: Ask) -> Response {
    match known(&ask, &name) {
        Ok(act) => page(&ask, act, &id, &Form::new(), None),
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
        Ok(ask) => ask,
        Err(answer) => return *answer,
    };
    let act = match known(&ask, &name) {
        Ok(act) => act,
        Err(refusal) => return ask.refused(&refusal),
    };
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
        Err(refusal) if matches!(refusal.code, RefusalCode::LoginRequired | RefusalCode::AuthFresh) => {
            ask.refused(&refusal)
        }
        Err(refusal) => page(&ask, act, &id, &form, Some(&refusal)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PLACES;
    use sceau_domain::Lang;
    use sceau_domain::text::text;

    #[test]
    fn every_act_is_of_a_place_and_says_what_it_does() {
        let _ = crate::routes();
        for act in ACTS {
            assert!(PLACES.iter().any(|p| p.name == act.place), "{}", act.place);
            for part in ["label", "what", "done"] {
                let key = format!("console.act.{}.{part}", act.key());
                assert_ne!(text(Lang::Fr, &key, &[]), key);
            }
            for (name, takes) in act.fields() {
                let key = format!("console.field.{name}");
                assert_ne!(text(Lang::Fr, &key, &[]), key);
                if let Takes::One(words) = takes {
                    for word in words {
                        let key = format!("console.word.{word}");
                        assert_ne!(text(Lang::Fr, &key, &[]), key);
                    }
                }
            }
        }
        let mut keys: Vec<_> = ACTS.iter().map(Act::key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), ACTS.len());
    }
}
