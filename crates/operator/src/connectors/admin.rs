//! Connectors added, shown, changed, suspended and ended (F052, F212).
use super::certificates::certificate_view;
use super::views::{ConnectorChange, ConnectorView, NewConnector, RouteView};
use crate::accounts::people::conflict;
use crate::accounts::{grouped, only, page};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Operator};
use sceau_domain::{DomainKind, DomainName, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::{Id, StoreError, Tx, accounts, connectors as rows, structures};
use serde_json::json;
use std::collections::HashMap;

/// Most domains of a connector.
const DOMAINS: usize = 200;
/// Most BALs in a list of senders.
const SENDERS: usize = 1000;
/// Most messages in an hour that may be asked for.
const PER_HOUR: u32 = 10_000_000;
/// A certificate that ends sooner than this is worth a warning, milliseconds.
pub(super) const ENDS_SOON: i64 = 30 * 86_400_000;

/// The connector of this name, when the asker may do this to it.
pub(crate) fn known(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, name: &str) -> Result<rows::Connector, Fail> {
    permit(tx, actor, use_case, On::Anywhere)?;
    let Some(found) = rows::by_name(tx, name)? else { return Err(unknown(tx, actor, use_case, name)) };
    permit(tx, actor, use_case, On::Structure(found.structure_id))?;
    Ok(found)
}

/// A route that can be one: host names and addresses only, nothing that a settings file could take for something else.
fn checked(route: &RouteView) -> Result<RouteView, Refusal> {
    let wrong = |name: &str| Refusal::new(RefusalCode::ConnectorHost).with("name", name);
    let host = |text: &str| -> Result<String, Refusal> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<std::net::IpAddr>() {
            return Ok(ip.to_string());
        }
        // A single label is a host of the structure's own network, which we do not see.
        text.parse::<DomainName>().map(String::from).map_err(|_| wrong(text))
    };
    if route.port == 0 {
        return Err(wrong("port"));
    }
    let tls_name = route.tls_name.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(host).transpose()?;
    Ok(RouteView { host: host(&route.host)?, port: route.port, tls_name })
}

fn no_domain(domain: &str, cause: &str) -> Fail {
    Refusal::new(RefusalCode::ConnectorDomain).with("domain", domain).with("cause", cause).into()
}

/// Ids of domains that the connector may carry: ours, the structure's, of no other connector, of professionals.
fn domain_ids(tx: &mut dyn Tx, connector: Id, structure: Id, names: &[String]) -> Result<Vec<Id>, Fail> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        let Some(domain) = accounts::domain_by_name(tx, name)? else { return Err(no_domain(name, "unknown")) };
        if !matches!(domain.kind.parse(), Ok(DomainKind::Production | DomainKind::Test)) {
            return Err(no_domain(name, &domain.kind));
        }
        if !rows::is_of_structure(tx, structure, domain.id)? {
            return Err(no_domain(name, "structure"));
        }
        if rows::carrier(tx, domain.id)?.is_some_and(|id| id != connector) {
            return Err(no_domain(name, "connector"));
        }
        ids.push(domain.id);
    }
    Ok(ids)
}

fn domain_names(names: &[String]) -> Result<Vec<String>, Refusal> {
    if names.is_empty() || names.len() > DOMAINS {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "domains"));
    }
    let parse = |n: &String| n.trim().parse::<DomainName>().map(String::from);
    let mut out: Vec<String> = names
        .iter()
        .map(|n| parse(n).map_err(|_| Refusal::new(RefusalCode::ConnectorDomain).with("domain", n)))
        .collect::<Result<_, _>>()?;
    out.sort();
    out.dedup();
    Ok(out)
}

fn per_hour(n: u32) -> Result<i64, Refusal> {
    if n > PER_HOUR {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "per_hour").with("limit", PER_HOUR));
    }
    Ok(i64::from(n))
}

impl Operator {
    /// What senders are found by. `admin.invalid`.
    fn sender_keys(&self, addresses: &[String]) -> Result<Vec<(String, String)>, Refusal> {
        if addresses.len() > SENDERS {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "senders").with("limit", SENDERS));
        }
        let key = |a: &String| {
            let address = a.trim().parse::<sceau_domain::Address>();
            address
                .map(|a| (self.bal_key(&a), a.to_string()))
                .map_err(|_| Refusal::new(RefusalCode::Invalid).with("name", "senders"))
        };
        addresses.iter().map(key).collect()
    }

    /// Adds a connector of a structure. `connector.no_authority`, `connector.domain`, `connector.host`, `admin.exists`, `admin.not_found`.
    #[boxed]
    pub async fn add_connector(&self, actor: &Actor, new: NewConnector) -> Result<ConnectorView, Refusal> {
        self.require(actor, UseCase::ConnectorEdit, On::Operator).await?;
        let name = plain::code(&new.name, "name")?;
        let structure = new.structure.trim().to_ascii_lowercase();
        let domains = domain_names(&new.domains)?;
        let route = new.route.as_ref().map(checked).transpose()?;
        let senders = new.senders.as_deref().filter(|s| !s.is_empty()).map(|s| self.sender_keys(s)).transpose()?;
        self.authorities().await?;
        let now = self.now();
        let row = rows::Connector {
            id: self.0.store.new_id(),
            name: name.clone(),
            structure_id: 0,
            state: "active".into(),
            host: route.as_ref().map(|r| r.host.clone()),
            port: route.as_ref().map(|r| i64::from(r.port)),
            tls_name: route.as_ref().and_then(|r| r.tls_name.clone()),
            every_sender: senders.is_none(),
            per_hour: per_hour(new.per_hour)?,
            reason: None,
            version: 1,
            created: now.0,
            changed: now.0,
            seen: None,
            refused: None,
            refusal: None,
            refusal_args: None,
        };
        let said = json!({
            "connector": name, "structure": structure, "domains": domains, "route": route,
            "senders": senders.as_ref().map(Vec::len), "per_hour": row.per_hour,
        });
        let fact = self.fact("connector.added", &By::actor(actor), None, "ok", said);
        let actor = actor.clone();
        let add = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::ConnectorEdit, On::Operator)?;
            let found = structures::by_code(tx, &structure)?;
            let found = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", &structure))?;
            if rows::by_name(tx, &row.name)?.is_some() {
                return Err(Refusal::new(RefusalCode::Exists).with("name", &row.name).into());
            }
            rows::lock(tx)?;
            let row = rows::Connector { structure_id: found.id, ..row.clone() };
            let ids = domain_ids(tx, row.id, found.id, &domains)?;
            rows::insert(tx, &row)?;
            rows::set_domains(tx, row.id, &ids)?;
            if let Some(senders) = &senders {
                let bals = sender_ids(tx, row.id, senders)?;
                rows::set_senders(tx, row.id, &bals)?;
            }
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, row, now)?)
        };
        Ok(self.0.store.write(add).await?)
    }

    /// Connectors by name, as far as the asker's place reaches.
    #[boxed]
    pub async fn connectors(&self, actor: &Actor, after: &str, limit: u32) -> Result<Vec<ConnectorView>, Refusal> {
        let (actor, after, now, limit) = (actor.clone(), after.to_ascii_lowercase(), self.now(), page(limit));
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::ConnectorList, On::Anywhere)?;
            let reached = reach(tx, &actor, UseCase::ConnectorList)?;
            let within = match &reached {
                Reach::All => None,
                Reach::Structures(ids) => Some(ids.as_slice()),
                Reach::Own(_) => Some(&[][..]),
            };
            let found = rows::list(tx, within, &after, limit)?;
            Ok::<_, Fail>(views(tx, found, now)?)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One connector. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn connector(&self, actor: &Actor, name: &str) -> Result<ConnectorView, Refusal> {
        let (actor, name, now) = (actor.clone(), name.to_ascii_lowercase(), self.now());
        let find = move |tx: &mut dyn Tx| {
            let found = known(tx, &actor, UseCase::ConnectorList, &name)?;
            Ok::<_, Fail>(view(tx, found, now)?)
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Changes a connector that is still of this version. `edit.conflict`, `connector.domain`, `connector.waiting` (a route that goes away while
    /// mail waits for it), `state.wrong`, `admin.not_found`.
    #[boxed]
    pub async fn edit_connector(
        &self,
        actor: &Actor,
        name: &str,
        version: i64,
        change: ConnectorChange,
    ) -> Result<ConnectorView, Refusal> {
        self.require(actor, UseCase::ConnectorEdit, On::Anywhere).await?;
        let name = name.to_ascii_lowercase();
        let domains = change.domains.as_deref().map(domain_names).transpose()?;
        let route = change.route.as_ref().map(checked).transpose()?;
        let send_only = change.send_only.unwrap_or(false);
        if send_only && route.is_some() {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "send_only"));
        }
        let senders = change.senders.as_deref().map(|s| self.sender_keys(s)).transpose()?;
        let hourly = change.per_hour.map(per_hour).transpose()?;
        let now = self.now();
        let said = json!({
            "connector": name, "domains": domains, "route": route, "send_only": change.send_only,
            "senders": senders.as_ref().map(Vec::len), "per_hour": hourly,
        });
        let fact = self.fact("connector.changed", &By::actor(actor), None, "ok", said);
        let actor = actor.clone();
        let edit = move |tx: &mut dyn Tx| {
            let mut row = known(tx, &actor, UseCase::ConnectorEdit, &name)?;
            if row.version != version {
                return Err(conflict(&name));
            }
            if row.state == "ended" {
                return Err(ended(&row));
            }
            rows::lock(tx)?;
            if let Some(route) = &route {
                row.host = Some(route.host.clone());
                row.port = Some(i64::from(route.port));
                row.tls_name.clone_from(&route.tls_name);
            }
            if send_only && row.host.is_some() {
                none_waits(tx, row.id)?;
                (row.host, row.port, row.tls_name) = (None, None, None);
            }
            if let Some(names) = &domains {
                let before = rows::domains(tx, &[row.id])?;
                if before.iter().any(|(_, d)| !names.contains(d)) {
                    none_waits(tx, row.id)?;
                }
                let ids = domain_ids(tx, row.id, row.structure_id, names)?;
                rows::set_domains(tx, row.id, &ids)?;
            }
            if let Some(senders) = &senders {
                row.every_sender = senders.is_empty();
                let bals = sender_ids(tx, row.id, senders)?;
                rows::set_senders(tx, row.id, &bals)?;
            }
            row.per_hour = hourly.unwrap_or(row.per_hour);
            row.changed = now.0;
            if !rows::update(tx, &row)? {
                return Err(conflict(&name));
            }
            fact.write(tx)?;
            let stored = rows::by_id(tx, row.id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, stored, now)?)
        };
        let changed = self.0.store.write(edit).await?;
        self.wake_queue();
        Ok(changed)
    }

    /// Suspends a connector: nothing goes through it either way, messages wait. `state.wrong`, `admin.not_found`, `admin.invalid`.
    #[boxed]
    pub async fn suspend_connector(&self, actor: &Actor, name: &str, why: &str) -> Result<ConnectorView, Refusal> {
        self.lead_connector(actor, name, why, ("active", "suspended"), "connector.suspended").await
    }

    /// Takes a suspension back.
    #[boxed]
    pub async fn resume_connector(&self, actor: &Actor, name: &str, why: &str) -> Result<ConnectorView, Refusal> {
        let resumed = self.lead_connector(actor, name, why, ("suspended", "active"), "connector.resumed").await?;
        self.wake_queue();
        Ok(resumed)
    }

    /// Ends a connector for good: its certificates are revoked, its domains are free, mail is kept here from now on. `connector.waiting` while mail
    /// waits for it.
    #[boxed]
    pub async fn end_connector(&self, actor: &Actor, name: &str, why: &str) -> Result<ConnectorView, Refusal> {
        self.lead_connector(actor, name, why, ("", "ended"), "connector.ended").await
    }

    async fn lead_connector(
        &self,
        actor: &Actor,
        name: &str,
        why: &str,
        (from, to): (&'static str, &'static str),
        act: &'static str,
    ) -> Result<ConnectorView, Refusal> {
        self.require(actor, UseCase::ConnectorEdit, On::Anywhere).await?;
        let (name, why, now) = (name.to_ascii_lowercase(), plain::reason(why, "reason")?, self.now());
        let by = By::actor(actor).name;
        let fact = self.fact(act, &By::actor(actor), None, "ok", json!({ "connector": name, "reason": why }));
        let actor = actor.clone();
        let lead = move |tx: &mut dyn Tx| {
            let mut row = known(tx, &actor, UseCase::ConnectorEdit, &name)?;
            if row.state == "ended" || (!from.is_empty() && row.state != from) {
                return Err(ended(&row));
            }
            if to == "ended" {
                rows::lock(tx)?;
                none_waits(tx, row.id)?;
                rows::revoke_all(tx, row.id, now.0, &by, &why)?;
                rows::retire_all(tx, &row.name, now.0)?;
                rows::set_domains(tx, row.id, &[])?;
                rows::set_senders(tx, row.id, &[])?;
            }
            row.state = to.into();
            row.reason = (to != "active").then(|| why.clone());
            row.changed = now.0;
            if !rows::update(tx, &row)? {
                return Err(conflict(&name));
            }
            fact.write(tx)?;
            let stored = rows::by_id(tx, row.id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, stored, now)?)
        };
        Ok(self.0.store.write(lead).await?)
    }
}

fn ended(row: &rows::Connector) -> Fail {
    Refusal::new(RefusalCode::StateWrong).with("name", &row.name).with("cause", &row.state).into()
}

/// Refuses `connector.waiting` while mail waits for the connector's server.
fn none_waits(tx: &mut dyn Tx, connector: Id) -> Result<(), Fail> {
    match rows::waiting(tx, connector)? {
        0 => Ok(()),
        n => Err(Refusal::new(RefusalCode::ConnectorWaiting).with("limit", n).into()),
    }
}

/// BALs of the connector's domains and structure, by what they are found by.
fn sender_ids(tx: &mut dyn Tx, connector: Id, keys: &[(String, String)]) -> Result<Vec<Id>, Fail> {
    let mut ids = Vec::with_capacity(keys.len());
    for (key, address) in keys {
        let bal = accounts::bal_by_address(tx, key)?;
        let mine = match &bal {
            Some(b) => rows::of_bal(tx, b.id)?.is_some_and(|c| c.id == connector),
            None => false,
        };
        match bal.filter(|_| mine) {
            Some(bal) => ids.push(bal.id),
            None => return Err(Refusal::new(RefusalCode::SenderNotAllowed).with("address", address).into()),
        }
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn view(tx: &mut dyn Tx, c: rows::Connector, now: Timestamp) -> Result<ConnectorView, StoreError> {
    only(views(tx, vec![c], now)?)
}

fn views(tx: &mut dyn Tx, found: Vec<rows::Connector>, now: Timestamp) -> Result<Vec<ConnectorView>, StoreError> {
    let ids: Vec<Id> = found.iter().map(|c| c.id).collect();
    let places: Vec<Id> = found.iter().map(|c| c.structure_id).collect();
    let structures = structures::by_ids(tx, &places)?;
    let mut domains: HashMap<Id, Vec<String>> = grouped(rows::domains(tx, &ids)?);
    let mut senders: HashMap<Id, Vec<String>> = grouped(rows::senders(tx, &ids)?);
    let certificates = rows::certificates(tx, &ids)?.into_iter().map(|c| (c.connector_id, c));
    let mut certificates: HashMap<Id, Vec<rows::Certificate>> = grouped(certificates);
    Ok(found
        .into_iter()
        .map(|c| {
            let mine = certificates.remove(&c.id).unwrap_or_default();
            let live: Vec<&rows::Certificate> =
                mine.iter().filter(|x| x.revoked.is_none() && x.not_after.is_none_or(|end| end > now.0)).collect();
            // The last one to end counts: a certificate that was replaced may end.
            let last = live.iter().map(|x| x.not_after.unwrap_or(i64::MAX)).max();
            let open = c.state != "ended";
            let warnings = [
                ("no_certificate", open && live.is_empty()),
                ("certificate_ends", open && last.is_some_and(|end| end < now.0 + ENDS_SOON)),
                ("never_seen", open && c.seen.is_none()),
            ];
            ConnectorView {
                structure: structures.get(&c.structure_id).map(|s| s.code.clone()).unwrap_or_default(),
                domains: domains.remove(&c.id).unwrap_or_default(),
                route: c.host.clone().map(|host| RouteView {
                    host,
                    port: c.port.and_then(|p| u16::try_from(p).ok()).unwrap_or(25),
                    tls_name: c.tls_name.clone(),
                }),
                senders: (!c.every_sender).then(|| senders.remove(&c.id).unwrap_or_default()),
                per_hour: c.per_hour,
                certificates: mine.into_iter().map(certificate_view).collect(),
                seen: c.seen.map(Timestamp),
                refused: c.refused.map(Timestamp),
                refusal: c.refusal,
                warnings: warnings.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()).collect(),
                version: c.version,
                created: Timestamp(c.created),
                name: c.name,
                state: c.state,
                reason: c.reason,
            }
        })
        .collect())
}
