//! A disk without room: senders are asked to come back (452), people go on reading, the people in charge are told, and mail flows again
//! when there is room, without a restart and without a loss.
use sceau_e2e::peer::{letter, stuffed};
use sceau_e2e::{Mailbox, Peer, Run, Sandbox, proves, wait};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
/// Set in the process that has its own mounts.
const OWN_MOUNTS: &str = "SCEAU_TEST_OWN_MOUNTS";

/// A disk of a few megabytes, away when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("sceau-disk-").tempdir().expect("temporary folder");
        let options = format!("size={megabytes}m,mode=0700");
        let path = folder.path().to_str().expect("UTF-8 path");
        (Run::of("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", path]).code == 0).then(|| Self(folder))
    }
    fn path(&self) -> &Path {
        self.0.path()
    }
    /// Fills it to the last byte.
    fn fill(&self) {
        let mut ballast = File::create(self.path().join("ballast")).expect("a file");
        for piece in [1 << 20, 4096, 512, 1] {
            let zeros = vec![0; piece];
            while ballast.write_all(&zeros).is_ok() {}
        }
    }
    fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).expect("ballast");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that is being stopped may still look at it.
        let _ = Run::of("umount", &["-l", self.path().to_str().expect("UTF-8 path")]);
    }
}

/// A peer of the second operator.
fn peer(sandbox: &Sandbox) -> Peer {
    Peer::secure(&sandbox.b().endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())))
}

/// The answer to a letter, or to what came before it.
fn send(peer: &mut Peer, to: &str, id: &str, size: usize) -> String {
    for line in [format!("MAIL FROM:<{OUT}>"), format!("RCPT TO:<{to}>"), "DATA".to_owned()] {
        let reply = peer.send(&line).hear();
        if !reply.starts_with('2') && !reply.starts_with("354") {
            return reply;
        }
    }
    let mut seed = size as u64 | 1;
    let mut body = String::new();
    while body.len() < size {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        body.push_str(&format!("{seed:016x}\r\n"));
    }
    peer.raw(&stuffed(letter(OUT, to, id, &body).as_bytes())).hear()
}

#[test]
fn a_full_disk_defers_mail_and_nothing_else() {
    let _proof = proves(&["F264", "F269"], "smtp");
    let Some(disk) = SmallDisk::mount(96) else {
        // Not root: a user may mount in a place of its own.
        assert!(std::env::var_os(OWN_MOUNTS).is_none(), "no small disk can be mounted, not even in a place of our own");
        let me = std::env::current_exe().expect("own path");
        let name = "full_disk::a_full_disk_defers_mail_and_nothing_else";
        let run = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount"])
            .arg(me)
            .args([name, "--exact"])
            .env(OWN_MOUNTS, "1")
            .output()
            .expect("unshare runs: run as root, or allow user namespaces");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("1 passed"), "the test in a place of its own: {run:?}");
        return;
    };
    let sandbox = Sandbox::start_in_free(disk.path());
    let b = sandbox.b();
    let to = b.account("Per", 0).clone();
    let mut sender = peer(&sandbox);
    for (id, size) in [("petit-1", 300), ("grand-1", 300_000)] {
        let reply = send(&mut sender, &to.address, id, size);
        assert!(reply.starts_with("250"), "{reply}");
    }
    let mut mailbox = Mailbox::open(b, &to, &sandbox.tls(None));
    disk.fill();
    // Large mail wants a file: at once.
    let reply = send(&mut sender, &to.address, "grand-2", 300_000);
    assert!(reply.starts_with("452 4.3.1 "), "temporary, and it says why: {reply}");
    // Small mail finds what was free inside the database's files: for a while.
    let mut accepted = Vec::new();
    let refused = (0..600).find_map(|i| {
        if i % 50 == 49 {
            sender = peer(&sandbox);
        }
        let id = format!("plein-{i}");
        let reply = send(&mut sender, &to.address, &id, 24_000);
        if reply.starts_with("250") {
            accepted.push(id);
            return None;
        }
        Some(reply)
    });
    let reply = refused.expect("a database without room refuses");
    assert!(reply.starts_with("452 4.3.1 "), "temporary, and it says why: {reply}");
    // Readers go on: the one who was there, in what was there, inside the database and in a file.
    mailbox.ok("EXAMINE INBOX");
    for (n, subject) in [(1, "essai petit-1"), (2, "essai grand-1")] {
        let read = mailbox.ok(&format!("FETCH {n} BODY.PEEK[]"));
        assert!(read.contains(subject), "{subject}");
    }
    // Large: a small one may find a page that a checkpoint left.
    let text: String = (0..30_000_u64).map(|n| format!("{:x}\r\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let appended = mailbox.say_literal("APPEND INBOX", letter(OUT, &to.address, "depot", &text).as_bytes());
    assert!(appended.contains("NO [UNAVAILABLE]"), "{appended}");
    // Room: everything goes on by itself.
    disk.make_room();
    wait::until("mail to be accepted again", 30, || {
        send(&mut peer(&sandbox), &to.address, "apres", 300_000).starts_with("250").then_some(())
    });
    let counts = mailbox.count("INBOX");
    for id in ["petit-1", "grand-1", "apres"].into_iter().chain(accepted.iter().map(String::as_str)) {
        assert_eq!(counts.get(id), Some(&1), "{id}: {counts:?}");
    }
    assert!(!counts.contains_key("grand-2"), "what was refused is not there: {counts:?}");
    let alarm = wait::until("the alarm", 90, || b.alarm("store.full"));
    assert_eq!(alarm["severity"], "critical");
}
