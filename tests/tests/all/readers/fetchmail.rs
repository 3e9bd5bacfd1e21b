//! fetchmail: takes everything from the INBOX and another folder and hands it to a local program.
use super::{Desk, WIRE};

pub fn drive(desk: &Desk<'_>) {
    let box_ = desk.path("mbox");
    let rc = desk.file(
        "fetchmailrc",
        &format!(
            "set no bouncemail\n\
             poll localhost with proto IMAP service {} and\n\
             user \"{}\" with password \"{}\" is \"root\" here\n\
             ssl sslcertck sslcertfile \"{}\" folder \"INBOX\",\"{WIRE}\" fetchall nokeep mda \"cat >> {box_}\"\n",
            desk.port(),
            desk.account.login,
            desk.account.token,
            desk.sandbox.anchors(),
        ),
    );
    let pid = desk.path("fetchmail.pid");
    let run = desk.run("fetchmail", &["-f", &rc, "--pidfile", &pid, "-v"]).ok();
    let taken = std::fs::read_to_string(box_).expect("mbox");
    assert_eq!(taken.matches("X-Essai:").count(), 4, "{run:?}");
    assert_eq!(taken.matches("œdème réduit, 37 °C, 80 €").count(), 4, "{taken}");
    // Nothing is left: it says so by 1.
    let run = desk.run("fetchmail", &["-f", &rc, "--pidfile", &pid]);
    assert_eq!(run.code, 1, "{run:?}");
}
