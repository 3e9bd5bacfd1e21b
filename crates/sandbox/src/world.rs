//! Who lives in the played world: operators, domains, people, BALs. All synthetic; the RPPS numbers have right check digits.
use crate::Options;
use std::path::PathBuf;

/// An operator run by Sceau.
#[derive(Debug, Clone)]
pub struct OperatorSpec {
    /// Short name: folder, file names.
    pub name: &'static str,
    /// Name shown.
    pub title: &'static str,
    /// Domain.
    pub domain: &'static str,
    /// Another domain, of no structure: there professionals whom nobody entered open a BAL of their own.
    pub own: &'static str,
    /// Host name of its first node.
    pub hostname: &'static str,
    /// Certificate subject: OU (1 + FINESS), O, ST.
    pub subject: (&'static str, &'static str, &'static str),
    /// Folder of its data.
    pub data: PathBuf,
    /// First of its ports: mx, submission, submissions, imap, imaps, http, https, card.
    pub ports: u16,
    /// Its hospital.
    pub structure: StructureSpec,
    /// People: login, name, RPPS.
    pub people: Vec<(&'static str, &'static str, Option<&'static str>)>,
    /// BALs.
    pub bals: Vec<BalSpec>,
}

/// A structure, the regional body that follows it, and who speaks for them.
#[derive(Debug, Clone)]
pub struct StructureSpec {
    /// Code.
    pub code: &'static str,
    /// Name.
    pub name: &'static str,
    /// FINESS of the legal entity and of the establishment: invented, with right check digits.
    pub finess: (&'static str, &'static str),
    /// Town.
    pub town: (&'static str, &'static str),
    /// Code and name of the regional body.
    pub body: (&'static str, &'static str),
    /// Who administers the structure: login and name.
    pub administrator: (&'static str, &'static str),
    /// Agent of the regional body: login and name.
    pub agent: (&'static str, &'static str),
    /// Who works there: login and function.
    pub members: &'static [(&'static str, &'static str)],
}

/// A BAL to open.
#[derive(Debug, Clone)]
pub struct BalSpec {
    /// Local part.
    pub local: &'static str,
    /// Kind, as the CLI names it.
    pub kind: &'static str,
    /// Name shown.
    pub name: &'static str,
    /// Holder or responsible.
    pub holder: &'static str,
    /// Members.
    pub members: &'static [&'static str],
    /// Test BAL.
    pub test: bool,
}

/// One of the processes that run an operator together.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    /// Number, from 0.
    pub number: u16,
    /// Name of its certificate (its own: one key, one equipment).
    pub certificate: String,
    /// Host name.
    pub hostname: String,
    /// Folder of what is its own: configuration, spools, socket, log.
    pub data: PathBuf,
    /// First of its ports.
    pub ports: u16,
}

impl OperatorSpec {
    /// Its nodes; the first lives in the operator's own folder.
    pub fn nodes(&self, count: u16) -> Vec<NodeSpec> {
        let host = self.hostname.strip_prefix("mx").unwrap_or(self.hostname);
        (0..count)
            .map(|number| match number {
                0 => NodeSpec {
                    number,
                    certificate: self.name.into(),
                    hostname: self.hostname.into(),
                    data: self.data.clone(),
                    ports: self.ports,
                },
                _ => NodeSpec {
                    number,
                    certificate: format!("{}-{}", self.name, number + 1),
                    hostname: format!("mx{}{host}", number + 1),
                    data: self.data.join(format!("noeud-{}", number + 1)),
                    // Operators begin ten ports apart, the outsider has the fifth ten.
                    ports: self.ports + 20 + 20 * number,
                },
            })
            .collect()
    }
    /// Configuration file of the first node.
    pub fn config(&self) -> PathBuf {
        self.data.join("sceau.toml")
    }
    /// Administration socket of the first node.
    pub fn socket(&self) -> PathBuf {
        self.data.join("admin.sock")
    }
    /// Its domains, the hospital's first.
    pub fn domains(&self) -> [&'static str; 2] {
        [self.domain, self.own]
    }
}

impl NodeSpec {
    /// Configuration file.
    pub fn config(&self) -> PathBuf {
        self.data.join("sceau.toml")
    }
    /// Administration socket.
    pub fn socket(&self) -> PathBuf {
        self.data.join("admin.sock")
    }
    /// What it logs.
    pub fn log(&self) -> PathBuf {
        self.data.join("log.jsonl")
    }
    /// Port of its web door.
    pub fn https(&self) -> u16 {
        self.ports + HTTPS
    }
    /// Where browsers find it. Each operator has a name of its own: cookies do not tell ports apart.
    pub fn public_url(&self, operator: &OperatorSpec) -> String {
        format!("https://{}.localhost:{}", operator.name, self.https())
    }
    /// Where browsers find the door that asks for a card.
    pub fn card_url(&self, operator: &OperatorSpec) -> String {
        format!("https://{CARD_HOST}{}.localhost:{}", operator.name, self.ports + CARD)
    }
    /// `host:port` of a door.
    pub fn endpoint(&self, offset: u16) -> String {
        format!("127.0.0.1:{}", self.ports + offset)
    }
}

/// An operator of the white list that somebody else runs.
#[derive(Debug, Clone)]
pub struct OutsiderSpec {
    /// Short name.
    pub name: &'static str,
    /// Domain.
    pub domain: &'static str,
    /// Certificate CN, OU, O, ST.
    pub subject: (&'static str, &'static str, &'static str, &'static str),
    /// Port where its mail goes.
    pub port: u16,
    /// Addresses that a test peer there should serve.
    pub addresses: [&'static str; 2],
}

/// The whole world.
#[derive(Debug, Clone)]
pub struct World {
    /// Folder of everything.
    pub data: PathBuf,
    /// Port of the authority's HTTPS server.
    pub authority_port: u16,
    /// Operators run by Sceau.
    pub operators: Vec<OperatorSpec>,
    /// Nodes of each of them.
    pub nodes: u16,
    /// The outsider.
    pub outsider: OutsiderSpec,
}

/// CN of the played signer of the white list.
pub const SIGNER_CN: &str = "alb.bac-a-sable.mssante.fr";
/// CN of the played issuing authority.
pub const ISSUER_CN: &str = "AC BAC A SABLE ELEMENTAIRE ORGANISATIONS";

/// Doors, in the order of an operator's ports.
pub const MX: u16 = 0;
/// Submission with STARTTLS.
pub const SUBMISSION: u16 = 1;
/// Submission over TLS.
pub const SUBMISSIONS: u16 = 2;
/// IMAP with STARTTLS.
pub const IMAP: u16 = 3;
/// IMAP over TLS.
pub const IMAPS: u16 = 4;
/// Metrics and health.
pub const HTTP: u16 = 5;
/// REST.
pub const HTTPS: u16 = 6;
/// The door that asks for a card.
pub const CARD: u16 = 7;
/// How its name begins.
pub const CARD_HOST: &str = "carte.";

fn per(local: &'static str, name: &'static str) -> BalSpec {
    BalSpec { local, kind: "Per", name, holder: local, members: &[], test: false }
}

impl World {
    /// The world of these options.
    pub fn new(options: &Options) -> Self {
        let base = options.port_base;
        let a = OperatorSpec {
            name: "alpes",
            title: "Opérateur des Alpes (bac à sable)",
            domain: "alpes.mssante.fr",
            own: "liberaux-alpes.mssante.fr",
            hostname: "mx.alpes.mssante.fr",
            subject: ("1380000018", "GCS SANTE DES ALPES (BAC A SABLE)", "Isère (38)"),
            data: options.data.join("alpes"),
            ports: base + 10,
            structure: StructureSpec {
                code: "hopital-alpes",
                name: "Hôpital des Alpes (bac à sable)",
                finess: ("990000101", "990000119"),
                town: ("38000", "Grenoble"),
                body: ("region-alpes", "Organisme régional des Alpes (bac à sable)"),
                administrator: ("claude.direction", "Claude DIRECTION, administration de l'hôpital"),
                agent: ("alix.region", "Alix REGION, organisme régional"),
                members: &[
                    ("marie.martin", "Cardiologue"),
                    ("paul.durand", "Cardiologue"),
                    ("lea.bernard", "Infirmière"),
                    ("hugo.petit", "Pharmacien"),
                ],
            },
            people: vec![
                ("marie.martin", "Dr Marie MARTIN", Some("10000000017")),
                ("paul.durand", "Dr Paul DURAND", Some("10000000025")),
                ("lea.bernard", "Léa BERNARD, infirmière", Some("10000000033")),
                ("hugo.petit", "Hugo PETIT, pharmacien", Some("10000000041")),
                ("operateur", "Camille OPERATEUR, exploitation", None),
            ],
            bals: vec![
                per("marie.martin", "Dr Marie MARTIN"),
                per("paul.durand", "Dr Paul DURAND"),
                per("lea.bernard", "Léa BERNARD"),
                per("hugo.petit", "Hugo PETIT"),
                BalSpec {
                    local: "service-cardiologie",
                    kind: "Org",
                    name: "Service de cardiologie",
                    holder: "marie.martin",
                    members: &["paul.durand"],
                    test: false,
                },
                BalSpec {
                    local: "labo-automate",
                    kind: "App",
                    name: "Automate du laboratoire",
                    holder: "hugo.petit",
                    members: &[],
                    test: false,
                },
                BalSpec {
                    local: "test.essai",
                    kind: "Per",
                    name: "BAL de test",
                    holder: "operateur",
                    members: &[],
                    test: true,
                },
                BalSpec {
                    local: "exploitation",
                    kind: "Org",
                    name: "Exploitation",
                    holder: "operateur",
                    members: &[],
                    test: false,
                },
            ],
        };
        let b = OperatorSpec {
            name: "bretagne",
            title: "Opérateur de Bretagne (bac à sable)",
            domain: "bretagne.mssante.fr",
            own: "liberaux-bretagne.mssante.fr",
            hostname: "mx.bretagne.mssante.fr",
            subject: ("1350000022", "GCS E-SANTE DE BRETAGNE (BAC A SABLE)", "Ille-et-Vilaine (35)"),
            data: options.data.join("bretagne"),
            ports: base + 20,
            structure: StructureSpec {
                code: "hopital-bretagne",
                name: "Hôpital de Bretagne (bac à sable)",
                finess: ("990000200", "990000218"),
                town: ("35000", "Rennes"),
                body: ("region-bretagne", "Organisme régional de Bretagne (bac à sable)"),
                administrator: ("sacha.direction", "Sacha DIRECTION, administration de l'hôpital"),
                agent: ("lou.region", "Lou REGION, organisme régional"),
                members: &[
                    ("anne.legoff", "Gynécologue"),
                    ("yann.morvan", "Radiologue"),
                    ("nolwenn.tanguy", "Sage-femme"),
                    ("erwan.guillou", "Kinésithérapeute"),
                ],
            },
            people: vec![
                ("anne.legoff", "Dr Anne LE GOFF", Some("10000000058")),
                ("yann.morvan", "Dr Yann MORVAN", Some("10000000066")),
                ("nolwenn.tanguy", "Nolwenn TANGUY, sage-femme", Some("10000000074")),
                ("erwan.guillou", "Erwan GUILLOU, kinésithérapeute", Some("10000000082")),
                ("operateur", "Dominique OPERATEUR, exploitation", None),
            ],
            bals: vec![
                per("anne.legoff", "Dr Anne LE GOFF"),
                per("yann.morvan", "Dr Yann MORVAN"),
                per("nolwenn.tanguy", "Nolwenn TANGUY"),
                per("erwan.guillou", "Erwan GUILLOU"),
                BalSpec {
                    local: "maternite",
                    kind: "Org",
                    name: "Maternité",
                    holder: "nolwenn.tanguy",
                    members: &["anne.legoff"],
                    test: false,
                },
                BalSpec {
                    local: "imagerie-automate",
                    kind: "App",
                    name: "Automate d'imagerie",
                    holder: "yann.morvan",
                    members: &[],
                    test: false,
                },
                BalSpec {
                    local: "test.essai",
                    kind: "Per",
                    name: "BAL de test",
                    holder: "operateur",
                    members: &[],
                    test: true,
                },
                BalSpec {
                    local: "exploitation",
                    kind: "Org",
                    name: "Exploitation",
                    holder: "operateur",
                    members: &[],
                    test: false,
                },
            ],
        };
        let outsider = OutsiderSpec {
            name: "clinique",
            domain: "clinique-exterieure.mssante.fr",
            subject: (
                "mx.clinique-exterieure.mssante.fr",
                "1690000031",
                "CLINIQUE EXTERIEURE (BAC A SABLE)",
                "Rhône (69)",
            ),
            port: base + 40,
            addresses: ["accueil@clinique-exterieure.mssante.fr", "dr.externe@clinique-exterieure.mssante.fr"],
        };
        Self { data: options.data.clone(), authority_port: base, operators: vec![a, b], nodes: options.nodes, outsider }
    }

    /// Every node, with its operator.
    pub fn every_node(&self) -> Vec<(&OperatorSpec, NodeSpec)> {
        self.operators.iter().flat_map(|o| o.nodes(self.nodes).into_iter().map(move |n| (o, n))).collect()
    }
    /// Address of the white list.
    pub fn white_list_url(&self) -> String {
        format!("https://localhost:{}/listeblanchemssante.xml", self.authority_port)
    }
    /// Address of the revocation list.
    pub fn crl_url(&self) -> String {
        format!("https://localhost:{}/crl.pem", self.authority_port)
    }
    /// Address of the revocation list of cards.
    pub fn cards_crl_url(&self) -> String {
        format!("https://localhost:{}/crl-cartes.pem", self.authority_port)
    }
}
