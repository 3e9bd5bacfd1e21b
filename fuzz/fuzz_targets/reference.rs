//! Files of reference tables: whatever the columns, an entry keeps to its bounds and holds no control.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_domain::csv::Reader;
use sceau_domain::reference::{KEPT, Layout};

fuzz_target!(|input: (u8, &[u8])| {
    let (table, bytes) = input;
    let layout = Layout::of(["professions", "rpps", "structures"][usize::from(table % 3)]);
    let (mut lines, mut reader) = (Vec::new(), Reader::new(layout.dialect));
    reader.push(bytes, |line| lines.push(line));
    reader.finish(|line| lines.push(line));
    let mut good = lines.into_iter().filter_map(|(_, line)| line.ok());
    let Some(places) = good.next().and_then(|header| layout.places(&header).ok()) else { return };
    for entry in good.filter_map(|fields| places.entry(&fields).ok()) {
        assert!(!entry.code.is_empty() && entry.code.len() <= 64 && !entry.label.is_empty());
        assert!(entry.label.chars().count() <= 300 && entry.search.len() <= 1_200 && entry.data.len() <= KEPT);
        assert!(!entry.label.chars().chain(entry.code.chars()).any(char::is_control));
    }
});
