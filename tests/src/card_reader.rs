//! A reader with a professional's card in it: for browsers without a screen ([`Visit`]) the card is a PKCS#12 file of the sandbox's; for the real one, which
//! would ask its person in a dialog of its own, a [`Reader`] stands before the door for cards and shows the card.
use crate::sandbox::{Card, CardPair, Operator};
use crate::visit::{Seen, Visit};
use crate::{Browser, Sandbox};
use rustls::pki_types::ServerName;
use sceau_trust::{Identity, tls};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What stands before an operator's door for cards, and shows one there. It ends with the test.
#[derive(Debug)]
pub struct Reader {
    host: String,
    port: u16,
    _runtime: tokio::runtime::Runtime,
}

impl Reader {
    /// With this card, before this operator's door. To browsers it shows the operator's certificate.
    pub fn new(a: &Operator, pair: &CardPair) -> Self {
        let identity = |cert: &std::path::Path, key: &std::path::Path| {
            let read = |path| std::fs::read(path).expect("a file");
            Identity::from_pem(&read(cert), &read(key)).expect("certificate and key")
        };
        let (own, card) = (identity(&a.certificate.cert, &a.certificate.key), identity(&pair.cert, &pair.key));
        let acceptor = TlsAcceptor::from(tls::client_server(&own).expect("a server"));
        let connector = TlsConnector::from(tls::transfer_client(&card).expect("a client"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (host, door) = (format!("carte.{}.localhost", a.name), a.endpoints.card.clone());
        let name = ServerName::try_from(host.clone()).expect("a name");
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, connector, door, name) =
                    (acceptor.clone(), connector.clone(), door.clone(), name.clone());
                tokio::spawn(async move {
                    let mut browser = acceptor.accept(stream).await?;
                    let mut door = connector.connect(name, TcpStream::connect(door).await?).await?;
                    tokio::io::copy_bidirectional(&mut browser, &mut door).await
                });
            }
        });
        Self { host, port, _runtime: runtime }
    }
    /// A browser to which it is connected.
    #[track_caller]
    pub fn browser(&self, sandbox: &Sandbox) -> Browser {
        Browser::start_with(&sandbox.ready.anchors, &format!("MAP {} 127.0.0.1:{}, ", self.host, self.port))
    }
}

impl Visit<'_> {
    /// Asks for a page with this card in the reader.
    pub fn show(&self, url: &str, pair: &CardPair) -> Seen {
        let card = format!("{}:{}", pair.p12.display(), pair.password);
        self.ask(url, &["--cert-type", "P12", "--cert", &card])
    }
    /// Chooses the card on an operator's page of the sign-in: the address of the door for cards.
    pub fn to_the_card(&self, a: &Operator) -> String {
        let page = self.get(&format!("{}/connexion", a.public_url));
        assert_eq!(page.status, 200, "{page:?}");
        let led = self.send(&page, "/connexion/carte", &[]);
        led.to.clone().unwrap_or_else(|| panic!("led nowhere: {led:?}"))
    }
    /// Signs in with a card, up to the answer of our own page.
    pub fn sign_in_by_card(&self, a: &Operator, pair: &CardPair) -> Seen {
        let read = self.show(&self.to_the_card(a), pair);
        self.get(read.to.as_deref().unwrap_or_else(|| panic!("refused: {read:?}")))
    }
}

impl Sandbox {
    /// The card of this name.
    pub fn card(&self, name: &str) -> &Card {
        self.ready.cards.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no card {name}"))
    }
    /// A card of this state.
    pub fn card_that_is(&self, state: &str) -> &Card {
        self.ready.cards.iter().find(|c| c.condition == state).unwrap_or_else(|| panic!("no card is {state}"))
    }
    /// The card of a professional whom no operator knows, and whom the register does.
    pub fn newcomer(&self, nth: usize) -> &Card {
        let mut all = self.ready.cards.iter().filter(|c| c.login.is_empty() && c.name == c.rpps);
        all.nth(nth).expect("a card of a newcomer")
    }
}
