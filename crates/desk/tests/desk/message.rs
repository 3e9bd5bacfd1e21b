//! The page of a message and its pieces: what stands in them, and with which headers.
use crate::support::{HERE, Page, browse};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sceau_identity::factor::Factor;
use sceau_operator::Actor;
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::{BETA, World, letter};
use tower::ServiceExt;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
/// A picture of one point.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// `anne`, signed in, with her BAL; `bruno`, who has another one.
struct Reader {
    world: World,
    app: Router,
    anne: Actor,
    cookie: String,
    /// Where her BAL is.
    bal: String,
}

impl Reader {
    async fn new() -> Self {
        Self::at(World::on(sceau_store::testing::sqlite().await, |_| {}).await).await
    }
    async fn at(world: World) -> Self {
        let app = sceau_web::app_with(world.op.clone(), sceau_desk::routes());
        let cookie = cookie(&world, "anne").await;
        let anne = world.actor("anne", ANNE).await;
        let bal = format!("/bal/{}", world.op.bal_object(anne.bal.as_ref().unwrap().id));
        Self { world, app, anne, cookie, bal }
    }
    /// Files a letter; where it is read.
    async fn filed(&self, text: &str) -> String {
        let op = &self.world.op;
        op.append(&self.anne, "INBOX", FlagSet::default(), None, self.world.message(text)).await.unwrap();
        let entries = op.open_folder(&self.anne, "INBOX", true).await.unwrap().entries;
        format!("{}/message/{}", self.bal, op.email_object(entries.last().unwrap().message))
    }
    /// An answer as bytes, to whoever has this cookie.
    async fn raw(&self, path: &str, cookie: &str, more: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let via = sceau_web::Via::Tls { remote: [192, 0, 2, 9].into(), tls: None };
        let mut request = Request::builder().uri(path).extension(via).header("cookie", cookie);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let response = self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, to_bytes(body, 4 << 20).await.unwrap().to_vec())
    }
    async fn file(&self, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        self.raw(path, &self.cookie, &[]).await
    }
    async fn get(&self, path: &str) -> Page {
        let (status, headers, bytes) = self.file(path).await;
        Page { status, headers, text: String::from_utf8(bytes).unwrap() }
    }
}

/// The cookie of somebody who signed in.
async fn cookie(world: &World, login: &str) -> String {
    format!("__Host-sceau={}", signed_in(&world.op, &world.store, login, &[Factor::Card]).await.0)
}

/// A letter of these parts.
fn mixed(subject: &str, parts: &[(&str, &str)]) -> String {
    let head = letter("zoe@exemple.fr", subject).replace(&format!("\r\n\r\nBonjour {subject}\r\n"), "\r\n");
    let body: String = parts.iter().map(|(head, body)| format!("--m\r\n{head}\r\n\r\n{body}\r\n")).collect();
    format!("{head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n{body}--m--\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_letter_is_read_on_its_page() {
    let reader = Reader::new().await;
    let text =
        letter("\"<b>Zoé\" <zoe@exemple.fr>", "bilan").replace("Bonjour bilan", "<i>Été</i> https://a.fr/x\r\n> cité");
    let at = reader.filed(&text).await;
    for lang in ["fr", "en"] {
        let page = reader.get(&format!("{at}?lang={lang}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert_eq!(page.text.matches("<h1>").count(), 1, "{}", page.text);
        assert!(page.text.contains("&lt;i&gt;Été&lt;/i&gt;") && page.text.contains("&lt;b&gt;Zoé"), "{}", page.text);
        assert!(!page.text.contains("<i>") && !page.text.contains("<iframe"), "{}", page.text);
        assert!(
            page.text.contains("class=\"quoted\"") && page.text.contains("/sortie?a=https%3A%2F%2Fa.fr%2Fx&amp;m=")
        );
        assert!(page.text.contains("badge-no"), "nothing is proven of what was filed");
        for leak in [">message.", "\"message.", ">page.", ">list."] {
            assert!(!page.text.contains(leak), "{leak}: {}", page.text);
        }
        let headers = reader.get(&format!("{at}/entetes?lang={lang}")).await;
        assert_eq!(headers.status, StatusCode::OK);
        assert!(headers.text.contains("<dt>Subject</dt><dd>bilan</dd>") && !headers.text.contains(">message."));
    }
    // The pane alone, for a script.
    let asked = [("x-sceau-part", "message"), ("sec-fetch-site", "same-origin")];
    let (_, _, pane) = reader.raw(&at, &reader.cookie, &asked).await;
    let pane = String::from_utf8(pane).unwrap();
    assert!(pane.trim_start().starts_with("<article") && !pane.contains("<html"), "{pane}");
    // Nobody else's.
    let bruno = cookie(&reader.world, "bruno").await;
    let own = reader.world.actor("bruno", BRUNO).await.bal.unwrap().id;
    let elsewhere = at.replace(&reader.bal, &format!("/bal/{}", reader.world.op.bal_object(own)));
    for path in [at.as_str(), &elsewhere] {
        for tail in [
            "",
            "/corps",
            "/imprimer",
            "/entetes",
            "/source",
            "/piece/1",
            "/piece/1/voir",
            "/piece/1/texte",
            "/pieces.zip",
        ] {
            let (status, ..) = reader.raw(&format!("{path}{tail}"), &bruno, &[]).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}{tail}");
        }
    }
    let gone = reader.get(&format!("{}/message/M0", reader.bal)).await;
    assert!(gone.status == StatusCode::NOT_FOUND && gone.text.contains("Ce message n’est plus ici"), "{}", gone.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_stands_on_one_page() {
    let reader = Reader::new().await;
    let reply = |subject: &str| {
        letter("zoe@exemple.fr", subject).replace("Message-ID:", "References: <un@exemple.fr>\r\nMessage-ID:")
    };
    let first = reader.filed(&letter("zoe@exemple.fr", "un")).await;
    let second = reader.filed(&reply("deux")).await;
    let third = reader.filed(&reply("trois")).await;
    let open = |page: &Page| page.text.matches("class=\"letter-one\"").count();
    // What nobody read stands open, and is read now.
    let page = reader.get(&format!("{third}?lang=en")).await;
    assert_eq!((page.status, open(&page)), (StatusCode::OK, 3), "{}", page.text);
    assert!(page.text.contains("Conversation of 3 messages") && page.text.contains("Bonjour un"), "{}", page.text);
    assert!(!page.text.contains(">message.") && page.text.matches("<h1>").count() == 1, "{}", page.text);
    // Then it is a line, above or below the one that is read, with a link that unfolds it.
    let page = reader.get(&second).await;
    assert_eq!(open(&page), 1, "{}", page.text);
    let place = |what: &str| page.text.find(what).unwrap_or_else(|| panic!("no {what}: {}", page.text));
    let (newer, here, older) =
        (place(&format!("href=\"{third}?dans=")), place("thread-here"), place(&format!("href=\"{first}?dans=")));
    assert!(newer < here && here < older, "{newer} {here} {older}");
    assert!(page.text.contains("<span class=\"fold-text\">Bonjour un"), "{}", page.text);
    // A script asks for its letter alone; without one the same address is a page.
    let asked = [("x-sceau-part", "message"), ("sec-fetch-site", "same-origin")];
    let at = format!("{first}?fil=oui");
    let (_, _, piece) = reader.raw(&at, &reader.cookie, &asked).await;
    let piece = String::from_utf8(piece).unwrap();
    assert!(piece.trim_start().starts_with("<div class=\"letter-one\">") && piece.contains("Bonjour un"), "{piece}");
    assert!(piece.contains("repondre=") && !piece.contains("Bonjour deux"), "{piece}");
    assert!(reader.get(&at).await.text.contains("</html>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_shown_by_what_is_proven() {
    let reader = Reader::new().await;
    let (world, from) = (&reader.world, "zoe@beta.mssante.fr");
    let arrived = async |subject: &str| {
        world.hand_over(BETA, from, &[ANNE], &letter(&format!("\"Zoe <i>\" <{from}>"), subject)).await.unwrap();
        let entries = world.op.open_folder(&reader.anne, "INBOX", true).await.unwrap().entries;
        let email = world.op.email_object(entries.last().unwrap().message);
        reader.get(&format!("{}/message/{email}", reader.bal)).await.text
    };
    let page = arrived("premier").await;
    // Said in words, quietly; the proof itself one fold away, the exact time behind the date.
    assert!(page.contains("Envoyé par l’opérateur EXEMPLE, vérifié par son certificat."), "{page}");
    assert!(page.contains("<details class=\"proof-more\">") && page.contains("CN=mss.beta.fr"), "{page}");
    assert!(page.contains("Première fois que cette adresse vous écrit") && !page.contains("class=\"proof badge-"));
    assert!(page.contains("title=\"") && page.contains("(UTC") && !page.contains("<i>"), "{page}");
    let page = arrived("second").await;
    assert!(!page.contains("Première fois"), "{page}");
    // A name that shows somebody else's address is told.
    let at = reader.filed(&letter(&format!("\"{BRUNO}\" <{from}>"), "masque")).await;
    assert!(reader.get(&at).await.text.contains("Le nom affiché contient une autre adresse"));
    // Of a BAL of ours: whose it is.
    let bruno = world.actor("bruno", BRUNO).await;
    world.submit(&bruno, BRUNO, &[ANNE], &letter(BRUNO, "interne")).await.unwrap();
    let entries = world.op.open_folder(&reader.anne, "INBOX", true).await.unwrap().entries;
    let email = world.op.email_object(entries.last().unwrap().message);
    let page = reader.get(&format!("{}/message/{email}?lang=en", reader.bal)).await.text;
    assert!(page.contains("Verified sender: bruno") && !page.contains(">message."), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_moved_or_removed_elsewhere_is_said_with_a_way_on() {
    let reader = Reader::new().await;
    let (op, anne) = (&reader.world.op, &reader.anne);
    let at = reader.filed(&letter("zoe@exemple.fr", "bilan")).await;
    let inbox = op.folder(anne, "INBOX").await.unwrap().id;
    let from = format!("{at}?dans={}", op.mailbox_object(inbox));
    assert!(!reader.get(&from).await.text.contains("maintenant ici"));
    op.move_entries(anne, inbox, &[1], "Archive").await.unwrap();
    let archive = op.folder(anne, "Archive").await.unwrap().id;
    let link = format!("href=\"{}/dossier/{}\"", reader.bal, op.mailbox_object(archive));
    let page = reader.get(&from).await;
    assert!(page.status == StatusCode::OK && page.text.contains("maintenant ici"), "{}", page.text);
    assert!(page.text.contains(&format!("{link}>Archives</a>")), "{}", page.text);
    assert!(!reader.get(&at).await.text.contains("maintenant ici"), "nobody said where it was");
    // Removed for good by a mail program.
    let deleted = FlagSet::of(Flags::DELETED);
    op.change_flags(anne, archive, &[1], FlagChange::Add, deleted, None).await.unwrap();
    assert_eq!(op.expunge(anne, archive, None).await.unwrap().len(), 1);
    let gone = reader.get(&from).await;
    let inbox = format!("href=\"{}/dossier/{}\"", reader.bal, op.mailbox_object(inbox));
    for part in ["Ce message n’est plus ici", inbox.as_str(), "/chercher\"", "class=\"rail-"] {
        assert!(gone.status == StatusCode::NOT_FOUND && gone.text.contains(part), "{part}: {}", gone.text);
    }
    // A script hears the code.
    let asked = [("x-sceau-part", "message"), ("sec-fetch-site", "same-origin")];
    for path in [from.as_str(), &format!("{from}&fil=oui")] {
        let (status, headers, said) = reader.raw(path, &reader.cookie, &asked).await;
        assert!(
            status == StatusCode::NOT_FOUND && headers["content-type"] == "application/problem+json",
            "{headers:?}"
        );
        assert!(String::from_utf8(said).unwrap().contains("entry.unknown"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn html_stands_in_a_document_of_its_own() {
    let reader = Reader::new().await;
    let html = "<p onclick=x()>Été <a href='https://ailleurs.fr/x'>www.banque.fr</a>  <img src='cid:logo@a'><img src=http://canari.localhost/x><script>alert(1)</script>\
         <a href='mailto:bruno.petit@alpha.mssante.fr?bcc=voleur@exemple.fr'>b</a></p>";
    let png = "Content-Type: image/png\r\nContent-ID: <logo@a>\r\nContent-Transfer-Encoding: base64";
    let at = reader.filed(&mixed("images", &[("Content-Type: text/html; charset=utf-8", html), (png, PNG)])).await;
    let page = reader.get(&at).await;
    assert!(
        page.text.contains("<iframe") && page.text.contains("sandbox=\"allow-popups allow-popups-to-escape-sandbox\"")
    );
    assert!(page.text.contains(&format!("src=\"{at}/corps\"")) && !page.text.contains("canari"), "{}", page.text);
    for (tail, frame) in [("/corps", "frame-ancestors 'self'"), ("/imprimer", "frame-ancestors 'none'")] {
        let body = reader.get(&format!("{at}{tail}")).await;
        let policy = body.header("content-security-policy");
        for part in [
            "sandbox allow-popups",
            "default-src 'none'",
            "img-src data:",
            "form-action 'none'",
            "base-uri 'none'",
            frame,
        ] {
            assert!(policy.contains(part), "{tail}: {policy}");
        }
        assert!(!policy.contains("script") && !policy.contains("allow-same-origin"), "{policy}");
        assert_eq!(body.header("cross-origin-opener-policy"), "", "a sandbox that says so is not shown");
        assert_eq!(body.header("content-encoding"), "");
        assert!(body.text.contains("src=\"data:image/png;base64,") && body.text.contains("Été"), "{}", body.text);
        let write = format!("href=\"{}/ecrire?a=bruno.petit%40alpha.mssante.fr\"", reader.bal);
        assert!(body.text.contains(&write) && !body.text.contains("voleur"), "{}", body.text);
        assert!(body.text.contains("www.banque.fr</a> <span class=\"host\">(ailleurs.fr)</span>"), "{}", body.text);
        assert!(!body.text.contains("canari") && !body.text.contains("alert(1)") && !body.text.contains("onclick"));
    }
    let words = reader.get(&format!("{at}?vue=texte")).await;
    assert!(!words.text.contains("<iframe") && words.text.contains("Été"), "{}", words.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_seen_given_and_taken_beside_a_message() {
    let reader = Reader::new().await;
    let at = reader.filed(&letter("zoe@exemple.fr", "bilan")).await;
    let inbox = reader.world.op.folder(&reader.anne, "INBOX").await.unwrap().id;
    let here = format!("{at}?dans={}", reader.world.op.mailbox_object(inbox));
    let block = |page: &Page| page.text.split("data-labels=\"").nth(1).map(str::to_owned).expect("the labels");
    let field = |text: &str, before: &str| {
        let rest = text.split(before).nth(1).unwrap_or_else(|| panic!("{before} in {text}"));
        rest.split('"').next().unwrap().replace("&#38;", "&")
    };
    let act = async |what: &str, label: &str| {
        let first = block(&reader.get(&here).await);
        let [jeton, folder, uid, ici] =
            ["jeton", "dossier", "u", "ici"].map(|name| field(&first, &format!("name=\"{name}\" value=\"")));
        let form = format!("jeton={jeton}&dossier={folder}&u={uid}&ici={ici}&faire={what}&etiquette={label}");
        let headers = [("cookie", reader.cookie.as_str()), ("origin", HERE)];
        let path = format!("{}/agir", reader.bal);
        browse(&reader.app, Method::POST, &path, &headers, &form).await
    };
    assert!(!block(&reader.get(&here).await).contains("class=\"chip\""));
    // One comes back to the message, which says what was done, with the way back.
    let done = act("etiqueter", "%C3%80+rappeler+%3Cb%3E").await;
    assert!(done.header("location").starts_with(&format!("{here}&fait=")), "{}", done.text);
    let page = reader.get(done.header("location")).await;
    assert!(page.text.contains("Une étiquette posée sur un message.") && page.text.contains("data-undo"));
    let chip = page.text.split("class=\"chip\"").nth(1).expect("a label").to_owned();
    assert!(chip.contains("<span>À rappeler &#60;b&#62;</span>"), "{chip}");
    assert!(chip.contains("aria-label=\"Retirer l’étiquette À rappeler &#60;b&#62;\""), "{chip}");
    assert!(!page.text.contains("<b>"), "{}", page.text);
    // Alone, for a script: nothing is read by that.
    let piece = field(&page.text, "data-labels=\"");
    let asked = [("x-sceau-part", "chips"), ("sec-fetch-site", "same-origin")];
    let (status, headers, alone) = reader.raw(&piece, &reader.cookie, &asked).await;
    let alone = String::from_utf8(alone).unwrap();
    assert_eq!((status, headers["x-sceau-part"].to_str().unwrap()), (StatusCode::OK, "chips"), "{alone}");
    assert!(alone.contains("À rappeler") && !alone.contains("Bonjour") && !alone.contains("<html"), "{alone}");
    // Taken back, then given again and taken away.
    let undo = page.text.split("data-undo").nth(1).unwrap();
    let form =
        format!("jeton={}&acte={}", field(undo, "name=\"jeton\" value=\""), field(undo, "name=\"acte\" value=\""));
    let headers = [("cookie", reader.cookie.as_str()), ("origin", HERE)];
    let to = page.text.split("data-undo").next().unwrap().rsplit("action=\"").next().unwrap();
    let to = to.split('"').next().unwrap().replace("&#38;", "&");
    let back = browse(&reader.app, Method::POST, &to, &headers, &form).await;
    assert!(back.header("location").starts_with(&format!("{here}&fait=")), "{}", back.text);
    assert!(!reader.get(&here).await.text.contains("class=\"chip\""));
    act("etiqueter", "Labo").await;
    assert!(block(&reader.get(&here).await).contains("<span>Labo</span>"));
    act("desetiqueter", "Labo").await;
    assert!(!reader.get(&here).await.text.contains("class=\"chip\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_not_shown_is_said_and_stays_attached() {
    let none = |c: &mut sceau_operator::OperatorConfig| c.desk.images_inline_mib = 0;
    let reader = Reader::at(World::on(sceau_store::testing::sqlite().await, none).await).await;
    let png = "Content-Type: image/png; name=\"logo.png\"\r\nContent-ID: <logo@a>\r\nContent-Transfer-Encoding: base64";
    let html = ("Content-Type: text/html", "<p>Zoe <img src='cid:logo@a' alt='Logo'></p>");
    let at = reader.filed(&mixed("lourde", &[html, (png, PNG)])).await;
    let body = reader.get(&format!("{at}/corps")).await.text;
    assert!(body.contains("Images du message non affichées ici : 1") && !body.contains("distantes"), "{body}");
    assert!(body.contains("alt=\"Logo\"") && !body.contains("data:image"), "{body}");
    let page = reader.get(&at).await.text;
    assert!(page.contains("logo.png") && page.contains(&format!("{at}/piece/2\"")), "{page}");
    let english = reader.get(&format!("{at}/corps?lang=en")).await.text;
    assert!(english.contains("Pictures of the message not shown here: 1"), "{english}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_are_answered_by_their_bytes() {
    let reader = Reader::new().await;
    let parts = [
        ("Content-Type: text/plain", "texte"),
        ("Content-Type: image/png; name=\"a.png\"\r\nContent-Transfer-Encoding: base64", PNG),
        ("Content-Type: image/png; name=\"faux.png\"", "<html><script>x</script>"),
        ("Content-Type: application/pdf; name=\"a\\\"b.pdf\"", "%PDF-1.4 <script>"),
        ("Content-Type: image/svg+xml; name=\"<b>.svg\"", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("Content-Type: application/<img/src=x>\r\nContent-Disposition: attachment; filename=\"type.bin\"", "x"),
    ];
    let at = reader.filed(&mixed("pieces", &parts)).await;
    let page = reader.get(&at).await;
    assert!(page.text.contains("a.png") && page.text.contains("&lt;b&gt;.svg") && !page.text.contains("<b>.svg"));
    assert!(!page.text.contains("<img") && page.text.contains("type.bin"), "a media type is text too: {}", page.text);
    for (number, shown) in [(2, Some("image/png")), (3, None), (4, Some("application/pdf")), (5, None)] {
        let file = reader.file(&format!("{at}/piece/{number}")).await;
        assert_eq!(file.0, StatusCode::OK);
        assert_eq!(file.1["content-type"], "application/octet-stream");
        assert!(file.1["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\""), "{number}");
        assert!(file.1["content-security-policy"].to_str().unwrap().starts_with("sandbox;"));
        let view = reader.file(&format!("{at}/piece/{number}/voir")).await;
        match shown {
            Some(kind) => {
                assert_eq!((view.0, view.1["content-type"].to_str().unwrap()), (StatusCode::OK, kind));
                assert_eq!(view.1["x-content-type-options"], "nosniff");
                assert!(view.1["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
                assert_eq!(view.2, file.2);
            }
            None => assert_eq!(view.0, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{number}"),
        }
    }
    // All of them in one file, each under its name.
    assert!(page.text.contains("/pieces.zip\""), "{}", page.text);
    let (status, headers, bytes) = reader.file(&format!("{at}/pieces.zip")).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, "application/zip"));
    let mut packed = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let names: Vec<String> =
        (0..packed.len()).map(|n| packed.by_index(n).unwrap().name().unwrap().into_owned()).collect();
    assert_eq!(names, ["a.png", "faux.png", "ab.pdf", "b.svg", "type.bin"]);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut packed.by_name("ab.pdf").unwrap(), &mut text).unwrap();
    assert_eq!(text, "%PDF-1.4 <script>");
    let source = reader.file(&format!("{at}/source")).await;
    assert!(source.2.ends_with(b"--m--\r\n") && source.1["content-type"] == "application/octet-stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_message_is_read_with_its_pieces() {
    let reader = Reader::new().await;
    let inner = mixed(
        "dedans",
        &[
            ("Content-Type: text/plain; charset=utf-8", "<i>Été</i>"),
            ("Content-Type: image/png; name=\"a.png\"\r\nContent-Transfer-Encoding: base64", PNG),
        ],
    )
    .replace("--m", "--n")
    .replace("boundary=m", "boundary=n");
    let at = reader.filed(&mixed("dehors", &[("", "Voir"), ("Content-Type: message/rfc822", &inner)])).await;
    let page = reader.get(&at).await;
    let words = format!("{at}/piece/2/texte");
    assert!(page.text.contains(&format!("href=\"{words}\">Lire le message</a>")), "{}", page.text);
    for lang in ["fr", "en"] {
        let page = reader.get(&format!("{words}?lang={lang}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert!(page.text.contains("&lt;i&gt;Été&lt;/i&gt;") && page.text.contains("dedans"), "{}", page.text);
        assert!(page.text.contains("zoe@exemple.fr") && !page.text.contains(">message."), "{}", page.text);
        assert!(page.text.contains(&format!("{at}/piece/2.2/voir")), "{}", page.text);
    }
    let view = reader.file(&format!("{at}/piece/2.2/voir")).await;
    assert_eq!((view.0, view.1["content-type"].to_str().unwrap()), (StatusCode::OK, "image/png"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_out_shows_only_what_our_pages_led_to() {
    let reader = Reader::new().await;
    let op = &reader.world.op;
    let out = |address: &str, word: &str| format!("/sortie?a={address}&m={word}");
    let page =
        reader.get(&out("https://xn--d1acpjx3f.example/x", &op.exit_word("https://xn--d1acpjx3f.example/x"))).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("href=\"https://xn--d1acpjx3f.example/x\"") && page.text.contains("яндекс.example"));
    for (address, word) in [
        ("https://a.fr", op.exit_word("https://b.fr")),
        ("https://a.fr", String::new()),
        ("javascript:alert(1)", op.exit_word("javascript:alert(1)")),
    ] {
        assert_eq!(reader.get(&out(address, &word)).await.status, StatusCode::NOT_FOUND, "{address}");
    }
}
