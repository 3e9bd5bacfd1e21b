//! One file a command. Each `run` takes the session and the command's arguments, writes untagged responses and returns how
//! the command ended; the session writes the tagged line.
mod acl;
pub(crate) mod append;
mod authenticate;
pub(crate) mod capability;
mod check;
mod close;
mod compress;
mod copy;
mod create;
mod delete;
mod enable;
mod expunge;
pub(crate) mod fetch;
mod found;
mod id;
pub(crate) mod idle;
mod list;
mod login;
mod logout;
mod lsub;
mod metadata;
mod multisearch;
mod namespace;
mod noop;
mod notify;
mod query;
mod quota;
mod rename;
mod search;
mod select;
mod settle;
mod sort;
mod starttls;
mod status;
mod store;
mod subscribe;
mod thread;
mod uid_only;
mod unauthenticate;
mod unselect;

pub(crate) use list::use_attribute;
pub(crate) use status::write as write_status;
pub(crate) use uid_only::names_numbers;

use crate::codec::Command;
use crate::session::{Done, Session};

/// Whether changes of the selected mailbox are told at the command's end, and whether EXPUNGE may be (RFC 9051 §7.5.1: not
/// while FETCH, STORE and SEARCH are answered, so that their sequence numbers hold; their UID forms do not mind).
pub(crate) fn tells(command: &Command) -> Option<bool> {
    match command {
        Command::Fetch(f) => Some(f.uid),
        Command::Store(s) => Some(s.uid),
        // RFC 7162 §3.2.10: nor while numbers in its criteria are looked up.
        Command::Search(s) => Some(s.uid && !s.key.names_numbers()),
        Command::Sort(s) => Some(s.search.uid && !s.search.key.names_numbers()),
        Command::Thread(t) => Some(t.search.uid && !t.search.key.names_numbers()),
        Command::MultiSearch(m) => Some(!m.search.key.names_numbers()),
        Command::Unauthenticate
        | Command::Logout
        | Command::Select { .. }
        | Command::Close
        | Command::Unselect
        | Command::StartTls
        | Command::Compress(_) => None,
        _ => Some(true),
    }
}

/// Runs a command.
pub(crate) async fn run(s: &mut Session, tag: &str, command: Command) -> Done {
    match command {
        Command::Capability => capability::run(s),
        Command::Noop => noop::run(),
        Command::Logout => logout::run(s, tag),
        Command::StartTls => starttls::run(s, tag).await,
        Command::Authenticate { mechanism, initial } => authenticate::run(s, &mechanism, initial).await,
        Command::Unauthenticate => unauthenticate::run(s, tag).await,
        Command::Login { user, password } => login::run(s, &user, &password).await,
        Command::Id => id::run(s),
        Command::Compress(mechanism) => compress::run(s, tag, &mechanism).await,
        Command::Notify(notify) => notify::run(s, *notify).await,
        Command::Enable(names) => enable::run(s, &names),
        Command::Select { mailbox, read_only, condstore, qresync } => {
            let client = qresync.as_deref();
            select::run(s, &mailbox, read_only, condstore, client).await
        }
        Command::Create { mailbox, uses } => create::run(s, &mailbox, &uses).await,
        Command::Delete(mailbox) => delete::run(s, &mailbox).await,
        Command::Rename(from, to) => rename::run(s, &from, &to).await,
        Command::Subscribe(mailbox, on) => subscribe::run(s, &mailbox, on).await,
        Command::List(list) => list::run(s, &list).await,
        Command::Lsub(reference, pattern) => lsub::run(s, &reference, &pattern).await,
        Command::Namespace => namespace::run(s).await,
        Command::Status(mailbox, items) => status::run(s, &mailbox, &items).await,
        // The session does this one itself, outside of the room that the others share.
        Command::Idle => Box::pin(idle::run(s)).await,
        Command::Check => check::run(s),
        Command::Close => close::run(s).await,
        Command::Unselect => unselect::run(s),
        Command::Expunge(set) => expunge::run(s, set.as_ref()).await,
        Command::Search(search) => search::run(s, tag, &search).await,
        Command::Sort(sort) => sort::run(s, tag, &sort).await,
        Command::Thread(thread) => thread::run(s, &thread).await,
        Command::MultiSearch(multi) => multisearch::run(s, tag, &multi).await,
        Command::Fetch(fetch) => fetch::run(s, &fetch).await,
        Command::Store(store) => store::run(s, &store).await,
        Command::Copy(copy) => copy::run(s, &copy).await,
        Command::Acl(command) => acl::run(s, &command).await,
        Command::Quota(command) => quota::run(s, &command).await,
        Command::Metadata(command) => metadata::run(s, &command).await,
    }
}
