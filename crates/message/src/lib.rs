//! Reading and writing of messages: streaming MIME structure, header fields, envelope, trace fields, delivery reports.
//!
//! Parsers here have budgets ([`scan::Limits`]) and never need the whole message in memory: a message is pushed through
//! a [`scan::Scanner`] while it streams into its spool, and only its header and the offsets of its parts are kept.
//!
//! | to… | use |
//! |---|---|
//! | learn structure, offsets, sizes while a message streams | [`scan::Scanner`] |
//! | keep what listing and fetching need | [`summary::Summary`] |
//! | iterate over header fields, read them as a person does | [`header::fields`], [`header::decoded`] |
//! | know who a message is from, without ambiguity | [`header::origin`] |
//! | compare texts as IMAP does, sort and gather messages | [`casemap::casemap`], [`subject::base_subject`], [`sent::instant`], [`thread::Threader`] |
//! | decode a part's body | [`decode::TransferDecoder`], [`decode::to_utf8`], [`flowed::joined`] |
//! | have the words of an HTML part | [`html::Stripper`] |
//! | show HTML, plain text, pictures of strangers | [`safe_html::clean`], [`safe_html::linked`], [`sniff`] |
//! | hold content to lines, write binary content as lines | [`lines::LineCheck`], [`binary::Rewriter`] |
//! | name mailboxes as IMAP does | [`utf7`] |
//! | write | [`compose::Compose`], [`letter::Letter`], [`report::Report`], [`trace_field::Received`] |
mod address_list;
pub mod automatic;
pub mod binary;
pub mod bounce;
pub mod casemap;
pub mod compose;
pub mod decode;
pub mod downgrade;
pub mod encode;
mod encoded_word;
pub mod envelope;
pub mod flowed;
pub mod header;
pub mod html;
pub mod letter;
pub mod lines;
mod mime;
mod origin;
mod parameter;
pub mod report;
pub mod safe_html;
pub mod scan;
pub mod sent;
pub mod sniff;
pub mod subject;
pub mod summary;
pub mod thread;
pub mod trace_field;
pub mod utf7;
