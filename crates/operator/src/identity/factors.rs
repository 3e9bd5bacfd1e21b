//! What people enrolled to sign in: shown, added, removed (F041, F043, F046).
//!
//! Promises: only the person adds or removes, behind a strong proof just now; a way in of two natures stays, or nothing is removed; whoever has a verified
//! ordinary address is told of each change; secrets are never shown, but once to whom they are made for.
use super::{bind, passkeys};
use crate::boxed;
use crate::notices::{Notice, Template};
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator, PersonRef, Who};
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_identity::factor::Need;
use sceau_store::bindings::{self, Binding};
use sceau_store::factors::{self as rows, Factor};
use sceau_store::{Id, Tx, accounts, attempts, web_sessions};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Kinds, as rows name them.
pub(super) const PASSKEY: &str = "passkey";
pub(super) const TOTP: &str = "totp";
pub(super) const PASSWORD: &str = "password";
/// Most that one person has.
const MOST: usize = 20;
/// Longest name of one, characters.
const LABEL: usize = 60;

/// A means of signing in, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FactorView {
    /// Id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: Id,
    /// `passkey`, `totp` or `password`.
    pub kind: String,
    /// What the person calls it.
    pub label: String,
    /// Since.
    #[schema(value_type = i64)]
    pub enrolled: Timestamp,
    /// What proved the person then, e.g. `card`, `password+totp`, or `link`.
    pub enrolled_with: String,
    /// Last sign-in with it.
    #[schema(value_type = Option<i64>)]
    pub last_used: Option<Timestamp>,
    /// From where: a configured place or a network.
    pub last_place: Option<String>,
    /// A passkey that its maker copies between devices.
    pub synced: Option<bool>,
}

/// Which other means somebody has, as the pages show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    /// An authenticator program.
    pub totp: bool,
    /// A passkey.
    pub passkey: bool,
    /// Codes by ordinary mail.
    pub mail: bool,
}

fn view(f: Factor) -> FactorView {
    FactorView {
        synced: (f.kind == PASSKEY).then(|| passkeys::is_synced(&f.public)),
        id: f.id,
        kind: f.kind,
        label: f.label,
        enrolled: Timestamp(f.enrolled),
        enrolled_with: f.enrolled_with,
        last_used: f.last_used.map(Timestamp),
        last_place: f.last_place,
    }
}

/// Whoever signed in: a person.
pub(super) fn own(actor: &Actor) -> Result<PersonRef, Refusal> {
    match &actor.who {
        Who::Person(person) => Ok(person.clone()),
        Who::Connector(_) | Who::System => Err(RefusalCode::LoginRequired.into()),
    }
}

/// The name of a means, or what it is called when the person gives it none.
pub(super) fn label(text: &str, otherwise: &str) -> Result<String, Refusal> {
    let text = plain::line(text, "label", LABEL)?;
    Ok(if text.is_empty() { otherwise.to_owned() } else { text })
}

/// Do these means make a strong proof? `mail`: may codes be sent to the person's ordinary address? `bound`: is there a card or a provider?
fn is_strong(kinds: &[&str], mail: bool, bound: bool) -> bool {
    let has = |kind| kinds.contains(&kind);
    bound || has(PASSKEY) || (has(PASSWORD) && (has(TOTP) || mail))
}

/// What somebody gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Without<'a> {
    /// A means of this id.
    Means(Id),
    /// A name elsewhere.
    Name(&'a Binding),
}

/// Refuses what would leave the person without a way in of two natures that there is now: `factor.last`. `mail`: as for [`is_strong`].
pub(super) fn keeps_a_way(tx: &mut dyn Tx, person: Id, without: Without<'_>, mail: bool) -> Result<(), Fail> {
    let all = rows::of_person(tx, person)?;
    let names: Vec<Binding> = bindings::of_person(tx, person)?.into_iter().filter(bind::stands).collect();
    let strong = |but: Option<Without<'_>>| {
        let means = all.iter().filter(|f| but != Some(Without::Means(f.id)));
        let kinds: Vec<&str> = means.map(|f| f.kind.as_str()).collect();
        is_strong(&kinds, mail, names.iter().any(|b| but != Some(Without::Name(b))))
    };
    if strong(None) && !strong(Some(without)) { Err(RefusalCode::FactorLast.into()) } else { Ok(()) }
}

impl Operator {
    /// The means of a person, or of the asker. `right.missing`, `admin.not_found`.
    #[boxed]
    pub async fn factors(&self, actor: &Actor, login: Option<&str>) -> Result<Vec<FactorView>, Refusal> {
        let login = login.map(crate::accounts::login).transpose()?;
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::FactorList, On::Anywhere)?;
            let person = match &login {
                None => own(&actor)?.id,
                Some(login) => {
                    let Some(person) = accounts::person_by_login(tx, login)? else {
                        return Err(unknown(tx, &actor, UseCase::FactorList, login));
                    };
                    permit(tx, &actor, UseCase::FactorList, On::Person(person.id))?;
                    person.id
                }
            };
            Ok::<_, Fail>(rows::of_person(tx, person)?.into_iter().map(view).collect())
        };
        Ok(self.0.store.read(list).await?)
    }

    /// What a person may show besides a password.
    pub(super) async fn seconds_of(&self, person: Id) -> Result<Second, Refusal> {
        let mail = self.mail_codes_for(person).await?;
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(rows::of_person(tx, person)?);
        let all = self.0.store.read(find).await?;
        let has = |kind| all.iter().any(|f| f.kind == kind);
        Ok(Second { totp: has(TOTP), passkey: has(PASSKEY), mail })
    }

    /// Keeps a new means of whoever is signed in; of a password or an authenticator it takes the place of the one before. `auth.fresh`, `admin.exists`.
    pub(super) async fn enrol(&self, actor: &Actor, mut new: Factor) -> Result<FactorView, Refusal> {
        self.needs(actor, Need::Fresh)?;
        let person = own(actor)?;
        new.enrolled_with = actor.proof.names();
        let notice = self.change_notice(person.id, Template::FactorAdded).await?;
        let said = json!({ "factor": new.id.to_string(), "kind": new.kind, "with": new.enrolled_with });
        let fact = self.fact("factor.enrolled", &By::actor(actor), None, "ok", said);
        let (asker, now) = (actor.clone(), self.now().0);
        let keep = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::FactorEnrol, On::Person(person.id))?;
            insert(tx, person.id, &new, now)?;
            notice.iter().try_for_each(|n| n.write(tx))?;
            fact.write(tx)?;
            // Whoever changes a password may do so because somebody else knows it, and has given it.
            let mut ended = Vec::new();
            if new.kind == PASSWORD {
                attempts::end_of_person(tx, person.id, now)?;
                ended = web_sessions::end_others(tx, person.id, asker.credential, now)?;
            }
            Ok::<_, Fail>((view(new.clone()), ended))
        };
        let (view, ended) = self.0.store.write(keep).await?;
        ended.into_iter().for_each(|id| self.rights_changed_of(id));
        self.wake_jobs();
        Ok(view)
    }

    /// Removes one of one's means; the person's other sessions end. `auth.fresh`, `factor.last`, `admin.not_found`.
    #[boxed]
    pub async fn remove_factor(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        self.needs(actor, Need::Fresh)?;
        let (person, now) = (own(actor)?, self.now().0);
        let mail = self.mail_codes_for(person.id).await?;
        let notice = self.change_notice(person.id, Template::FactorRemoved).await?;
        let fact = self.fact("factor.removed", &By::actor(actor), None, "ok", json!({}));
        let actor = actor.clone();
        let remove = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::FactorRemove, On::Person(person.id))?;
            // Two removals at once would each count on what the other takes.
            rows::lock(tx, person.id)?;
            let absent = || Fail::from(Refusal::new(RefusalCode::NotFound).with("name", id));
            let found = rows::by_id(tx, id)?.filter(|f| f.person_id == person.id && f.removed.is_none());
            let found = found.ok_or_else(absent)?;
            keeps_a_way(tx, person.id, Without::Means(id), mail)?;
            if !rows::remove(tx, person.id, id, now)? {
                return Err(absent());
            }
            // Where it was shown already, it counts no more: whoever has it, or had it, may have begun a session.
            attempts::end_of_person(tx, person.id, now)?;
            let ended = web_sessions::end_others(tx, person.id, actor.credential, now)?;
            notice.iter().try_for_each(|n| n.write(tx))?;
            let mut fact = fact.clone();
            fact.saying(&json!({ "factor": id.to_string(), "kind": found.kind }));
            fact.write(tx)?;
            Ok::<_, Fail>(ended)
        };
        let ended = self.0.store.write(remove).await?;
        ended.into_iter().for_each(|id| self.rights_changed_of(id));
        self.wake_jobs();
        Ok(())
    }

    /// A notice that something changed, for a person who has a verified ordinary address.
    pub(super) async fn change_notice(&self, person: Id, template: Template) -> Result<Option<Notice>, Refusal> {
        let date = self.written_now().await?;
        self.person_notice(person, template, &[("date", &date)]).await
    }

    /// A notice for a person who has a verified ordinary address; none otherwise, and without a relay.
    pub(super) async fn person_notice(
        &self,
        person: Id,
        template: Template,
        values: &[(&'static str, &str)],
    ) -> Result<Option<Notice>, Refusal> {
        if !self.has_relay() {
            return Ok(None);
        }
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(accounts::person_by_id(tx, person)?);
        let found = self.0.store.read(find).await?.filter(|p| p.email_verified.is_some());
        match found.and_then(|p| p.email).and_then(|e| e.parse::<Address>().ok()) {
            Some(to) => self.notice(template, person, &to, values).await.map(Some),
            None => Ok(None),
        }
    }

    /// Now, by the operator's clock, as notices write it.
    pub(super) async fn written_now(&self) -> Result<String, Refusal> {
        self.written_at(self.now()).await
    }

    /// An instant, likewise.
    pub(super) async fn written_at(&self, at: Timestamp) -> Result<String, Refusal> {
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(crate::calendar::of_structure(tx, None)?);
        Ok(self.0.store.read(find).await?.written(at))
    }
}

/// Adds a means within the transaction of its act; a password or an authenticator takes the place of the one before.
pub(super) fn insert(tx: &mut dyn Tx, person: Id, new: &Factor, now: i64) -> Result<(), Fail> {
    rows::lock(tx, person)?;
    if new.kind != PASSKEY
        && let Some(before) = rows::of_kind(tx, person, &new.kind)?
    {
        rows::remove(tx, person, before.id, now)?;
    }
    if rows::of_person(tx, person)?.len() >= MOST {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "factors").with("limit", MOST).into());
    }
    Ok(rows::insert(tx, new)?)
}

impl Operator {
    /// A new row of a person, of which nothing was used yet.
    pub(super) fn factor_row(&self, person: Id, kind: &str, label: String, public: serde_json::Value) -> Factor {
        Factor {
            id: self.0.store.new_id(),
            person_id: person,
            kind: kind.to_owned(),
            label,
            credential: None,
            public: public.to_string(),
            sealed: None,
            counter: 0,
            enrolled: self.now().0,
            enrolled_with: String::new(),
            last_used: None,
            last_place: None,
            removed: None,
            version: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_in_has_two_natures() {
        for (kinds, mail, bound, strong) in [
            (&[][..], true, false, false),
            (&[PASSWORD], false, false, false),
            (&[TOTP], true, false, false),
            (&[PASSWORD], true, false, true),
            (&[PASSWORD, TOTP], false, false, true),
            (&[PASSKEY], false, false, true),
            (&[], false, true, true),
        ] {
            assert_eq!(is_strong(kinds, mail, bound), strong, "{kinds:?} {mail} {bound}");
        }
    }
}
