//! Means that were lost are replaced: asked by one, confirmed by another, after a delay that the person may use to object (F041, F046).
//!
//! Promises: nobody alone makes himself somebody else: who asks does not confirm, neither of them typed in the address that the link goes to, nobody
//! does either for himself; the person is told at the ordinary address and in each of his own BALs before anything happens, and one objection ends it;
//! what was open in the person's name ends with it.
use super::enrol;
use super::factors::own;
use crate::boxed;
use crate::mail::post::{Letter, Speaker, To};
use crate::notices::Template;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Door, Operator, Origin};
use sceau_domain::text::text;
use sceau_domain::{AccessRole, Address, Lang, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_message::compose::Compose;
use sceau_store::notices::{self as links, Link};
use sceau_store::recoveries::{self as rows, Recovery};
use sceau_store::{Id, Tx, access, accounts, alarms};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// States, as rows name them.
const ASKED: &str = "asked";
const CONFIRMED: &str = "confirmed";
pub(super) const OPEN: &str = "open";
pub(super) const DONE: &str = "done";
/// What the link of an objection is for; the recovery's id follows.
const OBJECT: &str = "object:";
/// Longest words, characters.
const WORDS: usize = 500;
/// How one ends before it served: its state, and what its trace says.
type End = (&'static str, &'static str);
const OBJECTED: End = ("objected", "recovery.objected");
const WITHDRAWN: End = ("withdrawn", "recovery.withdrawn");
/// Nobody carried it on, or its link was not used in time.
const EXPIRED: End = ("expired", "recovery.expired");
/// One that nobody carried on ends after this long, milliseconds.
const STALE: i64 = 30 * 86_400_000;
/// Taken up in one round.
const ROUND: i64 = 50;

/// A replacement of lost means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecoveryView {
    /// Number.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: Id,
    /// Whose: login.
    pub login: String,
    /// `asked`, `confirmed`, `open` (the link was sent), `done`, `objected`, `withdrawn` or `expired`.
    pub state: String,
    /// How the identity was checked.
    pub checked: String,
    /// Why.
    pub reason: String,
    /// When.
    #[schema(value_type = i64)]
    pub asked: Timestamp,
    /// By whom: login.
    pub asked_by: String,
    /// Confirmed at.
    #[schema(value_type = Option<i64>)]
    pub confirmed: Option<Timestamp>,
    /// By whom: login.
    pub confirmed_by: Option<String>,
    /// Not before.
    #[schema(value_type = Option<i64>)]
    pub opens: Option<Timestamp>,
    /// Over since.
    #[schema(value_type = Option<i64>)]
    pub ended: Option<Timestamp>,
}

fn login_of(tx: &mut dyn Tx, id: Id) -> Result<String, Fail> {
    Ok(accounts::person_by_id(tx, id)?.map(|p| p.login).unwrap_or_default())
}

fn view(tx: &mut dyn Tx, r: Recovery) -> Result<RecoveryView, Fail> {
    Ok(RecoveryView {
        login: login_of(tx, r.person_id)?,
        asked_by: login_of(tx, r.asked_by)?,
        confirmed_by: r.confirmed_by.map(|id| login_of(tx, id)).transpose()?,
        id: r.id,
        state: r.state,
        checked: r.checked,
        reason: r.reason,
        asked: Timestamp(r.asked),
        confirmed: r.confirmed.map(Timestamp),
        opens: r.opens.map(Timestamp),
        ended: r.ended.map(Timestamp),
    })
}

fn under_way(r: &Recovery) -> bool {
    matches!(r.state.as_str(), ASKED | CONFIRMED | OPEN)
}

impl Operator {
    /// Asks that somebody's means be replaced, whose identity was checked (`checked`: how). `recovery.own`, `recovery.waiting`, `token.unreachable`,
    /// `token.setter`, `right.missing`, `admin.not_found`, `admin.invalid`.
    #[boxed]
    pub async fn ask_recovery(
        &self,
        actor: &Actor,
        login: &str,
        (checked, reason): (&str, &str),
    ) -> Result<RecoveryView, Refusal> {
        self.require(actor, UseCase::RecoveryAsk, On::Anywhere).await?;
        let login = crate::accounts::login(login)?;
        let (checked, reason) = (plain::filled(checked, "checked", WORDS)?, plain::filled(reason, "reason", WORDS)?);
        let (id, now) = (self.0.store.new_id(), self.now().0);
        let said = json!({ "recovery": id.to_string(), "login": login });
        let (fact, actor) = (self.fact("recovery.asked", &By::actor(actor), None, "ok", said), actor.clone());
        let ask = move |tx: &mut dyn Tx| {
            let (person, behind) = enrol::other(tx, &actor, UseCase::RecoveryAsk, &login)?;
            one_person(&actor, behind)?;
            let row = Recovery {
                id,
                person_id: person.id,
                state: ASKED.into(),
                checked: checked.clone(),
                reason: reason.clone(),
                asked: now,
                asked_by: behind,
                confirmed: None,
                confirmed_by: None,
                opens: None,
                ended: None,
                version: 1,
            };
            if !rows::insert(tx, &row)? {
                return Err(RefusalCode::RecoveryWaiting.into());
            }
            fact.write(tx)?;
            view(tx, row)
        };
        Ok(self.0.store.write(ask).await?)
    }

    /// Confirms one that somebody else asked for; from then on the delay runs, and the person is told. `recovery.own`, `token.unreachable`,
    /// `token.setter`, `admin.conflict`, `notice.no_relay`, `right.missing`, `admin.not_found`.
    #[boxed]
    pub async fn confirm_recovery(&self, actor: &Actor, id: Id) -> Result<RecoveryView, Refusal> {
        self.require(actor, UseCase::RecoveryConfirm, On::Anywhere).await?;
        if !self.has_relay() {
            return Err(RefusalCode::NoticeNoRelay.into());
        }
        let asker = actor.clone();
        let find = move |tx: &mut dyn Tx| found(tx, &asker, UseCase::RecoveryConfirm, id);
        let before = self.0.store.read(find).await?;
        let now = self.now();
        let opens = now.plus_ms(i64::from(self.config().identity.recovery_hours) * 3_600_000);
        let (secret, digest) = self.new_link()?;
        let url = format!("{}/opposition/{}", self.config().public_url, secret.as_str());
        let date = self.written_at(opens).await?;
        let values = [("link", url.as_str()), ("date", date.as_str())];
        let notice = self.person_notice(before.person_id, Template::RecoveryAsked, &values).await?;
        let notice = notice.ok_or(RefusalCode::TokenUnreachable)?;
        let link = Link {
            id: self.0.store.new_id(),
            purpose: format!("{OBJECT}{id}"),
            person_id: before.person_id,
            digest,
            value: id.to_string(),
            created: now.0,
            expires: opens.0,
            used: None,
        };
        let said = json!({ "recovery": id.to_string(), "opens": opens.0 });
        let (fact, asker) = (self.fact("recovery.confirmed", &By::actor(actor), None, "ok", said), actor.clone());
        let confirm = move |tx: &mut dyn Tx| {
            let row = found(tx, &asker, UseCase::RecoveryConfirm, id)?;
            let login = login_of(tx, row.person_id)?;
            let (person, behind) = enrol::other(tx, &asker, UseCase::RecoveryConfirm, &login)?;
            one_person(&asker, behind)?;
            if behind == row.asked_by {
                return Err(RefusalCode::RecoveryOwn.into());
            }
            // Whoever asked may have typed another address in meanwhile.
            if links::setter(tx, person.id)?.is_some_and(|by| by == row.asked_by) {
                return Err(Refusal::new(RefusalCode::TokenSetter).with("name", login).into());
            }
            let next = Recovery {
                state: CONFIRMED.into(),
                confirmed: Some(now.0),
                confirmed_by: Some(behind),
                opens: Some(opens.0),
                ..row.clone()
            };
            if row.state != ASKED || !rows::replace(tx, &next)? {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", id).into());
            }
            links::insert_link(tx, &link)?;
            notice.write(tx)?;
            fact.write(tx)?;
            view(tx, next)
        };
        let shown = self.0.store.write(confirm).await?;
        self.wake_jobs();
        self.tell_in_bals(before.person_id, Template::RecoveryAsked, &values).await;
        Ok(shown)
    }

    /// Tells the person, as a notice would, in each BAL that is his own: whoever reads his mail sees it there, whoever took over his ordinary address
    /// does not hide it. What cannot be told there is logged: the ordinary address was told in the act's transaction.
    pub(super) async fn tell_in_bals(&self, person: Id, template: Template, values: &[(&str, &str)]) {
        let find = move |tx: &mut dyn Tx| {
            let held = access::of_person(tx, person)?.into_iter().filter(|a| a.role == AccessRole::Holder.as_str());
            let mut all = Vec::new();
            for a in held {
                all.extend(accounts::bal_by_id(tx, a.bal_id)?.map(|b| (b.id, b.address)));
            }
            Ok::<_, Fail>(all)
        };
        let bals = match self.0.store.read(find).await {
            Ok(bals) => bals,
            Err(e) => {
                return tracing::warn!(
                    code = Refusal::from(e).code.as_str(),
                    "nobody is told of a change of means in a BAL"
                );
            }
        };
        for (bal, address) in bals {
            let posted = match self.telling(template, bal, &address, values) {
                Some(letter) => self.post_with(letter, |_| Ok(true)).await.map(drop).map_err(Refusal::from),
                None => Err(RefusalCode::Defect.into()),
            };
            if let Err(refusal) = posted {
                tracing::warn!(code = refusal.code.as_str(), "a BAL is not told of a change of means");
            }
        }
    }

    fn telling(&self, template: Template, bal: Id, address: &str, values: &[(&str, &str)]) -> Option<Letter> {
        let to: Address = address.parse().ok()?;
        let operator = self.config().name.as_str();
        let values: Vec<(&str, &str)> = values.iter().copied().chain([("operator", operator)]).collect();
        let (kind, id) = (template.as_str(), self.0.store.new_id());
        let of = |lang, part| text(lang, &format!("notice.{kind}.{part}"), &values);
        let [subject, body] = ["subject", "body"].map(|part| Lang::ALL.map(|lang| of(lang, part)));
        let from: Address = format!("postmaster@{}", to.domain()).parse().ok()?;
        let content = Compose::new(operator, &from, self.now(), &format!("{kind}-{id}"))
            .to("", &to)
            .subject(&subject.join(" / "))
            .field("Auto-Submitted", "auto-generated")
            .text(&body.join("\n\n-- English --\n\n"))
            .write();
        let speaker = Speaker::Role(to.domain().clone());
        Some(Letter { speaker, to: To::Bal(bal), content, kind, pressing: true, about: None })
    }

    /// Objects to one's own, or withdraws somebody's. `admin.not_found`, `right.missing`, `admin.conflict` when it is over.
    #[boxed]
    pub async fn stop_recovery(&self, actor: &Actor, id: Id) -> Result<RecoveryView, Refusal> {
        self.require(actor, UseCase::RecoveryStop, On::Anywhere).await?;
        let (asker, now, op) = (actor.clone(), self.now().0, self.clone());
        let stop = move |tx: &mut dyn Tx| {
            let row = found(tx, &asker, UseCase::RecoveryStop, id)?;
            let how = if row.person_id == asker.person() { OBJECTED } else { WITHDRAWN };
            let row = op.ended(tx, row, how, &By::actor(&asker), now)?;
            view(tx, row)
        };
        Ok(self.0.store.write(stop).await?)
    }

    /// Ends one that is under way, with its links.
    fn ended(&self, tx: &mut dyn Tx, row: Recovery, how: End, by: &By, now: i64) -> Result<Recovery, Fail> {
        let (state, act) = how;
        let next = Recovery { state: state.into(), ended: Some(now), ..row.clone() };
        if !under_way(&row) || !rows::replace(tx, &next)? {
            return Err(Refusal::new(RefusalCode::EditConflict).with("name", row.id).into());
        }
        links::void_links(tx, row.person_id, &format!("{OBJECT}{}", row.id), now)?;
        links::void_links(tx, row.person_id, enrol::PURPOSE, now)?;
        let login = login_of(tx, row.person_id)?;
        if how == OBJECTED {
            // Two people wanted it, and the person did not.
            let said = json!({ "login": login }).to_string();
            alarms::raise(tx, "recovery.objected", &login, "critical", &said, now)?;
        }
        self.fact(act, by, None, "ok", json!({ "recovery": row.id.to_string(), "login": login })).write(tx)?;
        Ok(next)
    }

    /// Whose replacement a link objects to: a name. Changes nothing. `link.invalid`.
    #[boxed]
    pub async fn look_at_objection(&self, secret: &str) -> Result<String, Refusal> {
        let (digest, now) = (self.checked_digest(secret)?, self.now().0);
        let look = move |tx: &mut dyn Tx| {
            let (_, row) = objection(tx, &digest, now)?;
            let person = accounts::person_by_id(tx, row.person_id)?.ok_or(RefusalCode::LinkInvalid)?;
            Ok::<_, Fail>(person.name)
        };
        Ok(self.0.store.read(look).await?)
    }

    /// Objects by the link that the person was sent. `link.invalid`.
    #[boxed]
    pub async fn object_to_recovery(&self, secret: &str, origin: &Origin) -> Result<(), Refusal> {
        let (digest, now, op) = (self.checked_digest(secret)?, self.now().0, self.clone());
        let origin = origin.clone();
        let object = move |tx: &mut dyn Tx| {
            let (link, row) = objection(tx, &digest, now)?;
            if !links::use_link(tx, link.id, now)? {
                return Err(RefusalCode::LinkInvalid.into());
            }
            let by = By { name: "link".into(), person: Some(row.person_id), origin: Some(origin.clone()), seat: None };
            op.ended(tx, row, OBJECTED, &by, now).map(drop)
        };
        Ok(self.0.store.write(object).await?)
    }

    /// Replacements, newest first, from before the number `before`, at most `limit` (and 1,000). `right.missing`.
    #[boxed]
    pub async fn recoveries(&self, actor: &Actor, before: Id, limit: u32) -> Result<Vec<RecoveryView>, Refusal> {
        self.require(actor, UseCase::RecoveryList, On::Anywhere).await?;
        let (actor, limit) = (actor.clone(), crate::accounts::page(limit));
        let list = move |tx: &mut dyn Tx| {
            let all = match reach(tx, &actor, UseCase::RecoveryList)? {
                Reach::All => rows::list(tx, None, before, limit)?,
                Reach::Structures(places) => rows::list_within(tx, (&places, actor.person()), before, limit)?,
                Reach::Own(person) => rows::list(tx, Some(person), before, limit)?,
            };
            all.into_iter().map(|r| view(tx, r)).collect::<Result<Vec<_>, Fail>>()
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One replacement. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn recovery(&self, actor: &Actor, id: Id) -> Result<RecoveryView, Refusal> {
        let actor = actor.clone();
        let find = move |tx: &mut dyn Tx| {
            let row = found(tx, &actor, UseCase::RecoveryList, id)?;
            view(tx, row)
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Somebody's replacements, newest first, at most `limit` (and 1,000). `right.missing`, `admin.not_found`.
    #[boxed]
    pub async fn recoveries_of(&self, actor: &Actor, login: &str, limit: u32) -> Result<Vec<RecoveryView>, Refusal> {
        let (actor, login, limit) = (actor.clone(), crate::accounts::login(login)?, crate::accounts::page(limit));
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::RecoveryList, On::Anywhere)?;
            let Some(person) = accounts::person_by_login(tx, &login)? else {
                return Err(unknown(tx, &actor, UseCase::RecoveryList, &login));
            };
            permit(tx, &actor, UseCase::RecoveryList, On::Person(person.id))?;
            let all = rows::list(tx, Some(person.id), Id::MAX, limit)?;
            all.into_iter().map(|r| view(tx, r)).collect::<Result<Vec<_>, Fail>>()
        };
        Ok(self.0.store.read(list).await?)
    }

    /// What is under way for whoever is signed in: every page of his means shows it.
    #[boxed]
    pub async fn own_recovery(&self, actor: &Actor) -> Result<Option<RecoveryView>, Refusal> {
        let person = own(actor)?.id;
        let find = move |tx: &mut dyn Tx| {
            let row = rows::under_way(tx, person)?;
            row.map(|r| view(tx, r)).transpose()
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Sends the links whose delay is over, and ends what nobody carried on and whose link was not used in time. Part of housekeeping; how many.
    pub(crate) async fn follow_recoveries(&self) -> Result<u64, Refusal> {
        let now = self.now().0;
        let look = move |tx: &mut dyn Tx| {
            let mut over = rows::stale(tx, now - STALE, ROUND)?;
            over.extend(rows::lapsed(tx, enrol::PURPOSE, now, ROUND)?);
            Ok::<_, Fail>((rows::due(tx, now, ROUND)?, over))
        };
        let (due, over) = self.0.store.read(look).await?;
        let mut count = 0;
        for row in over {
            count += u64::from(self.end_recovery(row, EXPIRED).await?);
        }
        for row in due {
            count += u64::from(self.open_recovery(row).await?);
        }
        if count > 0 {
            self.wake_jobs();
        }
        Ok(count)
    }

    /// Ends one, by nobody's act. False when it is not under way any more, or another node was first.
    async fn end_recovery(&self, row: Recovery, how: End) -> Result<bool, Refusal> {
        let (op, now) = (self.clone(), self.now().0);
        let end = move |tx: &mut dyn Tx| op.ended(tx, row.clone(), how, &By::system(), now).map(drop);
        match self.0.store.write(end).await.map_err(Refusal::from) {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.code == RefusalCode::EditConflict => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    async fn open_recovery(&self, row: Recovery) -> Result<bool, Refusal> {
        let origin = system();
        let asked = (row.clone(), origin.clone());
        let stands = self.0.store.read(move |tx| enrol::stands(tx, &asked.0, &asked.1)).await?;
        let sent = match stands {
            true => self.enrol_link(row.person_id, Some(row.id), row.asked_by).await?,
            false => None,
        };
        let Some((link, notice)) = sent else {
            // Who wanted it may not any more, or it would go where one of them typed: nothing is sent.
            return self.end_recovery(row, WITHDRAWN).await;
        };
        let next = Recovery { state: OPEN.into(), ..row };
        let fact = self.fact("recovery.opened", &By::system(), None, "ok", json!({ "recovery": next.id.to_string() }));
        let open = move |tx: &mut dyn Tx| {
            // Another node was first, the person objected, or something changed meanwhile.
            if !enrol::stands(tx, &next, &origin)? || !rows::replace(tx, &next)? {
                return Ok(false);
            }
            links::insert_link(tx, &link)?;
            notice.write(tx)?;
            fact.write(tx)?;
            Ok::<_, Fail>(true)
        };
        Ok(self.0.store.write(open).await?)
    }
}

/// From where we ask ourselves.
fn system() -> Origin {
    Origin { door: Door::System, remote: None, session: "recovery".into(), tls: None, once: None }
}

/// Behind a token that somebody else made stand two people: neither asks nor confirms so, for each could be the other one too.
fn one_person(actor: &Actor, behind: Id) -> Result<(), Fail> {
    if behind == actor.person() { Ok(()) } else { Err(RefusalCode::RecoveryOwn.into()) }
}

/// One that the actor may do this with. `admin.not_found`, `right.missing`.
fn found(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, id: Id) -> Result<Recovery, Fail> {
    permit(tx, actor, use_case, On::Anywhere)?;
    let Some(row) = rows::by_id(tx, id)? else { return Err(unknown(tx, actor, use_case, &id.to_string())) };
    permit(tx, actor, use_case, On::Person(row.person_id))?;
    Ok(row)
}

/// A link by which somebody may object at this moment.
fn objection(tx: &mut dyn Tx, digest: &[u8], now: i64) -> Result<(Link, Recovery), Fail> {
    let link = links::good_link(tx, digest, now)?.filter(|l| l.purpose.starts_with(OBJECT));
    let link = link.ok_or(RefusalCode::LinkInvalid)?;
    let row = match link.value.parse() {
        Ok(id) => rows::by_id(tx, id)?.filter(|r| under_way(r) && r.person_id == link.person_id),
        Err(_) => None,
    };
    Ok((link, row.ok_or(RefusalCode::LinkInvalid)?))
}
