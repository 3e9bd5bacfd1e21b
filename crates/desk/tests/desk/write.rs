//! Writing without a script: kept, joined, sent, held back; and nothing that was typed is lost.
use crate::support::{HERE, Page, browse};
use axum::Router;
use axum::http::{Method, StatusCode};
use sceau_domain::RefusalCode;
use sceau_identity::factor::Factor;
use sceau_identity::session::csrf;
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::{World, addr};

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";

/// `anne`, signed in, at her BAL.
struct Anne {
    world: World,
    app: Router,
    session: String,
    cookie: String,
    bal: String,
}

impl Anne {
    async fn new() -> Self {
        let world = World::on(sceau_store::testing::sqlite().await, |_| {}).await;
        let app = sceau_web::app_with(world.op.clone(), sceau_desk::routes());
        let session = signed_in(&world.op, &world.store, "anne", &[Factor::Card]).await.0;
        let id = world.actor("anne", ANNE).await.bal.unwrap().id;
        let (cookie, bal) = (format!("__Host-sceau={session}"), format!("/bal/{}", world.op.bal_object(id)));
        Self { world, app, session, cookie, bal }
    }
    async fn get(&self, path: &str) -> Page {
        browse(&self.app, Method::GET, path, &[("cookie", self.cookie.as_str())], "").await
    }
    fn word(&self, path: &str) -> String {
        csrf(&self.world.op.form_key(&self.session), path)
    }
    /// Sends a form of ours.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send_with(path, &self.word(path), fields).await
    }
    async fn send_with(&self, path: &str, word: &str, fields: &[(&str, &str)]) -> Page {
        let all: Vec<String> =
            std::iter::once(&("jeton", word)).chain(fields).map(|(n, v)| format!("{n}={v}")).collect();
        let headers = [("origin", HERE), ("cookie", self.cookie.as_str())];
        browse(&self.app, Method::POST, path, &headers, &all.join("&")).await
    }
    /// The form of a new letter: where it goes.
    async fn begins(&self, behind: &str) -> (String, Page) {
        let page = self.get(&format!("{}/ecrire{behind}", self.bal)).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        let action = page.text.split('"').find(|p| p.contains("/ecrire/D")).unwrap_or_else(|| panic!("{}", page.text));
        (action.to_owned(), page)
    }
    /// Time passes, and what is due is done.
    async fn later(&self, seconds: i64) {
        self.world.advance(seconds);
        self.world.op.run_due_jobs().await.unwrap();
    }
}

fn led(page: &Page, to: &str) {
    assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, to), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_kept_sent_and_held_back() {
    let anne = Anne::new().await;
    let (form, page) = anne.begins("").await;
    assert!(page.text.contains("<textarea") && page.text.contains("enctype=\"multipart/form-data\""), "{}", page.text);
    assert_eq!(anne.world.count("drafts").await, 0, "looking keeps nothing");
    let typed = [("a", BRUNO), ("objet", "Bilan"), ("texte", "Bonjour%0D%0Ab")];
    led(&anne.send(&form, &[&typed[..], &[("version", "0"), ("faire", "enregistrer")]].concat()).await, &form);
    let page = anne.get(&form).await;
    assert!(page.text.contains("value=\"Bilan\"") && page.text.contains("Bonjour\nb</textarea>"), "{}", page.text);
    assert!(page.text.contains("name=\"version\" value=\"1\"") && page.text.contains("Enregistré le"), "{}", page.text);
    assert_eq!(anne.world.folder("anne", ANNE, "Drafts").await.len(), 1, "mail programs see it");
    let outbox = format!("{}/envois", anne.bal);
    led(&anne.send(&form, &[&typed[..], &[("version", "1"), ("faire", "envoyer")]].concat()).await, &outbox);
    led(&anne.get(&form).await, &outbox);
    let page = anne.get(&outbox).await;
    let hold = page.text.split('"').find(|p| p.ends_with("/retenir")).unwrap_or_else(|| panic!("{}", page.text));
    assert!(page.text.contains("Bilan") && page.text.contains("Part le"), "{}", page.text);
    led(&anne.send(hold, &[]).await, &form);
    anne.later(30).await;
    assert!(anne.world.inbox("bruno", BRUNO).await.is_empty());
    led(&anne.send(&form, &[&typed[..], &[("version", "3"), ("faire", "envoyer")]].concat()).await, &outbox);
    anne.later(10).await;
    assert_eq!(anne.world.inbox("bruno", BRUNO).await.len(), 1);
    assert_eq!(anne.world.folder("anne", ANNE, "Sent").await.len(), 1);
    assert!(anne.get(&outbox).await.text.contains("Rien en attente"));
    // It left: neither held back nor written on.
    let late = anne.send(hold, &[]).await;
    assert!(late.status == StatusCode::CONFLICT && late.text.contains("déjà parti"), "{}", late.text);
    assert_eq!(anne.get(&form).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_stays_whatever_happens() {
    let anne = Anne::new().await;
    let (form, _) = anne.begins("").await;
    let kept = |page: &Page| page.text.contains("Texte long");
    let typed = [("a", "inconnue@alpha.mssante.fr"), ("objet", "Bilan"), ("texte", "Texte long")];
    let with = |more: &[(&'static str, &'static str)]| [&typed[..], more].concat();
    // Nobody there: told beside the recipient.
    let page = anne.send(&form, &with(&[("version", "0"), ("faire", "envoyer")])).await;
    assert!(page.status.is_client_error() && page.says(RefusalCode::RcptUnknown) && kept(&page), "{}", page.text);
    assert!(page.text.contains("chip-no"), "{}", page.text);
    // Another window.
    let page = anne.send(&form, &with(&[("version", "7"), ("faire", "enregistrer")])).await;
    assert!(page.text.contains("modifié entre-temps") && kept(&page), "{}", page.text);
    assert!(page.text.contains("Reprendre l’autre version") || page.text.contains("Reprendre l'autre version"));
    assert!(page.text.contains("name=\"version\" value=\"1\""), "it may be kept all the same: {}", page.text);
    // A page of another session.
    let other = signed_in(&anne.world.op, &anne.world.store, "bruno", &[Factor::Card]).await.0;
    let old = csrf(&anne.world.op.form_key(&other), &form);
    let page = anne.send_with(&form, &old, &with(&[("version", "1"), ("faire", "envoyer")])).await;
    assert!(page.status.is_client_error() && page.says(RefusalCode::FormOld) && kept(&page), "{}", page.text);
    // A session that ended.
    let key = [("origin", HERE), ("cookie", "__Host-sceau-essai=abc")];
    let fields = format!("jeton={old}&version=1&a={BRUNO}&objet=x&texte=Texte%20long&faire=envoyer");
    let page = browse(&anne.app, Method::POST, &form, &key, &fields).await;
    assert!(page.status.is_client_error() && kept(&page) && page.text.contains("/connexion"), "{}", page.text);
    // A time that is over, one that is none.
    let typed = [("a", BRUNO), ("objet", "Bilan"), ("texte", "Texte long"), ("faire", "programmer")];
    for (version, when) in [("1", "2020-01-01T08:00"), ("2", "demain")] {
        let page = anne.send(&form, &[&typed[..], &[("version", version), ("quand", when)]].concat()).await;
        assert!(page.status.is_client_error() && kept(&page), "{when} {}", page.text);
    }
    assert!(anne.world.inbox("bruno", BRUNO).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_is_spoken_of_is_asked_for() {
    let anne = Anne::new().await;
    let (form, _) = anne.begins("").await;
    let typed = [("a", BRUNO), ("objet", "x"), ("texte", "Vous trouverez ci-joint le bilan.")];
    let page = anne.send(&form, &[&typed[..], &[("version", "0"), ("faire", "envoyer")]].concat()).await;
    assert!(page.status == StatusCode::OK && page.text.contains("envoyer-tel-quel"), "{}", page.text);
    let sent = anne.send(&form, &[&typed[..], &[("version", "1"), ("faire", "envoyer-tel-quel")]].concat()).await;
    led(&sent, &format!("{}/envois", anne.bal));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_with_the_form() {
    let anne = Anne::new().await;
    let (form, _) = anne.begins("").await;
    let part =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let file = "--b\r\nContent-Disposition: form-data; name=\"pieces\"; filename=\"bilan.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7\r\n";
    let empty = "--b\r\nContent-Disposition: form-data; name=\"pieces\"; filename=\"\"\r\n\r\n\r\n";
    let fields = [("jeton", anne.word(&form).as_str()), ("version", "0"), ("a", BRUNO), ("texte", "ci-joint")]
        .map(|(n, v)| part(n, v))
        .concat();
    let body = format!("{fields}{file}{empty}{}--b--\r\n", part("faire", "envoyer"));
    let headers =
        [("origin", HERE), ("cookie", anne.cookie.as_str()), ("content-type", "multipart/form-data; boundary=b")];
    led(&browse(&anne.app, Method::POST, &form, &headers, &body).await, &format!("{}/envois", anne.bal));
    anne.later(10).await;
    let inbox = anne.world.inbox("bruno", BRUNO).await;
    // `%PDF-1.7`
    assert!(
        inbox.len() == 1 && inbox[0].contains("filename=bilan.pdf") && inbox[0].contains("JVBERi0xLjc="),
        "{inbox:?}"
    );
    assert_eq!(anne.world.count("uploads").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_quotes_what_came() {
    let anne = Anne::new().await;
    let bruno = anne.world.actor("bruno", BRUNO).await;
    let text = sceau_testkit::world::letter(BRUNO, "question");
    anne.world
        .op
        .submit(&bruno, sceau_testkit::world::envelope(BRUNO, &[ANNE]), anne.world.message(&text))
        .await
        .unwrap();
    let actor = anne.world.actor("anne", ANNE).await;
    let message = anne.world.op.open_folder(&actor, "INBOX", true).await.unwrap().entries[0].message;
    let email = anne.world.op.email_object(message);
    let (form, page) = anne.begins(&format!("?repondre={email}&a=un")).await;
    let shows = |what: &str| assert!(page.text.contains(what), "{what}: {}", page.text);
    for what in [
        format!("value=\"{}\"", addr(BRUNO)).as_str(),
        "value=\"Re: question\"",
        "a écrit",
        "&gt; Bonjour question",
        email.as_str(),
    ] {
        shows(&what.replace("&gt;", "&#62;"));
    }
    let fields = [
        ("version", "0"),
        ("a", BRUNO),
        ("objet", "Re: question"),
        ("texte", "Oui"),
        ("repondre", email.as_str()),
        ("mode", "un"),
    ];
    led(&anne.send(&form, &[&fields[..], &[("faire", "envoyer")]].concat()).await, &format!("{}/envois", anne.bal));
    anne.later(10).await;
    assert!(anne.world.inbox("bruno", BRUNO).await[0].contains("In-Reply-To: <question@exemple.fr>"));
    let gone = anne.get(&format!("{}/ecrire?repondre={}&a=un", anne.bal, anne.world.op.email_object(7))).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_made_and_begun_with() {
    let anne = Anne::new().await;
    let place = format!("{}/modeles", anne.bal);
    assert!(anne.get(&place).await.text.contains("Rien encore"));
    let refused =
        anne.send(&place, &[("sorte", "template"), ("qui", "moi"), ("nom", ""), ("texte", "Gardez-moi")]).await;
    assert!(refused.status.is_client_error() && refused.text.contains("Gardez-moi"), "{}", refused.text);
    let made =
        anne.send(&place, &[("sorte", "template"), ("qui", "bal"), ("nom", "Convocation"), ("texte", "Venez.")]).await;
    led(&made, &place);
    let page = anne.get(&place).await;
    let begin = page.text.split('"').find(|p| p.contains("?modele=W")).unwrap_or_else(|| panic!("{}", page.text));
    let (_, letter) = anne.begins(begin.split_once("/ecrire").unwrap().1).await;
    assert!(letter.text.contains("value=\"Convocation\"") && letter.text.contains("Venez."), "{}", letter.text);
    let form = page.text.split('"').find(|p| p.starts_with(&format!("{place}/W"))).unwrap().to_owned();
    led(
        &anne
            .send(&form, &[("version", "1"), ("nom", "Rappel"), ("texte", "Revenez."), ("faire", "enregistrer")])
            .await,
        &place,
    );
    let stale = anne.send(&form, &[("version", "1"), ("nom", "x"), ("texte", "y"), ("faire", "enregistrer")]).await;
    assert!(stale.text.contains("modifié entre-temps") && stale.text.contains("Rappel"), "{}", stale.text);
    led(&anne.send(&form, &[("version", "2"), ("faire", "supprimer")]).await, &place);
    assert!(!anne.get(&place).await.text.contains("Rappel"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_receive_is_told_while_one_types() {
    let anne = Anne::new().await;
    let path = format!("{}/destinataires", anne.bal);
    let fields = format!("jeton={}&a={BRUNO}, inconnue@alpha.mssante.fr&cc=bruno", anne.word(&path));
    let headers = [("origin", HERE), ("cookie", anne.cookie.as_str()), ("x-sceau-part", "chips")];
    let piece = browse(&anne.app, Method::POST, &path, &headers, &fields).await;
    assert_eq!((piece.status, piece.header("x-sceau-part")), (StatusCode::OK, "chips"), "{}", piece.text);
    assert!(!piece.text.contains("<html") && !piece.text.contains(BRUNO), "{}", piece.text);
    assert_eq!(piece.text.matches("chip-no").count(), 2, "{}", piece.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_sends_files_by_pieces_and_takes_them_up_again() {
    let anne = Anne::new().await;
    let (form, _) = anne.begins("").await;
    led(&anne.send(&form, &[("version", "0"), ("a", BRUNO), ("faire", "enregistrer")]).await, &form);
    let begun =
        anne.send(&format!("{form}/piece"), &[("nom", "a.txt"), ("sorte", "text/plain"), ("taille", "10")]).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
    let words: Vec<&str> = begun.text.split('"').collect();
    let said = |name: &str| words[words.iter().position(|w| *w == name).unwrap() + 2];
    let (to, word) = (said("to"), said("jeton"));
    let push = async |at: u64, word: &str, bytes: &str| {
        let headers = [
            ("origin", HERE),
            ("cookie", anne.cookie.as_str()),
            ("content-type", "application/octet-stream"),
            ("x-sceau-jeton", word),
        ];
        browse(&anne.app, Method::POST, &format!("{to}?a={at}"), &headers, bytes).await
    };
    assert_eq!(push(0, word, "01234").await.text, "{\"held\":5}");
    // The answer was lost: it is told where to go on.
    assert_eq!(push(0, word, "01234").await.text, "{\"held\":5}");
    let forged = push(5, "", "56789").await;
    assert!(forged.status.is_client_error() && forged.says(RefusalCode::FormForged), "{}", forged.text);
    assert_eq!(push(5, word, "56789").await.text, "{\"held\":10}");
    let page = anne.get(&form).await;
    assert!(page.text.contains("a.txt") && !page.text.contains("Arrivé en partie"), "{}", page.text);
    let large = anne.send(&format!("{form}/piece"), &[("nom", "b"), ("taille", "999999999")]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", large.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_meant_is_found_with_and_without_a_script() {
    let anne = Anne::new().await;
    let path = format!("{}/destinataires", anne.bal);
    let headers = [("cookie", anne.cookie.as_str()), ("x-sceau-part", "chips")];
    let piece = browse(&anne.app, Method::GET, &format!("{path}?q=petit"), &headers, "").await;
    assert_eq!((piece.status, piece.header("x-sceau-part")), (StatusCode::OK, "chips"), "{}", piece.text);
    assert!(piece.text.contains("role=\"option\"") && piece.text.contains(BRUNO), "{}", piece.text);
    assert!(!piece.text.contains("<html") && !piece.text.contains("chloe"), "{}", piece.text);
    let none = browse(&anne.app, Method::GET, &format!("{path}?q=b"), &headers, "").await;
    assert!(none.status == StatusCode::OK && none.text.trim().is_empty(), "{}", none.text);
    // A page to look for somebody leads to a letter to them.
    let page = anne.get(&format!("{path}?q=petit")).await;
    let write = page.text.split('"').find(|p| p.contains("/ecrire?a=")).unwrap_or_else(|| panic!("{}", page.text));
    assert!(anne.get(write).await.text.contains(&format!("&#60;{BRUNO}&#62;")), "{write}");
    assert!(anne.get(&format!("{path}?q=%3Cb%3Ezz")).await.text.contains("Personne ne correspond"));
    // Within a letter, without losing what was typed.
    let (form, _) = anne.begins("").await;
    let typed = [("objet", "Bilan"), ("texte", "Texte long"), ("a", "chloe")];
    let looked = [("version", "0"), ("faire", "chercher"), ("cherche", "petit")];
    let page = anne.send(&form, &[&typed[..], &looked].concat()).await;
    assert!(page.status == StatusCode::OK && page.text.contains("Texte long"), "{}", page.text);
    let put = page.text.split('"').find(|p| p.starts_with("vers-cc ")).unwrap_or_else(|| panic!("{}", page.text));
    let put = put.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">");
    led(&anne.send(&form, &[&typed[..], &[("version", "1"), ("faire", put.as_str())]].concat()).await, &form);
    let page = anne.get(&form).await;
    assert!(
        page.text.contains(&format!("&#60;{BRUNO}&#62;\"")) && page.text.contains("value=\"chloe\""),
        "{}",
        page.text
    );
    assert!(page.text.contains("2 destinataires, 5 au plus"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn form_is_kept_with_and_without_a_script() {
    let anne = Anne::new().await;
    let (form, _) = anne.begins("").await;
    let rich = "<div>Bonjour <b onclick=x()>Bruno</b><script>x()</script></div><div>Merci</div>";
    let typed = [("a", BRUNO), ("objet", "x")];
    let from_script = [("version", "0"), ("riche", rich), ("forme", "riche"), ("texte", "n'importe")];
    led(&anne.send(&form, &[&typed[..], &from_script, &[("faire", "enregistrer")]].concat()).await, &form);
    let page = anne.get(&form).await;
    let made = "<div>Bonjour <b>Bruno</b></div><div>Merci</div>";
    assert!(page.text.contains(made) && page.text.contains("Bonjour Bruno\nMerci\n</textarea>"), "{}", page.text);
    assert!(!page.text.contains("onclick") && !page.text.contains("x()"), "{}", page.text);
    // Without a script the form stays while the text does, and goes with it.
    let send = async |version: &str, text: &str| {
        let fields = [("version", version), ("riche", made), ("forme", ""), ("texte", text), ("faire", "enregistrer")];
        led(&anne.send(&form, &[&typed[..], &fields].concat()).await, &form);
        anne.get(&form).await.text.contains(made)
    };
    assert!(send("1", "Bonjour Bruno%0D%0AMerci%0D%0A").await);
    assert!(!send("1", "Bonjour Paul").await);
}
