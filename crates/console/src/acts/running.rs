//! Acts on the service: the queue, certificates, alarms, abuse, reports, announcements, limits, traces.
use crate::act::{Act, Begins, Form, NOTHING, Takes, WHY, act};
use crate::carry::{Done, Filled, invalid, row, unknown};
use crate::frame::Ask;
use crate::pages::rules::label;
use crate::pages::{log, service, trust};
use sceau_domain::report::ReportState;
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_operator::queue::{Chosen, Holding};
use sceau_operator::reports::NewAnnouncement;

/// For what a limit is set.
const SCOPES: &[&str] = &["domain", "kind", "structure", "bal"];

/// All of them.
pub(crate) const ACTS: &[Act] = &[
    act(("file", "relancer"), UseCase::QueueRetry, "btn-main", NOTHING),
    act(("file", "tout-relancer"), UseCase::QueueRetry, "", &[("destination", Takes::Line)]),
    act(("file", "retenir"), UseCase::QueueHold, "", WHY),
    act(("file", "liberer"), UseCase::QueueHold, "", NOTHING),
    act(("file", "retourner"), UseCase::QueueReturn, "btn-risk", WHY),
    act(("file", "supprimer"), UseCase::QueueDelete, "btn-risk", WHY),
    act(
        ("file", "retenir-destination"),
        UseCase::QueueHold,
        "",
        &[("destination", Takes::Line), ("until_day", Takes::Day), ("reason", Takes::Lines)],
    ),
    act(("file", "liberer-destination"), UseCase::QueueHold, "", &[("destination", Takes::Line)]),
    act(("imports", "annuler"), UseCase::ImportStart, "btn-risk", NOTHING),
    act(("liste-blanche", "actualiser"), UseCase::TrustRefresh, "", NOTHING),
    act(("liste-blanche", "regarder"), UseCase::TrustConnect, "", NOTHING),
    act(("autorites", "actualiser"), UseCase::RevocationRefresh, "", NOTHING),
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
        &[("scope", Takes::One(SCOPES)), ("subject", Takes::Line), ("limit", Takes::Given), ("value", Takes::Number)],
    ),
    act(
        ("limites", "retirer"),
        UseCase::PolicySet,
        "btn-risk",
        &[("scope", Takes::One(SCOPES)), ("subject", Takes::Line)],
    ),
    act(("journal", "verifier"), UseCase::TraceProve, "btn-main", NOTHING),
    act(("sante", "essayer-antivirus"), UseCase::AntivirusTest, "", NOTHING),
    act(("traces", "preuve"), UseCase::TraceProve, "btn-main", NOTHING),
];

/// What a form begins with.
pub(crate) async fn begins(ask: &Ask, act: &Act, id: &str) -> Result<Begins, Refusal> {
    let mut form = Begins::default();
    match (act.place, act.name) {
        ("limites", "fixer") => {
            let settable = |l: &sceau_operator::policies::LimitView| l.scopes.iter().any(|s| s != "operator");
            let known = ask.op().limits(&ask.actor).await?.into_iter().filter(settable);
            form.choices.insert("limit", known.map(|l| (l.name.clone(), label(ask, &l.name))).collect());
            form.values.insert("limit".into(), id.to_owned());
        }
        // Whoever decides sees what it is about: a number says nothing. Where it is about nothing in particular, there is no number.
        ("file", _) if id != "-" => {
            let e = ask.op().queue_show(&ask.actor, row(id)?).await?.entry;
            form.about = Some(format!("{} → {}", e.from, e.to));
        }
        ("certificats", _) => form.about = Some(ask.op().certificate(&ask.actor, row(id)?).await?.subject),
        ("abus", _) => form.about = Some(ask.op().abuse_case(&ask.actor, row(id)?).await?.shown),
        ("signalements", _) => {
            let r = ask.op().report_with(&ask.actor, row(id)?).await?;
            form.about = Some(format!("{} : {}", r.login, r.text));
        }
        ("traces", _) => {
            let t = ask.op().trace(&ask.actor, row(id)?).await?;
            form.about = Some(format!("{} – {}", log::act(ask, &t.act), t.actor));
        }
        ("alarmes", _) => form.about = Some(id.replace(' ', " – ")),
        ("imports", _) => form.about = Some(ask.op().import(&ask.actor, row(id)?).await?.name),
        _ => {}
    }
    Ok(form)
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    let to = match act.place {
        "file" => queue(ask, act, id, form).await?,
        "liste-blanche" if act.name == "regarder" => return Ok(Done::Page(trust::looked_at(ask, id).await?)),
        "liste-blanche" => return Ok(Done::Page(trust::refreshed(ask).await?)),
        "sante" => return Ok(Done::Page(service::tried(ask).await?)),
        "journal" => return Ok(Done::Page(log::verified(ask).await?)),
        "traces" => {
            let bundle = ask.op().evidence(&ask.actor, row(id)?, None).await?;
            let bytes = serde_json::to_vec_pretty(&bundle).map_err(|_| RefusalCode::Defect)?;
            return Ok(Done::File(format!("preuve-{}.json", row(id)?), bytes));
        }
        _ => others(ask, act, id, form).await?,
    };
    Ok(Done::At(act.place, to))
}

async fn queue(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<String, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let why = f.line("reason");
    let one = || row(id).map(Chosen::Entry);
    let stays = match act.name {
        "relancer" => op.queue_retry_entry(actor, row(id)?).await.map(|_| true)?,
        "tout-relancer" => {
            let chosen = match f.maybe("destination") {
                Some(domain) => Chosen::Destination(domain.parse().map_err(|_| invalid("destination"))?),
                None => Chosen::All,
            };
            op.queue_retry(actor, &chosen).await.map(|_| false)?
        }
        "retenir" => {
            op.queue_hold(actor, &one()?, &Holding { why: why.to_owned(), until: None }).await.map(|_| true)?
        }
        "liberer" => op.queue_release(actor, &one()?).await.map(|_| true)?,
        "retourner" => op.queue_return(actor, &one()?, why).await.map(|_| false)?,
        "supprimer" => op.queue_delete(actor, &one()?, why, None).await.map(|_| false)?,
        "retenir-destination" => {
            let holding = Holding { why: why.to_owned(), until: f.until("until_day", None)? };
            op.queue_hold(actor, &destination(&f)?, &holding).await.map(|_| false)?
        }
        "liberer-destination" => op.queue_release(actor, &destination(&f)?).await.map(|_| false)?,
        _ => return Err(unknown(act)),
    };
    Ok(if stays { id.to_owned() } else { String::new() })
}

/// The destination that was filled in.
fn destination(f: &Filled<'_>) -> Result<Chosen, Refusal> {
    Ok(Chosen::Destination(f.line("destination").parse().map_err(|_| invalid("destination"))?))
}

async fn others(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<String, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    match (act.place, act.name) {
        ("certificats", "retirer") => drop(op.retire_certificate(actor, row(id)?, reason).await?),
        ("alarmes", "acquitter") => {
            let (code, subject) = id.split_once(' ').unwrap_or((id, ""));
            op.acknowledge_alarm(actor, code, subject).await?;
        }
        ("abus", "decider") => {
            drop(op.decide_abuse(actor, row(id)?, f.one("decision")?, reason).await?);
            return Ok(id.to_owned());
        }
        ("signalements", "repondre") => {
            let done = f.one::<ReportState>("outcome")? == ReportState::Done;
            drop(op.answer_report(actor, row(id)?, done, f.line("answer")).await?);
            return Ok(id.to_owned());
        }
        ("signalements", "transmettre") => drop(op.pass_report(actor, row(id)?, reason).await?),
        ("annonces", "publier") => {
            let (title, text) = (f.line("title").to_owned(), f.line("text").to_owned());
            drop(op.announce(actor, NewAnnouncement { body: f.maybe("body"), title, text }).await?);
        }
        ("limites", "fixer") => {
            let value = f.line("value").parse().map_err(|_| invalid("value"))?;
            let (scope, subject) = (f.line("scope"), f.line("subject"));
            return Ok(op.set_policy(actor, scope, subject, f.line("limit"), value).await?.name);
        }
        ("limites", "retirer") => {
            op.unset_policy(actor, f.line("scope"), f.line("subject"), id).await?;
            return Ok(id.to_owned());
        }
        ("imports", "annuler") => {
            drop(op.cancel_import(actor, row(id)?).await?);
            return Ok(id.to_owned());
        }
        ("autorites", "actualiser") => drop(op.refresh_revocation(actor).await?),
        _ => return Err(unknown(act)),
    }
    Ok(String::new())
}
