//! UIDONLY (RFC 9586): a client that enabled it names messages by their UIDs only; what names them by number is refused before it is run (§3.2, §3.5, §3.7).
use crate::codec::Command;
use crate::codec::command::Search;

/// Does the command name messages by sequence numbers, or ask for some?
pub(crate) fn names_numbers(command: &Command) -> bool {
    match command {
        Command::Fetch(fetch) => !fetch.uid,
        Command::Store(store) => !store.uid,
        Command::Copy(copy) => !copy.uid,
        Command::Search(search) => by_number(search),
        Command::Sort(sort) => by_number(&sort.search),
        Command::Thread(thread) => by_number(&thread.search),
        Command::MultiSearch(multi) => multi.search.key.names_numbers(),
        Command::Select { qresync, .. } => qresync.as_ref().is_some_and(|q| q.matches.is_some()),
        _ => false,
    }
}

fn by_number(search: &Search) -> bool {
    !search.uid || search.key.names_numbers()
}
