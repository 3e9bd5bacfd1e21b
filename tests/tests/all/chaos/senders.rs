//! Who submits the messages: one session a person, each message again, octet by octet, until it is acknowledged.
use super::mail::{Mail, Plan};
use sceau_e2e::peer::{Tls, Wire, base64, stuffed};
use sceau_e2e::sandbox::Account;
use sceau_e2e::{Sandbox, wait};
use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long one message is tried before the run is lost.
const GIVE_UP: Duration = Duration::from_secs(120);

/// The running senders.
#[derive(Debug)]
pub struct Senders {
    /// Messages acknowledged so far.
    pub acknowledged: Arc<AtomicU32>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts them.
pub fn start(sandbox: &Sandbox, plan: &Arc<Plan>, messages: u32) -> Senders {
    let acknowledged = Arc::new(AtomicU32::new(0));
    let a = sandbox.a();
    let thread = |i: usize| {
        let (plan, count) = (plan.clone(), acknowledged.clone());
        let (door, account, tls) = (a.endpoints.submission.clone(), a.account("Per", i).clone(), sandbox.tls(None));
        std::thread::spawn(move || {
            let mut session = None;
            for number in 0..messages {
                let mail = plan.mail(number);
                if mail.account == i {
                    assert_eq!(mail.from, account.address);
                    submit(&mut session, &door, &account, &tls, &mail);
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        })
    };
    let threads = (0..4).map(thread).collect();
    Senders { acknowledged, threads }
}

impl Senders {
    /// Waits until all are acknowledged.
    pub fn finish(self) {
        for thread in self.threads {
            wait::until("the senders", 3_000, || thread.is_finished().then_some(()));
            thread.join().expect("a sender gave up");
        }
    }
}

fn submit(session: &mut Option<Wire>, door: &str, account: &Account, tls: &Tls, mail: &Mail) {
    let began = Instant::now();
    loop {
        match attempt(session, door, account, tls, mail) {
            Ok(()) => return,
            Err(e) => {
                *session = None;
                assert!(!e.to_string().contains(": 5"), "refused for good: {e}");
                assert!(began.elapsed() < GIVE_UP, "{} is not accepted: {e}", mail.id);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn attempt(session: &mut Option<Wire>, door: &str, account: &Account, tls: &Tls, mail: &Mail) -> Result<()> {
    if session.is_none() {
        let mut wire = Wire::connect_from(1, door)?;
        wire.secure(tls)?;
        let secret = base64(format!("\0{}\0{}", account.login, account.token).as_bytes());
        wire.ask(&format!("AUTH PLAIN {secret}"), "235")?;
        *session = Some(wire);
    }
    let Some(wire) = session else { return Ok(()) };
    wire.ask(&format!("MAIL FROM:<{}>", mail.from), "250")?;
    for (to, _) in &mail.to {
        wire.ask(&format!("RCPT TO:<{to}>"), "250")?;
    }
    wire.ask("DATA", "354")?;
    wire.put(&stuffed(&mail.bytes))?;
    match wire.reply()? {
        reply if reply.starts_with("250") => Ok(()),
        reply => Err(std::io::Error::other(format!("content: {reply}"))),
    }
}
