//! What peers hand over arrives once, whole, and traced.
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";

#[tokio::test]
async fn a_message_arrives_byte_for_byte_below_the_fields_of_the_way() {
    let w = World::new().await;
    let text = letter("Paul <paul@beta.mssante.fr>", "essai");
    let mut watch = w.op.watch(&w.actor("anne", ANNE).await);
    let accepted = w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE, BRUNO], &text).await.unwrap();
    assert!(!accepted.duplicate);
    watch.changed().await;
    for (login, bal) in [("anne", ANNE), ("bruno", BRUNO)] {
        let inbox = w.inbox(login, bal).await;
        assert_eq!(inbox.len(), 1);
        let prefix = inbox[0].strip_suffix(text.as_str()).expect("content as it was sent");
        assert!(
            prefix.starts_with("Return-Path: <paul@beta.mssante.fr>\r\nReceived: from client.exemple.fr"),
            "{prefix}"
        );
        assert!(prefix.contains(&accepted.id) && prefix.contains("mss.alpha.fr") && prefix.contains("CN=mss.beta.fr"));
        assert!(!prefix.contains("anne") && !prefix.contains("bruno"), "no recipient among the fields that all share");
    }
    assert_eq!(w.count("blobs").await, 1, "one content for all");
    let traces = w.traces("mail.accepted").await;
    assert_eq!(traces.len(), 1);
    let t = &traces[0];
    assert_eq!((t.outcome.as_str(), t.actor.as_str(), t.remote.as_deref()), ("ok", BETA, Some("192.0.2.7")));
    assert_eq!(t.data["to"], serde_json::json!([ANNE, BRUNO]));
    assert_eq!(
        (t.data["from"].as_str(), t.data["id"].as_str()),
        (Some("paul@beta.mssante.fr"), Some(accepted.id.as_str()))
    );
    assert!(!t.data.to_string().contains("essai"), "no content in a trace");
    let delivered: Vec<_> = w.traces("mail.delivered").await.into_iter().map(|t| t.bal.unwrap()).collect();
    assert_eq!(delivered, [ANNE, BRUNO], "each BAL's own trace");
}

#[tokio::test]
async fn a_retry_is_accepted_without_a_second_copy_for_seven_days() {
    let w = World::new().await;
    let text = letter("paul@beta.mssante.fr", "une");
    let hand_over = async || w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE], &text).await.unwrap();
    assert!(!hand_over().await.duplicate);
    assert!(hand_over().await.duplicate);
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1);
    assert_eq!(w.count("blobs").await, 1);
    assert_eq!(w.traces("mail.repeated").await.len(), 1);
    // One byte, one letter of the sender or another peer make another message.
    w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE], &letter("paul@beta.mssante.fr", "deux")).await.unwrap();
    w.hand_over(BETA, "paule@beta.mssante.fr", &[ANNE], &text).await.unwrap();
    assert_eq!(w.inbox("anne", ANNE).await.len(), 3);
    // The memory lasts seven days, purged or not.
    w.advance(7 * 86_400 - 10);
    assert!(hand_over().await.duplicate);
    w.advance(20);
    assert!(!hand_over().await.duplicate);
    w.advance(8 * 86_400);
    assert_eq!(w.op.housekeeping().await.unwrap().forgotten, 3);
    assert_eq!(w.count("accepted_mail").await, 0);
}

#[tokio::test]
async fn when_some_recipients_were_served_before_the_others_get_it() {
    let w = World::new().await;
    let text = letter("paul@beta.mssante.fr", "partage");
    w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE], &text).await.unwrap();
    let second = w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE, BRUNO], &text).await.unwrap();
    assert!(!second.duplicate);
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1);
    assert_eq!(w.inbox("bruno", BRUNO).await.len(), 1);
    assert_eq!(w.traces("mail.repeated").await.len(), 1, "what was not delivered again is traced");
}

#[tokio::test]
async fn postmaster_and_abuse_of_each_domain_reach_those_in_charge_once() {
    let w = World::new().await;
    let to = ["postmaster@alpha.mssante.fr", "ABUSE@essai.alpha.mssante.fr", "exploitation@alpha.mssante.fr"];
    for to in to {
        let from = addr("paul@beta.mssante.fr");
        w.op.mx_recipient(&peer(BETA), Some(&from), &addr(to), 0, None, &origin(sceau_operator::Door::Mx))
            .await
            .unwrap();
    }
    w.hand_over(BETA, "paul@beta.mssante.fr", &to, &letter("paul@beta.mssante.fr", "plainte")).await.unwrap();
    assert_eq!(w.inbox("anne", "exploitation@alpha.mssante.fr").await.len(), 1);
    // Without anybody in charge the addresses do not exist.
    let w = World::with(|c| c.postmaster.clear()).await;
    let refused = w.hand_over(BETA, "paul@beta.mssante.fr", &to[..1], &letter("paul@beta.mssante.fr", "plainte")).await;
    assert_eq!(code(refused), "rcpt.unknown");
}

#[tokio::test]
async fn a_patient_is_a_pseudonym_in_traces() {
    let w = World::new().await;
    let ins = "180017500000134";
    let text = letter(&format!("{ins}@patient.mssante.fr"), "reponse");
    w.hand_over(PATIENTS, &format!("{ins}@patient.mssante.fr"), &[ANNE], &text).await.unwrap();
    let t = w.traces("mail.accepted").await.remove(0);
    assert!(!t.data.to_string().contains(ins), "{}", t.data);
    assert!(t.data["from"].as_str().unwrap().ends_with("@patient.mssante.fr"));
    // The whole database says it nowhere in clear, nor any word of the message.
    for word in [ins, "reponse", "Bonjour"] {
        assert!(!w.on_disk(word), "{word} is on disk in clear");
    }
    assert!(w.on_disk("anne.martin@alpha.mssante.fr"), "the search would find what is in clear");
}

#[tokio::test]
async fn a_report_from_a_listed_peer_arrives_with_a_null_path() {
    let w = World::new().await;
    let text = letter("postmaster@beta.mssante.fr", "rapport");
    w.hand_over(BETA, "", &[ANNE], &text).await.unwrap();
    assert!(w.inbox("anne", ANNE).await[0].starts_with("Return-Path: <>\r\n"));
}

#[tokio::test]
async fn a_large_message_goes_through_a_file_that_stays() {
    let mut w = World::new().await;
    let body: String =
        (0..2000u64).map(|i| format!("{:x}\r\n", (i + 7).pow(5).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let text = letter("paul@beta.mssante.fr", "grand") + &body;
    w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE], &text).await.unwrap();
    // A retry's own file goes.
    w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE], &text).await.unwrap();
    let config = w.op.config().clone();
    let trust = w.op.trust().clone();
    drop(w.op);
    w.store.reopen().await;
    w.op = sceau_operator::Operator::open(config, w.store.clone(), trust).await.unwrap();
    assert!(w.inbox("anne", ANNE).await[0].ends_with(&text));
    let files = std::process::Command::new("find")
        .arg(w.store.folder().join("blobs"))
        .args(["-type", "f", "-name", "[0-9a-f]*"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(files.stdout).unwrap().lines().count(), 1);
}
