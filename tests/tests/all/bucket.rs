//! Large content in a bucket: when the service is down, large mail is deferred in bounded time and small mail goes on; when it is back,
//! nothing has to be started again, and nothing that was acknowledged is lost.
use sceau_e2e::bucket::Bucket;
use sceau_e2e::peer::{letter, stuffed};
use sceau_e2e::sandbox::More;
use sceau_e2e::{Mailbox, Peer, Sandbox, proves, wait};
use std::time::{Duration, Instant};

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";

/// Lines that do not compress.
fn noise(size: usize, mut seed: u64) -> String {
    let mut out = String::with_capacity(size + 80);
    while out.len() < size {
        for _ in 0..4 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            out.push_str(&format!("{seed:016x}"));
        }
        out.push_str("\r\n");
    }
    out
}

fn send(sandbox: &Sandbox, to: &str, id: &str, body: &str) -> String {
    let mut peer = Peer::secure(&sandbox.b().endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())));
    peer.up_to_data(OUT, &[to]).raw(&stuffed(letter(OUT, to, id, body).as_bytes())).hear()
}

#[test]
fn a_service_of_objects_that_is_away_defers_large_mail_only() {
    let _proof = proves(&["F264"], "smtp");
    let mut bucket = Bucket::start();
    let more = More { arguments: bucket.arguments(), variables: bucket.variables(), letters: false };
    let mut sandbox = Sandbox::start_more(more);
    sandbox.configure(1, &[("[blobs]\n", "[blobs]\ntimeout_seconds = 2\n")]);
    let to = sandbox.b().account("Per", 0).clone();
    let (large, small) = (noise(400_000, 7), noise(500, 8));
    assert!(send(&sandbox, &to.address, "grand-1", &large).starts_with("250"));
    assert!(send(&sandbox, &to.address, "petit-1", &small).starts_with("250"));
    let objects = bucket.objects();
    assert!(!objects.is_empty(), "large content is in the bucket");
    for object in &objects {
        let bytes = std::fs::read(object).expect("object");
        assert!(memchr::memmem::find(&bytes, &large.as_bytes()[..64]).is_none(), "content is in clear");
    }
    bucket.stop();
    let began = Instant::now();
    let deferred = send(&sandbox, &to.address, "grand-2", &large);
    assert!(deferred.starts_with("451 "), "{deferred}");
    assert!(began.elapsed() < Duration::from_secs(20), "in bounded time");
    assert!(send(&sandbox, &to.address, "petit-2", &small).starts_with("250"), "small mail goes on");
    let mut mailbox = Mailbox::open(sandbox.b(), &to, &sandbox.tls(None));
    mailbox.ok("SELECT INBOX");
    let mut number = |id: &str| -> u32 {
        let found = mailbox.ok(&format!("SEARCH HEADER Message-ID {id}"));
        let line = found.lines().find(|l| l.starts_with("* SEARCH")).expect("an answer");
        line.split(' ').nth(2).and_then(|n| n.trim().parse().ok()).unwrap_or_else(|| panic!("{id}: {found}"))
    };
    let (large_1, small_2) = (number("grand-1"), number("petit-2"));
    assert!(mailbox.ok(&format!("FETCH {small_2} BODY.PEEK[]")).contains(&small[..60]));
    let refused = mailbox.say(&format!("FETCH {large_1} BODY.PEEK[]"));
    assert!(refused.contains("e2e.tag NO [UNAVAILABLE]"), "{refused}");
    assert!(mailbox.ok(&format!("FETCH {large_1} ENVELOPE")).contains("essai grand-1"), "what rows hold is read");
    assert_eq!(sandbox.b().spools(), 0, "what was refused is not kept");

    bucket.go_on();
    wait::until("large mail to be accepted again", 30, || {
        send(&sandbox, &to.address, "grand-2", &large).starts_with("250").then_some(())
    });
    assert!(mailbox.ok(&format!("FETCH {large_1} BODY.PEEK[]")).contains(&large[..1_000]));
    let counts = mailbox.count("INBOX");
    for id in ["grand-1", "petit-1", "grand-2", "petit-2"] {
        assert_eq!(counts.get(id), Some(&1), "{id}: {counts:?}");
    }
}
