"""Submission as smtplib does it: both doors, both mechanisms, several recipients, refusals that leave the rest standing."""
import smtplib
import sys
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from common import account, good, imap, place, smtp, tls

marie, paul = account(0, "Per", 0), account(0, "Per", 1)
anne, yann = account(1, "Per", 0), account(1, "Per", 1)


def letter(subject, *to):
    message = EmailMessage()
    message["From"] = f"Dr Marie MARTIN <{marie['address']}>"
    message["To"] = ", ".join(to)
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="alpes.mssante.fr")
    message.set_content("Prêt pour la réunion de l'après-midi.\n", cte="8bit")
    return message


def wait_for(operator, who, message):
    """The message at its recipient's, parsed."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with imap(operator, who) as session:
            good(session.select("INBOX", readonly=True))
            [found] = good(session.search(None, "HEADER", "Message-ID", f'"{message["Message-ID"]}"'))
            if found:
                [(_, whole), _] = good(session.fetch(found.split()[0].decode(), "(BODY.PEEK[])"))
                return whole
        time.sleep(0.1)
    sys.exit(f"{message['Subject']} did not arrive at {who['address']}")


# Nothing is offered nor taken before TLS.
with smtplib.SMTP(*place(0, "submission"), timeout=30) as session:
    session.ehlo()
    assert not session.has_extn("auth"), session.esmtp_features
    code, text = session.docmd("MAIL", f"FROM:<{marie['address']}>")
    assert code >= 500, (code, text)
    assert session.starttls(context=tls)[0] == 220
    session.ehlo()
    assert not session.has_extn("starttls")
    for name in ("auth", "8bitmime", "pipelining", "size", "enhancedstatuscodes"):
        assert session.has_extn(name), name
    # Encrypted, not logged in yet.
    code, text = session.docmd("MAIL", f"FROM:<{marie['address']}>")
    assert code == 530, (code, text)

# 587 with STARTTLS, AUTH PLAIN; several recipients on both sides of the border.
message = letter("Réunion à préparer", paul["address"], anne["address"], yann["address"])
with smtp(0, marie) as session:
    assert session.send_message(message, mail_options=["BODY=8BITMIME"]) == {}
for operator, who in ((0, paul), (1, anne), (1, yann)):
    whole = wait_for(operator, who, message)
    assert whole.endswith(message.as_bytes().replace(b"\n", b"\r\n")), whole

# 465, AUTH LOGIN step by step.
message = letter("Par l'autre porte", anne["address"])
session = smtp(0, implicit=True)
session.ehlo()
session.user, session.password = marie["login"], marie["token"]
assert session.auth("LOGIN", session.auth_login, initial_response_ok=False)[0] == 235
assert session.send_message(message) == {}
wait_for(1, anne, message)

# One bad recipient among good ones: only that one is refused, with its reason; two messages in one session.
message = letter("Un destinataire inconnu", paul["address"], "personne@alpes.mssante.fr", "ailleurs@exemple.org")
refused = session.send_message(message)
assert set(refused) == {"personne@alpes.mssante.fr", "ailleurs@exemple.org"}, refused
code, text = refused["personne@alpes.mssante.fr"]
assert code == 550 and b"[rcpt.unknown]" in text and text.startswith(b"5.1.1"), text
code, text = refused["ailleurs@exemple.org"]
assert code == 554 and text.startswith(b"5.7.1") and b"[rcpt.not_listed]" in text, (code, text)
wait_for(0, paul, message)
session.quit()

# Only her own addresses, in the envelope and in the header.
with smtp(0, marie) as session:
    code, text = session.mail(paul["address"])
    assert 550 <= code <= 554 and b"[sender.not_allowed]" in text, (code, text)
    session.rset()
    message = letter("Au nom d'un autre", anne["address"])
    message.replace_header("From", paul["address"])
    try:
        session.send_message(message, from_addr=marie["address"])
        sys.exit("a From that is not hers was taken")
    except smtplib.SMTPDataError as error:
        assert 550 <= error.smtp_code <= 554 and b"[header.from_not_allowed]" in error.smtp_error, error

print("done")
