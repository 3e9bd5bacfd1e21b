//! What the people in charge must know: alarms, abuse, reports, announcements, traces.
use super::{more, or_refused, tongue};
use crate::carry::row;
use crate::frame::{Ask, day_over, midnight};
use crate::sheet::Sheet;
use crate::table::{maybe, number, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::calendar::Territory::Metropole;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::reports::ReportQuery;
use sceau_operator::traces::TraceFilter;
use sceau_web::ui::{Cell, Kind, Table};

/// The way to an act of a row, for whoever may do it.
fn act(ask: &Ask, place: &str, id: &str, name: &str, needs: UseCase) -> Cell {
    if !ask.may(needs) {
        return Cell::None;
    }
    let to = format!("{}/{name}", crate::frame::sheet(place, id));
    Cell::Link(ask.t(&format!("act.{place}-{name}.label")), ask.visitor.to(&to))
}

/// `GET /console/alarmes`
pub(crate) async fn alarms(ask: Ask) -> Response {
    or_refused(&ask, raised(&ask).await)
}

async fn raised(ask: &Ask) -> Result<Response, Refusal> {
    let all = ask.given("aussi") == Some("cleared");
    let rows = ask.op().alarms(&ask.actor, all).await?.into_iter().map(|a| {
        let open = a.acknowledged.is_none() && a.cleared.is_none();
        let id = format!("{} {}", a.code, a.subject);
        let when = |at| sceau_web::layout::instant(ask.lang(), at, Metropole);
        let seen = a.acknowledged.map_or(Cell::None, |(who, at)| Cell::Titled(who, when(at)));
        vec![
            ask.state(&a.severity),
            text(tongue(ask, &a.fr, &a.en)),
            text(a.subject),
            number(a.count),
            Cell::Time(a.first),
            Cell::Time(a.last),
            seen,
            time(a.cleared),
            if open { act(ask, "alarmes", id.trim_end(), "acquitter", UseCase::AlarmAck) } else { Cell::None },
        ]
    });
    let columns = [
        ("severity", Kind::State),
        ("sentence", Kind::Text),
        ("subject", Kind::Text),
        ("count", Kind::Number),
        ("first", Kind::Date),
        ("last", Kind::Date),
        ("acknowledged", Kind::Text),
        ("cleared", Kind::Date),
        ("to_do", Kind::Link),
    ];
    let table = ask.table("alarmes", &columns, rows.collect());
    ask.list(vec![ask.pick("aussi", &["cleared"])], &[], Vec::new(), table).await
}

/// `GET /console/abus`
pub(crate) async fn abuse(ask: Ask) -> Response {
    or_refused(&ask, cases(&ask).await)
}

async fn cases(ask: &Ask) -> Result<Response, Refusal> {
    let found = ask.op().abuse_cases(&ask.actor, ask.given("etat"), ask.number("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|c| c.id.to_string()));
    let rows = found.into_iter().map(|c| {
        let signals: Vec<_> = c.signals.iter().map(|s| s.name.clone()).collect();
        vec![
            ask.link_as("abus", &c.id.to_string(), &c.shown),
            text(ask.word(&format!("abuse_{}", c.kind))),
            ask.state(&c.state),
            text(signals.join(", ")),
            maybe(c.structure),
            maybe(c.decision.map(|d| ask.word(&d))),
            Cell::Time(c.opened),
            Cell::Time(c.changed),
        ]
    });
    let columns = [
        ("subject", Kind::Link),
        ("kind", Kind::Text),
        ("state", Kind::State),
        ("signals", Kind::Text),
        ("structure", Kind::Text),
        ("decision", Kind::Text),
        ("opened", Kind::Date),
        ("changed", Kind::Date),
    ];
    let table = Table { next, ..ask.table("abus", &columns, rows.collect()) };
    ask.list(vec![ask.pick("etat", &["open", "decided"])], &[], Vec::new(), table).await
}

/// `GET /console/abus/{id}`
pub(crate) async fn abuse_case(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, case(&ask, &id).await)
}

async fn case(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let c = ask.op().abuse_case(&ask.actor, row(id)?).await?;
    let signals = c.signals.iter().map(|s| {
        let ends = [Cell::Time(s.first), Cell::Time(s.last), number(s.times), number(s.seen), number(s.threshold)];
        [text(s.name.clone())].into_iter().chain(ends).chain([text(s.detail.clone())]).collect::<Vec<_>>()
    });
    let columns = [
        ("signal", Kind::Text),
        ("first", Kind::Date),
        ("last", Kind::Date),
        ("count", Kind::Number),
        ("value", Kind::Number),
        ("threshold", Kind::Number),
        ("detail", Kind::Text),
    ];
    let sheet = Sheet {
        title: c.shown.clone(),
        state: Some(ask.state(&c.state)),
        facts: vec![
            ("kind", text(ask.word(&format!("abuse_{}", c.kind)))),
            ("login", c.login.as_deref().map_or(Cell::None, |login| ask.link("personnes", login))),
            ("bal", c.bal.as_deref().map_or(Cell::None, |bal| ask.link("bal", bal))),
            ("structure", c.structure.as_deref().map_or(Cell::None, |code| ask.link("structures", code))),
            ("slowed_until", time(c.slowed_until)),
            ("opened", Cell::Time(c.opened)),
            ("decision", maybe(c.decision.clone().map(|d| ask.word(&d)))),
            ("why", maybe(c.reason.clone())),
            ("by", maybe(c.decided_by.clone())),
            ("decided", time(c.decided)),
        ],
        tables: vec![ask.part("signals", &columns, signals.collect())],
        acts: if c.decided.is_none() { vec!["decider"] } else { Vec::new() },
        ..Sheet::default()
    };
    ask.show(id, sheet).await
}

/// `GET /console/signalements`
pub(crate) async fn reports(ask: Ask) -> Response {
    or_refused(&ask, said(&ask).await)
}

async fn said(ask: &Ask) -> Result<Response, Refusal> {
    let query = ReportQuery { state: ask.chosen("etat"), kind: ask.chosen("nature"), desk: ask.chosen("guichet") };
    let found = ask.op().reports(&ask.actor, query, ask.number("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|r| r.id.to_string()));
    let rows = found.into_iter().map(|r| {
        vec![
            ask.link_as("signalements", &r.id.to_string(), &r.text.chars().take(60).collect::<String>()),
            text(ask.word(&r.kind)),
            ask.state(&r.state),
            maybe(r.about),
            ask.link("personnes", &r.login),
            text(ask.word(&format!("desk_{}", r.desk))),
            Cell::Time(r.at),
            Cell::Time(r.changed),
        ]
    });
    let columns = [
        ("sentence", Kind::Link),
        ("kind", Kind::Text),
        ("state", Kind::State),
        ("about", Kind::Text),
        ("by", Kind::Link),
        ("desk", Kind::Text),
        ("asked", Kind::Date),
        ("changed", Kind::Date),
    ];
    let table = Table { next, ..ask.table("signalements", &columns, rows.collect()) };
    let finds = vec![
        ask.pick("etat", &["open", "done", "refused", "withdrawn"]),
        ask.pick("nature", &["correction", "error", "abuse", "help"]),
    ];
    ask.list(finds, &[], Vec::new(), table).await
}

/// `GET /console/signalements/{id}`
pub(crate) async fn report(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, one(&ask, &id).await)
}

async fn one(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let r = ask.op().report_with(&ask.actor, row(id)?).await?;
    let sheet = Sheet {
        title: ask.word(&r.kind),
        state: Some(ask.state(&r.state)),
        facts: vec![
            ("sentence", text(r.text)),
            ("about", maybe(r.about)),
            ("by", ask.link("personnes", &r.login)),
            ("structure", maybe(r.structure)),
            ("desk", text(ask.word(&format!("desk_{}", r.desk)))),
            ("asked", Cell::Time(r.at)),
            ("answer", maybe(r.answer)),
            ("answered_by", maybe(r.answered_by)),
            ("changed", Cell::Time(r.changed)),
        ],
        acts: if r.state == "open" { vec!["repondre", "transmettre"] } else { Vec::new() },
        ..Sheet::default()
    };
    ask.show(id, sheet).await
}

/// `GET /console/annonces`
pub(crate) async fn announcements(ask: Ask) -> Response {
    or_refused(&ask, told(&ask).await)
}

async fn told(ask: &Ask) -> Result<Response, Refusal> {
    let found = ask.op().announcements(&ask.actor, ask.number("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|a| a.id.to_string()));
    let rows =
        found.into_iter().map(|a| vec![text(a.title), text(a.text), maybe(a.body), text(a.by), Cell::Time(a.at)]);
    let columns = [
        ("heading", Kind::Text),
        ("sentence", Kind::Text),
        ("body", Kind::Text),
        ("by", Kind::Text),
        ("at", Kind::Date),
    ];
    let table = Table { next, ..ask.table("annonces", &columns, rows.collect()) };
    ask.list(Vec::new(), &["publier"], Vec::new(), table).await
}

/// `GET /console/traces`: the newest first; from a day on, oldest first, whole.
pub(crate) async fn traces(ask: Ask) -> Response {
    or_refused(&ask, done(&ask).await)
}

async fn done(ask: &Ask) -> Result<Response, Refusal> {
    let since = ask.given("depuis").and_then(midnight);
    let after = ask.number("apres").or(since.map(|_| 0));
    let filter = TraceFilter {
        act: ask.given("acte").map(str::to_owned),
        bal: ask.given("bal").map(str::to_owned),
        actor: ask.given("qui").map(str::to_owned),
        since,
        until: ask.given("jusqu_au").and_then(day_over),
        after,
        limit: Some(ask.rows()),
    };
    let found = ask.op().traces(&ask.actor, &filter).await?;
    let next = more(ask, found.len(), found.last().filter(|_| after.is_some()).map(|t| t.id.to_string()));
    let rows = found.into_iter().map(|t| {
        vec![
            Cell::Time(t.at),
            ask.link_as("traces", &t.id.to_string(), &super::log::act(ask, &t.act)),
            text(t.act),
            text(t.actor),
            maybe(t.bal),
            if t.outcome == "ok" { ask.state("ok") } else { ask.state(&t.outcome) },
            maybe(t.remote),
            text(facts(&t.data, if ask.file() { usize::MAX } else { FACTS })),
            act(ask, "traces", &t.id.to_string(), "preuve", UseCase::TraceProve),
        ]
    });
    let columns = [
        ("at", Kind::Date),
        ("act", Kind::Link),
        ("code", Kind::Text),
        ("by", Kind::Text),
        ("bal", Kind::Text),
        ("outcome", Kind::State),
        ("remote", Kind::Text),
        ("facts", Kind::Text),
        ("to_do", Kind::Link),
    ];
    let table = Table { next, ..ask.table("traces", &columns, rows.collect()) };
    let finds =
        vec![ask.find("acte"), ask.find("bal"), ask.find("qui"), ask.find_day("depuis"), ask.find_day("jusqu_au")];
    ask.list(finds, &[], Vec::new(), table).await
}

/// Characters of a trace's facts in a list: its own page, and the file, have them all.
const FACTS: usize = 300;

/// The facts of a trace in one line: names and values, at most `most` characters.
fn facts(data: &serde_json::Value, most: usize) -> String {
    let Some(facts) = data.as_object() else { return String::new() };
    let value = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let known = facts.iter().filter(|(_, v)| !v.is_null()).map(|(name, v)| format!("{name}: {}", value(v)));
    let all = known.collect::<Vec<_>>().join(", ");
    match all.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &all[..end]),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_with_many_facts_stays_a_line() {
        let data = serde_json::json!({ "count": 1000, "ids": vec!["é"; 1_000], "none": null });
        assert_eq!(facts(&data, 16), "count: 1000, ids…");
        assert!(facts(&data, usize::MAX).ends_with("\"é\"]"));
        assert_eq!(facts(&serde_json::json!({ "to": "a" }), FACTS), "to: a");
    }
}
