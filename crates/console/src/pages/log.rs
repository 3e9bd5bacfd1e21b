//! Traces one by one, and the log that keeps them: its keys, what is said of it, and its verification.
use super::or_refused;
use crate::board::{Board, Outcome};
use crate::carry::row;
use crate::frame::Ask;
use crate::sheet::Sheet;
use crate::table::{maybe, number, text};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::calendar::Territory::Metropole;
use sceau_domain::text::text as sentence;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_operator::notary::MOST_LEAVES;
use sceau_operator::traces::TraceView;
use sceau_web::layout;
use sceau_web::ui::{Cell, Kind};

/// What of a finding's facts is an instant.
const INSTANTS: [&str; 5] = ["at", "after", "since", "until", "due"];

/// An act of a trace in words; its code where it has none.
pub(crate) fn act(ask: &Ask, code: &str) -> String {
    ask.known(&format!("trace.{}", code.replace('.', "_"))).unwrap_or_else(|| code.to_owned())
}

/// `GET /console/traces/{id}`: one trace, every fact of it.
pub(crate) async fn trace(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, one(&ask, &id).await)
}

async fn one(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let t = ask.op().trace(&ask.actor, row(id)?).await?;
    let facts = t.data.as_object().cloned().unwrap_or_default();
    let facts = facts.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        vec![text(name), text(value)]
    });
    let title = act(ask, &t.act);
    let TraceView { kind, act, at, actor, bal, remote, session, outcome, .. } = t;
    let sheet = Sheet {
        title,
        state: Some(ask.state(&outcome)),
        facts: vec![
            ("code", text(act)),
            ("number", text(id)),
            ("at", Cell::Time(at)),
            ("kind", text(ask.word(&kind))),
            ("by", text(actor)),
            ("bal", maybe(bal)),
            ("remote", maybe(remote)),
            ("session", maybe(session)),
        ],
        tables: vec![ask.part("facts", &[("name", Kind::Text), ("value", Kind::Text)], facts.collect())],
        acts: vec!["preuve"],
        ..Sheet::default()
    };
    ask.show(id, sheet).await
}

/// `GET /console/journal`
pub(crate) async fn journal(ask: Ask) -> Response {
    or_refused(&ask, state(&ask).await)
}

async fn state(ask: &Ask) -> Result<Response, Refusal> {
    let log = ask.op().log_state(&ask.actor).await?;
    let keys = log.keys.into_iter().map(|k| {
        let file = ask.visitor.to(&format!("/console/journal/cles/{}", k.id));
        vec![
            text(k.id),
            text(k.fingerprint),
            Cell::Time(Timestamp(k.created)),
            k.retired.map_or(Cell::None, |at| Cell::Time(Timestamp(at))),
            Cell::Link(ask.t("key_file"), file),
        ]
    });
    let columns = [
        ("key", Kind::Text),
        ("fingerprint", Kind::Text),
        ("since", Kind::Date),
        ("ended", Kind::Date),
        ("download", Kind::Link),
    ];
    let keys = ask.part("log_keys", &columns, keys.collect());
    let statements = log.statements.into_iter().map(|s| {
        vec![
            text(ask.word(&format!("statement_{}", crate::frame::name_of(&s.what)))),
            number(s.number),
            Cell::Time(Timestamp(s.at)),
            text(s.key),
        ]
    });
    let columns = [("statement", Kind::Text), ("number", Kind::Number), ("at", Kind::Date), ("key", Kind::Text)];
    let statements = ask.part("statements", &columns, statements.collect());
    let facts = vec![
        ("sealed", number(log.size)),
        ("last_seal", if log.at > 0 { Cell::Time(Timestamp(log.at)) } else { Cell::None }),
        ("keeper", number(log.keeper)),
        ("purges_stopped", maybe(log.hold)),
    ];
    // Of a log that is too long for a page, the introduction names the command.
    let acts = if log.size <= MOST_LEAVES { vec!["verifier"] } else { Vec::new() };
    ask.board(Board { acts, facts, tables: vec![keys, statements], ..Board::default() }).await
}

/// `GET /console/journal/cles/{key}`: a public key, to verify with elsewhere.
pub(crate) async fn key(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, public(&ask, &id).await)
}

async fn public(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let found = ask.op().notary_keys(&ask.actor).await?.into_iter().find(|k| k.id == id);
    let key = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", id))?;
    Ok(super::file("application/x-pem-file", &format!("journal-{}.pem", key.id), key.pem))
}

/// Verifies the log, and says what was found.
pub(crate) async fn verified(ask: &Ask) -> Result<Response, Refusal> {
    let report = Box::pin(ask.op().verify_log(&ask.actor)).await?;
    let said = |key: &str, facts: Vec<(String, i64)>| {
        let facts = facts.into_iter().map(|(name, value)| {
            let instant = INSTANTS.contains(&name.as_str());
            let shown =
                if instant { layout::instant(ask.lang(), Timestamp(value), Metropole) } else { value.to_string() };
            (name, shown)
        });
        let facts: Vec<(String, String)> = facts.collect();
        let facts: Vec<(&str, &str)> = facts.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        layout::set(&sentence(ask.lang(), key, &facts))
    };
    let found = report.findings.iter().map(|f| (ask.state("wrong"), said(&format!("audit.{}", f.code()), f.facts())));
    let notes = report.notes.iter().map(|n| (ask.state("noted"), said(&format!("audit.note.{}", n.code()), n.facts())));
    let mut findings: Vec<(Cell, String)> = found.chain(notes).collect();
    if report.more > 0 {
        let more = i64::try_from(report.more).unwrap_or(i64::MAX);
        findings.push((ask.state("wrong"), said("audit.more", vec![("count".to_owned(), more)])));
    }
    let outcome = Outcome {
        title: ask.t("act.journal-verifier.done"),
        state: Some(ask.state(if report.good { "intact" } else { "wrong" })),
        text: ask.t(if report.good { "log.good" } else { "log.bad" }),
        facts: vec![
            ("sealed", number(report.leaves)),
            ("compared", number(report.traces)),
            ("purged", number(report.purged)),
            ("not_sealed", number(report.waiting)),
            ("signatures", number(report.checkpoints)),
            ("root", text(report.root)),
        ],
        findings,
        ..Outcome::default()
    };
    Ok(ask.outcome("-", outcome))
}
