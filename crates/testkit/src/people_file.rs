//! Files of people who do not exist: numbers with right check digits, names made of numbers, lines with something wrong.

/// The columns of [`line()`].
pub const HEADER: &str = "Nom;Prénom;RPPS;Habilité;Fonction;Téléphone;Nature de BAL;Adresse de BAL\r\n";
/// The first of the five hundred people of [`arrivals`]: smaller numbers are the sandbox's.
pub const FIRST: usize = 1_000;

/// An invented RPPS with a right check digit.
pub fn rpps(n: usize) -> String {
    let body = format!("1{n:09}");
    let digits = body.bytes().rev().enumerate().map(|(i, b)| (i, u32::from(b - b'0')));
    let sum: u32 = digits.map(|(i, d)| if i % 2 == 0 { d * 2 / 10 + d * 2 % 10 } else { d }).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// A number in letters: a name that nobody else has.
pub fn letters(n: usize) -> String {
    n.to_string().bytes().map(|b| char::from(b - b'0' + b'A')).collect()
}

/// A line that asks for a person and a personal BAL.
pub fn line(n: usize) -> String {
    format!("NOM-{};Prénom;{};oui;Interne;;PER;\r\n", letters(n), rpps(n))
}

/// The login that is made for the person of [`line()`], and the local part of the BAL.
pub fn login(n: usize) -> String {
    format!("prenom.nom-{}", letters(n).to_lowercase())
}

/// Five hundred people who come, and what is wrong with some lines among theirs.
pub struct Arrivals {
    /// The file: a header and 512 lines, in Windows-1252.
    pub file: Vec<u8>,
    /// Codes of the twelve faulty lines, in their order; the first one is line 42.
    pub codes: Vec<&'static str>,
}

/// People who ask for BALs in `domain`, a faulty line after every fortieth. `elsewhere`: what whoever brings the file hears of a domain that is unknown.
pub fn arrivals(domain: &str, elsewhere: &'static str) -> Arrivals {
    let good = rpps(8_000);
    let mut bad_key = rpps(8_001);
    bad_key.replace_range(10.., if bad_key.ends_with('0') { "1" } else { "0" });
    let row = |name: &str, id: &str, rest: &str| format!("{name};Prénom;{id};{rest}\r\n");
    let faulty = [
        (row("CLE", &bad_key, "oui;;;;"), "identifier.key"),
        (row("COURT", "1234", "oui;;;;"), "identifier.length"),
        (row("SANS", "", "oui;;;;"), "identity.missing"),
        ("TROP;Prénom;;oui;;;;;;;x\r\n".into(), "csv.line"),
        (row("HABILITE", &good, "peut-être;;;;"), "csv.line"),
        (row("NATURE", &good, "oui;;;BOITE;"), "admin.invalid"),
        (row("ADRESSE", &good, "oui;;;PER;pas une adresse"), "rcpt.syntax"),
        (row("DOMAINE", &good, "oui;;;PER;a.b@ailleurs.mssante.fr"), elsewhere),
        (row("", &good, "oui;;;;"), "admin.invalid"),
        (row("AUTRE", &rpps(FIRST + 1), "oui;;;;"), "import.other_name"),
        (row("TELEPHONE", &good, "oui;;12;;"), "admin.invalid"),
        (row("ORG", &good, &format!("oui;;;ORG;jean.dupont@{domain}")), "naming.person"),
    ];
    let mut text = HEADER.to_owned();
    for n in 0..500 {
        text.push_str(&line(FIRST + n));
        if n % 40 == 39 {
            text.push_str(&faulty[n / 40].0);
        }
    }
    let file = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    Arrivals { file, codes: faulty.map(|(_, code)| code).to_vec() }
}
