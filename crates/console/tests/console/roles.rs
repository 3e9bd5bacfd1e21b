//! Which pages are for which role, and whom each sees.
use crate::support::House;
use axum::http::StatusCode;
use sceau_domain::{BalKind, DomainKind};

/// Every page of the menu.
const PLACES: [&str; 29] = [
    "demandes",
    "personnes",
    "bal",
    "structures",
    "regions",
    "roles",
    "recuperations",
    "imports",
    "file",
    "partenaires",
    "liste-blanche",
    "certificats",
    "domaines",
    "connecteurs",
    "alarmes",
    "abus",
    "signalements",
    "annonces",
    "traces",
    "journal",
    "lecteurs",
    "autorites",
    "limites",
    "conservation",
    "gels",
    "references",
    "sante",
    "noeuds",
    "taches",
];

/// What each role does not see; written out here, so that a change of the table of rights is seen to be one of the console.
const HIDDEN: [(&str, &[&str]); 5] = [
    ("administrator", &[]),
    (
        "structure",
        &[
            "regions",
            "file",
            "partenaires",
            "liste-blanche",
            "certificats",
            "alarmes",
            "traces",
            "journal",
            "autorites",
            "gels",
            "sante",
            "noeuds",
            "taches",
        ],
    ),
    (
        "region",
        &[
            "recuperations",
            "imports",
            "file",
            "partenaires",
            "liste-blanche",
            "certificats",
            "connecteurs",
            "alarmes",
            "abus",
            "traces",
            "journal",
            "lecteurs",
            "autorites",
            "gels",
            "sante",
            "noeuds",
            "taches",
        ],
    ),
    ("support", &["traces", "journal", "gels"]),
    ("auditor", &["file"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_role_has_its_pages_and_no_others() {
    let h = House::staffed().await;
    for (login, hidden) in HIDDEN {
        let cookie = h.as_one(login).await;
        let home = h.get("/console", &cookie).await;
        assert_eq!(home.status, StatusCode::OK, "{login} {}", home.text);
        for place in PLACES {
            let path = format!("/console/{place}");
            let page = h.get(&path, &cookie).await;
            let wanted = if hidden.contains(&place) { StatusCode::FORBIDDEN } else { StatusCode::OK };
            assert_eq!(page.status, wanted, "{login} {place} {}", page.text);
            assert_eq!(home.text.contains(&format!("href=\"{path}\"")), wanted == StatusCode::OK, "{login} {place}");
            if wanted == StatusCode::OK {
                assert!(page.text.contains("aria-current=\"page\""), "{login} {place}");
                well_made(&path, &page.text);
            }
        }
        let english = h.get("/console?lang=en", &cookie).await;
        assert!(english.text.contains("Console home") && !english.text.contains("Accueil de la console"), "{login}");
    }
}

/// One heading of the first rank, ids that are told apart, labels of fields that are there, no key without its sentence.
fn well_made(path: &str, page: &str) {
    assert_eq!(page.matches("<h1").count(), 1, "{path}");
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for (i, id) in ids.iter().enumerate() {
        assert!(!ids[..i].contains(id), "{path} {id} twice");
    }
    for label in page.split(" for=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&label), "{path} {label}");
    }
    for target in ["liste", "lecture"] {
        assert!(ids.contains(&target), "{path} {target}");
    }
    for key in [">console.", "\"console.", "console.column", "console.word"] {
        let found = page.split(key).skip(1).any(|rest| !rest.starts_with("css"));
        assert!(!found, "{path} {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_role_finds_nothing_there() {
    let h = House::staffed().await;
    let cookie = h.as_one("anne").await;
    for path in ["/console", "/console/personnes", "/console/bal", "/console/personnes/bruno", "/console/demandes"] {
        assert_eq!(h.get(path, &cookie).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_structure_sees_its_own_people_and_nobody_else() {
    let h = House::staffed().await;
    let cookie = h.as_one("structure").await;
    let list = h.get("/console/personnes", &cookie).await;
    assert!(list.text.contains("/console/personnes/anne") && !list.text.contains("bruno"), "{}", list.text);
    let own = h.get("/console/personnes/anne", &cookie).await;
    assert_eq!(own.status, StatusCode::OK, "{}", own.text);
    well_made("/console/personnes/anne", &own.text);
    assert!(own.text.contains("/console/personnes/anne/bloquer"));
    // Somebody else's and nobody's are answered alike.
    let (other, nobody) =
        (h.get("/console/personnes/bruno", &cookie).await, h.get("/console/personnes/personne", &cookie).await);
    assert_eq!((other.status, nobody.status), (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
    let here = h.get("/console/structures", &cookie).await;
    assert!(here.text.contains("/console/structures/ici") && !here.text.contains("ailleurs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sheets_are_shown_to_whoever_may_see_them() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let sheets =
        ["/console/personnes/anne", "/console/structures/ici", "/console/regions/gi", "/console/limites/recipients"];
    for path in sheets {
        let page = h.get(path, &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{path} {}", page.text);
        well_made(path, &page.text);
    }
    for path in ["/console/personnes/personne", "/console/file/1", "/console/certificats/abc"] {
        assert_eq!(h.get(path, &cookie).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    // Support sees and helps; what gives or takes access is not offered to it.
    let support = h.get("/console/personnes/anne", &h.as_one("support").await).await;
    assert!(support.text.contains("/anne/inviter") && !support.text.contains("/anne/bloquer"), "{}", support.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bal_is_shown_without_its_content_and_its_request_with_its_steps() {
    let h = House::staffed().await;
    h.op.add_domain(&h.admin, "alpha.mssante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
    let address = "cardiologie@alpha.mssante.fr";
    let of_the_place = |bal: &mut sceau_operator::accounts::NewBal| bal.members = vec!["bruno".into()];
    sceau_testkit::bal(&h.op, &h.admin, address, BalKind::Org, &["anne"], of_the_place).await;
    let cookie = h.as_one("administrator").await;
    let sheet = format!("/console/bal/{address}");
    let page = h.get(&sheet, &cookie).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    well_made(&sheet, &page.text);
    assert!(page.text.contains("/console/personnes/bruno") && !page.text.contains("INBOX"), "{}", page.text);
    // One of its tables as a file: the accesses alone.
    let file = h.get(&format!("{sheet}?table=accesses&format=csv"), &cookie).await;
    assert_eq!(file.text.lines().count(), 3, "{}", file.text);
    let list = h.get("/console/demandes?etat=opened", &cookie).await;
    let mut ids = list.text.split("href=\"/console/demandes/").skip(1).filter_map(|rest| rest.split('"').next());
    let id = ids.find(|id| !id.contains('/')).unwrap();
    let request = h.get(&format!("/console/demandes/{id}"), &cookie).await;
    assert_eq!(request.status, StatusCode::OK, "{}", request.text);
    assert!(request.text.contains(&format!("href=\"{sheet}\"")), "{}", request.text);
    // An access is ended there, and the other one stays.
    let ended = h.press(&format!("{sheet}/retirer-acces"), &cookie, "login=bruno&reason=essai").await;
    assert_eq!(ended.header("location"), format!("{sheet}?fait=bal-retirer-acces"), "{}", ended.text);
    let accesses = h.op.accesses(&h.admin, address).await.unwrap();
    assert!(accesses.iter().all(|a| a.login != "bruno" || a.ended.is_some()), "{accesses:?}");
    // A structure's administrator sees nothing of what is not in the structure.
    assert_eq!(h.get(&sheet, &h.as_one("structure").await).await.status, StatusCode::FORBIDDEN);
}
