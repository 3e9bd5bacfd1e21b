//! The register of professionals: replaced whole or not at all, also when two bring it at once; and what it says of our people.
use crate::openings::House;
use sceau_domain::reference::Layout;
use sceau_operator::reference::{NewReference, ReferenceView};
use sceau_operator::{Actor, Operator};
use sceau_store::reference as rows;
use sceau_store::{StoreError, params};

each_engine!(who_is_struck_off_stands_in_a_list, a_table_in_force_is_never_removed, two_that_bring_a_table_at_once,);

const HEADER: &str = "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Nom d'exercice|Prénom d'exercice|Code profession\n";

fn register(lines: &[(&str, &str)]) -> String {
    let line = |(id, name): &(&str, &str)| format!("8|{id}|8{id}|{name}|Zoé|10\n");
    HEADER.to_owned() + &lines.iter().map(line).collect::<String>()
}

async fn bring(op: &Operator, actor: &Actor, name: &str, text: &str) -> ReferenceView {
    let new = NewReference { name: name.into(), source: "essai".into(), layout: Layout::of(name) };
    let mut intake = op.import_reference(actor, new).await.unwrap();
    intake.push(text.as_bytes()).await.unwrap();
    intake.finish().await.unwrap().0
}

async fn said(h: &House, actor: &Actor, state: &str) -> Vec<String> {
    while h.0.op.run_due_jobs().await.unwrap() > 0 {}
    let found = h.0.op.register_findings(actor, Some(state), None, 100).await.unwrap();
    found.into_iter().map(|f| f.login).collect()
}

async fn who_is_struck_off_stands_in_a_list(h: House) {
    let (root, chef) = (h.0.admin.clone(), h.actor("chef").await);
    h.people(&["loin"]).await;
    for (login, id, name) in
        [("anne", "10000000017", "ROUX"), ("bruno", "10000000025", "Petit"), ("loin", "10000000033", "LOIN")]
    {
        h.edit(login, |p| (p.national_id, p.family_name) = (Some(id.into()), Some(name.into()))).await;
    }
    let everybody =
        register(&[("10000000017", "ROUX"), ("10000000025", "PÉTIT"), ("10000000033", "LOIN"), ("10000000041", "X")]);
    bring(&h.0.op, &root, "rpps", &everybody).await;
    assert_eq!(said(&h, &root, "there").await, ["anne", "bruno", "loin"]);
    assert!(h.0.op.alarms(&root, false).await.unwrap().iter().all(|a| a.code != "register.struck"));
    // One has gone, one has another name, and who administers a structure sees those of it.
    bring(&h.0.op, &root, "rpps", &register(&[("10000000017", "MARTIN"), ("10000000041", "X")])).await;
    assert_eq!(said(&h, &root, "struck").await, ["bruno", "loin"]);
    assert_eq!(
        (said(&h, &chef, "struck").await, said(&h, &chef, "other_name").await),
        (vec!["bruno".to_owned()], vec!["anne".to_owned()])
    );
    let alarm = h.0.op.alarms(&root, false).await.unwrap().into_iter().find(|a| a.code == "register.struck").unwrap();
    assert!(alarm.fr.contains('2') && !alarm.fr.contains('{'), "{}", alarm.fr);
    assert_eq!(h.0.traces("person.struck").await.len(), 2);
    assert!(h.person("bruno").await.disabled.is_none(), "nobody is blocked by a file");
    // A file that fails changes nothing; the next look, an hour later, tells nobody twice.
    let new = NewReference { name: "rpps".into(), source: String::new(), layout: Layout::of("rpps") };
    let mut intake = h.0.op.import_reference(&root, new).await.unwrap();
    intake.push(HEADER.as_bytes()).await.unwrap();
    assert_eq!(intake.finish().await.unwrap_err().code.as_str(), "csv.empty");
    h.people(&["neuve"]).await;
    h.edit("neuve", |p| p.national_id = Some("10000000058".into())).await;
    h.0.advance(3_700);
    assert_eq!((said(&h, &root, "struck").await.len(), said(&h, &root, "absent").await), (2, vec!["neuve".to_owned()]));
    assert_eq!(h.0.traces("person.struck").await.len(), 2);
    // Back again, or another identifier: not in the list any more, and the alarm is over.
    h.edit("loin", |p| p.national_id = Some("10000000041".into())).await;
    assert_eq!(said(&h, &root, "struck").await, ["bruno"], "at once");
    bring(&h.0.op, &root, "rpps", &everybody).await;
    assert!(said(&h, &root, "struck").await.is_empty());
    assert!(h.0.op.alarms(&root, false).await.unwrap().iter().all(|a| a.code != "register.struck"));
    let stranger = h.actor("loin").await;
    assert!(h.0.op.register_findings(&stranger, None, None, 10).await.is_err());
    assert_eq!(
        h.0.op.register_findings(&root, Some("rien"), None, 10).await.unwrap_err().code.as_str(),
        "admin.invalid"
    );
}

async fn entries(h: &House) -> i64 {
    h.write(|tx| tx.query_opt("SELECT COUNT(*) FROM reference_entries", &[])?.unwrap().int(0)).await
}

async fn a_table_in_force_is_never_removed(h: House) {
    let root = h.0.admin.clone();
    let before = entries(&h).await;
    bring(&h.0.op, &root, "essai", "Code;Libellé\n1;un\n2;deux\n").await;
    // What gives an import up (an answer that was lost, a connection that broke) may come after it was put in force.
    let removed = h.write(|tx| {
        let generation = rows::by_name(tx, "essai")?.unwrap().generation;
        rows::give_up(tx, generation)?;
        rows::remove_some(tx, generation, 1_000)
    });
    assert!(removed.await, "nothing to do");
    assert_eq!(entries(&h).await, before + 2);
    // A label that folding makes longer than what an index takes.
    let long: String = "\u{fdfa}".repeat(300);
    bring(&h.0.op, &root, "essai", &format!("Code;Libellé\n1;{long}\n2;deux\n")).await;
    let found = h.0.op.reference(&root, "essai", Some(&long), None, 10).await.unwrap();
    assert_eq!(found.len(), 1, "and it is found");
    // Readers saw the one or the other; what was replaced goes with housekeeping.
    assert_eq!(entries(&h).await, before + 4);
    h.0.op.housekeeping().await.unwrap();
    assert_eq!(entries(&h).await, before + 2);
}

async fn two_that_bring_a_table_at_once(h: House) {
    let before = entries(&h).await;
    for round in 0..3 {
        let text = |n: usize| "Code;Libellé\n".to_owned() + &(0..n).map(|i| format!("{i};x\n")).collect::<String>();
        let mut tasks = Vec::new();
        for n in [40, 50, 60] {
            let (op, root, text) = (h.0.op.clone(), h.0.admin.clone(), text(n));
            tasks.push(tokio::spawn(async move { bring(&op, &root, "double", &text).await }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        h.0.op.housekeeping().await.unwrap();
        let table = h.0.store.read::<_, StoreError, _>(|tx| rows::by_name(tx, "double")).await.unwrap().unwrap();
        assert_eq!(
            entries(&h).await,
            before + table.entries,
            "round {round}: one is in force, nothing is left of the others"
        );
        let generation = table.generation;
        let kept = h.write(move |tx| {
            tx.query_opt("SELECT COUNT(*) FROM reference_entries WHERE generation = $1", params![generation])?
                .unwrap()
                .int(0)
        });
        assert_eq!(kept.await, table.entries);
    }
}
