//! Who is gone, as far as what is kept of people goes: whose last access is over, in fact or by its plan, or whose last BAL is known to be closed; who
//! waits for no new one. And what the log still needs stays.
use sceau_store::access::{self, NewAccess};
use sceau_store::accounts::{self, Bal, Domain, Person};
use sceau_store::testing::TestStore;
use sceau_store::{Id, StoreError, Tx, aged, params};
use std::collections::BTreeSet;

on_both_engines!(what_is_kept_of_people_goes_with_their_last_access);

const OLD: i64 = 5;
/// What was over before this instant goes.
const BEFORE: i64 = 100;
const LATE: i64 = 150;

/// When the access is to end, when it was ended; when the BAL was closed (`Some(None)`: nobody wrote it down); what else is true of the person ($1);
/// and whether contacts and acceptances go.
struct Case(&'static str, [Option<i64>; 2], Option<Option<i64>>, &'static [&'static str], [bool; 2]);

const ASKED: &str = "INSERT INTO openings (id, kind, address_key, state, request, asked_by, at, changed, version) \
                     VALUES ($1, 'open', 'neuf@sceau.example', 'verified', '{}', '', 5, 5, 1)";
const REFUSED: &str = "INSERT INTO openings (id, kind, address_key, state, request, asked_by, at, changed, version) \
                       VALUES ($1, 'open', 'rien@sceau.example', 'refused', '{}', '', 5, 5, 1)";
const WAITED: &str = "INSERT INTO opening_people (opening_id, person_id) VALUES ($1, $1)";
const ACT: &str = "INSERT INTO traces (id, kind, act, at, actor, outcome, data) SELECT p.id, 'Functional', 'mail.filed', 5, p.login, 'ok', '{}' \
                   FROM people p WHERE p.id = $1";
const AUTOMATIC: &str = "INSERT INTO traces (id, kind, act, at, actor, outcome, data) SELECT p.id, 'Technical', 'mail.filed', 5, p.login, 'ok', '{}' \
                         FROM people p WHERE p.id = $1";
const CERTIFIED: &str = "UPDATE people SET identity = 'card', identity_at = 150 WHERE id = $1";
const VERIFIED: &str = "UPDATE people SET email_verified = 150 WHERE id = $1";

const CASES: [Case; 16] = [
    Case("has an access", [None, None], None, &[], [false, false]),
    Case("had one", [None, Some(OLD)], None, &[], [true, true]),
    Case("had one until lately", [None, Some(LATE)], None, &[], [false, false]),
    Case("had one for a time that is over", [Some(OLD), None], None, &[], [true, true]),
    Case("had one for a time that was over lately", [Some(LATE), None], None, &[], [false, false]),
    Case("had one whose plan was longer", [Some(LATE), Some(OLD)], None, &[], [true, true]),
    Case("has a closed BAL", [None, None], Some(Some(OLD)), &[], [true, true]),
    Case("has a closed BAL, for a time", [Some(LATE), None], Some(Some(OLD)), &[], [true, true]),
    Case("has a BAL that was closed lately", [None, None], Some(Some(LATE)), &[], [false, false]),
    Case("has a BAL of which nobody knows when it was closed", [None, None], Some(None), &[], [false, false]),
    Case("is waited for", [None, Some(OLD)], None, &[ASKED, WAITED], [false, false]),
    Case("was refused", [None, Some(OLD)], None, &[REFUSED, WAITED], [true, true]),
    Case("was certified since", [None, Some(OLD)], None, &[CERTIFIED], [false, true]),
    Case("answered since", [None, Some(OLD)], None, &[VERIFIED], [false, true]),
    Case("did what the log still tells", [None, Some(OLD)], None, &[ACT], [true, false]),
    Case("is named in what went by itself", [None, Some(OLD)], None, &[AUTOMATIC], [true, true]),
];

fn write(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let domain = Domain { id: 1, name: "sceau.example".into(), kind: "Production".into(), created: OLD };
    accounts::insert_domain(tx, &domain)?;
    tx.execute(
        "INSERT INTO terms (id, version, text_fr, text_en, digest, changes_fr, changes_en, from_at, published, published_by) \
         VALUES (1, 'essai', '', '', $1, '', '', 0, 0, 'root')",
        params![vec![0_u8; 32]],
    )?;
    for (id, Case(_, [ends, ended], closed, also, _)) in (1_i64..).zip(&CASES) {
        let (login, address) = (format!("p{id}"), format!("b{id}@sceau.example"));
        accounts::insert_person(tx, &Person::new(id, &login, &login, OLD))?;
        tx.execute("UPDATE people SET email = 'a@exemple.fr' WHERE id = $1", params![id])?;
        let accepted = "INSERT INTO acceptances (person_id, terms_id, at, door, factors, digest) VALUES ($1, 1, $2, 'api', 'token', $3)";
        tx.execute(accepted, params![id, OLD, vec![0_u8; 32]])?;
        accounts::insert_bal(tx, &Bal::new(id, (&address, &address), 1, "Org", OLD))?;
        access::grant(tx, &NewAccess { ends: *ends, ..NewAccess::now(id, id, "member", 7, 1, "root") })?;
        if let Some(at) = ended {
            access::end(tx, id, id, *at, "root")?;
        }
        if let Some(at) = closed {
            tx.execute("UPDATE bals SET state = 'closed' WHERE id = $1", params![id])?;
            if let Some(at) = at {
                let step = "INSERT INTO life (id, subject, subject_id, at, was, became, by_whom) VALUES ($1, 'bal', $1, $2, 'closing', 'closed', 'root')";
                tx.execute(step, params![id, *at])?;
            }
        }
        for sql in *also {
            tx.execute(sql, params![id])?;
        }
    }
    Ok(())
}

async fn what_is_kept_of_people_goes_with_their_last_access(s: TestStore) {
    let seen = s.write(|tx| {
        write(tx)?;
        let contacts: BTreeSet<Id> = aged::people(tx, BEFORE, 100)?.into_iter().map(|(id, _)| id).collect();
        let acceptances: BTreeSet<Id> = aged::drop_acceptances(tx, BEFORE, 100)?.0.into_iter().collect();
        Ok::<_, StoreError>([contacts, acceptances])
    });
    let seen = seen.await.unwrap();
    for (id, Case(who, .., goes)) in (1..).zip(&CASES) {
        assert_eq!([0, 1].map(|i: usize| seen[i].contains(&id)), *goes, "contacts and acceptances of who {who}");
    }
}
