//! `GET /compte`: who one is, one's BALs and how full they are.
use super::{Around, actor, size};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::{BalKind, BalRights, Refusal};
use sceau_operator::accounts::PersonView;
use sceau_web::{Shell, Visitor};

/// How full a BAL may be before the page says so, percent: a word, then a warning.
const FULL: [u64; 2] = [80, 95];

/// How full a BAL is.
struct Gauge {
    used: u64,
    most: u64,
    words: String,
    /// What to do, where it fills up; and how that looks.
    warning: Option<(&'static str, String)>,
}

/// A BAL.
struct Bal {
    address: String,
    name: String,
    about: String,
    /// Where its mail is; none: it is shut to the person, who is told why.
    to: Option<String>,
    shut: Option<String>,
    /// Where its absence is set, by whoever may manage it.
    absence: Option<String>,
    absent: bool,
    gauge: Option<Gauge>,
}

#[derive(askama::Template)]
#[template(path = "account/overview.html")]
struct Page {
    shell: Shell,
    around: Around,
    person: PersonView,
    profession: Option<String>,
    bals: Vec<Bal>,
    terms: String,
}

fn gauge(visitor: &Visitor, used: u64, most: u64) -> Gauge {
    let percent = used.saturating_mul(100) / most.max(1);
    let words = [size(visitor.lang, used), visitor.t("account.overview.of"), size(visitor.lang, most)].join(" ");
    let warning = match percent {
        p if p >= FULL[1] => Some(("banner-no", visitor.t("account.overview.full"))),
        p if p >= FULL[0] => Some(("banner-wait", visitor.t("account.overview.filling"))),
        _ => None,
    };
    Gauge { used, most, words: format!("{words} ({percent}\u{a0}%)"), warning }
}

async fn bals(visitor: &Visitor) -> Result<Vec<Bal>, Refusal> {
    let actor = actor(visitor)?;
    let mut out = Vec::new();
    for bal in visitor.op.desk_bals(actor).await? {
        // What the person may not look at has no gauge; the line stays.
        let seen = visitor.op.bal(actor, &bal.address.to_string()).await.ok();
        let manages = bal.rights.has(BalRights::MANAGE) && bal.kind != BalKind::Usager;
        let open = bal.shut.is_none();
        let kind = visitor.t(&format!("page.bal.kind_{}", bal.kind.as_str().to_ascii_lowercase()));
        let role = visitor.t(&format!("word.role.{}", bal.role.as_str()));
        out.push(Bal {
            about: format!("{kind} · {role}"),
            to: open.then(|| visitor.to(&format!("/bal/{}", bal.code))),
            shut: bal.shut.map(|code| visitor.told(&code.into()).1),
            absence: (manages && open).then(|| visitor.to(&format!("/bal/{}/absence", bal.code))),
            absent: seen.as_ref().is_some_and(|b| b.absent),
            gauge: seen.filter(|b| b.quota > 0).map(|b| gauge(visitor, b.used, b.quota)),
            address: bal.address.to_string(),
            name: bal.name,
        });
    }
    Ok(out)
}

/// `GET /compte`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    let page = async {
        let (op, actor) = (&visitor.op, actor(&visitor)?);
        let person = op.own_person(actor).await?;
        let profession = person.profession.as_ref().map(|p| p.label.clone().unwrap_or_else(|| p.code.clone()));
        let terms = visitor.t(&format!("account.overview.terms_{}", op.own_terms(actor).await?.state));
        let around = Around::page(&visitor, &uri);
        Ok::<_, Refusal>(Page {
            shell: visitor.shell("/compte"),
            around,
            person,
            profession,
            bals: bals(&visitor).await?,
            terms,
        })
    };
    match page.await {
        Ok(page) => visitor.screen(page.around.status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}
