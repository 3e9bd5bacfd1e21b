//! The trust space as this operator sees it: partners, the white list, certificates.
use super::{more, or_refused, tongue};
use crate::carry::row;
use crate::frame::Ask;
use crate::sheet::Sheet;
use crate::table::{maybe, number, size, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{DomainName, Refusal, RefusalCode};
use sceau_operator::certificates::Which;
use sceau_operator::ledger::PeerDayView;
use sceau_web::ui::{Cell, Kind, Plot, Table};
use std::collections::BTreeMap;

/// Days of a list of partners, and of a partner's drawing.
const DAYS: (u32, u32) = (30, 90);

fn domain(name: &str) -> Result<DomainName, Refusal> {
    name.parse().map_err(|_| Refusal::new(RefusalCode::NotFound).with("name", name))
}

/// `GET /console/partenaires`
pub(crate) async fn peers(ask: Ask) -> Response {
    or_refused(&ask, partners(&ask).await)
}

async fn partners(ask: &Ask) -> Result<Response, Refusal> {
    let found = ask.op().peers(&ask.actor, ask.given("q"), DAYS.0, ask.given("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|p| p.domain.clone()));
    let rows = found.into_iter().map(|p| {
        vec![
            if p.domain.is_empty() { text(ask.t("no_domain")) } else { ask.link("partenaires", &p.domain) },
            ask.state(if p.listed { "listed" } else { "unlisted" }),
            number(p.received),
            number(p.sent),
            number(p.failures),
            maybe(p.median_seconds.map(|s| format!("{s} s"))),
            maybe(p.tls_out.or(p.tls_in)),
            Cell::Time(p.last),
            maybe(p.trouble),
        ]
    });
    let columns = [
        ("domain", Kind::Link),
        ("listed", Kind::State),
        ("received", Kind::Number),
        ("sent", Kind::Number),
        ("failures", Kind::Number),
        ("median", Kind::Text),
        ("tls", Kind::Text),
        ("last", Kind::Date),
        ("trouble", Kind::Text),
    ];
    let table = Table { next, ..ask.table("partenaires", &columns, rows.collect()) };
    ask.list(vec![ask.find("q")], &[], Vec::new(), table).await
}

/// `GET /console/partenaires/{domain}`
pub(crate) async fn peer(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, partner(&ask, &name).await)
}

async fn partner(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let d = ask.op().peer(&ask.actor, &domain(name)?, DAYS.1).await?;
    let plots = vec![
        plot(ask, "deliveries", &d.days, |day| day.deliveries),
        plot(ask, "failures", &d.days, |day| day.failures),
    ];
    let certificates = d.certificates.into_iter().map(|c| {
        vec![
            text(ask.word(&c.direction)),
            text(c.dn),
            text(c.issuer),
            text(c.tls),
            number(c.contacts),
            number(c.failures),
            Cell::Time(c.last),
            maybe(c.trouble),
        ]
    });
    let columns = [
        ("direction", Kind::Text),
        ("subject", Kind::Text),
        ("issuer", Kind::Text),
        ("tls", Kind::Text),
        ("contacts", Kind::Number),
        ("failures", Kind::Number),
        ("last", Kind::Date),
        ("trouble", Kind::Text),
    ];
    let causes = d.causes.into_iter().map(|c| vec![text(ask.word(&c.direction)), text(c.code), number(c.count)]);
    let p = d.peer;
    let sheet = Sheet {
        title: name.to_owned(),
        state: Some(ask.state(if p.listed { "listed" } else { "unlisted" })),
        facts: vec![
            ("first", Cell::Time(p.first)),
            ("last", Cell::Time(p.last)),
            ("tls_in", maybe(p.tls_in)),
            ("tls_out", maybe(p.tls_out)),
            ("received", number(p.received)),
            ("sent", number(p.sent)),
            ("failures", number(p.failures)),
            ("size", size(u64::try_from(p.size).unwrap_or_default())),
            ("median", maybe(p.median_seconds.map(|s| format!("{s} s")))),
            ("slow", maybe(p.slow_seconds.map(|s| format!("{s} s")))),
            ("trouble", maybe(p.trouble)),
            ("white_list", Cell::Link(ask.t("place.liste-blanche"), ask.sheet("liste-blanche", name))),
        ],
        plots,
        tables: vec![
            ask.part("seen_certificates", &columns, certificates.collect()),
            ask.part(
                "causes",
                &[("direction", Kind::Text), ("code", Kind::Text), ("count", Kind::Number)],
                causes.collect(),
            ),
        ],
        ..Sheet::default()
    };
    ask.show(name, sheet).await
}

/// A line a direction, a point a day; days on which nothing happened are nought.
pub(crate) fn plot(ask: &Ask, key: &str, days: &[PeerDayView], of: impl Fn(&PeerDayView) -> i64) -> Plot {
    let instant = |day: &PeerDayView| crate::frame::midnight(&day.day).map(|at| at.0);
    let mut series: BTreeMap<&str, BTreeMap<i64, f64>> = BTreeMap::new();
    let all: Vec<i64> = days.iter().filter_map(instant).collect();
    for day in days {
        let Some(at) = instant(day) else { continue };
        let line = series.entry(&day.direction).or_insert_with(|| all.iter().map(|at| (*at, 0.0)).collect());
        // Counts of a day: far below what a float holds exactly.
        *line.entry(at).or_default() += of(day) as f64;
    }
    let series =
        series.into_iter().map(|(direction, line)| (ask.word(direction), line.into_iter().collect::<Vec<_>>()));
    Plot { title: ask.t(&format!("plot.{key}")), unit: ask.t(&format!("unit.{key}")), series: series.collect() }
}

/// `GET /console/liste-blanche`
pub(crate) async fn white_list(ask: Ask) -> Response {
    or_refused(&ask, listed(&ask).await)
}

async fn listed(ask: &Ask) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let state = op.white_list(actor).await?;
    let found = op.listed_domains(actor, ask.given("q"), ask.given("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|d| d.domain.clone()));
    let rows = found.into_iter().map(|d| {
        vec![
            ask.link("liste-blanche", &d.domain),
            text(d.description),
            number(d.certificates.len()),
            ask.tick(d.ours),
            time(d.since),
        ]
    });
    let columns = [
        ("domain", Kind::Link),
        ("description", Kind::Text),
        ("certificates", Kind::Number),
        ("ours", Kind::Text),
        ("since", Kind::Date),
    ];
    let table = Table { next, ..ask.table("liste-blanche", &columns, rows.collect()) };
    let changes = ask.visitor.to("/console/liste-blanche/changements");
    let facts = vec![
        (ask.t("column.generated"), time(state.generated)),
        (ask.t("column.refreshed"), time(state.refreshed)),
        (ask.t("column.domains"), number(state.domains)),
        (ask.t("column.certificates"), number(state.certificates)),
        (ask.t("column.signer"), maybe(state.signer)),
        (ask.t("column.trouble"), maybe(state.error)),
        (ask.t("table.changes"), Cell::Link(ask.t("changes_of_list"), changes)),
    ];
    ask.list(vec![ask.find("q")], &["actualiser"], facts, table).await
}

/// `GET /console/liste-blanche/{domain}`: what the list says of a domain, and what it changed there.
pub(crate) async fn listed_domain(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, checked(&ask, &name).await)
}

async fn checked(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let c = ask.op().check_domain(&ask.actor, &domain(name)?).await?;
    let findings = c
        .findings
        .iter()
        .map(|f| vec![ask.state(if f.good { "good" } else { "wrong" }), text(tongue(ask, &f.fr, &f.en))]);
    let certificates =
        c.certificates.iter().map(|x| vec![text(x.dn.clone()), ask.tick(x.ours), time(x.seen), time(x.ends)]);
    let servers = c.servers.iter().map(|s| vec![text(s.name.clone()), text(s.addresses.join(", "))]);
    let changes = c.changes.iter().map(|x| {
        vec![
            Cell::Time(x.at),
            text(ask.word(&format!("change_{}", x.change))),
            text(x.lost.join(", ")),
            text(x.got.join(", ")),
        ]
    });
    let sheet = Sheet {
        title: c.domain.clone(),
        state: Some(ask.state(if c.listed { "listed" } else { "unlisted" })),
        facts: vec![
            ("description", maybe(c.description.clone())),
            ("since", time(c.since)),
            ("sends", ask.tick(c.sends)),
            ("accepts", ask.tick(c.accepts)),
        ],
        tables: vec![
            ask.part("findings", &[("state", Kind::State), ("finding", Kind::Text)], findings.collect()),
            ask.part(
                "listed_certificates",
                &[("subject", Kind::Text), ("ours", Kind::Text), ("seen", Kind::Date), ("until", Kind::Date)],
                certificates.collect(),
            ),
            ask.part("servers", &[("server", Kind::Text), ("addresses", Kind::Text)], servers.collect()),
            ask.part(
                "changes",
                &[("at", Kind::Date), ("change", Kind::Text), ("lost", Kind::Text), ("got", Kind::Text)],
                changes.collect(),
            ),
        ],
        acts: vec!["regarder"],
        ..Sheet::default()
    };
    ask.show(name, sheet).await
}

/// `GET /console/certificats`
pub(crate) async fn certificates(ask: Ask) -> Response {
    or_refused(&ask, inventory(&ask).await)
}

async fn inventory(ask: &Ask) -> Result<Response, Refusal> {
    let which = Which {
        kind: ask.given("nature").map(str::to_owned),
        within_days: ask.number("jours").and_then(|d| u32::try_from(d).ok()),
        retired: ask.given("aussi") == Some("retired"),
    };
    let found = ask.op().certificates(&ask.actor, which, ask.number("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|c| c.id.to_string()));
    let rows = found.into_iter().map(|c| {
        vec![
            ask.link_as("certificats", &c.id.to_string(), &c.subject),
            text(ask.word(&format!("certificate_{}", c.kind))),
            text(c.place),
            text(c.issuer),
            Cell::Time(c.ends),
            number(c.days_left),
            Cell::Time(c.last),
        ]
    });
    let columns = [
        ("subject", Kind::Link),
        ("kind", Kind::Text),
        ("place", Kind::Text),
        ("issuer", Kind::Text),
        ("until", Kind::Date),
        ("days", Kind::Number),
        ("last", Kind::Date),
    ];
    let table = Table { next, ..ask.table("certificats", &columns, rows.collect()) };
    let mut kind = ask.pick("nature", &[]);
    let kinds = ["own", "peer", "issued", "anchor", "signer"];
    kind.options.extend(kinds.map(|k| (k.to_owned(), ask.word(&format!("certificate_{k}")))));
    let finds = vec![ask.find("q"), kind, ask.find("jours"), ask.pick("aussi", &["retired"])];
    ask.list(finds, &[], Vec::new(), table).await
}

/// `GET /console/certificats/{id}`
pub(crate) async fn certificate(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, one(&ask, &id).await)
}

async fn one(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let c = ask.op().certificate(&ask.actor, row(id)?).await?;
    let domains = c.domains.iter().map(|d| vec![ask.link("liste-blanche", d)]);
    let sheet = Sheet {
        title: c.subject.clone(),
        state: c.retired.map(|_| ask.state("retired")),
        facts: vec![
            ("kind", text(ask.word(&format!("certificate_{}", c.kind)))),
            ("place", text(c.place.clone())),
            ("issuer", text(c.issuer.clone())),
            ("serial", text(c.serial.clone())),
            ("fingerprint", text(c.fingerprint.clone())),
            ("public_key", text(c.public_key.clone())),
            ("since", Cell::Time(c.starts)),
            ("until", Cell::Time(c.ends)),
            ("days", number(c.days_left)),
            ("first", Cell::Time(c.first)),
            ("last", Cell::Time(c.last)),
        ],
        tables: vec![ask.part("domains", &[("domain", Kind::Link)], domains.collect())],
        acts: if c.kind == "own" && c.retired.is_none() { vec!["retirer"] } else { Vec::new() },
        ..Sheet::default()
    };
    ask.show(id, sheet).await
}
