//! What a session does, over and over.
use super::client::{Answer, Client, Trouble};
use super::options::Options;
use crate::dial::Dial;
use crate::smtp::{Body, Template};
use clap::ValueEnum;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Operation {
    /// SELECT the folder
    Select,
    /// UID and flags of the newest `--span` messages
    FetchFlags,
    /// Envelopes, dates and sizes of the newest `--span` messages
    FetchEnvelope,
    /// One whole message, another one each time
    FetchBody,
    /// Set or take away \Flagged on one message
    Store,
    /// Append a message of `--size` bytes
    Append,
    /// SEARCH with `--search`
    Search,
    /// Park every session in IDLE, and count who is still there at the end
    Idle,
    /// Of 20: 8 fetch-body, 4 fetch-flags, 3 fetch-envelope, 2 store, 1 search, 1 select, 1 append
    Mixed,
}

use Operation::{Append, FetchBody, FetchEnvelope, FetchFlags, Search, Select, Store};

/// The mix, spread so that no stretch of it is of one kind.
const MIX: [Operation; 20] = [
    FetchBody,
    FetchFlags,
    FetchBody,
    FetchEnvelope,
    Store,
    FetchBody,
    FetchFlags,
    FetchBody,
    Search,
    FetchEnvelope,
    FetchBody,
    FetchFlags,
    Append,
    FetchBody,
    Select,
    FetchEnvelope,
    FetchBody,
    Store,
    FetchFlags,
    FetchBody,
];

impl Operation {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Select => "select",
            FetchFlags => "fetch-flags",
            FetchEnvelope => "fetch-envelope",
            FetchBody => "fetch-body",
            Store => "store",
            Append => "append",
            Search => "search",
            Self::Idle => "idle",
            Self::Mixed => "mixed",
        }
    }
    /// The cycle that a list stands for.
    pub fn cycle(list: &[Self]) -> Vec<Self> {
        list.iter().flat_map(|o| if *o == Self::Mixed { MIX.to_vec() } else { vec![*o] }).collect()
    }
    /// Does it need a message to work on?
    pub fn needs_messages(self) -> bool {
        matches!(self, FetchFlags | FetchEnvelope | FetchBody | Store)
    }

    /// Does it once. `number` never comes twice in a run. Nothing when the folder holds no message to work on.
    pub async fn run(
        self,
        client: &mut Client,
        dial: &Dial,
        o: &Options,
        run: &str,
        number: u64,
    ) -> Option<Result<Answer, Trouble>> {
        if self.needs_messages() && client.exists == 0 {
            return None;
        }
        let newest = client.exists.saturating_sub(o.span.saturating_sub(1)).max(1);
        // Any of them, in no simple order: neither always the same nor always the next.
        let one = 1 + scatter(number, client.exists.max(1));
        Some(match self {
            Select => client.select(dial, &o.folder).await,
            FetchFlags => expecting(client.command(dial, &format!("FETCH {newest}:* (UID FLAGS)")).await),
            FetchEnvelope => {
                let items = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE";
                expecting(client.command(dial, &format!("FETCH {newest}:* ({items})")).await)
            }
            FetchBody => expecting(client.command(dial, &format!("FETCH {one} (UID BODY.PEEK[])")).await),
            Store => {
                let sign = if number.is_multiple_of(2) { '+' } else { '-' };
                client.command(dial, &format!("STORE {one} {sign}FLAGS (\\Flagged)")).await
            }
            Append => client.append(dial, &o.folder, &message(o, run, number)).await,
            Search => client.command(dial, &format!("SEARCH {}", o.search)).await,
            // Both were resolved before.
            Self::Idle | Self::Mixed => return None,
        })
    }
}

/// A server that answers OK without the messages asked for did not do the work.
fn expecting(answer: Result<Answer, Trouble>) -> Result<Answer, Trouble> {
    match answer {
        Ok(a) if a.fetched == 0 => Err(Trouble::Refused("OK without a message".into())),
        other => other,
    }
}

/// A message to append.
pub fn message(o: &Options, run: &str, number: u64) -> Vec<u8> {
    let from = "imap-load@load.invalid".to_owned();
    // At most 64 MiB: fits.
    let template = Template { run: run.into(), from, size: o.size as usize, body: Body::Text };
    template.build(number, &["imap-load@load.invalid"]).bytes
}

/// `number` sent to 0..`of`, consecutive numbers far apart.
fn scatter(number: u64, of: u32) -> u32 {
    // The remainder is below `of`: it fits.
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32) % u64::from(of)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_what_its_help_says() {
        let cycle = Operation::cycle(&[Operation::Mixed]);
        let count = |o| cycle.iter().filter(|x| **x == o).count();
        assert_eq!(
            [FetchBody, FetchFlags, FetchEnvelope, Store, Search, Select, Append].map(count),
            [8, 4, 3, 2, 1, 1, 1]
        );
        assert_eq!(Operation::cycle(&[Select, Store]), [Select, Store]);
    }

    #[test]
    fn scatter_reaches_every_message_and_stays_inside() {
        let mut seen = [0u32; 50];
        (0..5000).for_each(|n| seen[scatter(n, 50) as usize] += 1);
        assert!(seen.iter().all(|n| *n > 20), "{seen:?}");
        assert_eq!(scatter(77, 1), 0);
    }
}
