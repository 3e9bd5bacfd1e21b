//! Files with columns: no panic; the same lines however the bytes are cut; numbers that grow; fields within their budgets; people's files read.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_domain::csv::{Dialect, FIELDS, LINE, Line, Reader, cell};
use sceau_domain::people_file::{places, read};

fn lines(dialect: Dialect, pieces: &[&[u8]]) -> Vec<Line> {
    let (mut out, mut reader) = (Vec::new(), Reader::new(dialect));
    pieces.iter().for_each(|piece| reader.push(piece, |line| out.push(line)));
    reader.finish(|line| out.push(line));
    out
}

fuzz_target!(|input: (u8, bool, u16, &[u8])| {
    let (separator, quotes, cut, bytes) = input;
    let separator = [None, Some(b';'), Some(b','), Some(b'|')][usize::from(separator % 4)];
    let dialect = Dialect { separator, quotes };
    let cut = usize::from(cut).min(bytes.len());
    let whole = lines(dialect, &[bytes]);
    assert_eq!(whole, lines(dialect, &[&bytes[..cut], &bytes[cut..]]));
    assert!(whole.windows(2).all(|w| w[0].0 < w[1].0));
    let mut good = whole.iter().filter_map(|(_, line)| line.as_ref().ok());
    assert!(
        good.clone().all(|fields| fields.len() <= FIELDS && fields.iter().map(String::len).sum::<usize>() <= 3 * LINE)
    );
    // What a report makes of them is one line of one cell each, as long as it must be.
    for field in good.clone().flatten().take(100) {
        let cell = cell(field);
        assert!(!cell[1..].chars().any(char::is_control) && cell.len() <= 2 + 2 * field.len());
    }
    if let Some(places) = good.next().and_then(|header| places(header).ok()) {
        for fields in good {
            if let Ok(line) = read(&places, fields) {
                let _ = (line.key(), line.exempt_until(), line.wants_bal());
            }
        }
    }
});
