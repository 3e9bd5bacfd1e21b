//! Searching, over a real store.
use super::{House, flags, on_both, seated};
use crate::Actor;
use crate::mailbox::entries::{FlagChange, Flags};
use crate::mailbox::search::Query;
use sceau_store::{StoreError, params};

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

on_both!(a_long_folder_is_judged_by_pages_whatever_its_messages_are, what_was_allowed_a_moment_ago_is_believed);

async fn a_long_folder_is_judged_by_pages_whatever_its_messages_are(h: House) {
    // More than a page; each tenth message is too long for its row, so that it stands in an object.
    let count: u32 = 70;
    for n in 1..=count {
        let mut x = u64::from(n);
        let noise = |_| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{:016x}\r\n", x ^ (x >> 29))
        };
        let filler: String = if n % 10 == 0 { (0..3_000).map(noise).collect() } else { String::new() };
        let text = format!(
            "Subject: {} {n}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{filler}Numéro «{n}».\r\n",
            if n % 2 == 0 { "pair" } else { "impair" }
        );
        h.file("INBOX", &text).await;
    }
    // Two entries of one message stand in one folder.
    let inbox = h.open("INBOX").await.folder.id;
    h.operator.copy(&h.actor, inbox, &[69, 70], "INBOX").await.unwrap();
    let entries = h.open("INBOX").await.entries;
    let body = |t: &str| Query::Body(t.to_owned());
    let not = |q| Query::Not(Box::new(q));
    let subject = |t: &str| Query::Subject(t.to_owned());
    let all: Vec<u32> = (1..=count + 2).collect();
    let find = async |query: Query| h.operator.search(&h.actor, &entries, &query).await.unwrap();
    assert_eq!(find(body("numÉro «")).await, all);
    assert_eq!(find(body("«70»")).await, [70, 72]);
    assert_eq!(find(not(body("«69»"))).await, [&all[..68], &[70, 72][..]].concat());
    assert_eq!(find(Query::Text("impair 69".into())).await, [69, 71]);
    // The header decides first, and the bodies of what it leaves are read one by one.
    assert_eq!(find(Query::And(vec![body("«6"), subject("impair")])).await, [61, 63, 65, 67, 69, 71]);
    assert_eq!(find(Query::Or(Box::new(subject("IMPAIR 7")), Box::new(body("«20»")))).await, [7, 20]);
    // One whose content is lost is found by its header, one whose summary is damaged by nothing but its entry; the others go on.
    let (lost, damaged) = (entries[19].message, entries[20].message);
    let damage = h.store.write::<_, StoreError, _>(move |tx| {
        tx.execute("DELETE FROM blobs WHERE id = (SELECT blob_id FROM messages WHERE id = $1)", params![lost])?;
        tx.execute("UPDATE messages SET summary = $2 WHERE id = $1", params![damaged, b"junk".as_slice()])
    });
    damage.await.unwrap();
    assert_eq!(find(body("«2")).await, [2, 22, 23, 24, 25, 26, 27, 28, 29]);
    assert_eq!(find(subject("pair 2")).await, [2, 20, 22, 23, 24, 25, 26, 27, 28, 29]);
    assert_eq!(find(Query::And(vec![subject("pair 20"), not(body("«20»"))])).await, [20]);
    assert_eq!(find(Query::Uids([(20, 22)].into())).await, [20, 21, 22]);
}

/// What flags decide is asked of what the session was told; rights that were judged within the second are not judged again, unless some were taken away.
async fn what_was_allowed_a_moment_ago_is_believed(h: House) {
    h.file("INBOX", "Subject: un\r\n\r\nx").await;
    let entries = h.open("INBOX").await.entries;
    let (token, bal) = (7, h.bal_id());
    let sits = |rights| Actor { credential: Some(token), ..seated(&h.actor, rights) };
    let guard = &h.operator.0.guard;
    let unseen = Query::Not(Box::new(Query::Flag(Flags::SEEN)));
    let asked = async |rights: i64| {
        let before = h.store.statements().0;
        assert_eq!(h.operator.search(&sits(rights), &entries, &unseen).await.unwrap(), [1]);
        h.store.statements().0 - before
    };
    assert!(asked(15).await > 0, "nothing was judged yet");
    guard.allowed(token, bal, h.operator.now(), guard.rights_version());
    assert_eq!(asked(15).await, 0);
    assert!(asked(0).await > 0, "a seat that does not say that it reads");
    guard.forget_rights(None);
    assert!(asked(15).await > 0, "rights were taken away");
}

on_both!(an_order_and_conversations_are_those_of_what_is_there);

async fn an_order_and_conversations_are_those_of_what_is_there(h: House) {
    use crate::mailbox::search::{Algorithm, SortBy, SortKey, Token};
    let date = |hour: usize| format!("Date: 1 Jan 2026 {:02}:{:02}:00 +0000\r\n", hour / 60, hour % 60);
    // More than a page, filed in an order that is none of those asked for.
    let count = 120;
    for n in 0..count {
        let turned = (n * 77) % count;
        let refers = if turned % 2 == 0 { String::new() } else { format!("References: <{}@x>\r\n", turned - 1) };
        let text = format!(
            "Subject: {} {turned:03}\r\nFrom: Nom {:03} <a@x>\r\nMessage-ID: <{turned}@x>\r\n{}{refers}\r\nBonjour",
            if n % 3 == 0 { "Re: sujet" } else { "SUJET" },
            999 - turned,
            date(turned),
        );
        h.file("INBOX", &text).await;
    }
    let open = h.open("INBOX").await;
    let by = |key, reverse| SortBy { key, reverse };
    let number = |uid: &u32| ((*uid as usize - 1) * 77) % count;
    for (criteria, up) in [
        (vec![by(SortKey::Subject, false)], true),
        (vec![by(SortKey::Date, true)], false),
        (vec![by(SortKey::To, false), by(SortKey::DisplayFrom, false)], false),
        (vec![by(SortKey::From, true), by(SortKey::DisplayFrom, true)], true),
    ] {
        let found = h.operator.sort(&h.actor, &open.entries, &Query::All, &criteria).await.unwrap();
        let mut numbers: Vec<usize> = found.iter().map(number).collect();
        if !up {
            numbers.reverse();
        }
        assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "{criteria:?}");
    }
    let query = Query::Uids([(1, 10), (20, 20)].into());
    let found = h.operator.sort(&h.actor, &open.entries, &query, &[by(SortKey::Arrival, true)]).await.unwrap();
    assert_eq!(found.len(), 11);
    let threads = h.operator.threads(&h.actor, &open.entries, &Query::All, Algorithm::References).await.unwrap();
    assert_eq!(threads.len(), count / 2);
    let heads: Vec<usize> = threads
        .tokens()
        .scan(Token::Close, |before, token| {
            let head = (*before == Token::Open).then_some(token);
            *before = token;
            Some(head)
        })
        .filter_map(|head| if let Some(Token::Number(uid)) = head { Some(number(&uid)) } else { None })
        .collect();
    assert_eq!(heads, (0..count).step_by(2).collect::<Vec<_>>());
    // Of what is gone the entry alone is known.
    let deleted = flags(Flags::DELETED, &[]);
    let uid = open.entries.iter().map(|e| e.uid).find(|uid| number(uid) == 5).unwrap();
    h.operator.change_flags(&h.actor, open.folder.id, &[uid], FlagChange::Add, deleted, None).await.unwrap();
    h.operator.expunge(&h.actor, open.folder.id, None).await.unwrap();
    let found = h.operator.sort(&h.actor, &open.entries, &Query::All, &[by(SortKey::Subject, false)]).await.unwrap();
    assert_eq!((found.len(), found[0]), (count, uid));
}
