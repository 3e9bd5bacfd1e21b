//! What opens somebody's mail, seen and changed by that person in a browser (F229, F055): tokens of mail programs, programs that were let in, cards and
//! providers that stand for the person.
//!
//! Promises: only a strong proof just now makes something that opens mail without it; how many and for how long is the policy of the places where the
//! person has a BAL; whoever has a verified ordinary address is told.
use super::factors::own;
use super::standing;
use crate::accounts::TokenView;
use crate::boxed;
use crate::notices::Template;
use crate::policies::effective_of;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{AccessRole, Limits, Refusal, RefusalCode, Timestamp};
use sceau_identity::factor::Need;
use sceau_store::{Id, StoreError, Tx, access, accounts, web_sessions};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// A day, milliseconds.
const DAY: i64 = 86_400_000;

/// What opens somebody's mail.
#[derive(Debug, Clone)]
pub struct OwnTokens {
    /// In force, oldest first.
    pub tokens: Vec<TokenView>,
    /// What came by a card or a provider and was shut out: it stays so until it is let in again.
    pub shut: Vec<TokenView>,
    /// Addresses of the BALs that the person may have one for; a token without one opens the personal one.
    pub bals: Vec<String>,
    /// The person holds one personal BAL.
    pub personal: Option<String>,
    /// For how many days a new one is good at most; none: the policy admits none.
    pub days: Option<u32>,
}

/// The policy of device tokens for somebody: how many, and for how many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DevicePolicy {
    /// At once.
    pub most: u32,
    /// Each.
    pub days: u32,
}

impl Operator {
    /// What opens the asker's mail. `login.required`.
    #[boxed]
    pub async fn own_tokens(&self, actor: &Actor) -> Result<OwnTokens, Refusal> {
        let (person, now) = (own(actor)?, self.now().0);
        let all = self.tokens(actor, Some(&person.login), 0, u32::MAX).await?;
        let live = |t: &TokenView| t.revoked.is_none() && t.expires.is_none_or(|e| e.0 > now);
        let (tokens, over): (Vec<_>, Vec<_>) =
            all.into_iter().filter(|t| t.purpose != web_sessions::PURPOSE).partition(live);
        let shut = over.into_iter().filter(|t| standing::PURPOSES.contains(&t.purpose.as_str())).collect();
        let find = move |tx: &mut dyn Tx| {
            let (mut bals, mut held) = (Vec::new(), Vec::new());
            for access in access::of_person(tx, person.id)? {
                let Some(bal) = accounts::bal_by_id(tx, access.bal_id)?.filter(|b| b.state == "active") else {
                    continue;
                };
                if access.role == AccessRole::Holder.as_str() && bal.kind == "Per" {
                    held.push(bal.address.clone());
                }
                bals.push(bal.address);
            }
            bals.sort();
            Ok::<_, Fail>((bals, held))
        };
        let (bals, held) = self.0.store.read(find).await?;
        let policy = self.device_policy(person.id).await?;
        let days = (policy.most > 0).then_some(policy.days);
        let personal = if held.len() == 1 { held.into_iter().next() } else { None };
        Ok(OwnTokens { tokens, shut, bals, personal, days })
    }

    /// A device token of one's own, for one's personal BAL, or for the one that is named. The secret is returned once, never kept.
    ///
    /// # Errors
    /// `auth.fresh`, `auth.strength`, `device.forbidden`, `device.too_many`, `admin.invalid`, `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn make_own_token(
        &self,
        actor: &Actor,
        label: &str,
        bal: Option<&str>,
        days: Option<u32>,
    ) -> Result<(TokenView, Zeroizing<String>), Refusal> {
        self.needs(actor, Need::Fresh)?;
        let person = own(actor)?;
        let policy = self.device_policy(person.id).await?;
        let days = days.unwrap_or(policy.days).clamp(1, policy.days);
        let expires = Timestamp(self.now().0 + i64::from(days) * DAY);
        let (view, secret) = self.create_token(actor, &person.login, bal, label, Some(expires)).await?;
        self.tell_of_device(person.id).await;
        Ok((view, Zeroizing::new(secret)))
    }

    /// Revokes one of the asker's own. Sessions opened with it end at once. `admin.not_found`, also for what is somebody else's.
    #[boxed]
    pub async fn revoke_own_token(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        self.needs(actor, Need::Strong)?;
        let person = own(actor)?.id;
        let find = move |tx: &mut dyn Tx| {
            let found = accounts::token_by_id(tx, id)?;
            Ok::<_, Fail>(found.is_some_and(|t| t.person_id == person && t.purpose != web_sessions::PURPOSE))
        };
        if !self.0.store.read(find).await? {
            return Err(Refusal::new(RefusalCode::NotFound).with("name", id));
        }
        self.revoke_token(actor, id).await
    }

    /// Tells a person, by ordinary mail, that a program got access to mail. What was given is given, also when nobody can be told.
    pub(super) async fn tell_of_device(&self, person: Id) {
        let tell = async {
            let Some(notice) = self.change_notice(person, Template::NewDevice).await? else { return Ok(()) };
            self.0.store.write(move |tx: &mut dyn Tx| Ok::<_, Fail>(notice.write(tx)?)).await?;
            self.wake_jobs();
            Ok::<_, Refusal>(())
        };
        if let Err(refusal) = tell.await {
            tracing::warn!(code = refusal.code.as_str(), "nobody was told of a new device");
        }
    }

    /// The strictest policy of the places where a person has a BAL; the operator's for whoever has none.
    pub(crate) async fn device_policy(&self, person: Id) -> Result<DevicePolicy, Refusal> {
        let operator = self.config().limits;
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(DevicePolicy::of(tx, &operator, person)?);
        Ok(self.0.store.read(find).await?)
    }
}

impl DevicePolicy {
    /// As [`Operator::device_policy`], in the transaction that it is for; `operator`: its own limits.
    pub fn of(tx: &mut dyn Tx, operator: &Limits, person: Id) -> Result<Self, StoreError> {
        let found = Self::of_many(tx, operator, &[person])?.remove(&person);
        Ok(found.unwrap_or_else(|| Self::said(operator)))
    }

    /// The same, of many people at once, each of whom is there.
    pub fn of_many(tx: &mut dyn Tx, operator: &Limits, people: &[Id]) -> Result<HashMap<Id, Self>, StoreError> {
        let accesses = access::of_people(tx, people)?;
        let bals: Vec<Id> = accesses.iter().map(|a| a.bal_id).collect();
        let limits = effective_of(tx, operator, &bals)?;
        let mut strictest: HashMap<Id, Self> = HashMap::new();
        for access in accesses {
            let Some(here) = limits.get(&access.bal_id).map(Self::said) else { continue };
            let with = |s: &mut Self| *s = Self { most: s.most.min(here.most), days: s.days.min(here.days) };
            strictest.entry(access.person_id).and_modify(with).or_insert(here);
        }
        for person in people {
            strictest.entry(*person).or_insert_with(|| Self::said(operator));
        }
        Ok(strictest)
    }

    fn said(limits: &Limits) -> Self {
        Self { most: limits.device_tokens, days: limits.device_token_days }
    }

    /// Is there room for one more? In the transaction that makes it. `device.forbidden`, `device.too_many`.
    pub fn admits(self, tx: &mut dyn Tx, person: Id, now: i64) -> Result<(), Fail> {
        if self.most == 0 {
            return Err(RefusalCode::DeviceForbidden.into());
        }
        // What the policy has ended takes no place.
        let within = (now - i64::from(self.days) * DAY, now);
        let tokens = accounts::live_of_person(tx, person, "device", within)?;
        let certificates = accounts::live_of_person(tx, person, super::devices::PURPOSE, within)?;
        if tokens + certificates >= i64::from(self.most) {
            return Err(Refusal::new(RefusalCode::DeviceTooMany).with("limit", self.most).into());
        }
        Ok(())
    }

    /// The end of a token that is made at `made` and wanted until then; as the policy is now, whenever that was. Where none is admitted it ended as it
    /// was made.
    pub fn last(self, made: i64, wanted: Option<i64>) -> i64 {
        let days = if self.most == 0 { 0 } else { i64::from(self.days) };
        let latest = made + days * DAY;
        wanted.map_or(latest, |w| w.min(latest))
    }
}
