//! Files that mail programs look for by themselves: what each of them reads, and nothing about anybody.
use crate::support::{House, Said};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use sceau_domain::DomainKind;
use sceau_operator::OperatorConfig;
use sceau_operator::identity::oauth::clients::{ClientChange, NewClient};
use sceau_trust::{Anchors, Purpose, Trust};
use sceau_web::Via;
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

const OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
const ANSWER: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

async fn house() -> House {
    let h = House::new().await;
    let domains = [("hopital.mssante.fr", DomainKind::Production)];
    sceau_testkit::people(&h.op, &h.store, &h.admin, &domains, &["anne"]).await;
    h
}

/// Asks as a program does, without a token.
async fn get(h: &House, host: &str, path: &str) -> Said {
    sent(&h.app, Request::builder().uri(path).header("host", host), "").await
}

async fn outlook(h: &House, path: &str, address: &str, schema: &str) -> Said {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"{OUTLOOK}\"><Request><EMailAddress>{address}</EMailAddress>\
         <AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
    );
    // It brings the password along.
    let request = Request::builder().method(Method::POST).uri(path).header("content-type", "text/xml");
    sent(&h.app, request.header("authorization", "Basic YW5uZTpzZWNyZXQ="), &body).await
}

async fn sent(app: &Router, request: axum::http::request::Builder, body: &str) -> Said {
    let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
    let request = request.extension(via).body(Body::from(body.to_owned())).unwrap();
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let text = String::from_utf8_lossy(&to_bytes(body, 1 << 20).await.unwrap()).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Said { status: parts.status, headers: parts.headers, body, text }
}

#[tokio::test(flavor = "multi_thread")]
async fn thunderbird_is_told_servers_ports_and_protection() {
    let h = house().await;
    let said = get(&h, "x", "/mail/config-v1.1.xml?emailaddress=anne.legoff%40HOPITAL.mssante.fr").await;
    assert_eq!(
        (said.status, &said.headers["content-type"]),
        (StatusCode::OK, &"application/xml; charset=utf-8".parse().unwrap())
    );
    assert_eq!(
        (&said.headers["cache-control"], &said.headers["x-content-type-options"]),
        (&"no-store".parse().unwrap(), &"nosniff".parse().unwrap())
    );
    let server = |kind: &str, port: u16, socket: &str| {
        let whole: String = said.text.split_whitespace().collect();
        let fields = format!(
            "<{kind}><hostname>mss.alpha.fr</hostname><port>{port}</port><socketType>{socket}</socketType>\
             <username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication>"
        );
        whole.find(&fields.replace(' ', "")).unwrap_or_else(|| panic!("{fields}: {}", said.text))
    };
    // The preferred first: programs take the first that they can.
    assert!(
        server("incomingServer type=\"imap\"", 993, "SSL") < server("incomingServer type=\"imap\"", 143, "STARTTLS")
    );
    assert!(
        server("outgoingServer type=\"smtp\"", 465, "SSL") < server("outgoingServer type=\"smtp\"", 587, "STARTTLS")
    );
    assert!(
        said.text.contains("<domain>hopital.mssante.fr</domain>")
            && said.text.contains("<displayName>Alpha</displayName>")
    );
    // Nobody learns who has a BAL, and a program may keep the address to itself.
    for (host, path) in [
        ("x", "/mail/config-v1.1.xml?emailaddress=personne@hopital.mssante.fr"),
        ("hopital.mssante.fr", "/.well-known/autoconfig/mail/config-v1.1.xml"),
        ("autoconfig.hopital.mssante.fr:443", "/mail/config-v1.1.xml"),
    ] {
        assert_eq!(get(&h, host, path).await.text, said.text, "{host}{path}");
    }
    for (host, path) in [
        ("x", "/mail/config-v1.1.xml?emailaddress=a@ailleurs.fr"),
        ("x", "/mail/config-v1.1.xml?emailaddress=hopital.mssante.fr"),
        ("x", "/mail/config-v1.1.xml?emailaddress=a@%00"),
        ("autoconfig.ailleurs.fr", "/mail/config-v1.1.xml"),
        ("[::1]:443", "/.well-known/autoconfig/mail/config-v1.1.xml"),
    ] {
        let said = get(&h, host, path).await;
        assert_eq!((said.status, said.text.as_str()), (StatusCode::NOT_FOUND, ""), "{host}{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_is_shut_is_not_told() {
    let store = sceau_store::testing::sqlite().await;
    let mut config: OperatorConfig = sceau_testkit::config();
    config.name = "A & <B>".into();
    config.mail_setup.servers.submission = None;
    let (op, admin) = sceau_testkit::open(config, store.clone(), Trust::new(Anchors::default())).await;
    sceau_testkit::people(&op, &store, &admin, &[("hopital.mssante.fr", DomainKind::Production)], &[]).await;
    let app = sceau_web::app(op.clone());
    let h = House { op, admin, store, app };
    let path = "/mail/config-v1.1.xml?emailaddress=a@hopital.mssante.fr";
    let said = get(&h, "x", path).await;
    assert!(said.text.contains("<port>465</port>") && !said.text.contains("<port>587</port>"), "{}", said.text);
    assert!(
        !said.text.contains("<B>") && said.text.contains("<displayName>A &#38; &#60;B&#62;</displayName>"),
        "{}",
        said.text
    );
    // Where a mail program could use them it is told of our tokens too, after what every program can do: not where none is registered, nor where a
    // server or a program for reading alone is.
    assert!(!said.text.contains("OAuth2"), "{}", said.text);
    let told = async || get(&h, "x", path).await.text.contains("OAuth2<");
    let register = async |id: &str, kind: &str, scope: &str| {
        let redirects = if kind == "native" { vec!["http://127.0.0.1/retour".to_owned()] } else { Vec::new() };
        let (kind, scope) = (kind.to_owned(), scope.to_owned());
        let new = NewClient { client_id: id.into(), name: "Lecteur".into(), kind, redirects, scope, jwks: None };
        h.op.add_oauth_client(&h.admin, new).await.unwrap()
    };
    for (id, kind, scope) in
        [("serveur", "confidential", "mail offline_access"), ("lecture", "native", "mail.read offline_access")]
    {
        register(id, kind, scope).await;
        assert!(!told().await, "{id}");
    }
    let reader = register("lecteur", "native", "mail offline_access").await;
    assert!(told().await);
    let block = ClientChange { state: Some("blocked".into()), ..ClientChange::default() };
    h.op.edit_oauth_client(&h.admin, "lecteur", reader.version, block).await.unwrap();
    assert!(!told().await, "blocked");
    // Or where programs may register themselves.
    let mut config = h.op.config().clone();
    config.identity.oauth.registration = true;
    let op = sceau_operator::Operator::open(config, h.store.clone(), h.op.trust().clone()).await.unwrap();
    let h = House { app: sceau_web::app(op.clone()), op, ..h };
    let said = get(&h, "x", path).await;
    let (password, oauth) = (said.text.find("password-cleartext").unwrap(), said.text.find("OAuth2<").unwrap());
    assert!(
        password < oauth && said.text.contains("<tokenURL>https://mss.alpha.fr/oauth/token</tokenURL>"),
        "{}",
        said.text
    );
    // Without a way to send there is nothing to set up.
    let mut config = h.op.config().clone();
    config.mail_setup.servers.submissions = None;
    let op = sceau_operator::Operator::open(config, h.store.clone(), h.op.trust().clone()).await.unwrap();
    let h = House { app: sceau_web::app(op.clone()), op, ..h };
    assert_eq!(get(&h, "x", path).await.status, StatusCode::NOT_FOUND);
}

/// F223: no program is sent where it could not sign in.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_domain_does_not_admit_is_not_named() {
    let h = house().await;
    let pki = sceau_testkit::pki::Pki::new();
    h.op.set_shown(Arc::new(arc_swap::ArcSwap::from_pointee(pki.identity("mss.alpha.fr"))));
    let redirects = vec!["http://127.0.0.1/retour".to_owned()];
    let (kind, scope) = ("native".to_owned(), "mail offline_access".to_owned());
    let new = NewClient { client_id: "lecteur".into(), name: "Lecteur".into(), kind, redirects, scope, jwks: None };
    h.op.add_oauth_client(&h.admin, new).await.unwrap();
    let mozilla = "/mail/config-v1.1.xml?emailaddress=a@hopital.mssante.fr";
    let apple = "/mail/apple.mobileconfig?emailaddress=a@hopital.mssante.fr";
    let json = "/autodiscover/autodiscover.json?Email=a@hopital.mssante.fr&Protocol=AutodiscoverV1";
    let named = async || {
        let text = get(&h, "x", mozilla).await.text;
        ["password-cleartext", "OAuth2<", "TLS-client-cert"].map(|way| text.contains(way))
    };
    let outlook = async || {
        let said = outlook(&h, "/autodiscover/autodiscover.xml", "a@hopital.mssante.fr", ANSWER).await;
        said.text.contains("<ErrorCode>500</ErrorCode>")
    };
    let statuses = async || (get(&h, "x", apple).await.status, get(&h, "x", json).await.status);
    assert_eq!((named().await, outlook().await), ([true, true, false], false));
    assert_eq!(statuses().await, (StatusCode::OK, StatusCode::OK));
    h.op.set_policy(&h.admin, "domain", "hopital.mssante.fr", "device_tokens", 0).await.unwrap();
    // Neither a token of a device nor a program that is let in, and there are no cards.
    assert_eq!(get(&h, "x", mozilla).await.status, StatusCode::NOT_FOUND);
    assert!(outlook().await, "Outlook knows nothing but passwords");
    assert_eq!(statuses().await, (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let mut anchors = Anchors::default();
    anchors.add_pem(Purpose::Cps, pki.pem_pair().0.as_bytes()).unwrap();
    h.op.trust().set_anchors(anchors);
    assert_eq!(named().await, [false, false, true], "a card alone");
    assert_eq!(statuses().await.0, StatusCode::NOT_FOUND);
    h.op.unset_policy(&h.admin, "domain", "hopital.mssante.fr", "device_tokens").await.unwrap();
    assert_eq!(named().await, [true, true, false], "where there is a plainer way");
}

#[tokio::test(flavor = "multi_thread")]
async fn outlook_is_answered_in_its_own_words() {
    let h = house().await;
    for path in ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.xml"] {
        let said = outlook(&h, path, "o'brien&amp;co@hopital.mssante.fr", ANSWER).await;
        assert_eq!(said.status, StatusCode::OK, "{path}");
        let whole: String = said.text.split_whitespace().collect();
        assert!(whole.contains(&format!("<Responsexmlns=\"{ANSWER}\">")), "{whole}");
        let user = "o&#39;brien&#38;co@hopital.mssante.fr";
        let common = |kind: &str, port| {
            format!(
                "<Type>{kind}</Type><Server>mss.alpha.fr</Server><Port>{port}</Port><DomainRequired>off</DomainRequired>\
                 <LoginName>{user}</LoginName><SPA>off</SPA><SSL>on</SSL><Encryption>SSL</Encryption><AuthRequired>on</AuthRequired>"
            )
        };
        assert!(whole.contains(&common("IMAP", 993)), "{whole}");
        assert!(
            whole.contains(&format!("{}<UsePOPAuth>on</UsePOPAuth><SMTPLast>off</SMTPLast>", common("SMTP", 465))),
            "{whole}"
        );
    }
    let path = "/autodiscover/autodiscover.xml";
    let known = outlook(&h, path, "a@hopital.mssante.fr", ANSWER).await.text;
    let unknown = outlook(&h, path, "b@hopital.mssante.fr", ANSWER).await.text;
    assert_eq!(known.replace("a@", "b@"), unknown, "nobody learns who has a BAL");
    // Another's address, and what is no question of Outlook's, have the codes that it knows.
    let said = outlook(&h, path, "a@ailleurs.fr", ANSWER).await;
    assert!(said.status == StatusCode::OK && said.text.contains("<ErrorCode>500</ErrorCode>"), "{}", said.text);
    let time = said.text.split("Time=\"").nth(1).and_then(|t| t.split('"').next()).unwrap();
    assert!(time.len() == 16 && time.as_bytes()[2] == b':', "{time}");
    for (address, schema) in [("a@hopital.mssante.fr", "autre"), ("personne", ANSWER), (&"x".repeat(20_000), ANSWER)] {
        let said = outlook(&h, path, address, schema).await;
        assert!(said.text.contains("<ErrorCode>600</ErrorCode>"), "{}", said.text);
    }
    // Where to ask.
    let json = "/autodiscover/autodiscover.json";
    let asked = [
        format!("{json}?Email=a@hopital.mssante.fr&Protocol=AutodiscoverV1"),
        format!("{json}?email=a@hopital.mssante.fr&protocol=autodiscoverv1"),
        format!("{json}/v1.0/a@hopital.mssante.fr?Protocol=AutodiscoverV1"),
    ];
    for path in &asked {
        let said = get(&h, "x", path).await;
        assert_eq!(
            (&said.body["Protocol"], &said.body["Url"]),
            (&"AutodiscoverV1".into(), &"https://mss.alpha.fr/autodiscover/autodiscover.xml".into())
        );
    }
    let said = get(&h, "x", &asked[0].replace("AutodiscoverV1", "ActiveSync")).await;
    assert_eq!((said.status, &said.body["ErrorCode"]), (StatusCode::BAD_REQUEST, &"ProtocolNotSupported".into()));
    assert_eq!(get(&h, "x", &asked[0].replace("hopital", "autre")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&h, "x", json).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn apples_profile_is_signed_and_holds_no_secret() {
    let h = house().await;
    let path = "/mail/apple.mobileconfig?emailaddress=anne.legoff%2Bvrai%40hopital.mssante.fr";
    // Without a certificate to sign with there is none.
    let none = get(&h, "x", path).await;
    assert_eq!((none.status, &none.headers["retry-after"]), (StatusCode::SERVICE_UNAVAILABLE, &"10".parse().unwrap()));
    assert!(none.text.contains("Réessayez") && none.text.contains("Try again"), "{}", none.text);
    let pki = sceau_testkit::pki::Pki::new();
    h.op.set_shown(Arc::new(arc_swap::ArcSwap::from_pointee(pki.identity("mss.alpha.fr"))));
    let said = get(&h, "x", path).await;
    assert_eq!(
        (said.status, &said.headers["content-type"]),
        (StatusCode::OK, &"application/x-apple-aspen-config".parse().unwrap())
    );
    assert!(said.headers["content-disposition"].to_str().unwrap().contains("messagerie.mobileconfig"));
    let value = |key: &str| {
        let (_, after) =
            said.text.split_once(&format!("<key>{key}</key>")).unwrap_or_else(|| panic!("{key}: {}", said.text));
        after.trim_start().split_inclusive('>').take(2).collect::<String>().replace('\n', "").trim().to_owned()
    };
    for (key, wanted) in [
        ("EmailAccountType", "<string>EmailTypeIMAP</string>"),
        ("EmailAddress", "<string>anne.legoff+vrai@hopital.mssante.fr</string>"),
        ("IncomingMailServerHostName", "<string>mss.alpha.fr</string>"),
        ("IncomingMailServerPortNumber", "<integer>993</integer>"),
        ("OutgoingMailServerPortNumber", "<integer>465</integer>"),
        ("IncomingMailServerUsername", "<string>anne.legoff+vrai@hopital.mssante.fr</string>"),
    ] {
        assert_eq!(value(key), wanted, "{key}");
    }
    for (key, wanted) in
        [("PreventMove", "<true/>"), ("allowMailDrop", "<false/>"), ("IncomingMailServerUseSSL", "<true/>")]
    {
        assert!(value(key).starts_with(wanted), "{key}: {}", value(key));
    }
    assert!(!said.text.contains("<key>IncomingPassword</key>") && !said.text.contains("<key>OutgoingPassword</key>"));
    // Installed again it takes its own place, and no other account's.
    let again = get(&h, "x", path).await.text;
    let uuid = |text: &str| {
        text.split("<key>PayloadUUID</key>").nth(1).map(|t| t.split("</string>").next().unwrap_or_default().to_owned())
    };
    let other = get(&h, "x", &path.replace("anne", "bruno")).await.text;
    assert!(uuid(&said.text).is_some() && uuid(&said.text) == uuid(&again) && uuid(&said.text) != uuid(&other));
    assert!(again.contains("com.apple.mail.managed"));
    for bad in ["", "?emailaddress=personne", "?emailaddress=a@ailleurs.fr"] {
        assert_eq!(
            get(&h, "x", &format!("/mail/apple.mobileconfig{bad}")).await.status,
            StatusCode::NOT_FOUND,
            "{bad}"
        );
    }
}
