//! Laws: index and scan agree; nothing that is typed panics; excerpts are well made.
mod support;
use proptest::prelude::*;
use sceau_search::{Attachment, Field, Index, Query, TextRecord};
use support::{MEMORY, Memory};

/// Words close enough to each other for questions to find something.
const WORDS: &[&str] = &[
    "ordonnance",
    "Ordonnances",
    "l'ordonnance",
    "d'insuline",
    "insuline",
    "rendez-vous",
    "rendez vous",
    "rendezvous",
    "RENDEZ-VOUS",
    "anti-inflammatoires",
    "antiinflammatoire",
    "compte rendu",
    "compte-rendu",
    "10 mg",
    "10mg",
    "1,5 g",
    "1.5g",
    "12/03/2026",
    "2026-03-12",
    "12 mars 2026",
    "TA 12/8",
    "185057800608436",
    "1 85 05 78 006 084 36",
    "06 12 34 56 78",
    "0612345678",
    "élevée",
    "eleve",
    "œdème",
    "oedeme",
    "hôpital",
    "hopitaux",
    "à la",
    "a",
    "vitamine D",
    "B12",
    "jean.dupont@exemple.fr",
    "dupont",
    "D'Almeida",
    "dalmeida",
    "aujourd’hui",
    "I.R.M.",
    "irm",
    "hospita-\nlisation",
    "hospitalisation",
    "covid-19",
    "covid19",
    "β-bloquant",
    "mg/kg",
    "et/ou",
    "le",
    "de",
    "f3a9b2c4d1",
    "prescrire",
    "prescrits",
    "...",
    "\u{ad}",
    "n°12",
    "cœur",
];

/// A handful of neighbours among them: messages that are about the same things, so that phrases nearly match.
fn few() -> impl Strategy<Value = Vocabulary> {
    (0..WORDS.len() - 5).prop_map(|at| &WORDS[at..at + 5])
}

type Vocabulary = &'static [&'static str];

fn text(words: Vocabulary, most: usize) -> impl Strategy<Value = String> {
    let word = prop_oneof![8 => prop::sample::select(words).prop_map(str::to_owned), 1 => "[a-zé0-9'’.@-]{1,8}"];
    let gap = prop_oneof![8 => Just(" "), 1 => Just("\n"), 1 => Just(", "), 1 => Just("-"), 1 => Just("'")];
    prop::collection::vec((word, gap), 0..most)
        .prop_map(|list| list.into_iter().flat_map(|(w, g)| [w, g.to_owned()]).collect())
}

fn records(words: Vocabulary) -> impl Strategy<Value = Vec<TextRecord>> {
    let record = (
        text(words, 3),
        text(words, 3),
        text(words, 4),
        text(words, 12),
        prop::collection::vec((text(words, 2), text(words, 5)), 0..3),
        0i64..50,
        0u64..5_000,
    );
    let record = record.prop_map(|(from, to, subject, body, attachments, day, size)| TextRecord {
        message: 0,
        date: 1_772_000_000_000 + day * 40_000_000,
        size,
        from: vec![from],
        to: to.split_inclusive('\n').map(str::to_owned).collect(),
        subject,
        body,
        attachments: attachments
            .into_iter()
            .map(|(name, text)| Attachment { name: name.replace('\n', " ") + "x.pdf", text })
            .collect(),
    });
    prop::collection::vec(record, 1..8).prop_map(|mut list| {
        for (i, record) in list.iter_mut().enumerate() {
            record.message = i as i64 + 1;
        }
        list
    })
}

fn question(words: Vocabulary) -> impl Strategy<Value = String> {
    let word = || prop::sample::select(words).prop_map(|w| w.replace('\n', ""));
    let item = prop_oneof![
        6 => word(),
        2 => text(words, 4).prop_map(|t| format!("\"{}\"", t.replace('"', ""))),
        2 => (word(), 2usize..6).prop_map(|(w, n)| w.chars().take(n).collect::<String>() + "*"),
        1 => (word(), word(), 2usize..5).prop_map(|(a, b, n)| format!("\"{a} {}*\"", b.chars().take(n).collect::<String>())),
        2 => (prop::sample::select(&["de:", "a:", "objet:", "corps:", "pj:"][..]), word()).prop_map(|(f, w)| f.to_owned() + &w),
        1 => Just("OU".to_owned()),
        1 => prop::sample::select(&["avant:2026-03-12", "apres:2026-03-01", "plus:2K", "moins:1K", "avec:pj", "sans:pj", "type:pdf", "le:03/2026"][..]).prop_map(str::to_owned),
    ];
    let item = (prop::bool::weighted(0.2), item).prop_map(|(not, item)| if not { format!("-{item}") } else { item });
    prop::collection::vec(item, 0..4).prop_map(|list| list.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn index_and_scan_agree((records, questions) in few().prop_flat_map(|w| (records(w), prop::collection::vec(question(w), 25)))) {
        let index = Index::open(Memory::default().shared()).unwrap();
        let (one, two) = records.split_at(records.len() / 2);
        index.update(one, &[], MEMORY).unwrap();
        index.update(two, &[], MEMORY).unwrap();
        for question in questions {
            let Ok(query) = Query::parse(&question) else { continue };
            let mut found: Vec<i64> = index.search(&query, None, 100).unwrap().iter().map(|h| h.message).collect();
            found.sort_unstable();
            let scanned: Vec<i64> = records.iter().filter(|r| query.matches(r)).map(|r| r.message).collect();
            prop_assert_eq!(found, scanned, "{}", question);
        }
    }

    #[test]
    fn what_a_message_says_finds_it(records in records(WORDS)) {
        for record in &records {
            let body = &record.body;
            let words = Query::field(Field::Body, body).unwrap();
            // Text without a word finds nothing.
            prop_assert!(words.matches(record) || words == Query::parse("...").unwrap(), "{:?}", body);
            if let Ok(phrase) = Query::parse(&format!("corps:\"{}\"", body.replace(['"', '*'], " "))) {
                prop_assert!(phrase.matches(record) || phrase == Query::parse("...").unwrap(), "{:?}", body);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_typed_panics(text in prop_oneof!["\\PC{0,80}", "[a-z\"()«» *:-]{0,60}", "(de:|OU |-|\\(|\\)|\"|avant:|a\\* ?|x ){0,30}"]) {
        let record = TextRecord { body: text.clone(), subject: text.clone(), ..TextRecord::default() };
        if let Ok(query) = Query::parse(&text) {
            let _ = query.matches(&record);
            let _ = query.snippet(&record, 20);
        }
        let _ = Query::words(&text).map(|q| q.matches(&record));
    }

    #[test]
    fn excerpts_are_well_made(body in prop_oneof![text(WORDS, 30), "\\PC{0,300}"], question in question(WORDS), width in 0usize..120) {
        let record = TextRecord { body: body.clone(), ..TextRecord::default() };
        let Ok(query) = Query::parse(&question) else { return Ok(()) };
        let snippet = query.snippet(&record, width);
        prop_assert!(!snippet.text.contains(['\n', '\r', '\t']));
        // A single word may be longer than what was asked for; nothing else may.
        let longest = body.split_whitespace().map(|w| w.chars().count()).max().unwrap_or(0);
        prop_assert!(snippet.text.chars().count() <= width.max(1) + 2 + longest.max(70), "{:?}", snippet);
        let mut last = 0;
        for (start, end) in snippet.found {
            prop_assert!(last <= start && start < end && snippet.text.get(start..end).is_some(), "{}", snippet.text);
            last = end;
        }
        for (start, end) in query.found(Field::Subject, &body) {
            prop_assert!(body.get(start..end).is_some());
        }
    }
}

#[test]
fn excerpts_show_what_was_found() {
    let body = "Bonjour,\n\nsuite à la consultation du 3 février, le traitement   par   métformine est poursuivi.\nLes ordonnances suivent : \
                rendez-vous dans 3 mois. Les prescriptions de 10mg par jour restent inchangées. Bien confraternellement, le cabinet des Tilleuls.";
    let record = TextRecord { body: body.to_owned(), ..TextRecord::default() };
    let show = |question: &str, width: usize| {
        let snippet = Query::parse(question).unwrap().snippet(&record, width);
        let mut shown = snippet.text.clone();
        for (start, end) in snippet.found.iter().rev() {
            shown.insert(*end, ']');
            shown.insert(*start, '[');
        }
        shown
    };
    assert_eq!(show("metformine", 40), "…par [métformine] est poursuivi. Les…");
    assert_eq!(show("ordonnance", 40), "…Les [ordonnances] suivent : rendez-vous…");
    assert_eq!(show("rendezvous 10 mg", 120).matches('[').count(), 3);
    assert_eq!(show("prescrit*", 30), "Bonjour, suite à la…");
    assert_eq!(show("traitement par metformine", 60), "…3 février, le [traitement] par [métformine] est poursuivi.…");
    assert_eq!(show("rien", 12), "Bonjour,…");
    let attached = TextRecord {
        attachments: vec![support::attachment("courrier.pdf", "Foie homogène.\nRate normale.")],
        ..record
    };
    let snippet = Query::parse("rate").unwrap().snippet(&attached, 60);
    assert_eq!((snippet.text.as_str(), snippet.found.as_slice()), ("Foie homogène. Rate normale.", &[(16, 20)][..]));
}

#[test]
fn questions_that_cannot_be_read_say_where() {
    let error = |text: &str| Query::parse(text).unwrap_err().to_string();
    assert!(error("bilan avant:hier").contains("avant:hier"));
    assert!(error("plus:gros").contains("plus:gros"));
    assert!(error("bilan a*").contains("a*"));
    assert!(error("bilan OU").contains("OU"));
    assert!(error("OU bilan").contains("OU"));
    assert!(error("(bilan").contains("(bilan"));
    assert!(error("bilan) tsh").contains(") tsh"));
    assert!(error("objet:").contains("objet:"));
    assert!(error("bilan SAUF").contains("SAUF"));
    assert!(error(&"x".repeat(3_000)).contains("too large"));
    assert!(error(&"mot ".repeat(400)).contains("too large"));
    assert!(error(&("(".repeat(50) + "x" + &")".repeat(50))).contains("too large"));
    assert!(error(&("-".to_owned() + &"NON ".repeat(50) + "x")).contains("too large"));
    // What is no operator is a word.
    for plain in ["http://exemple.fr", "TA:12", "patient(e)", "\"ouvert", "-", "c'est-à-dire", "bilan ET tsh", "a & b"]
    {
        Query::parse(plain).unwrap();
    }
    assert_eq!(Query::parse("  "), Ok(Query::all()));
    assert_ne!(Query::parse("?!"), Ok(Query::all()));
}

#[test]
fn built_questions_are_those_typed() {
    let day = 1_767_222_000_000; // 2026-01-01 in Paris
    let built = Query::and([
        Query::words("bilan sanguin").unwrap(),
        Query::field(Field::From, "dupont").unwrap(),
        Query::or([Query::field(Field::Subject, "tsh").unwrap(), Query::not(Query::attached())]),
        Query::since(day),
        Query::larger(2_048),
    ]);
    assert_eq!(built, Query::parse("bilan sanguin de:dupont objet:tsh OU sans:pj depuis:2026 plus:2K").unwrap());
    assert_eq!(Query::and([Query::before(day), Query::smaller(10)]), Query::parse("avant:2026 moins:10").unwrap());
    assert_eq!(Query::and([]), Query::all());
    assert_eq!(Query::not(Query::not(Query::words("x").unwrap())), Query::words("x").unwrap());
}
