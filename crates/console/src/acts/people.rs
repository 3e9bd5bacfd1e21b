//! Acts on people, their roles and the replacement of their means.
use crate::act::{Act, Begins, Form, NOTHING, Takes, WHY, act};
use crate::board::Outcome;
use crate::carry::{Done, Filled, invalid, row, unknown};
use crate::frame::{Ask, last_day};
use crate::table::{number, text};
use axum::response::Response;
use sceau_domain::calendar::Territory;
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_operator::accounts::people::views::{Code, Exemption, PersonChange};
use sceau_operator::accounts::{NewPerson, NewTokenLink, TokenView};
use sceau_operator::life::{Departure, DepartureView};
use sceau_operator::roles::NewRole;
use sceau_web::layout;

const ROLES: &[&str] = &["structure", "region", "support", "auditor", "administrator"];

/// Who somebody is.
const TRAITS: &[(&str, Takes)] = &[
    ("given_name", Takes::Line),
    ("family_name", Takes::Line),
    ("name", Takes::Line),
    ("national_id", Takes::Line),
    ("profession", Takes::Line),
    ("speciality", Takes::Line),
    ("habilitated", Takes::Tick),
    ("version", Takes::Kept),
];

/// All of them.
pub(crate) const ACTS: &[Act] = &[
    act(
        ("personnes", "ajouter"),
        UseCase::PersonAdd,
        "btn-main",
        &[
            ("login", Takes::Line),
            ("given_name", Takes::Line),
            ("family_name", Takes::Line),
            ("national_id", Takes::Line),
            ("identifier", Takes::Line),
            ("exemption_reason", Takes::Line),
            ("exemption_until", Takes::Day),
            ("structure", Takes::Line),
            ("function", Takes::Line),
        ],
    ),
    act(
        ("personnes", "accueillir"),
        UseCase::MembershipEdit,
        "",
        &[("login", Takes::Line), ("national_id", Takes::Line), ("structure", Takes::Line), ("function", Takes::Line)],
    ),
    act(("personnes", "certifier"), UseCase::PersonCertify, "btn-main", NOTHING),
    act(("personnes", "modifier"), UseCase::PersonAdd, "", TRAITS),
    act(
        ("personnes", "coordonnees"),
        UseCase::PersonEdit,
        "",
        &[("email", Takes::Line), ("phone", Takes::Line), ("version", Takes::Kept)],
    ),
    act(("personnes", "renvoyer-lien"), UseCase::PersonEdit, "", NOTHING),
    act(
        ("personnes", "exempter"),
        UseCase::PersonCertify,
        "",
        &[
            ("identifier", Takes::Line),
            ("exemption_reason", Takes::Line),
            ("exemption_until", Takes::Day),
            ("version", Takes::Kept),
        ],
    ),
    act(("personnes", "fin-exemption"), UseCase::PersonCertify, "btn-risk", NOTHING),
    act(
        ("personnes", "rattacher"),
        UseCase::MembershipEdit,
        "",
        &[("structure", Takes::Line), ("function", Takes::Line)],
    ),
    act(("personnes", "inviter"), UseCase::FactorInvite, "", NOTHING),
    act(
        ("personnes", "remplacer-moyens"),
        UseCase::RecoveryAsk,
        "",
        &[("checked", Takes::Lines), ("reason", Takes::Lines)],
    ),
    act(
        ("personnes", "envoyer-jeton"),
        UseCase::TokenCreate,
        "",
        &[("token_label", Takes::Line), ("token_bal", Takes::Given), ("token_until", Takes::Day)],
    ),
    act(("personnes", "fermer-session"), UseCase::SessionEnd, "", &[("session", Takes::Given)]),
    act(("personnes", "revoquer-jeton"), UseCase::TokenRevoke, "btn-risk", &[("token", Takes::Given)]),
    act(("personnes", "bloquer"), UseCase::PersonBlock, "btn-risk", WHY),
    act(("personnes", "debloquer"), UseCase::PersonBlock, "", WHY),
    act(
        ("personnes", "depart"),
        UseCase::MembershipEdit,
        "btn-risk",
        &[
            ("structure", Takes::Given),
            ("personal", Takes::One(&["suspend", "close", "keep"])),
            ("reason", Takes::Lines),
        ],
    ),
    act(
        ("roles", "donner"),
        UseCase::RoleGrant,
        "btn-main",
        &[
            ("login", Takes::Line),
            ("role", Takes::One(ROLES)),
            ("structure", Takes::Line),
            ("body", Takes::Line),
            ("function", Takes::Line),
            ("reason", Takes::Lines),
        ],
    ),
    act(("roles", "retirer"), UseCase::RoleGrant, "btn-risk", WHY),
    act(("recuperations", "confirmer"), UseCase::RecoveryConfirm, "btn-main", NOTHING),
    act(("recuperations", "arreter"), UseCase::RecoveryStop, "btn-risk", NOTHING),
];

/// What a form begins with.
pub(crate) async fn begins(ask: &Ask, act: &Act, id: &str) -> Result<Begins, Refusal> {
    let mut begun = Begins::default();
    match (act.place, act.name) {
        ("personnes", "ajouter" | "accueillir") | ("roles", "donner") => {
            super::suggest_structures(ask, &mut begun).await;
            if act.place == "roles" && ask.may(UseCase::BodyList) {
                let bodies = ask.op().bodies(&ask.actor).await.unwrap_or_default().into_iter();
                begun.choices.insert("body", bodies.map(|b| (b.code, b.name)).collect());
            }
        }
        ("personnes", _) => return of_person(ask, act, id).await,
        ("recuperations", _) => {
            let asked = ask.op().recovery(&ask.actor, row(id)?).await?;
            begun.about = Some(format!("{} – {} {}", asked.login, ask.t("column.by").to_lowercase(), asked.asked_by));
        }
        ("roles", _) => {
            let role = ask.op().role(&ask.actor, row(id)?).await?;
            begun.about = Some(format!("{} – {}", role.name, ask.word(&role.role)));
        }
        _ => {}
    }
    Ok(begun)
}

async fn of_person(ask: &Ask, act: &Act, id: &str) -> Result<Begins, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let p = op.person(actor, id).await?;
    let mut begun = Begins::about(format!("{} ({})", p.name, p.login));
    begun.set("version", p.version.to_string());
    let code = |c: &Option<Code>| c.as_ref().map(|c| c.code.clone()).unwrap_or_default();
    match act.name {
        "modifier" => {
            begun.maybe("given_name", p.given_name.as_deref()).maybe("family_name", p.family_name.as_deref());
            begun.set("name", p.name.clone()).maybe("national_id", p.national_id.as_deref());
            begun.set("profession", code(&p.profession)).set("speciality", code(&p.speciality));
            begun.tick("habilitated", p.habilitated);
            super::suggest_codes(ask, &mut begun, "profession", "professions").await;
            super::suggest_codes(ask, &mut begun, "speciality", "specialities").await;
        }
        "coordonnees" => {
            begun.maybe("email", p.email.as_ref().map(|e| e.address.as_str())).maybe("phone", p.phone.as_deref());
        }
        "exempter" => {
            if let Some(e) = &p.exemption {
                begun.set("identifier", e.identifier.clone()).set("exemption_reason", e.reason.clone());
                begun.set("exemption_until", e.until.map(last_day).unwrap_or_default());
            }
        }
        "rattacher" => super::suggest_structures(ask, &mut begun).await,
        "depart" => {
            let works = p.memberships.iter().filter(|m| m.ended.is_none());
            begun.choices.insert("structure", works.map(|m| (m.structure.clone(), m.structure_name.clone())).collect());
        }
        "envoyer-jeton" => {
            let all = (String::new(), ask.word("every_bal"));
            let own = p.bals.iter().map(|(address, _)| (address.clone(), address.clone()));
            begun.choices.insert("token_bal", [all].into_iter().chain(own).collect());
        }
        "fermer-session" => {
            let open = op.sessions(actor, id).await?.into_iter().map(|s| {
                let place = s.place.map(|place| format!(", {place}")).unwrap_or_default();
                (
                    s.id.to_string(),
                    format!("{}{place} – {}", s.agent, layout::instant(ask.lang(), s.seen, Territory::Metropole)),
                )
            });
            begun.choices.insert("session", open.collect());
        }
        "revoquer-jeton" => {
            let good = tokens(ask, id).await?.into_iter();
            let known = good
                .map(|t| (t.id.to_string(), format!("{} – {}", ask.word(&format!("token_{}", t.purpose)), t.label)));
            begun.choices.insert("token", known.collect());
        }
        _ => {}
    }
    Ok(begun)
}

/// Tokens of a person that open something.
pub(crate) async fn tokens(ask: &Ask, login: &str) -> Result<Vec<TokenView>, Refusal> {
    let all = ask.op().tokens(&ask.actor, Some(login), 0, 1_000).await?;
    Ok(all.into_iter().filter(|t| t.revoked.is_none() && t.purpose != "web").collect())
}

/// An exemption from the national identifier, when one is filled in.
fn exemption(f: &Filled<'_>, was: Option<Timestamp>) -> Result<Option<Exemption>, Refusal> {
    let Some(identifier) = f.maybe("identifier") else { return Ok(None) };
    let until = f.until("exemption_until", was)?.ok_or_else(|| invalid("exemption_until"))?;
    Ok(Some(Exemption { identifier, reason: f.line("exemption_reason").to_owned(), until }))
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    if (act.place, act.name) == ("personnes", "depart") {
        let f = Filled(form);
        let (structure, personal) = (f.line("structure").to_owned(), f.one("personal")?);
        let order = Departure { structure, reason: f.line("reason").to_owned(), personal };
        return Ok(Done::Page(departed(ask, ask.op().depart(&ask.actor, id, order).await?)));
    }
    people(ask, act, id, form).await.map(|to| Done::At(act.place, to))
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
                exemption: exemption(&f, None)?,
                ..NewPerson::default()
            };
            return Ok(op.add_person(actor, new).await?.login);
        }
        ("personnes", "accueillir") => {
            let (login, number) = (f.line("login"), f.maybe("national_id"));
            let (structure, function) = (f.line("structure"), f.line("function"));
            return Ok(op.join_structure(actor, login, structure, function, number.as_deref()).await?.login);
        }
        ("personnes", "modifier") => modify(ask, id, &f).await?,
        ("personnes", "coordonnees") => contact(ask, id, &f).await?,
        ("personnes", "renvoyer-lien") => {
            let email = op.person(actor, id).await?.email.ok_or_else(|| invalid("email"))?;
            // It is confirmed meanwhile: to set it again would take that back.
            if email.verified.is_some() {
                return Err(Refusal::new(RefusalCode::StateWrong).with("name", email.address));
            }
            drop(op.set_email(actor, id, &email.address).await?);
        }
        ("personnes", "exempter") => {
            let was = op.person(actor, id).await?.exemption.and_then(|e| e.until);
            let new = exemption(&f, was)?.ok_or_else(|| invalid("identifier"))?;
            drop(op.exempt_person(actor, id, f.version()?, new).await?);
        }
        ("personnes", "fin-exemption") => {
            let version = op.person(actor, id).await?.version;
            drop(op.end_exemption(actor, id, version).await?);
        }
        ("personnes", "envoyer-jeton") => {
            let new = NewTokenLink {
                login: id.to_owned(),
                bal: f.maybe("token_bal"),
                label: f.line("token_label").to_owned(),
                expires: f.until("token_until", None)?,
                ..NewTokenLink::default()
            };
            drop(op.send_token_link(actor, new).await?);
        }
        ("personnes", "fermer-session") => {
            // One of this person's alone, whatever number comes.
            let session = row(f.line("session")).map_err(|_| invalid("session"))?;
            if !op.sessions(actor, id).await?.iter().any(|s| s.id == session) {
                return Err(invalid("session"));
            }
            op.end_session(actor, Some(session)).await?;
        }
        ("personnes", "revoquer-jeton") => {
            let token = row(f.line("token")).map_err(|_| invalid("token"))?;
            if !tokens(ask, id).await?.iter().any(|t| t.id == token) {
                return Err(invalid("token"));
            }
            op.revoke_token(actor, token).await?;
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

/// What a departure ended, and what there is to decide now. Whoever left may be nobody of the asker's any more.
fn departed(ask: &Ask, left: DepartureView) -> Response {
    let mut facts = vec![
        ("structure", ask.link("structures", &left.structure)),
        ("accesses_ended", number(left.accesses)),
        ("roles_ended", number(left.roles)),
        ("tokens_revoked", number(left.tokens)),
    ];
    let open = left.personal.iter().filter(|bal| bal.next != "none");
    let to_decide: Vec<_> = open.map(|bal| ("to_decide", ask.link("bal", &bal.address))).collect();
    let without = left.without_responsible.iter().map(|address| ("without_responsible", ask.link("bal", address)));
    let mut findings = Vec::new();
    if left.without_administrator {
        findings.push((ask.state("warning"), ask.t("check.no_administrator")));
    }
    let nothing = to_decide.is_empty() && left.without_responsible.is_empty() && findings.is_empty();
    facts.extend(to_decide);
    facts.extend(without);
    facts.extend(left.openings.iter().map(|address| ("opening_over", text(address.as_str()))));
    let outcome = Outcome {
        title: ask.t("act.personnes-depart.done"),
        state: Some(ask.state("done")),
        text: ask.t(if nothing { "check.left_nothing" } else { "check.left_more" }),
        facts,
        findings,
        ..Outcome::default()
    };
    ask.outcome("-", outcome)
}

/// Who somebody is, changed: what was not touched is not sent.
async fn modify(ask: &Ask, id: &str, f: &Filled<'_>) -> Result<(), Refusal> {
    let p = ask.op().person(&ask.actor, id).await?;
    let was = |text: &Option<String>| text.clone().unwrap_or_default();
    let code = |code: &Option<Code>| code.as_ref().map(|c| c.code.clone()).unwrap_or_default();
    let change = PersonChange {
        name: f.changed("name", &p.name),
        given_name: f.changed("given_name", &was(&p.given_name)),
        family_name: f.changed("family_name", &was(&p.family_name)),
        national_id: f.changed("national_id", &was(&p.national_id)),
        profession: f.changed("profession", &code(&p.profession)),
        speciality: f.changed("speciality", &code(&p.speciality)),
        habilitated: Some(f.tick("habilitated")).filter(|now| *now != p.habilitated),
        phone: None,
    };
    ask.op().edit_person(&ask.actor, id, f.version()?, change).await.map(drop)
}

/// How somebody is reached: the telephone, and the ordinary address, to which a link goes.
async fn contact(ask: &Ask, id: &str, f: &Filled<'_>) -> Result<(), Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let p = op.person(actor, id).await?;
    if let Some(phone) = f.changed("phone", p.phone.as_deref().unwrap_or_default()) {
        let change = PersonChange { phone: Some(phone), ..PersonChange::default() };
        drop(op.edit_person(actor, id, f.version()?, change).await?);
    }
    match f.changed("email", p.email.as_ref().map_or("", |e| e.address.as_str())).as_deref() {
        None => {}
        Some("") => drop(op.clear_email(actor, id).await?),
        Some(address) => drop(op.set_email(actor, id, address).await?),
    }
    Ok(())
}
