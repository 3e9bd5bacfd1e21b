//! People, their roles, the replacement of their means.
use super::{more, or_refused};
use crate::frame::Ask;
use crate::sheet::Sheet;
use crate::table::{maybe, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::accounts::PersonView;
use sceau_operator::roles::RoleFilter;
use sceau_web::ui::{Cell, Kind, Table};

/// Somebody is looked for among so many at once, so many times: twenty thousand people a page.
const AT_ONCE: u32 = 1_000;
const PASSES: u32 = 20;

/// `GET /console/personnes`
pub(crate) async fn list(ask: Ask) -> Response {
    or_refused(&ask, people(&ask).await)
}

async fn people(ask: &Ask) -> Result<Response, Refusal> {
    let (found, next) = looked_for(ask).await?;
    let rows = found.into_iter().map(|p| {
        let state = if p.blocked.is_some() { "blocked" } else { "active" };
        let works: Vec<_> = p.memberships.iter().filter(|m| m.ended.is_none()).map(|m| m.structure.clone()).collect();
        vec![
            ask.link("personnes", &p.login),
            text(p.name),
            maybe(p.profession.map(|c| c.label.unwrap_or(c.code))),
            text(works.join(", ")),
            ask.state(if p.identity.at.is_some() { "certified" } else { "uncertified" }),
            ask.state(state),
            Cell::Time(p.created),
        ]
    });
    let columns = [
        ("login", Kind::Link),
        ("name", Kind::Text),
        ("profession", Kind::Text),
        ("structures", Kind::Text),
        ("identity", Kind::State),
        ("state", Kind::State),
        ("since", Kind::Date),
    ];
    let table = Table { next, ..ask.table("personnes", &columns, rows.collect()) };
    Ok(ask.list(vec![ask.find("q"), ask.find("structure")], &["ajouter"], Vec::new(), table))
}

/// Those whose login or name holds what was typed, as many as a page has; and where the next ones are.
async fn looked_for(ask: &Ask) -> Result<(Vec<PersonView>, Option<String>), Refusal> {
    let typed = ask.given("q").unwrap_or_default().to_lowercase();
    let wanted = |p: &PersonView| p.login.contains(&typed) || p.name.to_lowercase().contains(&typed);
    let (most, mut after, mut found) = (ask.rows(), ask.given("apres").map(str::to_owned), Vec::new());
    let at_once = if typed.is_empty() { most } else { AT_ONCE };
    for _ in 0..PASSES {
        let people = ask.op().people_of(&ask.actor, ask.given("structure"), after.as_deref(), at_once).await?;
        let whole = people.len() < at_once as usize;
        after = people.last().map(|p| p.login.clone());
        found.extend(people.into_iter().filter(wanted));
        if whole {
            return Ok((found, None));
        }
        if found.len() >= most as usize {
            break;
        }
    }
    Ok((found, after.map(|login| ask.after(&login))))
}

/// `GET /console/personnes/{login}`
pub(crate) async fn show(Path(login): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, person(&ask, &login).await)
}

async fn person(ask: &Ask, login: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let p = op.person(actor, login).await?;
    let life = op.life_of_person(actor, login).await?;
    let mut tables = vec![
        ask.part(
            "works",
            &[("structure", Kind::Link), ("function", Kind::Text), ("since", Kind::Date), ("until", Kind::Date)],
            p.memberships
                .iter()
                .map(|m| {
                    let place = ask.link_as("structures", &m.structure, &m.structure_name);
                    vec![place, text(m.function.clone()), Cell::Time(m.since), time(m.ended)]
                })
                .collect(),
        ),
    ];
    let bals = p.bals.iter().map(|(address, role)| vec![ask.link("bal", address), text(ask.word(role))]);
    tables.push(ask.part("bals", &[("address", Kind::Link), ("role", Kind::Text)], bals.collect()));
    // Means and sessions are of the whole person: not everybody who may see somebody may see them.
    if ask.may(UseCase::FactorList)
        && let Ok(factors) = op.factors(actor, Some(login)).await
    {
        let rows = factors.into_iter().map(|f| {
            vec![text(ask.word(&f.kind)), text(f.label), Cell::Time(f.enrolled), time(f.last_used), maybe(f.last_place)]
        });
        let columns = [
            ("kind", Kind::Text),
            ("label", Kind::Text),
            ("since", Kind::Date),
            ("used", Kind::Date),
            ("place", Kind::Text),
        ];
        tables.push(ask.part("factors", &columns, rows.collect()));
    }
    if ask.may(UseCase::SessionList)
        && let Ok(sessions) = op.sessions(actor, login).await
    {
        let rows = sessions
            .into_iter()
            .map(|s| vec![text(s.agent), maybe(s.place), Cell::Time(s.begun), Cell::Time(s.seen), Cell::Time(s.ends)]);
        let columns = [
            ("agent", Kind::Text),
            ("place", Kind::Text),
            ("begun", Kind::Date),
            ("used", Kind::Date),
            ("until", Kind::Date),
        ];
        tables.push(ask.part("sessions", &columns, rows.collect()));
    }
    tables.push(super::bals::life(ask, &life));
    let acts = match p.blocked {
        Some(_) => vec!["debloquer"],
        None if p.identity.at.is_none() => {
            vec!["certifier", "rattacher", "inviter", "remplacer-moyens", "depart", "bloquer"]
        }
        None => vec!["rattacher", "inviter", "remplacer-moyens", "depart", "bloquer"],
    };
    let email = p.email.as_ref();
    let sheet = Sheet {
        title: p.name.clone(),
        state: Some(ask.state(&life.state)),
        facts: vec![
            ("login", text(p.login)),
            ("national_id", maybe(p.national_id)),
            ("profession", maybe(p.profession.map(|c| c.label.unwrap_or(c.code)))),
            ("speciality", maybe(p.speciality.map(|c| c.label.unwrap_or(c.code)))),
            ("identity", ask.state(if p.identity.at.is_some() { "certified" } else { "uncertified" })),
            ("certified", time(p.identity.at)),
            ("certified_by", maybe(p.identity.by)),
            ("habilitated", ask.tick(p.habilitated)),
            ("email", maybe(email.map(|e| e.address.clone()))),
            ("email_confirmed", time(email.and_then(|e| e.verified))),
            ("phone", maybe(p.phone)),
            ("since", Cell::Time(p.created)),
        ],
        tables,
        acts,
        ..Sheet::default()
    };
    Ok(ask.show(login, sheet))
}

/// `GET /console/roles`
pub(crate) async fn roles(ask: Ask) -> Response {
    or_refused(&ask, granted(&ask).await)
}

async fn granted(ask: &Ask) -> Result<Response, Refusal> {
    let filter = RoleFilter {
        login: ask.given("login").map(str::to_owned),
        role: ask.chosen("role"),
        structure: ask.given("structure").map(str::to_owned),
        ended: ask.given("aussi") == Some("ended"),
    };
    let after = ask.number("apres").unwrap_or(0);
    let found = ask.op().roles(&ask.actor, filter, after, ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|r| r.id.to_string()));
    let rows = found.into_iter().map(|r| {
        let act = if r.ended.is_none() && ask.may(UseCase::RoleGrant) {
            let to = format!("{}/retirer", crate::frame::sheet("roles", &r.id.to_string()));
            Cell::Link(ask.t("act.roles-retirer.label"), ask.visitor.to(&to))
        } else {
            time(r.ended)
        };
        vec![
            ask.link_as("personnes", &r.login, &r.name),
            text(ask.word(&r.role)),
            maybe(r.function),
            maybe(r.structure.or(r.body)),
            Cell::Time(r.granted),
            text(r.granted_by),
            maybe(r.reason),
            act,
        ]
    });
    let columns = [
        ("name", Kind::Link),
        ("role", Kind::Text),
        ("function", Kind::Text),
        ("where", Kind::Text),
        ("since", Kind::Date),
        ("by", Kind::Text),
        ("why", Kind::Text),
        ("ended", Kind::Link),
    ];
    let table = Table { next, ..ask.table("roles", &columns, rows.collect()) };
    let words = ["structure", "region", "support", "auditor", "administrator"];
    let finds = vec![ask.find("login"), ask.pick("role", &words), ask.find("structure"), ask.pick("aussi", &["ended"])];
    Ok(ask.list(finds, &["donner"], Vec::new(), table))
}

/// `GET /console/recuperations`
pub(crate) async fn recoveries(ask: Ask) -> Response {
    or_refused(&ask, replacements(&ask).await)
}

async fn replacements(ask: &Ask) -> Result<Response, Refusal> {
    let before = ask.number("apres").unwrap_or(i64::MAX);
    let found = ask.op().recoveries(&ask.actor, before, ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|r| r.id.to_string()));
    let act = |id: i64, name: &str| {
        let to = format!("{}/{name}", crate::frame::sheet("recuperations", &id.to_string()));
        Cell::Link(ask.t(&format!("act.recuperations-{name}.label")), ask.visitor.to(&to))
    };
    let rows = found.into_iter().map(|r| {
        let open = r.ended.is_none();
        let confirm = open && r.state == "asked" && ask.may(UseCase::RecoveryConfirm);
        vec![
            ask.link("personnes", &r.login),
            ask.state(&format!("recovery_{}", r.state)),
            text(r.checked),
            text(r.reason),
            Cell::Time(r.asked),
            text(r.asked_by),
            time(r.confirmed),
            time(r.opens),
            if confirm { act(r.id, "confirmer") } else { Cell::None },
            if open && ask.may(UseCase::RecoveryStop) { act(r.id, "arreter") } else { Cell::None },
        ]
    });
    let columns = [
        ("login", Kind::Link),
        ("state", Kind::State),
        ("checked", Kind::Text),
        ("why", Kind::Text),
        ("asked", Kind::Date),
        ("by", Kind::Text),
        ("confirmed", Kind::Date),
        ("opens", Kind::Date),
        ("to_confirm", Kind::Link),
        ("to_stop", Kind::Link),
    ];
    let table = Table { next, ..ask.table("recuperations", &columns, rows.collect()) };
    Ok(ask.list(Vec::new(), &[], Vec::new(), table))
}
