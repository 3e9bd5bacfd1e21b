//! The doors of content: no administrative role enters a BAL that it administers, by IMAP or by submission.
use super::plain;
use super::world::{Template, session};
use sceau_domain::rights::Role;
use sceau_operator::{BalRef, Door, Origin};
use sceau_store::{StoreError, accounts};

fn origin(door: Door) -> Origin {
    let remote = Some([192, 0, 2, 9].into());
    Origin { door, remote, session: "essai".into(), tls: Some("TLSv1.3".into()), once: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_administrative_role_enters_a_bal() {
    let template = Template::new().await;
    let world = template.world(&plain).await;
    let (op, bal) = (&world.op, template.places[0].bal.clone());
    let root = session(template.askers[0].id, "root");
    let key = bal.clone();
    let found = world.store.read(move |tx| accounts::bal_by_address(tx, &key)).await;
    let row = found.unwrap_or_else(|e: StoreError| panic!("{e}")).unwrap();
    // The holder enters: the doors are open.
    let (_, secret) = op.create_token(&root, "anne", None, "essai", None).await.unwrap();
    let anne = op.login_token(&format!("anne*{bal}"), &secret, &origin(Door::Imap)).await.unwrap();
    assert!(!op.folders(&anne).await.unwrap().is_empty());
    let mut tries = tokio::task::JoinSet::new();
    for asker in template.askers.iter().filter(|a| a.role.is_some_and(Role::is_granted)) {
        // A token for the BAL is not made, one that is made does not open it.
        let said = op.create_token(&root, asker.login, Some(&bal), "essai", None).await;
        assert_eq!(said.unwrap_err().code.as_str(), "right.missing", "{}", asker.login);
        let (_, secret) = op.create_token(&root, asker.login, None, "essai", None).await.unwrap();
        for door in [Door::Imap, Door::Submission] {
            for login in [format!("{}*{bal}", asker.login), bal.clone(), asker.login.to_owned()] {
                let (op, secret) = (op.clone(), secret.clone());
                // Failures are slow: all of them wait together.
                tries.spawn(async move { (login.clone(), op.login_token(&login, &secret, &origin(door)).await) });
            }
        }
        // A session that claims the BAL all the same is refused by each act.
        let mut claimed = session(asker.id, asker.login);
        let address = row.address.parse().unwrap();
        let flags = sceau_domain::BalFlags { test: row.test, reachable: row.reachable };
        claimed.bal = Some(BalRef { address, flags, ..anne.bal.clone().unwrap() });
        for door in [Door::Imap, Door::Submission] {
            claimed.origin = origin(door);
            assert_eq!(op.folders(&claimed).await.unwrap_err().code.as_str(), "right.missing", "{}", asker.login);
            assert!(op.open_folder(&claimed, "INBOX", true).await.is_err());
            assert!(op.summaries(&claimed, &[1]).await.is_err());
            let mut intake = op.intake(1 << 20);
            intake.push(b"From: x\r\n\r\nBonjour\r\n").unwrap();
            let envelope = sceau_testkit::world::envelope(&bal, &[&bal]);
            assert!(op.submit(&claimed, envelope, intake.finish().unwrap()).await.is_err());
        }
    }
    while let Some(tried) = tries.join_next().await {
        let (login, said) = tried.unwrap();
        assert_eq!(said.unwrap_err().code.as_str(), "login.failed", "{login}");
    }
}
