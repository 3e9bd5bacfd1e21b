//! Acts on connectors: what they are, whether they are in use, what they show us, whether they work.
use crate::act::{Act, Begins, Form, NOTHING, Takes, WHY, act};
use crate::board::Outcome;
use crate::carry::{Done, Filled, invalid, row, unknown};
use crate::frame::Ask;
use crate::pages::connectors::tested;
use crate::table::{text, time};
use sceau_domain::{Refusal, UseCase};
use sceau_operator::connectors::views::{ConnectorChange, NewCertificate, NewCertificateView, NewConnector, RouteView};

/// Where mail goes, who sends, how much: what a connector has beside its name.
const SETTINGS: &[(&str, Takes)] = &[
    ("version", Takes::Kept),
    ("domains", Takes::Lines),
    ("host", Takes::Line),
    ("port", Takes::Number),
    ("tls_name", Takes::Line),
    ("senders", Takes::Lines),
    ("per_hour", Takes::Number),
];

/// All of them.
pub(crate) const ACTS: &[Act] = &[
    act(
        ("connecteurs", "ajouter"),
        UseCase::ConnectorEdit,
        "btn-main",
        &[
            ("connector", Takes::Line),
            ("structure", Takes::Line),
            ("domains", Takes::Lines),
            ("host", Takes::Line),
            ("port", Takes::Number),
            ("tls_name", Takes::Line),
            ("senders", Takes::Lines),
            ("per_hour", Takes::Number),
        ],
    ),
    act(("connecteurs", "autorite"), UseCase::ConnectorEdit, "btn-main", &[("host", Takes::Line)]),
    act(("connecteurs", "essayer"), UseCase::ConnectorTest, "btn-main", NOTHING),
    act(
        ("connecteurs", "certifier"),
        UseCase::ConnectorCertify,
        "",
        &[("way", Takes::One(&["csr", "make", "pkcs12", "certificate", "dn"])), ("shown", Takes::Lines)],
    ),
    act(
        ("connecteurs", "revoquer"),
        UseCase::ConnectorCertify,
        "btn-risk",
        &[("certificate", Takes::Given), ("reason", Takes::Lines)],
    ),
    act(("connecteurs", "modifier"), UseCase::ConnectorEdit, "", SETTINGS),
    act(("connecteurs", "suspendre"), UseCase::ConnectorEdit, "", WHY),
    act(("connecteurs", "reprendre"), UseCase::ConnectorEdit, "", WHY),
    act(("connecteurs", "terminer"), UseCase::ConnectorEdit, "btn-risk", WHY),
];

/// What a form begins with.
pub(crate) async fn begins(ask: &Ask, act: &Act, id: &str) -> Result<Begins, Refusal> {
    let mut form = Begins::default();
    let mut set = |name: &str, value: String| form.values.insert(name.to_owned(), value);
    match act.name {
        "ajouter" => drop(set("port", "25".to_owned())),
        "modifier" => {
            let c = ask.op().connector(&ask.actor, id).await?;
            set("version", c.version.to_string());
            set("domains", c.domains.join("\n"));
            set("senders", c.senders.unwrap_or_default().join("\n"));
            set("per_hour", c.per_hour.to_string());
            if let Some(route) = c.route {
                set("host", route.host);
                set("port", route.port.to_string());
                set("tls_name", route.tls_name.unwrap_or_default());
            }
        }
        "revoquer" => {
            let c = ask.op().connector(&ask.actor, id).await?;
            let open = c.certificates.into_iter().filter(|x| x.revoked.is_none());
            form.choices.insert("certificate", open.map(|x| (x.id.to_string(), x.dn)).collect());
        }
        _ => {}
    }
    Ok(form)
}

/// Where mail goes; none: it only sends.
fn route(f: &Filled<'_>) -> Result<Option<RouteView>, Refusal> {
    let Some(host) = f.maybe("host") else { return Ok(None) };
    let port = f.number("port")?.unwrap_or(25);
    Ok(Some(RouteView { host, port, tls_name: f.maybe("tls_name") }))
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    match act.name {
        "ajouter" => {
            let senders = Some(f.several("senders")).filter(|s| !s.is_empty());
            let new = NewConnector {
                name: f.line("connector").to_owned(),
                structure: f.line("structure").to_owned(),
                domains: f.several("domains"),
                route: route(&f)?,
                senders,
                per_hour: f.number("per_hour")?.unwrap_or_default(),
            };
            let made = op.add_connector(actor, new).await?;
            return Ok(Done::At(act.place, made.name));
        }
        "autorite" => {
            drop(op.create_connector_authority(actor, f.maybe("host").as_deref()).await?);
            return Ok(Done::At(act.place, String::new()));
        }
        "essayer" => {
            let test = op.test_connector(actor, id).await?;
            return Ok(Done::Page(tested(ask, id, test)));
        }
        "certifier" => {
            let made = op.certify_connector(actor, id, wanted(&f)?).await?;
            return Ok(Done::Page(certified(ask, id, made)));
        }
        "revoquer" => {
            drop(op.revoke_connector_certificate(actor, id, row(f.line("certificate"))?, reason).await?);
        }
        "modifier" => {
            let route = route(&f)?;
            let change = ConnectorChange {
                domains: Some(f.several("domains")),
                send_only: Some(route.is_none()),
                route,
                senders: Some(f.several("senders")),
                per_hour: Some(f.number("per_hour")?.unwrap_or_default()),
            };
            drop(op.edit_connector(actor, id, f.version()?, change).await?);
        }
        "suspendre" => drop(op.suspend_connector(actor, id, reason).await?),
        "reprendre" => drop(op.resume_connector(actor, id, reason).await?),
        "terminer" => drop(op.end_connector(actor, id, reason).await?),
        _ => return Err(unknown(act)),
    }
    Ok(Done::At(act.place, id.to_owned()))
}

/// A certificate to issue or to declare.
fn wanted(f: &Filled<'_>) -> Result<NewCertificate, Refusal> {
    let shown = f.maybe("shown");
    let needed = || shown.clone().ok_or_else(|| invalid("shown"));
    let mut new = NewCertificate::default();
    match f.line("way") {
        "csr" => new.request = Some(needed()?),
        "certificate" => new.certificate = Some(needed()?),
        "dn" => new.dn = Some(needed()?),
        "make" => new.make = true,
        "pkcs12" => (new.make, new.pkcs12) = (true, true),
        _ => return Err(invalid("way")),
    }
    Ok(new)
}

/// The certificate, and what is shown with it this once.
fn certified(ask: &Ask, id: &str, made: NewCertificateView) -> axum::response::Response {
    let secret = made.private_key.is_some() || made.pkcs12.is_some();
    let texts = [
        ("secret.password", made.password),
        ("secret.private_key", made.private_key),
        ("secret.certificate", made.certificate.certificate),
    ];
    let outcome = Outcome {
        title: format!("{} – {id}", ask.t("act.connecteurs-certifier.done")),
        text: if secret { ask.t("secret.once") } else { String::new() },
        facts: vec![
            ("subject", text(made.certificate.dn)),
            ("fingerprint", text(made.certificate.fingerprint)),
            ("until", time(made.certificate.not_after)),
        ],
        texts: texts.into_iter().filter_map(|(label, value)| Some((ask.t(label), value?))).collect(),
        file: made.pkcs12.map(|content| (format!("{id}.p12"), content)),
        ..Outcome::default()
    };
    ask.outcome(id, outcome)
}
