//! LOGIN, AUTHENTICATE, ID, ENABLE.
use crate::codec::budget::ITEMS_MAX;
use crate::codec::command::Command;
use crate::codec::cursor::{Cursor, Parsed, SyntaxError, utf8};
use crate::codec::secret::Secret;

/// `LOGIN user password` (RFC 9051 §6.2.3).
pub(super) fn login(c: &mut Cursor<'_>) -> Parsed<Command> {
    c.sp()?;
    let user = utf8(userid(c)?)?;
    c.sp()?;
    let password = Secret::new(utf8(userid(c)?)?);
    Ok(Command::Login { user, password })
}

/// An astring; `*` is forgiven in an unquoted one, since the login of a shared BAL is `person*bal`.
fn userid(c: &mut Cursor<'_>) -> Parsed<Vec<u8>> {
    use crate::codec::cursor::is_astring_char;
    c.atom_or_string(|b| is_astring_char(b) || b == b'*')
}

/// `AUTHENTICATE mechanism [initial]` (RFC 9051 §6.2.2, RFC 4959).
pub(super) fn authenticate(c: &mut Cursor<'_>) -> Parsed<Command> {
    c.sp()?;
    let mechanism = c.atom()?.to_ascii_uppercase();
    let mut initial = None;
    if c.eat(b' ') && !c.at_end() {
        let taken = c.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
        if taken.is_empty() {
            return Err(SyntaxError("the initial response is not base64"));
        }
        initial = Some(Secret::new(utf8(taken.to_vec())?));
    }
    Ok(Command::Authenticate { mechanism, initial })
}

/// `ID NIL` or `ID (name value …)` (RFC 2971 §3.3: at most 30 pairs). The values are of no use here and are not kept.
pub(super) fn id(c: &mut Cursor<'_>) -> Parsed<Command> {
    c.sp()?;
    if !c.eat_word("NIL") {
        let mut values = false;
        let fields = c.list(60, true, |c| {
            let read = if values { c.nstring().map(drop) } else { c.string().map(drop) };
            values = !values;
            read
        })?;
        if fields.len() % 2 != 0 {
            return Err(SyntaxError("ID takes pairs"));
        }
    }
    Ok(Command::Id)
}

/// `ENABLE name …` (RFC 9051 §6.3.1).
pub(super) fn enable(c: &mut Cursor<'_>) -> Parsed<Command> {
    let mut names = Vec::new();
    while c.eat(b' ') && !c.at_end() {
        if names.len() >= ITEMS_MAX {
            return Err(SyntaxError("a list has too many items"));
        }
        names.push(c.atom()?.to_ascii_uppercase());
    }
    if names.is_empty() { Err(SyntaxError("ENABLE needs a capability")) } else { Ok(Command::Enable(names)) }
}
