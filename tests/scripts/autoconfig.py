"""Reads the settings of an account as three families of programs do, each by the names that they ask for, and logs in by what they say.

Arguments: contract file, number of the operator, kind and number of the account, a folder."""
import http.client
import imaplib
import plistlib
import smtplib
import socket
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import quote

from common import account, arguments, place, ready, tls

operator, who, folder = int(arguments[0]), account(int(arguments[0]), arguments[1], int(arguments[2])), Path(arguments[3])
domain = who["address"].rpartition("@")[2]


def ask(host, path, body=None):
    """A request to a host of the domain, which is on this machine here; its name is the one that the certificate must have."""
    connection = http.client.HTTPSConnection(host, 443, context=tls, timeout=30)
    connection._create_connection = lambda *_: socket.create_connection(place(operator, "https"), timeout=30)
    headers = {"Content-Type": "text/xml"} if body else {}
    connection.request("POST" if body else "GET", path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def reads(host, port, user, starttls):
    session = imaplib.IMAP4(host, port, timeout=30) if starttls else imaplib.IMAP4_SSL(host, port, ssl_context=tls, timeout=30)
    if starttls:
        session.starttls(ssl_context=tls)
    with session:
        assert session.login(user, who["token"])[0] == "OK"
        assert session.select("INBOX")[0] == "OK"


def sends(host, port, user, starttls):
    session = smtplib.SMTP(host, port, timeout=30) if starttls else smtplib.SMTP_SSL(host, port, context=tls, timeout=30)
    if starttls:
        session.starttls(context=tls)
    with session:
        session.login(user, who["token"])
        session.sendmail(who["address"], [who["address"]], f"From: {who['address']}\r\nTo: {who['address']}\r\nSubject: x\r\n\r\nx\r\n")


# Thunderbird, K-9 Mail, Evolution, KMail…
where = f"/mail/config-v1.1.xml?emailaddress={quote(who['address'], safe='')}"
status, headers, text = ask(f"autoconfig.{domain}", where)
assert (status, headers["content-type"]) == (200, "application/xml; charset=utf-8"), (status, text)
root = ET.fromstring(text)
assert root.tag == "clientConfig" and root.get("version") == "1.1"
ways = {"SSL": False, "STARTTLS": True}
tried = 0
for kind, name, works in (("incomingServer", "imap", reads), ("outgoingServer", "smtp", sends)):
    servers = root.findall(f"emailProvider/{kind}")
    assert [s.get("type") for s in servers] == [name] * 2, text
    for server in servers:
        field = {f.tag: f.text for f in server}
        assert field["authentication"] == "password-cleartext", field
        user = field["username"].replace("%EMAILADDRESS%", who["address"])
        works(field["hostname"], int(field["port"]), user, ways[field["socketType"]])
        tried += 1
assert tried == 4
assert ask(f"autoconfig.{domain}", "/mail/config-v1.1.xml")[2] == text, "without the address, the host says the domain"
assert ask(f"autoconfig.{domain}", where.replace(domain, "ailleurs.fr"))[0] == 404

# Outlook.
status, _, text = ask(f"autodiscover.{domain}", f"/autodiscover/autodiscover.json?Email={who['address']}&Protocol=AutodiscoverV1")
assert status == 200 and b"/autodiscover/autodiscover.xml" in text, text
schema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/%sschema/2006%s"
body = f"""<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{schema % ('request', '')}"><Request>
<EMailAddress>{who['address']}</EMailAddress><AcceptableResponseSchema>{schema % ('response', 'a')}</AcceptableResponseSchema></Request></Autodiscover>"""
status, _, text = ask(f"autodiscover.{domain}", "/autodiscover/autodiscover.xml", body.encode())
names = {"a": schema % ("response", "a")}
account_element = ET.fromstring(text).find("a:Response/a:Account", names)
assert account_element.findtext("a:Action", None, names) == "settings", text
found = {p.findtext("a:Type", None, names): p for p in account_element.findall("a:Protocol", names)}
for name, works in (("IMAP", reads), ("SMTP", sends)):
    field = {f.tag.rpartition("}")[2]: f.text for f in found[name]}
    assert (field["SSL"], field["Encryption"], field["SPA"], field["AuthRequired"]) == ("on", "SSL", "off", "on"), field
    works(field["Server"], int(field["Port"]), field["LoginName"], False)

# Apple's Mail: a profile that the operator signed.
status, headers, signed = ask(f"autoconfig.{domain}", f"/mail/apple.mobileconfig?emailaddress={quote(who['address'])}")
assert (status, headers["content-type"]) == (200, "application/x-apple-aspen-config"), status
(folder / "profile.der").write_bytes(signed)
verify = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", folder / "profile.der", "-CAfile", ready["anchors"], "-purpose", "any"]
plain = subprocess.run([*verify, "-signer", folder / "signer.pem"], capture_output=True, check=True).stdout
subject = subprocess.run(["openssl", "x509", "-in", folder / "signer.pem", "-noout", "-ext", "subjectAltName"], capture_output=True, check=True).stdout
assert f"autoconfig.{domain}".encode() in subject, subject
profile = plistlib.loads(plain)
[mail] = profile["PayloadContent"]
assert (profile["PayloadType"], mail["PayloadType"], mail["EmailAddress"]) == ("Configuration", "com.apple.mail.managed", who["address"]), profile
assert mail["IncomingMailServerUseSSL"] is mail["OutgoingMailServerUseSSL"] is mail["PreventMove"] is True and mail["allowMailDrop"] is False
assert not {"IncomingPassword", "OutgoingPassword"} & set(mail), "no secret"
reads(mail["IncomingMailServerHostName"], mail["IncomingMailServerPortNumber"], mail["IncomingMailServerUsername"], False)
sends(mail["OutgoingMailServerHostName"], mail["OutgoingMailServerPortNumber"], mail["OutgoingMailServerUsername"], False)
# Altered, it is nobody's.
(folder / "profile.der").write_bytes(signed.replace(b"localhost", b"localhosf"))
assert subprocess.run(verify, capture_output=True, check=False).returncode != 0
print("done")
