//! Against a DNS server of our own, on loopback.
use super::*;
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, MX};
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use std::net::Ipv4Addr;
use tokio::net::UdpSocket;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// What the played DNS says: code and records.
fn answer(query: &str, kind: RecordType) -> (ResponseCode, Vec<RData>) {
    let mx = |preference, host: &str| RData::MX(MX::new(preference, name(host)));
    let a = |last| RData::A(A(Ipv4Addr::new(192, 0, 2, last)));
    let none = (ResponseCode::NoError, vec![]);
    match (query, kind) {
        ("alpha.test.", RecordType::MX) => (
            ResponseCode::NoError,
            vec![mx(20, "backup.alpha.test."), mx(10, "MX1.alpha.test."), mx(10, "mx2.alpha.test.")],
        ),
        ("mx1.alpha.test.", RecordType::A) => (ResponseCode::NoError, vec![a(1), a(2)]),
        ("bare.test.", RecordType::A) => (ResponseCode::NoError, vec![a(9)]),
        ("backup.alpha.test.", RecordType::A) => (ResponseCode::NoError, vec![a(3)]),
        ("mixed.test.", RecordType::MX) => (ResponseCode::NoError, vec![mx(0, "."), mx(5, "mx1.alpha.test.")]),
        ("dangling.test.", RecordType::MX) => (ResponseCode::NoError, vec![mx(10, "gone.test.")]),
        ("half.test.", RecordType::MX) => {
            (ResponseCode::NoError, vec![mx(10, "gone.test."), mx(20, "mx.broken.test.")])
        }
        ("mx.broken.test.", _) => (ResponseCode::ServFail, vec![]),
        ("bare.test." | "empty.test." | "mx1.alpha.test.", _) => none,
        ("null.test.", RecordType::MX) => (ResponseCode::NoError, vec![mx(0, ".")]),
        ("broken.test." | "bogus.test." | "mx.bogus.test.", _) => (ResponseCode::ServFail, vec![]),
        ("signed.test.", RecordType::MX) => (ResponseCode::NoError, vec![mx(10, "mx.bogus.test.")]),
        _ => (ResponseCode::NXDomain, vec![]),
    }
}

async fn dns() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        loop {
            let (n, from) = socket.recv_from(&mut buffer).await.unwrap();
            let request = Message::from_vec(&buffer[..n]).unwrap();
            let query = request.queries[0].clone();
            let (mut code, mut records) = answer(&query.name().to_lowercase().to_ascii(), query.query_type());
            // A resolver that validates says this of what is signed wrongly, unless it is asked not to validate.
            if query.name().to_ascii().contains("bogus") && request.metadata.checking_disabled {
                (code, records) = (ResponseCode::NoError, vec![RData::A(A(Ipv4Addr::new(192, 0, 2, 66)))]);
            }
            let mut reply = Message::response(request.metadata.id, request.metadata.op_code);
            reply.metadata.message_type = MessageType::Response;
            reply.metadata.response_code = code;
            reply.metadata.recursion_available = true;
            reply.add_query(query.clone());
            for data in records {
                reply.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            }
            socket.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
        }
    });
    address
}

fn routes(resolver: SocketAddr, fixed: &[(&str, &[&str])]) -> Routes {
    let fixed = fixed.iter().map(|(d, h)| ((*d).to_owned(), h.iter().map(|h| (*h).to_owned()).collect()));
    Routes::new(fixed.collect(), Some(resolver), 2525).unwrap()
}

async fn servers(routes: &Routes, domain: &str) -> Result<Vec<Server>, RefusalCode> {
    routes.servers(&domain.parse().unwrap()).await.map_err(|r| r.code)
}

#[tokio::test]
async fn mx_by_preference_and_the_domain_itself_without_mx() {
    let routes = routes(dns().await, &[]);
    let mut found = servers(&routes, "alpha.test").await.unwrap();
    let backup = found.pop().unwrap();
    assert_eq!((backup.name.as_str(), backup.addresses.len()), ("backup.alpha.test", 1));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(found[0].name, "mx1.alpha.test");
    let mut addresses = found[0].addresses.clone();
    addresses.sort();
    assert_eq!(addresses, ["192.0.2.1:2525".parse().unwrap(), "192.0.2.2:2525".parse().unwrap()]);
    // mx2 has no address: it is left out.
    assert_eq!(found.len(), 1);
    let bare = servers(&routes, "bare.test").await.unwrap();
    assert_eq!((bare.len(), bare[0].name.as_str()), (1, "bare.test"));
    let mixed = servers(&routes, "mixed.test").await.unwrap();
    assert_eq!(mixed[0].name, "mx1.alpha.test");
}

#[tokio::test]
async fn no_such_domain_null_mx_and_a_failing_dns_are_told_apart() {
    let routes = routes(dns().await, &[]);
    for domain in ["nowhere.test", "empty.test", "dangling.test"] {
        assert_eq!(servers(&routes, domain).await, Err(RefusalCode::TransferNoRoute), "{domain}");
    }
    assert_eq!(servers(&routes, "null.test").await, Err(RefusalCode::TransferNullMx));
    for domain in ["broken.test", "half.test"] {
        assert_eq!(servers(&routes, domain).await, Err(RefusalCode::TransferDns), "{domain}");
    }
    // Signed wrongly: told apart, and what is answered without validation is not used.
    for (domain, named) in [("bogus.test", "bogus.test"), ("signed.test", "mx.bogus.test")] {
        let refusal = routes.servers(&domain.parse().unwrap()).await.unwrap_err();
        assert_eq!((refusal.code, refusal.is_temporary()), (RefusalCode::TransferDnssec, true), "{domain}");
        assert!(refusal.sentence(sceau_domain::Lang::En).contains(&format!("name {named})")), "{refusal:?}");
    }
}

#[tokio::test]
async fn our_own_name_among_the_servers_ends_them_and_a_domain_without_mx_may_be_none() {
    let dns = dns().await;
    let own = |name: &str| routes(dns, &[]).with(true, &[name.to_owned()]);
    // We are the backup: only whoever is preferred to us is tried.
    let found = servers(&own("BACKUP.alpha.test."), "alpha.test").await.unwrap();
    assert_eq!(found.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["mx1.alpha.test"]);
    assert_eq!(servers(&own("mx1.alpha.test"), "alpha.test").await, Err(RefusalCode::TransferOwnMx));
    let strict = routes(dns, &[]).with(false, &[]);
    assert_eq!(servers(&strict, "bare.test").await, Err(RefusalCode::TransferNoRoute));
    let (kind, _) = strict.find(&"alpha.test".parse().unwrap()).await.unwrap();
    assert_eq!(kind, "mx");
}

#[tokio::test]
async fn static_routes_come_first_and_need_no_dns() {
    let nobody = "127.0.0.1:9".parse().unwrap();
    let routes =
        super::tests::routes(nobody, &[("Beta.TEST", &["127.0.0.1:2501", "[::1]:2502"]), ("*", &["127.0.0.1:26"])]);
    let beta = servers(&routes, "beta.test").await.unwrap();
    assert_eq!(beta.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["127.0.0.1", "::1"]);
    assert_eq!(beta[1].addresses, ["[::1]:2502".parse().unwrap()]);
    assert_eq!(servers(&routes, "other.test").await.unwrap()[0].addresses, ["127.0.0.1:26".parse().unwrap()]);
    let broken = super::tests::routes(nobody, &[("beta.test", &["no-port"])]);
    assert_eq!(servers(&broken, "beta.test").await, Err(RefusalCode::TransferDns));
    assert!(Routes::new(BTreeMap::from([("not a domain".to_owned(), vec![])]), None, 25).is_err());
}

#[test]
fn servers_of_one_preference_take_turns() {
    let names = |exchanges: &[(u16, String)]| exchanges.iter().map(|(_, n)| n.clone()).collect::<Vec<_>>();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        let mut exchanges = vec![(20, "c".to_owned()), (10, "b".to_owned()), (10, "a".to_owned())];
        order(&mut exchanges);
        assert_eq!(exchanges[2].1, "c");
        seen.insert(names(&exchanges));
    }
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn a_domain_that_is_shared_has_servers_beside_ours() {
    let routes = routes(dns().await, &[]).with(true, &["MX1.alpha.test.".to_owned()]);
    let domain: DomainName = "alpha.test".parse().unwrap();
    // The backup is not preferred to us, whose name stands first.
    assert_eq!(routes.find(&domain).await.unwrap_err().code, RefusalCode::TransferOwnMx);
    let (kind, beside) = routes.find_beside(&domain).await.unwrap();
    assert_eq!((kind, beside.iter().map(|s| s.name.as_str()).collect::<Vec<_>>()), ("mx", vec!["backup.alpha.test"]));
}
