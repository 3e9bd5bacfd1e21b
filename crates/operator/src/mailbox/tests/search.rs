//! Searching, over a real store.
use super::{House, flags, on_both};
use crate::mailbox::entries::{FlagChange, Flags};
use crate::mailbox::search::Query;

on_both!(words_are_found_where_they_stand);

async fn words_are_found_where_they_stand(h: House) {
    let filler = "une ligne sans rien de particulier, assez longue pour remplir\r\n".repeat(3000);
    let long = format!(
        "Subject: long\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{filler}La kétamine est là.\r\n{filler}"
    );
    let attached = "Subject: =?utf-8?Q?R=C3=A9sultats?=\r\nFrom: Lab <lab@a.example>\r\nDate: Mon, 2 Feb 2026 10:00:00 +0100\r\n\
Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n\
Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>H=C3=A9moglo<i>bine</i> &eacute;lev&eacute;e</p>\r\n--x\r\n\
Content-Type: application/octet-stream\r\n\r\nleucocytes\r\n--x--\r\n";
    let cut = format!("Subject: cut\r\n\r\n{}aiguille", "x".repeat((64 << 10) - 4));
    for text in [long.as_str(), attached, cut.as_str(), "Subject: plain\r\n\r\nBonjour"] {
        h.file("INBOX", text).await;
    }
    let inbox = h.open("INBOX").await.folder.id;
    let seen = flags(Flags::SEEN, &["Lu"]);
    h.operator.change_flags(&h.actor, inbox, &[2, 4], FlagChange::Add, seen, None).await.unwrap();
    let entries = h.open("INBOX").await.entries;
    let text = |t: &str| Query::Text(t.to_owned());
    let body = |t: &str| Query::Body(t.to_owned());
    let not = |q| Query::Not(Box::new(q));
    let day = |d: i64| sceau_domain::Timestamp((20_485 + d) * 86_400_000); // 2026-02-01 + d
    for (query, uids) in [
        (Query::All, vec![1, 2, 3, 4]),
        (body("KÉTAMINE EST LÀ"), vec![1]),
        (body("ligne"), vec![1]),
        (body("aiguille"), vec![3]),
        (body("hémoglobine élevée"), vec![2]),
        (body("leucocytes"), vec![]),
        (body("Résultats"), vec![]),
        (text("résultats"), vec![2]),
        (Query::Subject("L".into()), vec![1, 2, 4]),
        (Query::From("LAB@A".into()), vec![2]),
        (not(body("bonjour")), vec![1, 2, 3]),
        (Query::And(vec![text("o"), Query::Flag(Flags::SEEN)]), vec![2, 4]),
        (Query::And(vec![Query::Keyword("lu".into()), not(body("bonjour"))]), vec![2]),
        (Query::Or(Box::new(body("bonjour")), Box::new(Query::Larger(70_000))), vec![1, 4]),
        (Query::SentSince(day(1)), vec![2]),
        (Query::SentBefore(day(1)), vec![]),
        (Query::SentBefore(day(2)), vec![2]),
        (Query::Header("content-type".into(), String::new()), vec![1, 2]),
    ] {
        let found = h.operator.search(&h.actor, &entries, &query).await.unwrap();
        assert_eq!(found, uids, "{query:?}");
    }
    // What is gone is not found by its content.
    let deleted = flags(Flags::DELETED, &[]);
    h.operator.change_flags(&h.actor, inbox, &[4], FlagChange::Add, deleted, None).await.unwrap();
    h.operator.expunge(&h.actor, inbox, None).await.unwrap();
    assert!(h.operator.search(&h.actor, &entries, &body("bonjour")).await.unwrap().is_empty());
}
