//! The French stemmer, for folded words: Snowball's, helped where the lost accents or the field's vocabulary mislead it.
use frostem::{Algorithm, Stemmer};

/// Words shorter than this are their own stem (`TSH`, `dos`, `bras`…).
const SHORTEST: usize = 4;

/// The stem of a folded word.
pub(crate) fn stem(word: &str) -> String {
    if let Some(known) = irregular(word) {
        return known.to_owned();
    }
    if word.len() < SHORTEST || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let ready = prepared(word);
    let stem = Stemmer::new(Algorithm::French).stem(&ready).into_owned();
    finished(stem)
}

/// Endings that the stemmer knows only with their accents (`opérée`, `infirmière`), and plurals that it leaves (`radios`).
fn prepared(word: &str) -> String {
    let ending = |ending: &str| word.strip_suffix(ending).filter(|base| base.len() >= 3);
    if let Some(base) = ending("ees").or_else(|| ending("ee")) {
        return format!("{base}e");
    }
    if let Some(base) = ending("ieres").or_else(|| ending("iere")) {
        return format!("{base}ier");
    }
    if let Some(base) = word.strip_suffix('s')
        && base.len() >= SHORTEST
        && base.ends_with(['i', 'o', 'u'])
    {
        return base.to_owned();
    }
    word.to_owned()
}

fn finished(mut stem: String) -> String {
    // prescrire, prescrit, prescrivent: one verb.
    if stem.ends_with("scr") {
        stem.push('i');
    }
    for tail in ["crir", "crit", "criv", "cript"] {
        if let Some(base) = stem.strip_suffix(tail)
            && base.len() >= 2
        {
            stem = format!("{base}cri");
            break;
        }
    }
    stem
}

/// Plurals that change the word.
fn irregular(word: &str) -> Option<&'static str> {
    Some(match word {
        "yeux" | "oeil" => "oeil",
        "maux" => "mal",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for family in [
            "opérer opéré opérée opérées opérés opération opérations",
            "prescrire prescrit prescrite prescrits prescrivez prescription prescriptions",
            "médicament médicaments",
            "hôpital hôpitaux",
            "hospitalisation hospitalisé hospitalisée",
            "infirmier infirmière infirmières infirmiers",
            "allergie allergies allergique allergiques",
            "traitement traiter traité traitée traitements",
            "vaccin vaccins vaccination vaccinée vacciner",
            "radio radios",
            "genou genoux",
            "œil yeux",
            "anormal anormaux anormale",
            "renouveler renouvellement renouvelé",
            "IRM IRMs",
        ] {
            let stems: Vec<String> = family.split(' ').map(|w| stem(&super::super::fold::folded(w))).collect();
            assert!(stems.windows(2).all(|w| w[0] == w[1]), "{family}: {stems:?}");
        }
    }

    #[test]
    fn different_words_stay_apart() {
        for (a, b) in [
            ("medecin", "medicament"),
            ("hepatite", "hepatique"),
            ("foie", "fois"),
            ("mois", "moi"),
            ("martin", "matin"),
        ] {
            assert_ne!(stem(a), stem(b), "{a} {b}");
        }
    }
}
