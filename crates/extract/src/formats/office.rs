//! Office documents: the XML in the archives that OOXML (Word, Excel, PowerPoint) and OpenDocument files are.
use super::Text;
use super::xml::{Visit, decoded, walk};
use crate::{Limits, Why};
use quick_xml::events::BytesStart;

/// What an entry of an archive is to an office document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Its text, in OOXML.
    Ooxml,
    /// Its text, in OpenDocument.
    Odf,
    /// Anything else: styles, settings, pictures.
    Other,
}

/// Which family an archive belongs to, by the names in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Word, Excel, PowerPoint.
    Ooxml,
    /// OpenDocument.
    Odf,
    /// An archive of documents.
    None,
}

impl Family {
    /// By the names of all entries.
    pub fn of<'a>(mut names: impl Iterator<Item = &'a str> + Clone) -> Self {
        if names.clone().any(|n| n == "[Content_Types].xml") {
            Self::Ooxml
        } else if names.clone().any(|n| n == "mimetype") && names.any(|n| n == "content.xml") {
            Self::Odf
        } else {
            Self::None
        }
    }
    /// What an entry is.
    pub fn role(self, name: &str) -> Role {
        let in_folder = |folder: &str| name.strip_prefix(folder).is_some_and(|rest| !rest.contains('/'));
        match self {
            Self::Ooxml if name.ends_with(".xml") => {
                let shown =
                    ["word/document", "word/header", "word/footer", "word/footnotes", "word/endnotes", "word/comments"];
                let text = shown.iter().any(|p| in_folder(p))
                    || name == "xl/sharedStrings.xml"
                    || ["xl/worksheets/", "ppt/slides/", "ppt/notesSlides/"].iter().any(|p| in_folder(p));
                if text { Role::Ooxml } else { Role::Other }
            }
            Self::Odf if name == "content.xml" || name == "styles.xml" => Role::Odf,
            _ => Role::Other,
        }
    }
}

/// Pushes the text of one XML file of an office document.
pub(super) fn text(content: &[u8], role: Role, limits: &Limits, out: &mut Text) -> Result<(), Why> {
    let xml = decoded(content);
    match role {
        Role::Ooxml => walk(&xml, limits, &mut Ooxml { in_text: 0 }, out),
        Role::Odf => walk(&xml, limits, &mut Odf { shown: 0 }, out),
        Role::Other => Ok(()),
    }
}

/// Text stands in `t` elements; a word may be cut into several of them.
struct Ooxml {
    in_text: u32,
}

impl Visit for Ooxml {
    fn start(&mut self, element: &BytesStart<'_>, out: &mut Text) {
        match element.local_name().as_ref() {
            "t" => self.in_text += 1,
            "tab" | "br" | "cr" => out.push(" "),
            "p" | "si" | "c" | "tc" => out.apart(),
            _ => {}
        }
    }
    fn end(&mut self, name: &str, out: &mut Text) {
        match name {
            "t" => self.in_text = self.in_text.saturating_sub(1),
            "p" | "si" | "c" | "tc" => out.apart(),
            _ => {}
        }
    }
    fn wants(&self) -> bool {
        self.in_text > 0
    }
}

/// Text stands in paragraphs and headings.
struct Odf {
    shown: u32,
}

impl Visit for Odf {
    fn start(&mut self, element: &BytesStart<'_>, out: &mut Text) {
        match element.local_name().as_ref() {
            "p" | "h" => {
                self.shown += 1;
                out.apart();
            }
            "tab" | "s" | "line-break" => out.push(" "),
            _ => {}
        }
    }
    fn end(&mut self, name: &str, out: &mut Text) {
        if matches!(name, "p" | "h") {
            self.shown = self.shown.saturating_sub(1);
            out.apart();
        }
    }
    fn wants(&self) -> bool {
        self.shown > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cut_by_formatting_are_whole() {
        let limits = Limits::default();
        let mut out = Text::new(1000);
        let word = "<w:document><w:p><w:pPr><w:pStyle w:val='T'/></w:pPr><w:r><w:t>Ordon</w:t></w:r><w:r><w:rPr><w:b/></w:rPr>\
                    <w:t>nance</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r></w:p><w:p><w:r><w:t>suite</w:t></w:r></w:p></w:document>";
        text(word.as_bytes(), Role::Ooxml, &limits, &mut out).unwrap();
        assert_eq!(out.finish(), "Ordonnance\nsuite");
        let mut out = Text::new(1000);
        let odt = "<office:document-content><style:x>no</style:x><text:h>Titre</text:h><text:p>fi<text:span>èvre</text:span>\
                   <text:s/>38</text:p></office:document-content>";
        text(odt.as_bytes(), Role::Odf, &limits, &mut out).unwrap();
        assert_eq!(out.finish(), "Titre\nfièvre 38");
    }

    #[test]
    fn families_are_known_by_names() {
        let names = ["[Content_Types].xml", "word/document.xml", "word/styles.xml"];
        let family = Family::of(names.into_iter());
        assert_eq!(names.map(|n| family.role(n)), [Role::Other, Role::Ooxml, Role::Other]);
        assert_eq!(family.role("word/document/x.xml"), Role::Other);
        assert_eq!(Family::of(["mimetype", "content.xml"].into_iter()), Family::Odf);
        assert_eq!(Family::of(["INDEX.HTM", "IHE_XDM/SUBSET01/CDA.XML"].into_iter()), Family::None);
    }
}
