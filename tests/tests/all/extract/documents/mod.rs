//! Documents made by hand, good and hostile.
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// A PDF, object by object.
pub struct Pdf(BTreeMap<u32, Vec<u8>>);

impl Pdf {
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }
    /// A page with a line, in windows-1252 (WinAnsiEncoding). The page is object 3, its content object 4, its font object 5.
    pub fn text(line: &str) -> Self {
        let bytes: Vec<u8> = line.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
        let content = [b"BT /F1 12 Tf 72 700 Td (".as_slice(), &bytes, b") Tj ET"].concat();
        Self::page(
            &stream("", &content),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        )
    }
    /// Likewise, packed.
    pub fn packed(line: &str) -> Self {
        let mut pdf = Self::text(line);
        let content = format!("BT /F1 12 Tf 72 700 Td ({line}) Tj ET");
        pdf.object(4, stream("/Filter /FlateDecode", &deflated(content.as_bytes(), 1)));
        pdf
    }
    /// A page whose characters are numbers that only a ToUnicode map explains.
    pub fn mapped(line: &str) -> Self {
        let (mut codes, mut map) = (String::new(), String::new());
        for (i, c) in line.chars().enumerate() {
            codes.push_str(&format!("{:04X}", i + 1));
            map.push_str(&format!("<{:04X}> <{:04X}>\n", i + 1, u32::from(c)));
        }
        let content = format!("BT /F1 12 Tf 72 700 Td <{codes}> Tj ET");
        let mut pdf = Self::page(
            &stream("", content.as_bytes()),
            "<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>",
        );
        let system = "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>";
        pdf.object(
            6,
            format!("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A {system} /DW 1000 /FontDescriptor 8 0 R >>"),
        );
        let n = line.chars().count();
        let map = format!(
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /A def /CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n{n} beginbfchar\n{map}endbfchar\nendcmap end end"
        );
        pdf.object(7, stream("", map.as_bytes()));
        pdf.object(8, "<< /Type /FontDescriptor /FontName /A /Flags 4 >>");
        pdf
    }
    fn page(content: &[u8], font: &str) -> Self {
        let mut pdf = Self::new();
        pdf.object(1, "<< /Type /Catalog /Pages 2 0 R >>");
        pdf.object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
        pdf.object(3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>");
        pdf.object(4, content);
        pdf.object(5, font);
        pdf
    }
    /// Sets an object.
    pub fn object(&mut self, number: u32, content: impl AsRef<[u8]>) {
        self.0.insert(number, content.as_ref().to_vec());
    }
    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = b"%PDF-1.5\n".to_vec();
        let mut table = String::from("0000000000 65535 f \n");
        let last = self.0.keys().last().copied().unwrap_or_default();
        for number in 1..=last {
            table.push_str(&format!("{:010} 00000 n \n", file.len()));
            let content = self.0.get(&number).map_or(&b"null"[..], Vec::as_slice);
            file.extend([format!("{number} 0 obj\n").as_bytes(), content, b"\nendobj\n"].concat());
        }
        let start = file.len();
        let size = last + 1;
        let end =
            format!("xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
        file.extend(end.as_bytes());
        file
    }
}

/// A stream object.
pub fn stream(entries: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("<< /Length {} {entries} >>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream"].concat()
}

/// A piece, repeated, packed as FlateDecode expects it; never held as a whole.
pub fn deflated(piece: &[u8], times: usize) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("a", SimpleFileOptions::default().compression_level(Some(1))).expect("entry");
    for _ in 0..times {
        writer.write_all(piece).expect("write");
    }
    let mut archive = ZipArchive::new(writer.finish().expect("archive")).expect("archive");
    let mut packed = vec![0x78, 0x9c];
    std::io::copy(&mut archive.by_index_raw(0).expect("entry"), &mut packed).expect("copy");
    // Its checksum, which no reader insists on.
    packed.extend([0; 4]);
    packed
}

/// An archive.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).expect("entry");
        writer.write_all(content).expect("write");
    }
    writer.finish().expect("archive").into_inner()
}

/// A laboratory's report, CDA R2.
pub fn cda() -> String {
    r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <code code="11502-2" displayName="CR d'examens biologiques"/>
  <title>Compte rendu d'examens de biologie médicale</title>
  <recordTarget><patientRole><id root="1.2.250.1.213.1.4.8" extension="277076322082910"/>
    <patient><name><family qualifier="BR">CORSE</family><given>Anne</given></name></patient></patientRole></recordTarget>
  <component><structuredBody><component><section><title>Biochimie</title>
    <text><table><tr><td>Gly<content styleCode="Bold">cémie</content></td><td>1,05 g/l</td></tr></table></text>
    <entry><observation classCode="OBS" moodCode="EVN"><code code="14749-6" displayName="Glucose"/>
      <value unit="g/L" value="1.05"/></observation></entry>
  </section></component></structuredBody></component>
</ClinicalDocument>"#
        .to_owned()
}
