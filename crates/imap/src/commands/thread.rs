//! THREAD (RFC 5256 §3): ORDEREDSUBJECT and REFERENCES.
use super::found::{ask, whole};
use crate::codec::command::Thread;
use crate::session::{Done, Reply, Session};
use sceau_operator::mailbox::search::Token;

/// Pieces written between two looks at the buffer.
const RELIEVE_EVERY: usize = 1024;

pub(crate) async fn run(s: &mut Session, thread: &Thread) -> Done {
    let asked = ask(s, &thread.search).await?;
    whole(s, &asked.query)?;
    let operator = s.operator.clone();
    // Nothing is told of the mailbox while it is searched.
    let view = s.view.take();
    let entries = view.as_ref().map(|v| v.entries()).unwrap_or_default();
    let threads = s.patiently(operator.threads(&asked.actor, entries, &asked.query, thread.algorithm)).await;
    s.view = view;
    let threads = threads??;
    // However long it took, the answer is for whoever still has the right to it.
    s.still_here().await?;
    s.out.raw("* THREAD").raw(if threads.is_empty() { "" } else { " " });
    let mut tokens = threads.tokens();
    // A number stands before: what follows needs a space.
    let mut after_number = false;
    loop {
        let some: Vec<Token> = tokens.by_ref().take(RELIEVE_EVERY).collect();
        if some.is_empty() {
            break;
        }
        for token in some {
            let space = std::mem::replace(&mut after_number, matches!(token, Token::Number(_)));
            match token {
                Token::Open => s.out.raw(if space { " (" } else { "(" }),
                Token::Close => s.out.raw(")"),
                Token::Number(uid) => {
                    let index = s.view.as_ref().and_then(|view| view.index_of(uid)).unwrap_or_default();
                    let number = if thread.search.uid { uid } else { u32::try_from(index + 1).unwrap_or(u32::MAX) };
                    s.out.raw(if space { " " } else { "" }).num(number)
                }
            };
        }
        s.relieve().await?;
    }
    s.out.end();
    Ok(Reply::Ok)
}
