//! Running the operator: connectors, what is kept, files that are sent, the log, who could read.
use crate::support::{HERE, House};
use axum::http::{Method, StatusCode};
use sceau_domain::{BalKind, DomainKind, DomainName, RefusalCode};
use sceau_operator::accounts::structures::views::Settlement;
use sceau_operator::ledger::Direction::Out;
use sceau_operator::notary::NotarySettings;
use sceau_operator::queue::{Chosen, Holding};
use sceau_store::{StoreError, params};
use sceau_testkit::pages::Page;
use std::time::Duration;

const DOMAIN: &str = "alpha.mssante.fr";
/// A line a person, as a spreadsheet writes it.
const PEOPLE: &str = "Nom;Prénom;RPPS;Habilité\nEXEMPLE;Claire;10000000017;oui\nSANS-NUMERO;;;\n";

/// A domain, and a BAL in it, of no structure: `anne` answers for it, `bruno` works in it.
const BAL: &str = "cardiologie@alpha.mssante.fr";

async fn with_a_bal(h: &House) {
    h.op.add_domain(&h.admin, DOMAIN.parse().unwrap(), DomainKind::Production).await.unwrap();
    let more = |bal: &mut sceau_operator::accounts::NewBal| bal.members = vec!["bruno".into()];
    sceau_testkit::bal(&h.op, &h.admin, BAL, BalKind::Org, &["anne"], more).await;
}

/// The domain, of the structure `ici`.
async fn with_a_domain(h: &House) {
    h.op.add_domain(&h.admin, DOMAIN.parse().unwrap(), DomainKind::Production).await.unwrap();
    let version = h.op.structure(&h.admin, "ici").await.unwrap().version;
    let settlement = Settlement { domains: Some(vec![DOMAIN.to_owned()]), ..Settlement::default() };
    h.op.settle_structure(&h.admin, "ici", version, settlement).await.unwrap();
}

/// A form with a file, as a browser sends it.
async fn hand_in(h: &House, path: &str, cookie: &str, fields: &[(&str, &str)], file: &str) -> Page {
    let word = h.word(cookie.strip_prefix("__Host-sceau=").unwrap(), path);
    send_file(h, path, cookie, &[&[("jeton", word.as_str())], fields].concat(), file).await
}

async fn send_file(h: &House, path: &str, cookie: &str, fields: &[(&str, &str)], file: &str) -> Page {
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!("--fin\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    body.push_str("--fin\r\nContent-Disposition: form-data; name=\"file\"; filename=\"essai.csv\"\r\n");
    body.push_str(&format!("Content-Type: text/csv\r\n\r\n{file}\r\n--fin--\r\n"));
    let headers = [("cookie", cookie), ("origin", HERE), ("content-type", "multipart/form-data; boundary=fin")];
    h.browse(Method::POST, path, &headers, &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_is_made_tried_certified_and_ended_from_its_pages() {
    let h = House::staffed().await;
    with_a_domain(&h).await;
    let (cookie, place) = (h.as_one("administrator").await, "/console/connecteurs");
    // First the authority, then connectors.
    let list = h.get(place, &cookie).await;
    assert!(list.text.contains("/-/autorite") && !list.text.contains("/-/ajouter"), "{}", list.text);
    let made = h.press(&format!("{place}/-/autorite"), &cookie, "host=raccordements.alpha.mssante.fr").await;
    assert_eq!(made.header("location"), format!("{place}?fait=connecteurs-autorite"), "{}", made.text);
    let fields = format!("connector=chu&structure=ici&domains={DOMAIN}&host=mail.chu.example&port=2525&per_hour=100");
    let added = h.press(&format!("{place}/-/ajouter"), &cookie, &fields).await;
    assert_eq!(added.header("location"), format!("{place}/chu?fait=connecteurs-ajouter"), "{}", added.text);
    let sheet = h.get(&format!("{place}/chu"), &cookie).await;
    assert!(sheet.text.contains("mail.chu.example:2525") && sheet.text.contains("Sans certificat"), "{}", sheet.text);

    // A change begins with what is so, and says so when somebody else was faster.
    let form = h.get(&format!("{place}/chu/modifier"), &cookie).await;
    assert!(form.text.contains("value=\"mail.chu.example\"") && form.text.contains("value=\"100\""), "{}", form.text);
    let version = h.op.connector(&h.admin, "chu").await.unwrap().version;
    let fields = format!("version={version}&domains={DOMAIN}&host=&port=&tls_name=&senders=&per_hour=7");
    let changed = h.press(&format!("{place}/chu/modifier"), &cookie, &fields).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.text);
    let c = h.op.connector(&h.admin, "chu").await.unwrap();
    assert_eq!((c.per_hour, c.route.is_none(), c.senders.is_none()), (7, true, true));
    let late = h.press(&format!("{place}/chu/modifier"), &cookie, &fields).await;
    assert!(late.text.contains("modifié entre-temps"), "{}", late.text);

    // What it lacks is told by a test; a certificate and its key are shown once.
    let tried = h.press(&format!("{place}/chu/essayer"), &cookie, "").await;
    assert_eq!(tried.status, StatusCode::OK, "{}", tried.text);
    assert!(tried.text.contains("class=\"findings\"") && tried.text.contains("badge-no"), "{}", tried.text);
    let certified = h.press(&format!("{place}/chu/certifier"), &cookie, "way=make&shown=").await;
    assert!(certified.text.contains("BEGIN PRIVATE KEY"), "{}", certified.text);
    assert_eq!(certified.header("cache-control"), "no-store");
    let packed = h.press(&format!("{place}/chu/certifier"), &cookie, "way=pkcs12&shown=").await;
    assert!(packed.text.contains("download=\"chu.p12\"") && !packed.text.contains("PRIVATE KEY"), "{}", packed.text);
    let again = h.get(&format!("{place}/chu"), &cookie).await;
    assert!(!again.text.contains("PRIVATE KEY") && again.text.contains("/chu/revoquer?certificate="), "{}", again.text);
    let first = h.op.connector(&h.admin, "chu").await.unwrap().certificates[0].id;
    let revoked =
        h.press(&format!("{place}/chu/revoquer"), &cookie, &format!("certificate={first}&reason=perdu")).await;
    assert_eq!(revoked.status, StatusCode::SEE_OTHER, "{}", revoked.text);
    assert!(h.op.connector(&h.admin, "chu").await.unwrap().certificates[0].revoked.is_some());

    // Files for its server, each as a download.
    let files = h.get(&format!("{place}/chu/reglages"), &cookie).await;
    let script = format!("{place}/chu/reglages/postfix/sceau-chu-postfix.sh");
    assert!(files.text.contains(&script) && files.text.contains("/exchange/"), "{}", files.text);
    let file = h.get(&script, &cookie).await;
    assert!(file.text.starts_with("#!") && file.header("content-disposition").contains("attachment"), "{}", file.text);
    assert_eq!(h.get(&format!("{place}/chu/reglages/postfix/autre"), &cookie).await.status, StatusCode::NOT_FOUND);

    // A structure sees its own and has certificates made; what a connector is, the operator decides.
    let own = h.as_one("structure").await;
    let sheet = h.get(&format!("{place}/chu"), &own).await;
    assert!(sheet.text.contains("/chu/certifier") && !sheet.text.contains("/chu/suspendre"), "{}", sheet.text);
    assert_eq!(h.press(&format!("{place}/chu/terminer"), &own, "reason=x").await.status, StatusCode::FORBIDDEN);
    for (act, state) in [("suspendre", "suspended"), ("reprendre", "active"), ("terminer", "ended")] {
        let done = h.press(&format!("{place}/chu/{act}"), &cookie, "reason=essai").await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{act} {}", done.text);
        assert_eq!(h.op.connector(&h.admin, "chu").await.unwrap().state, state);
    }
    let over = h.get(&format!("{place}/chu"), &cookie).await;
    assert!(!over.text.contains("/chu/certifier") && !over.text.contains("/chu/reglages"), "{}", over.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_set_and_keeping_shorter_is_meant() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let place = "/console/conservation";
    let made = h.press(&format!("{place}/-/creer"), &cookie, "policy=maison&from_policy=promess").await;
    assert_eq!(made.header("location"), format!("{place}/maison?fait=conservation-creer"), "{}", made.text);
    let followed = h.press(&format!("{place}/maison/suivre"), &cookie, "structure=ici").await;
    assert_eq!(followed.status, StatusCode::SEE_OTHER, "{}", followed.text);
    let form = h.get(&format!("{place}/maison/regler"), &cookie).await;
    assert!(form.text.contains("Messages : Sans limite"), "{}", form.text);
    let version = h.op.retention_policy(&h.admin, "maison").await.unwrap().version;
    let fields = format!("version={version}&item=messages&count=6&unit=months&source=Choix");
    let shorter = h.press(&format!("{place}/maison/regler"), &cookie, &fields).await;
    assert!(
        shorter.text.contains("conserve moins longtemps") && shorter.text.contains("value=\"6\""),
        "{}",
        shorter.text
    );
    let meant = h.press(&format!("{place}/maison/regler"), &cookie, &format!("{fields}&shorter=oui")).await;
    assert_eq!(meant.status, StatusCode::SEE_OTHER, "{}", meant.text);
    let sheet = h.get(&format!("{place}/maison"), &cookie).await;
    assert!(sheet.text.contains("6\u{a0}mois") && sheet.text.contains("/maison/regler"), "{}", sheet.text);
    // What is due costs a look at every message that is kept: when it is asked for.
    assert!(sheet.text.contains("/maison?compter=oui") && !sheet.text.contains("id=\"due\""), "{}", sheet.text);
    let due = h.get(&format!("{place}/maison?compter=oui"), &cookie).await;
    assert!(due.text.contains("id=\"due\"") && !due.text.contains("Compter ce qui"), "{}", due.text);
    // A preset is followed, never changed. Whoever may not change anything sees the times all the same.
    let preset = h.get(&format!("{place}/promess"), &cookie).await;
    assert!(preset.text.contains("/promess/suivre") && !preset.text.contains("/promess/regler"), "{}", preset.text);
    for login in ["structure", "region", "support", "auditor"] {
        let seen = h.get(&format!("{place}/maison"), &h.as_one(login).await).await;
        assert_eq!(seen.status, StatusCode::OK, "{login} {}", seen.text);
        assert!(!seen.text.contains("/maison/regler"), "{login}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_placed_seen_by_the_auditor_and_lifted() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let fields = "held=person&held_name=anne&authority=Tribunal+12/34&reason=Enqu%C3%AAte";
    let placed = h.press("/console/gels/-/placer", &cookie, fields).await;
    assert_eq!(placed.status, StatusCode::SEE_OTHER, "{}", placed.text);
    let id = h.op.holds(&h.admin, false, 0, 10).await.unwrap()[0].id.clone();
    assert_eq!(placed.header("location"), format!("/console/gels/{id}?fait=gels-placer"));
    let auditor = h.as_one("auditor").await;
    let list = h.get("/console/gels", &auditor).await;
    assert!(list.text.contains("Tribunal 12/34") && !list.text.contains("/-/placer"), "{}", list.text);
    let lifted = h.press(&format!("/console/gels/{id}/lever"), &cookie, "reason=Fini").await;
    assert_eq!(lifted.status, StatusCode::SEE_OTHER, "{}", lifted.text);
    let sheet = h.get(&format!("/console/gels/{id}"), &auditor).await;
    assert!(sheet.text.contains("Fini") && !sheet.text.contains("/lever"), "{}", sheet.text);
    assert!(!h.get("/console/gels", &auditor).await.text.contains("Tribunal 12/34"));
    assert!(h.get("/console/gels?aussi=lifted", &auditor).await.text.contains("Tribunal 12/34"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_set_for_a_place_and_taken_away() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let sheet = "/console/limites/recipients";
    let form = h.get(&format!("{sheet}/fixer"), &cookie).await;
    assert!(form.text.contains("<option value=\"recipients\" selected>"), "{}", form.text);
    let fields = "scope=structure&subject=ici&limit=recipients&value=12";
    let set = h.press(&format!("{sheet}/fixer"), &cookie, fields).await;
    assert_eq!(set.header("location"), format!("{sheet}?fait=limites-fixer"), "{}", set.text);
    let page = h.get(sheet, &cookie).await;
    assert!(page.text.contains("/retirer?scope=structure&amp;subject=ici"), "{}", page.text);
    // Values of other limits stand in the same list: those of this one are found however many there are of them.
    let more = h.store.write(|tx| {
        for i in 0..1_200_i64 {
            let sql = "INSERT INTO policy_values (scope, subject, name, value, set_by, at) VALUES ('bal', $1, 'folders', '9', 'root', 0)";
            tx.execute(sql, params![(1_000_000 + i).to_string()])?;
        }
        Ok(())
    });
    more.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let page = h.get(sheet, &cookie).await;
    assert!(page.text.contains("/retirer?scope=structure&amp;subject=ici") && !page.text.contains("rel=\"next\""));
    let other = h.get("/console/limites/folders", &cookie).await;
    assert_eq!(other.text.matches("/limites/folders/retirer").count(), 100, "a page of them");
    assert!(other.text.contains("/console/limites/folders?apres="), "and the way on");
    let gone = h.press(&format!("{sheet}/retirer"), &cookie, "scope=structure&subject=ici").await;
    assert_eq!(gone.header("location"), format!("{sheet}?fait=limites-retirer"), "{}", gone.text);
    let left = h.op.policy_values(&h.admin, None, None, 1_000).await.unwrap();
    assert!(left.iter().all(|v| v.name == "folders"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_people_is_tried_and_its_lines_are_shown() {
    let h = House::staffed().await;
    let (cookie, path) = (h.as_one("administrator").await, "/console/imports/nouveau");
    let page = h.get(path, &cookie).await;
    assert!(page.text.contains("multipart/form-data") && page.text.contains("type=\"file\""), "{}", page.text);
    assert!(page.text.contains("name=\"dry_run\" value=\"oui\" checked"), "{}", page.text);
    // The word is asked before the file, wherever the form comes from.
    for fields in [&[][..], &[("jeton", "faux")]] {
        let refused = send_file(&h, path, &cookie, fields, PEOPLE).await;
        assert!(refused.status.is_client_error(), "{} {}", refused.status, refused.text);
    }
    assert!(h.op.imports(&h.admin, None, 10).await.unwrap().is_empty());
    let empty = hand_in(&h, path, &cookie, &[("dry_run", "oui")], "Rien\n").await;
    assert!(empty.status.is_client_error() && empty.text.contains("banner-no"), "{}", empty.text);
    let sent = hand_in(&h, path, &cookie, &[("structure", "ici"), ("dry_run", "oui")], PEOPLE).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
    let sheet = h.get(sent.header("location"), &cookie).await;
    assert_eq!(sheet.status, StatusCode::OK, "{}", sheet.text);
    let found = h.op.imports(&h.admin, None, 10).await.unwrap();
    let tried = found.iter().find(|i| i.structure.as_deref() == Some("ici")).unwrap();
    assert!(tried.dry_run && !tried.certified && tried.name == "essai.csv" && tried.lines == 2, "{tried:?}");
    assert!(sheet.text.contains("essai.csv") && sheet.text.contains("À blanc"), "{}", sheet.text);
    let report = h.get(&format!("/console/imports/{}/compte-rendu", tried.id), &cookie).await;
    assert!(report.header("content-disposition").contains("attachment"), "{}", report.text);
    assert!(report.text.lines().count() == 3 && report.text.contains("SANS-NUMERO"), "{}", report.text);
    // A structure imports its own people, nobody else's; support imports nothing.
    let own = h.as_one("structure").await;
    let sent = hand_in(&h, path, &own, &[("structure", "ailleurs"), ("dry_run", "oui")], PEOPLE).await;
    assert_eq!(sent.status, StatusCode::FORBIDDEN, "{}", sent.text);
    let support = h.as_one("support").await;
    assert_eq!(h.get(path, &support).await.status, StatusCode::FORBIDDEN);
    assert_eq!(hand_in(&h, path, &support, &[], PEOPLE).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_table_is_replaced_by_a_file_and_searched() {
    let h = House::staffed().await;
    let (cookie, path) = (h.as_one("administrator").await, "/console/references/essais/importer");
    let table = "Code;Libellé\nE1;Cardiologie d'essai\nE2;Rhumatologie\n";
    let sent = hand_in(&h, path, &cookie, &[("source", "Fichier de l'essai")], table).await;
    assert_eq!(sent.header("location"), "/console/references/essais", "{}", sent.text);
    let auditor = h.as_one("auditor").await;
    let all = h.get("/console/references", &auditor).await;
    assert!(all.text.contains("essais") && all.text.contains("Fichier de l&#39;essai"), "{}", all.text);
    let found = h.get("/console/references/essais?q=rhuma", &auditor).await;
    assert!(found.text.contains("Rhumatologie") && !found.text.contains("Cardiologie"), "{}", found.text);
    assert!(!found.text.contains("/importer"), "{}", found.text);
    assert_eq!(hand_in(&h, path, &auditor, &[], table).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_read_on_a_day_is_told() {
    let h = House::staffed().await;
    with_a_bal(&h).await;
    let (address, cookie) = (BAL, h.as_one("auditor").await);
    let asked = h.get("/console/lecteurs", &cookie).await;
    assert!(asked.text.contains("name=\"bal\"") && asked.text.contains("name=\"jour\""), "{}", asked.text);
    let before = h.get(&format!("/console/lecteurs?bal={address}&jour=2001-01-01"), &cookie).await;
    assert_eq!(before.status, StatusCode::OK, "{}", before.text);
    let table = |page: &Page, id: &str| {
        let (_, rest) = page.text.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("{id} {}", page.text));
        rest.split("</section>").next().unwrap_or_default().to_owned()
    };
    assert!(!table(&before, "readers").contains("/console/personnes/bruno"), "{}", before.text);
    assert!(table(&before, "access_history").contains("/console/personnes/bruno"), "{}", before.text);
    let today = h.get(&format!("/console/lecteurs?bal={address}"), &cookie).await;
    assert!(table(&today, "readers").contains("/console/personnes/bruno"), "{}", today.text);
    // Not a structure's that it does not belong to.
    let other = h.get(&format!("/console/lecteurs?bal={address}"), &h.as_one("structure").await).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN, "{}", other.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_directories_show_of_a_person_is_told() {
    let h = House::staffed().await;
    with_a_bal(&h).await;
    let page = h.get("/console/personnes/anne/publication", &h.as_one("auditor").await).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains(BAL) && page.text.contains("Pas encore choisi"), "{}", page.text);
    let nothing = h.get("/console/personnes/bruno/publication", &h.as_one("administrator").await).await;
    assert!(
        nothing.text.contains("rien n'est publié") || nothing.text.contains("rien n’est publié"),
        "{}",
        nothing.text
    );
    let other = h.get("/console/personnes/bruno/publication", &h.as_one("structure").await).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_auditor_finds_a_trace_proves_it_and_verifies_the_log() {
    let h = House::staffed().await;
    let cookie = h.as_one("auditor").await;
    let found = h.get("/console/traces?acte=role.granted", &cookie).await;
    let mut ids = found.text.split("href=\"/console/traces/").skip(1).filter_map(|rest| rest.split('"').next());
    let id = ids.find(|id| !id.contains('/')).unwrap().to_owned();
    let sheet = h.get(&format!("/console/traces/{id}"), &cookie).await;
    assert_eq!(sheet.status, StatusCode::OK, "{}", sheet.text);
    assert!(sheet.text.contains("role.granted") && sheet.text.contains(&format!("/{id}/preuve")), "{}", sheet.text);
    assert_eq!(h.get("/console/traces/5", &cookie).await.status, StatusCode::NOT_FOUND);
    // An act says what it is about, not a number.
    let form = h.get(&format!("/console/traces/{id}/preuve"), &cookie).await;
    assert!(form.text.contains("Rôle donné – root"), "{}", form.text);
    // Each look is a trace, of one trace too, and from a day on where there is nothing.
    let looks = async || {
        let count = |tx: &mut dyn sceau_store::Tx| {
            let sql = "SELECT COUNT(*) FROM traces WHERE act = 'trace.listed' AND actor = 'auditor'";
            tx.query_opt(sql, &[])?.expect("a count").int(0)
        };
        h.store.read(count).await.unwrap_or_else(|e: StoreError| panic!("{e}"))
    };
    let before = looks().await;
    h.get(&format!("/console/traces/{id}"), &cookie).await;
    h.get("/console/traces?depuis=2001-01-01&acte=mail.infected", &cookie).await;
    assert_eq!(looks().await, before + 2);

    let checkpoints = h.store.folder().join("outside/checkpoints.jsonl");
    let notary = h.op.notary(NotarySettings { checkpoints, every: Duration::from_secs(5), hold: None });
    while notary.round().await.unwrap() > 0 {}
    let log = h.get("/console/journal", &cookie).await;
    assert!(log.text.contains("/-/verifier"), "{}", log.text);
    let key = log.text.split("href=\"/console/journal/cles/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let key = h.get(&format!("/console/journal/cles/{key}"), &cookie).await;
    assert!(key.text.starts_with("-----BEGIN PUBLIC KEY"), "{}", key.text);
    let proof = h.press(&format!("/console/traces/{id}/preuve"), &cookie, "").await;
    assert!(proof.text.contains("\"checkpoint\"") && proof.header("content-disposition").contains("preuve-"));
    let good = h.press("/console/journal/-/verifier", &cookie, "").await;
    assert!(good.text.contains("Journal intact") && good.text.contains("badge-ok"), "{}", good.text);
    let id: i64 = id.parse().unwrap();
    let sql = "UPDATE traces SET actor = 'personne' WHERE id = $1";
    h.store.write(move |tx| tx.execute(sql, params![id])).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let bad = h.press("/console/journal/-/verifier", &cookie, "").await;
    assert!(bad.text.contains(&format!("La trace {id} a été modifiée")), "{}", bad.text);
    assert!(!bad.text.contains("Journal intact"), "{}", bad.text);
    assert_eq!(
        h.press("/console/journal/-/verifier", &h.as_one("support").await, "").await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_and_health_are_drawn_and_a_destination_is_held() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let beta: DomainName = "beta.mssante.fr".parse().unwrap();
    assert!(!h.get("/console/sante", &cookie).await.text.contains("<svg class=\"plot\""));
    h.op.peer_failed(Out, Some(&beta), None, RefusalCode::TransferTls);
    h.op.flush_ledger().await;
    for path in ["/console/sante", "/console/file"] {
        let page = h.get(path, &cookie).await;
        assert!(
            page.text.contains("<svg class=\"plot\"") && page.text.contains("Échecs par jour"),
            "{path} {}",
            page.text
        );
    }
    // Without an engine, the trial says so.
    let tried = h.press("/console/sante/-/essayer-antivirus", &cookie, "").await;
    assert!(!tried.status.is_success() && tried.text.contains("banner-no"), "{} {}", tried.status, tried.text);
    let held =
        h.press("/console/file/-/retenir-destination", &cookie, "destination=beta.mssante.fr&reason=essai").await;
    assert_eq!(held.header("location"), "/console/file?fait=file-retenir-destination", "{}", held.text);
    let page = h.get("/console/file", &cookie).await;
    assert!(page.text.contains("/-/liberer-destination?destination=beta"), "{}", page.text);
    let free = h.press("/console/file/-/liberer-destination", &cookie, "destination=beta.mssante.fr").await;
    assert_eq!(free.status, StatusCode::SEE_OTHER, "{}", free.text);
    assert!(!h.get("/console/file", &cookie).await.text.contains("/-/liberer-destination"));
    // However many destinations there are, each is found.
    for i in 0..110 {
        let chosen = Chosen::Destination(format!("d{i:03}.mssante.fr").parse().unwrap());
        h.op.queue_hold(&h.admin, &chosen, &Holding { why: "essai".into(), until: None }).await.unwrap();
    }
    let first = h.get("/console/file", &cookie).await;
    assert!(first.text.contains("d050.mssante.fr") && !first.text.contains("d109.mssante.fr"), "a page of them");
    let next = first.text.split("href=\"").find(|rest| rest.contains("table=destinations\" rel=\"next\""));
    let next = next.and_then(|rest| rest.split('"').next()).expect("the way on").replace("&#38;", "&");
    assert!(h.get(&next.replace("&amp;", "&"), &cookie).await.text.contains("d109.mssante.fr"), "{next}");
    // Support tries again, and holds nothing.
    let support = h.as_one("support").await;
    assert_eq!(
        h.press("/console/file/-/retenir-destination", &support, "reason=x").await.status,
        StatusCode::FORBIDDEN
    );
}
