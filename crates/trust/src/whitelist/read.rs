//! Reading the list, streaming, with budgets before anything is kept.
use super::{Index, MAX_BYTES, MAX_ENTRIES, WhiteListError};
use crate::Dn;
use quick_xml::NsReader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::ResolveResult;
use sceau_domain::{DomainName, Timestamp};
use std::collections::{HashMap, HashSet};

/// Namespace of the list.
pub(super) const LIST_NS: &str = "https://listeblanche.mssante.fr/schema";
/// Namespace of XML signatures.
pub(super) const DSIG_NS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Deepest nesting (the real list with its signature: 6).
pub(super) const MAX_DEPTH: usize = 32;
/// Longest start tag, bytes.
const MAX_TAG: usize = 8 * 1024;
/// Longest text of a field, bytes.
const MAX_TEXT: usize = 16 * 1024;
/// Most elements and other pieces of markup.
const MAX_EVENTS: usize = 4_000_000;

/// What was read, up to the error if there is one.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) generated: Option<Timestamp>,
    pub(crate) entries: usize,
    pub(crate) skipped: usize,
    pub(super) index: Index,
    /// Domains as written (lower case) that are no domain names.
    unreadable: HashSet<String>,
    /// Was there a `Signature` element anywhere (or, in a document that cannot be read, the name of its namespace)?
    pub(crate) signature: bool,
    pub(crate) error: Option<WhiteListError>,
}

impl Read {
    /// Distinct domains, readable or not.
    pub(crate) fn names(&self) -> usize {
        self.index.domains.len() + self.unreadable.len()
    }
    /// Distinct DNs.
    pub(crate) fn dns(&self) -> usize {
        self.index.dns.len()
    }
}

/// The text of a document: UTF-8 within the size budget, no DTD (nor anything that looks like one).
pub(super) fn text(xml: &[u8]) -> Result<&str, WhiteListError> {
    if xml.len() > MAX_BYTES {
        return Err(format("larger than 32 MiB"));
    }
    let text = std::str::from_utf8(xml).map_err(|_| format("not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains("<!DOCTYPE") || text.contains("<!ENTITY") {
        return Err(format("document type declarations are refused"));
    }
    Ok(text)
}

fn format(what: impl Into<String>) -> WhiteListError {
    WhiteListError::Format(what.into())
}

/// Reads as much as can be read.
pub(crate) fn read(xml: &[u8]) -> Read {
    let mut state = State::default();
    let result = text(xml).and_then(|text| state.run(text));
    if let Err(error) = result {
        state.read.signature |= xml.windows(DSIG_NS.len()).any(|w| w == DSIG_NS.as_bytes());
        state.read.error = Some(error);
    }
    state.read
}

/// Elements that matter, by where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Generated,
    List,
    Entry,
    Name,
    Description,
    Dn,
    Other,
}

impl Place {
    /// Where a child of `self` (`None`: the document) with this name stands.
    fn child(parent: Option<Self>, list_ns: bool, local: &str) -> Self {
        match (parent, local) {
            _ if !list_ns => Self::Other,
            (None, "ListeBlancheMSSante") => Self::Root,
            (Some(Self::Root), "DateDeGeneration") => Self::Generated,
            (Some(Self::Root), "ListeDomaines") => Self::List,
            (Some(Self::List), "Domaine") => Self::Entry,
            (Some(Self::Entry), "Nom") => Self::Name,
            (Some(Self::Entry), "Description") => Self::Description,
            (Some(Self::Entry), "DNCertificatOperateur") => Self::Dn,
            _ => Self::Other,
        }
    }
    /// Is the text of such an element kept?
    fn holds_text(self) -> bool {
        matches!(self, Self::Generated | Self::Name | Self::Description | Self::Dn)
    }
}

#[derive(Debug, Default)]
struct State {
    read: Read,
    path: Vec<Place>,
    text: String,
    name: String,
    description: String,
    dns: Vec<String>,
    /// DN as written → place, so that each writing is parsed once.
    written: HashMap<String, u32>,
    seen_root: bool,
}

impl State {
    fn run(&mut self, text: &str) -> Result<(), WhiteListError> {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut events = 0usize;
        loop {
            events += 1;
            if events > MAX_EVENTS {
                return Err(format("too much markup"));
            }
            let (ns, event) = reader.read_resolved_event().map_err(|e| format(e.to_string()))?;
            match event {
                Event::Start(tag) => {
                    if tag.len() > MAX_TAG {
                        return Err(format("a tag is too long"));
                    }
                    let ns = match ns {
                        ResolveResult::Bound(ns) => ns.into_inner(),
                        ResolveResult::Unbound => "",
                        ResolveResult::Unknown(_) => return Err(format("a namespace prefix is not declared")),
                    };
                    self.open(ns, tag.local_name().into_inner())?;
                }
                Event::End(_) => self.close()?,
                Event::Text(t) => self.keep(&t.xml10_content())?,
                Event::CData(t) => self.keep(&t.xml10_content())?,
                Event::GeneralRef(r) => self.keep(&resolve(&r)?)?,
                Event::DocType(_) => return Err(format("document type declarations are refused")),
                Event::Decl(d) => {
                    let encoding = d.encoding().transpose().map_err(|e| format(e.to_string()))?;
                    if encoding.is_some_and(|e| !e.eq_ignore_ascii_case("utf-8") && !e.eq_ignore_ascii_case("us-ascii"))
                    {
                        return Err(format("declared encoding is not UTF-8"));
                    }
                }
                Event::Eof => break,
                // `expand_empty_elements` turns empty elements into a start and an end.
                Event::Empty(_) | Event::Comment(_) | Event::PI(_) => {}
            }
        }
        if !self.path.is_empty() {
            return Err(format("the document ends inside an element"));
        }
        if self.seen_root { Ok(()) } else { Err(format("no root element")) }
    }

    fn open(&mut self, ns: &str, local: &str) -> Result<(), WhiteListError> {
        let parent = self.path.last().copied();
        let place = Place::child(parent, ns == LIST_NS, local);
        if parent.is_none() {
            if std::mem::replace(&mut self.seen_root, true) {
                return Err(format("more than one root element"));
            }
            if place != Place::Root {
                return Err(format("the root element is not ListeBlancheMSSante of the expected namespace"));
            }
        }
        if self.path.len() == MAX_DEPTH {
            return Err(format("elements are nested too deep"));
        }
        self.read.signature |= ns == DSIG_NS && local == "Signature";
        if place == Place::Entry {
            if self.read.entries == MAX_ENTRIES {
                return Err(format("too many entries"));
            }
            self.read.entries += 1;
            self.name.clear();
            self.description.clear();
            self.dns.clear();
        }
        self.text.clear();
        self.path.push(place);
        Ok(())
    }

    fn close(&mut self) -> Result<(), WhiteListError> {
        let text = std::mem::take(&mut self.text);
        match self.path.pop() {
            Some(Place::Generated) => self.read.generated = date(&text),
            Some(Place::Name) => self.name = text,
            Some(Place::Description) => self.description = text,
            Some(Place::Dn) => self.dns.push(text),
            Some(Place::Entry) => self.entry(),
            // quick-xml refuses an end tag without its start tag before this.
            None => return Err(format("an end tag has no start tag")),
            Some(_) => {}
        }
        Ok(())
    }

    fn keep(&mut self, piece: &str) -> Result<(), WhiteListError> {
        match self.path.last() {
            Some(p) if p.holds_text() => {
                if self.text.len() + piece.len() > MAX_TEXT {
                    return Err(format("a field is too long"));
                }
                self.text.push_str(piece);
            }
            Some(_) => {}
            None if piece.trim().is_empty() => {}
            None => return Err(format("text outside the root element")),
        }
        Ok(())
    }

    /// Puts the entry just read into the index.
    fn entry(&mut self) {
        let ids: Vec<u32> = std::mem::take(&mut self.dns).iter().filter_map(|text| self.dn(text)).collect();
        let name = self.name.trim();
        let Ok(domain) = name.parse::<DomainName>() else {
            self.read.skipped += 1;
            if !name.is_empty() {
                self.read.unreadable.insert(name.to_lowercase());
            }
            return;
        };
        if ids.is_empty() {
            self.read.skipped += 1;
        }
        let domain = self.read.index.domains.entry(domain).or_default();
        for id in ids {
            if !domain.ids.contains(&id) {
                domain.ids.push(id);
            }
        }
        if domain.description.is_empty() {
            domain.description = self.description.trim().to_owned();
        }
    }

    fn dn(&mut self, text: &str) -> Option<u32> {
        if let Some(id) = self.written.get(text) {
            return Some(*id);
        }
        let id = self.read.index.intern(Dn::parse(text)?);
        self.written.insert(text.to_owned(), id);
        Some(id)
    }
}

/// The five entities of XML and character references; any other entity is refused.
fn resolve(reference: &BytesRef<'_>) -> Result<String, WhiteListError> {
    match reference.resolve_char_ref() {
        Ok(Some(c)) => return Ok(c.to_string()),
        Ok(None) => {}
        Err(e) => return Err(format(e.to_string())),
    }
    resolve_xml_entity(reference).map(str::to_owned).ok_or_else(|| format("entities are refused"))
}

/// An instant as XML Schema writes it; without a zone it is UTC.
fn date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let instant = text
        .parse::<jiff::Timestamp>()
        .or_else(|_| {
            text.parse::<jiff::civil::DateTime>()
                .and_then(|d| d.to_zoned(jiff::tz::TimeZone::UTC))
                .map(|z| z.timestamp())
        })
        .ok()?;
    Some(Timestamp(instant.as_millisecond()))
}
