//! Each act as the call that carries it out. Translation only: what is allowed, and what a field may hold, the calls decide.
use crate::act::{Act, Form};
use crate::frame::{Ask, named};
use sceau_domain::report::ReportState;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_operator::accounts::{NewBal, NewPerson};
use sceau_operator::grants::NewAccess;
use sceau_operator::life::{CloseOrder, Departure};
use sceau_operator::openings::NewOpening;
use sceau_operator::queue::{Chosen, Holding};
use sceau_operator::reports::NewAnnouncement;
use sceau_operator::roles::NewRole;

/// Where one goes after an act, or what it hands over.
pub(crate) enum Done {
    /// To the sheet of something; with an empty id, to the list.
    At(&'static str, String),
    /// A file: its name, its bytes.
    File(String, Vec<u8>),
}

fn invalid(name: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name)
}

/// What was filled in.
struct Filled<'a>(&'a Form);

impl Filled<'_> {
    fn line(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |v| v.trim())
    }
    fn maybe(&self, name: &str) -> Option<String> {
        Some(self.line(name)).filter(|v| !v.is_empty()).map(str::to_owned)
    }
    fn one<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Refusal> {
        named(self.line(name)).ok_or_else(|| invalid(name))
    }
    /// Several, with spaces or commas between.
    fn several(&self, name: &str) -> Vec<String> {
        let parts = self.line(name).split([' ', ',', ';', '\n']).map(str::trim);
        parts.filter(|p| !p.is_empty()).map(str::to_owned).collect()
    }
}

/// An id as an address names it.
pub(crate) fn row(id: &str) -> Result<i64, Refusal> {
    id.parse().map_err(|_| Refusal::new(RefusalCode::NotFound).with("name", id))
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    let to = match act.place {
        "personnes" | "structures" | "roles" | "recuperations" => people(ask, act, id, form).await?,
        "bal" | "demandes" => bals(ask, act, id, form).await?,
        "file" => queue(ask, act, id, form).await?,
        "traces" => {
            let bundle = ask.op().evidence(&ask.actor, row(id)?, None).await?;
            let bytes = serde_json::to_vec_pretty(&bundle).map_err(|_| RefusalCode::Defect)?;
            return Ok(Done::File(format!("preuve-{}.json", row(id)?), bytes));
        }
        _ => others(ask, act, id, form).await?,
    };
    Ok(Done::At(act.place, to))
}

fn unknown(act: &Act) -> Refusal {
    Refusal::new(RefusalCode::NotFound).with("name", act.name)
}

async fn people(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<String, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    match (act.place, act.name) {
        ("personnes", "ajouter") => {
            let (given, family) = (f.maybe("given_name"), f.maybe("family_name"));
            let whole: Vec<&str> = [given.as_deref(), family.as_deref()].into_iter().flatten().collect();
            let new = NewPerson {
                login: f.line("login").to_owned(),
                name: whole.join(" "),
                national_id: f.maybe("national_id"),
                structure: f.maybe("structure"),
                function: f.maybe("function"),
                given_name: given,
                family_name: family,
                ..NewPerson::default()
            };
            return Ok(op.add_person(actor, new).await?.login);
        }
        ("personnes", "certifier") => {
            let version = op.person(actor, id).await?.version;
            drop(op.certify_person(actor, id, version).await?);
        }
        ("personnes", "rattacher") => {
            drop(op.join_structure(actor, id, f.line("structure"), f.line("function"), None).await?);
        }
        ("personnes", "inviter") => drop(op.invite(actor, id).await?),
        ("personnes", "remplacer-moyens") => drop(op.ask_recovery(actor, id, (f.line("checked"), reason)).await?),
        ("personnes", "bloquer") => drop(op.block_person(actor, id, reason).await?),
        ("personnes", "debloquer") => drop(op.release_person(actor, id, reason).await?),
        ("personnes", "depart") => {
            let (structure, personal) = (f.line("structure").to_owned(), f.one("personal")?);
            drop(op.depart(actor, id, Departure { structure, reason: reason.to_owned(), personal }).await?);
            // Whoever left may be nobody of the asker's any more.
            return Ok(String::new());
        }
        ("structures", "bloquer") => drop(op.block_structure(actor, id, reason).await?),
        ("structures", "debloquer") => drop(op.release_structure(actor, id, reason).await?),
        ("roles", "donner") => {
            let new = NewRole {
                login: f.line("login").to_owned(),
                role: f.one("role")?,
                structure: f.maybe("structure"),
                body: f.maybe("body"),
                function: f.maybe("function"),
                reason: reason.to_owned(),
            };
            drop(op.grant_role(actor, new).await?);
            return Ok(String::new());
        }
        ("roles", "retirer") => {
            drop(op.end_role(actor, row(id)?, reason).await?);
            return Ok(String::new());
        }
        ("recuperations", "confirmer") => drop(op.confirm_recovery(actor, row(id)?).await?),
        ("recuperations", "arreter") => drop(op.stop_recovery(actor, row(id)?).await?),
        _ => return Err(unknown(act)),
    }
    Ok(if act.place == "recuperations" { String::new() } else { id.to_owned() })
}

async fn bals(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<String, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    match (act.place, act.name) {
        ("bal", "donner-acces") => {
            let new = NewAccess {
                login: f.line("login").to_owned(),
                role: f.line("role").parse().map_err(|()| invalid("role"))?,
                rights: None,
                starts: None,
                ends: None,
                reason: f.maybe("reason"),
            };
            drop(op.give_access(actor, id, new).await?);
        }
        ("bal", "retirer-acces") => {
            drop(op.end_access(actor, id, f.line("login"), f.maybe("reason").as_deref()).await?);
        }
        ("bal", "suspendre") => drop(op.suspend_bal(actor, id, reason).await?),
        ("bal", "reprendre") => drop(op.resume_bal(actor, id, reason).await?),
        ("bal", "bloquer") => drop(op.block_bal(actor, id, reason).await?),
        ("bal", "debloquer") => drop(op.release_bal(actor, id, reason).await?),
        ("bal", "clore") => {
            let order = CloseOrder {
                cause: f.one("cause")?,
                reason: reason.to_owned(),
                identity_proof: f.maybe("identity_proof"),
                cooling_days: None,
            };
            drop(op.close_bal(actor, id, order).await?);
        }
        ("bal", "garder") => drop(op.keep_bal(actor, id, reason).await?),
        ("demandes", "ouvrir") => {
            let address: Address = f.line("address").parse().map_err(|_| invalid("address"))?;
            let holders = f.several("holders");
            let holders: Vec<&str> = holders.iter().map(String::as_str).collect();
            let mut new = NewBal::new(address, f.one("kind")?, f.line("name"), &holders);
            new.structure = f.maybe("structure");
            new.members = f.several("members");
            return Ok(op.ask_opening(actor, NewOpening::Open(new)).await?.id);
        }
        ("demandes", "verifier") => drop(op.verify_opening(actor, row(id)?, None).await?),
        ("demandes", "refuser") => drop(op.refuse_opening(actor, row(id)?, reason).await?),
        ("demandes", "annuler") => drop(op.cancel_opening(actor, row(id)?).await?),
        _ => return Err(unknown(act)),
    }
    Ok(id.to_owned())
}

async fn queue(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<String, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let why = f.line("reason");
    let one = || row(id).map(Chosen::Entry);
    let stays = match act.name {
        "relancer" => op.queue_retry_entry(actor, row(id)?).await.map(|_| true)?,
        "tout-relancer" => {
            let chosen = match f.maybe("destination") {
                Some(domain) => Chosen::Destination(domain.parse().map_err(|_| invalid("destination"))?),
                None => Chosen::All,
            };
            op.queue_retry(actor, &chosen).await.map(|_| false)?
        }
        "retenir" => {
            op.queue_hold(actor, &one()?, &Holding { why: why.to_owned(), until: None }).await.map(|_| true)?
        }
        "liberer" => op.queue_release(actor, &one()?).await.map(|_| true)?,
        "retourner" => op.queue_return(actor, &one()?, why).await.map(|_| false)?,
        "supprimer" => op.queue_delete(actor, &one()?, why, None).await.map(|_| false)?,
        _ => return Err(unknown(act)),
    };
    Ok(if stays { id.to_owned() } else { String::new() })
}

async fn others(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<String, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    match (act.place, act.name) {
        ("certificats", "retirer") => drop(op.retire_certificate(actor, row(id)?, reason).await?),
        ("alarmes", "acquitter") => {
            let (code, subject) = id.split_once(' ').unwrap_or((id, ""));
            op.acknowledge_alarm(actor, code, subject).await?;
        }
        ("abus", "decider") => {
            drop(op.decide_abuse(actor, row(id)?, f.one("decision")?, reason).await?);
            return Ok(id.to_owned());
        }
        ("signalements", "repondre") => {
            let done = f.one::<ReportState>("outcome")? == ReportState::Done;
            drop(op.answer_report(actor, row(id)?, done, f.line("answer")).await?);
            return Ok(id.to_owned());
        }
        ("signalements", "transmettre") => drop(op.pass_report(actor, row(id)?, reason).await?),
        ("annonces", "publier") => {
            let (title, text) = (f.line("title").to_owned(), f.line("text").to_owned());
            drop(op.announce(actor, NewAnnouncement { body: f.maybe("body"), title, text }).await?);
        }
        ("limites", "fixer") => {
            let value = f.line("value").parse().map_err(|_| invalid("value"))?;
            let (scope, subject) = (f.line("scope"), f.line("subject"));
            drop(op.set_policy(actor, scope, subject, f.line("limit"), value).await?);
        }
        _ => return Err(unknown(act)),
    }
    Ok(String::new())
}
