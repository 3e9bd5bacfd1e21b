//! Exclusive XML canonicalization 1.0 without comments (<https://www.w3.org/TR/xml-exc-c14n/>), of a whole document
//! less one element, or of one element. `InclusiveNamespaces` is not supported: the accepted profile has none.
//!
//! roxmltree gives the data model (entities, line ends and attribute values normalised, DTDs refused) and where things
//! stand in the source, from which prefixes are taken as written.
use roxmltree::{Node, NodeId};

/// Namespace of the `xml` prefix, which is never declared.
const XML_NS: &str = "http://www.w3.org/XML/1998/namespace";

/// Canonical form of the document or element `apex`, without the subtree `without`.
/// `None` when elements are nested deeper than [`super::read::MAX_DEPTH`].
pub(super) fn canonical(apex: Node<'_, '_>, without: Option<NodeId>) -> Option<Vec<u8>> {
    let mut writer = Writer { out: Vec::new(), without, scope: Vec::new() };
    if apex.is_element() {
        writer.element(apex, 0)?;
        return Some(writer.out);
    }
    // Document level: only the root element and processing instructions, each on its own line.
    let mut root_seen = false;
    for child in apex.children() {
        if child.is_element() {
            root_seen = true;
            writer.element(child, 0)?;
        } else if child.is_pi() {
            if root_seen {
                writer.out.push(b'\n');
            }
            writer.instruction(child);
            if !root_seen {
                writer.out.push(b'\n');
            }
        }
    }
    Some(writer.out)
}

struct Writer<'a> {
    out: Vec<u8>,
    without: Option<NodeId>,
    /// Namespaces that the output has declared on the way to here: prefix, URI.
    scope: Vec<(&'a str, &'a str)>,
}

impl<'a> Writer<'a> {
    fn element(&mut self, node: Node<'a, '_>, depth: usize) -> Option<()> {
        if depth > super::read::MAX_DEPTH {
            return None;
        }
        let source = node.document().input_text();
        let name = element_name(&source[node.range()]);
        let mut used = vec![(prefix(name), node.tag_name().namespace().unwrap_or(""))];
        let mut attributes: Vec<(&str, &str, &str, &str)> = Vec::new();
        for a in node.attributes() {
            let qualified = &source[a.range_qname()];
            let ns = a.namespace().unwrap_or("");
            if !ns.is_empty() && ns != XML_NS {
                used.push((prefix(qualified), ns));
            }
            attributes.push((ns, a.name(), qualified, a.value()));
        }
        used.sort_unstable();
        used.dedup();
        attributes.sort_unstable();

        let outer = self.scope.len();
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        for (prefix, uri) in used {
            let declared = self.scope.iter().rev().find(|(p, _)| *p == prefix).map_or("", |(_, u)| u);
            if declared != uri && prefix != "xml" {
                self.out.extend_from_slice(b" xmlns");
                if !prefix.is_empty() {
                    self.out.push(b':');
                    self.out.extend_from_slice(prefix.as_bytes());
                }
                self.value(uri);
                self.scope.push((prefix, uri));
            }
        }
        for (_, _, qualified, value) in attributes {
            self.out.push(b' ');
            self.out.extend_from_slice(qualified.as_bytes());
            self.value(value);
        }
        self.out.push(b'>');
        for child in node.children() {
            if Some(child.id()) == self.without {
                continue;
            }
            if child.is_element() {
                self.element(child, depth + 1)?;
            } else if child.is_pi() {
                self.instruction(child);
            } else if child.is_text() {
                self.text(child.text().unwrap_or(""));
            }
        }
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
        self.scope.truncate(outer);
        Some(())
    }

    fn instruction(&mut self, node: Node<'_, '_>) {
        if let Some(pi) = node.pi() {
            self.out.extend_from_slice(b"<?");
            self.out.extend_from_slice(pi.target.as_bytes());
            if let Some(value) = pi.value.filter(|v| !v.is_empty()) {
                self.out.push(b' ');
                self.out.extend_from_slice(value.as_bytes());
            }
            self.out.extend_from_slice(b"?>");
        }
    }

    /// `="…"`, escaped.
    fn value(&mut self, value: &str) {
        self.out.extend_from_slice(b"=\"");
        for b in value.bytes() {
            match b {
                b'&' => self.out.extend_from_slice(b"&amp;"),
                b'<' => self.out.extend_from_slice(b"&lt;"),
                b'"' => self.out.extend_from_slice(b"&quot;"),
                b'\t' => self.out.extend_from_slice(b"&#x9;"),
                b'\n' => self.out.extend_from_slice(b"&#xA;"),
                b'\r' => self.out.extend_from_slice(b"&#xD;"),
                b => self.out.push(b),
            }
        }
        self.out.push(b'"');
    }

    fn text(&mut self, text: &str) {
        for b in text.bytes() {
            match b {
                b'&' => self.out.extend_from_slice(b"&amp;"),
                b'<' => self.out.extend_from_slice(b"&lt;"),
                b'>' => self.out.extend_from_slice(b"&gt;"),
                b'\r' => self.out.extend_from_slice(b"&#xD;"),
                b => self.out.push(b),
            }
        }
    }
}

/// The qualified name at the beginning of an element's source.
fn element_name(source: &str) -> &str {
    let source = source.strip_prefix('<').unwrap_or(source);
    let end = source.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(source.len());
    &source[..end]
}

/// The prefix of a qualified name, empty when there is none.
fn prefix(qualified: &str) -> &str {
    qualified.split_once(':').map_or("", |(p, _)| p)
}
