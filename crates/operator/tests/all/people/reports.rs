//! Reports go where they belong and nowhere else; announcements reach whom they concern.
use crate::people::House;
use sceau_domain::RefusalCode;
use sceau_domain::report::ReportKind;
use sceau_operator::reports::{NewAnnouncement, NewReport, ReportQuery, ReportView};
use sceau_store::params;
use sceau_testkit::relay::Played;

each_engine! { reports_go_where_they_belong, one_step_at_a_time, announcements_reach_whom_they_concern }

async fn make(h: &House, login: &str, kind: ReportKind, about: Option<&str>) -> ReportView {
    let new = NewReport { kind, about: about.map(str::to_owned), text: "Mon nom\na changé".into() };
    h.0.op.make_report(&h.actor(login).await, new).await.unwrap()
}

/// Ids that somebody sees.
async fn seen(h: &House, login: &str) -> Vec<i64> {
    let actor = if login == "root" { h.0.admin.clone() } else { h.actor(login).await };
    h.0.op.reports(&actor, ReportQuery::default(), None, 100).await.unwrap().into_iter().map(|r| r.id).collect()
}

async fn reports_go_where_they_belong(h: House) {
    let op = &h.0.op;
    let correction = make(&h, "anne", ReportKind::Correction, None).await;
    assert_eq!((correction.desk.as_str(), correction.text.as_str()), ("structure", "Mon nom a changé"));
    let help = make(&h, "anne", ReportKind::Help, None).await;
    assert_eq!((help.desk.as_str(), help.structure.as_deref()), ("region", Some("nord")));
    let abuse = make(&h, "anne", ReportKind::Abuse, Some("Chef@alpha.mssante.fr")).await;
    assert_eq!((abuse.desk.as_str(), abuse.about.is_some()), ("operator", true));
    // Of a structure that nobody follows, and of none.
    let far = make(&h, "lointain", ReportKind::Help, None).await;
    assert_eq!(far.desk, "operator");
    let none = make(&h, "aide", ReportKind::Correction, None).await;
    assert_eq!(none.desk, "operator");

    let all = vec![none.id, far.id, abuse.id, help.id, correction.id];
    assert_eq!(seen(&h, "root").await, all);
    assert_eq!(seen(&h, "aide").await, all);
    assert_eq!(seen(&h, "anne").await, [abuse.id, help.id, correction.id], "one's own");
    for near in ["chef", "agent"] {
        assert_eq!(seen(&h, near).await, [help.id, correction.id], "{near}: never what is said against somebody");
    }
    assert_eq!(seen(&h, "lointain").await, [far.id]);
    assert_eq!(seen(&h, "bruno").await, Vec::<i64>::new());
    for (login, id, code) in [
        ("chef", abuse.id, RefusalCode::RightMissing),
        ("chef", far.id, RefusalCode::RightMissing),
        ("chef", 7, RefusalCode::RightMissing),
        ("aide", 7, RefusalCode::NotFound),
        ("bruno", help.id, RefusalCode::RightMissing),
    ] {
        assert_eq!(op.report_with(&h.actor(login).await, id).await.unwrap_err().code, code, "{login} {id}");
    }
    // Whoever does not sit there does not answer: elsewhere, above, or in one's own matter.
    for (login, id) in [
        ("anne", correction.id),
        ("lointain", correction.id),
        ("chef", help.id),
        ("agent", abuse.id),
        ("lointain", far.id),
        ("aide", none.id),
    ] {
        let said = op.answer_report(&h.actor(login).await, id, true, "fait").await;
        assert_eq!(said.unwrap_err().code, RefusalCode::RightMissing, "{login} {id}");
    }
    let done = op.answer_report(&h.actor("chef").await, correction.id, true, "Corrigé").await.unwrap();
    assert_eq!((done.state.as_str(), done.answered_by.as_deref()), ("done", Some("chef")));
    let refused = op.answer_report(&h.actor("aide").await, abuse.id, false, "Rien à signaler").await.unwrap();
    assert_eq!(refused.state, "refused");
    // A body that is blocked has no effect: what lies there is the operator's.
    op.block_body(&h.0.admin, "grades", "enquête").await.unwrap();
    let said = op.answer_report(&h.actor("agent").await, help.id, true, "fait").await;
    assert_eq!(said.unwrap_err().code, RefusalCode::RightMissing);
    assert_eq!(make(&h, "anne", ReportKind::Help, None).await.desk, "operator");
    assert_eq!(op.answer_report(&h.actor("aide").await, help.id, true, "fait").await.unwrap().state, "done");
    assert_eq!(op.block_body(&h.0.admin, "grades", "encore").await.unwrap_err().code, RefusalCode::StateWrong);
    assert!(op.release_body(&h.0.admin, "grades", "fin").await.unwrap().blocked.is_none());
}

async fn one_step_at_a_time(h: House) {
    let op = &h.0.op;
    let help = make(&h, "anne", ReportKind::Help, None).await;
    let agent = h.actor("agent").await;
    assert_eq!(op.pass_report(&agent, help.id, "technique").await.unwrap().desk, "operator");
    assert_eq!(op.pass_report(&agent, help.id, "encore").await.unwrap_err().code, RefusalCode::RightMissing);
    assert_eq!(op.pass_report(&h.0.admin, help.id, "encore").await.unwrap_err().code, RefusalCode::StateWrong);
    // Two who answer at once: one does.
    let (aide, root) = (h.actor("aide").await, h.0.admin.clone());
    let (a, b) =
        tokio::join!(op.answer_report(&aide, help.id, true, "un"), op.answer_report(&root, help.id, false, "deux"));
    assert_eq!([&a, &b].iter().filter(|r| r.is_ok()).count(), 1, "{a:?} {b:?}");
    for said in [a, b].into_iter().filter_map(Result::err) {
        assert!(matches!(said.code, RefusalCode::StateWrong | RefusalCode::EditConflict), "{said:?}");
    }
    let mine = make(&h, "anne", ReportKind::Correction, None).await;
    assert_eq!(op.withdraw_report(&h.actor("chef").await, mine.id).await.unwrap_err().code, RefusalCode::RightMissing);
    assert_eq!(op.withdraw_report(&h.actor("anne").await, mine.id).await.unwrap().state, "withdrawn");
    assert_eq!(op.withdraw_report(&h.actor("anne").await, mine.id).await.unwrap_err().code, RefusalCode::StateWrong);
    // What is wrong is said, and a flood ends.
    let anne = h.actor("anne").await;
    for (kind, about, text, code) in [
        (ReportKind::Abuse, None, "x", RefusalCode::Invalid),
        (ReportKind::Error, Some("pas une adresse"), "x", RefusalCode::RcptSyntax),
        (ReportKind::Help, None, " \n ", RefusalCode::Invalid),
        (ReportKind::Help, None, "a\u{202e}b", RefusalCode::Invalid),
        (ReportKind::Help, None, &"é".repeat(1001), RefusalCode::NamingTooLong),
    ] {
        let new = NewReport { kind, about: about.map(str::to_owned), text: text.into() };
        assert_eq!(op.make_report(&anne, new).await.unwrap_err().code, code, "{text:.10}");
    }
    for _ in 0..20 {
        make(&h, "anne", ReportKind::Help, None).await;
    }
    let new = NewReport { kind: ReportKind::Help, about: None, text: "encore".into() };
    assert_eq!(op.make_report(&anne, new).await.unwrap_err().code, RefusalCode::ReportTooMany);
    // Traces say who did what, never the text.
    let traces = h.write(|tx| {
        let rows = tx.query("SELECT act, data FROM traces WHERE act LIKE 'report.%' ORDER BY id", &[])?;
        rows.iter().map(|r| Ok((r.text(0)?, r.text(1)?))).collect::<Result<Vec<_>, _>>()
    });
    let traces = traces.await;
    for act in ["report.made", "report.passed", "report.answered", "report.withdrawn"] {
        assert!(traces.iter().any(|(a, _)| a == act), "{act}");
    }
    assert!(traces.iter().all(|(_, data)| !data.contains("nom")), "{traces:?}");
}

async fn announcements_reach_whom_they_concern(h: House) {
    let op = &h.0.op;
    let relay = Played::of(op);
    // Verified, or not.
    for (login, address, verified) in [
        ("chef", "chef@exemple.fr", Some(1_i64)),
        ("lointain", "lointain@exemple.fr", Some(1)),
        ("anne", "anne@exemple.fr", Some(1)),
    ] {
        h.write(move |tx| {
            let sql = "UPDATE people SET email = $2, email_verified = $3 WHERE login = $1";
            tx.execute(sql, params![login, address, verified])
        })
        .await;
    }
    let announce = async |login: &str, body: Option<&str>| {
        let actor = if login == "root" { h.0.admin.clone() } else { h.actor(login).await };
        let new = NewAnnouncement {
            body: body.map(str::to_owned),
            title: "Maintenance".into(),
            text: "Arrêt à 2 h.\nReprise à 3 h.".into(),
        };
        op.announce(&actor, new).await
    };
    for (login, body) in
        [("chef", Some("grades")), ("agent", None), ("agent", Some("autre")), ("aide", None), ("anne", None)]
    {
        assert_eq!(announce(login, body).await.unwrap_err().code, RefusalCode::RightMissing, "{login} {body:?}");
    }
    let told = || relay.drain();
    let made = announce("agent", Some("grades")).await.unwrap();
    assert_eq!(op.announcement(&h.actor("chef").await, made.id).await.unwrap().id, made.id);
    let said = op.announcement(&h.actor("lointain").await, made.id).await;
    assert_eq!(said.unwrap_err().code, RefusalCode::RightMissing);
    assert_eq!((made.body.as_deref(), made.text.lines().count()), (Some("grades"), 2));
    while op.run_due_jobs().await.unwrap() > 0 {}
    let taken = told();
    assert_eq!(taken.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["chef@exemple.fr"]);
    let text = &taken[0].1;
    assert!(!text.contains("2 h") && !text.contains("Maintenance"), "what is announced stays inside: {text}");
    assert!(
        text.contains("GRADeS") && text.contains("nord"),
        "from whom, and who processes the reader's data (F152): {text}"
    );
    announce("root", None).await.unwrap();
    while op.run_due_jobs().await.unwrap() > 0 {}
    assert_eq!(told().len(), 2, "every structure's administrators");
    let read = async |login: &str| op.announcements(&h.actor(login).await, None, 10).await.map(|l| l.len());
    assert_eq!((read("chef").await.unwrap(), read("lointain").await.unwrap(), read("agent").await.unwrap()), (2, 1, 2));
    assert_eq!(read("anne").await.unwrap_err().code, RefusalCode::RightMissing);
    // Nothing goes to an address that is known to be wrong.
    h.write(|tx| tx.execute("UPDATE people SET email_wrong = 1 WHERE login = 'chef'", &[])).await;
    announce("agent", Some("grades")).await.unwrap();
    while op.run_due_jobs().await.unwrap() > 0 {}
    assert!(told().is_empty(), "a wrong address");
    h.write(|tx| tx.execute("UPDATE people SET email_wrong = NULL WHERE login = 'chef'", &[])).await;
    // A domain that entered the trust space since the address was given gets no ordinary mail.
    h.write(|tx| tx.execute("UPDATE people SET email = 'chef@alpha.mssante.fr' WHERE login = 'chef'", &[])).await;
    announce("agent", Some("grades")).await.unwrap();
    while op.run_due_jobs().await.unwrap() > 0 {}
    assert!(told().is_empty(), "nothing goes into the trust space by the ordinary relay");
    let state = h.write(|tx| tx.query("SELECT state, code FROM notices ORDER BY id DESC LIMIT 1", &[])).await;
    assert_eq!(
        (state[0].text(0).unwrap(), state[0].text(1).unwrap()),
        ("refused".to_owned(), "trust_space".to_owned())
    );
}
