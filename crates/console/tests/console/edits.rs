//! What is changed from the console's forms: they begin with what is so, take what was touched, and say when somebody else was faster.
use crate::support::House;
use axum::http::StatusCode;
use sceau_domain::{BalKind, DomainKind, RefusalCode};
use sceau_operator::accounts::NewBal;

/// The value of a field as a page has it.
fn value(page: &str, name: &str) -> String {
    let field = page
        .split("<input")
        .find(|rest| rest.contains(&format!("name=\"{name}\"")))
        .unwrap_or_else(|| panic!("{name}: {page}"));
    let value = field.split("value=\"").nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_default().to_owned()
}

/// A day after so many others, by the clock of the test.
fn day(h: &House, days: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(h.op.clock().now().0 + days * 86_400_000).unwrap();
    at.strftime("%Y-%m-%d").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_edited_from_what_was_read() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let path = "/console/personnes/anne/modifier";
    let page = h.get(path, &cookie).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert_eq!(
        (value(&page.text, "given_name").as_str(), value(&page.text, "family_name").as_str()),
        ("Prénom", "Nom")
    );
    let version = value(&page.text, "version");
    let filled = |given: &str, version: &str| {
        format!(
            "given_name={given}&family_name=Nom&name=anne&national_id=&profession=&speciality=&habilitated=oui&version={version}"
        )
    };
    let done = h.press(path, &cookie, &filled("Anne", &version)).await;
    assert_eq!(done.header("location"), "/console/personnes/anne?fait=personnes-modifier", "{}", done.text);
    let anne = h.op.person(&h.admin, "anne").await.unwrap();
    assert_eq!((anne.given_name.as_deref(), anne.identity.at, anne.habilitated), (Some("Anne"), None, true));
    let waits = h.get("/console/personnes?etat=uncertified", &cookie).await;
    assert!(waits.text.contains("/console/personnes/anne\"") && !waits.text.contains("/console/personnes/bruno\""));
    // Whoever opened the form before is told, and shown what is so now.
    let late = h.press(path, &cookie, &filled("Alice", &version)).await;
    assert_eq!(late.status.as_u16(), RefusalCode::EditConflict.http(), "{}", late.text);
    assert!(
        late.text.contains("a été modifié entre-temps") && value(&late.text, "given_name") == "Anne",
        "{}",
        late.text
    );
    assert_eq!(value(&late.text, "version"), anne.version.to_string());
    // What is wrong is said beside its field, by the field's name.
    let wrong = h
        .press(path, &cookie, &filled("Anne", &anne.version.to_string()).replace("national_id=", "national_id=12"))
        .await;
    assert!(wrong.status.is_client_error() && value(&wrong.text, "national_id") == "12", "{}", wrong.text);
    // Support helps with contacts alone.
    let support = h.as_one("support").await;
    assert_eq!(h.get(path, &support).await.status, StatusCode::FORBIDDEN);
    let contact = "/console/personnes/anne/coordonnees";
    let version = value(&h.get(contact, &support).await.text, "version");
    let done = h.press(contact, &support, &format!("email=&phone=%2B33199001234&version={version}")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(h.op.person(&h.admin, "anne").await.unwrap().phone.as_deref(), Some("+33199001234"));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_national_identifier_is_added_by_the_structure() {
    let h = House::staffed().await;
    let cookie = h.as_one("structure").await;
    let form = h.get("/console/personnes/-/ajouter", &cookie).await;
    // There is but one structure that can be meant.
    assert_eq!(value(&form.text, "structure"), "ici", "{}", form.text);
    let until = day(&h, 200);
    let fields = format!(
        "login=eve&given_name=Eve&family_name=Exemple&national_id=&identifier=ICI-1&exemption_reason=Secretaire\
         &exemption_until={until}&structure=ici&function=Secretaire"
    );
    let added = h.press("/console/personnes/-/ajouter", &cookie, &fields).await;
    assert_eq!(added.header("location"), "/console/personnes/eve?fait=personnes-ajouter", "{}", added.text);
    let eve = h.op.person(&h.admin, "eve").await.unwrap();
    assert_eq!(eve.exemption.map(|e| (e.identifier, e.stands)), Some(("ICI-1".to_owned(), true)));
    let form = h.get("/console/personnes/eve/exempter", &cookie).await;
    assert_eq!(value(&form.text, "exemption_until"), until, "the day that was given is still within");
    let sheet = h.get("/console/personnes/eve", &cookie).await;
    assert!(
        sheet.text.contains("/eve/fin-exemption") && sheet.text.contains("Aucune adresse de notification"),
        "{}",
        sheet.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn support_checks_a_profile_and_ends_one_session_of_that_person_alone() {
    let h = House::staffed().await;
    let (anne, bruno, support) = (h.as_one("anne").await, h.as_one("bruno").await, h.as_one("support").await);
    let find = h.get("/console/personnes?q=ANNE", &support).await;
    assert!(find.text.contains("/console/personnes/anne\"") && !find.text.contains("/console/personnes/bruno\""));
    let sheet = h.get("/console/personnes/anne", &support).await;
    for said in ["Vérification du profil", "est pas bloquée.", "/anne/remplacer-moyens", "/anne/inviter"] {
        assert!(sheet.text.contains(said), "{said}: {}", sheet.text);
    }
    let session = |page: &str, login: &str| {
        let link = format!("/{login}/fermer-session?session=");
        page.split(&link).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
    };
    let one = session(&sheet.text, "anne");
    let other = session(&h.get("/console/personnes/bruno", &support).await.text, "bruno");
    assert!(!one.is_empty() && !other.is_empty() && one != other, "{}", sheet.text);
    let path = "/console/personnes/anne/fermer-session";
    let foreign = h.press(path, &support, &format!("session={other}")).await;
    assert!(foreign.status.is_client_error(), "{}", foreign.status);
    let done = h.press(path, &support, &format!("session={one}")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    // Anne signs in anew; Bruno, who has no role, is still known.
    assert_eq!(h.get("/console", &anne).await.status, StatusCode::SEE_OTHER);
    assert_eq!(h.get("/console", &bruno).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bal_is_edited_its_choices_made_and_its_accesses_changed() {
    let h = House::staffed().await;
    h.op.add_domain(&h.admin, "alpha.mssante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
    let address = "cardiologie@alpha.mssante.fr";
    let with_bruno = |bal: &mut NewBal| bal.members = vec!["bruno".into()];
    sceau_testkit::bal(&h.op, &h.admin, address, BalKind::Org, &["anne"], with_bruno).await;
    let (cookie, support) = (h.as_one("administrator").await, h.as_one("support").await);
    let sheet = format!("/console/bal/{address}");
    // What is published of it.
    let path = format!("{sheet}/modifier");
    let form = h.get(&path, &cookie).await;
    let (name, version) = (value(&form.text, "name"), value(&form.text, "version"));
    let filled = |structure: &str| {
        let texts = "description=Avis&responsible_text=&service=Cardiologie&naming_override=";
        format!("name={}&{texts}&structure={structure}&version={version}", name.replace(' ', "+"))
    };
    // A structure that has not that domain takes no BAL of it: the page says why, and keeps what was written.
    let elsewhere = h.press(&path, &cookie, &filled("ici")).await;
    assert!(
        elsewhere.status.is_client_error() && value(&elsewhere.text, "service") == "Cardiologie",
        "{}",
        elsewhere.text
    );
    let done = h.press(&path, &cookie, &filled("")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let bal = h.op.bal(&h.admin, address).await.unwrap();
    assert_eq!((bal.name, bal.description.as_str(), bal.service.as_str()), (name, "Avis", "Cardiologie"));
    // Support has one choice: what it does not touch is not sent.
    let path = format!("{sheet}/choisir");
    let version = value(&h.get(&path, &support).await.text, "version");
    let done = h.press(&path, &support, &format!("red_list=&phone_published=&paperless=yes&version={version}")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let bal = h.op.bal(&h.admin, address).await.unwrap();
    assert_eq!((bal.red_list, bal.paperless), (None, Some(true)));
    // Bruno reads until a day, which is still within.
    let page = h.get(&sheet, &cookie).await;
    assert!(page.text.contains("changer-acces?login=bruno") && !page.text.contains("INBOX"), "{}", page.text);
    let path = format!("{sheet}/changer-acces");
    let form = h.get(&format!("{path}?login=bruno"), &cookie).await;
    assert!(form.text.contains("<option value=\"bruno\" selected>"), "{}", form.text);
    let (version, until) = (value(&form.text, "version"), day(&h, 30));
    let fields = format!("login=bruno&role=member&rights.read=oui&access_until={until}&reason=essai&version={version}");
    let done = h.press(&path, &cookie, &fields).await;
    assert_eq!(done.header("location"), format!("{sheet}?fait=bal-changer-acces"), "{}", done.text);
    let access = h.op.access(&h.admin, address, "bruno").await.unwrap();
    assert_eq!(access.rights, ["read"]);
    let form = h.get(&format!("{path}?login=bruno"), &cookie).await;
    assert_eq!(value(&form.text, "access_until"), until);
    let late = h.press(&path, &cookie, &fields).await;
    assert_eq!(late.status.as_u16(), RefusalCode::EditConflict.http(), "{}", late.text);
    assert_eq!(value(&late.text, "version"), access.version.to_string());
    // An absence, announced and ended.
    let path = format!("{sheet}/annoncer-absence");
    let version = value(&h.get(&path, &cookie).await.text, "version");
    let (first, last) = (day(&h, 1), day(&h, 9));
    let fields = format!("absence_from={first}&absence_until={last}&absence_text=De+retour&version={version}");
    let done = h.press(&path, &cookie, &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let form = h.get(&path, &cookie).await;
    assert!(value(&form.text, "absence_until") == last && form.text.contains("De retour</textarea>"), "{}", form.text);
    assert!(h.get(&sheet, &cookie).await.text.contains("/fin-absence"));
    let done = h.press(&format!("{sheet}/fin-absence"), &cookie, "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert!(!h.op.absence(&h.admin, address).await.unwrap().set);
    // A change of people as a request, which begins with who is there.
    let path = format!("{sheet}/demander-changement");
    let form = h.get(&path, &cookie).await;
    assert!(form.text.contains(">anne</textarea>") && form.text.contains(">bruno</textarea>"), "{}", form.text);
    let asked = h.press(&path, &cookie, "name=&holders=anne&members=bruno+administrator&reason=essai").await;
    assert!(asked.header("location").starts_with("/console/demandes/"), "{}", asked.text);
    let found = h.get("/console/demandes?q=cardio&tache=change", &cookie).await;
    assert!(found.text.contains(address), "{}", found.text);
    assert!(!h.get("/console/demandes?q=ailleurs", &cookie).await.text.contains(address));
    // The way to its limits, and to who could read it.
    assert!(
        page.text.contains("/console/limites/-/fixer?scope=bal") && page.text.contains("/console/lecteurs?bal="),
        "{}",
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn structures_bodies_and_domains_are_added_and_settled() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let added = h.press("/console/domaines/-/ajouter", &cookie, "domain=beta.mssante.fr&domain_kind=Production").await;
    assert_eq!(added.header("location"), "/console/domaines/beta.mssante.fr?fait=domaines-ajouter", "{}", added.text);
    let fields = "code=clinique&structure_name=Clinique&lines=1+rue+de+l%27Exemple%0D%0ABatiment+B&postcode=75000&town=Paris&contact_name=Dominique";
    let added = h.press("/console/structures/-/ajouter", &cookie, fields).await;
    assert_eq!(added.header("location"), "/console/structures/clinique?fait=structures-ajouter", "{}", added.text);
    let clinique = h.op.structure(&h.admin, "clinique").await.unwrap();
    assert_eq!(clinique.address.lines, ["1 rue de l'Exemple", "Batiment B"]);
    // Convention, domains and body in one form.
    let path = "/console/structures/clinique/convenir";
    let form = h.get(path, &cookie).await;
    assert!(
        form.text.contains("<option value=\"none\" selected>") && form.text.contains("<option value=\"gi\">"),
        "{}",
        form.text
    );
    let settled = format!(
        "convention=signed&convention_reference=CONV-1&convention_from=2026-01-01&convention_until=&opening=delegated\
         &domains=beta.mssante.fr&body=gi&version={}",
        clinique.version
    );
    let unsigned = h.press(path, &cookie, &settled.replace("CONV-1", "")).await;
    assert!(unsigned.status.is_client_error() && unsigned.text.contains("banner-no"), "{}", unsigned.text);
    let done = h.press(path, &cookie, &settled).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let clinique = h.op.structure(&h.admin, "clinique").await.unwrap();
    assert_eq!(
        (clinique.body.as_deref(), clinique.domains.as_slice(), clinique.opening.as_str()),
        (Some("gi"), &["beta.mssante.fr".to_owned()][..], "delegated")
    );
    // Found by a word of its name; the structure's own administrator changes how it is reached.
    let found = h.get("/console/structures?q=clin", &cookie).await;
    assert!(
        found.text.contains("/console/structures/clinique") && !found.text.contains("/console/structures/ailleurs")
    );
    let own = h.as_one("structure").await;
    let path = "/console/structures/ici/modifier";
    let version = value(&h.get(path, &own).await.text, "version");
    let fields = format!(
        "structure_name=ici&category=&finess_ej=&finess_eg=&siret=&lines=&postcode=35000&town=Rennes&territory=fr\
         &contact_name=&contact_function=&contact_email=&contact_phone=&version={version}"
    );
    let done = h.press(path, &own, &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(h.op.structure(&h.admin, "ici").await.unwrap().address.town, "Rennes");
    assert_eq!(h.get("/console/structures/ici/convenir", &own).await.status, StatusCode::FORBIDDEN);
    // A body, blocked and released.
    let added = h.press("/console/regions/-/ajouter", &cookie, "code=grades&body_name=GRADeS&contact_name=Alix").await;
    assert_eq!(added.header("location"), "/console/regions/grades?fait=regions-ajouter", "{}", added.text);
    let blocked = h.press("/console/regions/grades/bloquer", &cookie, "reason=essai").await;
    assert_eq!(blocked.status, StatusCode::SEE_OTHER, "{}", blocked.text);
    let sheet = h.get("/console/regions/grades", &cookie).await;
    assert!(sheet.text.contains("/grades/debloquer") && sheet.text.contains("Alix"), "{}", sheet.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_is_moved_by_whoever_decides_on_it() {
    let h = House::staffed().await;
    h.op.add_domain(&h.admin, "beta.mssante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
    let (cookie, support) = (h.as_one("administrator").await, h.as_one("support").await);
    let path = "/console/domaines/beta.mssante.fr";
    let sheet = h.get(path, &cookie).await;
    assert_eq!(sheet.status, StatusCode::OK, "{}", sheet.text);
    assert!(sheet.text.contains("/accueillir") && sheet.text.contains("/ceder"), "{}", sheet.text);
    // A day that is past is none.
    let past = h.press(&format!("{path}/ceder"), &cookie, "served_until=2020-01-01").await;
    assert!(past.status.is_client_error(), "{}", past.status);
    let done = h.press(&format!("{path}/accueillir"), &cookie, "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let sheet = h.get(path, &cookie).await;
    assert!(sheet.text.contains("/ne-plus-deplacer") && sheet.text.contains("Étapes du déplacement"), "{}", sheet.text);
    let seen = h.get(path, &support).await;
    assert!(seen.status == StatusCode::OK && !seen.text.contains("/ne-plus-deplacer"), "{}", seen.text);
    let ended = h.press(&format!("{path}/ne-plus-deplacer"), &cookie, "").await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER, "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_found_by_who_has_them_and_ended_from_the_sheet() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let found = h.get("/console/roles?q=audit", &cookie).await;
    assert!(
        found.text.contains("/console/personnes/auditor") && !found.text.contains("/console/personnes/support"),
        "{}",
        found.text
    );
    let sheet = h.get("/console/personnes/auditor", &cookie).await;
    let end = sheet.text.split("href=\"/console/roles/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let path = format!("/console/roles/{end}");
    // The page says whose role it is.
    assert!(h.get(&path, &cookie).await.text.contains("Auditeur"));
    let done = h.press(&path, &cookie, "reason=essai").await;
    assert_eq!(done.header("location"), "/console/roles?fait=roles-retirer", "{}", done.text);
    assert_eq!(h.get("/console", &h.as_one("auditor").await).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_says_what_is_left_to_decide() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let path = "/console/personnes/structure/depart";
    let form = h.get(path, &cookie).await;
    assert!(form.text.contains("<option value=\"ici\">") && !form.text.contains("ailleurs"), "{}", form.text);
    let left = h.press(path, &cookie, "structure=ici&personal=suspend&reason=essai").await;
    assert_eq!(left.status, StatusCode::OK, "{}", left.text);
    // It was the structure's administrator: the role ended, and nobody else has it.
    assert!(
        left.text.contains("plus d’administrateur") && left.text.contains("/console/structures/ici"),
        "{}",
        left.text
    );
    let gone = h.op.person(&h.admin, "structure").await.unwrap();
    assert!(gone.memberships.iter().all(|m| m.ended.is_some()), "{:?}", gone.memberships);
    let other =
        h.press("/console/personnes/bruno/depart", &cookie, "structure=ailleurs&personal=keep&reason=essai").await;
    assert!(other.text.contains("Rôles terminés"), "{}", other.text);
}
