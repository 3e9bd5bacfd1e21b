//! `GET /bal/{b}/chercher/suggestions`: how a question that somebody types may go on: people of the BAL's late mail, what may be asked, folders. A
//! script asks for it; whoever has none gets the search itself.
use super::rail::last_level;
use super::search::form;
use super::view::place;
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_domain::text::to_ascii;
use sceau_operator::Actor;
use sceau_operator::desk::suggest::Known;
use sceau_web::part::{self, PartName};
use sceau_web::{Shell, Visitor, seated};
use serde::Deserialize;

/// Most people, and most folders, of an answer.
const PEOPLE: usize = 5;
const FOLDERS: usize = 3;

/// What may be asked: the word, the key of what it finds, and whether it is a whole question.
const WORDS: [(&str, &str, bool); 8] = [
    ("de:", "list.search.sample.from", false),
    ("pour:", "list.suggest.to", false),
    ("objet:", "list.search.sample.subject", false),
    ("avec:pj", "list.search.sample.attached", true),
    ("apres:", "list.search.sample.after", false),
    ("avant:", "list.suggest.before", false),
    ("type:pdf", "list.suggest.pdf", true),
    ("corps:", "list.suggest.body", false),
];
/// Words before a name.
const NAMING: [&str; 5] = ["de", "from", "a", "to", "pour"];

/// The question as far as it is typed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Typed {
    q: String,
}

/// A way on.
#[derive(Debug, PartialEq, Eq)]
struct Way {
    icon: &'static str,
    label: String,
    detail: String,
    /// The question that it makes.
    question: String,
    /// It can be asked as it stands.
    whole: bool,
    /// The page to which it leads instead.
    to: Option<String>,
}

#[derive(Template)]
#[template(path = "list/suggestions.html")]
struct Ways {
    shell: Shell,
    ways: Vec<Way>,
}

/// `GET /bal/{b}/chercher/suggestions`
pub(super) async fn show(visitor: Visitor, Path(b): Path<String>, uri: Uri) -> Response {
    let typed = Query::<Typed>::try_from_uri(&uri).map(|Query(typed)| typed).unwrap_or_default();
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    if visitor.part != Some(PartName::Chips) {
        return visitor.see(&format!("/bal/{b}/chercher?{}", form(&[("q", typed.q.trim())])));
    }
    match ways(&visitor, &actor, &b, &typed.q).await {
        Ok(ways) => {
            let ways = Ways { shell: visitor.shell("/bal").of_bal(&b), ways };
            part::answer(&visitor, &part::Asked(visitor.part), &ways, &[(PartName::Chips, &ways)])
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn ways(visitor: &Visitor, actor: &Actor, b: &str, typed: &str) -> Result<Vec<Way>, Refusal> {
    let op = &visitor.op;
    let Some((before, word)) = last_word(typed) else { return Ok(Vec::new()) };
    let (not, word) = match word.strip_prefix('-') {
        Some(word) => ("-", word),
        None => ("", word),
    };
    let (field, begin) = match word.split_once(':') {
        Some((field, begin)) if NAMING.contains(&field) => (Some(field), begin),
        // After any other word with a colon come values that nobody can guess.
        Some(_) => (None, ""),
        None => (None, word),
    };
    let mut found = Vec::new();
    // What may be asked is shown to whoever begins, and by its beginning.
    let begun = !word.is_empty() || before.is_empty() && not.is_empty();
    if field.is_none() && begun && !word.contains(':') {
        let typed = folded(word);
        let words = WORDS.iter().filter(|(one, ..)| one.starts_with(&typed) && *one != word);
        found.extend(words.map(|(one, key, whole)| Way {
            icon: "chercher",
            label: format!("{not}{one}"),
            detail: visitor.t(key),
            question: format!("{before}{not}{one}"),
            whole: *whole,
            to: None,
        }));
    }
    let people = op.known_people(actor, begin, PEOPLE).await?;
    found.extend(people.into_iter().map(|one| person(one, &format!("{before}{not}{}", field.unwrap_or("de")))));
    // A folder is gone to, whatever else is asked.
    if field.is_none() && before.is_empty() && not.is_empty() && begin.chars().count() >= 2 {
        let begin = folded(begin);
        let named = op.folders(actor).await?.into_iter().map(|f| (op.mailbox_object(f.id), last_level(visitor, &f)));
        let named = named.filter(|(_, name)| folded(name).split_whitespace().any(|word| word.starts_with(&begin)));
        found.extend(named.take(FOLDERS).map(|(code, name)| Way {
            icon: "dossier",
            label: name,
            detail: visitor.t("list.suggest.folder"),
            question: typed.to_owned(),
            whole: false,
            to: Some(visitor.to(&place(b, &code))),
        }));
    }
    Ok(found)
}

/// Somebody, in a question after a word like `de`.
fn person(one: Known, asked: &str) -> Way {
    let Known { name, address } = one;
    let question = format!("{asked}:{address} ");
    let (label, detail) = if name.is_empty() { (address, String::new()) } else { (name, address) };
    Way { icon: "personnes", label, detail, question, whole: true, to: None }
}

/// The word at which somebody types, and what stands before it; none within a phrase.
fn last_word(typed: &str) -> Option<(&str, &str)> {
    if typed.matches('"').count() % 2 == 1 || typed.matches('«').count() > typed.matches('»').count() {
        return None;
    }
    let at = typed.rfind(char::is_whitespace).map_or(0, |at| at + typed[at..].chars().next().map_or(0, char::len_utf8));
    Some(typed.split_at(at))
}

/// Without case and accents.
fn folded(text: &str) -> String {
    to_ascii(text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_types_at_the_last_word() {
        for (typed, before, word) in [
            ("", "", ""),
            ("du", "", "du"),
            ("bilan de:du", "bilan ", "de:du"),
            ("été\u{a0}b", "été\u{a0}", "b"),
            ("a ", "a ", ""),
        ] {
            assert_eq!(last_word(typed), Some((before, word)), "{typed}");
        }
        assert_eq!(last_word("\"compte ren"), None);
        assert_eq!(last_word("« compte ren"), None);
        assert_eq!(last_word("\"compte rendu\" d"), Some(("\"compte rendu\" ", "d")));
    }

    #[test]
    fn somebody_goes_into_the_question_as_one_word() {
        let one = |name: &str| person(Known { name: name.into(), address: "marc@x.fr".into() }, "bilan -de");
        assert_eq!((one("Marc D").label.as_str(), one("").label.as_str()), ("Marc D", "marc@x.fr"));
        assert_eq!(one("Marc D").question, "bilan -de:marc@x.fr ");
    }
}
