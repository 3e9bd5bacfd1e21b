//! The law of legal holds: a hold wins. Whoever and whatever hangs together, of the rows that outlived their retention exactly those go that no
//! standing hold covers; asked of worlds made by chance, beside a model that knows sets and no SQL.
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sceau_store::access::{self, NewAccess};
use sceau_store::accounts::{self, Bal, Domain, Person};
use sceau_store::aged::{self, Aged, Count};
use sceau_store::holds::{self, Hold};
use sceau_store::testing::TestStore;
use sceau_store::{Id, StoreError, Tx, params};
use std::collections::{BTreeSet, HashSet};

on_both_engines!(a_hold_wins);

/// Worlds of one run: nearly all that is wrong is wrong in small ones.
const WORLDS: usize = 60;
const OLD: i64 = 5;
const NOW: i64 = 100;
const PEOPLE: i64 = 3;
const STRUCTURES: i64 = 2;
const BALS: i64 = 3;

/// A request that came to nothing: structure, BAL, who asked, whose agreement it waited for, who else was named in it.
type Request = (Option<Id>, Option<Id>, Option<Id>, BTreeSet<Id>, Option<Id>);

/// Everything happened long ago and is over; ids begin at 1.
#[derive(Debug, Clone)]
struct World {
    /// The structure of each BAL.
    bals: Vec<Option<Id>>,
    /// Person, structure.
    worked: BTreeSet<(Id, Id)>,
    /// Person, BAL.
    read: BTreeSet<(Id, Id)>,
    requests: Vec<Request>,
    /// Subject, which one, whether it stands.
    holds: Vec<(&'static str, Id, bool)>,
}

fn world() -> impl Strategy<Value = World> {
    let one_of = |n: i64| 1..=n;
    let pairs = |n: i64| prop::collection::btree_set((1..=PEOPLE, 1..=n), 0..4);
    let maybe = |n: i64| prop::option::of(1..=n);
    let waited = prop::collection::btree_set(1..=PEOPLE, 0..3);
    let request = (maybe(STRUCTURES), maybe(BALS), maybe(PEOPLE), waited, maybe(PEOPLE));
    let subject = prop_oneof![
        1 => Just(("operator", 0)),
        4 => one_of(STRUCTURES).prop_map(|id| ("structure", id)),
        4 => one_of(PEOPLE).prop_map(|id| ("person", id)),
        4 => one_of(BALS).prop_map(|id| ("bal", id)),
    ];
    let hold = (subject, prop::bool::weighted(0.8)).prop_map(|((subject, id), stands)| (subject, id, stands));
    let holds = prop::collection::vec(hold, 0..3);
    let bals = prop::collection::vec(maybe(STRUCTURES), BALS as usize);
    (bals, pairs(STRUCTURES), pairs(BALS), prop::collection::vec(request, 0..4), holds)
        .prop_map(|(bals, worked, read, requests, holds)| World { bals, worked, read, requests, holds })
}

/// What holds cover, said once more.
impl World {
    fn stands(&self, subject: &str, id: Id) -> bool {
        self.holds.iter().any(|(s, i, stands)| *stands && *s == subject && *i == id)
    }
    fn everything(&self) -> bool {
        self.stands("operator", 0)
    }
    /// A hold on the BAL or on its structure.
    fn placed(&self, bal: Id) -> bool {
        self.stands("bal", bal) || self.bals[bal as usize - 1].is_some_and(|s| self.stands("structure", s))
    }
    fn bal(&self, bal: Id) -> bool {
        self.everything() || self.placed(bal) || self.read.iter().any(|(p, b)| *b == bal && self.stands("person", *p))
    }
    /// Whose traces a hold keeps, beside those of BALs: the notary asks for the operator's first.
    fn traces(&self, person: Id) -> bool {
        let worked = self.worked.iter().any(|(p, s)| *p == person && self.stands("structure", *s));
        self.stands("person", person) || worked
    }
    fn person(&self, person: Id) -> bool {
        self.everything() || self.traces(person) || self.read.iter().any(|(p, bal)| *p == person && self.placed(*bal))
    }
    fn request(&self, (structure, bal, asked, waited, named): &Request) -> bool {
        self.everything()
            || structure.is_some_and(|s| self.stands("structure", s))
            || bal.is_some_and(|b| self.bal(b))
            || asked.iter().chain(waited).any(|p| self.person(*p))
            || named.is_some_and(|p| self.stands("person", p))
    }
}

fn write(tx: &mut dyn Tx, w: &World) -> Result<(), StoreError> {
    accounts::insert_domain(
        tx,
        &Domain { id: 1, name: "sceau.example".into(), kind: "Production".into(), created: OLD },
    )?;
    for id in 1..=STRUCTURES {
        let sql = "INSERT INTO structures (id, code, name, category, address, contact, opening, convention, territory, version, created) \
                   VALUES ($1, $2, $2, '', '{}', '{}', 'delegated', 'signed', 'fr', 1, 0)";
        tx.execute(sql, params![id, format!("s{id}")])?;
    }
    tx.execute(
        "INSERT INTO terms (id, version, text_fr, text_en, digest, changes_fr, changes_en, from_at, published, published_by) \
         VALUES (1, 'essai', '', '', $1, '', '', 0, 0, 'root')",
        params![vec![0_u8; 32]],
    )?;
    for id in 1..=PEOPLE {
        let login = format!("p{id}");
        accounts::insert_person(tx, &Person::new(id, &login, &login, OLD))?;
        tx.execute("UPDATE people SET email = 'a@exemple.fr' WHERE id = $1", params![id])?;
        let notice = "INSERT INTO notices (id, person_id, template, epoch, sealed, state, created, expires, settled) \
                      VALUES ($1, $1, 'email_link', 0, NULL, 'sent', $2, $2, $2)";
        tx.execute(notice, params![id, OLD])?;
        let accepted = "INSERT INTO acceptances (person_id, terms_id, at, door, factors, digest) VALUES ($1, 1, $2, 'api', 'token', $3)";
        tx.execute(accepted, params![id, OLD, vec![0_u8; 32]])?;
    }
    for (id, structure) in (1..).zip(&w.bals) {
        let address = format!("b{id}@sceau.example");
        accounts::insert_bal(tx, &Bal::new(id, (&address, &address), 1, "Org", OLD))?;
        tx.execute("UPDATE bals SET structure_id = $2, state = 'closed' WHERE id = $1", params![id, *structure])?;
    }
    for (person, structure) in &w.worked {
        let sql =
            "INSERT INTO memberships (person_id, structure_id, function, since, ended) VALUES ($1, $2, '', $3, $3)";
        tx.execute(sql, params![*person, *structure, OLD])?;
    }
    for (person, bal) in &w.read {
        access::grant(tx, &NewAccess::now(*person, *bal, "member", 7, OLD, "root"))?;
        access::end(tx, *person, *bal, OLD, "root")?;
    }
    for (id, (structure, bal, asked, waited, named)) in (1_i64..).zip(&w.requests) {
        let sql = "INSERT INTO openings (id, kind, address_key, structure_id, bal_id, state, request, asked_by, asked_person, at, changed, version) \
                   VALUES ($1, 'open', $2, $3, $4, 'refused', $7, '', $5, $6, $6, 1)";
        let people: Vec<String> = named.iter().map(|p| format!("[\"p{p}\",\"member\"]")).collect();
        let request = format!("{{\"people\":[{}]}}", people.join(","));
        tx.execute(sql, params![id, format!("o{id}@sceau.example"), *structure, *bal, *asked, OLD, request])?;
        for person in waited {
            tx.execute("INSERT INTO opening_people (opening_id, person_id) VALUES ($1, $2)", params![id, *person])?;
        }
    }
    for (id, (subject, which, stands)) in (1_i64..).zip(&w.holds) {
        holds::place(tx, &Hold::new(id, (*subject, *which), "conservation", "TJ", OLD, "root"))?;
        if !stands {
            holds::lift(tx, id, OLD, "root", "mainlevée")?;
        }
    }
    Ok(())
}

fn left(tx: &mut dyn Tx, sql: &str) -> Result<BTreeSet<Id>, StoreError> {
    tx.query(sql, &[])?.iter().map(|r| r.int(0)).collect()
}

/// How the end of a transaction is asked for, so that the next world finds nothing.
#[derive(Debug)]
enum End {
    Seen(Result<(), String>),
    Failed(StoreError),
}
impl From<StoreError> for End {
    fn from(e: StoreError) -> Self {
        Self::Failed(e)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}")) }
}

/// Removes what may go, and says what is not as the model has it.
fn judge(tx: &mut dyn Tx, w: &World) -> Result<Result<(), String>, StoreError> {
    let people = || (1..=PEOPLE).filter(|p| w.person(*p)).collect::<BTreeSet<Id>>();
    let readers: BTreeSet<Id> = w.read.iter().map(|(p, _)| *p).collect();
    let requests: BTreeSet<Id> = (1..).zip(&w.requests).filter(|(_, r)| w.request(r)).map(|(id, _)| id).collect();
    let some = |old: usize, held: usize| Count { old: old as i64, held: held as i64 };
    let held_readers = readers.iter().filter(|p| w.person(**p)).count();
    let counts = [
        (Aged::Requests, some(w.requests.len(), requests.len())),
        (Aged::Notices, some(PEOPLE as usize, people().len())),
        (Aged::Acceptances, some(PEOPLE as usize, people().len())),
        (Aged::People, some(readers.len(), held_readers)),
    ];
    let mut all = Vec::new();
    for (what, expected) in counts {
        all.push(same(&format!("{what:?} counted"), aged::count(tx, what, NOW)?, expected));
    }
    for bal in 1..=BALS {
        all.push(same(&format!("BAL {bal}"), holds::names(tx, bal)?, w.bal(bal)));
    }
    let (of_bals, of_people) = holds::keeping(tx, &(1..=BALS).collect(), &(1..=PEOPLE).collect())?;
    all.push(same("traces of BALs", of_bals, (1..=BALS).filter(|b| w.bal(*b)).collect::<HashSet<Id>>()));
    all.push(same("traces of people", of_people, (1..=PEOPLE).filter(|p| w.traces(*p)).collect::<HashSet<Id>>()));
    aged::drop_requests(tx, NOW, 100)?;
    all.push(same("requests", left(tx, "SELECT id FROM openings")?, requests));
    aged::drop_notices(tx, NOW, 100)?;
    all.push(same("notices", left(tx, "SELECT person_id FROM notices")?, people()));
    let (whose, count) = aged::drop_acceptances(tx, NOW, 100)?;
    all.push(same("acceptances", left(tx, "SELECT person_id FROM acceptances")?, people()));
    all.push(same(
        "acceptances removed",
        (whose.len(), count as usize),
        (PEOPLE as usize - people().len(), whose.len()),
    ));
    let gone: BTreeSet<Id> = aged::people(tx, NOW, 100)?.into_iter().map(|(id, _)| id).collect();
    all.push(same("contacts", gone, readers.into_iter().filter(|p| !w.person(*p)).collect()));
    Ok(all.into_iter().collect())
}

async fn a_hold_wins(s: TestStore) {
    let mut runner = TestRunner::deterministic();
    let (mut covered, mut free) = (0, 0);
    for _ in 0..WORLDS {
        let made = world().new_tree(&mut runner).unwrap().current();
        (1..=PEOPLE).for_each(|p| *(if made.person(p) { &mut covered } else { &mut free }) += 1);
        let (shown, asked) = (made.clone(), made);
        let end = s.write::<(), End, _>(move |tx| {
            write(tx, &asked)?;
            Err(End::Seen(judge(tx, &asked)?))
        });
        match end.await {
            Err(End::Seen(seen)) => assert_eq!(seen, Ok(()), "{shown:?}"),
            Err(End::Failed(e)) => panic!("{e} {shown:?}"),
            Ok(()) => panic!("it ends without an end"),
        }
    }
    assert!(covered > WORLDS / 2 && free > WORLDS / 2, "{covered} covered, {free} free: the worlds say nothing");
}
