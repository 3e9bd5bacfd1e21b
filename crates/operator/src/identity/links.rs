//! Names elsewhere by which somebody is known here (Pro Santé Connect, the sign-in of a structure), as that person sees, ends and renews them (F042, F044).
//!
//! Promises: only the person, behind a strong proof just now; a way in of two natures stays, or nothing is ended; what was unlinked opens nothing, neither a
//! session nor mail, until its person links it again, although the number and the names agree still; whoever has a verified ordinary address is told.
use super::bind::{Kind, SIGN_IN, UNLINKED, stands};
use super::factors::{Without, keeps_a_way, own};
use crate::boxed;
use crate::notices::Template;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_identity::factor::Need;
use sceau_store::bindings::{self as rows, Binding};
use sceau_store::{Id, Tx, accounts, attempts, factors, sso, structures, web_sessions};
use serde_json::json;

/// A name elsewhere, as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    /// By which it is named here: says nothing of what it is called there.
    pub name: String,
    /// Whose word it is.
    pub kind: Kind,
    /// The structure whose sign-in it is, or else who signs there; none for Pro Santé Connect.
    pub title: Option<String>,
    /// Linked, or unlinked, since.
    pub since: Timestamp,
    /// Last sign-in by it.
    pub seen: Timestamp,
    /// It opens a session; else its person has unlinked it.
    pub linked: bool,
}

/// Those that a person may end: a card is ended where it was issued.
fn kind(b: &Binding) -> Option<Kind> {
    [Kind::Psc, Kind::Sso].into_iter().find(|k| b.how != SIGN_IN && k.as_str() == b.kind)
}

/// How a row is named in a page.
fn name(b: &Binding) -> String {
    hex::encode(&b.subject)
}

/// The row of a person's that has this name.
fn named(tx: &mut dyn Tx, person: Id, wanted: &str) -> Result<(Kind, Binding), Fail> {
    let all = rows::of_person(tx, person)?.into_iter();
    let mut of_it = all.filter_map(|b| kind(&b).map(|k| (k, b))).filter(|(_, b)| name(b) == wanted);
    of_it.next().ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", "link").into())
}

impl Operator {
    /// The asker's names elsewhere. `login.required`, `right.missing`.
    #[boxed]
    pub async fn own_links(&self, actor: &Actor) -> Result<Vec<LinkView>, Refusal> {
        let (person, actor) = (own(actor)?.id, actor.clone());
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::FactorList, On::Person(person))?;
            let providers = sso::in_force(tx)?;
            let mut out = Vec::new();
            for b in rows::of_person(tx, person)? {
                let Some(kind) = kind(&b) else { continue };
                let mut titles = Vec::new();
                for provider in providers.iter().filter(|p| kind == Kind::Sso && p.issuer == b.issuer) {
                    titles.extend(structures::by_id(tx, provider.structure_id)?.map(|s| s.name));
                }
                let title = if titles.is_empty() { b.issuer.clone() } else { titles.join(", ") };
                out.push(LinkView {
                    name: name(&b),
                    kind,
                    title: (kind == Kind::Sso).then_some(title),
                    since: Timestamp(b.bound),
                    seen: Timestamp(b.seen),
                    linked: stands(&b),
                });
            }
            Ok::<_, Fail>(out)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// Ends one of the asker's names elsewhere; the person's other sessions end, and what came by it at the mail doors. Pro Santé Connect, which would
    /// recognise the person anew by number and names, stays shut out until [`Operator::link_again`].
    ///
    /// # Errors
    /// `auth.fresh`, `factor.last`, `admin.not_found`.
    #[boxed]
    pub async fn unlink(&self, actor: &Actor, name: &str) -> Result<(), Refusal> {
        self.needs(actor, Need::Fresh)?;
        let (person, now, wanted) = (own(actor)?.id, self.now().0, name.to_owned());
        let mail = self.mail_codes_for(person).await?;
        let notice = self.change_notice(person, Template::FactorRemoved).await?;
        let fact = self.fact("identity.unbound", &By::actor(actor), None, "ok", json!({}));
        let actor = actor.clone();
        let unlink = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::FactorRemove, On::Person(person))?;
            // As with a means: two at once would each count on what the other takes.
            factors::lock(tx, person)?;
            let (kind, there) = named(tx, person, &wanted)?;
            if !stands(&there) {
                return Ok(Vec::new());
            }
            keeps_a_way(tx, person, Without::Name(&there), mail)?;
            match kind {
                Kind::Psc => {
                    rows::set_how(tx, &there, UNLINKED, now)?;
                    // (A card's row is made anew at its next use.)
                    accounts::forget_standing(tx, person)?;
                }
                Kind::Sso | Kind::Card => {
                    rows::remove_one(tx, &there)?;
                }
            }
            attempts::end_of_person(tx, person, now)?;
            let mut ended = web_sessions::end_others(tx, person, actor.credential, now)?;
            ended.push(person);
            notice.iter().try_for_each(|n| n.write(tx))?;
            let mut fact = fact.clone();
            fact.saying(&json!({ "kind": kind.as_str(), "how": "session" }));
            fact.write(tx)?;
            Ok::<_, Fail>(ended)
        };
        let ended = self.0.store.write(unlink).await?;
        ended.into_iter().for_each(|id| self.rights_changed_of(id));
        self.wake_jobs();
        Ok(())
    }

    /// Links again what the asker has unlinked. `auth.fresh`, `admin.not_found`.
    #[boxed]
    pub async fn link_again(&self, actor: &Actor, name: &str) -> Result<(), Refusal> {
        self.needs(actor, Need::Fresh)?;
        let (person, now, wanted) = (own(actor)?.id, self.now().0, name.to_owned());
        let notice = self.change_notice(person, Template::FactorAdded).await?;
        let fact = self.fact("identity.bound", &By::actor(actor), None, "ok", json!({}));
        let actor = actor.clone();
        let link = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::FactorEnrol, On::Person(person))?;
            let (kind, there) = named(tx, person, &wanted)?;
            if stands(&there) || !rows::set_how(tx, &there, "session", now)? {
                return Ok(());
            }
            notice.iter().try_for_each(|n| n.write(tx))?;
            let mut fact = fact.clone();
            fact.saying(&json!({ "kind": kind.as_str(), "how": "session" }));
            Ok::<_, Fail>(fact.write(tx)?)
        };
        self.0.store.write(link).await?;
        self.wake_jobs();
        Ok(())
    }
}
