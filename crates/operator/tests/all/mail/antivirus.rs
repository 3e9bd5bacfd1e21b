//! Nothing passes unread: a played engine (the real one is in the end-to-end tests), both ways in, out, and what programs file.
use sceau_antivirus::Clamd;
use sceau_domain::BalKind;
use sceau_operator::Actor;
use sceau_operator::antivirus::{Setting, Settings};
use sceau_operator::mailbox::entries::FlagSet;
use sceau_testkit::world::{BETA, World, code, envelope, letter, origin, peer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const BEYOND: &str = "x@beta.mssante.fr";
/// What the played engine takes for a virus.
pub(crate) const MARK: &str = "MARQUE-INFECTEE";
/// Headers of an encrypted entry of a ZIP archive, base64.
const SECRET: &str = "UEsDBBQAAQAAAAAAAAABAgMEAQAAAAEAAAABAAAAYWI=";

/// How it behaves.
const WORKS: u8 = 0;
const HANGS: u8 = 1;
const CUTS: u8 = 2;
const JUNK: u8 = 3;
const SMALL: u8 = 4;
const FLOODS: u8 = 5;
const NUMBERED: u8 = 6;
const EXCEEDS: u8 = 7;

/// A played engine.
pub(crate) struct Engine {
    folder: tempfile::TempDir,
    manner: Arc<AtomicU8>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Is the stream at its end: a piece of no length?
fn whole(got: &[u8]) -> bool {
    let mut at = b"zINSTREAM\0".len();
    while let Some(length) = got.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().expect("four")) as usize;
        if length == 0 {
            return true;
        }
        at += 4 + length;
    }
    false
}

impl Engine {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("clamd")).unwrap();
        let manner = Arc::new(AtomicU8::new(WORKS));
        let now = manner.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut way, _)) = listener.accept().await {
                let manner = now.load(Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut got = Vec::new();
                    let mut piece = vec![0; 1 << 16];
                    loop {
                        let n = way.read(&mut piece).await.unwrap_or(0);
                        if n == 0 {
                            return;
                        }
                        got.extend_from_slice(&piece[..n]);
                        if got.as_slice() == b"zVERSION\0" {
                            let dated = b"ClamAV 1.4.6/27001/Mon Jan  5 09:30:00 2015\0";
                            return drop(way.write_all(dated).await);
                        }
                        if !whole(&got) {
                            continue;
                        }
                        let infected = got.windows(MARK.len()).any(|w| w == MARK.as_bytes());
                        let said: &[u8] = match manner {
                            HANGS => std::future::pending().await,
                            CUTS => b"stream: OK",
                            JUNK => b"220 smtp ready\r\n\0",
                            NUMBERED => b"1: stream: OK\0",
                            EXCEEDS => b"stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0",
                            SMALL => b"INSTREAM size limit exceeded. ERROR\0",
                            FLOODS => loop {
                                if way.write_all(&[b'x'; 4096]).await.is_err() {
                                    return;
                                }
                            },
                            _ if infected => b"stream: Essai.Marque FOUND\0",
                            _ => b"stream: OK\0",
                        };
                        return drop(way.write_all(said).await);
                    }
                });
            }
        });
        Self { folder, manner, task }
    }
    pub(crate) fn setting(&self) -> Setting {
        let place = format!("unix:{}", self.folder.path().join("clamd").display()).parse().unwrap();
        let engine = Clamd::new(place, Duration::from_millis(500), 4);
        Setting::On(Settings { engine, append: true, old_after: Duration::from_secs(3 * 86_400) })
    }
    fn becomes(&self, manner: u8) {
        self.manner.store(manner, Ordering::SeqCst);
    }
}

/// Open alarms of the antivirus.
async fn alarms(w: &World) -> Vec<String> {
    let all = w.op.alarms(&w.admin, false).await.unwrap();
    let mut codes: Vec<String> = all.into_iter().map(|a| a.code).filter(|c| c.starts_with("antivirus.")).collect();
    codes.sort();
    codes
}

fn infected(from: &str) -> String {
    format!("{}{MARK} dans le texte\r\n", letter(from, "virus"))
}

/// A message with an archive under a password.
pub(crate) fn archive(from: &str) -> String {
    format!(
        "From: {from}\r\nSubject: archive\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <archive@exemple.fr>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nBonjour\r\n--b\r\nContent-Type: application/zip\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{SECRET}\r\n--b--\r\n"
    )
}

#[tokio::test]
async fn what_is_infected_leaves_evidence_only() {
    let engine = Engine::start();
    let w = World::with(|c| c.abuse.thresholds.infected = 2).await;
    w.op.set_antivirus(engine.setting());
    let (token, _) = w.op.create_token(&w.admin, "anne", None, "poste", None).await.unwrap();
    let anne = Actor { credential: Some(token.id), ..w.actor("anne", ANNE).await };
    // Clean: in, out, filed.
    w.hand_over(BETA, BEYOND, &[ANNE], &letter(BEYOND, "propre")).await.unwrap();
    w.submit(&anne, ANNE, &[BRUNO, BEYOND], &letter(ANNE, "propre-aussi")).await.unwrap();
    let filed = |text: String| w.op.append(&anne, "INBOX", FlagSet::default(), None, w.message(&text));
    filed(letter(ANNE, "brouillon")).await.unwrap();
    assert_eq!((w.inbox("anne", ANNE).await.len(), w.inbox("bruno", BRUNO).await.len()), (2, 1));
    assert_eq!(w.inbox("anne", ANNE).await[1], letter(ANNE, "brouillon"), "what is filed stays as it was brought");
    let (blobs, queued) = (w.count("blobs").await, w.count("queue_messages").await);

    // Infected: nowhere.
    let refused = w.hand_over(BETA, BEYOND, &[ANNE], &infected(BEYOND)).await.unwrap_err();
    assert!(
        refused.smtp_reply().starts_with("554 5.7.0 ") && refused.smtp_text().contains("Essai.Marque"),
        "{refused:?}"
    );
    assert_eq!(code(w.submit(&anne, ANNE, &[BRUNO, BEYOND], &infected(ANNE)).await), "message.infected");
    assert_eq!(code(filed(infected(ANNE)).await), "message.infected");
    assert_eq!((w.inbox("anne", ANNE).await.len(), w.inbox("bruno", BRUNO).await.len()), (2, 1));
    assert_eq!((w.count("blobs").await, w.count("queue_messages").await), (blobs, queued));
    assert!(!w.on_disk(MARK));
    let traces = w.traces("mail.infected").await;
    let ways: Vec<_> = traces.iter().map(|t| t.data["way"].as_str().unwrap_or_default()).collect();
    assert_eq!(ways, ["in", "out", "filed"]);
    let said = &traces[0].data;
    assert_eq!((said["signature"].as_str(), said["from"].as_str()), (Some("Essai.Marque"), Some(BEYOND)));
    assert_eq!((said["to"][0].as_str(), said["digest"].as_str().map(str::len)), (Some(ANNE), Some(64)));
    assert_eq!(traces[1].bal.as_deref(), Some(ANNE), "in the log of the BAL that sent it");
    let open = w.op.alarms(&w.admin, false).await.unwrap();
    let found: Vec<_> = open.iter().filter(|a| a.code == "antivirus.infected").collect();
    assert!(
        found.iter().any(|a| a.subject == "beta.mssante.fr") && found.iter().all(|a| !a.subject.contains('@')),
        "{found:?}"
    );
    // The sender's second try is one more count of the same alarm.
    let _ = w.hand_over(BETA, BEYOND, &[ANNE], &infected(BEYOND)).await.unwrap_err();
    let open = w.op.alarms(&w.admin, false).await.unwrap();
    let again = open.iter().find(|a| a.code == "antivirus.infected" && a.subject == "beta.mssante.fr").unwrap();
    assert_eq!(again.count, 2);
    // Twice each: of a token that sends and files, of a partner. A person will look at both.
    w.op.flush_abuse().await;
    let cases = w.op.abuse_cases(&w.admin, Some("open"), None, 10).await.unwrap();
    let mut seen: Vec<_> = cases.iter().map(|c| (c.kind.as_str(), c.signals[0].name.as_str())).collect();
    seen.sort_unstable();
    assert_eq!(seen, [("peer", "infected"), ("token", "infected")]);
    let token = cases.iter().find(|c| c.kind == "token").unwrap();
    assert_eq!((token.login.as_deref(), token.bal.as_deref()), (Some("anne"), Some(ANNE)));
}

#[tokio::test]
async fn without_a_verdict_nothing_passes_and_nothing_is_lost() {
    let engine = Engine::start();
    let w = World::new().await;
    w.op.set_antivirus(engine.setting());
    let anne = w.actor("anne", ANNE).await;
    let text = letter(BEYOND, "attente");
    for manner in [HANGS, CUTS, JUNK, FLOODS, NUMBERED] {
        engine.becomes(manner);
        let refused = w.hand_over(BETA, BEYOND, &[ANNE], &text).await.unwrap_err();
        assert!(refused.smtp_reply().starts_with("451 4.7.0 "), "{manner}: {refused:?}");
        assert_eq!(alarms(&w).await, ["antivirus.down"], "{manner}");
    }
    assert_eq!(code(w.submit(&anne, ANNE, &[BEYOND], &letter(ANNE, "dehors")).await), "antivirus.unavailable");
    assert_eq!((w.count("queue_messages").await, w.count("messages").await), (0, 0));
    // Too large for it: put off, and said by its own name.
    engine.becomes(SMALL);
    assert_eq!(code(w.hand_over(BETA, BEYOND, &[ANNE], &text).await), "antivirus.unavailable");
    assert_eq!(alarms(&w).await, ["antivirus.down", "antivirus.too_small"]);
    // It is back: the peer's retry passes, the alarm of its absence is over by itself.
    engine.becomes(WORKS);
    assert!(!w.hand_over(BETA, BEYOND, &[ANNE], &text).await.unwrap().duplicate);
    assert_eq!(alarms(&w).await, ["antivirus.too_small"]);
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1);
    // While it is known to be too small, what goes beyond its limits may be its fault.
    engine.becomes(EXCEEDS);
    let nested = letter(BEYOND, "poupees");
    assert_eq!(code(w.hand_over(BETA, BEYOND, &[ANNE], &nested).await), "antivirus.unavailable");
    engine.becomes(WORKS);
    // Upkeep: it takes our largest message now; its signatures are of 2015; it would not say that it read an archive in part.
    w.op.housekeeping().await.unwrap();
    assert_eq!(alarms(&w).await, ["antivirus.old", "antivirus.partial"]);
    let seen = w.op.antivirus(&w.admin).await.unwrap();
    assert_eq!((seen.state.as_str(), seen.answers, seen.base), ("on", true, Some(27001)));
    assert_eq!((seen.takes_largest, seen.tells_encrypted, seen.tells_partial), (Some(true), Some(false), Some(false)));
    assert_eq!((seen.scanned, seen.failed), (1, 8));
    // From now on it is the document's: refused for good, and not for days of tries.
    engine.becomes(EXCEEDS);
    let refused = w.hand_over(BETA, BEYOND, &[ANNE], &nested).await.unwrap_err();
    assert!(
        refused.smtp_reply().starts_with("554 5.7.0 ") && refused.smtp_text().contains("MaxRecursion"),
        "{refused:?}"
    );
    engine.becomes(WORKS);
    // The trial fails with an engine that does not know EICAR, and says so; a person without the right asks in vain.
    assert!(!w.op.test_antivirus(&w.admin).await.unwrap().good);
    assert_eq!(code(w.op.antivirus(&anne).await), "right.missing");
}

#[tokio::test]
async fn documents_under_a_password_are_marked_or_refused_as_the_policy_says() {
    let engine = Engine::start();
    let w = World::with(|c| c.limits.encrypted_documents = 1).await;
    w.op.set_antivirus(engine.setting());
    let anne = w.actor("anne", ANNE).await;
    w.hand_over(BETA, BEYOND, &[ANNE], &archive(BEYOND)).await.unwrap();
    let inbox = w.inbox("anne", ANNE).await;
    assert!(inbox[0].contains("\r\nX-Sceau-Unread: zip (document under a password)\r\n"), "{}", inbox[0]);
    assert!(inbox[0].ends_with(&archive(BEYOND)), "below the fields of the way it is as it was sent");
    assert_eq!(w.traces("mail.accepted").await[0].data["unread"][0], "zip");
    w.submit(&anne, ANNE, &[BRUNO], &archive(ANNE)).await.unwrap();
    assert!(w.inbox("bruno", BRUNO).await[0].contains("X-Sceau-Unread: zip"));

    for (policy, outcome) in [(0, None), (2, Some("message.encrypted"))] {
        let w = World::with(|c| c.limits.encrypted_documents = policy).await;
        w.op.set_antivirus(engine.setting());
        w.bal("autre@alpha.mssante.fr", BalKind::Org, &["anne"], |_| {}).await;
        let (from, session) = (peer(BETA), origin(sceau_operator::Door::Mx));
        let given = w.op.mx_accept(&from, envelope(BEYOND, &[ANNE]), w.message(&archive(BEYOND)), &session);
        match outcome {
            None => {
                given.await.unwrap();
                assert!(!w.inbox("anne", ANNE).await[0].contains("X-Sceau-Unread"));
            }
            Some(expected) => {
                assert_eq!(code(given.await), expected);
                assert!(w.inbox("anne", ANNE).await.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn without_an_engine_somebody_is_told() {
    for (setting, expected) in [(Setting::Absent, vec!["antivirus.absent"]), (Setting::Off("essai".into()), vec![])] {
        let w = World::new().await;
        w.op.set_antivirus(setting);
        w.op.housekeeping().await.unwrap();
        assert_eq!(alarms(&w).await, expected);
        w.hand_over(BETA, BEYOND, &[ANNE], &infected(BEYOND)).await.unwrap();
        assert_eq!(code(w.op.test_antivirus(&w.admin).await), "antivirus.off");
    }
}
