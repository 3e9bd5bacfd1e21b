//! One file a command. Each `run` takes the session and the command's arguments, writes untagged responses and returns how
//! the command ended; the session writes the tagged line.
pub(crate) mod append;
mod authenticate;
pub(crate) mod capability;
mod check;
mod close;
mod copy;
mod create;
mod delete;
mod enable;
mod expunge;
mod fetch;
mod id;
mod idle;
mod list;
mod login;
mod logout;
mod lsub;
mod namespace;
mod noop;
mod rename;
mod search;
mod select;
mod starttls;
mod status;
mod store;
mod subscribe;
mod unselect;

use crate::codec::Command;
use crate::session::{Done, Session};

/// Whether changes of the selected mailbox are told at the command's end, and whether EXPUNGE may be (RFC 9051 §7.5.1: not
/// while FETCH, STORE and SEARCH are answered, so that their sequence numbers hold; their UID forms do not mind).
pub(crate) fn tells(command: &Command) -> Option<bool> {
    match command {
        Command::Fetch(f) => Some(f.uid),
        Command::Store(s) => Some(s.uid),
        Command::Search(s) => Some(s.uid),
        Command::Logout | Command::Select { .. } | Command::Close | Command::Unselect | Command::StartTls => None,
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
        Command::Login { user, password } => login::run(s, &user, &password).await,
        Command::Id => id::run(s),
        Command::Enable(names) => enable::run(s, &names),
        Command::Select { mailbox, read_only, condstore } => select::run(s, &mailbox, read_only, condstore).await,
        Command::Create { mailbox, uses } => create::run(s, &mailbox, &uses).await,
        Command::Delete(mailbox) => delete::run(s, &mailbox).await,
        Command::Rename(from, to) => rename::run(s, &from, &to).await,
        Command::Subscribe(mailbox, on) => subscribe::run(s, &mailbox, on).await,
        Command::List(list) => list::run(s, &list).await,
        Command::Lsub(reference, pattern) => lsub::run(s, &reference, &pattern).await,
        Command::Namespace => namespace::run(s),
        Command::Status(mailbox, items) => status::run(s, &mailbox, &items).await,
        Command::Idle => idle::run(s).await,
        Command::Check => check::run(s),
        Command::Close => close::run(s).await,
        Command::Unselect => unselect::run(s),
        Command::Expunge(set) => expunge::run(s, set.as_ref()).await,
        Command::Search(search) => search::run(s, tag, &search).await,
        Command::Fetch(fetch) => fetch::run(s, &fetch).await,
        Command::Store(store) => store::run(s, &store).await,
        Command::Copy(copy) => copy::run(s, &copy).await,
    }
}
