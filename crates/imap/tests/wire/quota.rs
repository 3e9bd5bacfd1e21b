//! GETQUOTA, GETQUOTAROOT, DELETED-STORAGE (RFC 9208).
use crate::client::{Client, one};
use crate::world::World;
use sceau_store::StoreError;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const DESK: &str = "accueil@alpha.mssante.fr";

/// Used and limit of a resource.
fn resource(quota: &str, name: &str) -> (u64, u64) {
    let words: Vec<&str> = quota.split([' ', '(', ')']).collect();
    let at = words.iter().position(|w| *w == name).unwrap_or_else(|| panic!("{name} in {quota}"));
    (words[at + 1].parse().unwrap(), words[at + 2].parse().unwrap())
}

#[tokio::test]
async fn room_is_told_for_each_bal() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let caps = c.ok("CAPABILITY").await;
    assert!(
        caps[0].contains(" QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE") && !caps[0].contains("QUOTASET"),
        "{caps:?}"
    );
    let all = c.ok("GETQUOTAROOT Sent").await;
    assert_eq!(all[0], format!("* QUOTAROOT \"Sent\" \"{ANNE}\""));
    let quota = one(&all, &format!("* QUOTA \"{ANNE}\" (STORAGE 0 "));
    assert_eq!(resource(quota, "MESSAGE").0, 0);
    let (_, most) = resource(quota, "STORAGE");
    assert!(most > 0);
    c.letter("un").await;
    c.letter("deux").await;
    c.ok(&format!("COPY 1 \"Autres BAL/{DESK}/INBOX\"")).await;
    let quota = &c.ok(&format!("GETQUOTA {}", ANNE.to_uppercase())).await[0];
    assert_eq!((resource(quota, "STORAGE").1, resource(quota, "MESSAGE").0), (most, 2));
    assert!((1..4).contains(&resource(quota, "STORAGE").0), "{quota}");
    let other = c.ok(&format!("GETQUOTAROOT \"Autres BAL/{DESK}/INBOX\"")).await;
    assert_eq!(other[0], format!("* QUOTAROOT \"Autres BAL/{DESK}/INBOX\" \"{DESK}\""));
    assert_eq!(resource(&other[1], "MESSAGE").0, 1);
    assert_eq!(resource(&c.ok(&format!("GETQUOTA \"{DESK}\"")).await[0], "MESSAGE").0, 1);
    // A root of others is none.
    for root in ["bruno.petit@alpha.mssante.fr", "personne@alpha.mssante.fr", "\"\"", "INBOX"] {
        assert!(c.no(&format!("GETQUOTA {root}")).await.starts_with("NO [NONEXISTENT]"), "{root}");
    }
    assert!(c.no("GETQUOTAROOT Absent").await.starts_with("NO [NONEXISTENT]"));
    c.bad("GETQUOTA").await;
    c.bad("SETQUOTA \"\" (STORAGE 1)").await;
    let status = |all: &[String]| one(all, "* STATUS").to_owned();
    assert_eq!(
        status(&c.ok("STATUS INBOX (DELETED DELETED-STORAGE)").await),
        "* STATUS \"INBOX\" (DELETED 0 DELETED-STORAGE 0)"
    );
    c.ok("STORE 2 +FLAGS (\\Deleted)").await;
    let size = c.ok("FETCH 2 RFC822.SIZE").await[0].clone();
    let size = size.trim_end_matches(')').rsplit(' ').next().unwrap().to_owned();
    let told = status(&c.ok("STATUS INBOX (DELETED DELETED-STORAGE)").await);
    assert_eq!(told, format!("* STATUS \"INBOX\" (DELETED 1 DELETED-STORAGE {size})"));
    // Full: APPEND and COPY say so, wherever the destination is.
    let full = "UPDATE bals SET quota_bytes = used_bytes WHERE address_key = $1";
    let done = w.store.write(move |tx| tx.execute(full, sceau_store::params![DESK])).await;
    assert_eq!(done.map_err(|e: StoreError| e).unwrap(), 1);
    for command in ["COPY 1", "MOVE 1"] {
        let no = c.no(&format!("{command} \"Autres BAL/{DESK}/INBOX\"")).await;
        assert!(no.starts_with("NO [OVERQUOTA]"), "{no}");
    }
    assert_eq!(status(&c.ok("STATUS INBOX (MESSAGES)").await), "* STATUS \"INBOX\" (MESSAGES 2)");
}
