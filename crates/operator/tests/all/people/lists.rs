//! Lists: a page costs the same number of statements however long it is, and shows each as it is shown alone.
use crate::people::House;
use sceau_domain::{BalKind, Refusal};
use sceau_operator::accounts::people::views::{Only, PeopleQuery};
use sceau_operator::accounts::structures::StructureFilter;
use sceau_operator::accounts::{BalQuery, NewBal};
use sceau_operator::openings::{NewOpening, OpeningQuery};
use sceau_operator::roles::RoleFilter;
use sceau_store::access::NewAccess;
use sceau_store::accounts::{Bal, Person, Token};
use sceau_store::structures::{Membership, Structure};
use sceau_store::{access, accounts, roles, structures};
use sceau_testkit::addr;
use serde_json::{Value, json};

each_engine! { a_page_costs_as_much_as_a_row, people_are_found_by_words, people_are_found_by_what_waits, things_are_found_by_what_they_are_called }

const MANY: usize = 6;

/// The answer to a listing, and how many statements it took.
async fn asked<T: serde::Serialize>(
    h: &House,
    list: impl Future<Output = Result<Vec<T>, Refusal>>,
) -> (u64, Vec<Value>) {
    let before = h.0.store.statements().0;
    let found = list.await.unwrap();
    let cost = h.0.store.statements().0 - before;
    (cost, found.iter().map(|v| serde_json::to_value(v).unwrap()).collect())
}

/// As many structures, people, BALs, tokens and requests, each with all that is shown of one.
async fn fill(h: &House) {
    let ids: Vec<[i64; 4]> = (0..MANY).map(|_| std::array::from_fn(|_| h.0.store.new_id())).collect();
    h.write(move |tx| {
        let body = structures::body_by_code(tx, "grades")?.unwrap().id;
        let domain = accounts::domain_by_name(tx, "alpha.mssante.fr")?.unwrap().id;
        for (n, [place, person, bal, token]) in ids.iter().copied().enumerate() {
            let code = format!("zz-{n}");
            let finess_eg = Some("990000010".to_owned());
            let category = "101".to_owned();
            let place_row = Structure { finess_eg, category, ..Structure::new(place, &code, "Hôpital", 1) };
            structures::insert(tx, &Structure { body_id: Some(body), ..place_row })?;
            structures::follow(tx, place, Some(body), 1)?;
            structures::set_domains(tx, place, &[domain])?;
            let person_row = Person {
                profession: Some("10".into()),
                speciality: Some("SM04".into()),
                email: Some(format!("{code}@exemple.fr")),
                ..Person::new(person, &code, "Prénom Nom", 1)
            };
            accounts::insert_person(tx, &person_row)?;
            let function = "médecin".to_owned();
            structures::join(
                tx,
                &Membership { person_id: person, structure_id: place, function, since: 1, ended: None },
            )?;
            let role = "structure".to_owned();
            roles::insert(
                tx,
                &roles::Given {
                    id: token,
                    person_id: person,
                    role,
                    structure_id: Some(place),
                    body_id: None,
                    granted: 1,
                    granted_by: "root".into(),
                    reason: None,
                    ended: None,
                    ended_by: None,
                    function: None,
                },
            )?;
            let address = format!("{code}@alpha.mssante.fr");
            let row = Bal::new(bal, (&address, &address), domain, BalKind::Org.as_str(), 1);
            accounts::insert_bal(tx, &Bal { structure_id: Some(place), ..row })?;
            access::grant(tx, &NewAccess::now(person, bal, "responsible", 15, 1, "root"))?;
            accounts::insert_token(
                tx,
                // Made by somebody who proved himself: the policies bear on it.
                &Token {
                    bal_id: Some(bal),
                    strength: "card".into(),
                    ..Token::new(token, person, ("device", "essai"), &token.to_be_bytes(), 1)
                },
            )?;
        }
        Ok(())
    })
    .await;
    for n in 0..MANY {
        let login = format!("zz-{n}");
        let address = addr(&format!("prenom.nom{}@alpha.mssante.fr", n + 100));
        let asked =
            NewBal { structure: Some(login.clone()), ..NewBal::new(address, BalKind::Per, "Boîte", &[&login]) };
        h.0.op.ask_opening(&h.0.admin, NewOpening::Open(asked)).await.unwrap();
    }
}

async fn a_page_costs_as_much_as_a_row(h: House) {
    let (op, root, after) = (&h.0.op, &h.0.admin, h.0.store.new_id());
    fill(&h).await;
    let many = MANY as u32;
    // Each list, by one and by many; and one of them alone.
    let people = (asked(&h, op.people(root, Some("zz"), 1)).await, asked(&h, op.people(root, Some("zz"), many)).await);
    let bals = async |limit| asked(&h, op.bals(root, BalQuery::default(), Some("zz"), limit)).await;
    let bals = (bals(1).await, bals(many).await);
    let places = async |limit| {
        let filter = StructureFilter { after: Some("zz".into()), ..StructureFilter::default() };
        asked(&h, op.structures(root, filter, limit)).await
    };
    let places = (places(1).await, places(many).await);
    let counts = async |limit| asked(&h, op.body_statistics(root, "grades", Some("zz"), limit)).await;
    let counts = (counts(1).await, counts(many).await);
    let tokens = async |limit| asked(&h, op.tokens(root, None, after, limit)).await;
    let tokens = (tokens(1).await, tokens(many).await);
    let openings = async |limit| asked(&h, op.openings(root, OpeningQuery::default(), None, limit)).await;
    let openings = (openings(1).await, openings(many).await);
    for (what, (one, all)) in [
        ("people", &people),
        ("bals", &bals),
        ("structures", &places),
        ("statistics", &counts),
        ("tokens", &tokens),
        ("openings", &openings),
    ] {
        assert_eq!((one.1.len(), all.1.len()), (1, MANY), "{what}");
        assert_eq!(one.0, all.0, "{what}: statements grow with the page");
        assert!(all.0 < 20, "{what}: {} statements", all.0);
        assert_eq!(one.1[0], all.1[0], "{what}");
    }
    let alone = |view: Value, but: &[(&str, Value)]| {
        but.iter().fold(view, |mut view, (name, value)| {
            view[*name] = value.clone();
            view
        })
    };
    for n in 0..MANY {
        let name = format!("zz-{n}");
        let view = serde_json::to_value(op.person(root, &name).await.unwrap()).unwrap();
        assert_eq!(people.1.1[n], view);
        assert_eq!((&view["memberships"][0]["structure"], &view["bals"][0][1]), (&json!(name), &json!("responsible")));
        let mut view = serde_json::to_value(op.bal(root, &format!("{name}@alpha.mssante.fr")).await.unwrap()).unwrap();
        view.as_object_mut().unwrap().remove("processing");
        assert_eq!((&bals.1.1[n], &view["access"]), (&view, &json!([[name, "responsible"]])));
        let view = serde_json::to_value(op.structure(root, &name).await.unwrap()).unwrap();
        assert_eq!(places.1.1[n], view);
        assert_eq!((&view["administrators"], &view["domains"]), (&json!([name]), &json!(["alpha.mssante.fr"])));
        assert_eq!((&view["people"], &view["bals"], &view["body"]), (&json!(1), &json!(1), &json!("grades")));
        let count = &counts.1.1[n];
        assert_eq!((&count["structure"], &count["people"], &count["openings"]), (&json!(name), &json!(1), &json!(1)));
        assert_eq!((&count["bals"]["Org"], &count["warnings"]), (&json!(1), &view["warnings"]));
        let id = tokens.1.1[n]["id"].as_str().unwrap().parse().unwrap();
        let view = serde_json::to_value(op.token(root, id).await.unwrap()).unwrap();
        assert_eq!((&tokens.1.1[n], &view["login"]), (&view, &json!(name)));
        // Newest first.
        let listed = &openings.1.1[MANY - 1 - n];
        let id = listed["id"].as_str().unwrap().parse().unwrap();
        let view = serde_json::to_value(op.opening(root, id).await.unwrap()).unwrap();
        assert_eq!(*listed, alone(view, &[("steps", json!([])), ("bal", Value::Null)]));
        assert_eq!((&listed["structure"], &listed["people"][0]["login"]), (&json!(name), &json!(name)));
        assert!(listed["waits_for"].as_array().unwrap().iter().any(|w| w["guard"] == "identity"), "{listed}");
    }
}

/// People by words of their names, however they are written and wherever they stand among the others.
async fn people_are_found_by_words(h: House) {
    let ids: [i64; 4] = std::array::from_fn(|_| h.0.store.new_id());
    h.write(move |tx| {
        let names = [
            ("zz-helene", "Dr Hélène ZÉBU"),
            ("zz-paul", "Paul Zébu-Martin"),
            ("zz-noel", "Noël Œil"),
            ("zz-martin", "Anne Autre"),
        ];
        for (id, (login, name)) in ids.into_iter().zip(names) {
            let national_id = (login == "zz-noel").then(|| "10000009999".to_owned());
            let email = (login == "zz-martin").then(|| "Contact.Perso@exemple.fr".to_owned());
            accounts::insert_person(tx, &Person { national_id, email, ..Person::new(id, login, name, 1) })?;
        }
        Ok(())
    })
    .await;
    let found = async |text: &str, after: Option<&str>, limit| {
        let query = PeopleQuery { text: Some(text.to_owned()), ..PeopleQuery::default() };
        let people = h.0.op.people_found(&h.0.admin, query, after, limit).await.unwrap();
        people.into_iter().map(|p| p.login).collect::<Vec<_>>()
    };
    assert_eq!(found("zebu", None, 10).await, ["zz-helene", "zz-paul"]);
    assert_eq!(found("ZÉBU hel", None, 10).await, ["zz-helene"], "each word, in any order");
    assert_eq!(found("zz- martin", None, 10).await, ["zz-martin", "zz-paul"], "in the login or in the name");
    assert_eq!(found("contact.perso", None, 10).await, ["zz-martin"]);
    assert_eq!(found("10000009999", None, 10).await, ["zz-noel"]);
    assert_eq!(found("1000000999", None, 10).await, [""; 0], "a national identifier is whole");
    assert_eq!(found("%", None, 10).await, [""; 0]);
    // Page by page, nobody twice and nobody left out.
    assert_eq!(found("zebu", None, 1).await, ["zz-helene"]);
    assert_eq!(found("zebu", Some("zz-helene"), 1).await, ["zz-paul"]);
    assert_eq!(found("zebu", Some("zz-paul"), 1).await, [""; 0]);
}

/// Those whose identity is not certified, or who are blocked.
async fn people_are_found_by_what_waits(h: House) {
    let ids: [i64; 3] = std::array::from_fn(|_| h.0.store.new_id());
    h.write(move |tx| {
        for (id, login) in ids.into_iter().zip(["zz-a", "zz-b", "zz-c"]) {
            let identity = if login == "zz-a" { "operator" } else { "none" }.to_owned();
            accounts::insert_person(tx, &Person { identity, ..Person::new(id, login, "Prénom Nom", 1) })?;
        }
        tx.execute("UPDATE people SET disabled = 5 WHERE login = 'zz-c'", &[]).map(drop)
    })
    .await;
    let found = async |only| {
        let query = PeopleQuery { only: Some(only), ..PeopleQuery::default() };
        let people = h.0.op.people_found(&h.0.admin, query, Some("zz"), 10).await.unwrap();
        people.into_iter().map(|p| p.login).collect::<Vec<_>>()
    };
    assert_eq!(found(Only::Uncertified).await, ["zz-b", "zz-c"]);
    assert_eq!(found(Only::Blocked).await, ["zz-c"]);
}

/// Structures, requests and roles by what they are called.
async fn things_are_found_by_what_they_are_called(h: House) {
    fill(&h).await;
    let (op, root) = (&h.0.op, &h.0.admin);
    let places = async |text: &str| {
        let filter = StructureFilter { text: Some(text.to_owned()), ..StructureFilter::default() };
        op.structures(root, filter, 100).await.unwrap().into_iter().map(|s| s.code).collect::<Vec<_>>()
    };
    assert_eq!(places("ZZ-3").await, ["zz-3"]);
    assert!(places("hôpital").await.len() >= MANY && places("Hôpital").await.len() >= MANY);
    assert!(places("990000010").await.len() >= MANY, "by FINESS");
    assert_eq!(places("99000001").await, [""; 0]);
    assert_eq!(places("z_-3").await, [""; 0], "what is typed is no pattern");
    let requests = async |text: &str| {
        let query = OpeningQuery { text: Some(text.to_owned()), ..OpeningQuery::default() };
        op.openings(root, query, None, 100).await.unwrap().into_iter().map(|o| o.address).collect::<Vec<_>>()
    };
    assert_eq!(requests("Nom103@").await, ["prenom.nom103@alpha.mssante.fr"]);
    assert!(requests("root").await.len() >= MANY, "by who asked");
    let roles = async |text: &str| {
        let filter = RoleFilter { text: Some(text.to_owned()), ..RoleFilter::default() };
        op.roles(root, filter, 0, 100).await.unwrap().into_iter().map(|r| r.login).collect::<Vec<_>>()
    };
    assert_eq!(roles("zz-2").await, ["zz-2"]);
    assert_eq!(roles("prénom n").await.len(), MANY);
}
