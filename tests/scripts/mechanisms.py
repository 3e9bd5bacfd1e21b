"""What Python's clients log in with beside passwords: a certificate (EXTERNAL), a bearer token (XOAUTH2, OAUTHBEARER), at both doors. Says nothing
but `done`, or `refused` once the certificate was removed."""
import imaplib
import smtplib
import ssl

from common import account, arguments, good, place, ready, tls

certificate, key, bal, wanted = arguments
shown = ssl.create_default_context(cafile=ready["anchors"])
shown.load_cert_chain(certificate, key)
marie = account(0, "Per", 0)
ready_hosts = place(0, "submissions"), place(0, "imaps")


def external(_=None):
    return bal


def submission():
    session = smtplib.SMTP_SSL(*ready_hosts[0], context=shown, timeout=30)
    session.ehlo()
    assert "EXTERNAL" in session.esmtp_features["auth"].split(), session.esmtp_features
    return session


if wanted == "refused":
    try:
        submission().auth("EXTERNAL", external)
    except smtplib.SMTPAuthenticationError as e:
        assert e.smtp_code == 535 and b"login.failed" in e.smtp_error, e
    else:
        raise SystemExit("logged in")
    print("refused")
    raise SystemExit

session = submission()
session.auth("EXTERNAL", external)
letter = (
    f"From: {bal}\r\nTo: {marie['address']}\r\nSubject: Resultats\r\nDate: Sat, 21 Nov 2026 08:00:00 +0100\r\n"
    "Message-ID: <resultats@automate>\r\n\r\nBonjour\r\n"
)
options = ["ENVID=envoi+2B1", "RET=HDRS", "REQUIRETLS", "BODY=8BITMIME"]
assert not session.sendmail(bal, [marie["address"]], letter, options, ["NOTIFY=SUCCESS,FAILURE"])
session.quit()

machine = imaplib.IMAP4_SSL(*ready_hosts[1], ssl_context=shown, timeout=30)
assert "AUTH=EXTERNAL" in machine.capabilities, machine.capabilities
good(machine.authenticate("EXTERNAL", lambda _: bal.encode()))
good(machine.select("INBOX"))
machine.logout()

bearer = f"auth=Bearer {marie['token']}\x01\x01"
payloads = {
    "XOAUTH2": f"user={marie['address']}\x01{bearer}",
    "OAUTHBEARER": f"n,a={marie['address']},\x01host=localhost\x01{bearer}",
}
for mechanism, payload in payloads.items():
    reader = imaplib.IMAP4_SSL(*ready_hosts[1], ssl_context=tls, timeout=30)
    assert f"AUTH={mechanism}" in reader.capabilities and "AUTH=EXTERNAL" not in reader.capabilities
    good(reader.authenticate(mechanism, lambda _: payload.encode()))
    good(reader.select("INBOX"))
    assert good(reader.search(None, "SUBJECT", "Resultats")) != [b""]
    reader.logout()
    sender = smtplib.SMTP_SSL(*ready_hosts[0], context=tls, timeout=30)
    sender.ehlo()
    sender.auth(mechanism, lambda _=None: payload)
    sender.quit()
    # Refused: the reason comes as a challenge, an answer is awaited, then the end.
    wrong = payload.replace(marie["token"], "faux")
    reader = imaplib.IMAP4_SSL(*ready_hosts[1], ssl_context=tls, timeout=30)
    answers = iter([wrong.encode(), b"\x01"])
    try:
        reader.authenticate(mechanism, lambda _: next(answers))
    except imaplib.IMAP4.error as e:
        assert "AUTHENTICATIONFAILED" in str(e), e
    else:
        raise SystemExit("logged in")
print("done")
