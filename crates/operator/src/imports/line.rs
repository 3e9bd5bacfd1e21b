//! One line: a person made or found, certified, taken into the structure, with a BAL asked for and verified. Everything that it needs is looked up
//! in the transaction that writes it.
use super::CERTIFIED;
use super::names::{free_address, free_login, is_there};
use super::work::Task;
use crate::accounts::NewBal;
use crate::accounts::memberships::taken_in;
use crate::accounts::people::conflict;
use crate::accounts::people::identity::certified;
use crate::accounts::people::views::{Exemption, NewPerson};
use crate::openings::ask::asked_and_verified;
use crate::openings::request::Request;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::csv::folded;
use sceau_domain::opening::Missing;
use sceau_domain::people_file::PersonLine;
use sceau_domain::text::text;
use sceau_domain::{Address, BalKind, Lang, Refusal, RefusalCode, UseCase, person, plain};
use sceau_store::imports::{self as rows, End};
use sceau_store::{Id, StoreError, Tx, accounts, roles};
use serde_json::json;

/// Names that a line was given before: those that a dry run told.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub login: String,
    pub address: Option<String>,
}

/// What a line did.
#[derive(Debug)]
pub(super) struct Done {
    pub end: End,
    /// The request that need not wait any more.
    pub ready: Option<Id>,
    /// Login of whoever has a BAL of this kind from now on.
    pub bal: Option<(String, BalKind)>,
}

fn done(code: &str, login: &str, address: Option<&str>, waits: &[Missing]) -> End {
    let mut args = vec![("name", login)];
    args.extend(address.map(|a| ("address", a)));
    // What is waited for, in the words of every door.
    let sentence = |lang| {
        let waits = waits.iter().map(|m| Refusal::from(m.clone()).sentence(lang));
        std::iter::once(text(lang, code, &args)).chain(waits).collect::<Vec<_>>().join(" ")
    };
    End {
        state: if code == "import.already" { "skipped" } else { "done" },
        code: code.into(),
        sentence_fr: sentence(Lang::Fr),
        sentence_en: sentence(Lang::En),
        login: Some(login.to_owned()),
        result: address.map(str::to_lowercase),
    }
}

/// Kind and address of the BAL that a line asks for. `admin.invalid`, `rcpt.syntax`.
fn wanted_bal(line: &PersonLine) -> Result<Option<(BalKind, Option<Address>)>, Refusal> {
    if !line.wants_bal() {
        return Ok(None);
    }
    let invalid = |column: &str| Refusal::new(RefusalCode::Invalid).with("name", column);
    let kind = if line.kind.is_empty() { "PER" } else { &line.kind };
    let kind: BalKind = kind.parse().map_err(|()| invalid("nature de BAL").with("cause", &line.kind))?;
    if line.address.is_empty() {
        // What is nobody's own has a name of its own.
        return match kind {
            BalKind::Per | BalKind::Med => Ok(Some((kind, None))),
            _ => Err(invalid("adresse de BAL")),
        };
    }
    let address = line.address.parse();
    let address = address.map_err(|_| Refusal::new(RefusalCode::RcptSyntax).with("address", &line.address))?;
    Ok(Some((kind, Some(address))))
}

/// Whom a line is about, by identifier: names identify nobody. A number that was mistyped may be somebody else's (`import.other_name`).
fn found(
    tx: &mut dyn Tx,
    task: &Task,
    line: &PersonLine,
    national: Option<&str>,
) -> Result<Option<accounts::Person>, Fail> {
    let found = match (national, line.local_id.as_str(), line.login.as_str()) {
        (Some(id), ..) => accounts::person_by_national_id(tx, id)?,
        (None, "", "") => return Err(Refusal::new(RefusalCode::IdentityMissing).into()),
        (None, "", login) => accounts::person_by_login(tx, &login.to_ascii_lowercase())?,
        (None, local, _) => match rows::person_by_local_id(tx, local, task.import.structure_id)? {
            Some(login) => accounts::person_by_login(tx, &login)?,
            None => None,
        },
    };
    let other = |known: &String| folded(known) != folded(&line.family_name);
    if found.as_ref().and_then(|p| p.family_name.as_ref()).is_some_and(other) {
        return Err(Refusal::new(RefusalCode::ImportOtherName).with("name", &line.family_name).into());
    }
    Ok(found)
}

/// Is somebody's ordinary address for this file to say? Whoever has one keeps it, and of whom others answer for the line says what is missing.
fn may_reach(tx: &mut dyn Tx, actor: &Actor, person: &accounts::Person) -> Result<bool, Fail> {
    if person.email.is_some() {
        return Ok(false);
    }
    match permit(tx, actor, UseCase::PersonEdit, On::Person(person.id)) {
        Ok(()) => Ok(true),
        Err(Fail::No(refusal)) if refusal.code == RefusalCode::RightMissing => Ok(false),
        Err(fail) => Err(fail),
    }
}

/// Carries a line out, judging everything. `earlier`: whoever has which kinds of BAL by the lines of a dry run that this one follows.
pub(super) fn carry(
    op: &Operator,
    tx: &mut dyn Tx,
    task: &Task,
    line: &PersonLine,
    given: Option<&Given>,
    earlier: &[(String, BalKind)],
) -> Result<Done, Fail> {
    let (actor, by, now) = (&task.actor, By::actor(&task.actor), op.now());
    let national = if line.national_id.is_empty() { None } else { Some(person::national_id(&line.national_id)?) };
    let wanted = wanted_bal(line)?;
    let ordinary = match line.notification_address.as_str() {
        "" => None,
        given => Some(op.ordinary(given, &line.login)?),
    };
    for (value, name) in [(&line.given_name, "prénom"), (&line.family_name, "nom")] {
        if value.is_empty() {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", name).into());
        }
    }
    let known = found(tx, task, line, national.as_deref())?;
    let place = task.import.structure_id;
    let member = match (&known, place) {
        (Some(p), Some(place)) => roles::structures_of_person(tx, p.id)?.contains(&place),
        (known, None) => known.is_some(),
        (None, Some(_)) => false,
    };
    let certify = task.import.kind == CERTIFIED && known.as_ref().is_none_or(|p| p.identity == "none");
    let there = match (&known, &wanted) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(p), Some((kind, address))) => {
            is_there(tx, p, *kind, address.as_ref())?
                || (address.is_none() && earlier.iter().any(|(login, k)| *login == p.login && k == kind))
        }
    };
    let reached = match &known {
        Some(p) => ordinary.is_some() && may_reach(tx, actor, p)?,
        None => ordinary.is_some(),
    };
    if let (Some(p), true) = (&known, member && !certify && there && !reached) {
        let shown = (!line.address.is_empty()).then_some(line.address.as_str());
        return Ok(Done { end: done("import.already", &p.login, shown, &[]), ready: None, bal: None });
    }

    let mut person = match &known {
        Some(person) => person.clone(),
        None => {
            let login = match (given, line.login.as_str()) {
                (Some(given), _) => given.login.clone(),
                (None, "") => free_login(tx, task, line, national.as_deref())?,
                (None, login) => login.to_ascii_lowercase(),
            };
            match op.draft_person(actor, &new_person(task, line, &login, national.as_ref())?)?.add(tx) {
                // The login was free a moment ago: somebody else took it meanwhile, and the line is tried again.
                Err(Fail::No(taken))
                    if taken.code == RefusalCode::Exists && given.is_none() && line.login.is_empty() =>
                {
                    return Err(StoreError::Exists("login".into()).into());
                }
                added => added?,
            }
        }
    };
    let said = json!({ "login": person.login, "import": task.import.id.to_string() });
    if let (Some(_), false, Some(code)) = (&known, member, &task.structure) {
        let function = plain::line(&line.function, "function", 120)?;
        taken_in(tx, actor, &person, code, &function, national.as_deref(), now.0)?;
        op.fact("membership.begun", &by, None, "ok", said.clone()).write(tx)?;
    }
    if certify && person.identity == "none" {
        permit(tx, actor, UseCase::PersonCertify, On::Person(person.id))?;
        let mut fact = op.fact("person.certified", &by, None, "ok", said);
        let how = certified(tx, actor, &mut person, now)?;
        fact.adding("how", how["how"].clone());
        if !accounts::update_person(tx, &person)? {
            return Err(conflict(&person.login));
        }
        fact.write(tx)?;
    }
    if let Some(to) = ordinary
        && may_reach(tx, actor, &person)?
    {
        let head = task.head.as_ref().map_err(Refusal::clone)?;
        op.new_address(head, actor, &person, &to)?.write(tx, actor)?;
    }
    let code = if known.is_some() { "import.found" } else { "import.made" };
    let Some((kind, address)) = wanted.filter(|_| !there) else {
        return Ok(Done { end: done(code, &person.login, None, &[]), ready: None, bal: None });
    };
    let address = match (address, given.and_then(|g| g.address.as_deref())) {
        (Some(address), _) => address,
        (None, Some(given)) => given.parse().map_err(|_| Fail::from(RefusalCode::Unavailable))?,
        (None, None) => {
            let patients: Vec<String> = op.config().patient_domains.iter().map(ToString::to_string).collect();
            free_address(tx, task, line, &patients)?
        }
    };
    let full_name = format!("{} {}", line.given_name, line.family_name);
    let name = if line.bal_name.is_empty() { &full_name } else { &line.bal_name };
    // Choices (liste rouge, telephone, zéro papier) are nobody's but the holder's: a file presets none (EX_PBA_5040).
    let asked = NewBal {
        structure: task.structure.clone(),
        description: line.description.clone(),
        service: line.service.clone(),
        responsible: line.responsible.clone(),
        ..NewBal::new(address.clone(), kind, name, &[&person.login])
    };
    let request = Request::new(op, asked)?;
    let (opening, waits) = asked_and_verified(tx, &op.draft(actor, &address), &request)?;
    let code = if waits.is_empty() { "import.bal_open" } else { "import.bal_waits" };
    let end = done(code, &person.login, Some(&request.address), &waits);
    Ok(Done { end, ready: waits.is_empty().then_some(opening), bal: Some((person.login, kind)) })
}

/// Whoever has no place in the base yet is added by the very rules of one person at a time.
fn new_person(task: &Task, line: &PersonLine, login: &str, national: Option<&String>) -> Result<NewPerson, Refusal> {
    let text = |t: &str| (!t.is_empty()).then(|| t.to_owned());
    let exemption = if line.local_id.is_empty() {
        None
    } else {
        let (identifier, reason) = (line.local_id.clone(), line.exemption_reason.clone());
        Some(Exemption { identifier, reason, until: line.exempt_until()? })
    };
    Ok(NewPerson {
        login: login.to_owned(),
        name: String::new(),
        national_id: national.cloned(),
        given_name: text(&line.given_name),
        family_name: text(&line.family_name),
        profession: text(&line.profession),
        speciality: text(&line.speciality),
        habilitated: line.habilitated,
        phone: text(&line.phone),
        structure: task.structure.clone(),
        function: text(&line.function),
        exemption,
    })
}
