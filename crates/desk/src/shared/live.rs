//! `GET /bal/{b}/message/{m}/direct`: what others do with an open message, told as it happens: who answers it now, who has answered, how far it came where
//! this BAL sent it. Whoever writes an answer is seen to for as long as the page is open (`repond=1`): a hint, as everywhere ([`super::presence`]).
//!
//! Promises: looking on is no use of the session, and no reading; the stream ends when nothing more can come.
use super::{Speech, deliveries, presence};
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::stream::unfold;
use sceau_domain::Refusal;
use sceau_domain::text::text;
use sceau_operator::desk::deliveries::SentAs;
use sceau_operator::watch::Watch;
use sceau_operator::{Actor, Operator};
use sceau_web::{Watcher, layout, live};
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, Instant};

/// How long a stream lasts at most: the browser comes again by itself, and is judged anew.
const MOST: Duration = Duration::from_secs(900);
/// Changes that follow one another so quickly are told together.
const TOGETHER: Duration = Duration::from_millis(300);
/// How often it is looked whether somebody stopped answering without saying so, and said again that somebody answers.
const AGAIN: Duration = Duration::from_secs(15);
/// How often it is looked how far a message came that was sent just now.
const SOON: Duration = Duration::from_secs(3);
/// How many times so; then as the rest.
const SOON_TIMES: u32 = 20;

/// What is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct How {
    /// `1`: whoever looks on writes an answer.
    repond: String,
}

/// Whoever looks on.
struct Eyes {
    op: Operator,
    actor: Actor,
    message: i64,
    watch: Watch,
    speech: Speech,
    /// What finds how far the message came, until nobody waits for it any more.
    sent: Option<SentAs>,
    /// How far it came when one looked last.
    stamp: Option<String>,
    shared: bool,
    answers: bool,
    /// When it was said last that whoever looks on answers.
    renewed: Option<Instant>,
    /// Answers are told from here on, milliseconds: a page shows by itself what was there before.
    since: i64,
    /// What was told last.
    told: Option<String>,
    /// Something may come yet.
    more: bool,
    turns: u32,
}

/// `GET /bal/{b}/message/{m}/direct`
pub(super) async fn stream(
    Watcher(visitor): Watcher,
    Path((b, m)): Path<(String, String)>,
    Query(how): Query<How>,
) -> Response {
    let place = match live::place(&visitor) {
        Ok(place) => place,
        Err(answer) => return *answer,
    };
    let (actor, message) = match super::beside::opened(&visitor, &b, &m).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let op = visitor.op.clone();
    // Nothing is told of a message that one may not see.
    let sent = match op.sent_as(&actor, message).await {
        Ok(sent) => sent,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let answers = how.repond == "1";
    let eyes = Eyes {
        watch: op.watch(&actor),
        speech: Speech::of(&visitor).await,
        shared: super::shared(&actor),
        since: op.clock().now().0,
        op: op.clone(),
        actor: actor.clone(),
        message,
        sent,
        stamp: None,
        answers,
        renewed: None,
        told: None,
        more: true,
        turns: 0,
    };
    let events = unfold(eyes, |eyes| Box::pin(eyes.next()));
    live::stream(place, events, op.leash(&actor), MOST)
}

impl Eyes {
    /// The next change; at once what there is. None: nothing more comes.
    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if self.told.is_some() {
                if !self.more {
                    return None;
                }
                self.wait().await;
            }
            self.op.still_allowed(&self.actor).await.ok()?;
            let now = self.look().await.ok()?;
            if self.told.as_ref() != Some(&now) {
                let event = Event::default().event("autour").data(&now);
                self.told = Some(now);
                return Some((event, self));
            }
        }
    }

    /// Waits until something may be otherwise.
    async fn wait(&mut self) {
        self.turns += 1;
        let soon = self.sent.is_some() && self.turns <= SOON_TIMES;
        tokio::select! {
            () = self.watch.changed() => tokio::time::sleep(TOGETHER).await,
            () = tokio::time::sleep(if soon { SOON } else { AGAIN }) => {}
        }
    }

    /// What there is, as the page's script takes it.
    async fn look(&mut self) -> Result<String, Refusal> {
        let mut people = Vec::new();
        if self.shared {
            // Said again in its time, not at each change of the BAL.
            let due = self.answers && self.renewed.is_none_or(|at| at.elapsed() >= AGAIN);
            let names = match due {
                true => self.op.present(&self.actor, self.message, true).await?,
                false => self.op.who_answers(&self.actor, self.message).await?,
            };
            self.renewed = if due { Some(Instant::now()) } else { self.renewed };
            people.extend(presence::answering(self.speech, &names));
            people.extend(match self.answers {
                true => known(&self.op, &self.actor, self.message, self.speech).await?,
                false => answered(&self.op, &self.actor, self.message, self.speech, self.since).await?,
            });
        }
        if let Some(sent) = self.sent {
            let followed = self.op.how_far(&self.actor, &[sent]).await?.remove(&sent);
            self.stamp = followed.map(|f| deliveries::stamp(&f));
            self.sent = self.sent.filter(|_| followed.is_some_and(|f| f.waits > 0));
        }
        self.more = self.shared || self.sent.is_some();
        Ok(json!({ "gens": people, "suivi": self.stamp, "encore": self.more }).to_string())
    }
}

/// What whoever writes an answer should know of colleagues: who takes care of the conversation, who has answered.
pub(super) async fn known(op: &Operator, actor: &Actor, message: i64, speech: Speech) -> Result<Vec<String>, Refusal> {
    let thread = op.conversation_of(actor, message).await?;
    let with = op.assignments(actor, &[thread]).await?.remove(&thread).filter(|a| !a.own);
    let with = with.map(|a| layout::set(&text(speech.lang, "shared.beside.with", &[("name", &a.name)])));
    let mut said: Vec<String> = with.into_iter().collect();
    said.extend(answered(op, actor, message, speech, 0).await?);
    Ok(said)
}

/// Those of one's colleagues who have answered a message since, said.
pub(super) async fn answered(
    op: &Operator,
    actor: &Actor,
    message: i64,
    speech: Speech,
    since: i64,
) -> Result<Vec<String>, Refusal> {
    let did = op.beside(actor, &[message]).await?.remove(&message).unwrap_or_default();
    let others = did.into_iter().filter(|d| !d.own);
    let said = others.filter_map(|d| {
        let at = d.answered.filter(|at| at.0 >= since)?;
        Some(says(speech, "answered", &d.name, &speech.instant(at)))
    });
    Ok(said.collect())
}

/// Somebody does something with the message.
pub(super) fn says(speech: Speech, what: &str, name: &str, date: &str) -> String {
    let all = [("name", name), ("date", date)];
    layout::set(&text(speech.lang, &format!("shared.present.{what}"), &all))
}
