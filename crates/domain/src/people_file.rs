//! The file of people and BALs that a structure's administrator brings: its columns, and what a line asks for.
//!
//! Here a line is only read. What it asks for is judged by the same use cases that judge a single person and a single BAL.
use crate::csv::{Column, columns, key};
use crate::{Refusal, RefusalCode, Timestamp, person};

/// Longest line, in bytes of its fields: far more than every column may hold. It is kept until the import is forgotten.
pub const LINE: usize = 8 << 10;

/// The columns, in the order of [`PersonLine`]; `remarque` is not read.
/// New ones come last: imports that are under way know them by their places.
pub const COLUMNS: [Column; 21] = [
    column("nom", &["familyname", "nomexercice"], true),
    column("prénom", &["givenname", "prenomexercice"], true),
    column("identifiant national", &["nationalid", "rpps", "adeli", "rppsadeli", "idnational"], true),
    column("identifiant", &["login"], false),
    column("identifiant local", &["localidentifier"], false),
    column("motif d'exemption", &["exemptionreason"], false),
    column("fin d'exemption", &["exemptionuntil"], false),
    column("profession", &[], false),
    column("spécialité", &["speciality"], false),
    column("fonction", &["function"], false),
    column("téléphone", &["phone"], false),
    column("habilité", &["habilitated"], false),
    column("nature de BAL", &["kind", "typebal"], false),
    column("adresse de BAL", &["address", "adresse", "bal"], false),
    column("nom de BAL", &["balname"], false),
    column("description", &[], false),
    column("service", &[], false),
    column("responsable", &["responsible"], false),
    column("domaine", &["domain"], false),
    column("remarque", &["note", "commentaire"], false),
    column("adresse de notification", &["notificationaddress", "notification", "courriel", "email"], false),
];

const fn column(name: &'static str, also: &'static [&'static str], required: bool) -> Column {
    Column { name, also, required }
}

/// Where columns are, as kept with an import: a place of the line, or none.
pub type Places = Vec<Option<usize>>;

/// Finds the columns in the first line: `csv.header`, naming what is expected.
pub fn places(header: &[String]) -> Result<Places, Refusal> {
    // Spreadsheets write empty columns at the end.
    let used = header.iter().rposition(|name| !name.trim().is_empty()).map_or(0, |last| last + 1);
    columns(&header[..used], &COLUMNS, false)
}

/// What a line asks for, as it is written there; an empty text is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // named as the columns are
pub struct PersonLine {
    pub family_name: String,
    pub given_name: String,
    pub national_id: String,
    pub login: String,
    pub local_id: String,
    pub exemption_reason: String,
    pub exemption_until: String,
    pub profession: String,
    pub speciality: String,
    pub function: String,
    pub phone: String,
    pub habilitated: bool,
    pub kind: String,
    pub address: String,
    pub bal_name: String,
    pub description: String,
    pub service: String,
    pub responsible: String,
    pub domain: String,
    pub notification_address: String,
}

/// The beginning of a text.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Reads a line: `csv.line` when it is longer than [`LINE`] bytes, it has more fields than there are columns, or says neither yes nor no of the habilitation.
pub fn read(places: &Places, fields: &[String]) -> Result<PersonLine, Refusal> {
    let wrong = |cause: String| Refusal::new(RefusalCode::CsvLine).with("cause", cause);
    let bytes: usize = fields.iter().map(String::len).sum();
    if bytes > LINE {
        return Err(wrong(format!("{bytes} > {LINE} bytes")));
    }
    let width = places.iter().flatten().max().map_or(0, |last| last + 1);
    if fields.len() < width || fields[width..].iter().any(|f| !f.trim().is_empty()) {
        return Err(wrong(format!("{} / {width}", fields.len())));
    }
    let field = |i: usize| {
        let text = places.get(i).copied().flatten().and_then(|place| fields.get(place));
        text.map(|t| t.trim().to_owned()).unwrap_or_default()
    };
    let habilitated = match key(&field(11)).as_str() {
        "" | "non" | "no" | "n" | "0" | "faux" | "false" => false,
        "oui" | "yes" | "o" | "y" | "1" | "vrai" | "true" | "x" => true,
        other => return Err(wrong(format!("{}: {other}", COLUMNS[11].name))),
    };
    Ok(PersonLine {
        family_name: field(0),
        given_name: field(1),
        national_id: field(2),
        login: field(3),
        local_id: field(4),
        exemption_reason: field(5),
        exemption_until: field(6),
        profession: field(7),
        speciality: field(8),
        function: field(9),
        phone: field(10),
        habilitated,
        kind: field(12),
        address: field(13),
        bal_name: field(14),
        description: field(15),
        service: field(16),
        responsible: field(17),
        domain: field(18),
        notification_address: field(20),
    })
}

impl PersonLine {
    /// What the person is found by, here and in the base: the national identifier, else the one that the structure gave, else the login. Empty: by
    /// nothing, for names are no identifier (homonyms). It holds no `|` and is bounded: an index keeps it.
    pub fn who(&self) -> String {
        let (mark, id) = match (self.national_id.as_str(), self.local_id.as_str(), self.login.as_str()) {
            ("", "", "") => return String::new(),
            ("", "", login) => ('u', login.to_ascii_lowercase()),
            ("", local, _) => ('l', local.to_owned()),
            (national, ..) => ('n', person::national_id(national).unwrap_or_else(|_| national.to_owned())),
        };
        format!("{mark}:{}", cut(&id.replace('|', "/"), 128))
    }
    /// What says that two lines ask for the same: the person, and the BAL.
    pub fn key(&self) -> String {
        format!("{}|{}|{}", self.who(), cut(&key(&self.kind), 16), cut(&self.address.to_lowercase(), 254))
    }
    /// The ordinary address that it gives, as it is compared. It is bounded: an index keeps it.
    pub fn contact(&self) -> Option<String> {
        let address = self.notification_address.to_ascii_lowercase();
        (!address.is_empty()).then(|| cut(&address, 254))
    }
    /// Until when the exemption stands: the end of that day (`2027-12-31` or `31/12/2027`), UTC. `admin.invalid`.
    pub fn exempt_until(&self) -> Result<Timestamp, Refusal> {
        let text = self.exemption_until.as_str();
        let turned = || {
            let mut parts = text.splitn(3, '/');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            Some(format!("{year}-{month:0>2}-{day:0>2}"))
        };
        let day: Option<jiff::civil::Date> = turned().unwrap_or_else(|| text.to_owned()).parse().ok();
        let end = day.and_then(|d| d.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok());
        let end = end.ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", COLUMNS[6].name))?;
        Ok(Timestamp(end.timestamp().as_millisecond()))
    }
    /// Does it ask for a BAL?
    pub fn wants_bal(&self) -> bool {
        !self.kind.is_empty() || !self.address.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn a_line_is_read_by_the_names_of_the_columns() {
        let places = places(&texts(&["RPPS", "Nom", "Prénom", "Nature de BAL", "habilité", ""])).unwrap();
        let line = read(&places, &texts(&["10000000013", "PETIT", " Zoé ", "PER", "Oui", ""])).unwrap();
        assert_eq!((line.family_name.as_str(), line.given_name.as_str(), line.habilitated), ("PETIT", "Zoé", true));
        assert!(line.wants_bal() && line.key().ends_with("|per|"));
        for bad in [&["1", "PETIT"][..], &["1", "a", "b", "PER", "peut-être"], &["1", "a", "b", "PER", "oui", "", "x"]]
        {
            assert_eq!(read(&places, &texts(bad)).unwrap_err().code, RefusalCode::CsvLine, "{bad:?}");
        }
        let long = "x".repeat(LINE);
        assert_eq!(read(&places, &texts(&["1", "a", &long, "PER", "oui", ""])).unwrap_err().code, RefusalCode::CsvLine);
        let refusal = super::places(&texts(&["Nom", "Prénom"])).unwrap_err();
        assert!(refusal.args.iter().any(|(n, v)| *n == "name" && v == "identifiant national"), "{refusal:?}");
    }

    #[test]
    fn homonyms_are_two_people_and_the_same_person_is_one() {
        let line = |id: &str, name: &str| PersonLine {
            national_id: id.into(),
            family_name: name.into(),
            given_name: "Anne".into(),
            ..PersonLine::default()
        };
        assert_ne!(line("10000000013", "MARTIN").key(), line("10000000021", "MARTIN").key());
        assert_eq!(line("100 000 000 17", "Martín").who(), line("10000000017", "MARTIN").who());
        assert_eq!(line("", "MARTIN").who(), "", "a name identifies nobody");
        let local = PersonLine { local_id: "L|1".into(), login: "a.b".into(), ..PersonLine::default() };
        assert_eq!((local.who().as_str(), local.key().as_str()), ("l:L/1", "l:L/1||"));
        // What two engines' indexes take: PostgreSQL refuses a row of more than 2,700 bytes.
        let long = "\u{1F9D1}".repeat(2_000);
        let long = PersonLine { national_id: long.clone(), kind: long.clone(), address: long, ..PersonLine::default() };
        assert!(long.key().len() < 1_800, "{}", long.key().len());
        let until = |text: &str| PersonLine { exemption_until: text.into(), ..PersonLine::default() }.exempt_until();
        assert_eq!(until("2027-12-31").unwrap(), until("31/12/2027").unwrap());
        assert_eq!(until("1970-01-01").unwrap().0, 86_400_000);
        for bad in ["", "demain", "31/31/2027", "2027-02-30"] {
            assert!(until(bad).is_err(), "{bad}");
        }
    }
}
