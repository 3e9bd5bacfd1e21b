//! Steps at once, steps cut short, addresses given again.
use crate::openings::{House, number, of_hospital};
use sceau_domain::BalKind;
use sceau_domain::opening::State;
use sceau_operator::accounts::NewBal;
use sceau_operator::care::fsck::{Options, fsck as look};
use sceau_store::care::Progress;
use sceau_store::params;
use sceau_testkit::pki::DAY;
use sceau_testkit::world::code;

each_engine!(
    of_two_administrators_at_once_one_verifies,
    what_a_crash_cut_short_goes_on,
    an_address_is_not_given_again_while_it_is_kept,
    one_request_for_an_address,
);

async fn of_two_administrators_at_once_one_verifies(h: House) {
    let asked = h.ask("chef", of_hospital("accueil", BalKind::Org, &["anne"])).await;
    let (chef, id) = (h.actor("chef").await, number(&asked.id));
    let (a, b) = tokio::join!(h.0.op.verify_opening(&h.0.admin, id, None), h.0.op.verify_opening(&chef, id, None));
    let (done, refused) = if a.is_ok() { (a, b) } else { (b, a) };
    let refused = code(refused);
    assert!(["state.wrong", "edit.conflict"].contains(&refused), "{refused}");
    assert_eq!(done.unwrap().state, State::Opened);
    let view = h.0.op.opening(&h.0.admin, id).await.unwrap();
    assert_eq!(view.steps.len(), 3);
    assert_eq!(
        (h.0.traces("opening.verified").await.len(), view.bal.unwrap().access.len()),
        (6, 1),
        "five of the world and this one"
    );
}

async fn what_a_crash_cut_short_goes_on(h: House) {
    h.undecided(&["zoe"]).await;
    let view = h.0.op.add_bal(&h.0.admin, of_hospital("zoe.durand", BalKind::Per, &["zoe"])).await.unwrap();
    let id = number(&view.id);
    // The agreement is committed, the key is made, and the process ends before the BAL is.
    sceau_testkit::accepted(&h.0.store, "zoe").await;
    let bal = h
        .write(move |tx| tx.query_opt("SELECT bal_id FROM openings WHERE id = $1", params![id])?.unwrap().int(0))
        .await;
    h.0.store.vault().create_bal_key(bal).await.unwrap();
    assert!(h.row("zoe.durand@alpha.mssante.fr").await.is_none());

    let op = h.0.restarted().await;
    let (a, b) = tokio::join!(op.housekeeping(), h.0.op.housekeeping());
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    assert_eq!(h.state(&view.id).await, State::Opened);
    let row = h.row("zoe.durand@alpha.mssante.fr").await.unwrap();
    assert_eq!(row.id, bal, "under the key that was made");
    let anne = h.0.actor("anne", "anne.martin@alpha.mssante.fr").await;
    let letter = sceau_testkit::world::letter("anne.martin@alpha.mssante.fr", "bienvenue");
    h.0.submit(&anne, "anne.martin@alpha.mssante.fr", &["zoe.durand@alpha.mssante.fr"], &letter).await.unwrap();
    assert_eq!(h.0.inbox("zoe", "zoe.durand@alpha.mssante.fr").await.len(), 1);
    assert_eq!(h.0.op.opening(&h.0.admin, id).await.unwrap().steps.len(), 3);
}

async fn an_address_is_not_given_again_while_it_is_kept(h: House) {
    h.people(&["zoe"]).await;
    let again = || NewBal { structure: None, ..of_hospital("bruno.petit", BalKind::Per, &["zoe"]) };
    assert_eq!(code(h.0.op.add_bal(&h.0.admin, again()).await), "admin.exists", "somebody has it");
    let old = h.row("bruno.petit@alpha.mssante.fr").await.unwrap();
    let now = h.0.store.clock().now().0;
    for (until, given) in [(None, false), (Some(now + DAY), false), (Some(now), true)] {
        let sql = "UPDATE bals SET state = 'closed', tombstone_until = CAST($2 AS BIGINT) WHERE id = $1";
        h.write(move |tx| tx.execute(sql, params![old.id, until])).await;
        if given {
            // Its time is over, and a hold keeps the traces that name it: whoever had it next would be taken for the first one.
            let subject = sceau_operator::holds::HoldSubject::Person("bruno".into());
            let hold = h.0.op.place_hold(&h.0.admin, &subject, "conservation", "TJ").await.unwrap();
            assert_eq!(code(h.0.op.add_bal(&h.0.admin, again()).await), "admin.exists", "held");
            h.0.op.lift_hold(&h.0.admin, hold.id.parse().unwrap(), "mainlevée").await.unwrap();
            // So does one that is being placed at that moment.
            let hold = sceau_store::holds::Hold::new(1, ("bal", old.id), "conservation", "TJ", 0, "root");
            let meanwhile = h.0.store.while_a_hold_is_placed(hold, h.0.op.add_bal(&h.0.admin, again())).await;
            assert_eq!(code(meanwhile), "admin.exists", "held meanwhile");
            h.0.op.lift_hold(&h.0.admin, 1, "mainlevée").await.unwrap();
        }
        let asked = h.0.op.add_bal(&h.0.admin, again()).await;
        if given {
            assert_eq!(asked.unwrap().state, State::Opened);
        } else {
            assert_eq!(code(asked), "admin.exists", "{until:?}");
        }
    }
    let new = h.row("bruno.petit@alpha.mssante.fr").await.unwrap();
    assert!(new.id != old.id && new.state == "active");
    // The new one has nothing of the old one, which is no longer listed but kept.
    assert_eq!(h.0.op.bal(&h.0.admin, "bruno.petit@alpha.mssante.fr").await.unwrap().access[0].0, "zoe");
    let listed = h.0.op.bals(&h.0.admin, Default::default(), None, 100).await.unwrap();
    assert_eq!(listed.iter().filter(|b| b.address.starts_with("bruno.petit")).count(), 1);
    assert_eq!(h.0.count("bals").await, 6);
    let options = Options { blobs: true, content: true, repair: false };
    let report = look(&h.0.store, options, &Progress::default()).await.unwrap();
    assert_eq!(report.findings.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), [""; 0]);
}

async fn one_request_for_an_address(h: House) {
    let first = h.ask("chef", of_hospital("accueil", BalKind::Org, &["anne"])).await;
    let taken = h.0.op.add_bal(&h.0.admin, of_hospital("Accueil", BalKind::Org, &["bruno"])).await;
    assert_eq!(code(taken), "admin.exists");
    h.0.op.cancel_opening(&h.0.admin, number(&first.id)).await.unwrap();
    let (a, b) = tokio::join!(
        h.0.op.add_bal(&h.0.admin, of_hospital("accueil", BalKind::Org, &["anne"])),
        h.0.op.add_bal(&h.0.admin, of_hospital("accueil", BalKind::Org, &["bruno"])),
    );
    let (opened, refused) = if a.is_ok() { (a, b) } else { (b, a) };
    assert_eq!((opened.unwrap().state, code(refused)), (State::Opened, "admin.exists"));
}
