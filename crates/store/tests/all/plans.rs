//! What is asked at every act, and lists of many rows: each finds its rows by an index, however many people and BALs there are (asked of
//! SQLite, which says how it would go about it).
use sceau_store::accounts::{Bal, Domain};
use sceau_store::keywords::{NewKeyword, Survey};
use sceau_store::{Columns, Id, Row, StoreError, Tx, Value, testing};
use sceau_store::{
    access, accounts, aged, attempts, bals, bindings, breached, browsers, departures, factors, holds, idempotency,
    imports, keywords, life, notices, oauth, one_time_codes, openings, policies, queue, recoveries, reference, roles,
    spent, structures, terms, web_sessions,
};

/// Tables that grow with people, mail and time.
const MANY: &[&str] = &[
    "people",
    "bals",
    "access",
    "tokens",
    "memberships",
    "national_ids",
    "openings",
    "opening_people",
    "life",
    "acceptances",
    "imports",
    "import_lines",
    "reference_entries",
    "idempotency",
    "notices",
    "links",
    "messages",
    "entries",
    "traces",
    "jobs",
    "policy_values",
    "queue_messages",
    "queue_entries",
    "queue_tries",
    "annotations",
    "subscriptions",
    "bindings",
    "factors",
    "attempts",
    "web_sessions",
    "web_step_ups",
    "one_time_codes",
    "known_browsers",
    "recoveries",
    "oauth_grants",
    "oauth_codes",
    "oauth_tokens",
    "oauth_devices",
    "breached",
];

/// A transaction that asks for the plan of each statement first.
struct Explained<'a> {
    tx: &'a mut dyn Tx,
    what: &'static str,
    slow: Vec<String>,
    steps: Vec<String>,
}

impl Explained<'_> {
    fn explain(&mut self, sql: &str, params: &[Value]) -> Result<(), StoreError> {
        for row in self.tx.query(&format!("EXPLAIN QUERY PLAN {sql}"), params)? {
            let step = row.text(3)?;
            self.steps.push(format!("{}: {step}", self.what));
            let Some(scanned) = step.strip_prefix("SCAN ") else { continue };
            // By its name here: `a` may be `access`.
            let name = scanned.split(' ').next().unwrap_or_default();
            let table = MANY.iter().find(|t| {
                **t == name || sql.contains(&format!("{t} {name} ")) || sql.ends_with(&format!("{t} {name}"))
            });
            if table.is_some() {
                self.slow.push(format!("{}: {step}\n    {sql}", self.what));
            }
        }
        Ok(())
    }
}

impl Tx for Explained<'_> {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.explain(sql, params)?;
        self.tx.execute(sql, params)
    }
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.explain(sql, params)?;
        self.tx.query(sql, params)
    }
    fn visit(
        &mut self,
        sql: &str,
        params: &[Value],
        see: &mut dyn FnMut(&dyn Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.explain(sql, params)?;
        self.tx.visit(sql, params, see)
    }
}

type Ask = (&'static str, fn(&mut dyn Tx) -> Result<(), StoreError>);

/// Two structures and a person's own.
fn within() -> Option<(Vec<Id>, Id)> {
    Some((vec![1, 2], 3))
}

const ASKED: &[Ask] = &[
    ("queue: what is due", |tx| queue::ready(tx, "b", sceau_domain::Timestamp(5), 10).map(drop)),
    ("queue: claim", |tx| {
        tx.execute(
            "INSERT INTO queue_destinations (domain, next_at, failures, unreached) VALUES ('q.test', 1, 0, 0)",
            &[],
        )?;
        let budget = queue::Budget { messages: 8, bytes: 9 };
        queue::claim(tx, "1:a", "q.test", sceau_domain::Timestamp(5), sceau_domain::Timestamp(9), budget).map(drop)
    }),
    ("queue: claimed", |tx| {
        // What was not claimed is not looked up.
        tx.execute("INSERT INTO queue_claims (message_id, destination, owner, until) VALUES (1, 'b', '1:a', 9)", &[])?;
        queue::claimed(tx, "1:a", "b", 1, sceau_domain::Timestamp(5), 10).map(drop)
    }),
    ("queue: when to look again", |tx| queue::reschedule(tx, "b", sceau_domain::Timestamp(5))),
    ("queue: left of a message", |tx| queue::left(tx, 1, "b").map(drop)),
    ("queue: attempts", |tx| queue::tries(tx, 1).map(drop)),
    ("queue: attempts on a destination", |tx| queue::tries_of(tx, "b", sceau_domain::Timestamp(5)).map(drop)),
    ("queue: late", |tx| queue::late(tx, sceau_domain::Timestamp(5), 10).map(drop)),
    ("queue: over", |tx| {
        queue::expired(tx, None, sceau_domain::Timestamp(5), sceau_domain::Timestamp(5), 10).map(drop)
    }),
    ("queue: held until", |tx| queue::let_go(tx, sceau_domain::Timestamp(5), 10).map(drop)),
    ("queue: one entry", |tx| queue::show(tx, 1).map(drop)),
    ("person by login", |tx| accounts::person_by_login(tx, "a").map(drop)),
    ("person by identifier", |tx| accounts::person_by_national_id(tx, "8").map(drop)),
    ("people", |tx| accounts::people(tx, "a", 10).map(drop)),
    ("people by ids", |tx| accounts::people_by_ids(tx, &[1, 2]).map(drop)),
    ("people by logins", |tx| accounts::people_by_logins(tx, &["a".into(), "b".into()]).map(drop)),
    ("BALs by ids", |tx| bals::by_ids(tx, &[1, 2]).map(drop)),
    ("access of BALs", |tx| access::of_bals(tx, &[1, 2]).map(drop)),
    ("access of people", |tx| access::of_people(tx, &[1, 2]).map(drop)),
    ("where people work", |tx| structures::memberships_of(tx, &[1, 2]).map(drop)),
    ("where people work now", |tx| roles::working(tx, &[1, 2]).map(drop)),
    ("who has a role", |tx| roles::who_has(tx, "administrator", &[1, 2]).map(drop)),
    ("who accepted", |tx| terms::accepted_of(tx, &[1, 2], 3).map(drop)),
    ("last notices", |tx| notices::last_of(tx, &[1, 2], "t").map(drop)),
    ("labels", |tx| reference::labels(tx, "x", &["a".into(), "b".into()]).map(drop)),
    ("counts of structures", |tx| structures::counts(tx, &[1, 2]).map(drop)),
    ("tally of structures", |tx| structures::tally(tx, &[1, 2]).map(drop)),
    ("administrators of structures", |tx| structures::administrators(tx, &[1, 2]).map(drop)),
    ("people of structures", |tx| accounts::people_within(tx, &[1, 2], "a", 10).map(drop)),
    ("BAL that receives", |tx| bals::receiver(tx, "a@b").map(drop)),
    ("BAL by address", |tx| accounts::bal_by_address(tx, "a@b").map(drop)),
    ("token by digest", |tx| accounts::token_by_digest(tx, b"x").map(drop)),
    ("tokens", |tx| accounts::tokens(tx, None, 5, 10).map(drop)),
    ("tokens of a person", |tx| accounts::tokens(tx, Some(1), 5, 10).map(drop)),
    ("tokens of structures", |tx| accounts::tokens_within(tx, &[1, 2], 3, 5, 10).map(drop)),
    ("BALs", |tx| bals::list(tx, &bals::Filter::default(), "a", 10).map(drop)),
    ("BALs of a structure", |tx| {
        bals::list(tx, &bals::Filter { structure: Some(1), ..Default::default() }, "a", 10).map(drop)
    }),
    ("BALs of a domain", |tx| {
        bals::list(tx, &bals::Filter { domain: Some(1), ..Default::default() }, "a", 10).map(drop)
    }),
    ("BALs of a state", |tx| {
        bals::list(tx, &bals::Filter { state: Some("blocked".into()), ..Default::default() }, "a", 10).map(drop)
    }),
    ("BALs of structures", |tx| {
        bals::list(tx, &bals::Filter { within: within(), ..Default::default() }, "a", 10).map(drop)
    }),
    ("names taken", |tx| bals::taken(tx, "a.b", "c", 10).map(drop)),
    ("seat", |tx| access::seat(tx, 1, 2).map(drop)),
    ("access of a BAL", |tx| access::of_bal(tx, 1).map(drop)),
    ("access of a person", |tx| access::of_person(tx, 1).map(drop)),
    ("access of a person on a BAL", |tx| access::present(tx, 1, 2).map(drop)),
    ("history of access", |tx| access::history(tx, 1, (0, 0), 10).map(drop)),
    ("access at an instant", |tx| access::during(tx, 1, (5, 6)).map(drop)),
    ("holder", |tx| access::holder(tx, 1).map(drop)),
    ("departure", |tx| departures::end_accesses(tx, (1, 2), 5, "x").map(drop)),
    ("departure: tokens", |tx| departures::revoke_tokens_of(tx, (1, 2), 5).map(drop)),
    ("departure: nowhere", |tx| departures::is_nowhere(tx, 1).map(drop)),
    ("departure: responsible", |tx| departures::without_responsible(tx, 1, 2).map(drop)),
    ("holds of a BAL", |tx| holds::names(tx, 1).map(drop)),
    ("steps of a life", |tx| life::newest(tx, "bal", 1, 5, 10).map(drop)),
    ("closings due", |tx| life::due(tx, 5, 10).map(drop)),
    ("closed and not buried", |tx| life::unburied(tx).map(drop)),
    ("addresses that begin so", |tx| imports::addresses(tx, 1, "a", 10).map(drop)),
    ("opening of an address", |tx| openings::under_way(tx, "a@b").map(drop)),
    ("openings that wait for somebody", |tx| openings::waiting_for(tx, 1).map(drop)),
    ("openings ready", |tx| openings::ready(tx, Some(1), openings::Contacts::Confirmed, 0, 10).map(drop)),
    ("somebody else's ordinary address", |tx| notices::is_anothers(tx, "a@b", 1).map(drop)),
    ("what speaks against ordinary addresses", |tx| notices::contact_marks(tx, &[1, 2]).map(drop)),
    ("BALs that lack an ordinary address", |tx| {
        bals::list(tx, &bals::Filter { lacks_contact: true, ..Default::default() }, "a", 10).map(drop)
    }),
    ("openings", |tx| openings::list(tx, &openings::Filter::default(), i64::MAX, 10).map(drop)),
    ("openings of a state", |tx| {
        openings::list(tx, &openings::Filter { state: Some("x".into()), ..Default::default() }, 5, 10).map(drop)
    }),
    ("openings of structures", |tx| {
        openings::list(tx, &openings::Filter { within: within(), ..Default::default() }, 5, 10).map(drop)
    }),
    ("notices since", |tx| notices::sent_since(tx, 1, "t", 5).map(drop)),
    ("last notice", |tx| notices::last(tx, 1, "t").map(drop)),
    ("link", |tx| notices::good_link(tx, b"x", 5).map(drop)),
    ("old links", |tx| notices::forget_links(tx, 5, 10).map(drop)),
    ("key of a request", |tx| idempotency::known(tx, 1, "k").map(drop)),
    ("old keys", |tx| idempotency::forget(tx, 5, 10).map(drop)),
    ("imports", |tx| imports::list(tx, None, 5, 10).map(drop)),
    ("imports of structures", |tx| imports::list(tx, Some(&[1, 2]), 5, 10).map(drop)),
    ("lines of an import", |tx| imports::lines(tx, 1, 5, None, 10).map(drop)),
    ("line by login", |tx| imports::by_login(tx, 1, "a").map(drop)),
    ("line by address", |tx| imports::by_address(tx, 1, "a@b").map(drop)),
    ("line by ordinary address", |tx| imports::by_contact(tx, 1, "a@b", 10).map(drop)),
    ("lines of a person", |tx| imports::of_person(tx, 1, "a", 5, 10).map(drop)),
    ("repeated lines", |tx| imports::repeats(tx, 1, "k", 5).map(drop)),
    ("imports left alone", |tx| imports::close_abandoned(tx, 5, 6, "x").map(drop)),
    ("limits", |tx| policies::list(tx, None, None, ("bal", "1", "x"), 10).map(drop)),
    ("limits of a BAL", |tx| policies::of_places(tx, 1, "Per", Some(2), 3).map(drop)),
    ("limits of many BALs", |tx| {
        let bal = Bal { structure_id: Some(2), ..Bal::new(3, ("a", "a"), 1, "Per", 1) };
        policies::of_bals(tx, &[Bal { id: 4, ..bal.clone() }, bal]).map(drop)
    }),
    ("machines", |tx| access::machines(tx, &[1, 2]).map(drop)),
    ("quotas", |tx| policies::quota_rows(tx, &policies::Which::All, 5, 10).map(drop)),
    ("quotas of a structure", |tx| policies::quota_rows(tx, &policies::Which::Structure(1), 5, 10).map(drop)),
    ("reference by code", |tx| reference::by_code(tx, 1, "a", ("b", 5), 10).map(drop)),
    ("reference by label", |tx| reference::by_label(tx, 1, "a", ("b", "c", 5), 10).map(drop)),
    ("roles of a person", |tx| roles::in_force(tx, 1).map(drop)),
    ("terms that somebody misses", |tx| terms::missing(tx, 1, 5).map(drop)),
    ("acceptances", |tx| terms::acceptances(tx, None, None, None, Some((5, 6)), 10).map(drop)),
    ("keywords that nobody has", |tx| {
        accounts::insert_domain(tx, &Domain { id: 1, name: "k.test".into(), kind: "Production".into(), created: 5 })?;
        accounts::insert_bal(tx, &Bal::new(1, ("a@k.test", "a@k.test"), 1, "Per", 5))?;
        keywords::find_or_add(tx, 1, &[NewKeyword { id: 1, tag: vec![1], sealed: vec![1] }], 5)?;
        Survey::begin(tx, 1)?.map_or(Ok(0), |survey| survey.forget(tx)).map(drop)
    }),
    ("remains of accesses", |tx| aged::remains(tx, (0, 9)).map(drop)),
    ("remains of an access", |tx| aged::drop_remains(tx, 1, 2).map(drop)),
    ("name elsewhere", |tx| bindings::find(tx, "card", "a", b"x").map(drop)),
    ("names of a person elsewhere", |tx| bindings::of_person(tx, 1).map(drop)),
    ("factors of a person", |tx| factors::of_person(tx, 1).map(drop)),
    ("factor of a kind", |tx| factors::of_kind(tx, 1, "totp").map(drop)),
    ("passkey", |tx| factors::by_credential(tx, b"x").map(drop)),
    ("attempt of a browser", |tx| attempts::of_browser(tx, b"x", 5).map(drop)),
    ("attempts of a person", |tx| attempts::end_of_person(tx, 1, 5).map(drop)),
    ("codes of a person", |tx| one_time_codes::sent(tx, 1, 5, 5).map(drop)),
    ("code of an attempt", |tx| one_time_codes::spend(tx, 1, b"x", 5).map(drop)),
    ("session of a cookie", |tx| web_sessions::of_cookie(tx, b"x", 5).map(drop)),
    ("sessions of a person", |tx| web_sessions::of_person(tx, 1, 5).map(drop)),
    ("sessions of a sign-in elsewhere", |tx| web_sessions::of_provider(tx, "a", b"x").map(drop)),
    ("recovery of a person", |tx| recoveries::under_way(tx, 1).map(drop)),
    ("recoveries of a person", |tx| recoveries::list(tx, Some(1), 5, 10).map(drop)),
    ("recoveries due", |tx| recoveries::due(tx, 5, 10).map(drop)),
    ("recoveries whose link is over", |tx| recoveries::lapsed(tx, "enrol", 5, 10).map(drop)),
    ("grant", |tx| oauth::grant(tx, 1).map(drop)),
    ("grants of a client", |tx| oauth::grants_of_client(tx, "a", (1, 5), 10).map(drop)),
    ("generation", |tx| oauth::rotate(tx, 1, 1, 5).map(drop)),
    ("access token", |tx| oauth::access(tx, b"x", 5).map(drop)),
    ("device's code", |tx| oauth::device_waiting(tx, "a", 5).map(drop)),
    ("known browser", |tx| browsers::is_known(tx, b"x", 1, 5).map(drop)),
    ("breached password", |tx| {
        tx.execute("INSERT INTO breached_lists (generation, state, source, entries, changed, imported_by) VALUES (1, 'force', '', 0, 1, 'a')", &[])?;
        breached::holds(tx, 5).map(drop)
    }),
    ("what sign-ins left", |tx| {
        tx.execute("INSERT INTO breached_lists (generation, state, source, entries, changed, imported_by) VALUES (2, 'gone', '', 0, 1, 'a')", &[])?;
        spent::forget(tx, i64::MAX, 10).map(drop)
    }),
    ("who has not accepted", |tx| terms::unaccepted(tx, 1, None, 5, 10).map(drop)),
];

/// Where another index would do, and would look at everything that an import, all the requests or a destination have.
const FROM: &[(&str, &str)] = &[
    ("queue: claimed", "queue_entries_message"),
    ("queue: left of a message", "queue_entries_message"),
    ("line by login", "import_lines_login"),
    ("line by address", "import_lines_result"),
    ("line by ordinary address", "import_lines_contact"),
    ("somebody else's ordinary address", "people_contact"),
    ("what speaks against ordinary addresses", "people_contact"),
    ("addresses that begin so", "openings_by_address"),
    ("repeated lines", "import_lines_key"),
    ("lines of a person", "import_lines_key"),
    ("keywords that nobody has", "entries_modseq"),
    ("openings that wait for somebody", "opening_people_person"),
    ("acceptances", "acceptances_terms"),
    ("what sign-ins left", "tokens_web"),
    ("what sign-ins left", "tokens_standing"),
    ("sessions of a sign-in elsewhere", "web_sessions_provider"),
    ("sessions of a sign-in elsewhere", "web_step_ups_provider"),
];

/// Lists that are read in their order, so that a page costs what it shows.
const IN_ORDER: &[&str] = &[
    "people",
    "tokens",
    "tokens of a person",
    "BALs",
    "BALs of a structure",
    "BALs of a domain",
    "BALs of a state",
    "BALs that lack an ordinary address",
    "steps of a life",
    "openings",
    "openings of a state",
    "openings ready",
    "imports",
    "lines of an import",
    "limits",
    "quotas",
    "quotas of a structure",
    "reference by code",
    "reference by label",
    "recoveries of a person",
    "grants of a client",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_list_and_every_question_at_an_act_finds_its_rows_by_an_index() {
    let s = testing::sqlite().await;
    let slow = s.write(|tx| {
        let (mut slow, mut steps) = (Vec::new(), Vec::new());
        for (what, ask) in ASKED {
            let mut explained = Explained { tx: &mut *tx, what, slow: Vec::new(), steps: Vec::new() };
            ask(&mut explained)?;
            slow.append(&mut explained.slow);
            steps.append(&mut explained.steps);
        }
        Ok::<_, StoreError>((slow, steps))
    });
    let (slow, steps) = slow.await.unwrap();
    assert!(slow.is_empty(), "{}", slow.join("\n"));
    for (what, index) in FROM {
        let of: Vec<&String> = steps.iter().filter(|step| step.starts_with(&format!("{what}: "))).collect();
        assert!(of.iter().any(|step| step.contains(index)), "{what}: {of:#?}");
    }
    for what in IN_ORDER {
        let sorts = |step: &&String| step.starts_with(&format!("{what}: ")) && step.contains("FOR ORDER BY");
        assert_eq!(steps.iter().find(sorts), None, "a page costs as much as the whole");
    }
}

/// The check can fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_an_index_is_named() {
    let s = testing::sqlite().await;
    let slow = s.read(|tx| {
        let mut explained = Explained { tx, what: "by name", slow: Vec::new(), steps: Vec::new() };
        explained.query("SELECT p.id FROM people p WHERE p.name = 'x'", &[])?;
        Ok::<_, StoreError>(explained.slow.len())
    });
    assert_eq!(slow.await, Ok(1));
}
