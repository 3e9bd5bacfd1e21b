//! Asking a played identity provider: within its hosts, one deadline, so many bytes; what it answers is told as it is.
use crate::pki::*;
use sceau_trust::outgoing::{FetchError, Hosts};
use sceau_trust::provider::{ClientAuth, Outside, OutsideSettings};
use sceau_trust::{Anchors, Identity, Purpose, tls};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A provider that answers each connection with `head` and the request that it heard, after `wait`; how many it served at once at most.
async fn provider(identity: &Identity, head: &'static str, wait: Duration) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(tls::mx_server(identity).unwrap());
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let told = most.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, now, most) = (acceptor.clone(), now.clone(), most.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let shown = stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
                let mut request = Vec::new();
                while !whole(&request) && stream.read_buf(&mut request).await.is_ok_and(|n| n > 0) {}
                tokio::time::sleep(wait).await;
                now.fetch_sub(1, Ordering::SeqCst);
                let heard = format!("{}\ncertificates: {shown}", String::from_utf8_lossy(&request));
                let answer =
                    format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{heard}", heard.len());
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (port, told)
}

/// Did all of a request come? A body may come behind its header.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// Valid whenever the tests are run.
fn identity(pki: &Pki) -> Identity {
    pki.leaf(|p| (p.not_before, p.not_after) = (day(-8000), day(8000))).identity()
}

fn settings(port: u16, anchors: Anchors) -> OutsideSettings {
    OutsideSettings {
        hosts: Hosts::new([format!("localhost:{port}")]),
        anchors,
        identity: None,
        deadline: Duration::from_secs(20),
        max_bytes: 64 << 10,
        at_once: 8,
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

const OK: &str = "200 OK\r\nContent-Type: Application/JSON;charset=UTF-8\r\nCache-Control: max-age=60";

#[tokio::test]
async fn documents_and_forms_say_who_we_are() {
    let pki = Pki::new("O");
    let (port, _) = provider(&identity(&pki), OK, Duration::ZERO).await;
    let plain = settings(port, pki.root_anchors(Purpose::Providers));
    let outside = Outside::new(&plain).unwrap();
    let url = format!("https://localhost:{port}/jeton?a=1");

    let answer = outside.get(&url, None).await.unwrap();
    assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"));
    assert_eq!(answer.max_age, Some(Duration::from_secs(60)));
    let heard = text(&answer.body);
    assert!(heard.starts_with("GET /jeton?a=1 HTTP/1.1\r\n") && !heard.contains("authorization"), "{heard}");
    let heard = text(&outside.get(&url, Some("abc.def")).await.unwrap().body);
    assert!(heard.contains("authorization: Bearer abc.def\r\n"), "{heard}");

    let fields = [("grant_type", "authorization_code"), ("code", "a&b=c é")];
    let form = async |auth| text(&outside.form(&url, &fields, auth).await.unwrap().body);
    let said = "grant_type=authorization_code&code=a%26b%3Dc+%C3%A9";
    let heard = form(ClientAuth::Basic("lps", "mot")).await;
    assert!(heard.starts_with("POST /jeton?a=1") && heard.contains("authorization: Basic bHBzOm1vdA=="), "{heard}");
    assert!(heard.contains("content-type: application/x-www-form-urlencoded\r\n"), "{heard}");
    assert!(heard.contains(&format!("\r\n\r\n{said}\n")), "{heard}");
    for (auth, more) in [
        (ClientAuth::Post("l p", "m+t"), "&client_id=l+p&client_secret=m%2Bt"),
        (ClientAuth::Certificate("lps"), "&client_id=lps"),
        (
            ClientAuth::Jwt("e.y.J"),
            "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=e.y.J",
        ),
    ] {
        let heard = form(auth).await;
        assert!(heard.contains(&format!("{said}{more}\n")) && !heard.contains("\r\nauthorization:"), "{heard}");
        assert!(heard.ends_with("certificates: 0"), "{heard}");
    }
    let own = Outside::new(&OutsideSettings { identity: Some(identity(&pki)), ..plain }).unwrap();
    let heard = text(&own.form(&url, &fields, ClientAuth::Certificate("lps")).await.unwrap().body);
    assert!(heard.ends_with("certificates: 2"), "{heard}");
}

#[tokio::test]
async fn what_is_refused_is_an_answer_and_nothing_is_followed() {
    let pki = Pki::new("O");
    let bad = "400 Bad Request\r\nContent-Type: application/json\r\nCache-Control: no-store";
    for (head, status) in [(bad, 400), ("302 Found\r\nLocation: https://localhost/", 302), ("503 Away", 503)] {
        let (port, _) = provider(&identity(&pki), head, Duration::ZERO).await;
        let outside = Outside::new(&settings(port, pki.root_anchors(Purpose::Providers))).unwrap();
        let answer = outside.get(&format!("https://localhost:{port}/"), None).await.unwrap();
        assert_eq!((answer.status, answer.body.is_empty()), (status, false));
    }
}

#[tokio::test]
async fn bounds_hosts_and_authorities() {
    let pki = Pki::new("O");
    let (port, _) = provider(&identity(&pki), OK, Duration::from_millis(200)).await;
    let good = settings(port, pki.root_anchors(Purpose::Providers));
    let url = format!("https://localhost:{port}/");
    let failed = async |settings: &OutsideSettings, url: &str| {
        Outside::new(settings).unwrap().get(url, Some("jeton-secret")).await.unwrap_err()
    };

    for elsewhere in ["https://localhost/", "https://exemple.fr/"] {
        assert!(matches!(failed(&good, elsewhere).await, FetchError::Host(_)), "{elsewhere}");
    }
    for no_address in
        [format!("http://localhost:{port}/"), "file:///etc/passwd".into(), format!("https://u@localhost:{port}/")]
    {
        assert_eq!(failed(&good, &no_address).await, FetchError::Address, "{no_address}");
    }
    let error = failed(&OutsideSettings { max_bytes: 20, ..good.clone() }, &url).await.to_string();
    assert!(error.contains("larger than 20"), "{error}");
    let error =
        failed(&OutsideSettings { deadline: Duration::from_millis(50), ..good.clone() }, &format!("{url}?code=42"))
            .await;
    assert_eq!(error.to_string(), "no answer within 50 ms", "nothing of what was sent");
    for anchors in [pki.root_anchors(Purpose::ListServer), Pki::new("O").root_anchors(Purpose::Providers)] {
        // Without anchors of this purpose, the system's authorities: neither knows this one.
        assert!(failed(&settings(port, anchors), &url).await.to_string().contains("UnknownIssuer"));
    }

    // One that nobody asked before: what was given up above may still be at work there.
    let (port, most) = provider(&identity(&pki), OK, Duration::from_millis(200)).await;
    let (good, url) = (settings(port, good.anchors), format!("https://localhost:{port}/"));
    let two = Arc::new(Outside::new(&OutsideSettings { at_once: 2, ..good }).unwrap());
    let asked: Vec<_> = (0..6)
        .map(|_| {
            let (two, url) = (two.clone(), url.clone());
            tokio::spawn(async move { two.get(&url, None).await.unwrap().status })
        })
        .collect();
    for one in asked {
        assert_eq!(one.await.unwrap(), 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 2, "the others waited for their turn");
}
