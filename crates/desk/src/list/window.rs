//! `GET /bal/{b}/dossier/{f}`: a window over a folder.
use super::act::just_done;
use super::keys::Keys;
use super::labels::{labels, name_of};
use super::rail::{Rail, last_level, path, rail};
use super::search::{SearchBox, search_box};
use super::view::{self, Asked, FILTERS, Shown, place};
use crate::shared::{Far, far};
use askama::Template;
use axum::extract::Path;
use axum::http::Uri;
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sceau_domain::calendar::Territory;
use sceau_domain::text::text;
use sceau_domain::{BalRights, Lang, Refusal, RefusalCode, Timestamp};
use sceau_operator::Actor;
use sceau_operator::desk::acts::{self, What};
use sceau_operator::desk::list::{Listing, Row, View};
use sceau_operator::mailbox::entries::Flags;
use sceau_operator::mailbox::folders::{Folder, SpecialUse};
use sceau_web::part::{self, PartName, Told, Undo};
use sceau_web::{Shell, Visitor, layout, seated};

/// Rows of a window.
const ROWS: usize = 50;

/// A line of a list.
struct Line {
    uid: u32,
    to: String,
    who: String,
    /// How many messages of its conversation are here; empty where it is one.
    many: String,
    subject: String,
    preview: String,
    /// The day or the hour, as short as it may be; whole; for programs.
    date: String,
    exact: String,
    iso: String,
    unread: bool,
    followed: bool,
    answered: bool,
    attached: bool,
    patient: bool,
    with: Option<String>,
    labels: Vec<String>,
    /// Colleagues left notes beside it.
    noted: bool,
    /// In Sent: how far it came.
    far: Option<Far>,
}

/// Lines, and where the next ones are.
#[derive(Template)]
#[template(path = "list/rows.html")]
struct Rows {
    shell: Shell,
    lines: Vec<Line>,
    more: Option<String>,
    /// Whoever may not file ticks nothing.
    files: bool,
}

/// A place that a list may be brought to: its address, its name, is it this one.
type Tab = (String, String, bool);

/// What a button of the toolbar does: value, key of its name, icon, class.
type Button = (&'static str, &'static str, &'static str, &'static str);

#[derive(Template)]
#[template(path = "list/list.html")]
struct List {
    shell: Shell,
    name: String,
    /// The UID that the next message will have: what comes after this list was made has it, or a higher one.
    next: u32,
    /// How many there are, how many nobody read.
    counts: String,
    filters: Vec<Tab>,
    orders: Vec<Tab>,
    /// Months that one can go to, by year: word of an address, name. Empty where all of it is one month.
    months: Vec<(i16, Vec<(String, String)>)>,
    /// What the form that goes to one keeps of the address.
    kept: Vec<(&'static str, String)>,
    place: String,
    /// The label that is asked for, with the list without it; and those that there are.
    label: Option<(String, String)>,
    labels: Vec<String>,
    /// Where the list begins, on a page that does not show its beginning.
    newest: Option<String>,
    /// The list as it is asked for: an act leads back here.
    here: String,
    folders_page: String,
    /// The form around the list, its word, the folder.
    act: String,
    jeton: String,
    folder: String,
    buttons: Vec<Button>,
    /// Folders that messages may be moved to: what names each, its name.
    homes: Vec<(String, String)>,
    /// Where several work, who may take care: login and name, nobody last.
    people: Vec<(String, String)>,
    /// When it was made, milliseconds.
    made: i64,
    /// Everything of a bin can be removed.
    empties: bool,
    told: Option<Told>,
    /// Something is not known to the list yet.
    incomplete: bool,
    files: bool,
    any: bool,
    rows: Rows,
}

#[derive(Template)]
#[template(path = "list/page.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    search: SearchBox,
    title: String,
    list: List,
    /// Where its changes are told.
    live: String,
    keys: Option<Keys>,
}

/// `GET /bal/{b}/dossier/{f}`
pub(super) async fn show(visitor: Visitor, Path((b, f)): Path<(String, String)>, uri: Uri) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match page(&visitor, &actor, (&b, &f), &Asked::of(&uri)).await {
        Ok(page) => part::answer(
            &visitor,
            &part::Asked(visitor.part),
            &page,
            &[(PartName::List, &page.list), (PartName::Rows, &page.list.rows), (PartName::Counts, &page.rail)],
        ),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn page(visitor: &Visitor, actor: &Actor, (b, f): (&str, &str), asked: &Asked) -> Result<Page, Refusal> {
    let op = &visitor.op;
    let folder = op.mailbox_of_object(f).ok_or(RefusalCode::FolderUnknown)?;
    let choices = op.desk_choices(actor).await?;
    let shown = asked.shown(&choices);
    let Shown { filter, label, threads, oldest_first, from } = shown.clone();
    let view = View { folder, filter, label, threads, oldest_first, from, limit: ROWS };
    let listing = op.window(actor, &view).await?;
    let rail = rail(visitor, actor, b, Some(folder)).await?;
    let told = just_done(visitor, actor, (b, &shown.at(&place(b, f))), (&asked.fait, &asked.dit)).await?;
    let (folders, known) = (op.folders(actor).await?, op.keywords_known(actor).await?);
    let far = far(visitor, actor, &listing.rows).await?;
    let mut list = list(visitor, actor, (b, f), &shown, (listing, &folders, known), told);
    list.rows.lines.iter_mut().zip(far).for_each(|(line, far)| line.far = far);
    if list.files {
        list.people = colleagues(visitor, actor).await?;
    }
    let search = search_box(visitor, actor, b, ("", "")).await?;
    Ok(Page {
        shell: visitor.shell(&list.here).of_bal(b),
        rail,
        search,
        title: list.name.clone(),
        list,
        live: format!("/bal/{b}/direct"),
        keys: Keys::of(visitor, &choices),
    })
}

fn list(
    visitor: &Visitor,
    actor: &Actor,
    (b, f): (&str, &str),
    shown: &Shown,
    (listing, folders, known): (Listing, &[Folder], Vec<String>),
    told: Option<Told>,
) -> List {
    let (op, here) = (&visitor.op, place(b, f));
    let at = |shown: &Shown| visitor.to(&shown.at(&here));
    let Listing { folder, status, rows, more, span, complete } = listing;
    let months = span.map(|(from, to)| view::months(from, to)).unwrap_or_default();
    let files = actor.bal.as_ref().and_then(|bal| bal.chair.as_ref()).is_some_and(|c| c.rights.has(BalRights::FILE));
    let filters = FILTERS.iter().map(|(filter, _, key)| {
        let other = Shown { filter: *filter, ..shown.first() };
        (at(&other), visitor.t(key), *filter == shown.filter)
    });
    let order = |key: &str, oldest_first: bool| {
        (at(&Shown { oldest_first, ..shown.first() }), visitor.t(key), oldest_first == shown.oldest_first)
    };
    let view =
        |key: &str, threads: bool| (at(&Shown { threads, ..shown.first() }), visitor.t(key), threads == shown.threads);
    let homes = folders.iter().filter(|other| other.id != folder.id);
    let homes = homes.map(|other| (op.mailbox_object(other.id), path(visitor, other))).collect();
    let now = op.clock().now();
    let lines: Vec<Line> = rows.into_iter().map(|row| line(visitor, (b, f), row, now)).collect();
    // Of a list that was looked through without finding enough there is more, and nothing to show of it.
    let any = !lines.is_empty() || more.is_some();
    let more = more.map(|from| at(&Shown { from: Some(from), ..shown.clone() }));
    let act = format!("/bal/{b}/agir");
    let shell = || visitor.shell(&shown.at(&here)).of_bal(b);
    let numbers = [("n", status.messages.to_string()), ("unread", status.unseen.to_string())];
    let numbers = numbers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let key = if status.unseen == 0 { "list.counts.all" } else { "list.counts.unread" };
    List {
        shell: shell(),
        name: last_level(visitor, &folder),
        next: status.uidnext,
        counts: text(visitor.lang, key, &numbers),
        filters: filters.collect(),
        orders: vec![
            order("list.order.newest", false),
            order("list.order.oldest", true),
            view("list.view.threads", true),
            view("list.view.messages", false),
        ],
        months: by_year(visitor.lang, months),
        kept: shown.words(),
        place: here.clone(),
        newest: shown.from.map(|_| at(&shown.first())),
        label: shown.label.as_deref().map(|keyword| {
            let name = name_of(visitor, keyword).unwrap_or_else(|| keyword.to_owned());
            (name, at(&Shown { label: None, ..shown.first() }))
        }),
        labels: labels(visitor, known),
        here: shown.at(&here),
        folders_page: visitor.to(&format!("/bal/{b}/dossiers")),
        jeton: visitor.field(&act),
        act: visitor.to(&act),
        folder: f.to_owned(),
        buttons: buttons(folder.special_use),
        homes,
        people: Vec::new(),
        made: now.0,
        empties: matches!(folder.special_use, Some(SpecialUse::Trash | SpecialUse::Junk)) && status.messages > 0,
        told,
        incomplete: !complete,
        files,
        any,
        rows: Rows { shell: shell(), lines, more, files },
    }
}

/// Who may take care of conversations, and that nobody does; empty at a BAL of one person.
async fn colleagues(visitor: &Visitor, actor: &Actor) -> Result<Vec<(String, String)>, Refusal> {
    let found = visitor.op.colleagues(actor).await?;
    let me = |name: &str| text(visitor.lang, "shared.beside.me", &[("name", name)]);
    let mut people: Vec<_> =
        found.into_iter().map(|c| if c.own { (c.login, me(&c.name)) } else { (c.login, c.name) }).collect();
    if !people.is_empty() {
        people.push((String::new(), visitor.t("shared.beside.nobody")));
    }
    Ok(people)
}

/// The toolbar of a folder: what is of use there.
fn buttons(use_: Option<SpecialUse>) -> Vec<Button> {
    let mut all: Vec<Button> = Vec::new();
    if use_ != Some(SpecialUse::Archive) {
        all.push(("archiver", "list.act.archive", "archive", ""));
    }
    match use_ {
        Some(SpecialUse::Trash) => all.push(("supprimer", "list.act.remove", "corbeille", "btn-risk")),
        _ => all.push(("corbeille", "list.act.bin", "corbeille", "")),
    }
    if !matches!(use_, Some(SpecialUse::Junk | SpecialUse::Sent | SpecialUse::Drafts)) {
        all.push(("indesirable", "list.act.junk", "indesirable", ""));
    }
    all.extend([
        ("lu", "list.act.read", "lu", ""),
        ("nonlu", "list.act.unread", "nonlu", ""),
        ("suivre", "list.act.follow", "suivi", ""),
        ("nonsuivre", "list.act.unfollow", "fermer", ""),
    ]);
    all
}

fn line(visitor: &Visitor, (b, f): (&str, &str), row: Row, now: Timestamp) -> Line {
    let named =
        |(name, address): &(String, String)| if name.trim().is_empty() { address.clone() } else { name.clone() };
    let names: Vec<String> = row.who.iter().map(named).collect();
    let who = if names.is_empty() { visitor.t("list.row.nobody") } else { names.join(", ") };
    let subject = if row.subject.trim().is_empty() { visitor.t("list.row.no_subject") } else { row.subject };
    let has = |flag| row.flags.system.has(flag);
    Line {
        uid: row.uid,
        to: visitor.to(&format!("/bal/{b}/message/{}?dans={f}", row.email)),
        who,
        many: if row.in_thread > 1 { row.in_thread.to_string() } else { String::new() },
        subject,
        preview: row.preview.unwrap_or_default(),
        date: short(visitor.lang, row.date, now),
        exact: layout::instant(visitor.lang, row.date, Territory::Metropole),
        iso: jiff::Timestamp::from_millisecond(row.date.0).map(|at| at.to_string()).unwrap_or_default(),
        unread: !has(Flags::SEEN) || row.unread_in_thread > 0,
        followed: has(Flags::FLAGGED),
        answered: has(Flags::ANSWERED),
        attached: row.attached,
        patient: row.patient,
        with: row.with,
        labels: labels(visitor, row.flags.keywords.iter().map(str::to_owned)),
        noted: row.noted,
        far: None,
    }
}

/// Months under their years; none where there is one only.
fn by_year(lang: Lang, months: Vec<(String, i16, i8)>) -> Vec<(i16, Vec<(String, String)>)> {
    let mut years: Vec<(i16, Vec<(String, String)>)> = Vec::new();
    if months.len() < 2 {
        return years;
    }
    for (word, year, month) in months {
        let name = format!("{} {year}", text(lang, &format!("list.month_whole.{month}"), &[]));
        match years.last_mut().filter(|(last, _)| *last == year) {
            Some((_, names)) => names.push((word, name)),
            None => years.push((year, vec![(word, name)])),
        }
    }
    years
}

/// A date as short as it may be: the hour today, the day this year, else the whole date.
pub(super) fn short(lang: Lang, at: Timestamp, now: Timestamp) -> String {
    let zoned =
        |at: Timestamp| jiff::Timestamp::from_millisecond(at.0).ok().map(|t| t.to_zoned(Territory::Metropole.clock()));
    let (Some(at), Some(now)) = (zoned(at), zoned(now)) else { return String::new() };
    if at.date() == now.date() {
        return at.strftime("%H:%M").to_string();
    }
    if at.year() == now.year() {
        let month = text(lang, &format!("list.month.{}", at.month()), &[]);
        return format!("{}\u{a0}{month}", at.day());
    }
    at.strftime("%d/%m/%Y").to_string()
}

/// So many messages of which something was done, as a sentence.
pub(super) fn sentence(lang: Lang, what: What, count: usize) -> String {
    let number = if count == 1 { "one" } else { "many" };
    let key = format!("list.told.{}.{number}", what.as_str());
    layout::set(&text(lang, &key, &[("n", &count.to_string())]))
}

/// What is said of an act, with the way back while there is one.
pub(super) fn told(visitor: &Visitor, (b, here): (&str, &str), act: i64, done: &acts::Told) -> Told {
    let said = match done.undone {
        Some(undone) => super::act::undone(visitor, undone),
        None => sentence(visitor.lang, done.what, done.count),
    };
    Told { sentence: said, undo: done.open.then(|| undo(visitor, (b, here), act)) }
}

/// The form that takes an act back, and leads back to a list.
pub(super) fn undo(visitor: &Visitor, (b, here): (&str, &str), act: i64) -> Undo {
    let to = format!("/bal/{b}/annuler");
    Undo {
        jeton: visitor.field(&to),
        to: visitor.to(&format!("{to}?ici={}", utf8_percent_encode(here, NON_ALPHANUMERIC))),
        act: visitor.op.act_object(act),
        label: visitor.t("list.act.undo"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_as_short_as_it_may_be() {
        crate::make_known();
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let now = at("2026-12-01T10:00:00Z");
        let said = |text: &str| short(Lang::Fr, at(text), now);
        assert_eq!(said("2026-12-01T07:05:00Z"), "08:05");
        assert_eq!(said("2026-03-09T07:05:00Z"), "9\u{a0}mars");
        assert_eq!(said("2025-12-01T07:05:00Z"), "01/12/2025");
        // What is yesterday in universal time may be today in Paris.
        assert_eq!(said("2026-11-30T23:30:00Z"), "00:30");
    }

    #[test]
    fn a_folder_offers_what_is_of_use_there() {
        let has = |use_, act: &str| buttons(use_).iter().any(|(value, ..)| *value == act);
        assert!(has(None, "corbeille") && !has(None, "supprimer"));
        assert!(has(Some(SpecialUse::Trash), "supprimer") && !has(Some(SpecialUse::Trash), "corbeille"));
        assert!(!has(Some(SpecialUse::Archive), "archiver") && !has(Some(SpecialUse::Junk), "indesirable"));
    }
}
