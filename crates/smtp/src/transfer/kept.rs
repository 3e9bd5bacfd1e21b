//! Connections kept open for a short while after their last message, so that the next one needs no handshake. Bounded; each is closed politely when
//! its time is over, or when there are too many.
use super::client::Client;
use sceau_domain::DomainName;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Most connections kept.
const MOST: usize = 64;
/// How often those whose time is over are looked for.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct Idle {
    domain: DomainName,
    client: Client,
    until: Instant,
}

/// Idle connections, oldest first.
#[derive(Debug)]
pub(super) struct Kept {
    linger: Duration,
    idle: Mutex<VecDeque<Idle>>,
}

impl Kept {
    /// Each is kept for `linger`; zero keeps none.
    pub fn new(linger: Duration) -> Self {
        Self { linger, idle: Mutex::default() }
    }
    fn lock(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// A connection to this destination, the one used last.
    pub fn take(&self, domain: &DomainName) -> Option<Client> {
        let mut idle = self.lock();
        let at = idle.iter().rposition(|i| i.domain == *domain)?;
        idle.remove(at).map(|i| i.client)
    }
    /// Keeps a connection, or closes it.
    pub async fn keep(&self, domain: &DomainName, client: Client, stop: &CancellationToken) {
        if self.linger.is_zero() || client.leaving || stop.is_cancelled() {
            return client.quit().await;
        }
        let over = {
            let mut idle = self.lock();
            idle.push_back(Idle { domain: domain.clone(), client, until: Instant::now() + self.linger });
            if idle.len() > MOST { idle.pop_front() } else { None }
        };
        if let Some(over) = over {
            over.client.quit().await;
        }
    }
    /// Closes those whose time is over, until `stop`; then all.
    pub async fn tend(&self, stop: &CancellationToken) {
        loop {
            let ends = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let now = Instant::now();
            let over: Vec<Idle> = {
                let mut idle = self.lock();
                let count = if ends { idle.len() } else { idle.iter().take_while(|i| i.until <= now).count() };
                idle.drain(..count).collect()
            };
            for idle in over {
                idle.client.quit().await;
            }
            if ends {
                return;
            }
        }
    }
}
