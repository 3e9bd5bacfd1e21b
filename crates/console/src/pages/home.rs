//! `/console`: what waits for whoever asks, and how much goes by.
use crate::frame::{Ask, Frame};
use crate::sheet::{Drawn, drawn};
use axum::response::Response;
use sceau_domain::opening::State;
use sceau_domain::report::ReportState;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::certificates::Which;
use sceau_operator::openings::OpeningQuery;
use sceau_operator::reports::ReportQuery;
use sceau_web::Shell;

/// Beyond so many, it is "more than".
const MANY: u32 = 100;
/// Later work that is looked at.
const JOBS: u32 = 1_000;
/// Certificates of ours that end within so many days wait for somebody.
const SOON: u32 = 30;

/// Something that may wait.
struct Wait {
    to: String,
    count: String,
    words: String,
    /// Nothing of it waits.
    calm: bool,
}

#[derive(askama::Template)]
#[template(path = "home.html")]
struct Home {
    shell: Shell,
    frame: Frame,
    waits: Vec<Wait>,
    plots: Vec<Drawn>,
}

/// `GET /console`
pub(crate) async fn show(ask: Ask) -> Response {
    match Box::pin(page(&ask)).await {
        Ok(answer) => answer,
        Err(refusal) => ask.refused(&refusal),
    }
}

async fn page(ask: &Ask) -> Result<Response, Refusal> {
    let mut waits = waits(ask).await?;
    // What waits comes first, each in its order.
    waits.sort_by_key(|wait| wait.calm);
    let plots = drawn(ask.lang(), super::queue::exchanges(ask).await?);
    Ok(ask.answer(&Home { shell: ask.shell(), frame: ask.frame(), waits, plots }, &[]))
}

async fn waits(ask: &Ask) -> Result<Vec<Wait>, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let mut found: Vec<(&str, &str, usize)> = Vec::new();
    if ask.may(UseCase::AlarmList) {
        found.push(("alarmes", "alarmes", op.alarms(actor, false).await?.len()));
    }
    if ask.may(UseCase::OpeningDecide) {
        let query = OpeningQuery { state: Some(State::Requested), ..OpeningQuery::default() };
        found.push(("demandes", "demandes?etat=requested", op.openings(actor, query, None, MANY).await?.len()));
    }
    if ask.may(UseCase::ReportHandle) {
        let query = ReportQuery { state: Some(ReportState::Open), kind: None, desk: None };
        found.push(("signalements", "signalements?etat=open", op.reports(actor, query, None, MANY).await?.len()));
    }
    if ask.may(UseCase::RecoveryConfirm) {
        let asked = op.recoveries(actor, i64::MAX, MANY).await?;
        let asked = asked.iter().filter(|r| r.state == "asked").count();
        found.push(("recuperations", "recuperations", asked));
    }
    if ask.may(UseCase::AbuseDecide) {
        found.push(("abus", "abus?etat=open", op.abuse_cases(actor, Some("open"), None, MANY).await?.len()));
    }
    if ask.may(UseCase::QueueList) {
        let queue = op.queue_stats(actor).await?;
        found.push(("file", "file", usize::try_from(queue.failing).unwrap_or_default()));
        found.push(("envois", "file", usize::try_from(queue.entries).unwrap_or_default()));
    }
    if ask.may(UseCase::CertificateList) {
        let which = Which { kind: Some("own".into()), within_days: Some(SOON), retired: false };
        found.push(("certificats", "certificats?nature=own", op.certificates(actor, which, None, MANY).await?.len()));
    }
    if ask.may(UseCase::NodeList) {
        let dead = op.nodes(actor).await?.iter().filter(|n| !n.alive).count();
        found.push(("noeuds", "noeuds", dead));
    }
    if ask.may(UseCase::JobList) {
        let failing = op.jobs_list(actor, 0, JOBS).await?.iter().filter(|j| j.attempts > 0).count();
        found.push(("taches", "taches", failing));
    }
    let wait = |(key, to, count): (&str, &str, usize)| Wait {
        to: ask.visitor.to(&format!("/console/{to}")),
        count: if count >= MANY as usize && key != "envois" { format!("{MANY}+") } else { count.to_string() },
        words: ask.t(&format!("home.{key}")),
        calm: count == 0 || key == "envois",
    };
    Ok(found.into_iter().map(wait).collect())
}
