//! A piece that is spoken of and is not there.

/// Words that announce one, without accents and in lower case.
const WORDS: [&str; 9] = [
    "ci-joint",
    "ci joint",
    "piece jointe",
    "pieces jointes",
    "en pj",
    "je joins",
    "je vous joins",
    "attached",
    "attachment",
];

/// Does what one wrote oneself speak of a piece? What is quoted does not count.
pub(super) fn speaks_of_a_piece(text: &str) -> bool {
    let own: String = text.lines().take_while(|line| !line.starts_with('>')).collect::<Vec<_>>().join("\n");
    let plain = sceau_domain::text::to_ascii(&own).to_lowercase();
    WORDS.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use super::speaks_of_a_piece;

    #[test]
    fn a_piece_is_announced() {
        for text in ["Vous trouverez ci-joint le bilan.", "Ci-jointe la lettre", "La PIÈCE JOINTE…", "See attached."]
        {
            assert!(speaks_of_a_piece(text), "{text}");
        }
        for text in ["Bonjour,\nà demain.", "Merci.\n\n> ci-joint le bilan\nci-joint", ""] {
            assert!(!speaks_of_a_piece(text), "{text}");
        }
    }
}
