//! The destinations of the chaos run: what each does wrong, and what must become of mail for it.
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;

/// Where in the dialogue something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Instead of the greeting.
    Greeting,
    /// At the first EHLO.
    Hello,
    /// At STARTTLS.
    StartTls,
    /// Instead of the handshake.
    Handshake,
    /// At EHLO under TLS.
    Inside,
    /// At MAIL.
    Mail,
    /// At RCPT.
    Rcpt,
    /// At DATA, or at the first chunk.
    Data,
    /// In the middle of the content.
    Content,
    /// After the last octet of the content.
    End,
}

impl Step {
    /// Before there is a message.
    pub fn is_early(self) -> bool {
        self < Self::Mail
    }
}

/// What a server does there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Does {
    /// Nothing more, until the client leaves.
    Hangs,
    /// Cuts without a word.
    Cuts,
    /// Says this, and goes on.
    Says(&'static str),
    /// Says this, and closes.
    Leaves(&'static str),
    /// Says this, which is no answer to what was asked; takes no message on this connection any more, and leaves.
    Lies(&'static str),
    /// Answers octet by octet, without end.
    Trickles,
    /// Lines of a reply, without end.
    Floods,
}

/// A fault: where, and what.
pub type Fault = (Step, Does);

/// Which certificate a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shows {
    /// Its own.
    Own,
    /// One of an authority that nobody knows.
    Rogue,
    /// One that has ended.
    Expired,
    /// One that was revoked.
    Revoked,
    /// A good one that stands nowhere in the list.
    Unlisted,
    /// That of another operator, good for another domain.
    Anothers,
}

/// A server: where it listens, what it shows, what goes wrong.
#[derive(Debug, Clone)]
pub struct Server {
    pub at: Ipv4Addr,
    pub shows: Shows,
    /// One of these, in turn, at every other connection or at every so many messages.
    pub faults: &'static [Fault],
    /// At every message for everybody.
    pub refuses: Option<Fault>,
    /// Offers CHUNKING on every other connection.
    pub chunking: bool,
}

/// What the DNS says of a domain.
#[derive(Debug, Clone)]
pub enum Dns {
    /// These servers, the preferred first; none listens at the others.
    Mx(Vec<Ipv4Addr>),
    /// No MX: the domain's own address.
    Address(Ipv4Addr),
    /// It fails now and then, otherwise says this.
    Sometimes(Ipv4Addr),
    /// SERVFAIL, always.
    Fails,
    /// It takes no mail (RFC 7505).
    NullMx,
    /// There is no such domain.
    Unknown,
}

/// What must become of mail for a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Taken by the destination, once.
    Delivered,
    /// Reported to its sender, once.
    Reported,
    /// Neither before it expires; then reported, once.
    Expired,
}

/// A destination.
#[derive(Debug, Clone)]
pub struct Place {
    pub domain: String,
    pub dns: Dns,
    pub servers: Vec<Server>,
    pub fate: Fate,
    /// Messages in a hundred, about.
    pub share: u32,
}

/// At `partage`, this one is unknown.
pub const ABSENT: &str = "absent";
/// At `partage`, this one is put off every other time.
pub const BUSY: &str = "occupe";

const HANGS: &[Fault] = &every(Does::Hangs);
const CUTS: &[Fault] = &every(Does::Cuts);
const LATER: &[Fault] = &[
    (Step::Greeting, Does::Leaves("421 4.3.2 trop de connexions\r\n")),
    (Step::Hello, Does::Says("451 4.3.0 pas maintenant\r\n")),
    (Step::StartTls, Does::Says("454 4.7.0 pas maintenant\r\n")),
    (Step::Inside, Does::Leaves("421 4.3.2 je ferme\r\n")),
    (Step::Mail, Does::Says("451 4.3.0 pas maintenant\r\n")),
    (Step::Mail, Does::Leaves("421 4.3.2 je ferme\r\n")),
    (Step::Rcpt, Does::Says("450 4.2.1 boite occupee\r\n")),
    (Step::Rcpt, Does::Says("452 4.5.3 trop de destinataires\r\n")),
    (Step::Data, Does::Says("451 4.3.0 pas maintenant\r\n")),
    (Step::Content, Does::Leaves("452 4.3.1 plus de place\r\n")),
    (Step::End, Does::Says("451 4.3.0 analyse en panne\r\n")),
    (Step::End, Does::Leaves("421 4.3.2 je ferme\r\n")),
];
/// What is permanent before there is a message is said of the server, not of the message: it waits.
const LIES: &[Fault] = &[
    (Step::Greeting, Does::Lies("BONJOUR\r\n")),
    (Step::Greeting, Does::Leaves("554 5.7.1 pas vous\r\n")),
    (Step::Hello, Does::Lies("250 sans rien\r\n")),
    (Step::Hello, Does::Says("550 5.5.0 pas vous\r\n")),
    (Step::StartTls, Does::Lies("250 bien sur\r\n")),
    (Step::StartTls, Does::Lies("220 allez\r\n250 et encore\r\n")),
    (Step::Handshake, Does::Lies("\x16\x03\x01\x00\x05rubbish\r\n")),
    (Step::Inside, Does::Lies("999 quoi\r\n")),
    (Step::Inside, Does::Floods),
    (Step::Mail, Does::Lies("354 allez\r\n")),
    (Step::Rcpt, Does::Lies("250 oui\r\n250 oui\r\n250 oui\r\n")),
    (Step::Data, Does::Lies("250 deja pris\r\n")),
    (Step::Data, Does::Lies("354 allez\r\n250 2.0.0 deja pris\r\n")),
    (Step::End, Does::Lies("354 encore\r\n")),
    (Step::End, Does::Lies("\0\x01\x02 rien\r\n")),
    (Step::End, Does::Lies("250-deux codes\r\n550 en une reponse\r\n")),
    (Step::End, Does::Trickles),
    (Step::End, Does::Floods),
];

const fn every(does: Does) -> [Fault; 10] {
    use Step::*;
    [
        (Greeting, does),
        (Hello, does),
        (StartTls, does),
        (Handshake, does),
        (Inside, does),
        (Mail, does),
        (Rcpt, does),
        (Data, does),
        (Content, does),
        (End, does),
    ]
}

/// All destinations but the other operator of the sandbox and the clinic where nobody listens.
pub fn all() -> Vec<Place> {
    let mut made = Maker { next: 0, places: Vec::new() };
    use Does::Says;
    made.serves("bon", 27, Shows::Own, &[], None, true);
    made.serves("plus-tard", 14, Shows::Own, LATER, None, true);
    made.serves("coupe", 10, Shows::Own, CUTS, None, true);
    made.serves("ment", 4, Shows::Own, LIES, None, false);
    made.serves("muet", 1, Shows::Own, HANGS, None, true);
    made.serves("partage", 5, Shows::Own, &[], None, true);
    let refusals = [
        ("non-mail", (Step::Mail, Says("550 5.7.1 pas de vous\r\n"))),
        ("non-rcpt", (Step::Rcpt, Says("550 5.1.1 inconnu\r\n"))),
        ("non-data", (Step::Data, Says("554 5.6.0 pas cela\r\n"))),
        ("non-fin", (Step::End, Says("554 5.7.0 infecte\r\n"))),
    ];
    for (name, refuses) in refusals {
        made.serves(name, 2, Shows::Own, &[], Some(refuses), true).fate = Fate::Reported;
    }
    let wrong = [
        ("inconnue", Shows::Rogue),
        ("expire", Shows::Expired),
        ("revoque", Shows::Revoked),
        ("absente", Shows::Unlisted),
        ("autre", Shows::Anothers),
    ];
    for (name, shows) in wrong {
        made.serves(name, 1, shows, &[], None, true).fate = Fate::Expired;
    }
    // The preferred server is dead, or shows a wrong certificate: the next one takes the mail.
    let dead = Ipv4Addr::new(127, 0, 2, 1);
    let place = made.serves("secours", 3, Shows::Own, &[], None, true);
    place.dns = Dns::Mx(vec![dead, place.servers[0].at]);
    let wrong = made.server(Shows::Rogue);
    let place = made.serves("secours-tls", 2, Shows::Own, &[], None, true);
    place.dns = Dns::Mx(vec![wrong.at, place.servers[0].at]);
    place.servers.push(wrong);
    let place = made.serves("dns-parfois", 3, Shows::Own, &[], None, true);
    place.dns = Dns::Sometimes(place.servers[0].at);
    let place = made.serves("dns-sans-mx", 2, Shows::Own, &[], None, true);
    place.dns = Dns::Address(place.servers[0].at);
    for (name, dns, fate) in [
        ("mort", Dns::Mx(vec![dead]), Fate::Expired),
        ("dns-panne", Dns::Fails, Fate::Expired),
        ("dns-rien", Dns::NullMx, Fate::Reported),
        ("dns-inconnu", Dns::Unknown, Fate::Reported),
    ] {
        made.places.push(Place { domain: domain(name), dns, servers: Vec::new(), fate, share: 1 });
    }
    made.places
}

fn domain(name: &str) -> String {
    format!("{name}.chaos.mssante.fr")
}

struct Maker {
    next: u8,
    places: Vec<Place>,
}

impl Maker {
    fn server(&mut self, shows: Shows) -> Server {
        self.next += 1;
        Server { at: Ipv4Addr::new(127, 0, 1, self.next), shows, faults: &[], refuses: None, chunking: true }
    }
    fn serves(
        &mut self,
        name: &str,
        share: u32,
        shows: Shows,
        faults: &'static [Fault],
        refuses: Option<Fault>,
        chunking: bool,
    ) -> &mut Place {
        let server = Server { faults, refuses, chunking, ..self.server(shows) };
        let dns = Dns::Mx(vec![server.at]);
        self.places.push(Place { domain: domain(name), dns, servers: vec![server], fate: Fate::Delivered, share });
        self.places.last_mut().expect("just added")
    }
}

/// How often each fault struck.
#[derive(Debug, Default)]
pub struct Struck(Mutex<BTreeMap<Fault, u32>>);

impl Struck {
    pub fn note(&self, fault: Fault) {
        *self.0.lock().expect("lock").entry(fault).or_default() += 1;
    }
    pub fn all(&self) -> BTreeMap<Fault, u32> {
        self.0.lock().expect("lock").clone()
    }
}

/// Every fault that some server has.
pub fn known() -> Vec<Fault> {
    [HANGS, CUTS, LATER, LIES].concat()
}
