//! Rules, applied once.
use super::{ANNE, House, SERVICE};
use crate::mail::submission::{take, whole};
use sceau_domain::rule::{Act, Condition, Rule};
use sceau_operator::Actor;
use sceau_operator::mailbox::entries::Flags;
use sceau_testkit::world::*;

const PAUL: &str = "paul@beta.mssante.fr";

each_engine!(
    what_comes_is_filed_once,
    rules_are_for_who_manages,
    what_cannot_be_done_is_told,
    a_rule_gives_conversations,
    what_is_sent_on_stays_in_the_trust_space,
);

fn rule(word: &str, then: Vec<Act>) -> Rule {
    Rule {
        name: "essai secretregle".into(),
        any: false,
        when: vec![Condition::Subject(word.into())],
        then,
        stop: false,
    }
}

impl House {
    async fn comes(&self, to: &str, subject: &str) {
        self.0.hand_over(BETA, PAUL, &[to], &letter(PAUL, subject)).await.unwrap();
        self.0.op.run_due_jobs().await.unwrap();
    }
    async fn count_in(&self, actor: &Actor, folder: &str) -> usize {
        self.0.op.open_folder(actor, folder, true).await.unwrap().entries.len()
    }
}

async fn what_comes_is_filed_once(h: House) {
    let w = &h.0;
    let anne = w.actor("anne", ANNE).await;
    let folder = w.op.create_folder(&anne, "Labo", None).await.unwrap().id;
    h.comes(ANNE, "labo-avant").await;
    let acts = vec![Act::Move(folder), Act::Flag, Act::Label("labo".into())];
    let made = rule("labo", acts);
    assert_eq!(w.op.try_rule(&anne, &made).await.unwrap().len(), 1, "what is there");
    w.op.set_rule(&anne, None, 0, made, true).await.unwrap();
    assert!(!w.on_disk("secretregle"), "sealed");
    h.comes(ANNE, "labo-apres").await;
    h.comes(ANNE, "autre").await;
    assert_eq!(
        (h.count_in(&anne, "INBOX").await, h.count_in(&anne, "Labo").await),
        (2, 1),
        "not what was there before"
    );
    let filed = w.op.open_folder(&anne, "Labo", true).await.unwrap().entries;
    assert!(filed[0].flags.system.has(Flags::FLAGGED));
    assert!(filed[0].flags.keywords.iter().any(|k| k == "labo"));
    assert_eq!(w.traces("rule.applied").await.len(), 1);
    // Whoever takes it back keeps it.
    w.op.move_entries(&anne, folder, &[filed[0].uid], "INBOX").await.unwrap();
    h.comes(ANNE, "encore-autre").await;
    assert_eq!((h.count_in(&anne, "INBOX").await, h.count_in(&anne, "Labo").await), (4, 0));
}

async fn rules_are_for_who_manages(h: House) {
    let w = &h.0;
    let (anne, bruno) = (w.actor("anne", SERVICE).await, w.actor("bruno", SERVICE).await);
    assert_eq!(code(w.op.rules(&bruno).await), "right.missing");
    assert_eq!(code(w.op.set_rule(&bruno, None, 0, rule("x1", vec![Act::Flag]), true).await), "right.missing");
    let first = w.op.set_rule(&anne, None, 0, rule("premier", vec![Act::Flag]), true).await.unwrap();
    w.advance(1);
    let second = w.op.set_rule(&anne, None, 0, rule("second", vec![Act::Seen]), false).await.unwrap();
    let ids = |rules: Vec<sceau_operator::desk::rules::RuleView>| rules.into_iter().map(|r| r.id).collect::<Vec<_>>();
    let found = w.op.rules(&anne).await.unwrap();
    let version = found[1].version;
    assert_eq!(ids(found), [first, second]);
    w.op.order_rule(&anne, second, version, true).await.unwrap();
    assert_eq!(ids(w.op.rules(&anne).await.unwrap()), [second, first]);
    assert_eq!(code(w.op.set_rule(&anne, Some(second), 1, rule("x2", vec![Act::Flag]), true).await), "edit.conflict");
    assert_eq!(code(w.op.set_rule(&anne, None, 0, rule("x3", vec![Act::Move(1)]), true).await), "folder.unknown");
    assert_eq!(code(w.op.set_rule(&anne, None, 0, rule("x4", vec![]), true).await), "admin.invalid");
    w.op.remove_rule(&anne, second, version).await.unwrap();
    assert_eq!(ids(w.op.rules(&anne).await.unwrap()), [first]);
    assert_eq!(w.traces("rule.changed").await.len(), 4);
}

async fn what_cannot_be_done_is_told(h: House) {
    let w = &h.0;
    let anne = w.actor("anne", ANNE).await;
    let folder = w.op.create_folder(&anne, "Bientôt parti", None).await.unwrap().id;
    w.op.set_rule(&anne, None, 0, rule("tri", vec![Act::Move(folder), Act::Flag]), true).await.unwrap();
    w.op.delete_folder(&anne, "Bientôt parti").await.unwrap();
    h.comes(ANNE, "tri-un").await;
    let told = w.op.rules(&anne).await.unwrap()[0].told.map(|c| c.as_str());
    assert_eq!(told, Some("folder.unknown"));
    let inbox = w.op.open_folder(&anne, "INBOX", true).await.unwrap().entries;
    assert!(inbox.len() == 1 && inbox[0].flags.system.has(Flags::FLAGGED), "the rest is done");
}

async fn a_rule_gives_conversations(h: House) {
    let w = &h.0;
    let anne = w.actor("anne", SERVICE).await;
    w.op.set_rule(&anne, None, 0, rule("urgent", vec![Act::Assign("bruno".into())]), true).await.unwrap();
    let own = w.actor("anne", ANNE).await;
    let alone = rule("urgent", vec![Act::Assign("anne".into())]);
    assert_eq!(code(w.op.set_rule(&own, None, 0, alone, true).await), "admin.invalid");
    h.comes(SERVICE, "urgent").await;
    let message = w.op.open_folder(&anne, "INBOX", true).await.unwrap().entries[0].message;
    let thread = w.op.conversation_of(&anne, message).await.unwrap();
    let with = w.op.assignments(&anne, &[thread]).await.unwrap().remove(&thread).unwrap();
    assert_eq!(with.login, "bruno");
}

async fn what_is_sent_on_stays_in_the_trust_space(h: House) {
    let w = &h.0;
    let anne = w.actor("anne", ANNE).await;
    let forward = |to: &str| rule("labo", vec![Act::Forward(to.into())]);
    for no in ["ailleurs@example.org", ANNE] {
        assert_eq!(code(w.op.set_rule(&anne, None, 0, forward(no), true).await), "rule.forward", "{no}");
    }
    w.op.set_rule(&anne, None, 0, forward("pia@beta.mssante.fr"), true).await.unwrap();
    w.hand_over(BETA, PAUL, &[ANNE], &letter(PAUL, "labo-un")).await.unwrap();
    w.op.run_due_jobs().await.unwrap();
    let mut out = take(w, "beta.mssante.fr").await;
    assert_eq!((out.from.as_ref().map(ToString::to_string).as_deref(), out.recipients.len()), (Some(ANNE), 1));
    let text = whole(&mut out).await;
    for part in [
        "Auto-Submitted: auto-forwarded\r\n",
        "Content-Type: message/rfc822\r\n",
        "Bonjour labo-un\r\n",
        "Fwd: labo-un",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // What a program sent by itself, a report, and what comes from where it would go.
    let automatic = letter(PAUL, "labo-deux").replace("Subject:", "Auto-Submitted: auto-replied\r\nSubject:");
    w.hand_over(BETA, PAUL, &[ANNE], &automatic).await.unwrap();
    w.hand_over(BETA, "", &[ANNE], &letter(PAUL, "labo-trois")).await.unwrap();
    let pia = "pia@beta.mssante.fr";
    w.hand_over(BETA, pia, &[ANNE], &letter(pia, "labo-quatre")).await.unwrap();
    w.op.run_due_jobs().await.unwrap();
    assert_eq!(w.count("queue_messages").await, 1, "the first alone");
    assert_eq!(w.op.rules(&anne).await.unwrap()[0].told, None, "no failure of the rule");
}
