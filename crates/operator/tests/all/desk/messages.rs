//! Messages and their pieces.
use super::{ANNE, House, SERVICE};
use sceau_domain::BalKind;
use sceau_domain::personal::MARK;
use sceau_operator::Actor;
use sceau_operator::accounts::BalChoices;
use sceau_operator::desk::message::{Reading, Sender};
use sceau_operator::desk::parts::PartReader;
use sceau_operator::mailbox::entries::{FlagSet, Flags};
use sceau_testkit::world::{BETA, World, code, envelope, letter};

each_engine!(
    a_message_is_read_where_one_sees_it,
    what_is_known_of_a_sender_is_what_was_proven,
    html_is_shown_with_its_own_pictures_and_nothing_else,
    a_picture_of_a_text_is_one_by_its_bytes_and_stands_in_its_message,
    pieces_are_what_their_bytes_are,
    who_writes_for_the_first_time_is_known,
    a_sender_is_shown_with_what_is_published,
    flowed_text_reads_as_it_was_typed,
    a_message_within_a_message_is_read,
);

const BRUNO: &str = "bruno.petit@alpha.mssante.fr";

impl House {
    /// The newest message of a folder, by its EMAILID, with its flags.
    async fn last_in(&self, actor: &Actor, folder: &str) -> (String, Flags) {
        let open = self.0.op.open_folder(actor, folder, true).await.unwrap();
        let entry = open.entries.last().expect("a message");
        (self.0.op.email_object(entry.message), entry.flags.system)
    }
    async fn reads(&self, actor: &Actor, folder: &str) -> Reading {
        let (email, _) = self.last_in(actor, folder).await;
        self.0.op.read_message(actor, &email).await.unwrap()
    }
}

/// All bytes of a piece.
async fn whole(mut reader: PartReader) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(piece) = reader.next().await.unwrap() {
        out.extend(piece);
    }
    out
}

async fn a_message_is_read_where_one_sees_it(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    h.files(&anne, "INBOX", 1, FlagSet::default(), &letter("Zoé <zoe@exemple.fr>", "bilan")).await;
    let (email, before) = h.last_in(&anne, "INBOX").await;
    assert!(!before.has(Flags::SEEN));
    let reading = op.read_message(&bruno, &email).await.unwrap();
    assert_eq!((reading.subject.as_str(), reading.text.trim(), reading.html), ("bilan", "Bonjour bilan", false));
    assert_eq!(reading.from[0].address, "zoe@exemple.fr");
    assert_eq!(reading.to[0].name, "quelqu'un");
    assert_eq!(reading.sent.map(|s| s.0), Some(1_795_255_200_000));
    assert!(reading.pieces.is_empty() && !reading.cut);
    let place = &reading.places[0];
    assert_eq!((reading.places.len(), place.name.as_str()), (1, "INBOX"));
    assert!(h.last_in(&anne, "INBOX").await.1.has(Flags::SEEN), "it was read");
    // It was traced, by whoever read it.
    op.flush_traces().await.unwrap();
    let traces = h.0.traces("message.read").await;
    assert!(traces.iter().any(|t| t.actor.contains("bruno")), "{traces:?}");
    // Nobody reads it elsewhere, and nothing that is not there is read.
    let own = h.sits("bruno", BRUNO).await;
    for (actor, email) in [(&own, email.as_str()), (&bruno, "M0"), (&bruno, "")] {
        assert_eq!(code(op.read_message(actor, email).await), "entry.unknown", "{email}");
        assert_eq!(code(op.message_source(actor, email).await.map(drop)), "entry.unknown");
        assert_eq!(code(op.message_headers(actor, email).await), "entry.unknown");
        assert_eq!(code(op.open_part(actor, email, "1").await.map(drop)), "entry.unknown");
        assert_eq!(code(op.message_html(actor, email, Box::new(|_| None)).await), "entry.unknown");
    }
    // What is marked personal is not there for a member.
    let marked = FlagSet { keywords: [MARK].into_iter().collect(), ..FlagSet::default() };
    h.files(&anne, "INBOX", 2, marked, &letter("zoe@exemple.fr", "midi")).await;
    let (personal, _) = h.last_in(&anne, "INBOX").await;
    assert!(op.read_message(&anne, &personal).await.is_ok());
    assert_eq!(code(op.read_message(&bruno, &personal).await), "entry.unknown");
}

async fn what_is_known_of_a_sender_is_what_was_proven(h: House) {
    let world = &h.0;
    let anne = h.sits("anne", ANNE).await;
    // Filed by somebody: nothing is proven, whatever it says.
    h.files(&anne, "INBOX", 1, FlagSet::default(), &letter(BRUNO, "depose")).await;
    assert_eq!(h.reads(&anne, "INBOX").await.sender, Sender::Unknown);
    // What one wrote or filed oneself is no stranger's.
    h.files(&anne, "INBOX", 2, FlagSet::default(), &letter(ANNE, "copie")).await;
    assert_eq!(h.reads(&anne, "INBOX").await.sender, Sender::Here);
    // From a BAL of ours.
    let bruno = world.actor("bruno", BRUNO).await;
    world.submit(&bruno, BRUNO, &[ANNE], &letter(BRUNO, "interne")).await.unwrap();
    let Sender::Own { holder, .. } = h.reads(&anne, "INBOX").await.sender else { panic!("a BAL of ours") };
    assert!(holder.is_some());
    // From another operator: its certificate, and where the envelope says otherwise than From, that.
    let from = "zoe@beta.mssante.fr";
    world.hand_over(BETA, from, &[ANNE], &letter(from, "externe")).await.unwrap();
    let reading = h.reads(&anne, "INBOX").await;
    let Sender::Operator { name, dn } = &reading.sender else { panic!("another operator: {:?}", reading.sender) };
    assert!(dn == BETA && BETA.contains(&format!("O={name}")), "{name} of {dn}");
    assert_eq!(reading.other_sender, None);
    let passage = reading.passage.expect("how it came in");
    assert_eq!((passage.sender.as_deref(), passage.tls.is_some()), (Some(from), true));
    let headers = world.op.message_headers(&anne, &reading.email).await.unwrap();
    assert_eq!(
        headers.fields[..headers.added].iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(),
        ["Return-Path", "Received"]
    );
    assert!(headers.fields[headers.added..].iter().any(|(n, v)| n == "Subject" && v == "externe"));
    // The word of a way out is of its address alone.
    let word = world.op.exit_word("https://a.fr");
    assert!(word.len() == 32 && word != world.op.exit_word("https://a.fr/"));
}

/// Where the header is not judged (or a domain is shared), another operator's word is not shown as a BAL's of ours.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_operator_says_of_our_people_is_its_own_word() {
    let store = sceau_store::testing::sqlite().await;
    let h = House(World::on(store, |c| c.check_header_from = false).await);
    let anne = h.sits("anne", ANNE).await;
    let from = "zoe@beta.mssante.fr";
    h.0.hand_over(BETA, from, &[ANNE], &letter(BRUNO, "externe")).await.unwrap();
    let sender = h.reads(&anne, "INBOX").await.sender;
    assert!(matches!(&sender, Sender::Operator { dn, .. } if dn == BETA), "{sender:?}");
}

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

fn mixed() -> String {
    let head = letter("zoe@exemple.fr", "images").replace("\r\n\r\nBonjour images\r\n", "\r\n");
    let part = |head: &str, body: &str| format!("--m\r\n{head}\r\n\r\n{body}\r\n");
    let parts = [
        part(
            "Content-Type: text/html; charset=utf-8",
            "<p onclick=x()>Été <img src='cid:logo@a'><img src='http://canari.localhost/x'><a href='https://a.fr'>a</a></p><script>x</script>",
        ),
        part("Content-Type: image/png\r\nContent-ID: <logo@a>\r\nContent-Transfer-Encoding: base64", PNG),
        part("Content-Type: image/png; name=\"faux.png\"", "<html><script>alert(1)</script>"),
        part(
            "Content-Type: application/octet-stream; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64",
            "JVBERi0xLjQK",
        ),
    ];
    format!("{head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n{}--m--\r\n", parts.concat())
}

async fn html_is_shown_with_its_own_pictures_and_nothing_else(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    h.files(&anne, "INBOX", 1, FlagSet::default(), &mixed()).await;
    let reading = h.reads(&anne, "INBOX").await;
    assert!(reading.html && reading.text.contains("Été"), "{}", reading.text);
    let link = |to: &str| Some(format!("/sortie?a={to}"));
    let clean = op.message_html(&anne, &reading.email, Box::new(link)).await.unwrap().expect("HTML");
    assert!(
        clean.html.contains("<img src=\"data:image/png;base64,iVBOR") && clean.html.contains("/sortie?a=https://a.fr")
    );
    assert!(!clean.html.contains("canari") && !clean.html.contains("script") && !clean.html.contains("onclick"));
    assert_eq!((clean.left_out.remote, clean.left_out.active), (1, 1));
    // Without HTML there is none; with too much of it, none either, but its words.
    h.files(&anne, "INBOX", 2, FlagSet::default(), &letter("zoe@exemple.fr", "texte")).await;
    let plain = h.reads(&anne, "INBOX").await;
    assert_eq!(op.message_html(&anne, &plain.email, Box::new(|_| None)).await.unwrap(), None);
    let deep = mixed().replace("<p onclick", &format!("{}<p onclick", "<div>\r\n".repeat(1_000)));
    h.files(&anne, "INBOX", 3, FlagSet::default(), &deep).await;
    let deep = h.reads(&anne, "INBOX").await;
    assert!(deep.html && deep.text.contains("Été"));
    assert_eq!(op.message_html(&anne, &deep.email, Box::new(|_| None)).await.unwrap(), None);
}

async fn a_picture_of_a_text_is_one_by_its_bytes_and_stands_in_its_message(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let head = letter("zoe@exemple.fr", "liees").replace("\r\n\r\nBonjour liees\r\n", "\r\n");
    let part = |head: &str, body: &str| format!("--r\r\n{head}\r\n\r\n{body}\r\n");
    let picture = |id: &str, body: &str| {
        part(&format!("Content-Type: image/png\r\nContent-ID: {id}\r\nContent-Transfer-Encoding: base64"), body)
    };
    let named =
        ["vrai@a", "double@a", "dessin@a", "page@a", "lettre@a", "dedans@a", "texte@a", "immense@a", "absent@a"];
    let shows: String = named.iter().map(|id| format!("<img alt='{id}' src='cid:{id}'>")).collect();
    let within = picture("<dedans@a>", PNG).replace("--r", "--i");
    let inner = format!("Subject: dedans\r\nContent-Type: multipart/related; boundary=i\r\n\r\n{within}--i--\r\n");
    let parts = [
        part("Content-Type: text/html; charset=utf-8\r\nContent-ID: <texte@a>", &format!("<p>Signature</p>{shows}")),
        picture("<vrai@a>", PNG),
        picture(" <double@a> ", PNG),
        part("Content-Type: image/svg+xml\r\nContent-ID: <double@a>", "<svg onload='alert(1)'/>"),
        part("Content-Type: image/png\r\nContent-ID: <dessin@a>", "<svg xmlns='x' onload='alert(1)'/>"),
        part("Content-Type: image/png\r\nContent-ID: <page@a>", "<html><script>alert(1)</script>"),
        part("Content-Type: message/rfc822\r\nContent-ID: <lettre@a>", &inner),
        // Its beginning says that it is 100,000 points wide and as many high.
        picture("<immense@a>", "iVBORw0KGgoAAAANSUhEUgABhqAAAYagCAYAAAA="),
        // A scan that the text does not show: one looks for it among what is attached.
        picture("<scan@a>", PNG),
    ];
    let type_ = "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=r";
    h.files(&anne, "INBOX", 1, FlagSet::default(), &format!("{head}{type_}\r\n\r\n{}--r--\r\n", parts.concat())).await;
    let reading = h.reads(&anne, "INBOX").await;
    let clean = op.message_html(&anne, &reading.email, Box::new(|_| None)).await.unwrap().expect("HTML");
    let shown: Vec<&str> = clean.html.split("<img ").skip(1).filter(|img| img.contains("src=\"data:")).collect();
    assert!(shown.len() == 2 && shown.iter().all(|img| img.contains("data:image/png;base64,iVBOR")), "{}", clean.html);
    assert!(clean.html.contains("alt=\"vrai@a\"") && !clean.html.contains("alert"), "{}", clean.html);
    assert_eq!((clean.left_out.remote, clean.left_out.own), (0, 7));
    let listed: Vec<_> = reading.pieces.iter().map(|p| (p.number.as_str(), p.within)).collect();
    let within = |n: &'static str| (n, true);
    assert_eq!(
        listed,
        [within("2"), within("3"), within("4"), within("5"), within("6"), ("7", false), within("8"), ("9", false)]
    );
}

async fn pieces_are_what_their_bytes_are(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    h.files(&anne, "INBOX", 1, FlagSet::default(), &mixed()).await;
    let reading = h.reads(&anne, "INBOX").await;
    let listed: Vec<_> = reading.pieces.iter().map(|p| (p.number.as_str(), p.name.as_str(), p.within)).collect();
    assert_eq!(listed, [("2", "", true), ("3", "faux.png", false), ("4", "a.pdf", false)]);
    let open = async |number: &str| op.open_part(&anne, &reading.email, number).await.unwrap();
    assert_eq!(open("2").await.shown(), Some("image/png"));
    assert_eq!(open("3").await.shown(), None, "HTML under the name of a picture");
    let pdf = open("4").await;
    assert_eq!((pdf.shown(), pdf.name.as_str()), (Some("application/pdf"), "a.pdf"));
    assert_eq!(whole(pdf).await, b"%PDF-1.4\n");
    assert_eq!(whole(open("3").await).await, b"<html><script>alert(1)</script>");
    // Its words, where it has any that are read here.
    let words = op.part_text(&anne, &reading.email, "1").await.unwrap().expect("a text");
    assert!(words.text.contains("Été") && !words.cut, "{words:?}");
    assert_eq!(op.part_text(&anne, &reading.email, "4").await.unwrap(), None, "nobody reads documents here");
    assert_eq!(code(op.part_text(&anne, &reading.email, "9").await), "entry.unknown");
    for none in ["0", "5", "1.1", "", "x"] {
        assert_eq!(code(op.open_part(&anne, &reading.email, none).await.map(drop)), "entry.unknown", "{none}");
    }
}

async fn who_writes_for_the_first_time_is_known(h: House) {
    let (world, op) = (&h.0, &h.0.op);
    let (anne, from) = (h.sits("anne", ANNE).await, "zoe@beta.mssante.fr");
    world.hand_over(BETA, from, &[ANNE], &letter(from, "premier")).await.unwrap();
    let first = h.reads(&anne, "INBOX").await;
    assert!(op.first_contact(&anne, &first).await);
    world.hand_over(BETA, from, &[ANNE], &letter(&format!("Zoé <{from}>"), "second")).await.unwrap();
    assert!(!op.first_contact(&anne, &first).await, "there is another one by now");
    assert!(!op.first_contact(&anne, &h.reads(&anne, "INBOX").await).await);
    // Somebody to whom she wrote before.
    let paul = "paul@beta.mssante.fr";
    op.submit(&anne, envelope(ANNE, &[paul]), world.message(&letter(ANNE, "question"))).await.unwrap();
    op.flush_abuse().await;
    world.hand_over(BETA, paul, &[ANNE], &letter(paul, "reponse")).await.unwrap();
    assert!(!op.first_contact(&anne, &h.reads(&anne, "INBOX").await).await);
    // What did not come in by a door says nothing of anybody.
    h.files(&anne, "INBOX", 9, FlagSet::default(), &letter("lea@beta.mssante.fr", "depose")).await;
    assert!(!op.first_contact(&anne, &h.reads(&anne, "INBOX").await).await);
    // Once all of it is indexed it is known by the index.
    world.advance(60);
    while op.run_due_jobs().await.unwrap() > 0 {}
    assert!(!op.first_contact(&anne, &first).await);
    let lea = "lea@beta.mssante.fr";
    let service = h.sits("anne", SERVICE).await;
    world.hand_over(BETA, lea, &[SERVICE], &letter(lea, "service")).await.unwrap();
    assert!(
        op.first_contact(&service, &h.reads(&service, "INBOX").await).await,
        "another BAL's letters are not this one's"
    );
}

async fn a_sender_is_shown_with_what_is_published(h: House) {
    let (world, op) = (&h.0, &h.0.op);
    let (anne, radio) = (h.sits("anne", ANNE).await, "radiologie@alpha.mssante.fr");
    world.bal(radio, BalKind::Org, &["anne"], |b| b.service = "Imagerie médicale".into()).await;
    let sends = world.actor("anne", radio).await;
    let shown = async |subject: &str| {
        world.submit(&sends, radio, &[ANNE], &letter(radio, subject)).await.unwrap();
        match h.reads(&anne, "INBOX").await.sender {
            Sender::Own { about, .. } => about,
            other => panic!("a BAL of ours: {other:?}"),
        }
    };
    assert_eq!(shown("publie").await, ["Imagerie médicale"]);
    // Whoever is on the liste rouge is shown with nothing of it.
    let version = op.bal(&world.admin, radio).await.unwrap().version;
    let choices = BalChoices { red_list: Some(true), phone_published: None, paperless: None };
    op.choose_for_bal(&world.admin, radio, version, choices).await.unwrap();
    assert!(shown("retire").await.is_empty());
}

async fn flowed_text_reads_as_it_was_typed(h: House) {
    let anne = h.sits("anne", ANNE).await;
    let text = letter("zoe@exemple.fr", "suite").replace(
        "\r\n\r\nBonjour suite\r\n",
        "\r\nContent-Type: text/plain; charset=utf-8; Format=Flowed\r\n\r\nMadame, \r\nvotre bilan est \r\nnormal.\r\n> cité \r\n> encore\r\n",
    );
    h.files(&anne, "INBOX", 1, FlagSet::default(), &text).await;
    assert_eq!(h.reads(&anne, "INBOX").await.text, "Madame, votre bilan est normal.\n> cité encore\n");
}

async fn a_message_within_a_message_is_read(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let inner = mixed().replace("images", "dedans");
    let head = letter("bruno@exemple.fr", "dehors").replace("\r\n\r\nBonjour dehors\r\n", "\r\n");
    let text = format!(
        "{head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nVoir ci-joint\r\n\
         --o\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--o--\r\n"
    );
    h.files(&anne, "INBOX", 1, FlagSet::default(), &text).await;
    let reading = h.reads(&anne, "INBOX").await;
    assert_eq!(reading.text.trim(), "Voir ci-joint");
    assert_eq!(reading.pieces.iter().map(|p| (p.number.as_str(), p.message)).collect::<Vec<_>>(), [("2", true)]);
    let read = op.part_text(&anne, &reading.email, "2").await.unwrap().expect("its words");
    let within = read.within.expect("a message");
    assert!(read.text.contains("Été") && within.subject == "dedans", "{}: {}", within.subject, read.text);
    assert_eq!((within.from[0].address.as_str(), within.sent.is_some()), ("zoe@exemple.fr", true));
    // Its pieces are pieces of the message that holds it.
    let numbers: Vec<_> = within.pieces.iter().map(|p| p.number.as_str()).collect();
    assert_eq!(numbers, ["2.2", "2.3", "2.4"]);
    let pdf = op.open_part(&anne, &reading.email, "2.4").await.unwrap();
    assert_eq!((pdf.shown(), pdf.name.as_str()), (Some("application/pdf"), "a.pdf"));
    assert_eq!(whole(pdf).await, b"%PDF-1.4\n");
    for none in ["2.9", "2.", "2.4.1", "1.1", "3.1"] {
        assert_eq!(code(op.open_part(&anne, &reading.email, none).await.map(drop)), "entry.unknown", "{none}");
    }
}
