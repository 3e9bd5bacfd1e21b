//! Whom we trust, and what is known of what was revoked: anchors, revocation lists; what the white list changed.
use super::{more, or_refused, tongue};
use crate::board::{Board, Outcome};
use crate::frame::Ask;
use crate::table::{maybe, number, text, time};
use axum::response::Response;
use sceau_domain::{DomainName, Refusal, RefusalCode};
use sceau_web::ui::{Cell, Kind, Table};

/// `GET /console/autorites`
pub(crate) async fn anchors(ask: Ask) -> Response {
    or_refused(&ask, trusted(&ask).await)
}

async fn trusted(ask: &Ask) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let anchors = op.anchors(actor).await?.into_iter().map(|a| {
        vec![
            text(a.subject),
            text(ask.word(&format!("purpose_{}", a.purpose))),
            text(ask.word(&format!("environment_{}", a.environment))),
            ask.tick(a.in_force),
            text(ask.word(&format!("mode_{}", a.mode))),
            Cell::Time(a.not_after),
            text(a.issuer),
            text(a.fingerprint),
        ]
    });
    let columns = [
        ("subject", Kind::Text),
        ("use", Kind::Text),
        ("environment", Kind::Text),
        ("applies", Kind::Text),
        ("revocation", Kind::Text),
        ("until", Kind::Date),
        ("issuer", Kind::Text),
        ("fingerprint", Kind::Text),
    ];
    let anchors = ask.part("autorites", &columns, anchors.collect());
    let sources = op.revocation_sources(actor).await?.into_iter().map(|s| {
        vec![
            text(s.issuer),
            text(ask.word(&format!("source_{}", s.kind))),
            ask.state(&format!("list_{}", s.state)),
            number(s.entries),
            time(s.this_update),
            time(s.next_update),
            time(s.tried),
            number(s.failures),
            maybe(s.error),
            text(s.address),
        ]
    });
    let columns = [
        ("issuer", Kind::Text),
        ("kind", Kind::Text),
        ("state", Kind::State),
        ("revoked_count", Kind::Number),
        ("generated", Kind::Date),
        ("next_list", Kind::Date),
        ("tried", Kind::Date),
        ("failures", Kind::Number),
        ("trouble", Kind::Text),
        ("address", Kind::Text),
    ];
    let sources = ask.part("revocation", &columns, sources.collect());
    ask.board(Board { acts: vec!["actualiser"], tables: vec![sources, anchors], ..Board::default() }).await
}

/// `GET /console/liste-blanche/changements`: what lists changed, newest first.
pub(crate) async fn changes(ask: Ask) -> Response {
    or_refused(&ask, changed(&ask).await)
}

async fn changed(ask: &Ask) -> Result<Response, Refusal> {
    let wrong = |name: &str| Refusal::new(RefusalCode::Invalid).with("name", name);
    let domain: Option<DomainName> = match ask.given("domaine") {
        Some(name) => Some(name.parse().map_err(|_| wrong(name))?),
        None => None,
    };
    let since = ask.given("depuis").and_then(crate::frame::midnight);
    let before = ask.number("apres");
    let found = ask.op().white_list_changes(&ask.actor, domain.as_ref(), since, before, ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|c| c.id.to_string()));
    let rows = found.into_iter().map(|c| {
        vec![
            Cell::Time(c.at),
            ask.link("liste-blanche", &c.domain),
            ask.state(&format!("change_{}", c.change)),
            text(c.lost.join(", ")),
            text(c.got.join(", ")),
        ]
    });
    let columns = [
        ("at", Kind::Date),
        ("domain", Kind::Link),
        ("change", Kind::State),
        ("lost", Kind::Text),
        ("got", Kind::Text),
    ];
    let table = Table { next, ..ask.table("changes", &columns, rows.collect()) };
    let finds = vec![ask.find("domaine"), ask.find_day("depuis")];
    let title = Some(ask.t("table.changes"));
    ask.board(Board { title, finds, tables: vec![table], ..Board::default() }).await
}

/// The white list asked for now, and what it changed.
pub(crate) async fn refreshed(ask: &Ask) -> Result<Response, Refusal> {
    let r = ask.op().ask_white_list(&ask.actor).await?;
    let state = match (&r.error, r.changed) {
        (Some(_), _) => "refused",
        (None, true) => "changed",
        (None, false) => "same",
    };
    let names = |key: &str, names: Vec<String>| (!names.is_empty()).then(|| (ask.t(key), names.join("\n")));
    let texts = [names("list.added", r.added), names("list.removed", r.removed), names("list.altered", r.altered)];
    let outcome = Outcome {
        title: ask.t("act.liste-blanche-actualiser.done"),
        state: Some(ask.state(state)),
        facts: vec![("generated", time(r.generated)), ("trouble", maybe(r.error.map(|(_, said)| said)))],
        texts: texts.into_iter().flatten().collect(),
        ..Outcome::default()
    };
    Ok(ask.outcome("-", outcome))
}

/// A domain's servers, looked at as they show themselves.
pub(crate) async fn looked_at(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let domain: DomainName = name.parse().map_err(|_| Refusal::new(RefusalCode::NotFound).with("name", name))?;
    let found = Box::pin(ask.op().connect_to_domain(&ask.actor, &domain)).await?;
    let findings = found.iter().map(|h| {
        let said = tongue(ask, &h.finding.fr, &h.finding.en);
        let state = ask.state(if h.finding.good { "good" } else { "wrong" });
        (state, format!("{} ({}) : {said}", h.server, h.address))
    });
    let texts = found.iter().filter_map(|h| {
        let lines = [h.tls.clone(), h.dn.clone(), h.issuer.clone(), h.fingerprint.clone()];
        let lines: Vec<String> = lines.into_iter().flatten().collect();
        (!lines.is_empty()).then(|| (format!("{} ({})", h.server, h.address), lines.join("\n")))
    });
    let outcome = Outcome {
        title: format!("{} – {name}", ask.t("act.liste-blanche-regarder.label")),
        findings: findings.collect(),
        texts: texts.collect(),
        ..Outcome::default()
    };
    Ok(ask.outcome(name, outcome))
}
