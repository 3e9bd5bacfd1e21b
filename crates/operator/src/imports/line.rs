//! One line: a person made or found, certified, taken into the structure, with a BAL asked for and verified, in one transaction with the line's end.
use super::work::{Task, wrong};
use super::{CERTIFIED, place};
use crate::Operator;
use crate::accounts::NewBal;
use crate::accounts::memberships::taken_in;
use crate::accounts::people::identity::certified;
use crate::accounts::people::views::{Exemption, NewPerson};
use crate::accounts::people::{PersonDraft, conflict};
use crate::openings::ask::{Draft, asked_and_verified};
use crate::openings::request::Request;
use crate::record::{By, Fact};
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::terms::{Standing, standing};
use sceau_domain::csv::folded;
use sceau_domain::people_file::{PersonLine, read};
use sceau_domain::text::text;
use sceau_domain::{Address, BalKind, Lang, Refusal, RefusalCode, Timestamp, UseCase, naming, person, plain};
use sceau_store::imports::{self as rows, End, Line};
use sceau_store::{Id, StoreError, Tx, access, accounts, openings, roles, structures};
use serde_json::json;

/// Homonyms that are looked at for a name.
const HOMONYMS: usize = 1_000;
/// Somebody may take a proposed name between the look and the act: so often another is proposed.
const ATTEMPTS: usize = 3;

/// What follows a line.
#[derive(Debug)]
pub(super) enum Step {
    /// The next one.
    Next,
    /// Somebody else works on this import, or it was cancelled.
    Elsewhere,
    /// Whoever started it may not go on: why.
    Stopped(String),
}

/// What became of a line.
#[derive(Debug)]
pub(super) enum Worked {
    /// It is done and ended; an opening may go on.
    Ended(Option<Id>),
    /// It changed nothing, and is to be ended so.
    Told(End),
    /// Nothing was done.
    Step(Step),
}

/// Why a line's transaction is taken back.
#[derive(Debug)]
enum Back {
    Fail(Fail),
    /// A dry run: all went well.
    Dry(Box<End>),
    /// What another step follows from.
    Step(Step),
}
impl<T: Into<Fail>> From<T> for Back {
    fn from(fail: T) -> Self {
        Self::Fail(fail.into())
    }
}

/// The right to go on is missing: the import stops. Anything else fails as it does.
pub(super) fn stopped(fail: Fail) -> Result<Step, Fail> {
    match fail {
        Fail::No(refusal) if refusal.code == RefusalCode::RightMissing => {
            Ok(Step::Stopped(refusal.code.as_str().into()))
        }
        fail => Err(fail),
    }
}

/// What stands before a line, as a snapshot shows it.
#[derive(Debug)]
struct Look {
    /// Who it is about, when that person is known.
    person: Option<accounts::Person>,
    /// An earlier line of a dry run would have made that person.
    promised: bool,
    login: String,
    address: Option<Address>,
}

/// Everything that the transaction writes, made before it.
#[derive(Debug, Clone)]
struct Prepared {
    task: Task,
    number: i64,
    login: String,
    known: bool,
    promised: bool,
    national_id: Option<String>,
    function: String,
    add: Option<PersonDraft>,
    joined: Fact,
    certified: Fact,
    bal: Option<(Draft, Request)>,
    now: Timestamp,
}

fn done(code: &str, login: &str, address: Option<&str>) -> End {
    let mut args = vec![("name", login)];
    args.extend(address.map(|a| ("address", a)));
    let sentence = |lang| text(lang, code, &args);
    End {
        state: if code == "import.already" { "skipped" } else { "done" },
        code: code.into(),
        sentence_fr: sentence(Lang::Fr),
        sentence_en: sentence(Lang::En),
        login: Some(login.to_owned()),
        result: address.map(str::to_lowercase),
    }
}

impl Operator {
    /// Carries a line out, and ends it in the same transaction.
    pub(super) async fn carry_line_out(&self, task: &Task, row: Line) -> Result<Worked, Refusal> {
        let fields: Vec<String> = serde_json::from_str(&row.text).map_err(|_| RefusalCode::CsvLine)?;
        let line = read(&task.places, &fields)?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let look = match self.look_at_line(task, &row, &line).await? {
                Ok(look) => look,
                Err(end) => return Ok(Worked::Told(end)),
            };
            let prepared = self.prepare_line(task, row.line, &line, &look)?;
            let proposed = line.login.is_empty() || line.address.is_empty();
            match self.0.store.write(move |tx| act(tx, &prepared)).await {
                Ok(opening) => return Ok(Worked::Ended(opening)),
                Err(Back::Dry(end)) => return Ok(Worked::Told(*end)),
                Err(Back::Step(step)) => return Ok(Worked::Step(step)),
                Err(Back::Fail(fail)) => {
                    let refusal = Refusal::from(fail);
                    if refusal.code != RefusalCode::Exists || !proposed {
                        return Err(refusal);
                    }
                    last = Some(refusal);
                }
            }
        }
        Err(last.unwrap_or_else(|| RefusalCode::Exists.into()))
    }

    /// Looks at what is there: whom the line is about, which names are free; or how the line ends at once.
    async fn look_at_line(&self, task: &Task, row: &Line, line: &PersonLine) -> Result<Result<Look, End>, Refusal> {
        let national = if line.national_id.is_empty() { None } else { Some(person::national_id(&line.national_id)?) };
        let wanted = if line.wants_bal() { Some(self.wanted_bal(line)?) } else { None };
        let (task, row, line) = (task.clone(), row.clone(), line.clone());
        let patients: Vec<String> = self.config().patient_domains.iter().map(ToString::to_string).collect();
        let look = move |tx: &mut dyn Tx| {
            let id = task.import.id;
            if let Some(first) = rows::repeats(tx, id, &row.key, row.line)? {
                let who = format!("{} {}", line.given_name, line.family_name);
                let refusal = Refusal::new(RefusalCode::ImportRepeated).with("limit", first).with("name", who);
                return Ok::<_, Fail>(Err(wrong(&refusal)));
            }
            let found = match (&national, line.login.as_str()) {
                (Some(id), _) => accounts::person_by_national_id(tx, id)?,
                (None, "") => None,
                (None, login) => accounts::person_by_login(tx, &login.to_ascii_lowercase())?,
            };
            if let Some(p) = &found {
                // A number that was mistyped may be somebody else's.
                let other =
                    |known: &Option<String>| known.as_ref().is_some_and(|n| folded(n) != folded(&line.family_name));
                if other(&p.family_name) {
                    let refusal = Refusal::new(RefusalCode::ImportOtherName).with("name", &line.family_name);
                    return Ok(Err(wrong(&refusal)));
                }
            }
            let who = row.key.split('|').next().unwrap_or_default();
            let promised = match (&found, task.import.dry) {
                (None, true) => rows::same_person(tx, id, who, row.line)?,
                _ => None,
            };
            let login = match (&found, &promised, line.login.as_str()) {
                (Some(p), _, _) => p.login.clone(),
                (None, Some(login), _) => login.clone(),
                (None, None, "") => free_login(tx, id, &line, national.as_deref())?,
                (None, None, login) => login.to_ascii_lowercase(),
            };
            let place = task.import.structure_id;
            let address = match &wanted {
                None => None,
                Some((_, Some(address))) => Some(address.clone()),
                Some((_, None)) => Some(free_address(tx, id, &line, place, &patients)?),
            };
            let member = match (&found, place) {
                (Some(p), Some(place)) => roles::structures_of_person(tx, p.id)?.contains(&place),
                (found, None) => found.is_some(),
                (None, Some(_)) => false,
            };
            let certify = task.import.kind == CERTIFIED && found.as_ref().is_none_or(|p| p.identity == "none");
            let there = match (&found, &wanted) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(p), Some((kind, given))) => is_there(tx, p, *kind, given.as_ref())?,
            };
            let already = found.is_some() && member && !certify && there;
            if already {
                let shown = line.address.as_str();
                return Ok(Err(done("import.already", &login, (!shown.is_empty()).then_some(shown))));
            }
            if let (Some(address), true) = (&address, task.import.dry)
                && rows::takes_address(tx, id, &address.to_string().to_lowercase())?
            {
                let refusal = Refusal::new(RefusalCode::Exists).with("name", address);
                return Ok(Err(wrong(&refusal)));
            }
            let address = if there { None } else { address };
            Ok(Ok(Look { person: found, promised: promised.is_some(), login, address }))
        };
        Ok(self.0.store.read(look).await?)
    }

    /// Kind and address of the BAL that a line asks for. `admin.invalid`, `rcpt.syntax`.
    fn wanted_bal(&self, line: &PersonLine) -> Result<(BalKind, Option<Address>), Refusal> {
        let invalid = |column: &str| Refusal::new(RefusalCode::Invalid).with("name", column);
        let kind = if line.kind.is_empty() { "PER" } else { &line.kind };
        let kind: BalKind = kind.parse().map_err(|()| invalid("nature de BAL").with("cause", &line.kind))?;
        if line.address.is_empty() {
            // What is nobody's own has a name of its own.
            return if matches!(kind, BalKind::Per | BalKind::Med) {
                Ok((kind, None))
            } else {
                Err(invalid("adresse de BAL"))
            };
        }
        let address = line.address.parse();
        let address = address.map_err(|_| Refusal::new(RefusalCode::RcptSyntax).with("address", &line.address))?;
        Ok((kind, Some(address)))
    }

    fn prepare_line(&self, task: &Task, number: i64, line: &PersonLine, look: &Look) -> Result<Prepared, Refusal> {
        let (actor, by) = (&task.actor, By::actor(&task.actor));
        let national_id =
            if line.national_id.is_empty() { None } else { Some(person::national_id(&line.national_id)?) };
        let text = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        let exemption = if line.local_id.is_empty() {
            None
        } else {
            let (identifier, reason) = (line.local_id.clone(), line.exemption_reason.clone());
            Some(Exemption { identifier, reason, until: line.exempt_until()? })
        };
        // Whoever has no place in the base yet is added by the very rules of one person at a time.
        let structure = task.structure.clone();
        let new = NewPerson {
            login: look.login.clone(),
            name: String::new(),
            national_id: national_id.clone(),
            given_name: text(&line.given_name),
            family_name: text(&line.family_name),
            profession: text(&line.profession),
            speciality: text(&line.speciality),
            habilitated: line.habilitated,
            phone: text(&line.phone),
            structure: structure.clone(),
            function: text(&line.function),
            exemption,
        };
        for (value, name) in [(&new.given_name, "prénom"), (&new.family_name, "nom")] {
            if value.is_none() {
                return Err(Refusal::new(RefusalCode::Invalid).with("name", name));
            }
        }
        let add = if look.person.is_none() { Some(self.draft_person(actor, &new)?) } else { None };
        let bal = match &look.address {
            None => None,
            Some(address) => {
                let (kind, _) = self.wanted_bal(line)?;
                let name = format!("{} {}", line.given_name, line.family_name);
                let name = if line.bal_name.is_empty() { name } else { line.bal_name.clone() };
                let asked = NewBal {
                    structure,
                    description: line.description.clone(),
                    service: line.service.clone(),
                    responsible: line.responsible.clone(),
                    ..NewBal::new(address.clone(), kind, &name, &[&look.login])
                };
                Some((self.draft(actor, address), Request::new(self, asked)?))
            }
        };
        let said = json!({ "login": look.login, "import": task.import.id.to_string() });
        Ok(Prepared {
            task: task.clone(),
            number,
            login: look.login.clone(),
            known: look.person.is_some(),
            promised: look.promised,
            national_id,
            function: plain::line(&line.function, "function", 120)?,
            add,
            joined: self.fact("membership.begun", &by, None, "ok", said.clone()),
            certified: self.fact("person.certified", &by, None, "ok", said),
            bal,
            now: self.now(),
        })
    }
}

/// Carries a line out. Everything is judged again.
fn act(tx: &mut dyn Tx, p: &Prepared) -> Result<Option<Id>, Back> {
    let (import, actor) = (&p.task.import, &p.task.actor);
    if let Err(fail) = permit(tx, actor, UseCase::ImportStart, place(import)) {
        return Err(Back::Step(stopped(fail)?));
    }
    let mut person = match &p.add {
        Some(draft) => draft.add(tx)?,
        None => {
            let person = accounts::person_by_login(tx, &p.login)?.ok_or(RefusalCode::NotFound)?;
            let place = p.task.structure.as_deref();
            if let Some(code) = place
                && !member(tx, person.id, import.structure_id)?
            {
                taken_in(tx, actor, &person, code, &p.function, p.national_id.as_deref(), p.now.0)?;
                p.joined.write(tx)?;
            }
            person
        }
    };
    if import.kind == CERTIFIED && person.identity == "none" {
        permit(tx, actor, UseCase::PersonCertify, On::Person(person.id))?;
        let mut fact = p.certified.clone();
        let how = certified(tx, actor, &mut person, p.now)?;
        fact.adding("how", how["how"].clone());
        if !accounts::update_person(tx, &person)? {
            return Err(conflict(&person.login).into());
        }
        fact.write(tx)?;
    }
    let mut end = done(if p.known || p.promised { "import.found" } else { "import.made" }, &p.login, None);
    let mut opening = None;
    if let Some((draft, request)) = &p.bal {
        opening = Some(asked_and_verified(tx, draft, request)?);
        let waits = standing(tx, person.id, p.now.0)? != Standing::Accepted;
        end = done(if waits { "import.bal_waits" } else { "import.bal_open" }, &p.login, Some(&request.address));
    }
    if import.dry {
        return Err(Back::Dry(Box::new(end)));
    }
    if !rows::end_line(tx, import.id, import.next_line, p.number, &end, p.now.0)? {
        return Err(Back::Step(Step::Elsewhere));
    }
    Ok(opening)
}

fn member(tx: &mut dyn Tx, person: Id, structure: Option<Id>) -> Result<bool, StoreError> {
    Ok(match structure {
        Some(id) => roles::structures_of_person(tx, person)?.contains(&id),
        None => true,
    })
}

/// Has the person such a BAL, open or asked for?
fn is_there(tx: &mut dyn Tx, p: &accounts::Person, kind: BalKind, address: Option<&Address>) -> Result<bool, Fail> {
    let asked = |o: &openings::Opening| {
        Request::read(&o.request).is_ok_and(|r| r.kind == kind && r.people.iter().any(|(login, _)| *login == p.login))
    };
    if let Some(address) = address {
        let key = address.key();
        if let Some(bal) = accounts::bal_by_address(tx, &key)? {
            return Ok(bal.state != "closed" && access::in_force(tx, p.id, bal.id)?.is_some());
        }
        return Ok(openings::under_way(tx, &key)?.as_ref().is_some_and(asked));
    }
    // Without an address: any personal one.
    for held in access::of_person(tx, p.id)? {
        if held.role == "holder"
            && accounts::bal_by_id(tx, held.bal_id)?.is_some_and(|b| b.kind == kind.as_str() && b.state != "closed")
        {
            return Ok(true);
        }
    }
    for id in openings::waiting_for(tx, p.id)? {
        if openings::by_id(tx, id)?.as_ref().is_some_and(asked) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A free login: `prenom.nom`, homonyms numbered; from the identifier when nothing of the name can be written so.
fn free_login(tx: &mut dyn Tx, import: Id, line: &PersonLine, national: Option<&str>) -> Result<String, Fail> {
    let mut tried: Vec<String> = Vec::new();
    while tried.len() < HOMONYMS {
        let next = naming::suggest(&line.given_name, &line.family_name, |l| tried.iter().any(|t| t == l));
        let Some(login) = next.or_else(|| national.map(|id| format!("p{}", id.to_ascii_lowercase()))) else { break };
        if accounts::person_by_login(tx, &login)?.is_none() && !rows::takes_login(tx, import, &login)? {
            return Ok(login);
        }
        if tried.contains(&login) {
            break;
        }
        tried.push(login);
    }
    Err(Refusal::new(RefusalCode::Invalid).with("name", "identifiant").into())
}

/// A free address: `prenom.nom` in the line's domain, or in the structure's first one.
fn free_address(
    tx: &mut dyn Tx,
    import: Id,
    line: &PersonLine,
    structure: Option<Id>,
    patients: &[String],
) -> Result<Address, Fail> {
    let invalid = |column: &str| Fail::from(Refusal::new(RefusalCode::Invalid).with("name", column));
    let domain = match (line.domain.as_str(), structure) {
        ("", Some(id)) => structures::domains(tx, id)?.into_iter().find(|d| !patients.contains(d)),
        ("", None) => None,
        (domain, _) => Some(domain.to_lowercase()),
    };
    let domain = domain.ok_or_else(|| invalid("domaine"))?;
    let mut tried: Vec<String> = Vec::new();
    while tried.len() < HOMONYMS {
        let next = naming::suggest(&line.given_name, &line.family_name, |l| tried.iter().any(|t| t == l));
        let Some(local) = next else { break };
        let address: Address = format!("{local}@{domain}").parse().map_err(|_| invalid("domaine"))?;
        let key = address.key();
        let taken = accounts::bal_by_address(tx, &key)?.is_some()
            || openings::under_way(tx, &key)?.is_some()
            || rows::takes_address(tx, import, &key)?;
        if !taken {
            return Ok(address);
        }
        tried.push(local);
    }
    Err(invalid("adresse de BAL"))
}
