//! Alpine at a terminal, as a person sits there.
use super::{Desk, WIRE};

pub fn drive(desk: &Desk<'_>) {
    let server = format!("localhost:{}/imap/ssl/user={}", desk.port(), desk.account.login);
    let smtp = desk.operator.endpoints.submissions.rsplit_once(':').expect("host:port").1;
    let rc = desk.file(
        "pinerc",
        &format!(
            "personal-name=Essai\nuser-domain=alpes.mssante.fr\ncustomized-hdrs=From: {}\n\
             inbox-path={{{server}}}INBOX\nfolder-collections=BAL {{{server}}}[]\n\
             smtp-server=localhost:{smtp}/ssl/user={}\nsystem-certs-file={}\ndefault-fcc={WIRE}\n\
             feature-list=enable-flag-cmd,quit-without-confirm,expunge-without-confirm,allow-changing-from\n\
             last-version-used=7.26\nsort-key=arrival\n",
            desk.account.address,
            desk.account.login,
            desk.sandbox.anchors(),
        ),
    );
    let token = format!("{}\r", desk.account.token);
    let written = format!("{}\r\r\rNouveau\rBonjour\u{18}", desk.account.address);
    // What the screen says, what is typed then (^T lists folders, ^X sends).
    let steps = [
        ("PASSWORD", token.as_str()),
        ("Preserve", "n"),
        ("Troisi", "*"),
        ("Flag New", "*"),
        ("[ViewMsg]", "NS"),
        ("SAVE", "\u{14}"),
        ("Résultats d'été", "W"),
        ("Word to", "sultats\r"),
        ("Found", "S"),
        (WIRE, "\r"),
        ("DEL", "N"),
        ("NEW", "D"),
        ("DEL", "X"),
        ("1 of 1", "C"),
        ("COMPOSE", &written),
        ("Send message", "y"),
        ("PASSWORD", &token),
        ("Preserve", "n"),
        ("MESSAGE INDEX", "Q"),
    ];
    let run = desk.at_terminal(&["alpine", "-p", &rc, "-i"], &steps);
    assert_eq!(run.code, 0, "{run:?}");
}
