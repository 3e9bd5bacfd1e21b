//! Letters of an ordinary week, sent once when the world is new: whoever opens the webmail of the sandbox finds something to read. They take the way of
//! any letter (submission, mutual TLS between the two operators). Every name, number and finding in them is invented.
use crate::provision::Provisioned;
use crate::world::{OperatorSpec, SUBMISSIONS, World};
use crate::{Options, SandboxError, io, pki::Pki, write_private};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sceau_trust::{Anchors, Purpose, tls};
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What stands in the folder once they were sent.
const SENT: &str = "letters-sent";

/// A letter: who writes, to whom (mailboxes by the part before the `@`, which both operators have once), what it says.
struct Letter {
    from: &'static str,
    to: &'static [&'static str],
    subject: &'static str,
    text: &'static str,
    /// The same with its looks.
    html: Option<&'static str>,
    /// Name and lines of a PDF that goes with it.
    piece: Option<(&'static str, &'static [&'static str])>,
    /// The letter before, by its place in the list, that it answers.
    answers: Option<usize>,
}

const fn plain(from: &'static str, to: &'static [&'static str], subject: &'static str, text: &'static str) -> Letter {
    Letter { from, to, subject, text, html: None, piece: None, answers: None }
}

const LIAISON: &str = "<h2>Lettre de liaison</h2><p>Chère consœur,</p><p>Madame ESSAI-DUPONT quitte le service aujourd'hui. <b>Traitement de \
    sortie :</b></p><table border=\"1\" cellpadding=\"6\"><tr><th>Médicament</th><th>Posologie</th><th>Durée</th></tr><tr><td>Bisoprolol 2,5 mg</td>\
    <td>1 le matin</td><td>3 mois</td></tr><tr><td>Ramipril 5 mg</td><td>1 le soir</td><td>3 mois</td></tr><tr><td>Furosémide 40 mg</td>\
    <td>1 le matin</td><td>1 mois</td></tr></table><p>Contrôle de la kaliémie dans huit jours.</p><p>Bien confraternellement,<br>Dr Anne LE GOFF</p>";

const LETTERS: &[Letter] = &[
    plain(
        "yann.morvan",
        &["marie.martin", "paul.durand"],
        "Réunion de concertation du jeudi",
        "Bonjour à tous,\n\nLa réunion aura lieu jeudi à 14 h, en visioconférence.\nMerci d'envoyer vos dossiers avant mercredi midi.\n\nYann MORVAN\n",
    ),
    Letter {
        piece: Some((
            "Échographie ESSAI-DUPONT.pdf",
            &[
                "Échographie cardiaque",
                "",
                "Patiente : ESSAI-DUPONT Camille (identité fictive)",
                "FEVG 52 %. Pas d'épanchement.",
            ],
        )),
        ..plain(
            "yann.morvan",
            &["marie.martin"],
            "Échographie de Mme ESSAI-DUPONT",
            "Chère consœur,\n\nLe compte rendu est joint : fraction d'éjection conservée, pas d'épanchement.\n\nBien à vous,\nDr Yann MORVAN\n",
        )
    },
    plain(
        "anne.legoff",
        &["marie.martin"],
        "Avis pour une patiente de 72 ans",
        "Bonjour Marie,\n\nPalpitations depuis deux semaines, ECG normal au repos.\nUn Holter te paraît-il utile avant de modifier le traitement ?\n\nMerci,\nAnne\n",
    ),
    Letter {
        answers: Some(2),
        ..plain(
            "marie.martin",
            &["anne.legoff"],
            "Re: Avis pour une patiente de 72 ans",
            "Bonjour Anne,\n\nOui, un Holter de 24 heures. J'ai un créneau mardi à 9 h si cela convient à ta patiente.\n\nMarie\n",
        )
    },
    Letter {
        answers: Some(3),
        ..plain(
            "anne.legoff",
            &["marie.martin"],
            "Re: Avis pour une patiente de 72 ans",
            "Mardi 9 h, c'est parfait, elle viendra avec ses anciens tracés.\n\nMerci beaucoup !\nAnne\n",
        )
    },
    Letter {
        html: Some(LIAISON),
        ..plain(
            "anne.legoff",
            &["marie.martin"],
            "Lettre de liaison – Mme ESSAI-DUPONT",
            "Lettre de liaison\n\nMadame ESSAI-DUPONT quitte le service aujourd'hui.\nBisoprolol 2,5 mg : 1 le matin, 3 mois.\nRamipril 5 mg : 1 le soir, 3 mois.\n",
        )
    },
    Letter {
        piece: Some((
            "Ordonnance.pdf",
            &["Ordonnance (exemple)", "", "Anticoagulant : même posologie", "INR dans une semaine"],
        )),
        ..plain(
            "nolwenn.tanguy",
            &["marie.martin"],
            "Suivi après la sortie",
            "Bonjour docteur,\n\nLa patiente est rentrée à son domicile, tension 12/7.\nL'ordonnance du service est jointe.\n\nNolwenn TANGUY, sage-femme\n",
        )
    },
    plain(
        "anne.legoff",
        &["service-cardiologie"],
        "Demande de rendez-vous",
        "Bonjour,\n\nAuriez-vous une place de consultation sous quinze jours pour un contrôle de pacemaker ?\n\nDr Anne LE GOFF\n",
    ),
    plain(
        "erwan.guillou",
        &["service-cardiologie"],
        "Réadaptation : bilan de fin de programme",
        "Bonjour,\n\nLe programme de réadaptation s'est bien terminé : 6 minutes de marche passées de 320 à 455 mètres.\n\nErwan GUILLOU, kinésithérapeute\n",
    ),
    Letter {
        piece: Some((
            "Résultats.pdf",
            &[
                "Laboratoire (exemple)",
                "",
                "Hémoglobine  13,2 g/dL",
                "Créatinine    78 µmol/L",
                "Potassium     4,1 mmol/L",
            ],
        )),
        ..plain(
            "labo-automate",
            &["marie.martin", "service-cardiologie"],
            "Résultats de biologie",
            "Résultats en pièce jointe. Ce message a été envoyé par un automate.\n",
        )
    },
    plain(
        "marie.martin",
        &["maternite"],
        "Disponibilités pour une consultation commune",
        "Bonjour,\n\nAvez-vous un créneau la semaine prochaine pour une consultation cardio-obstétricale ?\n\nDr Marie MARTIN\n",
    ),
];

/// Sends them, unless they were sent into this folder before.
///
/// # Errors
/// An operator that does not answer or refuses, the folder that cannot be written.
pub async fn send(
    options: &Options,
    world: &World,
    pki: &Pki,
    provisioned: &[Provisioned],
) -> Result<(), SandboxError> {
    if sent(options) {
        return Ok(());
    }
    let failed = |e: &dyn std::fmt::Display| SandboxError::Command(e.to_string());
    let mut anchors = Anchors::default();
    let pem = std::fs::read(pki.anchors()).map_err(io(pki.anchors().display().to_string()))?;
    anchors.add_pem(Purpose::Providers, &pem).map_err(|e| failed(&e))?;
    let tls = TlsConnector::from(Arc::new(tls::https_client(&anchors, Purpose::Providers).map_err(|e| failed(&e))?));
    let begun = OffsetDateTime::now_utc();
    for (nth, letter) in LETTERS.iter().enumerate() {
        let named = |local: &str| named(world, local);
        let Some(from) = named(letter.from) else { continue };
        let to: Vec<_> = letter.to.iter().filter_map(|local| named(local)).collect();
        let sends = (world.operators.iter().zip(provisioned))
            .find_map(|(o, p)| p.accounts.iter().find(|a| a.address == from.0).map(|a| (o, a)));
        let Some((operator, account)) = sends else { continue };
        let text = written(letter, nth, &from, &to, begun);
        let to: Vec<&str> = to.iter().map(|(address, _)| address.as_str()).collect();
        submit(&tls, operator, (&account.login, &account.token), (&from.0, &to), &text).await?;
    }
    write_private(&options.data.join(SENT), b"")
}

/// Were they sent into this folder before?
pub fn sent(options: &Options) -> bool {
    options.data.join(SENT).exists()
}

/// Address and name of the mailbox.
fn named(world: &World, local: &str) -> Option<(String, &'static str)> {
    let found = world.operators.iter().find_map(|o| Some((o, o.bals.iter().find(|b| b.local == local)?)));
    found.map(|(o, b)| (format!("{local}@{}", o.domain), b.name))
}

/// The letter as it is sent (RFC 5322).
fn written(letter: &Letter, nth: usize, from: &(String, &str), to: &[(String, &str)], begun: OffsetDateTime) -> String {
    let word = |text: &str| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(text));
    let party = |(address, name): &(String, &str)| format!("{} <{address}>", word(name));
    let id = |nth: usize| format!("<exemple-{nth}.{}@bac-a-sable.mssante.fr>", begun.unix_timestamp());
    let part = |kind: &str, text: &str| {
        format!(
            "Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            lines(text.replace('\n', "\r\n").as_bytes())
        )
    };
    let mut body = part("text/plain", letter.text);
    if let Some(html) = letter.html {
        let both = format!("--deux\r\n{body}--deux\r\n{}--deux--\r\n", part("text/html", html));
        body = format!("Content-Type: multipart/alternative; boundary=deux\r\n\r\n{both}");
    }
    if let Some((name, told)) = letter.piece {
        let head =
            "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment";
        // RFC 2231: a name that is not ASCII.
        let name: String =
            name.bytes()
                .map(|b| {
                    if b.is_ascii_alphanumeric() || b == b'.' { char::from(b).to_string() } else { format!("%{b:02X}") }
                })
                .collect();
        let piece = format!("{head};\r\n filename*=utf-8''{name}\r\n\r\n{}", lines(&pdf(told)));
        body = format!(
            "Content-Type: multipart/mixed; boundary=pieces\r\n\r\n--pieces\r\n{body}--pieces\r\n{piece}--pieces--\r\n"
        );
    }
    // What it answers, and what that answered before (RFC 5322 §3.6.4).
    let before: Vec<usize> = std::iter::successors(letter.answers, |nth| LETTERS[*nth].answers).collect();
    let chain: Vec<String> = before.iter().rev().map(|nth| id(*nth)).collect();
    let answers = chain.last().map(|last| format!("In-Reply-To: {last}\r\nReferences: {}\r\n", chain.join("\r\n ")));
    let answers = answers.unwrap_or_default();
    format!(
        "From: {}\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: {}\r\n{answers}MIME-Version: 1.0\r\n{body}",
        party(from),
        to.iter().map(party).collect::<Vec<_>>().join(",\r\n "),
        word(letter.subject),
        begun.format(&Rfc2822).unwrap_or_default(),
        id(nth),
    )
}

/// Base64 in lines of 76 (RFC 2045 §6.8).
fn lines(bytes: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(bytes);
    text.as_bytes().chunks(76).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect()
}

/// A page with these lines (PDF 1.4, the standard Helvetica in WinAnsi).
fn pdf(told: &[&str]) -> Vec<u8> {
    let mut page = String::from("BT /F1 16 Tf 60 770 Td 24 TL\n");
    for line in told {
        let escaped = line.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
        page.push_str(&format!("({escaped}) Tj T*\n"));
    }
    page.push_str("ET\n");
    // Every letter of these texts is one of Latin-1, which WinAnsi holds.
    let page: Vec<u8> = page.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    let objects: [Vec<u8>; 5] = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_vec(),
        [format!("<</Length {}>>stream\n", page.len()).as_bytes(), &page, b"endstream"].concat(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_vec(),
    ];
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (nth, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend_from_slice(format!("{} 0 obj", nth + 1).as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"endobj\n");
    }
    let table = out.len();
    out.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for place in places {
        out.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    out.extend_from_slice(
        format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1).as_bytes(),
    );
    out
}

/// Hands a letter in (RFC 6409) over TLS from the first byte (RFC 8314).
async fn submit(
    tls: &TlsConnector,
    operator: &OperatorSpec,
    (login, token): (&str, &str),
    (from, to): (&str, &[&str]),
    letter: &str,
) -> Result<(), SandboxError> {
    let place = format!("{} submission", operator.name);
    let exchange = async {
        let socket = TcpStream::connect(("127.0.0.1", operator.ports + SUBMISSIONS)).await?;
        let name = std::net::IpAddr::from([127, 0, 0, 1]).into();
        let mut stream = BufReader::new(tls.connect(name, socket).await?);
        answer(&mut stream).await?;
        let word = BASE64_STANDARD.encode(format!("\0{login}\0{token}"));
        let mut said = vec!["EHLO bac-a-sable".to_owned(), format!("AUTH PLAIN {word}"), format!("MAIL FROM:<{from}>")];
        said.extend(to.iter().map(|to| format!("RCPT TO:<{to}>")));
        said.extend(["DATA".to_owned(), format!("{letter}."), "QUIT".to_owned()]);
        for line in said {
            stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await?;
            stream.get_mut().flush().await?;
            answer(&mut stream).await?;
        }
        Ok(())
    };
    let timely = tokio::time::timeout(std::time::Duration::from_secs(30), exchange).await;
    timely.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(io(place))
}

/// Reads an answer to its last line; one that is a refusal is an error with its words.
async fn answer(stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) == Some(&b'-') {
            continue;
        }
        return if line.starts_with(['2', '3']) { Ok(()) } else { Err(std::io::Error::other(line.trim().to_owned())) };
    }
}

#[cfg(test)]
mod tests {
    use super::{LETTERS, named, pdf, written};
    use crate::world::World;
    use time::OffsetDateTime;

    #[test]
    fn every_letter_is_from_and_to_somebody_and_no_line_of_it_is_a_lone_dot() {
        let world = World::new(&crate::Options {
            data: "unused".into(),
            port_base: 22_000,
            ready: None,
            program: "unused".into(),
            lang: sceau_domain::Lang::Fr,
            store: None,
            blobs: None,
            nodes: 1,
            empty: false,
        });
        for (nth, letter) in LETTERS.iter().enumerate() {
            let from = named(&world, letter.from).unwrap_or_else(|| panic!("{}", letter.from));
            let to: Vec<_> = letter.to.iter().filter_map(|to| named(&world, to)).collect();
            assert_eq!(to.len(), letter.to.len(), "{}", letter.subject);
            assert!(letter.answers.is_none_or(|before| before < nth), "{}", letter.subject);
            let text = written(letter, nth, &from, &to, OffsetDateTime::UNIX_EPOCH);
            assert!(text.is_ascii() && text.ends_with("\r\n") && !text.contains("\r\n."), "{text}");
            assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains('\n')), "{text}");
        }
    }

    #[test]
    fn a_page_says_where_its_objects_are() {
        let page = pdf(&["Échographie (exemple)"]);
        let place = page.windows(7).position(|w| w == b"4 0 obj").unwrap();
        let text = String::from_utf8_lossy(&page).into_owned();
        assert!(text.contains(&format!("{place:010} 00000 n")), "{text}");
        assert!(text.contains("\\(exemple\\)"));
    }
}
