//! The word lists of the analyzer, folded: elisions, stop words, first halves of compounds, units, months.

/// What an apostrophe cuts off (`l'`, `d'`, `jusqu'`): a word of its own, never required of a message.
pub(crate) fn elision(word: &str) -> bool {
    const LIST: &[&str] =
        &["l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "quelqu", "presqu"];
    LIST.contains(&word)
}

/// Words that a question does not require when it has others. Phrases keep them. Short on purpose: a lone letter (`vitamine D`) and
/// words with a second meaning (`été`, `son`, `or`, `as`) are never dropped.
pub(crate) fn stop(word: &str) -> bool {
    const LIST: &[&str] = &[
        "le", "la", "les", "un", "une", "des", "de", "du", "et", "au", "aux", "en", "dans", "par", "pour", "sur",
        "avec", "ou", "que", "qui", "ce", "cet", "cette", "ces", "se", "ne",
    ];
    LIST.contains(&word)
}

/// First halves of compounds that people write joined, with a hyphen, or apart (`rendez-vous`, `anti-inflammatoire`).
pub(crate) const FIRSTS: &[&str] = &[
    "anti", "arterio", "arthro", "auto", "beta", "bio", "broncho", "cardio", "cerebro", "cervico", "co", "compte",
    "contre", "cranio", "demi", "dermo", "electro", "endo", "entre", "extra", "gastro", "gyneco", "hemato", "hemi",
    "hepato", "hyper", "hypo", "immuno", "inter", "intra", "juxta", "lombo", "maxillo", "medico", "medio", "micro",
    "mono", "mi", "multi", "musculo", "neo", "neuro", "non", "oto", "para", "per", "peri", "pluri", "poly", "post",
    "pre", "pro", "pseudo", "psycho", "radio", "re", "rendez", "retro", "semi", "socio", "sous", "sub", "super",
    "supra", "sur", "tele", "thoraco", "trans", "ultra", "uro", "vaso", "vice",
];

/// Units that follow a number (`500 mg`): number and unit are one term of a question.
pub(crate) fn unit(word: &str) -> bool {
    const LIST: &[&str] = &[
        "mg", "g", "kg", "ug", "ng", "ml", "cl", "dl", "l", "ui", "mui", "mmol", "umol", "nmol", "pmol", "mol", "meq",
        "mm", "cm", "m", "mmhg", "cmhg", "bpm", "mn", "min", "h", "j", "an", "ans", "mois", "jour", "jours", "sem",
        "semaine", "semaines", "heure", "heures", "cp", "cpr", "gel", "amp", "gtte", "gttes", "goutte", "gouttes",
        "sachet", "sachets", "sa", "gy", "kcal", "ch", "mo", "ko",
    ];
    LIST.contains(&word)
}

/// Month, 1 to 12, of a French name or its abbreviation.
pub(crate) fn month(word: &str) -> Option<u32> {
    Some(match word {
        "janvier" | "janv" => 1,
        "fevrier" | "fevr" | "fev" => 2,
        "mars" => 3,
        "avril" | "avr" => 4,
        "mai" => 5,
        "juin" => 6,
        "juillet" | "juil" => 7,
        "aout" => 8,
        "septembre" | "sept" => 9,
        "octobre" | "oct" => 10,
        "novembre" | "nov" => 11,
        "decembre" | "dec" => 12,
        _ => return None,
    })
}

/// Another spelling of the same word.
pub(crate) fn respelt(word: &str) -> &str {
    match word {
        "mcg" => "ug",
        _ => word,
    }
}
