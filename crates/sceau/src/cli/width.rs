//! How text stands in the columns of a terminal: its width, where it is cut, how much room each column of a table gets.
//!
//! Promises: names of every script stand below their header; what is read by a program or a file is never cut; on a terminal the widest cells are
//! cut first, and the first column, which names the row, last.
use std::io::IsTerminal;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Between two columns.
const GAP: usize = 2;
/// Narrowest column that is made of a wider one.
const LEAST: usize = 8;

/// Columns of the terminal that standard output is; `None` when it is none, or does not say.
pub(super) fn of_terminal() -> Option<usize> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let told = terminal_size::terminal_size_of(&out).map(|(width, _)| usize::from(width.0));
    told.or_else(|| std::env::var("COLUMNS").ok()?.parse().ok()).filter(|w| *w > 0)
}

/// Columns that a character takes: none for marks on another one and for what is not seen, two for those of East Asia and for pictures
/// (Unicode UAX #11, classes W and F; rare symbols of other blocks count as one).
fn of_char(c: char) -> usize {
    use GeneralCategory::{EnclosingMark, Format, LineSeparator, NonspacingMark, ParagraphSeparator};
    let category = c.general_category();
    let unseen = matches!(category, NonspacingMark | EnclosingMark | Format | LineSeparator | ParagraphSeparator);
    // Vowels and finals of Hangul stand in the syllable that the initial began.
    if unseen || matches!(c, '\u{1160}'..='\u{11ff}') {
        return 0;
    }
    let wide = matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{a4cf}' | '\u{a960}'..='\u{a97c}')
        || matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe10}'..='\u{fe19}' | '\u{fe30}'..='\u{fe6b}')
        || matches!(c, '\u{ff01}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{16fe0}'..='\u{1b2ff}')
        || matches!(c, '\u{1f300}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}' | '\u{1f900}'..='\u{1f9ff}' | '\u{20000}'..='\u{3fffd}');
    if wide { 2 } else { 1 }
}

/// Columns that a text takes.
pub(super) fn of(text: &str) -> usize {
    text.chars().map(of_char).sum()
}

/// As much of a text as stands in `room` columns, with `…` when something is missing. Marks stay with their letter.
fn cut(text: &str, room: usize) -> String {
    if of(text) <= room {
        return text.to_owned();
    }
    let (mut out, mut taken) = (String::new(), 0);
    for c in text.chars() {
        taken += of_char(c);
        if taken + 1 > room {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// How wide each column is, so that all of them stand in `room` when they can.
fn widths(rows: &[Vec<String>], room: Option<usize>) -> Vec<usize> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut widths: Vec<usize> =
        (0..columns).map(|i| rows.iter().map(|r| of(&r[i])).max().unwrap_or_default()).collect();
    let Some(room) = room else { return widths };
    widths.iter_mut().for_each(|w| *w = (*w).min(room));
    while widths.iter().sum::<usize>() + GAP * columns.saturating_sub(1) > room {
        let widest = (1..columns).max_by_key(|i| widths[*i]).filter(|i| widths[*i] > LEAST);
        let Some(narrower) = widest.or((widths[0] > LEAST).then_some(0)) else { break };
        widths[narrower] -= 1;
    }
    widths
}

/// Rows of equal length, the first of which is the header, in lines; cut where the room is too small for them.
pub(super) fn laid_out(rows: &[Vec<String>], room: Option<usize>) -> String {
    let widths = widths(rows, room);
    let mut all = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let cell = cut(cell, *width);
            line.push_str(&cell);
            line.push_str(&" ".repeat(width.saturating_sub(of(&cell)) + GAP));
        }
        all.push_str(line.trim_end());
        all.push('\n');
    }
    all
}
