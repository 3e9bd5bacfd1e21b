//! `/compte/activite`: what was done at one's BALs, by whom, from where, when; and what one did oneself (F247). As a table and as a file.
use super::{Around, actor, asked};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::desk::activity::{ActivityPage, ActivityView, Of, SHOWN};
use sceau_web::layout::day;
use sceau_web::ui::{Cell, Choice, Column, Kind, Shade, Table};
use sceau_web::{Shell, Visitor};
use serde::Deserialize;

const HERE: &str = "/compte/activite";

/// What is asked of the page.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    /// `moi`: one's own acts; a BAL's object id: those at it; else those at all of one's BALs.
    de: String,
    /// Before this trace.
    avant: String,
    /// `csv`: as a file.
    format: String,
}

#[derive(askama::Template)]
#[template(path = "account/activity.html")]
struct Page {
    shell: Shell,
    around: Around,
    period: String,
    table: Table,
}

/// What an act is called; one of the operator's own stays as the log names it.
fn named(visitor: &Visitor, act: &str) -> String {
    match SHOWN.contains(&act) || OWN.contains(&act) {
        true => visitor.t(&format!("account.act.{}", act.replace('.', "_"))),
        false => act.to_owned(),
    }
}

/// Acts of one's own account, beside those at BALs.
const OWN: &[&str] = &[
    "activity.listed",
    "desk.choices",
    "factor.enrolled",
    "factor.removed",
    "login.ended",
    "login.failed",
    "notice.chosen",
    "notice.language",
    "person.changed",
    "person.email",
    "person.email_cleared",
    "push.ended",
    "push.subscribed",
    "session.ended",
    "terms.accepted",
    "token.created",
    "token.revoked",
];

fn row(visitor: &Visitor, view: ActivityView) -> Vec<Cell> {
    let of = |key: &str, name: &str, value: &str| sceau_web::layout::set(&text(visitor.lang, key, &[(name, value)]));
    let mut what = named(visitor, &view.act);
    if let Some(n) = view.count.filter(|n| *n > 1) {
        what.push_str(&of("account.activity.count", "n", &n.to_string()));
    }
    let mut who = if view.mine { visitor.t("account.activity.me") } else { view.who };
    if let Some(holder) = &view.on_behalf {
        who.push_str(&of("account.activity.for", "name", holder));
    }
    let outcome = match &view.refused {
        None => Cell::State(visitor.t("account.activity.ok"), Shade::Ok),
        Some(_) => Cell::State(visitor.t("account.activity.refused"), Shade::No),
    };
    let optional = |text: Option<String>| text.map_or(Cell::None, Cell::Text);
    vec![Cell::Time(view.at), Cell::Text(who), Cell::Text(what), optional(view.bal), optional(view.place), outcome]
}

fn table(visitor: &Visitor, page: ActivityPage, de: &str) -> Table {
    let column =
        |key, kind| Column { key, title: visitor.t(&format!("account.activity.col_{key}")), kind, sort: false };
    let at = visitor.to(&format!("{HERE}?de={de}"));
    let join = if at.contains('?') { '&' } else { '?' };
    let options = [("", "account.activity.of_bals"), ("moi", "account.activity.of_me")];
    let mut options = options.map(|(value, key)| (value.to_owned(), visitor.t(key))).to_vec();
    // Each of one's BALs, where there are several.
    if page.bals.len() > 1 {
        options.extend(page.bals.iter().map(|(id, address)| (visitor.op.bal_object(*id), address.clone())));
    }
    Table {
        id: "activite",
        caption: visitor.t("account.activity.title"),
        next: page.before.map(|id| format!("{at}{join}avant={id}")),
        at,
        columns: vec![
            column("quand", Kind::Date),
            column("qui", Kind::Text),
            column("quoi", Kind::Text),
            column("bal", Kind::Text),
            column("lieu", Kind::Text),
            column("issue", Kind::State),
        ],
        rows: page.rows.into_iter().map(|view| row(visitor, view)).collect(),
        sort: None,
        filter: vec![Choice { key: "de", label: visitor.t("account.activity.of"), options, chosen: de.to_owned() }],
        empty: visitor.t("account.activity.empty"),
        lang: visitor.lang,
    }
}

/// `GET /compte/activite`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    let wanted: Wanted = asked(&uri);
    let de = wanted.de.as_str();
    let page = async {
        let of = match de {
            "" => Of::Bals,
            "moi" => Of::Mine,
            code => Of::Bal(visitor.op.bal_of_object(code).ok_or(RefusalCode::NotFound)?),
        };
        let before = Some(wanted.avant.as_str()).filter(|a| !a.is_empty()).map(str::parse).transpose();
        let before = before.map_err(|_| Refusal::new(RefusalCode::Invalid).with("name", "avant"))?;
        let page = visitor.op.own_activity(actor(&visitor)?, of, before).await?;
        Ok::<_, Refusal>((page, visitor.op.place().await))
    };
    match page.await {
        Ok((page, place)) => {
            let date = |at| day(visitor.lang, at, place);
            let (from, until) = (date(page.from), date(page.until));
            let period = text(visitor.lang, "account.activity.period", &[("from", &from), ("until", &until)]);
            // The next page stands under an empty one too: there may be older acts.
            let table = table(&visitor, page, de);
            if wanted.format == "csv" {
                return table.csv();
            }
            let around = Around::page(&visitor, &uri);
            let period = sceau_web::layout::set(&period);
            visitor.screen(around.status, &Page { shell: visitor.shell(HERE), around, period, table })
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_domain::Lang;

    #[test]
    fn every_act_that_is_told_has_its_words() {
        crate::make_known();
        for act in SHOWN.iter().chain(OWN) {
            let key = format!("account.act.{}", act.replace('.', "_"));
            for lang in Lang::ALL {
                assert_ne!(text(lang, &key, &[]), key, "{key}");
            }
        }
    }
}
