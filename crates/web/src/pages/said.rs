//! What a refusal says on a page. Its arguments are for programs, too: a field's name, a use case's code, a number. People read what they are called, or
//! nothing.
use super::layout;
use crate::ui::upright;
use sceau_domain::text::{template, text};
use sceau_domain::{Lang, Refusal, RefusalCode, UseCase};

/// Fields of forms that nobody fills in by hand: to name them helps nobody.
const INNER: [&str; 7] = ["avant", "bals", "endpoint", "faire", "form", "mode", "undo_seconds"];
/// A name of at least so many digits is one of our numbers.
const NUMBER: usize = 6;

/// The sentence, in the page's language.
pub(super) fn said(refusal: &Refusal, lang: Lang) -> String {
    let mut refusal = refusal.clone();
    let code = refusal.code;
    refusal.args.retain_mut(|(arg, value)| *arg != "name" || called(code, value, lang));
    layout::set(&upright(&refusal.sentence(lang)))
}

/// Makes of a name what it is called; not when it is better left out.
fn called(code: RefusalCode, name: &mut String, lang: Lang) -> bool {
    let words = match code {
        RefusalCode::RightMissing => UseCase::ALL
            .iter()
            .find(|case| case.as_str() == name.as_str())
            .map(|case| small(&text(lang, &format!("use_case.{}", case.as_str()), &[]))),
        RefusalCode::Invalid | RefusalCode::NamingTooLong => {
            if INNER.contains(&name.as_str()) {
                return false;
            }
            template(lang, &format!("page.field.{name}")).map(str::to_owned)
        }
        RefusalCode::NotFound | RefusalCode::EditConflict | RefusalCode::StateWrong => {
            return name.len() < NUMBER || !name.bytes().all(|b| b.is_ascii_digit());
        }
        _ => None,
    };
    if let Some(words) = words {
        *name = words;
    }
    true
}

/// Within a sentence: without the capital that it begins with.
fn small(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(code: RefusalCode, name: &str) -> Refusal {
        Refusal::new(code).with("name", name)
    }

    #[test]
    fn people_read_what_things_are_called() {
        let fr = |refusal: &Refusal| said(refusal, Lang::Fr);
        let when = fr(&with(RefusalCode::Invalid, "quand"));
        assert!(when.contains("le jour et l’heure du départ") && !when.contains("quand"), "{when}");
        assert!(said(&with(RefusalCode::Invalid, "quand"), Lang::En).contains("the day and time"), "in both languages");
        let right = fr(&with(RefusalCode::RightMissing, "mail.rules"));
        assert!(right.contains("écrire les règles d’une BAL") && !right.contains("mail.rules"), "{right}");
        // What is no use to anybody is left out; what one typed oneself stays.
        assert!(!fr(&with(RefusalCode::Invalid, "form")).contains("form"));
        assert!(!fr(&with(RefusalCode::NotFound, "7312345678901")).contains("7312"));
        assert!(fr(&with(RefusalCode::NotFound, "anne")).contains("anne"));
        assert!(fr(&with(RefusalCode::FolderExists, "Projets")).contains("Projets"));
        // A page of the console says its own fields' labels.
        assert!(fr(&with(RefusalCode::Invalid, "Motif")).contains("pour Motif"));
        assert!(!fr(&with(RefusalCode::NotFound, "a\u{202e}b")).contains('\u{202e}'));
    }

    #[test]
    fn fields_are_called_in_both_languages() {
        for name in ["at", "subject", "text", "to", "taille", "jours", "until", "login", "about", "reason", "phone"] {
            let key = format!("page.field.{name}");
            assert!(template(Lang::Fr, &key).is_some() && template(Lang::En, &key).is_some(), "{name}");
        }
    }
}
