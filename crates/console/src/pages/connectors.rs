//! Connectors: structures' own servers that send and receive through us. Their settings, their certificates, files to put on them.
use super::{more, or_refused, tongue};
use crate::board::{Board, Outcome};
use crate::frame::{Ask, named, sheet};
use crate::sheet::Sheet;
use crate::table::{maybe, number, size, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_operator::connectors::probe::ConnectorTest;
use sceau_operator::connectors::settings::Server;
use sceau_web::ui::{Cell, Kind, Table};

/// For which servers there are settings, by their names.
const SERVERS: [(Server, &str); 2] = [(Server::Postfix, "postfix"), (Server::Exchange, "exchange")];

/// `GET /console/connecteurs`
pub(crate) async fn list(ask: Ask) -> Response {
    or_refused(&ask, connectors(&ask).await)
}

async fn connectors(ask: &Ask) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let after = ask.given("apres").unwrap_or_default();
    let authority = match op.connector_authority(actor).await {
        Ok(authority) => Some(authority),
        Err(refusal) if refusal.code == RefusalCode::ConnectorAuthority => None,
        Err(refusal) => return Err(refusal),
    };
    let found = op.connectors(actor, after, ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|c| c.name.clone()));
    let rows = found.into_iter().map(|c| {
        let warnings: Vec<String> = c.warnings.iter().map(|w| ask.word(w)).collect();
        vec![
            ask.link("connecteurs", &c.name),
            ask.link("structures", &c.structure),
            ask.state(&c.state),
            text(c.domains.join(", ")),
            number(c.per_hour),
            text(warnings.join(", ")),
            time(c.seen),
            time(c.refused),
        ]
    });
    let columns = [
        ("name", Kind::Link),
        ("structure", Kind::Link),
        ("state", Kind::State),
        ("domains", Kind::Text),
        ("per_hour", Kind::Number),
        ("warning", Kind::Text),
        ("seen", Kind::Date),
        ("refused", Kind::Date),
    ];
    let table = Table { next, ..ask.table("connecteurs", &columns, rows.collect()) };
    let (acts, facts) = match authority {
        None => (vec!["autorite"], vec![("authority_of_connectors", text(ask.word("none")))]),
        Some(a) => {
            let facts = vec![
                ("reached_at", text(a.host)),
                ("fingerprint_operator", text(a.operator_fingerprint)),
                ("fingerprint_structures", text(a.structures_fingerprint)),
                ("until", Cell::Time(a.not_after)),
            ];
            (vec!["ajouter"], facts)
        }
    };
    ask.board(Board { acts, facts, tables: vec![table], ..Board::default() }).await
}

/// `GET /console/connecteurs/{name}`
pub(crate) async fn show(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, connector(&ask, &name).await)
}

async fn connector(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let c = ask.op().connector(&ask.actor, name).await?;
    let certificates = c.certificates.into_iter().map(|x| {
        let open = x.revoked.is_none() && ask.may(UseCase::ConnectorCertify);
        let revoke = format!("{}/revoquer?certificate={}", sheet("connecteurs", name), x.id);
        vec![
            text(x.dn),
            text(ask.word(&format!("known_{}", x.kind))),
            text(x.fingerprint),
            time(x.not_after),
            Cell::Time(x.created),
            text(x.created_by),
            time(x.seen),
            time(x.revoked),
            if open {
                Cell::Link(ask.t("act.connecteurs-revoquer.label"), ask.visitor.to(&revoke))
            } else {
                maybe(x.reason)
            },
        ]
    });
    let columns = [
        ("subject", Kind::Text),
        ("kind", Kind::Text),
        ("fingerprint", Kind::Text),
        ("until", Kind::Date),
        ("since", Kind::Date),
        ("by", Kind::Text),
        ("seen", Kind::Date),
        ("revoked", Kind::Date),
        ("to_do", Kind::Link),
    ];
    let (acts, files) = match c.state.as_str() {
        "ended" => (Vec::new(), Cell::None),
        state => {
            let turn = if state == "active" { "suspendre" } else { "reprendre" };
            let files = ask.visitor.to(&format!("{}/reglages", sheet("connecteurs", name)));
            (vec!["essayer", "certifier", "modifier", turn, "terminer"], Cell::Link(ask.t("table.settings"), files))
        }
    };
    let senders = match c.senders {
        None => text(ask.t("every_sender")),
        Some(some) => text(some.join(", ")),
    };
    let route = c.route.map_or_else(|| ask.t("sends_only"), |r| format!("{}:{}", r.host, r.port));
    let warnings: Vec<String> = c.warnings.iter().map(|w| ask.word(w)).collect();
    let sheet = Sheet {
        title: c.name,
        state: Some(ask.state(&c.state)),
        facts: vec![
            ("warning", text(warnings.join(", "))),
            ("structure", ask.link("structures", &c.structure)),
            ("domains", text(c.domains.join(", "))),
            ("route", text(route)),
            ("senders", senders),
            ("per_hour", number(c.per_hour)),
            ("settings", files),
            ("seen", time(c.seen)),
            ("refused", time(c.refused)),
            ("refusal", maybe(c.refusal)),
            ("why", maybe(c.reason)),
            ("since", Cell::Time(c.created)),
        ],
        tables: vec![ask.part("connector_certificates", &columns, certificates.collect())],
        acts,
        ..Sheet::default()
    };
    ask.show(name, sheet).await
}

/// `GET /console/connecteurs/{name}/reglages`: files to put on the structure's server, by what it runs.
pub(crate) async fn settings(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, files(&ask, &name).await)
}

async fn files(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let mut rows = Vec::new();
    for (server, word) in SERVERS {
        for file in ask.op().connector_settings(&ask.actor, name, server).await? {
            let to = format!("{}/reglages/{word}/{}", sheet("connecteurs", name), file.name);
            rows.push(vec![
                text(ask.word(word)),
                Cell::Link(file.name, ask.visitor.to(&to)),
                size(file.content.len() as u64),
            ]);
        }
    }
    let columns = [("server", Kind::Text), ("file", Kind::Link), ("size", Kind::Text)];
    let tables = vec![ask.part("settings", &columns, rows)];
    let title = format!("{} – {name}", ask.t("table.settings"));
    let facts = vec![("connector", ask.link("connecteurs", name))];
    ask.show(name, Sheet { title, facts, tables, ..Sheet::default() }).await
}

/// `GET /console/connecteurs/{name}/reglages/{server}/{file}`
pub(crate) async fn file(Path((name, server, file)): Path<(String, String, String)>, ask: Ask) -> Response {
    or_refused(&ask, handed(&ask, &name, &server, &file).await)
}

async fn handed(ask: &Ask, name: &str, server: &str, file: &str) -> Result<Response, Refusal> {
    let missing = || Refusal::new(RefusalCode::NotFound).with("name", file);
    let server: Server = named(server).ok_or_else(missing)?;
    let found = ask.op().connector_settings(&ask.actor, name, server).await?;
    let found = found.into_iter().find(|f| f.name == file).ok_or_else(missing)?;
    Ok(super::file("text/plain; charset=utf-8", &found.name, found.content))
}

/// Each step of a test, in the page's language.
pub(crate) fn tested(ask: &Ask, id: &str, test: ConnectorTest) -> Response {
    let findings = test.findings.iter().map(|f| {
        let state = match f.level.as_str() {
            "right" => "good",
            "warning" => "warning",
            _ => "wrong",
        };
        (ask.state(state), tongue(ask, &f.detail, &f.detail_en).to_owned())
    });
    let outcome = Outcome {
        title: format!("{} – {id}", ask.t("act.connecteurs-essayer.label")),
        state: Some(ask.state(if test.good { "good" } else { "wrong" })),
        findings: findings.collect(),
        ..Outcome::default()
    };
    ask.outcome(id, outcome)
}
