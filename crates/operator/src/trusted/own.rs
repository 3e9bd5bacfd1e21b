//! Our own domains in the white list: whoever is not listed there, or without our certificates, is refused by everybody else and should hear it from us.
//!
//! A certificate that is not ours beside ours is a fact (a domain that moves is listed for two operators for a while), and said as one.
use crate::{Operator, refuse};
use sceau_domain::{DomainKind, DomainName, Refusal};
use sceau_store::{StoreError, accounts, alarms, certificates};
use sceau_trust::{Dn, WhiteList};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the list says of a domain of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OwnListing {
    /// The domain is in the list.
    pub listed: bool,
    /// Names of our certificates that the domain lists.
    pub ours: Vec<String>,
    /// Names of our certificates that it does not list.
    pub missing: Vec<String>,
    /// Names of others' certificates that it lists.
    pub foreign: Vec<String>,
}

/// Every alarm about our domains.
const CODES: [&str; 4] =
    ["white_list.own_missing", "white_list.own_unlisted", "white_list.own_partly", "white_list.own_shared"];
/// Names said in an alarm.
const NAMED: usize = 5;

/// What `list` says of `domain`, of which `ours` are our certificates' names.
pub(super) fn listing(list: &WhiteList, domain: &DomainName, ours: &[Dn]) -> OwnListing {
    let listed = list.dns_of(domain);
    let text = |all: Vec<&Dn>| all.into_iter().map(ToString::to_string).collect();
    OwnListing {
        listed: list.contains(domain),
        ours: text(ours.iter().filter(|dn| listed.contains(dn)).collect()),
        missing: text(ours.iter().filter(|dn| !listed.contains(dn)).collect()),
        foreign: text(listed.iter().filter(|dn| !ours.contains(dn)).collect()),
    }
}

/// The alarms that a listing deserves: code, whether critical, data.
fn deserved(domain: &DomainName, l: &OwnListing) -> Vec<(&'static str, bool, Value)> {
    let some = |names: &[String]| names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(" ; ");
    let data = |names: &[String]| json!({ "domain": domain.as_str(), "dn": some(names) });
    if !l.listed {
        return vec![("white_list.own_missing", true, json!({ "domain": domain.as_str() }))];
    }
    let mut out = Vec::new();
    if l.ours.is_empty() && !l.missing.is_empty() {
        out.push(("white_list.own_unlisted", true, data(&l.missing)));
    } else if !l.missing.is_empty() {
        out.push(("white_list.own_partly", false, data(&l.missing)));
    }
    if !l.foreign.is_empty() && !l.ours.is_empty() {
        out.push(("white_list.own_shared", false, data(&l.foreign)));
    }
    out
}

impl Operator {
    /// Names of our certificates towards operators, of every node.
    pub(crate) async fn own_names(&self) -> Result<Vec<Dn>, Refusal> {
        let rows = self.0.store.read(certificates::own).await.map_err(|e: StoreError| refuse::store(&e))?;
        let mut out: Vec<Dn> = Vec::new();
        for dn in rows.iter().filter(|c| c.place == crate::certificates::OPERATOR).filter_map(|c| Dn::parse(&c.subject))
        {
            if !out.contains(&dn) {
                out.push(dn);
            }
        }
        Ok(out)
    }

    /// Raises and clears the alarms about our domains. A failing store is logged, and looked at again in the next round.
    pub(crate) async fn look_at_own_domains(&self) {
        if let Err(refusal) = self.judge_own_domains().await {
            tracing::warn!(code = refusal.code.as_str(), "our domains in the white list");
        }
    }

    pub(crate) async fn judge_own_domains(&self) -> Result<(), Refusal> {
        let Some(list) = self.0.trust.white_list() else { return Ok(()) };
        let ours = self.own_names().await?;
        let failed = |e: StoreError| refuse::store(&e);
        let read = self.0.store.read(|tx| Ok((accounts::domains(tx)?, alarms::open(tx, &CODES)?))).await;
        let (domains, open) = read.map_err(failed)?;
        let mut wanted: BTreeMap<(&'static str, String), (bool, Value)> = BTreeMap::new();
        for row in domains.iter().filter(|d| d.kind == DomainKind::Production.as_str()) {
            let Ok(domain) = row.name.parse::<DomainName>() else { continue };
            for (code, critical, data) in deserved(&domain, &listing(&list, &domain, &ours)) {
                wanted.insert((code, row.name.clone()), (critical, data));
            }
        }
        // Only what is news is written.
        let known: BTreeSet<(String, String, String)> = open.into_iter().map(|a| (a.code, a.subject, a.data)).collect();
        let over: Vec<(String, String)> = known
            .iter()
            .filter(|(code, subject, _)| !wanted.keys().any(|(c, s)| c == code && s == subject))
            .map(|(code, subject, _)| (code.clone(), subject.clone()))
            .collect();
        wanted.retain(|(code, subject), (_, data)| {
            !known.contains(&((*code).to_owned(), subject.clone(), data.to_string()))
        });
        if wanted.is_empty() && over.is_empty() {
            return Ok(());
        }
        let now = self.now().0;
        let written = self.0.store.write(move |tx| {
            for (code, subject) in &over {
                alarms::clear(tx, code, subject, now)?;
            }
            for ((code, subject), (critical, data)) in &wanted {
                let severity = if *critical { "critical" } else { "warning" };
                alarms::raise(tx, code, subject, severity, &data.to_string(), now)?;
            }
            Ok(())
        });
        written.await.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_list_says_of_us_becomes_alarms() {
        let xml = |entries: &[(&str, &str)]| {
            let all: String = entries
                .iter()
                .map(|(d, dn)| {
                    format!("<Domaine><Nom>{d}</Nom><DNCertificatOperateur>{dn}</DNCertificatOperateur></Domaine>")
                })
                .collect();
            let text = format!(
                "<ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\"><DateDeGeneration>2026-11-20T10:00:00Z</DateDeGeneration>\
                 <ListeDomaines>{all}</ListeDomaines></ListeBlancheMSSante>"
            );
            WhiteList::parse(text.as_bytes()).unwrap()
        };
        let domain: DomainName = "alpha.mssante.fr".parse().unwrap();
        let (one, two) = ("CN=un,C=FR", "CN=deux,C=FR");
        let ours = [Dn::parse(one).unwrap(), Dn::parse(two).unwrap()];
        let codes = |entries: &[(&str, &str)], ours: &[Dn]| -> Vec<&str> {
            deserved(&domain, &listing(&xml(entries), &domain, ours)).into_iter().map(|(c, _, _)| c).collect()
        };
        let name = "alpha.mssante.fr";
        assert_eq!(codes(&[("beta.mssante.fr", one)], &ours), ["white_list.own_missing"]);
        assert_eq!(codes(&[(name, "CN=autre,C=FR")], &ours), ["white_list.own_unlisted"]);
        assert_eq!(codes(&[(name, one)], &ours), ["white_list.own_partly"]);
        assert!(codes(&[(name, one), (name, "C=FR, CN=DEUX")], &ours).is_empty(), "however it is written");
        assert_eq!(codes(&[(name, one), (name, two), (name, "CN=autre,C=FR")], &ours), ["white_list.own_shared"]);
        assert_eq!(
            codes(&[(name, one), (name, "CN=autre,C=FR")], &ours),
            ["white_list.own_partly", "white_list.own_shared"]
        );
        assert!(codes(&[(name, one)], &[]).is_empty(), "before our certificates are known nothing is concluded");
    }
}
