//! `/compte/telephone`: the desk on a telephone's home screen, opened by a finger or a face, and a browser that is woken when mail comes (F245).
//!
//! Only a script can ask a browser where it is woken; all that follows (of which BALs, a try, the end) works without one.
use super::{Around, actor};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use sceau_domain::calendar::Territory;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::desk::push::{BrowserView, PushView};
use sceau_web::layout::instant;
use sceau_web::{Sent, Shell, Visitor};
use serde::Deserialize;

const HERE: &str = "/compte/telephone";

/// A BAL that can be ticked.
struct Tick {
    id: String,
    address: String,
    on: bool,
}

/// A browser that is woken.
struct Browser {
    code: String,
    /// By which it finds itself on the page.
    mark: String,
    name: String,
    /// Since when, when it was last woken, whether its service answers.
    about: String,
    failing: bool,
    bals: Vec<Tick>,
}

/// Being woken; nothing where the operator wakes nobody.
struct Waking {
    key: String,
    browsers: Vec<Browser>,
    bals: Vec<Tick>,
}

#[derive(askama::Template)]
#[template(path = "account/telephone.html")]
struct Page {
    shell: Shell,
    around: Around,
    waking: Option<Waking>,
}

/// Ticks of one form, the `n`th of the page.
fn ticks(n: usize, view: &PushView, on: impl Fn(&str, bool) -> bool) -> Vec<Tick> {
    let tick = |(m, (address, held)): (usize, &(String, bool))| Tick {
        id: format!("avis-{n}-{m}"),
        address: address.clone(),
        on: on(address, *held),
    };
    view.bals.iter().enumerate().map(tick).collect()
}

fn browser(
    shell: &Shell,
    visitor: &Visitor,
    place: Territory,
    n: usize,
    view: &PushView,
    one: &BrowserView,
) -> Browser {
    let at = |date| instant(visitor.lang, date, place);
    let last = match one.last {
        Some(date) => shell.t1("phone.push.last", "date", &at(date)),
        None => shell.t("phone.push.never"),
    };
    Browser {
        code: one.code.clone(),
        mark: one.mark.clone(),
        name: if one.agent.is_empty() { shell.t("phone.push.browser") } else { one.agent.clone() },
        about: format!("{} · {last}", shell.t1("phone.push.since", "date", &at(one.since))),
        failing: one.failing,
        bals: ticks(n, view, |address, _| one.bals.iter().any(|b| b == address)),
    }
}

async fn page(visitor: &Visitor, around: Around) -> Response {
    let page = async {
        let (op, actor) = (&visitor.op, actor(visitor)?);
        let (shell, place) = (visitor.shell(HERE), op.place().await);
        let waking = op.own_push(actor).await?.map(|view| {
            let browsers = view.browsers.iter().enumerate();
            Waking {
                // One's own first: what is sent to a whole service wakes whoever asks for it.
                bals: ticks(0, &view, |_, held| held),
                browsers: browsers.map(|(n, one)| browser(&shell, visitor, place, n + 1, &view, one)).collect(),
                key: view.key.clone(),
            }
        });
        Ok::<_, Refusal>(Page { shell, around, waking })
    };
    match page.await {
        Ok(page) => visitor.screen(page.around.status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn after(visitor: &Visitor, done: Result<(), Refusal>) -> Response {
    match done.map_err(|refusal| Around::again(visitor, &refusal)) {
        Ok(()) => visitor.see("/compte/telephone?fait=oui"),
        Err(Ok(around)) => page(visitor, around).await,
        Err(Err(answer)) => *answer,
    }
}

/// `GET /compte/telephone`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    page(&visitor, Around::page(&visitor, &uri)).await
}

/// A form, as it was sent: `bal` may stand there many times.
type Form = Vec<(String, String)>;

fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

fn bals(form: &Form) -> Vec<String> {
    form.iter().filter(|(key, _)| key == "bal").map(|(_, address)| address.clone()).collect()
}

/// The browser that a form names.
fn one(visitor: &Visitor, form: &Form) -> Result<i64, Refusal> {
    Ok(visitor.op.push_of_object(field(form, "navigateur")).ok_or(RefusalCode::NotFound)?)
}

/// `POST /compte/telephone/avis`: this browser is woken from now on.
pub(super) async fn wake(Sent(visitor, form): Sent<Form>) -> Response {
    let done = async {
        let (actor, agent) = (actor(&visitor)?, visitor.browser().agent);
        visitor.op.push_subscribe(actor, field(&form, "adresse"), agent, &bals(&form)).await
    };
    let done = done.await;
    after(&visitor, done).await
}

/// Where a browser was woken, and where it is from now on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Renewed {
    avant: String,
    adresse: String,
}

/// `POST /compte/telephone/avis/renouveler`: a browser that renewed by itself says so (`sw.js`); no page answers it.
pub(super) async fn renew(Sent(visitor, sent): Sent<Renewed>) -> Response {
    let done = async {
        let (actor, agent) = (actor(&visitor)?, visitor.browser().agent);
        visitor.op.push_renew(actor, &sent.avant, &sent.adresse, agent).await
    };
    match done.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /compte/telephone/avis/choix`: of which BALs a browser is woken.
pub(super) async fn choose(Sent(visitor, form): Sent<Form>) -> Response {
    let done = async {
        let (actor, id) = (actor(&visitor)?, one(&visitor, &form)?);
        visitor.op.push_choose(actor, id, &bals(&form)).await
    };
    let done = done.await;
    after(&visitor, done).await
}

/// `POST /compte/telephone/avis/essai`: a browser is woken now.
pub(super) async fn attempt(Sent(visitor, form): Sent<Form>) -> Response {
    let done = async {
        let (actor, id) = (actor(&visitor)?, one(&visitor, &form)?);
        visitor.op.push_try(actor, id).await
    };
    let done = done.await;
    after(&visitor, done).await
}

/// `POST /compte/telephone/avis/fin`: a browser is not woken any more.
pub(super) async fn end(Sent(visitor, form): Sent<Form>) -> Response {
    let done = async {
        let (actor, id) = (actor(&visitor)?, one(&visitor, &form)?);
        visitor.op.push_end(actor, id).await
    };
    let done = done.await;
    after(&visitor, done).await
}
