//! Reaching one of several addresses (RFC 8305): IPv6 and IPv4 by turns, the next begun when the first hesitates, the first that answers taken.
//! Addresses that did not answer lately come last, so that a dead server costs its deadline once and not at every connection.
use super::route::Server;
use sceau_net::{Conn, ReadError};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The next address is tried beside when one has not answered for so long.
const HESITATION: Duration = Duration::from_millis(250);
/// Addresses tried of one server.
const MOST: usize = 8;
/// For so long an address that did not answer comes last.
const REST: Duration = Duration::from_secs(120);
/// Addresses remembered.
const REMEMBERED: usize = 4_096;

/// When addresses did not answer. Only a memory that orders: none is left out because of it.
static FAILED: LazyLock<Mutex<HashMap<SocketAddr, Instant>>> = LazyLock::new(Mutex::default);

fn remembered() -> MutexGuard<'static, HashMap<SocketAddr, Instant>> {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// These did not answer, or not as they should.
pub(super) fn failed(addresses: &[SocketAddr]) {
    let mut all = remembered();
    if all.len() >= REMEMBERED {
        all.retain(|_, at| at.elapsed() < REST);
        if all.len() >= REMEMBERED {
            all.clear();
        }
    }
    all.extend(addresses.iter().map(|a| (*a, Instant::now())));
}

fn rests(address: &SocketAddr) -> bool {
    remembered().get(address).is_some_and(|at| at.elapsed() < REST)
}

/// Servers in order, those of which every address failed lately last.
pub(super) fn rested_first(servers: &[Server]) -> Vec<&Server> {
    let mut all: Vec<&Server> = servers.iter().collect();
    all.sort_by_key(|s| s.addresses.iter().all(rests));
    all
}

/// Addresses by turns of their families, beginning with that of the first; those that failed lately last.
pub(super) fn by_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (same, other): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(|a| a.is_ipv6() == first_is_v6);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut out = Vec::with_capacity(addresses.len());
    loop {
        let pair = [same.next(), other.next()];
        if pair == [None, None] {
            break;
        }
        out.extend(pair.into_iter().flatten());
    }
    out.sort_by_key(rests);
    out.truncate(MOST);
    out
}

/// Connects to the first of these that answers; its place among them.
pub(super) async fn first(addresses: &[SocketAddr], deadline: Duration) -> Result<(usize, Conn), ReadError> {
    let mut under_way = JoinSet::new();
    let mut next = 0;
    let mut last = ReadError::Closed;
    loop {
        if next < addresses.len() {
            let (at, address) = (next, addresses[next]);
            under_way.spawn(async move { (at, Conn::connect(address, deadline).await) });
            next += 1;
        }
        let more = next < addresses.len();
        tokio::select! {
            Some(ended) = under_way.join_next() => match ended {
                Ok((at, Ok(conn))) => return Ok((at, conn)),
                Ok((_, Err(e))) => last = e,
                Err(_) => {}
            },
            () = tokio::time::sleep(HESITATION), if more => {}
            else => return Err(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_take_turns_and_what_failed_lately_comes_last() {
        let all = ["[2001:db8::a1]:25", "[2001:db8::a2]:25", "192.0.2.201:25", "192.0.2.202:25"].map(at);
        assert_eq!(by_turns(&all), [all[0], all[2], all[1], all[3]]);
        failed(&[all[0]]);
        assert_eq!(by_turns(&all), [all[2], all[1], all[3], all[0]]);
        let server = |name: &str, addresses: &[SocketAddr]| Server { name: name.into(), addresses: addresses.to_vec() };
        let servers = [server("a", &all[..1]), server("b", &all[..2])];
        assert_eq!(rested_first(&servers).iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[tokio::test]
    async fn an_address_that_hesitates_does_not_keep_the_next_one_waiting() {
        let good = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        // Documentation addresses: nothing answers there, or the system says at once that it cannot.
        let silent = at("192.0.2.203:25");
        let found = first(&[closed, silent, good.local_addr().unwrap()], Duration::from_secs(20)).await;
        assert_eq!(found.map(|(at, _)| at).ok(), Some(2));
        assert!(first(&[closed], Duration::from_secs(20)).await.is_err());
    }
}
