"""What the scripts share: the sandbox's contract file, and standard-library clients for its doors."""
import imaplib
import json
import smtplib
import ssl
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    ready = json.load(file)
arguments = sys.argv[2:]
tls = ssl.create_default_context(cafile=ready["anchors"])


def account(operator, kind, i=0):
    """The i-th account of a kind at an operator (by its number)."""
    return [a for a in ready["operators"][operator]["accounts"] if a["kind"] == kind and not a["test"]][i]


def place(operator, door):
    """Host and port of a door."""
    host, port = ready["operators"][operator]["endpoints"][door].rsplit(":", 1)
    return host, int(port)


def imap(operator, who, implicit=True):
    """A logged-in IMAP session, over implicit TLS or with STARTTLS."""
    if implicit:
        session = imaplib.IMAP4_SSL(*place(operator, "imaps"), ssl_context=tls, timeout=30)
    else:
        session = imaplib.IMAP4(*place(operator, "imap"), timeout=30)
        session.starttls(ssl_context=tls)
    session.login(who["login"], who["token"])
    return session


def smtp(operator, who=None, implicit=False):
    """A submission session, over implicit TLS or with STARTTLS; logged in when `who` is given."""
    if implicit:
        session = smtplib.SMTP_SSL(*place(operator, "submissions"), context=tls, timeout=30)
    else:
        session = smtplib.SMTP(*place(operator, "submission"), timeout=30)
        session.starttls(context=tls)
    if who:
        session.login(who["login"], who["token"])
    return session


def good(answer):
    """The data of an `imaplib` answer that must be OK."""
    status, data = answer
    assert status == "OK", answer
    return data
