//! Content for somebody who has no access: two people, a time, a trace; and nothing of the BAL changes.
use crate::rights::House;
use sceau_operator::disclosures::{DisclosureView, NewDisclosure};
use sceau_operator::{Actor, Operator};
use sceau_store::StoreError;
use sceau_testkit::world::{BETA, code, letter};

each_engine!(
    two_people_read_while_it_lasts_and_nothing_changes,
    one_person_is_not_two,
    it_ends_at_its_time_and_when_it_is_withdrawn,
    a_closed_bal_has_nothing_to_disclose,
    what_is_asked_for_is_checked,
);

const BAL: &str = "anne.martin@alpha.mssante.fr";

fn ask() -> NewDisclosure {
    NewDisclosure {
        bal: BAL.into(),
        cause: "authority".into(),
        reason: "Réquisition 12".into(),
        beneficiary: "Tribunal".into(),
        days: 3,
    }
}

/// `root`, and `chloe` who is an administrator too; asked by `root`.
async fn asked(h: &House) -> (DisclosureView, Actor) {
    h.grant("chloe", "administrator", None, None).await;
    let asked = h.0.op.ask_disclosure(&h.0.admin, ask()).await.unwrap();
    assert_eq!((asked.state.as_str(), asked.asked_by.as_str()), ("asked", "root"));
    (asked, h.actor("chloe").await)
}

async fn read_all(op: &Operator, actor: &Actor, id: i64) -> Vec<String> {
    let mut out = Vec::new();
    for folder in op.disclosed_folders(actor, id).await.unwrap() {
        for message in op.disclosed_messages(actor, id, folder.id, 0, 100).await.unwrap() {
            let mut reader = op.open_disclosed(actor, id, message.id).await.unwrap();
            let bytes = reader.read(0, 60_000).await.unwrap();
            assert_eq!(bytes.len() as i64, message.size);
            out.push(String::from_utf8(bytes).unwrap());
        }
    }
    out
}

/// Everything that a holder could notice.
async fn seen_by_holder(h: &House) -> String {
    let rows = h.0.store.read(|tx| {
        let mut all = String::new();
        for table in ["bals", "folders", "entries", "messages", "access", "vanished"] {
            all.push_str(&format!("{:?}", tx.query(&format!("SELECT * FROM {table} ORDER BY 1, 2"), &[])?));
        }
        Ok(all)
    });
    rows.await.unwrap_or_else(|e: StoreError| panic!("{e}"))
}

async fn two_people_read_while_it_lasts_and_nothing_changes(h: House) {
    let from = "medecin@beta.mssante.fr";
    h.0.hand_over(BETA, from, &[BAL], &letter(from, "un")).await.unwrap();
    h.0.hand_over(BETA, from, &[BAL], &letter(from, "deux")).await.unwrap();
    let before = seen_by_holder(&h).await;
    let (asked, chloe) = asked(&h).await;
    let (op, root) = (&h.0.op, &h.0.admin);
    assert_eq!(code(op.disclosed_folders(root, asked.id).await), "disclosure.not_open");
    op.decide_disclosure(&chloe, asked.id, true, "vérifiée").await.unwrap();
    for reader in [root, &chloe] {
        let messages = read_all(op, reader, asked.id).await;
        assert_eq!(messages.len(), 2);
        assert!(messages[0].contains("Bonjour un") && messages[1].contains("Bonjour deux"));
    }
    // A third administrator is none of the two; nobody else may at all.
    h.grant("bruno", "administrator", None, None).await;
    h.grant("anne", "auditor", None, None).await;
    for other in ["bruno", "anne"] {
        let other = h.actor(other).await;
        assert_eq!(code(op.disclosed_folders(&other, asked.id).await), "right.missing");
        assert_eq!(code(op.open_disclosed(&other, asked.id, 1).await), "right.missing");
    }
    assert!(op.disclosures(&h.actor("anne").await, 0, 10).await.unwrap()[0].last_read.is_some());
    assert_eq!(seen_by_holder(&h).await, before, "the holder finds everything as it was");
    let reads = h.0.traces("disclosure.read").await;
    assert_eq!(reads.len(), 4);
    assert!(reads.iter().all(|t| t.bal.as_deref() == Some(BAL) && t.data["messages"].as_array().unwrap().len() == 1));
    // Only of the BAL that was named.
    let elsewhere = h.0.folder("bruno", "bruno.petit@alpha.mssante.fr", "INBOX").await;
    assert!(elsewhere.is_empty());
    let foreign = h.0.op.folders(&h.0.actor("bruno", "bruno.petit@alpha.mssante.fr").await).await.unwrap();
    assert_eq!(code(op.disclosed_messages(root, asked.id, foreign[0].id, 0, 10).await), "folder.unknown");
    assert_eq!(code(op.open_disclosed(root, asked.id, 12).await), "entry.unknown");
}

async fn one_person_is_not_two(h: House) {
    let (asked, chloe) = asked(&h).await;
    let (op, root) = (&h.0.op, &h.0.admin);
    assert_eq!(code(op.decide_disclosure(root, asked.id, true, "moi").await), "disclosure.own");
    // Under another token of the same person.
    let (token, secret) = op.create_api_token(root, "root", "autre", None).await.unwrap();
    let again = op.login_api(&secret, &root.origin).await.unwrap();
    assert_eq!(again.credential, Some(token.id));
    assert_eq!(code(op.decide_disclosure(&again, asked.id, true, "moi").await), "disclosure.own");
    // Under a token of another administrator that the asker made.
    let (_, secret) = op.create_api_token(root, "chloe", "prêtée", None).await.unwrap();
    let lent = op.login_api(&secret, &root.origin).await.unwrap();
    assert_eq!(code(op.decide_disclosure(&lent, asked.id, true, "moi").await), "disclosure.own");
    // By somebody who was named for it.
    h.0.advance(1);
    h.grant("bruno", "administrator", None, None).await;
    let bruno = h.actor("bruno").await;
    assert_eq!(code(op.decide_disclosure(&bruno, asked.id, true, "moi").await), "disclosure.own");
    // The other way round: who decides opened the session in which it was asked.
    let from_lent = op.ask_disclosure(&lent, ask()).await.unwrap();
    assert_eq!(code(op.decide_disclosure(root, from_lent.id, true, "moi").await), "disclosure.own");
    op.decide_disclosure(&chloe, asked.id, false, "non").await.unwrap();
    assert_eq!(code(op.decide_disclosure(&chloe, asked.id, true, "si").await), "state.wrong");
    assert_eq!(code(op.disclosed_folders(root, asked.id).await), "disclosure.not_open");
}

async fn it_ends_at_its_time_and_when_it_is_withdrawn(h: House) {
    let (first, chloe) = asked(&h).await;
    let (op, root) = (&h.0.op, &h.0.admin);
    let second = op.ask_disclosure(root, NewDisclosure { days: 30, ..ask() }).await.unwrap();
    let late = op.ask_disclosure(root, ask()).await.unwrap();
    op.decide_disclosure(&chloe, first.id, true, "oui").await.unwrap();
    op.decide_disclosure(&chloe, second.id, true, "oui").await.unwrap();
    h.0.advance(3 * 86_400 - 1);
    op.disclosed_folders(root, first.id).await.unwrap();
    h.0.advance(1);
    assert_eq!(code(op.disclosed_folders(root, first.id).await), "disclosure.not_open");
    assert_eq!(op.disclosure(root, first.id).await.unwrap().state, "over");
    assert_eq!(code(op.decide_disclosure(&chloe, late.id, true, "trop tard").await), "state.wrong");
    op.disclosed_folders(&chloe, second.id).await.unwrap();
    op.withdraw_disclosure(root, second.id, "levée").await.unwrap();
    assert_eq!(code(op.disclosed_folders(&chloe, second.id).await), "disclosure.not_open");
    assert_eq!(code(op.withdraw_disclosure(root, second.id, "encore").await), "state.wrong");
    // Who is no longer an administrator reads no more.
    let third = op.ask_disclosure(root, ask()).await.unwrap();
    op.decide_disclosure(&chloe, third.id, true, "oui").await.unwrap();
    op.disclosed_folders(&chloe, third.id).await.unwrap();
    h.sql("UPDATE roles SET ended = 5 WHERE granted_by = 'root'").await;
    assert_eq!(code(op.disclosed_folders(&chloe, third.id).await), "right.missing");
}

async fn a_closed_bal_has_nothing_to_disclose(h: House) {
    let (asked, chloe) = asked(&h).await;
    let (op, root) = (&h.0.op, &h.0.admin);
    op.decide_disclosure(&chloe, asked.id, true, "oui").await.unwrap();
    h.sql("UPDATE bals SET state = 'blocked' WHERE address LIKE 'anne.martin%'").await;
    op.disclosed_folders(root, asked.id).await.unwrap();
    h.sql("UPDATE bals SET state = 'closed' WHERE address LIKE 'anne.martin%'").await;
    assert_eq!(code(op.disclosed_folders(root, asked.id).await), "state.wrong");
    assert_eq!(code(op.open_disclosed(root, asked.id, 1).await), "state.wrong");
    assert_eq!(code(op.ask_disclosure(root, ask()).await), "state.wrong");
}

async fn what_is_asked_for_is_checked(h: House) {
    let (op, root) = (&h.0.op, &h.0.admin);
    for new in [
        NewDisclosure { cause: "curiosité".into(), ..ask() },
        NewDisclosure { days: 0, ..ask() },
        NewDisclosure { days: 31, ..ask() },
        NewDisclosure { reason: "a\nb".into(), ..ask() },
        NewDisclosure { beneficiary: " ".into(), ..ask() },
        // What turns the writing around it.
        NewDisclosure { reason: "a\u{202e}b".into(), ..ask() },
        NewDisclosure { beneficiary: "a\u{202e}b".into(), ..ask() },
    ] {
        assert_eq!(code(op.ask_disclosure(root, new).await), "admin.invalid");
    }
    let nowhere = NewDisclosure { bal: "personne@alpha.mssante.fr".into(), ..ask() };
    assert_eq!(code(op.ask_disclosure(root, nowhere.clone()).await), "admin.not_found");
    let anne = h.actor("anne").await;
    assert_eq!(code(op.ask_disclosure(&anne, nowhere).await), "right.missing");
    assert_eq!(code(op.ask_disclosure(&anne, ask()).await), "right.missing");
    assert_eq!(h.0.count("disclosures").await, 0);
}
