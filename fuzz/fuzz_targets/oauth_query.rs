//! What browsers and programs ask of the authorization server: no panic; what is read is written as it was; nobody is sent to an address that is not registered.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_identity::form;
use sceau_identity::oauth::{self, Ask, Client, ClientKind, Scopes};
use sceau_identity::url::Url;

const ISSUER: &str = "https://op.example";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(url) = Url::parse(text) {
        assert!(text.starts_with(url.scheme) && text.ends_with(url.rest) && text.contains(url.host));
        assert!(!url.is_https() || text.starts_with(&format!("https://{}", url.host)));
    }
    if let Some((id, secret)) = oauth::basic(text) {
        assert!(!id.is_empty() && !secret.is_empty());
    }
    let Some(parameters) = form::read(text) else { return };
    let borrowed: Vec<_> = parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let written = form::write(&borrowed);
    // Escaping makes a text three times as long at most.
    assert!(written.len() > form::MAX_BYTES || form::read(&written).as_ref() == Some(&parameters));
    if let Ok((_, auth)) = oauth::grant(&parameters, None) {
        assert!(!auth.id().is_empty() && auth.id().len() <= oauth::MAX_CLIENT);
    }
    let _ = (oauth::revocation(&parameters, None), oauth::device_request(&parameters, None));
    let client = Client {
        id: "a".into(),
        name: "A".into(),
        kind: ClientKind::Native,
        redirects: vec!["http://127.0.0.1/r".into(), "fr.a:/r".into(), "https://a.fr/r?x".into()],
        scopes: Scopes::ALL,
    };
    // The whole question is the fuzzer's, then all but client and scheme.
    let mut helped = parameters.clone();
    helped.retain(|(n, _)| !["client_id", "code_challenge_method", "response_type"].contains(&n.as_str()));
    for (name, value) in [("client_id", "a"), ("code_challenge_method", "S256"), ("response_type", "code")] {
        helped.push((name.into(), value.into()));
    }
    for query in [parameters, helped] {
        let to = match oauth::authorization(&query, Some(&client), ISSUER) {
            Ask::Good(a) => {
                assert!(client.scopes.contains(a.scopes) && a.challenge.len() == 43);
                a.redirect
            }
            Ask::Back(url) => url,
            Ask::Here(_) => continue,
        };
        let url = Url::parse(to.split(['?', '#']).next().unwrap_or_default()).expect("an address");
        assert!(
            matches!(
                (url.scheme, url.host, url.rest),
                ("http", "127.0.0.1", "/r") | ("fr.a", "", "/r") | ("https", "a.fr", "/r")
            ),
            "{to}"
        );
    }
});
