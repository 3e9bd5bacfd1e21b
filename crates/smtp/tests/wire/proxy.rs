//! Behind a load balancer that speaks the PROXY protocol, version 2: who a client is, and who may say so.
use crate::client::{Client, LONG, letter};
use crate::world::World;
use sceau_net::Conn;
use sceau_testkit::pki::{self, Pki};

const PAUL: &str = "paul@beta.mssante.fr";
const ANNE: &str = "anne@alpha.mssante.fr";

fn header(command: u8, source: [u8; 4]) -> Vec<u8> {
    let tlv = [0x04, 0, 1, 0];
    let mut out = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    out.extend([0x20 | command, 0x11, 0, 16]);
    out.extend(source);
    out.extend([127, 0, 0, 1, 0xC3, 0x50, 0, 25]);
    out.extend(tlv);
    out
}

async fn through(address: std::net::SocketAddr, header: &[u8]) -> Conn {
    let mut conn = Conn::connect(address, LONG).await.unwrap();
    conn.write(header).await.unwrap();
    conn.flush().await.unwrap();
    conn
}

#[tokio::test]
async fn a_configured_balancer_says_from_where_and_nobody_else_does() {
    let pki = Pki::new();
    let world = World::with(&pki, "alpha", |s| {
        s.net.proxies = vec!["127.0.0.0/8".parse().unwrap()];
        s.net.per_address = 1;
    })
    .await;
    let tls = pki::client(&pki.identity("mss.beta.fr"));
    // The client's address stands in the message and in the traces, and is what is counted.
    let mut c = Client(through(world.mx, &header(1, [192, 0, 2, 7])).await);
    assert!(c.reply().await.starts_with("220 "));
    c.starttls(&tls).await;
    c.expect("EHLO mss.beta.fr", "250").await;
    assert!(c.transact(PAUL, &[ANNE], letter(PAUL, "relais")).await.starts_with("250 2.0.0"));
    let stored = String::from_utf8(world.inbox("anne", ANNE).await.remove(0)).unwrap();
    assert!(stored.contains("[192.0.2.7]") && !stored.contains("127.0.0.1"), "{stored}");
    let mut same = Client(through(world.mx, &header(1, [192, 0, 2, 7])).await);
    assert!(same.reply().await.starts_with("421 "), "one connection of this address at once");
    let mut other = Client(through(world.mx, &header(1, [192, 0, 2, 8])).await);
    assert!(other.reply().await.starts_with("220 "));
    // TLS first.
    let name = "localhost".try_into().unwrap();
    let mut conn = through(world.submissions, &header(1, [192, 0, 2, 7])).await;
    conn.start_tls_client(pki::anonymous(), name, LONG).await.unwrap();
    assert!(Client(conn).reply().await.starts_with("220 "));
    // A health check of the balancer's own.
    let mut own = Client(through(world.mx, &header(0, [192, 0, 2, 9])).await);
    assert!(own.reply().await.starts_with("220 "));
    // Without the header, with the old one, with half of one: not a word.
    for wrong in
        [&b"EHLO mss.beta.fr\r\n"[..], b"PROXY TCP4 192.0.2.7 127.0.0.1 50000 25\r\n", &header(1, [0, 0, 0, 0])]
    {
        let mut conn = through(world.mx, wrong).await;
        assert!(matches!(conn.read_some(100).await.as_deref(), Ok([]) | Err(_)), "{wrong:?}");
    }

    // Where no balancer is configured, the header is nonsense and the address that of the connection.
    let open = World::new(&pki).await;
    let mut liar = Client(through(open.mx, &header(1, [192, 0, 2, 7])).await);
    assert!(liar.reply().await.starts_with("220 "));
    liar.send("\r\n").await;
    for _ in 0..5 {
        let reply = liar.reply().await;
        assert!(reply.starts_with('5'), "{reply}");
    }
    liar.starttls(&tls).await;
    liar.expect("EHLO mss.beta.fr", "250").await;
    assert!(liar.transact(PAUL, &[ANNE], letter(PAUL, "menteur")).await.starts_with("250 2.0.0"));
    let stored = String::from_utf8(open.inbox("anne", ANNE).await.remove(0)).unwrap();
    assert!(stored.contains("[127.0.0.1]") && !stored.contains("192.0.2.7"), "{stored}");
}
