//! `/bal/{b}/equipe`: who works at a BAL, what each did there in the last thirty days, what was unusual, the yearly attestation (F159). What is for those
//! who answer for the BAL alone is shown to nobody else: the calls say so.
use super::Speech;
use crate::list::{Rail, rail};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::grants::{AccessView, Activity};
use sceau_operator::usage::{AttestationView, UnusualUse};
use sceau_web::part::{self, Asked, PartName};
use sceau_web::ui::{Cell, Column, Kind, Table};
use sceau_web::{Sent, Shell, Visitor, layout, seated};
use serde::Deserialize;

/// Unusual things that are shown.
const UNUSUAL: u32 = 20;

/// What is asked of the table.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Look {
    /// Column, with `-` before it for the other way round.
    tri: String,
    /// `csv`: as a file.
    format: String,
}

/// What was unusual.
struct Odd {
    when: String,
    what: String,
}

/// The attestation, for who answers for the BAL.
struct Attest {
    text: String,
    digest: String,
    due: bool,
    last: Option<String>,
    form: String,
}

#[derive(askama::Template)]
#[template(path = "shared/team.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    address: String,
    table: Table,
    odd: Vec<Odd>,
    attest: Option<Attest>,
    back: String,
}

/// The table alone.
#[derive(askama::Template)]
#[template(path = "shared/team_table.html")]
struct Rows<'a> {
    shell: Shell,
    table: &'a Table,
}

/// `GET /bal/{b}/equipe`
pub(super) async fn page(visitor: Visitor, Path(b): Path<String>, Query(look): Query<Look>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match made(&visitor, &actor, &b, &look).await {
        Ok(page) if look.format == "csv" => page.table.csv(),
        Ok(page) => {
            let rows = Rows { shell: visitor.shell(&here(&b)).of_bal(&b), table: &page.table };
            match visitor.part {
                Some(_) => part::answer(&visitor, &Asked(visitor.part), &page, &[(PartName::Table, &rows)]),
                None => visitor.screen(StatusCode::OK, &page),
            }
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

fn here(b: &str) -> String {
    format!("/bal/{b}/equipe")
}

/// What a call says, or nothing where it is not for this person, or not of this kind of BAL.
fn allowed<T>(said: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    use RefusalCode::{Invalid, NotFound, RightMissing};
    match said {
        Ok(said) => Ok(Some(said)),
        Err(refusal) if matches!(refusal.code, Invalid | NotFound | RightMissing) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

async fn made(visitor: &Visitor, actor: &Actor, b: &str, look: &Look) -> Result<Page, Refusal> {
    let (op, speech) = (&visitor.op, Speech::of(visitor).await);
    let address = actor.bal.as_ref().map(|bal| bal.address.to_string()).ok_or(RefusalCode::NotFound)?;
    let people = op.accesses(actor, &address).await?;
    let activity = allowed(op.activity(actor, &address, None, None).await)?;
    let odd = allowed(op.unusual_use(actor, &address, None, UNUSUAL).await)?.unwrap_or_default();
    let attest = allowed(op.attestation(actor, &address).await)?;
    Ok(Page {
        rail: rail(visitor, actor, b, None).await?,
        table: table(speech.lang, visitor.to(&here(b)), people, activity, &look.tri),
        odd: odd.into_iter().map(|o| strange(speech, o)).collect(),
        attest: attest.map(|a| attestation(speech, a, format!("{}/attester", here(b)))),
        back: format!("/bal/{b}"),
        shell: visitor.shell(&here(b)).of_bal(b),
        address,
    })
}

fn strange(speech: Speech, o: UnusualUse) -> Odd {
    Odd {
        when: speech.instant(o.at),
        what: layout::set(if speech.lang == Lang::Fr { &o.detail } else { &o.detail_en }),
    }
}

fn attestation(speech: Speech, a: AttestationView, form: String) -> Attest {
    let lang = speech.lang;
    let last = a.attested.first();
    Attest {
        text: if lang == Lang::Fr { a.text } else { a.text_en },
        last: last.map(|l| text(lang, "shared.team.attested", &[("name", &l.by), ("date", &speech.instant(l.at))])),
        digest: a.digest,
        due: a.due,
        form,
    }
}

/// Who has access, with what each did where that is shown, in the order that is asked for.
fn table(lang: Lang, at: String, people: Vec<AccessView>, activity: Option<Vec<Activity>>, by: &str) -> Table {
    let say = |key: &str| layout::set(&text(lang, &format!("shared.team.{key}"), &[]));
    let column = |key: &'static str, kind| Column { key, title: say(&format!("column.{key}")), kind, sort: true };
    let mut columns = vec![
        column("login", Kind::Text),
        column("role", Kind::Text),
        column("rights", Kind::Text),
        column("starts", Kind::Date),
        column("ends", Kind::Date),
    ];
    if activity.is_some() {
        let counts = ["sessions", "read", "sent", "filed", "removed"];
        columns.extend(counts.map(|key| column(key, Kind::Number)));
        columns.push(column("last", Kind::Date));
    }
    let row = |a: AccessView| {
        let rights: Vec<String> = a.rights.iter().map(|r| say(&format!("right.{r}"))).collect();
        let mut row = vec![
            Cell::Text(a.login.clone()),
            Cell::Text(say(&format!("role.{}", a.role))),
            Cell::Text(rights.join(", ")),
            Cell::Time(a.starts),
            a.ends.map_or(Cell::None, Cell::Time),
        ];
        if let Some(activity) = &activity {
            let did = activity.iter().find(|d| d.login == a.login).cloned().unwrap_or_default();
            let counts = [did.logins, did.read, did.sent, did.filed, did.removed];
            row.extend(counts.map(|n| Cell::Number(i64::try_from(n).unwrap_or(i64::MAX))));
            row.push(if did.last.0 == 0 { Cell::None } else { Cell::Time(did.last) });
        }
        row
    };
    let mut rows: Vec<Vec<Cell>> = people.into_iter().map(row).collect();
    let (name, up) = by.strip_prefix('-').map_or((by, true), |name| (name, false));
    let sort = columns.iter().position(|c| c.key == name).map(|column| (column, up));
    if let Some((column, up)) = sort {
        rows.sort_by_cached_key(|row| row.get(column).map(|cell| key(cell, lang)));
        if !up {
            rows.reverse();
        }
    }
    Table {
        id: "equipe",
        caption: say("caption"),
        at,
        columns,
        rows,
        sort,
        filter: Vec::new(),
        next: None,
        empty: say("empty"),
        lang,
    }
}

/// What a cell is sorted by.
fn key(cell: &Cell, lang: Lang) -> (i64, String) {
    match cell {
        Cell::Time(at) => (at.0, String::new()),
        Cell::Number(n) => (*n, String::new()),
        cell => (0, cell.text(lang).to_lowercase()),
    }
}

/// What is attested.
#[derive(Deserialize)]
pub(super) struct Attested {
    /// The digest of what was read.
    #[serde(default)]
    lu: String,
}

/// `POST /bal/{b}/equipe/attester`
pub(super) async fn attest(Path(b): Path<String>, Sent(visitor, attested): Sent<Attested>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let address = actor.bal.as_ref().map(|bal| bal.address.to_string()).unwrap_or_default();
    match visitor.op.attest(&actor, &address, &attested.lu).await {
        Ok(_) => visitor.see(&here(&b)),
        Err(refusal) => visitor.refused(&refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_domain::Timestamp;

    fn access(login: &str, starts: i64) -> AccessView {
        AccessView {
            login: login.into(),
            role: "member".into(),
            rights: vec!["read".into(), "send".into()],
            starts: Timestamp(starts),
            ends: None,
            granted: Timestamp(starts),
            granted_by: "anne".into(),
            reason: None,
            ended: None,
            ended_by: None,
            version: 1,
        }
    }

    #[test]
    fn the_team_sorts_by_what_is_asked_and_activity_is_shown_where_there_is_any() {
        crate::make_known();
        let people = || vec![access("bruno", 5), access("Anne", 9), access("chloe", 1)];
        let first = |by: &str, activity| {
            let table = table(Lang::Fr, "/bal/x/equipe".into(), people(), activity, by);
            (table.rows[0][0].text(Lang::Fr), table.columns.len())
        };
        assert_eq!(first("", None), ("bruno".into(), 5));
        assert_eq!(first("login", None), ("Anne".into(), 5));
        assert_eq!(first("-starts", None), ("Anne".into(), 5));
        assert_eq!(first("starts", None), ("chloe".into(), 5));
        let did = Activity { login: "bruno".into(), read: 3, ..Activity::default() };
        assert_eq!(first("-read", Some(vec![did])), ("bruno".into(), 11));
    }
}
