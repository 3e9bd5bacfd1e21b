use super::*;
use proptest::prelude::*;

const ANY: Dialect = Dialect { separator: None, quotes: true };

fn read(dialect: Dialect, bytes: &[u8], pieces: usize) -> (Vec<Line>, Encoding) {
    let (mut lines, mut reader) = (Vec::new(), Reader::new(dialect));
    for piece in bytes.chunks(pieces.max(1)) {
        reader.push(piece, |line| lines.push(line));
    }
    let encoding = reader.finish(|line| lines.push(line));
    (lines, encoding)
}

fn good(bytes: &[u8]) -> (Vec<(u64, Vec<String>)>, Encoding) {
    let (lines, encoding) = read(ANY, bytes, 7);
    (lines.into_iter().map(|(n, line)| (n, line.unwrap())).collect(), encoding)
}

#[test]
fn separators_quotes_and_line_ends_of_the_field_are_read() {
    let expected = |rows: &[(u64, &[&str])]| -> Vec<(u64, Vec<String>)> {
        rows.iter().map(|(n, f)| (*n, f.iter().map(|s| (*s).to_owned()).collect())).collect()
    };
    for separator in [";", ",", "\t", "|"] {
        for end in ["\n", "\r\n"] {
            let text = format!(
                "nom{separator}prenom{end}{end}\"MARTIN \"\"M\"\"{end}suite\"{separator}Zoé{end}PETIT{separator}"
            );
            let (lines, encoding) = good(text.as_bytes());
            let inner = format!("MARTIN \"M\"{end}suite");
            let rows: [(u64, &[&str]); 3] = [(1, &["nom", "prenom"]), (3, &[&inner, "Zoé"]), (5, &["PETIT", ""])];
            assert_eq!((lines, encoding), (expected(&rows), Encoding::Utf8), "{separator:?} {end:?}");
        }
    }
    assert!(good(b"").0.is_empty() && good(b"\r\n\n").0.is_empty());
    let plain = Dialect { separator: Some(b'|'), quotes: false };
    let (lines, _) = read(plain, b"a|b\nl'\"H|\"x\n", 3);
    assert_eq!(lines[1].1.as_ref().unwrap(), &["l'\"H", "\"x"]);
}

#[test]
fn characters_are_told_by_the_first_accent() {
    let (lines, encoding) = good(b"nom;prenom\nPETIT;Zo\xe9\nD\x92ARC;\x8cdipe\n");
    assert_eq!((lines[1].1[1].as_str(), lines[2].1[0].as_str(), encoding), ("Zoé", "D’ARC", Encoding::Windows1252));
    assert_eq!(lines[2].1[1], "Œdipe");
    let (lines, encoding) = good(b"\xef\xbb\xbfnom\nPETIT\n");
    assert_eq!((lines[0].1[0].as_str(), encoding), ("nom", Encoding::Utf8));
    // A line that is not what the others are is told, and the next one read.
    let (lines, _) = read(ANY, b"nom\nZo\xc3\xa9\nL\xe9a\nAnne\n", 5);
    let codes: Vec<_> = lines.iter().map(|(n, l)| (*n, l.as_ref().err().map(|r| r.code))).collect();
    assert_eq!(codes, [(1, None), (2, None), (3, Some(RefusalCode::CsvEncoding)), (4, None)]);
    // The other way round: a damaged first accent does not make mojibake of those that follow.
    let (lines, _) = read(ANY, b"nom\nL\xc3\nZo\xc3\xa9\nL\xe9a\n", 5);
    let codes: Vec<_> = lines.iter().map(|(n, l)| (*n, l.as_ref().err().map(|r| r.code))).collect();
    assert_eq!(codes, [(1, None), (2, None), (3, Some(RefusalCode::CsvEncoding)), (4, None)]);
    let (lines, _) = read(ANY, b"n\0o\0m\0;\0\n\0a\0", 5);
    assert_eq!(lines[0].1.as_ref().unwrap_err().code, RefusalCode::CsvLine, "UTF-16 without its mark");
    let (lines, _) = read(ANY, b"\xff\xfen\0o\0m\0\n\0", 5);
    assert_eq!(lines[0].1.as_ref().unwrap_err().code, RefusalCode::CsvEncoding);
}

#[test]
fn what_is_too_long_is_told_and_the_rest_goes_on() {
    let long = "x".repeat(LINE + 10);
    let wide = ";".repeat(FIELDS + 10);
    let text = format!("a;b\n{long}\n1;2\n{wide}\n3;4\nnul\0;5\n6;7");
    let (lines, _) = read(ANY, text.as_bytes(), 1000);
    let codes: Vec<_> = lines.iter().map(|(n, l)| (*n, l.as_ref().err().map(|r| r.code))).collect();
    let bad = Some(RefusalCode::CsvLine);
    assert_eq!(codes, [(1, None), (2, bad), (3, None), (4, bad), (5, None), (6, bad), (7, None)]);
    // A quote that nothing closes: said where it began, in bounded memory.
    let (lines, _) = read(ANY, format!("a;b\n1;\"2\n{}", "x;y\n".repeat(LINE)).as_bytes(), 1000);
    assert_eq!((lines.len(), lines[1].0), (2, 2));
    assert!(lines[1].1.as_ref().unwrap_err().args[0].1.contains("lines"), "{lines:?}");
    // A first line that never ends.
    let (lines, _) = read(ANY, "y".repeat(3 * LINE).as_bytes(), 1000);
    assert_eq!((lines.len(), lines[0].1.as_ref().unwrap_err().code), (1, RefusalCode::CsvLine));
}

#[test]
fn a_wrong_header_names_what_is_expected() {
    let expected = [
        Column { name: "nom", also: &["familyname"], required: true },
        Column { name: "prénom", also: &[], required: true },
        Column { name: "téléphone", also: &[], required: false },
    ];
    let find =
        |names: &[&str], others| columns(&names.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), &expected, others);
    assert_eq!(find(&["PRENOM", "Family_name"], false).unwrap(), [Some(1), Some(0), None]);
    for (header, name) in
        [(vec!["nom"], "prénom"), (vec!["nom", "prénom", "Nom"], "Nom"), (vec!["nom", "prénom", "âge"], "âge")]
    {
        let refusal = find(&header, false).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::CsvHeader);
        assert!(refusal.args.contains(&("name", name.into())), "{refusal:?}");
        assert!(refusal.args.contains(&("cause", "nom, prénom, [téléphone]".into())), "{refusal:?}");
    }
    assert_eq!(find(&["nom", "prénom", "âge"], true).unwrap(), [Some(0), Some(1), None]);
}

#[test]
fn a_report_never_holds_a_formula() {
    assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
    for bad in ["+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "%x", "|cmd", "\"=1", "\u{a0}=1"] {
        assert!(cell(bad).trim_start_matches([' ', '"', '\u{a0}']).starts_with('\''), "{bad:?} {}", cell(bad));
    }
    // A reader that takes another separator than ours.
    assert_eq!(cell("a,=cmd|' /C calc'!A0"), "\"a,'=cmd|' /C calc'!A0\"");
    assert_eq!(cell("a\u{1b}[31m\nb"), "\"a [31m b\"", "nothing drives a terminal");
    assert_eq!(cell("a=b"), "\"a=b\"");
    assert_eq!(folded("  L'Hôpital  Saint-ÉTIENNE "), "l hopital saint etienne");
    assert_eq!(folded("Юлия"), "юлия");
}

proptest! {
    /// However the bytes are cut, the lines are the same; they come in order; nothing panics.
    #[test]
    fn pieces_change_nothing(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b';'), Just(b'"'), Just(b'\n'), Just(b'\r')], 0..400), cut in 1..50_usize) {
        let whole = read(ANY, &bytes, usize::MAX);
        prop_assert_eq!(&read(ANY, &bytes, cut), &whole);
        // No two lines have one number: it is their place in the store.
        prop_assert!(whole.0.windows(2).all(|w| w[0].0 < w[1].0));
    }

    /// What a report writes is read back as it was, but for the guard before a formula.
    #[test]
    fn a_cell_is_read_back(fields in prop::collection::vec("[a-zé=;\"\n ,+-]{1,12}", 1..6)) {
        let text = fields.iter().map(|f| cell(f)).collect::<Vec<_>>().join(";") + "\n";
        let dialect = Dialect { separator: Some(b';'), quotes: true };
        let (lines, _) = read(dialect, text.as_bytes(), 9);
        let back = lines[0].1.as_ref().unwrap();
        prop_assert_eq!(back.len(), fields.len());
        for (b, f) in back.iter().zip(&fields) {
            prop_assert_eq!(b.replace('\'', ""), f.replace('\n', " "));
            for piece in b.split([';', ',', '|']) {
                let first = piece.trim_start_matches([' ', '"']).chars().next();
                prop_assert!(!matches!(first, Some('=' | '+' | '-')), "{b:?}");
            }
        }
    }
}
