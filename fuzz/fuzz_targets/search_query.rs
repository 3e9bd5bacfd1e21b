//! A question (first line) and a message (the rest): reading, matching and cutting an excerpt never panic, and excerpts are well made.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_search::{Query, TextRecord};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (question, body) = text.split_once('\n').unwrap_or((&text, &text));
    let record = TextRecord {
        subject: question.to_owned(),
        from: vec![body.to_owned()],
        body: body.to_owned(),
        ..TextRecord::default()
    };
    if let Ok(words) = Query::words(question)
        && question.chars().any(char::is_alphanumeric)
    {
        assert!(words.matches(&record) || words == Query::parse("...").expect("punctuation is read"));
    }
    let Ok(query) = Query::parse(question) else { return };
    let _ = query.matches(&record);
    let snippet = query.snippet(&record, 40);
    assert!(!snippet.text.contains('\n'));
    for (start, end) in snippet.found {
        assert!(start < end && snippet.text.get(start..end).is_some());
    }
});
