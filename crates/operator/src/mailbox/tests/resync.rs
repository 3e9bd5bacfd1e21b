//! What left a folder since a client last saw it, while the journal reaches back so far and when it does not any more.
use super::{House, on_both};
use crate::mailbox::entries::{FlagChange, FlagSet, Flags};
use crate::mailbox::resync::Gone;
use sceau_domain::RefusalCode;
use sceau_store::{StoreError, journal};

on_both!(what_is_gone_is_told_exactly_or_wholly);

async fn remove(house: &House, folder: i64, uids: &[u32]) {
    let deleted = FlagSet::of(Flags::DELETED);
    house.operator.change_flags(&house.actor, folder, uids, FlagChange::Add, deleted, None).await.unwrap();
    house.operator.expunge(&house.actor, folder, Some(uids)).await.unwrap();
}

async fn what_is_gone_is_told_exactly_or_wholly(house: House) {
    for n in 0..8 {
        house.file("INBOX", &format!("Subject: {n}\r\n\r\n")).await;
    }
    let inbox = house.open("INBOX").await.folder;
    remove(&house, inbox.id, &[2]).await;
    let known = house.open("INBOX").await.folder.modseq;
    remove(&house, inbox.id, &[4, 5, 8]).await;
    let now = house.open("INBOX").await.folder.modseq;
    let gone = async |since| house.operator.gone_since(&house.actor, inbox.id, since).await.unwrap();
    let said = |runs: &[(u32, u32)], exact| Gone { runs: runs.to_vec(), exact };
    assert_eq!(gone(known).await, said(&[(4, 5), (8, 8)], true));
    assert_eq!(gone(now).await, said(&[], true));
    assert_eq!(gone(0).await, said(&[(2, 2), (4, 5), (8, 8)], true));
    // A state that this folder never had says nothing.
    assert_eq!(gone(now + 1).await, gone(0).await);
    assert_eq!(gone(u64::MAX).await, gone(0).await);
    // The journal forgets: every UID that was given and is not there.
    house.store.clock.advance_ms(3 * 3_600_000);
    let before = house.store.clock().now().0;
    house.store.write::<_, StoreError, _>(move |tx| journal::prune(tx, before, 1000)).await.unwrap();
    assert_eq!(gone(known).await, said(&[(2, 2), (4, 5), (8, 8)], false));
    assert_eq!(gone(now).await, said(&[], true));
    remove(&house, inbox.id, &[1]).await;
    assert_eq!(gone(now).await, said(&[(1, 1)], true));
    // Somebody else's folder is unknown, as one that is not.
    let other = house.neighbour(1 << 20).await;
    for id in [inbox.id, 1] {
        let refused = house.operator.gone_since(&other, id, 0).await.unwrap_err();
        assert_eq!(refused.code, RefusalCode::FolderUnknown);
    }
}
