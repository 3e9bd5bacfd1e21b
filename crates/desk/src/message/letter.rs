//! One letter as it is read: who sent it and how that is known, to whom, its text, what is attached. On its own page, and unfolded in its conversation.
use super::frame::{named, title};
use super::packed::most;
use super::{at, way_out, word};
use crate::account::size;
use askama::Template;
use sceau_domain::calendar::Territory;
use sceau_domain::text::text;
use sceau_domain::{BalRights, Lang};
use sceau_message::safe_html::linked;
use sceau_operator::Actor;
use sceau_operator::desk::message::{Party, Reading, Sender};
use sceau_operator::desk::parts::Piece;
use sceau_operator::mailbox::entries::Flags;
use sceau_web::{Shell, Visitor, layout};

/// Heights of the frame of HTML (`body-1` to `body-5`), as lines of text: a script cannot measure what has no origin.
const HEIGHTS: [usize; 5] = [11, 16, 24, 37, 55];
/// Milliseconds: a letter that says that it was sent so much earlier or later is told.
const DAY: i64 = 86_400_000;
/// Recipients that are shown at once; the others are one fold away.
const AT_ONCE: usize = 6;

/// Somebody who is named: markup of ours.
struct Named {
    name: String,
    address: String,
}

/// What is attached.
pub(super) struct Attached {
    /// Markup of ours.
    pub name: String,
    pub kind: String,
    pub size: String,
    pub to: String,
    /// Where it can be looked at, where it says that it is a picture or a PDF.
    pub view: Option<String>,
    /// Where its words can be read, where it says that it has some, and what that is called.
    pub words: Option<(String, String)>,
    pub icon: &'static str,
}

/// What is known of a sender: the class where something is wrong, the icon, markup of ours.
struct Proof {
    class: &'static str,
    icon: &'static str,
    said: String,
    /// The proof itself, for whoever asks for it.
    more: Option<String>,
}

/// How one answers or what one does: where, what it is called, its icon.
pub(super) type Way = (String, String, &'static str);

/// A letter.
#[derive(Template)]
#[template(path = "message/letter.html")]
pub(super) struct Letter {
    shell: Shell,
    at: String,
    from: Vec<Named>,
    to: Vec<Named>,
    cc: Vec<Named>,
    bcc: Vec<Named>,
    reply_to: Vec<Named>,
    /// What is known of the sender.
    proof: Proof,
    /// What the directory says of the sender, markup of ours.
    about: Option<String>,
    /// Nobody of this address wrote here before.
    pub new_sender: bool,
    warnings: Vec<String>,
    /// When it came, and the same to the minute of universal time.
    date: String,
    exact: String,
    /// What it says of when it was sent, where that is another day.
    sent: Option<String>,
    /// The class of the frame; none: plain text.
    frame: Option<String>,
    /// Plain text as markup of ours.
    text: String,
    empty: bool,
    cut: bool,
    /// The other form of the text: where, and what it is called.
    other: Option<(String, String)>,
    pieces: Vec<Attached>,
    within: Vec<Attached>,
    /// All pieces in one file, where there are several and it is not too large.
    packed: Option<String>,
    /// What tells its text and its pieces from those of another letter on the page, for whoever hears it; empty where it is the only one.
    which: String,
    /// How one goes on with it, where it is not what the page is about.
    ways: Vec<Way>,
}

impl Letter {
    /// Of what was read. `dans`: the folder from which one comes.
    pub fn of(visitor: &Visitor, b: &str, reading: &Reading, (dans, vue): (&str, &str), territory: Territory) -> Self {
        let (lang, path) = (visitor.lang, at(b, &reading.email));
        let html = reading.html && vue != "texte";
        let form = |vue: &str, key: &str| (visitor.to(&format!("{path}?dans={dans}&vue={vue}")), visitor.t(key));
        let other = match (reading.html, html) {
            (true, true) => Some(form("texte", "message.as_text")),
            (true, false) => Some(form("html", "message.as_html")),
            (false, _) => None,
        };
        let sent = reading.sent.filter(|sent| (sent.0 - reading.received.0).abs() > DAY);
        let (within, pieces): (Vec<_>, Vec<_>) = reading.pieces.iter().partition(|piece| piece.within);
        let (count, bytes) = (pieces.len(), pieces.iter().map(|piece| piece.size).sum::<u64>());
        let attached = |list: Vec<&Piece>| list.into_iter().map(|piece| attached(visitor, &path, piece)).collect();
        Self {
            shell: visitor.shell(&path).of_bal(b),
            proof: proof(lang, &reading.sender),
            about: about(lang, &reading.sender),
            new_sender: false,
            warnings: warnings(lang, reading),
            date: layout::moment(lang, reading.received, territory),
            exact: layout::instant(lang, reading.received, territory),
            sent: sent.map(|sent| layout::moment(lang, sent, territory)),
            frame: html.then(|| format!("body-{}", height(&reading.text, within.len()))),
            text: if html { String::new() } else { linked(&reading.text, &*way_out(&visitor.op, b)) },
            empty: !html && reading.text.trim().is_empty(),
            cut: !html && reading.cut,
            other,
            pieces: attached(pieces),
            within: attached(within),
            packed: (count > 1 && bytes <= most(&visitor.op)).then(|| format!("{path}/pieces.zip")),
            from: people(&reading.from),
            to: people(&reading.to),
            cc: people(&reading.cc),
            bcc: people(&reading.bcc),
            reply_to: people(&reading.reply_to),
            which: String::new(),
            ways: Vec::new(),
            at: path,
        }
    }
    /// The same among others of its conversation.
    pub fn among(mut self, visitor: &Visitor, actor: &Actor, b: &str, reading: &Reading, dans: &str) -> Self {
        let who = reading.from.first().map(|p| if p.name.is_empty() { &p.address } else { &p.name });
        let who = who.cloned().unwrap_or_else(|| visitor.t("message.nobody"));
        self.which = format!("{} ({who}, {})", title(visitor.lang, &reading.subject), self.date);
        self.ways = ways(visitor, actor, b, reading);
        let own = visitor.to(&format!("{}?dans={dans}", self.at));
        self.ways.push((own, visitor.t("message.alone"), "boite"));
        self
    }
    /// Each kind of recipient that there is, with what it is called.
    fn recipients(&self) -> Vec<(String, &[Named])> {
        let all = [
            ("message.to", &self.to),
            ("message.cc", &self.cc),
            ("message.bcc", &self.bcc),
            ("message.reply_to", &self.reply_to),
        ];
        let there = all.into_iter().filter(|(_, list)| !list.is_empty());
        there.map(|(key, list)| (self.shell.t(key), list.as_slice())).collect()
    }
    fn body(&self) -> String {
        self.shell.to(&format!("{}/corps", self.at))
    }
    /// What a part of it is called.
    fn label(&self, key: &str) -> String {
        match self.which.as_str() {
            "" => self.shell.t(key),
            which => format!("{}, {which}", self.shell.t(key)),
        }
    }
    /// Those recipients that are shown at once, and those behind a fold.
    fn parted<'a>(&self, list: &'a [Named]) -> (&'a [Named], &'a [Named]) {
        list.split_at(list.len().min(AT_ONCE))
    }
    /// How many more there are, said.
    fn more(&self, count: usize) -> String {
        self.shell.t1("message.more", "count", &count.to_string())
    }
}

/// How one answers it: as its reader may. What a mail program left to be finished is written on, not answered.
pub(super) fn ways(visitor: &Visitor, actor: &Actor, b: &str, reading: &Reading) -> Vec<Way> {
    let m = &reading.email;
    if !may(actor, BalRights::SEND) {
        return Vec::new();
    }
    if reading.places.iter().any(|p| p.flags.has(Flags::DRAFT)) {
        return vec![(visitor.to(&format!("/bal/{b}/ecrire?modifier={m}")), visitor.t("write.go_on"), "ecrire")];
    }
    let how = [
        ("un", "message.answer.one", "repondre"),
        ("tous", "message.answer.all", "repondre-tous"),
        ("transferer", "message.answer.forward", "transferer"),
    ];
    let way = |(how, key, icon)| (visitor.to(&format!("/bal/{b}/ecrire?repondre={m}&a={how}")), visitor.t(key), icon);
    how.into_iter().map(way).collect()
}

/// May whoever sits do this? For what is shown; each act asks again.
pub(super) fn may(actor: &Actor, right: BalRights) -> bool {
    let chair = actor.bal.as_ref().and_then(|bal| bal.chair.as_ref());
    chair.is_some_and(|c| c.rights.has(right) && c.scope.has(right))
}

/// What the directory says of a sender of ours.
fn about(lang: Lang, sender: &Sender) -> Option<String> {
    let Sender::Own { about, .. } = sender else { return None };
    (!about.is_empty()).then(|| word(&layout::set(&text(lang, "message.sender.about", &[("what", &about.join(", "))]))))
}

fn people(list: &[Party]) -> Vec<Named> {
    let one = |party: &Party| match party.name.as_str() {
        "" => Named { name: word(&party.address), address: String::new() },
        name => Named { name: word(name), address: word(&party.address) },
    };
    list.iter().map(one).collect()
}

/// A piece of the message at `path`.
pub(super) fn attached(visitor: &Visitor, path: &str, piece: &Piece) -> Attached {
    let to = format!("{path}/piece/{}", piece.number);
    let looks =
        matches!(piece.kind.as_str(), "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "application/pdf");
    let name = match piece.name.as_str() {
        "" => text(visitor.lang, "message.pieces.unnamed", &[("number", &piece.number)]),
        name => name.to_owned(),
    };
    Attached {
        name: word(&name),
        kind: word(&piece.kind),
        size: size(visitor.lang, piece.size),
        view: looks.then(|| format!("{to}/voir")),
        words: (piece.message || has_words(&piece.kind)).then(|| {
            let read = if piece.message { "message.pieces.read" } else { "message.pieces.words" };
            (visitor.to(&format!("{to}/texte")), visitor.t(read))
        }),
        icon: if piece.message { "boite" } else { "piece" },
        to,
    }
}

/// Does a file of this kind have words, mostly?
fn has_words(kind: &str) -> bool {
    let office = ["application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."];
    kind.starts_with("text/")
        || matches!(kind, "application/pdf" | "application/rtf" | "application/xml" | "application/msword")
        || office.iter().any(|begin| kind.starts_with(begin))
}

/// What is known of who sent it. Only what is wrong looks as if it were.
fn proof(lang: Lang, sender: &Sender) -> Proof {
    let say = |key: &str, values: &[(&str, &str)]| word(&layout::set(&text(lang, key, values)));
    let fine = |icon, said| Proof { class: "", icon, said, more: None };
    match sender {
        Sender::Own { label, holder: Some(name), national_id: Some(id), .. } => {
            fine("sceau", say("message.sender.certified", &[("name", name), ("bal", label), ("id", id)]))
        }
        Sender::Own { label, holder: Some(name), .. } => {
            fine("sceau", say("message.sender.person", &[("name", name), ("bal", label)]))
        }
        Sender::Own { label, .. } => fine("sceau", say("message.sender.own", &[("bal", label)])),
        Sender::Operator { name, dn } => Proof {
            more: Some(say("message.sender.proof", &[("dn", dn)])),
            ..fine("certificat", say("message.sender.operator", &[("name", name)]))
        },
        Sender::Here => fine("boite", say("message.sender.here", &[])),
        Sender::Unknown => Proof { class: "badge-no", ..fine("alerte", say("message.sender.unknown", &[])) },
    }
}

/// What one should know before one answers.
fn warnings(lang: Lang, reading: &Reading) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(party) = reading.from.iter().find(|party| poses(party)) {
        all.push(word(&text(lang, "message.warn.name", &[("address", &party.address)])));
    }
    if let Some(other) = &reading.other_sender {
        all.push(word(&text(lang, "message.warn.envelope", &[("address", other)])));
    }
    if let Some(reply) = reading.reply_to.first() {
        all.push(word(&text(lang, "message.warn.reply_to", &[("address", &named(reply))])));
    }
    all
}

/// Does a name show an address that is not the one behind it?
fn poses(party: &Party) -> bool {
    let around = |c: char| c.is_whitespace() || "<>()[]\"',;:".contains(c);
    let mut shown = party.name.split(around).filter(|word| word.trim_matches('@').contains('@'));
    shown.any(|word| word.to_lowercase() != party.address.to_lowercase())
}

/// How high the frame of HTML is, of six heights, by the words that stand in it and its pictures. What is laid out takes more room than its words alone.
fn height(text: &str, pictures: usize) -> usize {
    let lines: usize = text.lines().map(|line| 1 + line.chars().count() / 80).sum();
    let lines = lines * 3 / 2 + 2 + pictures * 10;
    1 + HEIGHTS.iter().filter(|most| lines > **most).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_as_high_as_its_words() {
        let heights = [height("", 0), height(&"a\n".repeat(10), 0), height("", 2), height(&"a".repeat(100_000), 0)];
        assert_eq!(heights, [1, 3, 3, 6]);
    }

    #[test]
    fn a_name_that_poses_as_another_address_is_found() {
        let poses = |name: &str| poses(&Party { name: name.into(), address: "zoe@a.fr".into() });
        for fine in ["", "Zoé", "Zoe@A.fr", "Zoé (zoe@a.fr)", "@ la maison", "Zoé @"] {
            assert!(!poses(fine), "{fine}");
        }
        for other in ["anne@b.fr", "Anne <anne@b.fr>", "zoe@a.fr.b.fr", "'anne@b.fr' via Zoé"] {
            assert!(poses(other), "{other}");
        }
    }

    #[test]
    fn what_is_known_is_said_and_what_is_written_stays_text() {
        let own = Sender::Own {
            label: "Dr <b>".into(),
            kind: sceau_domain::BalKind::Per,
            holder: Some("Anne".into()),
            national_id: None,
            about: vec!["Médecin".into(), "CH <i>".into()],
        };
        crate::make_known();
        let Proof { class, said, .. } = proof(Lang::Fr, &own);
        assert_eq!(about(Lang::Fr, &own).unwrap(), "D’après notre annuaire\u{a0}: Médecin, CH &lt;i&gt;.");
        assert!(class.is_empty() && said.contains("Dr &lt;b&gt;"), "{said}");
        assert_eq!(proof(Lang::En, &Sender::Unknown).class, "badge-no");
        let known = proof(Lang::Fr, &Sender::Operator { name: "GCS <Alpes>".into(), dn: "CN=mx,O=GCS <Alpes>".into() });
        assert!(known.class.is_empty() && known.said.contains("GCS &lt;Alpes&gt;") && !known.said.contains("CN=mx"));
        assert!(known.more.is_some_and(|more| more.contains("CN=mx,O=GCS &lt;Alpes&gt;")));
        let shown = people(&[Party { name: "\u{202e}<i>".into(), address: "a@b".into() }]);
        assert_eq!(shown[0].name, "<span class=\"badge badge-no\">U+202E</span>&lt;i&gt;");
    }
}
