//! People, their roles, the replacement of their means.
use super::{more, or_refused};
use crate::frame::Ask;
use crate::sheet::Sheet;
use crate::table::{maybe, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::accounts::people::views::PeopleQuery;
use sceau_operator::accounts::{PersonView, TokenView};
use sceau_operator::identity::factors::FactorView;
use sceau_operator::identity::recovery::RecoveryView;
use sceau_operator::identity::sessions::SessionView;
use sceau_operator::roles::{RoleFilter, RoleView};
use sceau_operator::terms::AcceptanceFilter;
use sceau_web::ui::{Cell, Kind, Table};

/// `GET /console/personnes`
pub(crate) async fn list(ask: Ask) -> Response {
    or_refused(&ask, people(&ask).await)
}

async fn people(ask: &Ask) -> Result<Response, Refusal> {
    let wanted = PeopleQuery {
        text: ask.given("q").map(str::to_owned),
        structure: ask.given("structure").map(str::to_owned),
        only: ask.chosen("etat"),
    };
    let found = ask.op().people_found(&ask.actor, wanted, ask.given("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|p| p.login.clone()));
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
    ask.list(
        vec![ask.find("q"), ask.find("structure"), ask.pick("etat", &["uncertified", "blocked"])],
        &["ajouter", "accueillir"],
        Vec::new(),
        table,
    )
    .await
}

/// `GET /console/personnes/{login}`
pub(crate) async fn show(Path(login): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, person(&ask, &login).await)
}

async fn person(ask: &Ask, login: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let p = op.person(actor, login).await?;
    let life = op.life_of_person(actor, login).await?;
    let means = Means::read(ask, login).await;
    let mut tables = vec![
        profile(ask, &p, &means).await,
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
    if ask.may(UseCase::RoleList) {
        let filter = RoleFilter { login: Some(login.to_owned()), ..RoleFilter::default() };
        if let Ok(found) = op.roles(actor, filter, 0, ask.rows()).await {
            tables.push(role_table(ask, "held_roles", found));
        }
    }
    tables.extend(means.tables(ask, login));
    tables.push(super::bals::life(ask, &life));
    let published = ask.visitor.to(&format!("{}/publication", crate::frame::sheet("personnes", login)));
    let published = Cell::Link(ask.t("table.publication"), published);
    let email = p.email.as_ref();
    let acts = acts(&p);
    let sheet = Sheet {
        title: p.name.clone(),
        state: Some(ask.state(&life.state)),
        facts: vec![
            ("login", text(p.login)),
            ("national_id", maybe(p.national_id)),
            ("local_id", maybe(p.exemption.as_ref().map(|e| e.identifier.clone()))),
            ("exempted_until", time(p.exemption.and_then(|e| e.until))),
            ("profession", maybe(p.profession.map(|c| c.label.unwrap_or(c.code)))),
            ("speciality", maybe(p.speciality.map(|c| c.label.unwrap_or(c.code)))),
            ("identity", ask.state(if p.identity.at.is_some() { "certified" } else { "uncertified" })),
            ("certified", time(p.identity.at)),
            ("certified_by", maybe(p.identity.by)),
            ("habilitated", ask.tick(p.habilitated)),
            ("email", maybe(email.map(|e| e.address.clone()))),
            ("email_confirmed", time(email.and_then(|e| e.verified))),
            ("phone", maybe(p.phone)),
            ("published", published),
            ("since", Cell::Time(p.created)),
        ],
        tables,
        acts,
        ..Sheet::default()
    };
    ask.show(login, sheet).await
}

/// What may be done with somebody as things stand.
fn acts(p: &PersonView) -> Vec<&'static str> {
    if p.blocked.is_some() {
        return vec!["modifier", "coordonnees", "debloquer"];
    }
    let mut acts = Vec::new();
    if p.identity.at.is_none() {
        acts.push("certifier");
    }
    acts.extend(["modifier", "coordonnees"]);
    if p.email.as_ref().is_some_and(|e| e.verified.is_none()) {
        acts.push("renvoyer-lien");
    }
    match &p.exemption {
        Some(_) => acts.extend(["exempter", "fin-exemption"]),
        None if p.national_id.is_none() => acts.push("exempter"),
        None => {}
    }
    if p.email.as_ref().is_some_and(|e| e.verified.is_some()) {
        acts.push("envoyer-jeton");
    }
    acts.extend(["rattacher", "inviter", "remplacer-moyens"]);
    if p.memberships.iter().any(|m| m.ended.is_none()) {
        acts.push("depart");
    }
    acts.push("bloquer");
    acts
}

/// By what somebody proves who it is. That is of the whole person: not everybody who may see somebody may see it.
#[derive(Default)]
struct Means {
    factors: Option<Vec<FactorView>>,
    sessions: Option<Vec<SessionView>>,
    tokens: Option<Vec<TokenView>>,
    recoveries: Vec<RecoveryView>,
    /// The version of the terms accepted last; none: it may not be seen.
    accepted: Option<Option<String>>,
}

impl Means {
    async fn read(ask: &Ask, login: &str) -> Self {
        let (op, actor) = (ask.op(), &ask.actor);
        let mut found = Self::default();
        if ask.may(UseCase::FactorList) {
            found.factors = op.factors(actor, Some(login)).await.ok();
        }
        if ask.may(UseCase::SessionList) {
            found.sessions = op.sessions(actor, login).await.ok();
        }
        if ask.may(UseCase::TokenList) {
            found.tokens = crate::acts::people::tokens(ask, login).await.ok();
        }
        if ask.may(UseCase::RecoveryList) {
            found.recoveries = op.recoveries_of(actor, login, ask.rows()).await.unwrap_or_default();
        }
        if ask.may(UseCase::AcceptanceList) {
            let filter = AcceptanceFilter { person: Some(login.to_owned()), limit: 1, ..AcceptanceFilter::default() };
            let accepted = op.acceptances(actor, filter).await.ok();
            found.accepted = accepted.map(|all| all.into_iter().next().map(|a| a.version));
        }
        found
    }
    fn tables(self, ask: &Ask, login: &str) -> Vec<Table> {
        let mut tables = Vec::new();
        let open = self.recoveries.into_iter().filter(|r| r.ended.is_none()).collect::<Vec<_>>();
        if !open.is_empty() {
            tables.push(recovery_table(ask, "recoveries_open", open));
        }
        if let Some(factors) = self.factors {
            let rows = factors.into_iter().map(|f| {
                let ends = [Cell::Time(f.enrolled), time(f.last_used), maybe(f.last_place)];
                [text(ask.word(&f.kind)), text(f.label)].into_iter().chain(ends).collect()
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
        if let Some(sessions) = self.sessions {
            let rows = sessions.into_iter().map(|s| {
                let end = act_on(ask, login, "fermer-session", ("session", s.id), UseCase::SessionEnd);
                vec![text(s.agent), maybe(s.place), Cell::Time(s.begun), Cell::Time(s.seen), Cell::Time(s.ends), end]
            });
            let columns = [
                ("agent", Kind::Text),
                ("place", Kind::Text),
                ("begun", Kind::Date),
                ("used", Kind::Date),
                ("until", Kind::Date),
                ("to_do", Kind::Link),
            ];
            tables.push(ask.part("sessions", &columns, rows.collect()));
        }
        if let Some(tokens) = self.tokens {
            let rows = tokens.into_iter().map(|t| {
                let end = act_on(ask, login, "revoquer-jeton", ("token", t.id), UseCase::TokenRevoke);
                let kind = text(ask.word(&format!("token_{}", t.purpose)));
                let bal = t.bal.map_or(Cell::None, |address| ask.link("bal", &address));
                vec![text(t.label), kind, bal, Cell::Time(t.created), time(t.last_used), time(t.expires), end]
            });
            let columns = [
                ("label", Kind::Text),
                ("kind", Kind::Text),
                ("bal", Kind::Link),
                ("since", Kind::Date),
                ("used", Kind::Date),
                ("until", Kind::Date),
                ("to_do", Kind::Link),
            ];
            tables.push(ask.part("tokens", &columns, rows.collect()));
        }
        tables
    }
    /// Can the person sign in with means of two natures? None: it may not be seen, or cards and providers may do.
    fn has_some(&self) -> Option<bool> {
        let all = self.factors.as_ref()?;
        let has = |kind: &str| all.iter().any(|f| f.kind == kind);
        Some(has("passkey") || (has("password") && has("totp")))
    }
}

/// A link to an act on one thing of somebody's, for whoever may do it.
fn act_on(ask: &Ask, login: &str, act: &str, (field, id): (&str, i64), needs: UseCase) -> Cell {
    if !ask.may(needs) {
        return Cell::None;
    }
    let to = format!("{}/{act}?{field}={id}", crate::frame::sheet("personnes", login));
    Cell::Link(ask.t(&format!("act.personnes-{act}.label")), ask.visitor.to(&to))
}

/// What is asked first when somebody calls: what is as it should be, and what keeps this person from working.
async fn profile(ask: &Ask, p: &PersonView, means: &Means) -> Table {
    let mut found: Vec<(&str, &str)> = Vec::new();
    found.push(if p.blocked.is_some() { ("wrong", "blocked") } else { ("good", "open") });
    found.push(if p.identity.at.is_some() { ("good", "certified") } else { ("warning", "uncertified") });
    found.push(match &p.email {
        None => ("warning", "no_email"),
        Some(e) if e.verified.is_none() && e.notice.as_deref() == Some("refused") => ("wrong", "email_refused"),
        Some(e) if e.verified.is_none() => ("warning", "email_unconfirmed"),
        Some(_) => ("good", "email"),
    });
    match means.has_some() {
        Some(true) => found.push(("good", "means")),
        Some(false) => found.push(("warning", "no_means")),
        None => {}
    }
    if means.recoveries.iter().any(|r| r.ended.is_none()) {
        found.push(("warning", "recovery"));
    }
    if let Some(accepted) = &means.accepted
        && let Ok(terms) = ask.op().terms_in_force().await
    {
        let last = accepted.as_ref() == Some(&terms.version.version);
        found.push(if last { ("good", "terms") } else { ("warning", "no_terms") });
    }
    found.push(if p.bals.is_empty() { ("warning", "no_bal") } else { ("good", "bal") });
    let rows = found.into_iter().map(|(state, key)| vec![ask.state(state), text(ask.t(&format!("check.{key}")))]);
    ask.part("profile", &[("state", Kind::State), ("finding", Kind::Text)], rows.collect())
}

/// `GET /console/roles`
pub(crate) async fn roles(ask: Ask) -> Response {
    or_refused(&ask, granted(&ask).await)
}

async fn granted(ask: &Ask) -> Result<Response, Refusal> {
    let filter = RoleFilter {
        login: ask.given("login").map(str::to_owned),
        text: ask.given("q").map(str::to_owned),
        role: ask.chosen("role"),
        structure: ask.given("structure").map(str::to_owned),
        ended: ask.given("aussi") == Some("ended"),
    };
    let after = ask.number("apres").unwrap_or(0);
    let found = ask.op().roles(&ask.actor, filter, after, ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|r| r.id.to_string()));
    let table = Table { next, ..role_table(ask, "roles", found) };
    let words = ["structure", "region", "support", "auditor", "administrator"];
    let finds = vec![ask.find("q"), ask.pick("role", &words), ask.find("structure"), ask.pick("aussi", &["ended"])];
    ask.list(finds, &["donner"], Vec::new(), table).await
}

/// Roles, each with the way to its end.
fn role_table(ask: &Ask, id: &'static str, found: Vec<RoleView>) -> Table {
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
    if id == "roles" { ask.table(id, &columns, rows.collect()) } else { ask.part(id, &columns, rows.collect()) }
}

/// `GET /console/recuperations`
pub(crate) async fn recoveries(ask: Ask) -> Response {
    or_refused(&ask, replacements(&ask).await)
}

async fn replacements(ask: &Ask) -> Result<Response, Refusal> {
    let before = ask.number("apres").unwrap_or(i64::MAX);
    let found = ask.op().recoveries(&ask.actor, before, ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|r| r.id.to_string()));
    let table = Table { next, ..recovery_table(ask, "recuperations", found) };
    ask.list(Vec::new(), &[], Vec::new(), table).await
}

/// Replacements, each with the way to what may be done with it.
fn recovery_table(ask: &Ask, id: &'static str, found: Vec<RecoveryView>) -> Table {
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
    if id == "recuperations" { ask.table(id, &columns, rows.collect()) } else { ask.part(id, &columns, rows.collect()) }
}
