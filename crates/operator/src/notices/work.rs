//! A notice on its way: opened, written, handed to the relay; tried again, or given up.
use super::mail::language_of;
use super::{NotTaken, Said, Template, aad};
use crate::accounts::processing::of_bal;
use crate::accounts::structures::views::ProcessingLink;
use crate::record::By;
use crate::{Operator, refuse};
use sceau_domain::text::text;
use sceau_domain::{Address, Lang, Processing, Refusal, RefusalCode, Timestamp};
use sceau_message::compose::Compose;
use sceau_store::{Id, StoreError, Tx, accounts, notices as rows, roles};
use serde_json::json;

/// How long a relay may be away before an alarm says so, milliseconds.
const PATIENCE: i64 = 15 * 60_000;
/// Subject of the alarm of a relay that is away.
const RELAY: &str = "";

impl Operator {
    /// Sends a notice that waits. An error: to be tried again.
    pub(crate) async fn send_notice(&self, id: Id) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let found = self.0.store.read(move |tx| rows::by_id(tx, id)).await.map_err(failed)?;
        let Some(row) = found.filter(|n| n.state == "waiting") else { return Ok(()) };
        if row.expires <= self.now().0 {
            return self.give_up(&row, "expired", "late").await;
        }
        let Some(relay) = self.0.relay.get() else { return Err(RefusalCode::NoticeNoRelay.into()) };
        let opened = match self.0.store.vault().transit_key_of(row.epoch).await {
            Ok(key) => open(&row, &key),
            // The keyring was replaced by one that does not have it.
            Err(StoreError::NoKey) => None,
            Err(e) => return Err(failed(e)),
        };
        let Some((template, to, said)) = opened else { return self.give_up(&row, "refused", "unreadable").await };
        let (person, domain, operator) = (row.person_id, to.domain().to_string(), self.0.config.name.clone());
        let look = move |tx: &mut dyn Tx| {
            let ours = accounts::domain_by_name(tx, &domain)?.is_some();
            Ok((ours, processing(tx, person, &operator)?, language_of(tx, person)?))
        };
        let (ours, chain, first) = self.0.store.read(look).await.map_err(failed)?;
        // The domain entered the trust space since the address was given: ordinary mail does not go there.
        if ours || self.is_patients(to.domain()) || self.trust().white_list().is_some_and(|l| l.contains(to.domain())) {
            return self.give_up(&row, "refused", "trust_space").await;
        }
        let message = self.compose_notice(template, id, (relay.from(), &to), &said, (&chain, first));
        let back = self.bounce_path(id).unwrap_or_else(|| relay.from().clone());
        match relay.send(&back, &to, &message).await {
            Ok(()) => {
                self.settle_notice(id, "sent", None).await?;
                self.clear_alarm("notice.relay", RELAY).await;
                Ok(())
            }
            Err(NotTaken::Never(code)) => {
                self.give_up(&row, "refused", &code).await?;
                self.address_is_wrong(row.person_id, Some(&to), row.created, &code, &By::system()).await
            }
            Err(NotTaken::Later(code)) => {
                if self.now().0 - row.created > PATIENCE {
                    self.raise_alarm("notice.relay", RELAY, false, json!({ "cause": code })).await;
                }
                Err(Refusal::new(RefusalCode::TransferConnect).with("cause", code))
            }
        }
    }

    fn compose_notice(
        &self,
        template: Template,
        id: Id,
        (from, to): (&Address, &Address),
        said: &Said,
        (chain, first): (&[ProcessingLink], Lang),
    ) -> Vec<u8> {
        let name = self.0.config.name.as_str();
        let values = said.values.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let values: Vec<(&str, &str)> = std::iter::once(("operator", name)).chain(values).collect();
        let of = |lang, part: &str| text(lang, &format!("notice.{}.{part}", template.as_str()), &values);
        let foot = |lang| self.foot(lang, chain);
        // Both texts, the reader's own first.
        let (second, mark) = match first {
            Lang::Fr => (Lang::En, "-- English --"),
            Lang::En => (Lang::Fr, "-- Français --"),
        };
        let [(a, a_foot), (b, b_foot)] = [first, second].map(|lang| (of(lang, "body"), foot(lang)));
        let body = format!("{a}\n\n{a_foot}\n\n{mark}\n\n{b}\n\n{b_foot}\n");
        let body = body.replace("\r\n", "\n").replace('\n', "\r\n");
        Compose::new(name, from, Timestamp(self.now().0), &format!("notice-{id:x}"))
            .to("", to)
            .subject(&format!("{} / {}", of(first, "subject"), of(second, "subject")))
            // RFC 3834 §5: programs do not answer this.
            .field("Auto-Submitted", "auto-generated")
            .text(&body)
            .write()
    }

    /// Who processes the reader's personal data (F152).
    fn foot(&self, lang: Lang, chain: &[ProcessingLink]) -> String {
        let of = |role| chain.iter().filter(move |l| l.role == role).map(|l| l.name.as_str());
        let controller = of(Processing::Controller).find(|name| !name.is_empty()).map(str::to_owned);
        let controller = controller.unwrap_or_else(|| text(lang, "notice.foot.self", &[]));
        let processors = of(Processing::Processor).collect::<Vec<_>>().join(", ");
        let mut values = vec![("controller", controller.as_str()), ("processors", processors.as_str())];
        values.extend(self.0.config.terms.get("dpo").map(|dpo| ("dpo", dpo.as_str())));
        text(lang, "notice.foot.person", &values)
    }

    async fn settle_notice(&self, id: Id, state: &'static str, code: Option<String>) -> Result<bool, Refusal> {
        let now = self.now().0;
        let settle = move |tx: &mut dyn Tx| rows::settle(tx, id, state, code.as_deref(), now);
        self.0.store.write(settle).await.map_err(|e: StoreError| refuse::store(&e))
    }

    /// The notice will not leave: kept as a state, and raised.
    async fn give_up(&self, row: &rows::Notice, state: &'static str, code: &str) -> Result<(), Refusal> {
        let code = code.to_owned();
        if !self.settle_notice(row.id, state, Some(code.clone())).await? {
            return Ok(());
        }
        let person = row.person_id;
        let find = move |tx: &mut dyn Tx| accounts::person_by_id(tx, person);
        let found = self.0.store.read(find).await.map_err(|e: StoreError| refuse::store(&e))?;
        let login = found.map_or_else(String::new, |p| p.login);
        self.raise_alarm("notice.refused", &login, false, json!({ "name": login, "cause": code })).await;
        Ok(())
    }
}

/// The chain of the structure of longest standing; of the professional in person without one (an empty name).
fn processing(tx: &mut dyn Tx, person: Id, operator: &str) -> Result<Vec<ProcessingLink>, StoreError> {
    let structure = roles::structures_of_person(tx, person)?.first().copied();
    of_bal(tx, structure, "", operator)
}

fn open(row: &rows::Notice, key: &sceau_store::vault::DataKey) -> Option<(Template, Address, Said)> {
    let bytes = key.unseal(aad(row.epoch, row.id), row.sealed.as_deref()?).ok()?;
    let said: Said = serde_json::from_slice(&bytes).ok()?;
    Some((Template::named(&row.template)?, said.to.parse().ok()?, said))
}
