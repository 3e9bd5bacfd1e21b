//! Items that need no content.
use super::Message;
use crate::codec::command::FetchItem;
use crate::codec::{Out, date};
use crate::content::{envelope, structure};

/// Writes one item with its name.
pub(super) fn write(out: &mut Out, message: &Message<'_>, item: &FetchItem) {
    let e = message.entry;
    match (item, message.summary) {
        (FetchItem::Flags, _) => out.raw("FLAGS ").flags(&e.flags).done(),
        (FetchItem::Uid, _) => out.raw("UID ").num(e.uid).done(),
        (FetchItem::InternalDate, _) => {
            out.raw("INTERNALDATE ").string(date::write(e.internal_date).as_bytes()).done();
        }
        (FetchItem::Size, _) => out.raw("RFC822.SIZE ").num(e.size).done(),
        (FetchItem::ModSeq, _) => out.raw("MODSEQ (").num(e.modseq).raw(")").done(),
        (FetchItem::Envelope, Some(m)) => envelope::write(out.raw("ENVELOPE "), &m.summary.envelope),
        (FetchItem::Body, Some(m)) => structure::write(out.raw("BODY "), &m.summary.root, false),
        (FetchItem::BodyStructure, Some(m)) => structure::write(out.raw("BODYSTRUCTURE "), &m.summary.root, true),
        // The caller has the summary whenever one is needed, and sends other items elsewhere.
        _ => {}
    }
}
