//! What mail programs and zones are told of a domain, wherever the domain stands; and what the DNS has of it, against a played one.
use sceau_domain::mail_setup::RecordKind;
use sceau_domain::{DomainName, Refusal, RefusalCode, Timestamp};
use sceau_operator::mail_setup::Look;
use sceau_operator::trusted::probe::{Answer, Probe, Server, Shown};
use sceau_testkit::world::*;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const ALPHA: &str = "alpha.mssante.fr";

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

/// A DNS with these records and addresses, which does not answer for some names.
#[derive(Debug, Default)]
struct Dns {
    records: HashMap<(String, &'static str), Vec<String>>,
    addresses: HashMap<String, Vec<IpAddr>>,
    silent: Vec<String>,
}

impl Probe for Dns {
    fn servers<'a>(&'a self, domain: &'a DomainName) -> Answer<'a, Vec<Server>> {
        Box::pin(async move { Err(Refusal::new(RefusalCode::TransferNoRoute).with("domain", domain)) })
    }
    fn handshake<'a>(&'a self, _: &'a Server, _: SocketAddr) -> Answer<'a, Shown> {
        Box::pin(async { Err(RefusalCode::TransferConnect.into()) })
    }
    fn records<'a>(&'a self, name: &'a str, kind: RecordKind) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            match self.silent.iter().any(|s| s == name) {
                true => Err(Refusal::new(RefusalCode::TransferDns).with("domain", name)),
                false => Ok(self.records.get(&(name.to_owned(), kind.as_str())).cloned().unwrap_or_default()),
            }
        })
    }
    fn addresses<'a>(&'a self, host: &'a str) -> Answer<'a, Vec<IpAddr>> {
        Box::pin(async move { Ok(self.addresses.get(host).cloned().unwrap_or_default()) })
    }
}

#[tokio::test]
async fn programs_are_told_of_domains_that_are_here() {
    let w = World::new().await;
    let code = async |name: &str| w.op.mail_setup(&domain(name)).await.err().map(|r| r.code);
    let setup = w.op.mail_setup(&domain(ALPHA)).await.unwrap();
    assert_eq!(
        (setup.servers.host.as_str(), setup.servers.imaps, setup.operator.as_str()),
        ("mss.alpha.fr", Some(993), "Alpha")
    );
    // Internal domains have people with mail programs too.
    assert_eq!(code("interne.alpha.fr").await, None);
    assert_eq!(code("ailleurs.fr").await, Some(RefusalCode::NotFound));
    // One that comes is not here yet; one that goes is, until its day.
    w.op.move_domain_in(&w.admin, &domain("essai.alpha.mssante.fr")).await.unwrap();
    assert_eq!(code("essai.alpha.mssante.fr").await, Some(RefusalCode::NotFound));
    let dns = w.op.domain_dns(&w.admin, "essai.alpha.mssante.fr", false).await.unwrap();
    assert!(
        dns.records.iter().any(|r| r.name == "_imaps._tcp.essai.alpha.mssante.fr"),
        "its zone is prepared: {dns:?}"
    );
    let until = Timestamp(w.op.clock().now().0 + 60_000);
    w.op.move_domain_out(&w.admin, &domain(ALPHA), until).await.unwrap();
    assert_eq!(code(ALPHA).await, None);
    w.advance(61);
    assert_eq!(code(ALPHA).await, Some(RefusalCode::NotFound));
    let refused = w.op.domain_dns(&w.admin, ALPHA, false).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::StateWrong);
}

/// Anybody asks for one, in any name: few are signed at once, few wait, the others hear so at once.
#[tokio::test]
async fn documents_are_signed_within_a_bound() {
    const ASKED: usize = 300;
    let w = World::new().await;
    assert_eq!(code(w.op.signed_document(b"rien".to_vec(), true).await), "system.unavailable", "nothing to sign with");
    let pki = sceau_testkit::pki::Pki::new();
    w.op.set_shown(Arc::new(arc_swap::ArcSwap::from_pointee(pki.identity("mss.alpha.fr"))));
    let mut flood = tokio::task::JoinSet::new();
    for n in 0..ASKED {
        let op = w.op.clone();
        flood.spawn(async move { op.signed_document(format!("profil {n}").into_bytes(), false).await });
    }
    let (mut signed, mut busy) = (0, 0);
    while let Some(said) = flood.join_next().await {
        match said.unwrap() {
            Ok(document) => signed += usize::from(!document.is_empty()),
            Err(refusal) => {
                assert_eq!(refusal.code, RefusalCode::Unavailable);
                busy += 1;
            }
        }
    }
    assert!(signed >= 32 && busy > 0 && signed + busy == ASKED, "{signed} signed, {busy} heard to come again");
    w.op.signed_document(b"encore".to_vec(), false).await.unwrap();
}

#[tokio::test]
async fn what_the_dns_has_is_compared() {
    let w = World::with(|c| c.mail_setup.mx = vec!["mx1.alpha.fr".into(), "mx2.alpha.fr".into()]).await;
    let plain = w.op.domain_dns(&w.admin, "Alpha.MSSANTE.fr", false).await.unwrap();
    assert_eq!((plain.domain.as_str(), plain.records.len()), (ALPHA, 9));
    assert!(plain.records.iter().all(|r| r.published.is_none() && r.found.is_empty()));
    assert_eq!(plain.names, ["autoconfig.alpha.mssante.fr", "autodiscover.alpha.mssante.fr", "mss.alpha.fr"]);
    let json = serde_json::to_value(&plain).unwrap();
    assert_eq!((&json["records"][0]["type"], &json["records"][0]["used"]), (&"MX".into(), &"transfer".into()));
    for refused in [
        w.op.domain_dns(&w.admin, "ailleurs.fr", false).await.unwrap_err().code,
        w.op.domain_dns(&w.admin, ALPHA, true).await.unwrap_err().code,
    ] {
        assert!(matches!(refused, RefusalCode::NotFound | RefusalCode::Unavailable), "{refused:?}");
    }
    let mut dns = Dns::default();
    for record in &plain.records {
        let kind = record.kind.as_str();
        dns.records.insert((record.name.clone(), kind), record.values.clone());
    }
    // One is gone, one is another, one is not answered, one leads to the same addresses without an alias.
    dns.records.remove(&("_imap._tcp.alpha.mssante.fr".to_owned(), "SRV"));
    dns.records.insert((ALPHA.to_owned(), "MX"), vec!["10 mx1.alpha.fr.".into()]);
    dns.silent.push("_submission._tcp.alpha.mssante.fr".into());
    dns.records.remove(&("autoconfig.alpha.mssante.fr".to_owned(), "CNAME"));
    dns.records.insert(("autodiscover.alpha.mssante.fr".to_owned(), "CNAME"), vec!["ailleurs.fr.".into()]);
    let at: IpAddr = [192, 0, 2, 1].into();
    for host in ["autoconfig.alpha.mssante.fr", "mss.alpha.fr"] {
        dns.addresses.insert(host.into(), vec![at]);
    }
    dns.addresses.insert("autodiscover.alpha.mssante.fr".into(), vec![[192, 0, 2, 2].into()]);
    w.op.set_lookout(Arc::new(dns));
    let looked = w.op.domain_dns(&w.admin, ALPHA, true).await.unwrap();
    let of = |name: &str, kind: &str| {
        let found = looked.records.iter().find(|r| r.name == name && r.kind.as_str() == kind).unwrap();
        (found.published.unwrap(), found.found.join(" "))
    };
    assert_eq!(of("_imap._tcp.alpha.mssante.fr", "SRV"), (Look::Absent, String::new()));
    assert_eq!(of(ALPHA, "MX"), (Look::Other, "10 mx1.alpha.fr.".into()));
    assert_eq!(of("_submission._tcp.alpha.mssante.fr", "SRV").0, Look::Unanswered);
    assert_eq!(of("autoconfig.alpha.mssante.fr", "CNAME"), (Look::Good, "192.0.2.1".into()));
    assert_eq!(of("autodiscover.alpha.mssante.fr", "CNAME"), (Look::Other, "ailleurs.fr.".into()));
    assert_eq!(of(ALPHA, "TXT").0, Look::Good);
    assert_eq!(looked.records.iter().filter(|r| r.published == Some(Look::Good)).count(), 5);
    // While another operator has the domain too, its servers stand beside ours, not instead of them.
    w.op.move_domain_out(&w.admin, &domain(ALPHA), Timestamp(w.op.clock().now().0 + 60_000)).await.unwrap();
    let shared = w.op.domain_dns(&w.admin, ALPHA, true).await.unwrap();
    assert_eq!(shared.records[0].published, Some(Look::Other));
}
