//! NeoMutt at a terminal, by keys that it presses itself.
use super::{Desk, FOLDER};

pub fn drive(desk: &Desk<'_>) {
    let submissions = desk.operator.endpoints.submissions.rsplit_once(':').expect("host:port").1;
    let keys = format!(
        "<first-entry><flag-message><next-entry><save-message><kill-line>={}<enter>\
         <last-entry><delete-message><sync-mailbox><mail>{}<enter>Nouveau<enter><send-message><quit>",
        // A space completes the name that is typed.
        FOLDER.replace(' ', "<quote-char> "),
        desk.account.address
    );
    let rc = desk.file(
        "neomuttrc",
        &format!(
            "set ssl_verify_host=yes certificate_file=\"{anchors}\" header_cache=\"{home}/cache\"\n\
             set folder=\"imaps://localhost:{port}/\" imap_user=\"{user}\" imap_pass=\"{token}\" spoolfile=\"=INBOX\" record=\"={FOLDER}\" postponed=\"=Drafts\"\n\
             set smtp_url=\"smtps://{user}@localhost:{submissions}/\" smtp_pass=\"{token}\" from=\"{from}\" realname=\"Essai\"\n\
             set editor=\"sh -c 'printf Bonjour >> $0'\" charset=utf-8 send_charset=\"us-ascii:utf-8\" sort=mailbox-order resolve=no\n\
             set autoedit=yes edit_headers=no include=no confirmappend=no delete=yes move=no beep=no sleep_time=0 wait_key=no\n\
             set abort_unmodified=no abort_nosubject=no quit=yes copy=yes\n\
             push \"{keys}\"\n",
            anchors = desk.sandbox.anchors(),
            home = desk.home.display(),
            port = desk.port(),
            user = desk.account.login,
            token = desk.account.token,
            from = desk.account.address,
        ),
    );
    let run = desk.at_terminal(&["neomutt", "-n", "-F", &rc, "-f", "=INBOX"], &[]);
    assert_eq!(run.code, 0, "{run:?}");
}
