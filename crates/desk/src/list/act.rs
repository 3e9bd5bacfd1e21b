//! What is done with what is ticked (`POST /bal/{b}/agir`), and taking it back (`POST /bal/{b}/annuler`).
use super::view::{Asked, place};
use super::window::{sentence, undo as undo_form};
use axum::extract::{Path, Query};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::desk::acts::{Act, Chosen, Undone};
use sceau_operator::desk::list::Filter;
use sceau_web::part::{self, Told};
use sceau_web::{Sent, Visitor, layout, seated};
use serde::Deserialize;

/// A form, as it was sent: a name may stand there many times.
type Form = Vec<(String, String)>;

/// The value of a field; empty where there is none.
fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

/// `POST /bal/{b}/agir`
pub(super) async fn carry_out(Path(b): Path<String>, Sent(visitor, form): Sent<Form>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let back = back(&b, &form);
    let (told, to) = match act(&visitor, &actor, (&b, &back), &form).await {
        Ok(Did::Something(told)) => (told, back),
        // The page says it again by a word of its address: there is no act that could.
        Ok(Did::Nothing(key, word)) => (Told { sentence: visitor.t(key), undo: None }, with(&back, "dit", word)),
        Err(refusal) => return visitor.refused(&refusal),
    };
    part::done(&visitor, &part::Asked(visitor.part), &to, told)
}

/// What became of a form.
enum Did {
    Something(Told),
    /// Nothing: the key of the sentence that says why, and its word in an address.
    Nothing(&'static str, &'static str),
}

/// Why nothing was done: words in an address, keys of their sentences.
pub(super) const NOTHING: [(&str, &str); 2] = [("aucun", "list.told.none_ticked"), ("rien", "list.told.nothing")];

/// An address with one more word behind it.
fn with(to: &str, name: &str, value: &str) -> String {
    format!("{to}{}{name}={value}", if to.contains('?') { '&' } else { '?' })
}

async fn act(visitor: &Visitor, actor: &Actor, (b, back): (&str, &str), form: &Form) -> Result<Did, Refusal> {
    let op = &visitor.op;
    let folder = op.mailbox_of_object(field(form, "dossier")).ok_or(RefusalCode::FolderUnknown)?;
    let uids: Vec<u32> = form.iter().filter(|(key, _)| key == "u").filter_map(|(_, uid)| uid.parse().ok()).collect();
    let wanted = field(form, "faire");
    let act = match wanted {
        "lu" => Act::Seen(true),
        "nonlu" => Act::Seen(false),
        "suivre" => Act::Flagged(true),
        "nonsuivre" => Act::Flagged(false),
        "archiver" => Act::Archive,
        "archiver-annee" => Act::ArchiveByYear,
        "corbeille" => Act::Trash,
        "indesirable" => Act::Junk,
        "supprimer" | "vider" => Act::Remove,
        "etiqueter" | "desetiqueter" => {
            let keyword = super::labels::keyword(visitor, actor, field(form, "etiquette")).await?;
            Act::Label(keyword, wanted == "etiqueter")
        }
        "deplacer" => Act::Move(op.mailbox_of_object(field(form, "vers")).ok_or(RefusalCode::FolderUnknown)?),
        _ => return Err(Refusal::new(RefusalCode::Invalid).with("name", "faire")),
    };
    let whole_view = match wanted {
        "vider" => None,
        _ if !field(form, "tout").is_empty() => {
            let asked = field(form, "ici").parse::<Uri>().map(|at| Asked::of(&at)).unwrap_or_default();
            Some(asked.shown(&op.desk_choices(actor).await?))
        }
        _ => None,
    };
    let (whole_view, label) = match whole_view {
        Some(shown) => (Some(shown.filter), shown.label),
        None => (None, None),
    };
    let whole_view = if wanted == "vider" { Some(Filter::All) } else { whole_view };
    if uids.is_empty() && whole_view.is_none() {
        let [(word, key), _] = NOTHING;
        return Ok(Did::Nothing(key, word));
    }
    let done = op.act_on(actor, &Chosen { folder, uids, whole_view, label }, act).await?;
    if done.count == 0 {
        let [_, (word, key)] = NOTHING;
        return Ok(Did::Nothing(key, word));
    }
    let mut said = sentence(visitor.lang, done.what, done.count);
    if done.more {
        said = format!("{said} {}", visitor.t("list.told.more"));
    }
    Ok(Did::Something(Told { sentence: said, undo: done.undo.map(|id| undo_form(visitor, (b, back), id)) }))
}

/// The list from which a form was sent, when it is one of this BAL.
fn back(b: &str, form: &Form) -> String {
    let said = field(form, "ici");
    if said.starts_with(&format!("/bal/{b}/")) {
        return said.to_owned();
    }
    match field(form, "dossier") {
        "" => format!("/bal/{b}"),
        folder => place(b, folder),
    }
}

/// What became of taking back, said.
pub(super) fn undone(visitor: &Visitor, undone: Undone) -> String {
    let (back, changed) = (undone.back.to_string(), undone.changed.to_string());
    let key = match (undone.back, undone.changed) {
        (_, 0) => "list.told.undone",
        (0, _) => "list.told.not_undone",
        _ => "list.told.partly_undone",
    };
    layout::set(&text(visitor.lang, key, &[("back", &back), ("changed", &changed)]))
}

/// The act that is taken back.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    acte: String,
}

/// The list to which one comes back.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Here {
    ici: String,
}

/// `POST /bal/{b}/annuler`
pub(super) async fn undo(Path(b): Path<String>, uri: Uri, Sent(visitor, form): Sent<Back>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let Some(act) = visitor.op.act_of_object(&form.acte) else {
        return visitor.refused(&RefusalCode::UndoGone.into());
    };
    let told = match visitor.op.undo(&actor, act).await {
        Ok(done) => Told { sentence: undone(&visitor, done), undo: None },
        Err(refusal) => return visitor.refused(&refusal),
    };
    // What became of it is told by the act itself.
    let Here { ici } = Query::try_from_uri(&uri).map(|Query(here)| here).unwrap_or_default();
    let list = if ici.starts_with(&format!("/bal/{b}/")) { ici } else { format!("/bal/{b}") };
    let to = with(&list, "fait", &form.acte);
    part::done(&visitor, &part::Asked(visitor.part), &to, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_back_to_the_list_of_this_bal_alone() {
        let form = |pairs: &[(&str, &str)]| -> Form {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let list = "/bal/B1/dossier/F1?filtre=suivis&vue=fils&ordre=recent";
        assert_eq!(back("B1", &form(&[("ici", list), ("dossier", "F1")])), list);
        for wrong in ["", "/bal/B2/dossier/F1", "https://ailleurs.fr/bal/B1/", "//ailleurs.fr"] {
            assert_eq!(back("B1", &form(&[("ici", wrong), ("dossier", "F1")])), "/bal/B1/dossier/F1", "{wrong}");
        }
        assert_eq!(back("B1", &form(&[])), "/bal/B1");
    }
}
