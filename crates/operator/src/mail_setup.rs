//! What mail programs are told about a domain, and what its zone must hold (F223).
//!
//! Promises: settings are told by the domain of an address alone, whatever stands before the `@`: nobody learns who has a BAL. Nothing is told of a domain
//! whose programs have nothing to ask from us: one that is not ours, has not come yet or went, or is carried by a structure's own server. Ways to log in
//! are told where the domain's policy admits them.
use crate::boxed;
use crate::moves::Standing;
use crate::policies::of_domain;
use crate::seats::{Seats, Work};
use crate::trusted::probe::Probe;
use crate::{Actor, Operator, refuse};
use sceau_domain::mail_setup::{self as rules, Published, RecordKind, RecordUse, Servers, Wanted, Web};
use sceau_domain::{DomainName, Refusal, RefusalCode};
use sceau_identity::oauth::Scopes;
use sceau_store::{StoreError, Tx, accounts, connectors, oauth};
use sceau_trust::{Identity, Purpose};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::JoinSet;
use utoipa::ToSchema;

/// Documents that are signed at once: anybody asks for one, with another name each time.
const SIGNED_AT_ONCE: u32 = 2;
/// A look at one record, tries included.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the configuration says of it.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where mail programs find us.
    pub servers: Servers,
    /// Hosts that take mail from other operators; the nodes' own when empty.
    pub mx: Vec<String>,
}

/// What is remembered of it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What people's programs are shown, once the program has said it.
    shown: OnceLock<Shown>,
    /// Seats for signing.
    seats: Seats,
}

/// The certificate that people's programs are shown, with its key, as it is at this moment.
pub type Shown = Arc<arc_swap::ArcSwap<Identity>>;

/// What a mail program needs to know of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSetup {
    /// The domain.
    pub domain: DomainName,
    /// Name of the operator.
    pub operator: String,
    /// Where it connects; whole ([`Servers::is_whole`]).
    pub servers: Servers,
    /// The domain admits device tokens: they are the passwords of mail programs.
    pub secrets: bool,
    /// Our name as an authorization server, where a mail program could use it: the domain admits device tokens, and programs may register themselves, or
    /// one is registered that may ask for all that the settings name. Where nobody could it would lead people nowhere.
    pub oauth: Option<String>,
    /// A card logs in.
    pub cards: bool,
}

impl MailSetup {
    /// Is a card all that a program could log in by? Few can; where there is a plainer way it is not named.
    pub fn by_card_alone(&self) -> bool {
        self.cards && !self.secrets && self.oauth.is_none()
    }
    /// What a program that looks for itself is told. `admin.not_found` where nothing would let it in.
    pub fn told(self) -> Result<Self, Refusal> {
        let any = self.secrets || self.cards || self.oauth.is_some();
        if any { Ok(self) } else { Err(nothing(&self.domain)) }
    }
    /// The same, to a program that logs in by a password and by nothing else.
    pub fn told_with_password(self) -> Result<Self, Refusal> {
        if self.secrets { Ok(self) } else { Err(nothing(&self.domain)) }
    }
}

fn nothing(domain: &DomainName) -> Refusal {
    Refusal::new(RefusalCode::NotFound).with("name", domain)
}

/// What the zone of a domain must hold.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DomainDnsView {
    /// The domain.
    #[schema(value_type = String)]
    pub domain: DomainName,
    /// Its records.
    pub records: Vec<DnsRecordView>,
    /// Host names that the certificate shown to mail programs must have.
    pub names: Vec<String>,
}

/// The records of one name and kind.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DnsRecordView {
    /// Whole name, without the final dot.
    pub name: String,
    /// Kind: `MX`, `SRV`, `CNAME`, `TXT`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: RecordKind,
    /// What for: `transfer`, `programs`, `autoconfig`, `autodiscover`, `spf`.
    #[schema(value_type = String)]
    pub used: RecordUse,
    /// Values to publish, as zone files write them; texts without quotes.
    pub values: Vec<String>,
    /// How what is published compares: `good`, `absent`, `other`, `unanswered`; none unless that was asked.
    #[schema(value_type = Option<String>)]
    pub published: Option<Look>,
    /// What was found.
    pub found: Vec<String>,
}

/// What a look at the DNS ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// As wanted.
    Good,
    /// Nothing of this name and kind.
    Absent,
    /// Something else.
    Other,
    /// The DNS did not answer.
    Unanswered,
}

impl From<Published> for Look {
    fn from(published: Published) -> Self {
        match published {
            Published::Good => Self::Good,
            Published::Absent => Self::Absent,
            Published::Other => Self::Other,
        }
    }
}

impl Operator {
    /// What a mail program is told of a domain. For everybody. `admin.not_found` where there is nothing to tell.
    #[boxed]
    pub async fn mail_setup(&self, domain: &DomainName) -> Result<MailSetup, Refusal> {
        let servers = self.programs(domain).await?.ok_or_else(|| nothing(domain))?;
        if !matches!(self.standing(domain).await?, Standing::Here | Standing::Shared) {
            return Err(nothing(domain));
        }
        // Where no device tokens are admitted, no program is let in either.
        let secrets = self.admits_device_tokens(domain).await?;
        let programs = secrets && self.lets_mail_programs_in().await?;
        let oauth = programs.then(|| self.config().public_url.clone());
        let cards = !self.0.trust.anchors().of(Purpose::Cps).is_empty();
        let operator = self.config().name.clone();
        Ok(MailSetup { domain: domain.clone(), operator, servers, secrets, oauth, cards })
    }

    /// Does the policy of a domain of ours admit device tokens? Of the domain alone: whoever asks learns nothing of a structure or a BAL.
    async fn admits_device_tokens(&self, domain: &DomainName) -> Result<bool, Refusal> {
        let (name, operator) = (domain.to_string(), self.config().limits);
        let look = move |tx: &mut dyn Tx| {
            let Some(found) = accounts::domain_by_name(tx, &name)? else { return Ok(false) };
            Ok::<_, StoreError>(of_domain(tx, &operator, found.id)?.device_tokens > 0)
        };
        self.0.store.read(look).await.map_err(|e| refuse::store(&e))
    }

    /// Could a mail program come by our tokens (OAuth)?
    async fn lets_mail_programs_in(&self) -> Result<bool, Refusal> {
        let Some(settings) = self.oauth() else { return Ok(false) };
        if settings.registration {
            return Ok(true);
        }
        let all = i64::from(Scopes::ALL.bits());
        let may = self.0.store.read::<_, StoreError, _>(move |tx| oauth::program_may(tx, all)).await;
        may.map_err(|e| refuse::store(&e))
    }

    /// The certificate that people's programs are shown; once. Documents for their devices are signed with it.
    pub fn set_shown(&self, shown: Shown) {
        // A second one would be a fault of the program; the first one stays.
        let _ = self.0.mail_setup.shown.set(shown);
    }

    /// A document for a person's device, signed with the certificate that programs are shown (CMS). `expected`: whoever asks is signed in. Few are signed
    /// at once and few wait: `system.unavailable` beyond that, or when nothing can be signed here.
    #[boxed]
    pub async fn signed_document(&self, content: Vec<u8>, expected: bool) -> Result<Vec<u8>, Refusal> {
        let (state, now) = (&self.0.mail_setup, self.now());
        let identity = state.shown.get().ok_or(RefusalCode::Unavailable)?.load_full();
        let (counter, busy) = ("sceau_documents_signed_total", RefusalCode::Unavailable);
        let what = Work { counter, seats: SIGNED_AT_ONCE, busy };
        let signed =
            state.seats.work(what, expected, move || sceau_trust::cms::signed(&content, &identity, now)).await?;
        signed.map_err(|e| {
            tracing::error!(error = %e, "a document for a device could not be signed");
            RefusalCode::Unavailable.into()
        })
    }

    /// Where the mail programs of a domain of ours go; none when they have nothing to ask from us, whether the domain is here or not yet.
    async fn programs(&self, domain: &DomainName) -> Result<Option<Servers>, Refusal> {
        let servers = &self.config().mail_setup.servers;
        if !servers.is_whole() {
            return Ok(None);
        }
        let name = domain.to_string();
        let ours = self.0.store.read(move |tx: &mut dyn Tx| {
            Ok::<_, StoreError>(
                accounts::domain_by_name(tx, &name)?.is_some() && connectors::of_domain(tx, &name)?.is_none(),
            )
        });
        Ok(ours.await.map_err(|e| refuse::store(&e))?.then(|| servers.clone()))
    }

    /// What the zone of a domain must hold, and, when `check` is asked, what the DNS has. `admin.not_found`, `state.wrong` for a domain that went;
    /// `system.unavailable` for a check that cannot be made here.
    #[boxed]
    pub async fn domain_dns(&self, actor: &Actor, name: &str, check: bool) -> Result<DomainDnsView, Refusal> {
        let all = self.domains(actor).await?;
        let found = all.into_iter().find(|d| d.name.as_str().eq_ignore_ascii_case(name));
        let domain = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", name))?.name;
        let standing = match self.standing(&domain).await {
            // It comes, and nobody knows how far it is: its zone is prepared all the same.
            Err(refusal) if refusal.code == RefusalCode::PeerWhiteListAbsent => Standing::Arriving,
            standing => standing?,
        };
        if standing == Standing::Left {
            return Err(Refusal::new(RefusalCode::StateWrong).with("name", &domain).with("state", standing.as_str()));
        }
        let servers = self.programs(&domain).await?;
        let web = Web::of(&self.config().public_url);
        let mx = self.mail_hosts().await?;
        let wanted = rules::wanted(&domain, &mx, servers.as_ref().map(|s| (s, web.as_ref())));
        let names = servers.as_ref().map(|s| rules::names(&domain, s, web.as_ref())).unwrap_or_default();
        let looked = match check {
            true => self.look(&wanted, standing != Standing::Here).await?,
            false => wanted.iter().map(|_| (None, Vec::new())).collect(),
        };
        let record = |(w, (published, found)): (Wanted, (Option<Look>, Vec<String>))| DnsRecordView {
            name: w.name,
            kind: w.kind,
            used: w.used,
            values: w.values,
            published,
            found,
        };
        Ok(DomainDnsView { domain, records: wanted.into_iter().zip(looked).map(record).collect(), names })
    }

    /// Hosts that take mail from other operators.
    async fn mail_hosts(&self) -> Result<Vec<String>, Refusal> {
        let said = &self.config().mail_setup.mx;
        if !said.is_empty() {
            return Ok(said.clone());
        }
        let mut hosts: Vec<String> =
            self.0.store.nodes().await.map_err(|e| refuse::store(&e))?.into_iter().map(|n| n.name).collect();
        hosts.sort();
        hosts.dedup();
        Ok(hosts)
    }

    /// What the DNS has of each, in their order; all are asked for at once.
    async fn look(&self, wanted: &[Wanted], shared: bool) -> Result<Vec<(Option<Look>, Vec<String>)>, Refusal> {
        let probe = self.0.list.probe.get().ok_or(RefusalCode::Unavailable)?;
        let mut asked = JoinSet::new();
        for (i, wanted) in wanted.iter().cloned().enumerate() {
            let probe = Arc::clone(probe);
            asked.spawn(async move {
                let looked = tokio::time::timeout(PATIENCE, one(&*probe, &wanted, shared)).await;
                (i, looked.ok().and_then(Result::ok).unwrap_or((Look::Unanswered, Vec::new())))
            });
        }
        let mut out = vec![(Some(Look::Unanswered), Vec::new()); wanted.len()];
        while let Some(done) = asked.join_next().await {
            if let Ok((i, (look, found))) = done {
                out[i] = (Some(look), found);
            }
        }
        Ok(out)
    }
}

/// What the DNS has of one.
async fn one(probe: &dyn Probe, wanted: &Wanted, shared: bool) -> Result<(Look, Vec<String>), Refusal> {
    let found = probe.records(&wanted.name, wanted.kind).await?;
    let look = Look::from(rules::published(wanted, &found, shared));
    // Another name leads there too, or the addresses stand there themselves.
    if wanted.kind == RecordKind::Cname && look != Look::Good {
        let host = wanted.values.first().map_or("", |v| v.trim_end_matches('.'));
        let (there, ours) = (probe.addresses(&wanted.name).await?, probe.addresses(host).await?);
        if !there.is_empty() && there.iter().all(|a| ours.contains(a)) {
            return Ok((Look::Good, there.iter().map(ToString::to_string).collect()));
        }
    }
    Ok((look, found))
}
