//! Many clients on one shared folder, each with a model of what it was told; the model must hold after every response.
use crate::client::Client;
use crate::world::World;

/// What a client believes: the UID behind each sequence number, once told.
#[derive(Default)]
struct Belief(Vec<Option<u32>>);

impl Belief {
    /// Takes in a response; fails when it contradicts what was told before.
    fn hear(&mut self, response: &str) {
        let mut words = response.split(' ');
        let (Some("*"), Some(number), Some(what)) = (words.next(), words.next(), words.next()) else { return };
        let Ok(number) = number.parse::<usize>() else { return };
        match what {
            "EXISTS" => {
                assert!(number >= self.0.len(), "EXISTS shrank: {response}, had {}", self.0.len());
                self.0.resize(number, None);
            }
            "EXPUNGE" => {
                assert!((1..=self.0.len()).contains(&number), "{response}, had {}", self.0.len());
                self.0.remove(number - 1);
            }
            "FETCH" => {
                let known = self.0.get_mut(number - 1).unwrap_or_else(|| panic!("{response}: no such message"));
                if let Some((_, rest)) = response.split_once("UID ") {
                    let uid = rest.split([' ', ')']).next().unwrap().parse().unwrap();
                    assert!(known.is_none_or(|k| k == uid), "{response}: was {known:?}");
                    *known = Some(uid);
                }
            }
            _ => {}
        }
        let uids: Vec<u32> = self.0.iter().flatten().copied().collect();
        assert!(uids.is_sorted(), "{uids:?} after {response}");
    }
}

/// A small generator of numbers, the same in every run.
struct Dice(u64);
impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// One client's life.
async fn live(mut c: Client, seed: u64, steps: usize) -> (Client, Belief) {
    let (mut belief, mut dice) = (Belief::default(), Dice(seed));
    for response in c.ok("SELECT INBOX").await {
        belief.hear(&response);
    }
    for step in 0..steps {
        let exists = belief.0.len();
        let seq = dice.roll(exists.max(1)) + 1;
        let uid = dice.roll(60) + 1;
        let command = match dice.roll(9) {
            0 | 1 => {
                let letter = crate::client::letter(&format!("s{seed}-{step}"));
                c.append("INBOX", "", &letter).await.iter().for_each(|r| belief.hear(r));
                "NOOP".to_owned()
            }
            2 if exists > 0 => format!("STORE {seq} +FLAGS (\\Deleted)"),
            3 => "EXPUNGE".to_owned(),
            4 if exists > 0 => format!("FETCH {seq}:* (UID FLAGS)"),
            5 => format!("UID STORE {uid}:{} +FLAGS (k{})", uid + 3, dice.roll(3)),
            6 => format!("UID FETCH {uid}:* (ENVELOPE)"),
            7 if exists > 0 => format!("FETCH {seq} (UID BODY[TEXT])"),
            8 => format!("UID MOVE {uid} Archive"),
            _ => "SEARCH UNDELETED".to_owned(),
        };
        let quiet = ["FETCH", "STORE", "SEARCH"].iter().any(|c| command.starts_with(c));
        let all = c.run(&command).await;
        let (last, untagged) = all.split_last().unwrap();
        assert!(last.starts_with("OK ") || last.contains("[EXPUNGEISSUED]"), "{command}: {last}");
        for response in untagged {
            assert!(!(quiet && response.ends_with(" EXPUNGE")), "{response} during {command}");
            belief.hear(response);
        }
    }
    (c, belief)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_on_one_folder_never_are_told_a_contradiction() {
    let w = World::new().await;
    let mut lives = Vec::new();
    for seed in 1..=4 {
        let client = Client::anne(&w).await;
        lives.push(tokio::spawn(live(client, seed, 100)));
    }
    let mut ends = Vec::new();
    for life in lives {
        let (mut client, mut belief) = life.await.unwrap();
        client.ok("NOOP").await.iter().for_each(|r| belief.hear(r));
        ends.push((client, belief));
    }
    let mut seen = Vec::new();
    for (client, belief) in &mut ends {
        client.ok("NOOP").await.iter().for_each(|r| belief.hear(r));
        let mut all = client.run("FETCH 1:* (UID FLAGS)").await;
        all.pop();
        all.iter().for_each(|r| belief.hear(r));
        assert_eq!(all.len(), belief.0.len());
        seen.push(all);
    }
    assert!(seen.iter().all(|s| *s == seen[0]), "{seen:#?}");
    assert!(!seen[0].is_empty());
}
