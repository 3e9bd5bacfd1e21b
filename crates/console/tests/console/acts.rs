//! Acts: what they say beforehand, what they do, who may, and what is asked of whoever carries them out.
use crate::support::House;
use axum::http::StatusCode;
use sceau_domain::{BalKind, DomainKind};
use sceau_operator::openings::{NewEnd, NewOpening};
use sceau_store::recoveries::{self, Recovery};
use sceau_store::{StoreError, accounts, alarms};

#[tokio::test(flavor = "multi_thread")]
async fn an_act_says_what_it_does_takes_its_reason_and_is_done() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let path = "/console/personnes/anne/bloquer";
    let page = h.get(path, &cookie).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("name=\"reason\"") && page.text.contains("ne peut plus rien ouvrir"), "{}", page.text);
    // Without a reason nothing happens, and the page stands there again.
    let refused = h.press(path, &cookie, "reason=").await;
    assert!(refused.status.is_client_error(), "{}", refused.status);
    assert!(refused.text.contains("banner-no") && refused.text.contains("name=\"reason\""), "{}", refused.text);
    assert!(h.op.person(&h.admin, "anne").await.unwrap().blocked.is_none());
    let done = h.press(path, &cookie, "reason=Enqu%C3%AAte+interne").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(done.header("location"), "/console/personnes/anne?fait=personnes-bloquer");
    assert!(h.op.person(&h.admin, "anne").await.unwrap().blocked.is_some());
    let sheet = h.get("/console/personnes/anne?fait=personnes-bloquer", &cookie).await;
    assert!(
        sheet.text.contains("La personne est bloquée.") && sheet.text.contains("Enquête interne"),
        "{}",
        sheet.text
    );
    assert!(sheet.text.contains("/anne/debloquer") && !sheet.text.contains("/anne/bloquer"));
    // Nothing but what the console says is ever shown as done.
    let forged = h.get("/console/personnes/anne?fait=Votre-compte-est-clos", &cookie).await;
    assert!(!forged.text.contains("Votre-compte"), "{}", forged.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_back_asks_for_a_proof_of_this_moment() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    h.store.clock.advance_ms(11 * 60_000);
    let path = "/console/personnes/anne/bloquer";
    let page = h.get(path, &cookie).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    assert_eq!(page.header("location"), format!("/connexion/confirmer?vers={path}"));
    // What was written meanwhile stays, with the way to prove it beside.
    let pressed = h.press(path, &cookie, "reason=Longue+explication").await;
    assert_eq!(pressed.status, StatusCode::FORBIDDEN, "{}", pressed.text);
    for part in ["Longue explication", "href=\"/connexion/confirmer\" target=\"_blank\""] {
        assert!(pressed.text.contains(part), "{part} is not in {}", pressed.text);
    }
    assert!(h.op.person(&h.admin, "anne").await.unwrap().blocked.is_none());
    // Mail that goes back is gone; where a structure's mail goes is worth a proof, too; whoever leaves may take BALs along.
    for path in ["/console/file/1/retourner", "/console/connecteurs/chu/modifier", "/console/personnes/anne/depart"] {
        let asked = h.get(path, &cookie).await;
        assert_eq!(asked.header("location"), format!("/connexion/confirmer?vers={path}"), "{}", asked.text);
    }
    // To verify a request that ends a BAL is to close it.
    h.op.add_domain(&h.admin, "alpha.mssante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
    sceau_testkit::bal(&h.op, &h.admin, "accueil@alpha.mssante.fr", BalKind::Org, &["anne"], |_| {}).await;
    let end = NewEnd { address: "accueil@alpha.mssante.fr".into(), reason: "fusion".into() };
    let asked = h.op.ask_opening(&h.admin, NewOpening::End(end)).await.unwrap();
    let path = format!("/console/demandes/{}/verifier", asked.id);
    let shown = h.get(&path, &cookie).await;
    assert!(shown.header("location").starts_with("/connexion/confirmer?vers="), "{}", shown.text);
    assert_eq!(h.press(&path, &cookie, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(h.op.bal(&h.admin, "accueil@alpha.mssante.fr").await.unwrap().state, "active");
    // What can be taken back does not.
    assert_eq!(h.get("/console/demandes/-/ouvrir", &cookie).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_does_more_than_the_role_allows() {
    let h = House::staffed().await;
    for (login, path) in [
        ("support", "/console/personnes/anne/bloquer"),
        ("auditor", "/console/personnes/anne/inviter"),
        ("region", "/console/personnes/-/ajouter"),
        ("structure", "/console/limites/-/fixer"),
        // In one's place alone: the page asks, the call refuses.
        ("structure", "/console/personnes/bruno/bloquer"),
    ] {
        let cookie = h.as_one(login).await;
        let pressed = h.press(path, &cookie, "reason=x&value=1").await;
        assert_eq!(pressed.status, StatusCode::FORBIDDEN, "{login} {path} {}", pressed.text);
    }
    let cookie = h.as_one("administrator").await;
    assert_eq!(h.get("/console/personnes/anne/inconnu", &cookie).await.status, StatusCode::NOT_FOUND);
    assert!(h.op.person(&h.admin, "bruno").await.unwrap().blocked.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_waits_at_home_until_somebody_says_that_it_was_seen() {
    let h = House::staffed().await;
    let raised = h.store.write(|tx| {
        let now = tx.now();
        alarms::raise(tx, "white_list.fetch", "", "warning", "{}", now)
    });
    raised.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let cookie = h.as_one("support").await;
    assert!(h.get("/console", &cookie).await.text.contains("<strong>1</strong> <span>alarmes ouvertes"));
    let act = "/console/alarmes/white_list.fetch/acquitter";
    assert!(h.get("/console/alarmes", &cookie).await.text.contains(act));
    let done = h.press(act, &cookie, "").await;
    assert_eq!(done.header("location"), "/console/alarmes?fait=alarmes-acquitter", "{}", done.text);
    assert!(!h.get("/console/alarmes", &cookie).await.text.contains(act));
    assert!(h.get("/console", &cookie).await.text.contains("<strong>0</strong> <span>alarmes ouvertes"));
    let seen = h.get("/console/alarmes?aussi=cleared", &cookie).await;
    assert!(seen.text.contains("support") && !seen.text.contains(act), "{}", seen.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_added_certified_and_given_a_role() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let fields =
        "login=denis&given_name=Denis&family_name=Exemple&national_id=10000000017&structure=ici&function=Cadre";
    let added = h.press("/console/personnes/-/ajouter", &cookie, fields).await;
    assert_eq!(added.header("location"), "/console/personnes/denis?fait=personnes-ajouter", "{}", added.text);
    let certified = h.press("/console/personnes/denis/certifier", &cookie, "").await;
    assert_eq!(certified.status, StatusCode::SEE_OTHER, "{}", certified.text);
    assert!(h.op.person(&h.admin, "denis").await.unwrap().identity.at.is_some());
    let given =
        h.press("/console/roles/-/donner", &cookie, "login=denis&role=support&function=Cadre&reason=essai").await;
    assert_eq!(given.header("location"), "/console/roles?fait=roles-donner", "{}", given.text);
    let roles = h.get("/console/roles?login=denis", &cookie).await;
    assert!(roles.text.contains("Denis Exemple") && roles.text.contains("/retirer"), "{}", roles.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_means_are_replaced_is_named_before_somebody_confirms() {
    let h = House::staffed().await;
    let asked = h.store.write(|tx| {
        let person_id = accounts::person_by_login(tx, "anne")?.expect("anne").id;
        let asked_by = accounts::person_by_login(tx, "support")?.expect("support").id;
        let row = Recovery {
            id: 77,
            person_id,
            state: "asked".into(),
            checked: "pièce d'identité".into(),
            reason: "téléphone perdu".into(),
            asked: tx.now(),
            asked_by,
            confirmed: None,
            confirmed_by: None,
            opens: None,
            ended: None,
            version: 1,
        };
        recoveries::insert(tx, &row).map(drop)
    });
    asked.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let path = "/console/recuperations/77/confirmer";
    let page = h.get(path, &h.as_one("administrator").await).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("anne – par support"), "{}", page.text);
    // What is not there is not offered to be confirmed; whom one may not see is not named.
    let none = h.get("/console/recuperations/78/confirmer", &h.as_one("administrator").await).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND, "{}", none.text);
    let elsewhere = h.get(path, &h.as_one("region").await).await;
    assert!(elsewhere.status == StatusCode::FORBIDDEN && !elsewhere.text.contains("par support"), "{}", elsewhere.text);
}
