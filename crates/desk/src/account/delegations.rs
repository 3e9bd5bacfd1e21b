//! `/compte/delegations`: who acts at one's own BAL in one's name, until when, and for whom one acts oneself (F024, F025).
use super::{Around, actor};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::calendar::Territory;
use sceau_domain::{AccessRole, BalKind, Refusal, RefusalCode, Timestamp};
use sceau_operator::grants::{DelegationView, NewDelegation};
use sceau_web::layout::day;
use sceau_web::{Sent, Shell, Visitor};
use serde::Deserialize;

const HERE: &str = "/compte/delegations";
/// What a delegate may be let do: names of rights.
const RIGHTS: [&str; 3] = ["read", "send", "file"];

/// A delegation.
struct Line {
    address: String,
    login: String,
    /// Whose BAL it is, or who acts there.
    who: String,
    about: String,
}

#[derive(askama::Template)]
#[template(path = "account/delegations.html")]
struct Page {
    shell: Shell,
    around: Around,
    given: Vec<Line>,
    received: Vec<Line>,
    /// One's own BALs: what can be delegated.
    own: Vec<(String, String)>,
    rights: Vec<(&'static str, String)>,
}

fn line(visitor: &Visitor, place: Territory, d: DelegationView, given: bool) -> Line {
    let shell = visitor.shell(HERE);
    let rights: Vec<String> = d.access.rights.iter().map(|r| visitor.t(&format!("word.right.{r}"))).collect();
    let from = shell.t1("account.delegations.from", "date", &day(visitor.lang, d.access.starts, place));
    let until = d.access.ends.map(|at| shell.t1("account.delegations.until", "date", &day(visitor.lang, at, place)));
    let parts = [Some(rights.join(", ")), Some(from), until, d.access.reason];
    Line {
        about: parts.into_iter().flatten().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" · "),
        who: if given { d.access.login.clone() } else { d.holder },
        login: d.access.login,
        address: d.address,
    }
}

async fn page(visitor: &Visitor, around: Around) -> Response {
    let page = async {
        let (op, actor) = (&visitor.op, actor(visitor)?);
        let (me, place) = (op.own(actor).await?.login, op.place().await);
        let (given, received): (Vec<_>, Vec<_>) =
            op.delegations(actor).await?.into_iter().partition(|d| d.holder == me);
        let bals = op.desk_bals(actor).await?.into_iter();
        let own = bals.filter(|b| b.role == AccessRole::Holder && b.kind == BalKind::Per);
        Ok::<_, Refusal>(Page {
            shell: visitor.shell(HERE),
            around,
            given: given.into_iter().map(|d| line(visitor, place, d, true)).collect(),
            received: received.into_iter().map(|d| line(visitor, place, d, false)).collect(),
            own: own.map(|b| (b.address.to_string(), b.address.to_string())).collect(),
            rights: RIGHTS.map(|r| (r, visitor.t(&format!("word.right.{r}")))).to_vec(),
        })
    };
    match page.await {
        Ok(page) => visitor.screen(page.around.status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn after(visitor: &Visitor, done: Result<(), Refusal>) -> Response {
    match done.map_err(|refusal| Around::again(visitor, &refusal)) {
        Ok(()) => visitor.see("/compte/delegations?fait=oui"),
        Err(Ok(around)) => page(visitor, around).await,
        Err(Err(answer)) => *answer,
    }
}

/// `GET /compte/delegations`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    page(&visitor, Around::page(&visitor, &uri)).await
}

/// A delegation to give.
#[derive(Deserialize)]
pub(super) struct New {
    address: String,
    login: String,
    #[serde(default)]
    read: String,
    #[serde(default)]
    send: String,
    #[serde(default)]
    file: String,
    /// Its last day, `YYYY-MM-DD`.
    jusque: String,
    #[serde(default)]
    motif: String,
}

/// The end of a day, by the clock of a place.
fn end_of(day: &str, place: Territory) -> Result<Timestamp, Refusal> {
    let invalid = || Refusal::new(RefusalCode::Invalid).with("name", "ends");
    let date: jiff::civil::Date = day.trim().parse().map_err(|_| invalid())?;
    let next = date.tomorrow().and_then(|d| d.to_zoned(place.clock())).map_err(|_| invalid())?;
    Ok(Timestamp(next.timestamp().as_millisecond()))
}

/// `POST /compte/delegations`
pub(super) async fn give(Sent(visitor, form): Sent<New>) -> Response {
    let done = async {
        let actor = actor(&visitor)?;
        let ticked = RIGHTS.into_iter().zip([&form.read, &form.send, &form.file]).filter(|(_, t)| !t.is_empty());
        let new = NewDelegation {
            address: form.address.clone(),
            login: form.login.trim().to_owned(),
            rights: Some(ticked.map(|(right, _)| right.to_owned()).collect()),
            starts: None,
            ends: end_of(&form.jusque, visitor.op.place().await)?,
            reason: Some(form.motif.trim().to_owned()).filter(|m| !m.is_empty()),
        };
        visitor.op.give_delegation(actor, new).await.map(drop)
    };
    let done = done.await;
    after(&visitor, done).await
}

/// A delegation that ends.
#[derive(Deserialize)]
pub(super) struct Over {
    address: String,
    login: String,
}

/// `POST /compte/delegations/fin`: by the holder or by the delegate.
pub(super) async fn end(Sent(visitor, form): Sent<Over>) -> Response {
    let done = async { visitor.op.end_delegation(actor(&visitor)?, &form.address, &form.login, None).await.map(drop) };
    let done = done.await;
    after(&visitor, done).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_whole_by_the_clock_of_the_place() {
        let at = |day: &str, place| end_of(day, place).unwrap().0;
        // 2030-01-31 in Paris ends an hour before it does at Greenwich.
        assert_eq!(at("2030-01-31", Territory::Metropole), 1_896_134_400_000 - 3_600_000);
        assert!(at("2030-01-31", Territory::NouvelleCaledonie) < at("2030-01-31", Territory::Metropole));
        assert!(end_of("31/01/2030", Territory::Metropole).is_err());
    }
}
