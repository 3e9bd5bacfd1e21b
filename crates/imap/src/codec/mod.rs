//! The codec, sans-I/O: bytes in, values out; values in, bytes out (RFC 9051 §9, RFC 3501 §9).
//!
//! * [`frame`]: an incremental [`Framer`] cuts the stream into commands and literals under a [`Budget`], before anything is
//!   parsed or allocated; the message literal of APPEND is handed out piece by piece, never collected.
//! * [`parse`]: a framed command into a [`Command`]; every grammar error is a [`SyntaxError`] with a short phrase.
//! * [`writer`]: [`Out`] writes responses; no way in lets a CR or LF from a value reach a response line.
pub mod budget;
pub mod command;
pub mod cursor;
pub mod date;
pub mod extras;
pub mod flags;
pub mod frame;
pub mod name;
pub mod notify;
pub mod parse;
pub mod partial;
pub mod secret;
pub mod sequence;
pub mod url;
pub mod writer;

pub use budget::Budget;
pub use command::{Command, Tagged};
pub use cursor::{Cursor, Fragment, SyntaxError};
pub use frame::{Event, Framer};
pub use name::MailboxName;
pub use partial::Partial;
pub use sceau_message::utf7;
pub use secret::Secret;
pub use sequence::SequenceSet;
pub use writer::Out;
