//! Plain text whose lines were broken for the wire alone (`format=flowed`, RFC 3676), joined again.

/// The text as it was typed: lines that end with a space go on with the next one of the same quoting. `delsp`: that space was added (RFC 3676 §4.3).
/// Marks of quoting stay, each line with one space after them; the result ends with a line end where there is any text.
pub fn joined(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    // How deep the paragraph is quoted that goes on.
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        // One space was put before what begins with one, with `>` or with `From ` (§4.4); quoted text has it too.
        let rest = line[depth..].strip_prefix(' ').unwrap_or(&line[depth..]);
        // What stands above a signature is a line of its own (§4.3).
        let signs = rest == "-- ";
        if open != Some(depth) || signs {
            if open.is_some() {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n('>', depth));
            if depth > 0 && !rest.is_empty() {
                out.push(' ');
            }
        }
        let soft = rest.ends_with(' ') && !signs;
        out.push_str(if soft && delsp { &rest[..rest.len() - 1] } else { rest });
        open = soft.then_some(depth);
        if !soft {
            out.push('\n');
        }
    }
    if open.is_some() {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_whole_again() {
        assert_eq!(
            joined("Madame,\r\n\r\nvotre bilan est \r\nnormal. \r\nÀ bientôt\r\n", false),
            "Madame,\n\nvotre bilan est normal. À bientôt\n"
        );
        assert_eq!(joined("anti \r\nbiotique\r\n", true), "antibiotique\n");
        assert_eq!(joined("", false), "");
        assert_eq!(joined("fin ", false), "fin \n", "nothing follows");
    }

    #[test]
    fn quoting_and_signatures_stand_apart() {
        assert_eq!(
            joined(">> deux \r\n>> lignes\r\n> une \r\nréponse\r\n>\r\n", false),
            ">> deux lignes\n> une \nréponse\n>\n"
        );
        assert_eq!(joined("un \r\n-- \r\nDr Martin\r\n", false), "un \n-- \nDr Martin\n");
        // A space was put before what would have been read otherwise.
        assert_eq!(joined(" > pas cité\r\n From ici\r\n  deux\r\n", false), "> pas cité\nFrom ici\n deux\n");
    }
}
