//! A transaction that asks each question once, on both engines.
use sceau_store::accounts::{self, Domain};
use sceau_store::{StoreError, Tx, part, remembering, roles, testing};

fn is_there(tx: &mut dyn Tx, name: &str) -> Result<bool, StoreError> {
    Ok(accounts::domain_by_name(tx, name)?.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_asked_again_when_it_may_have_changed_and_not_before() {
    for s in [testing::sqlite().await, testing::postgres().await] {
        let ids = [s.new_id(), s.new_id()];
        let domain = move |i: usize| Domain { id: ids[i], name: format!("d{i}"), kind: "Health".into(), created: 1 };
        let before = s.statements().1;
        let act = move |tx: &mut dyn Tx| {
            remembering(tx, |tx| {
                let mut seen = vec![is_there(tx, "d0")?, is_there(tx, "d0")?];
                accounts::insert_domain(tx, &domain(0))?;
                seen.extend([is_there(tx, "d0")?, is_there(tx, "d0")?]);
                // Taken back: what was seen within goes with it.
                let within = part(tx, |tx| {
                    accounts::insert_domain(tx, &domain(1))?;
                    assert!(is_there(tx, "d1")?);
                    Err::<(), _>(StoreError::Full)
                });
                assert_eq!(within, Err(StoreError::Full));
                seen.extend([is_there(tx, "d1")?, is_there(tx, "d0")?]);
                // Whoever waited for a lock looks anew.
                roles::lock_person(tx, 1)?;
                seen.extend([is_there(tx, "d0")?, is_there(tx, "d1")?]);
                Ok::<_, StoreError>(seen)
            })
        };
        assert_eq!(s.write(act).await.unwrap(), [false, false, true, true, false, true, true, false]);
        // One, a write and one; a part of five, two looks; a lock and two looks.
        assert_eq!(s.statements().1 - before, 3 + 5 + 2 + 3);
    }
}
