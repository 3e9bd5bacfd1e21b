//! Notices that come back: an ordinary address that is wrong (F032).
//!
//! Promises: a reverse path that only we can have written (a keyed tag) names the notice, and with it the person and the address it went to; what says
//! something of the address for good marks it, everything else is only counted; the mark is traced, raised, told to the administrators of the person's
//! structures without naming anybody, and goes when an address is verified. Nothing is closed here: after the delay an administrator may
//! ([`crate::life`], cause `notification_address`), and is reminded by an alarm.
use super::{Notice, Template};
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::{Operator, Origin};
use sceau_domain::tell::is_wrong_address;
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp};
use sceau_message::bounce;
use sceau_store::{Id, StoreError, Tx, access, accounts, mail_notices as rows, notices};
use serde_json::json;

/// Bytes of the keyed tag in a reverse path.
const TAG: usize = 10;
/// Administrators told of one address.
const MOST: i64 = 50;
/// Addresses looked at in one round of housekeeping.
const ROUND: i64 = 200;

impl Operator {
    /// The reverse path of a notice: where its bounces go. None: the sender's own address, whose bounces nobody reads here.
    pub(super) fn bounce_path(&self, notice: Id) -> Option<Address> {
        let base = self.0.config.notices.bounces.as_ref()?;
        let tag = self.0.store.vault().tag("bounce", &notice.to_be_bytes());
        let text = format!("{}+{notice:x}-{}@{}", base.local(), hex::encode(&tag[..TAG]), base.domain());
        text.parse().ok()
    }

    /// RCPT of a bounce: the notice that its address names. `rcpt.unknown`.
    pub fn bounced_notice(&self, to: &Address) -> Result<Id, Refusal> {
        let unknown = || Refusal::new(RefusalCode::RcptUnknown).with("address", to.domain());
        let base = self.0.config.notices.bounces.as_ref().ok_or_else(unknown)?;
        let local = to.local().to_ascii_lowercase();
        let named = local.strip_prefix(&format!("{}+", base.local().to_ascii_lowercase())).ok_or_else(unknown)?;
        let id = named.split_once('-').and_then(|(id, _)| Id::from_str_radix(id, 16).ok()).ok_or_else(unknown)?;
        let right = self.bounce_path(id).ok_or_else(unknown)?;
        // Compared as digests: how long it takes tells nothing of the tag.
        let digest = |a: &str| self.0.store.vault().tag("bounce.compare", a.to_ascii_lowercase().as_bytes());
        if digest(&right.to_string()) == digest(&to.to_string()) { Ok(id) } else { Err(unknown()) }
    }

    /// After DATA of a bounce. Only what the machine part says is read. Repeating it changes nothing.
    #[boxed]
    pub async fn take_bounce(&self, notice: Id, message: &[u8], origin: &Origin) -> Result<(), Refusal> {
        let failed = bounce::outcomes(message).into_iter().find(|o| o.action == "failed");
        let Some(outcome) = failed else {
            metrics::counter!("sceau_notice_bounces_total", "kind" => "other").increment(1);
            return Ok(());
        };
        metrics::counter!("sceau_notice_bounces_total", "kind" => "failed").increment(1);
        let find = move |tx: &mut dyn Tx| notices::by_id(tx, notice);
        let found = self.0.store.read(find).await.map_err(|e: StoreError| refuse::store(&e))?;
        let Some(row) = found else { return Ok(()) };
        let by = By { name: "bounce".into(), origin: Some(origin.clone()), ..By::default() };
        // What it said is wiped once it left: its address is the person's verified one, unless that changed since the notice was asked for.
        self.address_is_wrong(row.person_id, None, row.created, &outcome.status, &by).await
    }

    /// A notice did not reach the address that it went to. Marks it when the status says that it is wrong. `to`: the address, when it is known;
    /// `asked`: when the notice was asked for.
    pub(super) async fn address_is_wrong(
        &self,
        person: Id,
        to: Option<&Address>,
        asked: i64,
        status: &str,
        by: &By,
    ) -> Result<(), Refusal> {
        if !is_wrong_address(status) {
            return Ok(());
        }
        let failed = |e: StoreError| refuse::store(&e);
        let find = move |tx: &mut dyn Tx| {
            Ok((accounts::person_by_id(tx, person)?, rows::administrators_of(tx, person, MOST)?))
        };
        let (found, administrators) = self.0.store.read(find).await.map_err(failed)?;
        let Some(found) = found else { return Ok(()) };
        let (Some(email), Some(verified)) = (found.email.clone(), found.email_verified) else { return Ok(()) };
        // Of another address than the present one: it says nothing of that one.
        if to.is_some_and(|to| to.to_string() != email) || (to.is_none() && verified > asked) {
            return Ok(());
        }
        let mut told: Vec<Notice> = Vec::new();
        if self.has_relay() {
            for (id, address) in administrators {
                if let Ok(to) = address.parse() {
                    told.push(self.notice(Template::AddressWrong, id, &to, &[]).await?);
                }
            }
        }
        let (now, code, login) = (self.now().0, status.to_owned(), found.login.clone());
        let fact = self.fact("person.email_wrong", by, None, "ok", json!({ "login": login, "code": status }));
        let mark = move |tx: &mut dyn Tx| {
            let marked = rows::mark_wrong(tx, person, &email, now, &code)?;
            if marked {
                fact.write(tx)?;
                told.iter().try_for_each(|n| n.write(tx))?;
            }
            Ok::<_, StoreError>(marked)
        };
        if self.0.store.write(mark).await.map_err(failed)? {
            self.raise_alarm("notice.address_wrong", &login, false, json!({ "name": login, "cause": status })).await;
            self.wake_jobs();
        }
        Ok(())
    }

    /// From when BALs may be closed for an address that is wrong since then (F032): working days of the operator's calendar.
    pub(crate) fn wrong_until(&self, tx: &mut dyn Tx, since: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let calendar = crate::calendar::of_structure(tx, None)?;
        Ok(calendar.deadline(since, self.0.config.notices.wrong_address_days))
    }

    /// Can this person be reached at the ordinary address: verified, and not known to be wrong for longer than the delay?
    pub(crate) fn is_reached(&self, tx: &mut dyn Tx, person: &accounts::Person, now: Timestamp) -> Result<bool, Fail> {
        if person.email.is_none() || person.email_verified.is_none() {
            return Ok(false);
        }
        let Some((since, _)) = rows::wrong_address(tx, person.id)? else { return Ok(true) };
        Ok(self.wrong_until(tx, Timestamp(since))?.is_none_or(|until| now < until))
    }

    /// An address of the person was verified: whatever was wrong is over. In the transaction that verifies it; after it: [`Operator::right_again`].
    pub(crate) fn address_is_right(tx: &mut dyn Tx, person: Id) -> Result<bool, StoreError> {
        rows::clear_wrong(tx, person)
    }

    /// After the commit of what verified an address.
    pub(crate) async fn right_again(&self, login: &str) {
        self.clear_alarm("notice.address_wrong", login).await;
        self.clear_alarm("notice.address_stays_wrong", login).await;
    }

    /// Reminds of addresses that stay wrong beyond the delay, of people who hold a BAL. Part of housekeeping; how many.
    pub(crate) async fn remind_of_wrong_addresses(&self) -> Result<u64, Refusal> {
        let (now, op, mut after, mut count) = (self.now(), self.clone(), 0, 0);
        loop {
            let op = op.clone();
            let find = move |tx: &mut dyn Tx| {
                let found = rows::wrong_since(tx, now.0, after, ROUND)?;
                let last = found.last().map(|f| f.0);
                let mut late = Vec::new();
                for (id, login, since) in found {
                    let over = op.wrong_until(tx, Timestamp(since))?.is_some_and(|until| until <= now);
                    if over && access::of_person(tx, id)?.iter().any(|a| a.role == "holder") {
                        late.push(login);
                    }
                }
                Ok((late, last))
            };
            let (late, last) = self.0.store.read(find).await.map_err(|e: StoreError| refuse::store(&e))?;
            for login in late {
                self.raise_alarm("notice.address_stays_wrong", &login, false, json!({ "name": login })).await;
                count += 1;
            }
            match last {
                Some(last) => after = last,
                None => return Ok(count),
            }
        }
    }
}
