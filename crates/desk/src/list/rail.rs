//! The rail: one's BALs with what is unread, the folders of this one, its room. Beside every page of a BAL; on narrow screens a page of its own
//! ([`super::folders`]).
use super::live::waiting;
use crate::size;
use askama::Template;
use sceau_domain::personal::is_shared;
use sceau_domain::text::text;
use sceau_domain::{BalRights, Refusal};
use sceau_operator::Actor;
use sceau_operator::mailbox::folders::{Folder, FolderStatus, SpecialUse};
use sceau_web::{Shell, Visitor};
use std::collections::HashMap;

/// A BAL that one may go to.
struct BalLink {
    /// What names it.
    code: String,
    to: String,
    name: String,
    address: String,
    unread: u32,
    here: bool,
}

/// A folder.
struct FolderLink {
    /// What names it.
    code: String,
    to: String,
    name: String,
    icon: &'static str,
    /// The class that moves it in, by how deep it lies.
    deep: &'static str,
    /// What is unread; of drafts, how many there are.
    count: u32,
    here: bool,
}

/// Another page of the BAL.
struct Other {
    to: String,
    /// Key of its name.
    key: &'static str,
    icon: &'static str,
}

/// The rail of a BAL, put into a page's `rail` block as it is.
#[derive(Template)]
#[template(path = "list/rail.html")]
pub(crate) struct Rail {
    shell: Shell,
    bals: Vec<BalLink>,
    folders: Vec<FolderLink>,
    /// Where one writes, for whoever may send.
    write: Option<String>,
    others: Vec<Other>,
    /// The page on which folders are made, renamed, removed.
    folders_page: String,
    used: u64,
    most: u64,
    room: String,
}

impl Rail {
    /// How many messages wait, said.
    fn waiting(&self, count: &u32) -> String {
        self.shell.t1("list.rail.waiting", "n", &count.to_string())
    }
    /// The same for a script, which puts the number where `#` is.
    fn words(&self) -> String {
        self.shell.t1("list.rail.waiting", "n", "#")
    }
}

/// The rail of the BAL at which somebody sits. `here`: the folder whose page it is.
///
/// # Errors
/// What reading the BAL's folders refuses.
pub(crate) async fn rail(visitor: &Visitor, actor: &Actor, code: &str, here: Option<i64>) -> Result<Rail, Refusal> {
    let op = &visitor.op;
    let (bals, mut folders, room) = (op.desk_bals(actor).await?, op.overview(actor).await?, op.room(actor).await?);
    let uses = uses(folders.iter().map(|(folder, _)| folder));
    folders.sort_by_cached_key(|(folder, _)| order(folder, &uses));
    let link = |(folder, status): (Folder, FolderStatus)| FolderLink {
        to: visitor.to(&super::view::place(code, &op.mailbox_object(folder.id))),
        name: last_level(visitor, &folder),
        icon: icon(&folder),
        deep: ["deep-0", "deep-1", "deep-2", "deep-3"][folder.name.matches('/').count().min(3)],
        count: waiting(&folder, &status),
        code: op.mailbox_object(folder.id),
        here: here == Some(folder.id),
    };
    let mut links = Vec::with_capacity(bals.len());
    for bal in bals {
        let to = visitor.to(&format!("/bal/{}", bal.code));
        let (name, address, here) = (bal.name, bal.address.to_string(), bal.code == code);
        links.push(BalLink { code: bal.code, to, name, address, unread: bal.unread, here });
    }
    let (used, most) = (size(visitor.lang, room.used), size(visitor.lang, room.most));
    let rights =
        actor.bal.as_ref().and_then(|bal| bal.chair.as_ref()).map_or(BalRights::from_bits(0), |chair| chair.rights);
    let other = |page: &str, key, icon| Other { to: visitor.to(&format!("/bal/{code}/{page}")), key, icon };
    let mut others = vec![other("etiquettes", "list.labels.title", "etiquette")];
    if rights.has(BalRights::SEND) {
        others.push(other("envois", "list.rail.outbox", "horloge"));
    }
    if rights.has(BalRights::MANAGE) {
        others.push(other("regles", "list.rail.rules", "regle"));
        others.push(other("absence", "list.rail.absence", "absence"));
    }
    if actor.bal.as_ref().is_some_and(|bal| is_shared(bal.kind)) {
        others.push(other("equipe", "list.rail.team", "personnes"));
    }
    Ok(Rail {
        write: rights.has(BalRights::SEND).then(|| visitor.to(&format!("/bal/{code}/ecrire"))),
        others,
        folders_page: visitor.to(&format!("/bal/{code}/dossiers")),
        shell: visitor.shell("/bal").of_bal(code),
        bals: links,
        folders: folders.into_iter().map(link).collect(),
        used: room.used,
        most: room.most,
        room: text(visitor.lang, "list.rail.room", &[("used", &used), ("most", &most)]),
    })
}

/// The order in which people look for folders: those with a use first, each with what lies below it, then by name.
fn order(folder: &Folder, uses: &HashMap<String, u8>) -> (u8, String) {
    let top = folder.name.split('/').next().unwrap_or_default();
    (uses.get(&folder.name).or_else(|| uses.get(top)).copied().unwrap_or(6), folder.name.to_lowercase())
}

/// Where the folders with a use stand, by name.
fn uses<'f>(folders: impl Iterator<Item = &'f Folder>) -> HashMap<String, u8> {
    let rank = |folder: &Folder| match folder.special_use {
        _ if folder.name == "INBOX" => Some(0),
        Some(SpecialUse::Drafts) => Some(1),
        Some(SpecialUse::Sent) => Some(2),
        Some(SpecialUse::Archive) => Some(3),
        Some(SpecialUse::Junk) => Some(4),
        Some(SpecialUse::Trash) => Some(5),
        None => None,
    };
    folders.filter_map(|folder| Some((folder.name.clone(), rank(folder)?))).collect()
}

fn icon(folder: &Folder) -> &'static str {
    match folder.special_use {
        _ if folder.name == "INBOX" => "boite",
        Some(SpecialUse::Drafts) => "brouillon",
        Some(SpecialUse::Sent) => "envoye",
        Some(SpecialUse::Archive) => "archive",
        Some(SpecialUse::Junk) => "indesirable",
        Some(SpecialUse::Trash) => "corbeille",
        None => "dossier",
    }
}

/// A folder as a person calls it: those that every BAL has by the house's word, unless somebody named them otherwise; else by its own last level.
pub(crate) fn last_level(visitor: &Visitor, folder: &Folder) -> String {
    let key = match (folder.name.as_str(), folder.special_use) {
        ("INBOX", _) => "list.folder.inbox",
        ("Drafts", Some(SpecialUse::Drafts)) => "list.folder.drafts",
        ("Sent", Some(SpecialUse::Sent)) => "list.folder.sent",
        ("Archive", Some(SpecialUse::Archive)) => "list.folder.archive",
        ("Junk", Some(SpecialUse::Junk)) => "list.folder.junk",
        ("Trash", Some(SpecialUse::Trash)) => "list.folder.trash",
        (name, _) => return name.rsplit('/').next().unwrap_or(name).to_owned(),
    };
    visitor.t(key)
}

/// A folder with the levels above it.
pub(super) fn path(visitor: &Visitor, folder: &Folder) -> String {
    match folder.name.rsplit_once('/') {
        Some((above, _)) => {
            let (top, rest) = above.split_once('/').map_or((above, ""), |(top, rest)| (top, rest));
            // Folders that every BAL has are called by the house's word above others too.
            let uses = [
                ("INBOX", "inbox"),
                ("Drafts", "drafts"),
                ("Sent", "sent"),
                ("Archive", "archive"),
                ("Junk", "junk"),
                ("Trash", "trash"),
            ];
            let known = uses.iter().find(|(name, _)| *name == top);
            let top = known.map_or_else(|| top.to_owned(), |(_, key)| visitor.t(&format!("list.folder.{key}")));
            let levels = [top.as_str(), &rest.replace('/', " / "), &last_level(visitor, folder)].map(str::to_owned);
            levels.into_iter().filter(|level| !level.is_empty()).collect::<Vec<_>>().join(" / ")
        }
        None => last_level(visitor, folder),
    }
}
