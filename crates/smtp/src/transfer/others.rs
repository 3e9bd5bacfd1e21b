//! Who is put off by one server of a domain is offered to its other servers in the same attempt (RFC 5321 §5.1: each of them is tried until one takes it).
//!
//! Of a domain that moves (F216), the server that is preferred says `450` of a mailbox that is with the other operator: whoever always asked the
//! preferred one again would never reach the right one.
//!
//! Promises: nobody is offered who was taken, refused for good or may have been taken (the connection broke after the content); the word of a server
//! that could not be asked takes the place of none; [`MOST`] servers are asked beside the first, so that a domain whose servers put everybody off costs
//! no more than that.
use super::Shared;
use super::client::{Client, connect};
use super::deliver::send;
use super::lane::note;
use super::way::Way;
use sceau_operator::Operator;
use sceau_operator::queue::{Destination, Outcome, OutcomeResult, Outgoing};

/// Servers asked beside the one that put the recipients off.
const MOST: usize = 2;

/// Offers the entries `put_off` by the server of `client` to the servers after it; their outcomes are replaced by what those say.
pub(super) async fn offer(
    operator: &Operator,
    shared: &Shared,
    destination: &Destination,
    client: &Client,
    outgoing: &mut Outgoing,
    (mut put_off, outcomes): (Vec<i64>, &mut [Outcome]),
) {
    let domain = &destination.domain;
    let mut servers = client.others.clone();
    for _ in 0..MOST {
        if put_off.is_empty() || servers.is_empty() {
            return;
        }
        let way = Way { kind: "other", servers, judge: client.judge.clone() };
        // None of them can be reached: what the first one said stands.
        let Ok(mut next) = connect(operator, &shared.config, domain, &way).await else { return };
        servers = std::mem::take(&mut next.others);
        keep_only(outgoing, &put_off);
        let sent = send(&mut next, outgoing).await;
        note(operator, shared, destination, &next, outgoing, &sent.outcomes);
        for said in sent.outcomes {
            let broke = matches!(said.result, OutcomeResult::Deferred { .. }) && !sent.put_off.contains(&said.entry);
            if let Some(outcome) = outcomes.iter_mut().find(|o| o.entry == said.entry && !broke) {
                *outcome = said;
            }
        }
        put_off = sent.put_off;
        tracing::info!(destination = %domain, server = %next.server, message = outgoing.id, "offered to another server");
        next.quit().await;
    }
}

/// Leaves these recipients, with what was asked about each.
fn keep_only(outgoing: &mut Outgoing, entries: &[i64]) {
    let kept: Vec<bool> = outgoing.recipients.iter().map(|(entry, _)| entries.contains(entry)).collect();
    let mut each = kept.iter();
    outgoing.recipients.retain(|_| each.next().is_some_and(|kept| *kept));
    let mut each = kept.iter();
    outgoing.requests.retain(|_| each.next().is_some_and(|kept| *kept));
}
