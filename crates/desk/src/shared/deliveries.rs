//! What became of each recipient of a sent message: a block beside the message, and a page of its own.
use super::Speech;
use crate::list::{Rail, rail};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::desk::deliveries::{DeliveryState, DeliveryView};
use sceau_web::part::{self, Asked, PartName};
use sceau_web::{Shell, Visitor, layout};

/// One recipient.
struct Line {
    address: String,
    /// The shade of its state.
    badge: &'static str,
    /// Its state in a word.
    word: String,
    /// What happened: class, words, when.
    steps: Vec<(&'static str, String, String)>,
    /// What the server said.
    reply: Option<String>,
}

/// The block beside a message; empty where nothing is known.
#[derive(Template)]
#[template(path = "shared/deliveries.html")]
struct Block {
    shell: Shell,
    lines: Vec<Line>,
    summary: String,
    /// The page of its own; none on that page.
    to: Option<String>,
}

#[derive(Template)]
#[template(path = "shared/following.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    block: String,
    back: String,
}

/// `GET /bal/{b}/message/{m}/suivi`
pub(super) async fn page(visitor: Visitor, Path((b, m)): Path<(String, String)>) -> Response {
    let (actor, message) = match super::beside::opened(&visitor, &b, &m).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let found = match visitor.op.deliveries(&actor, message).await {
        Ok(found) => found,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let path = format!("/bal/{b}/message/{m}/suivi");
    let shell = || visitor.shell(&path).of_bal(&b);
    let Ok(block) = shown(shell(), Speech::of(&visitor).await, &found, None) else {
        return visitor.refused(&RefusalCode::Defect.into());
    };
    let rail = match rail(&visitor, &actor, &b, None).await {
        Ok(rail) => rail,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let page = Page { shell: shell(), rail, block: block.clone(), back: format!("/bal/{b}/message/{m}") };
    match visitor.part {
        Some(_) => part::answer(&visitor, &Asked(visitor.part), &page, &[(PartName::Message, &block)]),
        None => visitor.screen(StatusCode::OK, &page),
    }
}

/// The block for a message's own page; empty where the BAL did not send it.
pub(super) fn beside(shell: Shell, speech: Speech, found: &[DeliveryView], to: String) -> String {
    shown(shell, speech, found, Some(to)).unwrap_or_default()
}

/// The block; empty where there is nothing to follow.
fn shown(shell: Shell, speech: Speech, found: &[DeliveryView], to: Option<String>) -> askama::Result<String> {
    match found {
        [] => Ok(String::new()),
        found => block(shell, speech, found, to).render(),
    }
}

fn block(shell: Shell, speech: Speech, found: &[DeliveryView], to: Option<String>) -> Block {
    Block { lines: found.iter().map(|d| line(speech, d)).collect(), summary: summary(speech.lang, found), shell, to }
}

/// How many of how many arrived, and what of the others.
fn summary(lang: Lang, found: &[DeliveryView]) -> String {
    let count = |is: fn(&DeliveryView) -> bool| found.iter().filter(|d| is(d)).count();
    let (arrived, waits) = (count(|d| d.state.arrived()), count(|d| d.state.waits()));
    let lost = found.len() - arrived - waits;
    let (all, arrived, waits, lost) =
        (found.len().to_string(), arrived.to_string(), waits.to_string(), lost.to_string());
    let say = |key: &str, value: &str| text(lang, key, &[("count", value), ("limit", &all)]);
    let mut parts = vec![say("shared.deliveries.arrived", &arrived)];
    if waits != "0" {
        parts.push(say("shared.deliveries.waits", &waits));
    }
    if lost != "0" {
        parts.push(say("shared.deliveries.lost", &lost));
    }
    layout::set(&parts.join(", "))
}

fn line(speech: Speech, d: &DeliveryView) -> Line {
    let lang = speech.lang;
    let say = |key: &str| layout::set(&text(lang, &format!("shared.deliveries.{key}"), &[]));
    let (badge, class) = match d.state {
        state if state.arrived() => ("badge-ok", "step-ok"),
        state if state.waits() => ("badge-wait", "step-wait"),
        _ => ("badge-no", "step-no"),
    };
    let server = d.server.as_deref().unwrap_or_default();
    let words = match d.state {
        DeliveryState::Relayed if !server.is_empty() => {
            layout::set(&text(lang, "shared.deliveries.relayed_to", &[("server", server)]))
        }
        state => say(&format!("long.{}", state.as_str())),
    };
    let mut steps = vec![("step-ok", say("sent"), speech.instant(d.sent))];
    if d.state != DeliveryState::Queued || d.at != d.sent {
        steps.push((class, words, speech.instant(d.at)));
    } else {
        steps.push((class, words, String::new()));
    }
    if let Some(code) = d.code {
        let why = Refusal::new(code).with("server", server).with("reply", d.reply.as_deref().unwrap_or_default());
        steps.push((class, layout::set(&why.sentence(lang)), String::new()));
    }
    let reply = d.reply.clone().filter(|r| !r.is_empty() && !d.state.arrived());
    Line { address: d.address.clone(), badge, word: say(d.state.as_str()), steps, reply }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_domain::Timestamp;

    fn view(state: DeliveryState) -> DeliveryView {
        let (sent, at) = (Timestamp(1_000), Timestamp(2_000));
        DeliveryView { address: "a@b.fr".into(), state, code: None, server: None, reply: None, sent, at }
    }

    #[test]
    fn a_summary_counts_what_arrived_what_waits_and_what_is_lost() {
        let _ = crate::routes();
        let all = [DeliveryState::Delivered, DeliveryState::Relayed, DeliveryState::Delayed, DeliveryState::Failed];
        let said = summary(Lang::Fr, &all.map(view));
        for part in ["2 sur 4", "1 en attente", "1 non"] {
            assert!(said.contains(part), "{said}");
        }
        let said = summary(Lang::Fr, &[view(DeliveryState::Delivered)]);
        assert!(!said.contains("attente") && !said.contains("non"), "{said}");
    }
}
