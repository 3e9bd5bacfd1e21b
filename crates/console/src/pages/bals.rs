//! BALs and requests about them. Never content, never a folder's name: what is shown is what the operator administers.
use super::rules::{label, shown};
use super::{more, or_refused, tongue, with};
use crate::frame::{Ask, name_of};
use crate::sheet::Sheet;
use crate::table::{maybe, number, size, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::opening::Guard;
use sceau_domain::{BalKind, Refusal, UseCase};
use sceau_operator::accounts::BalQuery;
use sceau_operator::life::LifeView;
use sceau_operator::openings::OpeningQuery;
use sceau_web::ui::{Cell, Kind, Table};

/// States of a life that one may look for.
const STATES: &[&str] = &["active", "suspended", "blocked", "closing", "closed"];

/// The steps of a life.
pub(crate) fn life(ask: &Ask, life: &LifeView) -> Table {
    let rows = life.steps.iter().map(|s| {
        vec![Cell::Time(s.at), ask.state(&s.was), ask.state(&s.became), maybe(s.by.clone()), maybe(s.reason.clone())]
    });
    let columns =
        [("at", Kind::Date), ("was", Kind::State), ("became", Kind::State), ("by", Kind::Text), ("why", Kind::Text)];
    ask.part("life", &columns, rows.collect())
}

/// `GET /console/bal`
pub(crate) async fn list(ask: Ask) -> Response {
    or_refused(&ask, bals(&ask).await)
}

async fn bals(ask: &Ask) -> Result<Response, Refusal> {
    let query = BalQuery {
        domain: ask.given("domaine").map(str::to_owned),
        structure: ask.given("structure").map(str::to_owned),
        kind: ask.chosen("nature"),
        state: ask.given("etat").map(str::to_owned),
        text: ask.given("q").map(str::to_owned),
        lacks_notification_address: ask.given("manque") == Some("lacks_contact"),
    };
    let found = ask.op().bals(&ask.actor, query, ask.given("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|b| b.address.clone()));
    let rows = found.into_iter().map(|b| {
        vec![
            ask.link("bal", &b.address),
            text(b.name),
            text(ask.word(&name_of(&b.kind))),
            b.structure.map_or(Cell::None, |code| ask.link("structures", &code)),
            ask.state(&b.state),
            number(b.messages),
            size(b.used),
            Cell::Time(b.created),
        ]
    });
    let columns = [
        ("address", Kind::Link),
        ("name", Kind::Text),
        ("kind", Kind::Text),
        ("structure", Kind::Link),
        ("state", Kind::State),
        ("messages", Kind::Number),
        ("used", Kind::Text),
        ("since", Kind::Date),
    ];
    let table = Table { next, ..ask.table("bal", &columns, rows.collect()) };
    let finds = vec![
        ask.find("q"),
        ask.find("domaine"),
        ask.find("structure"),
        ask.pick("nature", &["Per", "Org", "App", "Cab"]),
        ask.pick("etat", STATES),
        ask.pick("manque", &["lacks_contact"]),
    ];
    ask.list(finds, &[], Vec::new(), table).await
}

/// `GET /console/bal/{address}`
pub(crate) async fn show(Path(address): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, bal(&ask, &address).await)
}

async fn bal(ask: &Ask, address: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let b = op.bal(actor, address).await?;
    let steps = op.life_of_bal(actor, address).await?;
    let mut tables = Vec::new();
    if ask.may(UseCase::AccessList) {
        let may_give = ask.may(UseCase::AccessGrant);
        let rows = op.accesses(actor, address).await?.into_iter().map(|a| {
            let rights: Vec<_> = a.rights.iter().map(|r| ask.word(r)).collect();
            let change = |act: &str| match may_give && crate::acts::bals::shared(&a) && a.ended.is_none() {
                true => act_on(ask, address, act, &a.login),
                false => Cell::None,
            };
            let (change, end) = (change("changer-acces"), change("retirer-acces"));
            vec![
                ask.link("personnes", &a.login),
                text(ask.word(&a.role)),
                text(rights.join(", ")),
                Cell::Time(a.starts),
                time(a.ends),
                text(a.granted_by),
                maybe(a.reason),
                change,
                end,
            ]
        });
        let columns = [
            ("login", Kind::Link),
            ("role", Kind::Text),
            ("rights", Kind::Text),
            ("since", Kind::Date),
            ("until", Kind::Date),
            ("by", Kind::Text),
            ("why", Kind::Text),
            ("to_change", Kind::Link),
            ("to_end", Kind::Link),
        ];
        tables.push(ask.part("accesses", &columns, rows.collect()));
        // Of a shared BAL only: what its members did, counted.
        if let Ok(activity) = op.activity(actor, address, None, None).await {
            let rows = activity.into_iter().map(|a| {
                let counts = [a.logins, a.read, a.sent, a.filed, a.removed].map(number);
                let ends = [ask.link("personnes", &a.login)].into_iter().chain(counts);
                ends.chain([Cell::Time(a.last)]).collect::<Vec<_>>()
            });
            let columns = [
                ("login", Kind::Link),
                ("logins", Kind::Number),
                ("read", Kind::Number),
                ("sent", Kind::Number),
                ("filed", Kind::Number),
                ("removed", Kind::Number),
                ("last", Kind::Date),
            ];
            tables.push(ask.part("activity", &columns, rows.collect()));
        }
    }
    let rows = op.policy_of(actor, address).await?.into_iter().map(|p| {
        let set = if ask.may(UseCase::PolicySet) { fix(ask, &b.address, &p.name) } else { Cell::None };
        let from = text(ask.word(&p.from));
        vec![
            text(label(ask, &p.name)),
            shown(ask, p.value, &p.unit),
            from,
            maybe(p.set_by),
            ask.state(if p.verified { "good" } else { "unverified" }),
            set,
        ]
    });
    let columns = [
        ("limit", Kind::Text),
        ("value", Kind::Number),
        ("from", Kind::Text),
        ("by", Kind::Text),
        ("verified", Kind::State),
        ("to_do", Kind::Link),
    ];
    tables.push(ask.part("policy", &columns, rows.collect()));
    tables.push(life(ask, &steps));
    let away = ask.may(UseCase::BalAbsence) && op.absence(actor, address).await.is_ok_and(|a| a.set);
    let mut acts = match steps.state.as_str() {
        "active" if is_shared(b.kind) => vec![
            "donner-acces",
            "modifier",
            "choisir",
            "demander-changement",
            "demander-fin",
            "suspendre",
            "bloquer",
            "clore",
        ],
        "active" => vec!["modifier", "choisir", "demander-fin", "suspendre", "bloquer", "clore"],
        "suspended" => vec!["modifier", "choisir", "reprendre", "bloquer", "clore"],
        "blocked" => vec!["debloquer", "clore"],
        "closing" => vec!["garder"],
        _ => Vec::new(),
    };
    if matches!(steps.state.as_str(), "active" | "suspended") {
        acts.push("annoncer-absence");
    }
    if away {
        acts.push("fin-absence");
    }
    let chosen = |choice: Option<bool>| {
        text(choice.map_or_else(|| ask.word("unchosen"), |is| ask.word(if is { "yes" } else { "no" })))
    };
    let readers = match ask.may(UseCase::AccessList) {
        true => Cell::Link(ask.t("place.lecteurs"), ask.visitor.to(&with("/console/lecteurs", &[("bal", address)]))),
        false => Cell::None,
    };
    let sheet = Sheet {
        title: b.address.clone(),
        state: Some(ask.state(&steps.state)),
        facts: vec![
            ("name", text(b.name)),
            ("kind", text(ask.word(&name_of(&b.kind)))),
            ("structure", b.structure.map_or(Cell::None, |code| ask.link("structures", &code))),
            ("description", text(b.description)),
            ("responsible", text(b.responsible)),
            ("service", text(b.service)),
            ("messages", number(b.messages)),
            ("used", size(b.used)),
            ("quota", size(b.quota)),
            ("red_list", chosen(b.red_list)),
            ("phone_published", chosen(b.phone_published)),
            ("paperless", chosen(b.paperless)),
            ("readers", readers),
            ("absent", ask.tick(b.absent)),
            ("closing_at", time(steps.closing_at)),
            ("since", Cell::Time(b.created)),
        ],
        tables,
        acts,
        ..Sheet::default()
    };
    ask.show(address, sheet).await
}

/// Is it of several people, so that access to it is given?
fn is_shared(kind: BalKind) -> bool {
    matches!(kind, BalKind::Org | BalKind::App | BalKind::Cab)
}

/// A link to an act on somebody's access.
fn act_on(ask: &Ask, address: &str, act: &str, login: &str) -> Cell {
    let to = with(&format!("{}/{act}", crate::frame::sheet("bal", address)), &[("login", login)]);
    Cell::Link(ask.t(&format!("act.bal-{act}.label")), ask.visitor.to(&to))
}

/// A link to where a limit is set for one BAL.
fn fix(ask: &Ask, address: &str, limit: &str) -> Cell {
    let to = with("/console/limites/-/fixer", &[("scope", "bal"), ("subject", address), ("limit", limit)]);
    Cell::Link(ask.t("act.limites-fixer.label"), ask.visitor.to(&to))
}

/// `GET /console/demandes`
pub(crate) async fn openings(ask: Ask) -> Response {
    or_refused(&ask, requests(&ask).await)
}

async fn requests(ask: &Ask) -> Result<Response, Refusal> {
    let query = OpeningQuery {
        state: ask.chosen("etat"),
        task: ask.chosen("tache"),
        structure: ask.given("structure").map(str::to_owned),
        text: ask.given("q").map(str::to_owned),
    };
    let found = ask.op().openings(&ask.actor, query, ask.number("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|o| o.id.clone()));
    let rows = found.into_iter().map(|o| {
        vec![
            ask.link_as("demandes", &o.id, &o.address),
            text(ask.word(&format!("task_{}", name_of(&o.task)))),
            text(ask.word(&name_of(&o.kind))),
            text(o.name),
            o.structure.map_or(Cell::None, |code| ask.link("structures", &code)),
            ask.state_of(&o.state),
            text(o.asked_by),
            Cell::Time(o.asked),
            Cell::Time(o.changed),
        ]
    });
    let columns = [
        ("address", Kind::Link),
        ("task", Kind::Text),
        ("kind", Kind::Text),
        ("name", Kind::Text),
        ("structure", Kind::Link),
        ("state", Kind::State),
        ("by", Kind::Text),
        ("asked", Kind::Date),
        ("changed", Kind::Date),
    ];
    let table = Table { next, ..ask.table("demandes", &columns, rows.collect()) };
    let states = ["requested", "verified", "opened", "done", "refused", "cancelled"];
    let tasks = ["open", "change", "end"].map(|t| (t.to_owned(), ask.word(&format!("task_{t}"))));
    let mut task = ask.pick("tache", &[]);
    task.options.extend(tasks);
    ask.list(
        vec![ask.find("q"), ask.pick("etat", &states), task, ask.find("structure")],
        &["ouvrir"],
        Vec::new(),
        table,
    )
    .await
}

/// `GET /console/demandes/{id}`
pub(crate) async fn opening(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, request(&ask, &id).await)
}

async fn request(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let o = ask.op().opening(&ask.actor, crate::carry::row(id)?).await?;
    let people = o.people.iter().map(|p| vec![ask.link("personnes", &p.login), text(ask.word(&name_of(&p.role)))]);
    let waits = o.waits_for.iter().map(|w| {
        let words = tongue(ask, &w.detail, &w.detail_en);
        let who = w.login.as_deref().map_or(Cell::None, |login| ask.link("personnes", login));
        vec![text(ask.word(&format!("guard_{}", name_of(&w.guard)))), text(words), who]
    });
    let steps = o.steps.iter().map(|s| {
        let (was, became) = (ask.state(&s.was), ask.state(&s.became));
        vec![Cell::Time(s.at), was, became, text(s.by.clone()), maybe(s.reason.clone())]
    });
    let life =
        [("at", Kind::Date), ("was", Kind::State), ("became", Kind::State), ("by", Kind::Text), ("why", Kind::Text)];
    let tables = vec![
        ask.part("people", &[("login", Kind::Link), ("role", Kind::Text)], people.collect()),
        ask.part("waits", &[("guard", Kind::Text), ("lack", Kind::Text), ("login", Kind::Link)], waits.collect()),
        ask.part("life", &life, steps.collect()),
    ];
    let state = name_of(&o.state);
    let acts = match state.as_str() {
        "requested" if o.waits_for.iter().any(|w| w.guard == Guard::Eligibility) => {
            vec!["verifier", "excepter", "refuser", "annuler"]
        }
        "requested" => vec!["verifier", "refuser", "annuler"],
        "verified" => vec!["refuser", "annuler"],
        _ => Vec::new(),
    };
    let sheet = Sheet {
        title: o.address,
        state: Some(ask.state(&state)),
        facts: vec![
            ("task", text(ask.word(&format!("task_{}", name_of(&o.task))))),
            ("kind", text(ask.word(&name_of(&o.kind)))),
            ("name", text(o.name)),
            ("structure", o.structure.map_or(Cell::None, |code| ask.link("structures", &code))),
            ("why", maybe(o.reason)),
            ("by", text(o.asked_by)),
            ("asked", Cell::Time(o.asked)),
            ("bal", o.bal.map_or(Cell::None, |b| ask.link("bal", &b.address))),
        ],
        tables,
        acts,
        ..Sheet::default()
    };
    ask.show(id, sheet).await
}
