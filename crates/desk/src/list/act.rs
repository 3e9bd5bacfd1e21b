//! What is done with what is ticked (`POST /bal/{b}/agir`), and taking it back (`POST /bal/{b}/annuler`). What was done is said by the page from which it was.
use super::view::{Asked, place};
use super::window::{sentence, told, undo as undo_form};
use axum::extract::{Path, Query};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_operator::Actor;
use sceau_operator::desk::acts::{Act, Chosen, Done, Undone};
use sceau_operator::desk::list::Filter;
use sceau_web::part::{self, Told};
use sceau_web::{Sent, Visitor, layout, seated};
use serde::Deserialize;

/// A form, as it was sent: a name may stand there many times.
pub(super) type Form = Vec<(String, String)>;

/// The value of a field; empty where there is none.
pub(super) fn field<'a>(form: &'a Form, name: &str) -> &'a str {
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
        Ok(Did::Nothing(word)) => (nothing(&visitor, word), with(&back, "dit", word)),
        Err(refusal) => return visitor.refused(&refusal),
    };
    part::done(&visitor, &part::Asked(visitor.part), &to, told)
}

/// What became of a form.
enum Did {
    Something(Told),
    /// Nothing: why, as an address says it.
    Nothing(&'static str),
}

/// Why nothing was done: words in an address, keys of their sentences.
const NOTHING: [(&str, &str); 2] = [("aucun", "list.told.none_ticked"), ("rien", "list.told.nothing")];
/// Nothing was ticked; nothing is otherwise.
const NONE: &str = NOTHING[0].0;
pub(super) const SAME: &str = NOTHING[1].0;

/// Why nothing was done, said; what an address says that means nothing is not.
pub(super) fn nothing(visitor: &Visitor, word: &str) -> Told {
    let said = NOTHING.iter().find(|(known, _)| *known == word).map(|(_, key)| visitor.t(key));
    Told { sentence: said.unwrap_or_default(), undo: None }
}

/// What a page says of what was just done, by its address: an act (`?fait=`), or why there was none (`?dit=`). `here`: where one is again who takes it back.
pub(crate) async fn just_done(
    visitor: &Visitor,
    actor: &Actor,
    (b, here): (&str, &str),
    (fait, dit): (&str, &str),
) -> Result<Option<Told>, Refusal> {
    Ok(match visitor.op.act_of_object(fait) {
        Some(act) => visitor.op.act_told(actor, act).await?.map(|done| told(visitor, (b, here), act, &done)),
        None => Some(nothing(visitor, dit)).filter(|told| !told.sentence.is_empty()),
    })
}

/// What was done, with the way back to a page.
pub(super) fn said(visitor: &Visitor, (b, back): (&str, &str), done: Done) -> Told {
    let mut sentence = sentence(visitor.lang, done.what, done.count);
    if done.left > 0 {
        let left = text(visitor.lang, "list.told.left", &[("n", &done.left.to_string())]);
        sentence = format!("{sentence} {}", layout::set(&left));
    }
    if done.more {
        sentence = format!("{sentence} {}", visitor.t("list.told.more"));
    }
    Told { sentence, undo: done.undo.map(|id| undo_form(visitor, (b, back), id)) }
}

/// An address with one more word behind it.
pub(super) fn with(to: &str, name: &str, value: &str) -> String {
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
        "confier" => {
            let to = Some(field(form, "a").to_owned()).filter(|login| !login.is_empty());
            Act::Give(to, seen(form))
        }
        "prendre" => {
            let own = op.colleagues(actor).await?.into_iter().find(|colleague| colleague.own);
            Act::Give(Some(own.ok_or(RefusalCode::RightMissing)?.login), seen(form))
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
        return Ok(Did::Nothing(NONE));
    }
    let done = op.act_on(actor, &Chosen { folder, uids, whole_view, label }, act).await?;
    if done.count == 0 {
        return Ok(Did::Nothing(SAME));
    }
    Ok(Did::Something(said(visitor, (b, back), done)))
}

/// When the list was made from which a form comes: what was given since then was not seen.
fn seen(form: &Form) -> Timestamp {
    Timestamp(field(form, "vu").parse().unwrap_or(i64::MAX))
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
