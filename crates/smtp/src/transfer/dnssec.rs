//! Was an answer of the DNS withheld because its signature is wrong? A resolver that validates says SERVFAIL for that as for any other failure; asked
//! again without validation (CD, RFC 4035 §3.2.2) it answers. What is learned that way is told to people, and never used: the mail waits.
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;

/// How long the answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest answer that is read; of a longer one the beginning says enough.
const MOST: usize = 4096;

/// Does this resolver answer when it need not validate?
pub(super) async fn is_withheld(resolver: SocketAddr, name: &str, kind: RecordType) -> bool {
    tokio::time::timeout(PATIENCE, ask(resolver, name, kind)).await.ok().flatten().unwrap_or(false)
}

async fn ask(resolver: SocketAddr, name: &str, kind: RecordType) -> Option<bool> {
    let mut question = Message::query();
    let id = question.metadata.id;
    (question.metadata.recursion_desired, question.metadata.checking_disabled) = (true, true);
    question.add_query(Query::query(Name::from_ascii(name).ok()?, kind));
    let any: SocketAddr = if resolver.is_ipv6() { "[::]:0".parse().ok()? } else { "0.0.0.0:0".parse().ok()? };
    let socket = UdpSocket::bind(any).await.ok()?;
    // Connected: nobody else's words come in.
    socket.connect(resolver).await.ok()?;
    socket.send(&question.to_vec().ok()?).await.ok()?;
    let mut buffer = vec![0; MOST];
    loop {
        let length = socket.recv(&mut buffer).await.ok()?;
        let Ok(answer) = Message::from_vec(&buffer[..length]) else { continue };
        if answer.metadata.id == id {
            return Some(matches!(answer.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain));
        }
    }
}
