//! Addresses judged while they are typed; completion.
use super::{ANNE, House, SERVICE};
use sceau_operator::Actor;
use sceau_operator::accounts::BalChoices;
use sceau_operator::desk::directory::{Source, Suggested};
use sceau_testkit::world::{code, envelope, letter};

each_engine!(
    what_is_typed_is_judged_without_a_trace,
    whoever_one_wrote_to_is_suggested,
    the_directory_is_searched_and_the_red_list_is_not,
);

const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const CHLOE: &str = "chloe.roux@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";

impl House {
    async fn meant(&self, actor: &Actor, text: &str) -> Vec<Suggested> {
        self.0.op.complete(actor, text, 8).await.unwrap()
    }
    async fn addresses(&self, actor: &Actor, text: &str) -> Vec<String> {
        self.meant(actor, text).await.into_iter().map(|s| s.address).collect()
    }
}

async fn what_is_typed_is_judged_without_a_trace(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let before = h.0.count("traces").await;
    let fields = [&format!("{BRUNO}; Paul <{PAUL}>"), "inconnue@alpha.mssante.fr, dupont", BRUNO].map(str::to_owned);
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let verdicts = op.look_at_recipients(&anne, &fields, 1_000, true).await.unwrap();
    let said: Vec<(&str, Option<&str>)> =
        verdicts.iter().map(|v| (v.text.as_str(), v.why.as_ref().map(|r| r.code.as_str()))).collect();
    assert_eq!(
        said,
        [
            (BRUNO, None),
            (PAUL, None),
            ("inconnue@alpha.mssante.fr", Some("rcpt.unknown")),
            ("dupont", Some("rcpt.syntax"))
        ]
    );
    let large = op.look_at_recipients(&anne, &[BRUNO], 1 << 30, false).await.unwrap();
    assert!(large[0].why.is_some(), "too large for whoever it is");
    assert_eq!(h.0.count("traces").await, before);
}

async fn whoever_one_wrote_to_is_suggested(h: House) {
    let op = &h.0.op;
    let (own, anne, bruno) =
        (h.sits("anne", ANNE).await, h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let writes = async |actor: &Actor, from: &str, to: &str, subject: &str| {
        let text =
            letter(from, subject).replace("quelqu'un <x@example.org>", &format!("=?utf-8?Q?Zo=C3=A9?= Durand <{to}>"));
        op.submit(actor, envelope(from, &[to]), h.0.message(&text)).await.unwrap();
        op.flush_abuse().await;
    };
    assert!(h.addresses(&anne, "paul").await.is_empty());
    writes(&anne, SERVICE, PAUL, "resultats").await;
    // By the name under which one wrote, and by the address; each colleague at the BAL, and nobody at another one.
    for who in [&anne, &bruno] {
        let found = h.meant(who, "zoé du").await;
        assert_eq!((found.len(), found[0].address.as_str(), found[0].source), (1, PAUL, Source::Correspondent));
        assert_eq!(found[0].name, "Zoé Durand");
        assert_eq!(h.addresses(who, "paul@be").await, [PAUL]);
    }
    assert!(h.addresses(&own, "durand").await.is_empty());
    assert!(!h.0.on_disk("Durand"), "sealed");
    // What is marked personal tells nobody to whom it went.
    writes(&anne, SERVICE, "marc@beta.mssante.fr", "prive").await;
    assert!(h.addresses(&anne, "marc").await.is_empty());
    // A letter that is known again keeps the name, and counts.
    op.submit(&anne, envelope(SERVICE, &[PAUL]), h.0.message(&letter(SERVICE, "suite"))).await.unwrap();
    op.flush_abuse().await;
    assert_eq!(h.meant(&anne, "durand").await.len(), 1);
    // Whoever may not send asks nobody.
    op.end_access(&h.0.admin, SERVICE, "bruno", None).await.unwrap();
    assert_eq!(code(op.complete(&bruno, "durand", 8).await), "right.missing");
}

async fn the_directory_is_searched_and_the_red_list_is_not(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    assert_eq!(h.addresses(&anne, "bruno").await, [BRUNO]);
    let found = h.meant(&anne, "petit brun").await;
    assert_eq!((found[0].name.as_str(), found[0].source, found[0].paperless), ("bruno", Source::Directory, false));
    // Too little, nobody, and whose BAL is not reached from the trust space.
    for none in ["b", "brunot", "chloe", "essai"] {
        assert!(h.addresses(&anne, none).await.is_empty(), "{none}");
    }
    assert!(!h.addresses(&anne, "alpha").await.contains(&CHLOE.to_owned()));
    // What somebody chooses shows at once, although this node remembers the words.
    let choose = async |red_list, paperless| {
        let version = op.bal(&h.0.admin, BRUNO).await.unwrap().version;
        let choices = BalChoices { red_list: Some(red_list), phone_published: None, paperless: Some(paperless) };
        op.choose_for_bal(&h.0.admin, BRUNO, version, choices).await.unwrap();
    };
    choose(false, true).await;
    assert!(h.meant(&anne, "bruno").await[0].paperless);
    choose(true, true).await;
    assert!(h.addresses(&anne, "bruno").await.is_empty(), "liste rouge");
    // Not to those who wrote there before, either; as soon as that ends he is known again.
    op.submit(&anne, envelope(ANNE, &[BRUNO]), h.0.message(&letter(ANNE, "bonjour"))).await.unwrap();
    op.flush_abuse().await;
    assert!(h.addresses(&anne, "bruno").await.is_empty());
    choose(false, true).await;
    let found = h.meant(&anne, "bruno").await;
    assert_eq!((found.len(), found[0].source, found[0].paperless), (1, Source::Correspondent, true));
    // A BAL that was opened since is found once what is remembered is old.
    assert!(h.addresses(&anne, "radiologie").await.is_empty());
    h.0.bal("radiologie@alpha.mssante.fr", sceau_domain::BalKind::Org, &["anne"], |b| b.name = "Radiologie".into())
        .await;
    h.0.advance(700);
    let found = h.meant(&anne, "radio").await;
    assert_eq!((found.len(), found[0].name.as_str()), (1, "Radiologie"));
}
