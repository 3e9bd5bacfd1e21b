//! Messages whose end could be read in two ways (CVE-2023-51764 and its family), and what spoils content.
use crate::client::letter;
use crate::world::World;
use sceau_testkit::pki::Pki;

const PAUL: &str = "paul@beta.mssante.fr";
const ANNE: &str = "anne@alpha.mssante.fr";

#[tokio::test]
async fn no_variant_of_the_end_smuggles_a_second_message() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    let ends: &[&[u8]] = &[
        b"\n.\n",
        b"\n.\r\n",
        b"\r.\r",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r.\r\n",
        b"\n.\r",
        b"\r.\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\r\n.\r\r\n",
        b"\r\r\n.\r\r\n",
        b"\r\n\r.\r\n",
        b"\n\n.\r\n",
        b"\r\n.\n\r\n",
        b"\r\n\n.\r\n",
    ];
    for end in ends {
        c.up_to_data(PAUL, &[ANNE]).await;
        let smuggled = format!(
            "MAIL FROM:<{PAUL}>\r\nRCPT TO:<bruno@alpha.mssante.fr>\r\nDATA\r\n{}\r\n.\r\n",
            letter(PAUL, "passager")
        );
        c.send([letter(PAUL, "visible").trim_end().as_bytes(), end, smuggled.as_bytes()].concat()).await;
        let reply = c.reply().await;
        let expected = if end.contains(&0) { "[message.nul]" } else { "[message.bare_newline]" };
        assert!(reply.starts_with("554 5.6.0 ") && reply.contains(expected), "{end:?}: {reply}");
        // One reply, and the session stands where it should: the next command is answered, nothing else waits.
        c.expect("NOOP", "250 2.0.0").await;
    }
    assert_eq!(world.kept().await, 0);
    assert_eq!(world.spools(), 0);
    assert_eq!(world.refusals().await.len(), ends.len());
}

#[tokio::test]
async fn flaws_of_content_have_their_codes() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    let head = letter(PAUL, "a");
    for (content, code) in [
        (format!("{head}un\nautre\r\n"), "[message.bare_newline]"),
        (format!("{head}un\rautre\r\n"), "[message.bare_newline]"),
        (format!("{head}un\0autre\r\n"), "[message.nul]"),
        (format!("{head}{}\r\n", "x".repeat(999)), "[message.line_too_long]"),
        (format!("{head}{}\r\n", "x".repeat(2_000_000)), "[message.line_too_long]"),
        (format!("X-Long: {}\r\n{head}", "y\r\n ".repeat(300_000)), "[message."),
        ("Subject: personne\r\n\r\nx\r\n".to_owned(), "[header.from_missing]"),
        (String::new(), "[header.from_missing]"),
        (format!("From: x@beta.mssante.fr\r\n{head}"), "[header.from_many]"),
    ] {
        let reply = c.transact(PAUL, &[ANNE], content).await;
        assert!(reply.starts_with("55") && reply.contains(code), "{code}: {reply}");
    }
    assert_eq!((world.kept().await, world.spools()), (0, 0));
    assert!(c.transact(PAUL, &[ANNE], head).await.starts_with("250 2.0.0"), "the session still serves");
}
