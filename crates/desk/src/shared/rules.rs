//! `/bal/{b}/regles` and `/bal/{b}/regle/{r}`: what is done with what comes. One form a rule, whole without script; it can be tried on what is there.
use crate::list::{Rail, rail};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::personal::is_shared;
use sceau_domain::rule::{Act, Condition, Rule};
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::desk::labels::{keyword_of, label_of};
use sceau_operator::desk::rules::{RuleView, Tried};
use sceau_web::{Sent, Shell, Visitor, layout, seated};
use serde::Deserialize;

/// What a rule that does not exist yet is called in an address.
const NEW: &str = "nouvelle";
const MIB: u64 = 1 << 20;

/// A rule of the list.
struct Line {
    name: String,
    when: String,
    then: String,
    enabled: bool,
    told: Option<String>,
    to: String,
    version: i64,
    first: bool,
    last: bool,
}

#[derive(Template)]
#[template(path = "shared/rules.html")]
struct List {
    shell: Shell,
    rail: Rail,
    rules: Vec<Line>,
    new: String,
    back: String,
}

/// The form as it is sent, and as it is shown again.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    version: i64,
    nom: String,
    de: String,
    pour: String,
    objet: String,
    pieces: String,
    patient: String,
    /// MiB.
    taille: String,
    /// Days.
    jours: String,
    /// `une`: any condition is enough.
    si: String,
    /// A folder's object id.
    dossier: String,
    suivre: String,
    lu: String,
    etiquette: String,
    archiver: String,
    /// Login.
    confier: String,
    /// Address.
    transferer: String,
    arreter: String,
    active: String,
    /// `essayer`: nothing is kept.
    faire: String,
}

#[derive(Template)]
#[template(path = "shared/rule.html")]
struct Edit {
    shell: Shell,
    rail: Rail,
    form: Form,
    to: String,
    /// Object id and name of each folder; nowhere first.
    folders: Vec<(String, String)>,
    /// Login and name of each colleague; nobody first. Empty at a BAL of one person.
    people: Vec<(String, String)>,
    /// Why it is not kept.
    refused: Option<String>,
    /// What it would concern; none: not tried.
    tried: Option<Vec<(String, Tried)>>,
    back: String,
}

/// A form that says all by its address, but for the version that it starts from.
#[derive(Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    version: i64,
}

fn list_of(b: &str) -> String {
    format!("/bal/{b}/regles")
}

/// `GET /bal/{b}/regles`
pub(super) async fn list(visitor: Visitor, Path(b): Path<String>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match listed(&visitor, &actor, &b).await {
        Ok(page) => visitor.screen(StatusCode::OK, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn listed(visitor: &Visitor, actor: &Actor, b: &str) -> Result<List, Refusal> {
    let found = visitor.op.rules(actor).await?;
    let folders = folders(visitor, actor).await?;
    let last = found.len().saturating_sub(1);
    let line = |(at, r): (usize, RuleView)| Line {
        when: conditions(visitor.lang, &r.rule),
        then: acts(visitor, &r.rule, &folders),
        name: r.rule.name,
        enabled: r.enabled,
        told: r.told.map(|code| layout::set(&Refusal::new(code).sentence(visitor.lang))),
        to: format!("/bal/{b}/regle/{}", r.id),
        version: r.version,
        first: at == 0,
        last: at == last,
    };
    Ok(List {
        rules: found.into_iter().enumerate().map(line).collect(),
        shell: visitor.shell(&list_of(b)).of_bal(b),
        rail: rail(visitor, actor, b, None).await?,
        new: format!("/bal/{b}/regle/{NEW}"),
        back: format!("/bal/{b}"),
    })
}

/// What a rule asks, as a sentence.
fn conditions(lang: Lang, rule: &Rule) -> String {
    let word = |key: &str, value: &str| text(lang, &format!("shared.rules.when.{key}"), &[("name", value)]);
    let one = |c: &Condition| match c {
        Condition::From(w) => word("from", w),
        Condition::To(w) => word("to", w),
        Condition::Subject(w) => word("subject", w),
        Condition::Attached => word("attached", ""),
        Condition::Patient => word("patient", ""),
        Condition::Larger(bytes) => word("larger", &(bytes / MIB).to_string()),
        Condition::Older(days) => word("older", &days.to_string()),
    };
    let join = text(lang, if rule.any { "shared.rules.or" } else { "shared.rules.and" }, &[]);
    layout::set(&rule.when.iter().map(one).collect::<Vec<_>>().join(&format!(" {join} ")))
}

/// What it does.
fn acts(visitor: &Visitor, rule: &Rule, folders: &[(String, String)]) -> String {
    let word = |key: &str, value: &str| text(visitor.lang, &format!("shared.rules.then.{key}"), &[("name", value)]);
    let one = |act: &Act| match act {
        Act::Move(folder) => {
            let code = visitor.op.mailbox_object(*folder);
            let name = folders.iter().find(|(id, _)| *id == code).map_or("?", |(_, name)| name);
            word("move", name)
        }
        Act::Archive => word("archive", ""),
        Act::Flag => word("flag", ""),
        Act::Seen => word("seen", ""),
        Act::Label(label) => word("label", &label_of(label).unwrap_or_else(|| label.clone())),
        Act::Assign(login) => word("assign", login),
        Act::Forward(to) => word("forward", to),
    };
    let mut said: Vec<String> = rule.then.iter().map(one).collect();
    if rule.stop {
        said.push(word("stop", ""));
    }
    layout::set(&said.join(", "))
}

/// Folders that mail may be moved to: object id, name.
async fn folders(visitor: &Visitor, actor: &Actor) -> Result<Vec<(String, String)>, Refusal> {
    let found = visitor.op.folders(actor).await?;
    Ok(found.into_iter().map(|f| (visitor.op.mailbox_object(f.id), f.name)).collect())
}

/// `GET /bal/{b}/regle/{r}`
pub(super) async fn edit(visitor: Visitor, Path((b, r)): Path<(String, String)>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let found = match visitor.op.rules(&actor).await {
        Ok(found) => found,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let form = match found.into_iter().find(|rule| rule.id.to_string() == r) {
        Some(view) => written(&visitor, view),
        None if r == NEW => Form { active: "1".into(), ..Form::default() },
        None => return visitor.refused(&RefusalCode::NotFound.into()),
    };
    page(&visitor, &actor, (&b, &r), form, None, None).await
}

/// A rule as the form shows it.
fn written(visitor: &Visitor, view: RuleView) -> Form {
    let yes = |is: bool| if is { "1".to_owned() } else { String::new() };
    let mut form = Form {
        version: view.version,
        nom: view.rule.name,
        si: if view.rule.any { "une".into() } else { String::new() },
        arreter: yes(view.rule.stop),
        active: yes(view.enabled),
        ..Form::default()
    };
    for condition in view.rule.when {
        match condition {
            Condition::From(word) => form.de = word,
            Condition::To(word) => form.pour = word,
            Condition::Subject(word) => form.objet = word,
            Condition::Attached => form.pieces = yes(true),
            Condition::Patient => form.patient = yes(true),
            Condition::Larger(bytes) => form.taille = (bytes / MIB).to_string(),
            Condition::Older(days) => form.jours = days.to_string(),
        }
    }
    for act in view.rule.then {
        match act {
            Act::Move(folder) => form.dossier = visitor.op.mailbox_object(folder),
            Act::Archive => form.archiver = yes(true),
            Act::Flag => form.suivre = yes(true),
            Act::Seen => form.lu = yes(true),
            Act::Label(label) => form.etiquette = label_of(&label).unwrap_or(label),
            Act::Assign(login) => form.confier = login,
            Act::Forward(to) => form.transferer = to,
        }
    }
    form
}

/// The rule that a form says. `folder.unknown`, `admin.invalid`.
fn read(visitor: &Visitor, form: &Form) -> Result<Rule, Refusal> {
    let (mut when, mut then) = (Vec::new(), Vec::new());
    let word = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    when.extend(word(&form.de).map(Condition::From));
    when.extend(word(&form.pour).map(Condition::To));
    when.extend(word(&form.objet).map(Condition::Subject));
    when.extend((!form.pieces.is_empty()).then_some(Condition::Attached));
    when.extend((!form.patient.is_empty()).then_some(Condition::Patient));
    if let Some(size) = word(&form.taille) {
        let mib: u64 = size.parse().map_err(|_| Refusal::new(RefusalCode::Invalid).with("name", "taille"))?;
        when.push(Condition::Larger(mib.saturating_mul(MIB)));
    }
    if let Some(days) = word(&form.jours) {
        when.push(Condition::Older(
            days.parse().map_err(|_| Refusal::new(RefusalCode::Invalid).with("name", "jours"))?,
        ));
    }
    then.extend((!form.suivre.is_empty()).then_some(Act::Flag));
    then.extend((!form.lu.is_empty()).then_some(Act::Seen));
    then.extend(word(&form.etiquette).map(|label| keyword_of(&label)).transpose()?.map(Act::Label));
    then.extend(word(&form.confier).map(Act::Assign));
    then.extend(word(&form.transferer).map(Act::Forward));
    then.extend((!form.archiver.is_empty()).then_some(Act::Archive));
    if let Some(code) = word(&form.dossier) {
        then.push(Act::Move(visitor.op.mailbox_of_object(&code).ok_or(RefusalCode::FolderUnknown)?));
    }
    let (any, stop) = (form.si == "une", !form.arreter.is_empty());
    Ok(Rule { name: form.nom.clone(), any, when, then, stop })
}

async fn page(
    visitor: &Visitor,
    actor: &Actor,
    (b, r): (&str, &str),
    form: Form,
    refused: Option<Refusal>,
    tried: Option<Vec<Tried>>,
) -> Response {
    let made = async {
        let nobody = || (String::new(), visitor.t("shared.rules.nobody"));
        let mut people = Vec::new();
        if actor.bal.as_ref().is_some_and(|bal| is_shared(bal.kind)) {
            people.push(nobody());
            people.extend(visitor.op.colleagues(actor).await?.into_iter().map(|c| (c.login, c.name)));
        }
        let mut places = vec![(String::new(), visitor.t("shared.rules.nowhere"))];
        places.extend(folders(visitor, actor).await?);
        Ok::<_, Refusal>((people, places, rail(visitor, actor, b, None).await?))
    };
    let (people, folders, rail) = match made.await {
        Ok(made) => made,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let to = format!("/bal/{b}/regle/{r}");
    let status = refused.as_ref().map_or(StatusCode::OK, |refusal| visitor.told(refusal).0);
    let link = |t: Tried| (format!("/bal/{b}/message/{}", t.email), t);
    let page = Edit {
        shell: visitor.shell(&to).of_bal(b),
        rail,
        form,
        to,
        folders,
        people,
        refused: refused.map(|refusal| visitor.told(&refusal).1),
        tried: tried.map(|found| found.into_iter().map(link).collect()),
        back: list_of(b),
    };
    visitor.screen(status, &page)
}

/// `POST /bal/{b}/regle/{r}`
pub(super) async fn save(Path((b, r)): Path<(String, String)>, Sent(visitor, form): Sent<Form>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let id = match r.parse() {
        Ok(id) => Some(id),
        Err(_) if r == NEW => None,
        Err(_) => return visitor.refused(&RefusalCode::NotFound.into()),
    };
    let rule = match read(&visitor, &form) {
        Ok(rule) => rule,
        Err(refusal) => return page(&visitor, &actor, (&b, &r), form, Some(refusal), None).await,
    };
    if form.faire == "essayer" {
        return match visitor.op.try_rule(&actor, &rule).await {
            Ok(found) => page(&visitor, &actor, (&b, &r), form, None, Some(found)).await,
            Err(refusal) => page(&visitor, &actor, (&b, &r), form, Some(refusal), None).await,
        };
    }
    match visitor.op.set_rule(&actor, id, form.version, rule, !form.active.is_empty()).await {
        Ok(_) => visitor.see(&list_of(&b)),
        Err(refusal) => page(&visitor, &actor, (&b, &r), form, Some(refusal), None).await,
    }
}

/// `POST /bal/{b}/regle/{r}/monter`
pub(super) async fn up(Path((b, r)): Path<(String, String)>, Sent(visitor, from): Sent<Since>) -> Response {
    order(visitor, (b, r), from.version, true).await
}

/// `POST /bal/{b}/regle/{r}/descendre`
pub(super) async fn down(Path((b, r)): Path<(String, String)>, Sent(visitor, from): Sent<Since>) -> Response {
    order(visitor, (b, r), from.version, false).await
}

async fn order(visitor: Visitor, (b, r): (String, String), version: i64, up: bool) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let done = match r.parse() {
        Ok(id) => visitor.op.order_rule(&actor, id, version, up).await,
        Err(_) => Err(RefusalCode::NotFound.into()),
    };
    ended(&visitor, &b, done)
}

/// `POST /bal/{b}/regle/{r}/retirer`
pub(super) async fn remove(Path((b, r)): Path<(String, String)>, Sent(visitor, from): Sent<Since>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let done = match r.parse() {
        Ok(id) => visitor.op.remove_rule(&actor, id, from.version).await,
        Err(_) => Err(RefusalCode::NotFound.into()),
    };
    ended(&visitor, &b, done)
}

fn ended(visitor: &Visitor, b: &str, done: Result<(), Refusal>) -> Response {
    match done {
        Ok(()) => visitor.see(&list_of(b)),
        Err(refusal) => visitor.refused(&refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_a_sentence() {
        crate::make_known();
        let rule = Rule {
            name: "Labo".into(),
            any: false,
            when: vec![Condition::From("labo".into()), Condition::Larger(2 * MIB)],
            then: vec![Act::Flag],
            stop: false,
        };
        assert_eq!(conditions(Lang::Fr, &rule), "l’expéditeur contient «\u{a0}labo\u{a0}» et plus de 2 Mio");
        let said = conditions(Lang::En, &Rule { any: true, ..rule });
        assert!(said.contains(" or "), "{said}");
    }
}
