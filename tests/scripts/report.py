"""Reads a failure report in a BAL with Python's parser: what a person reads, what a machine reads, what it is about."""
import email
import email.policy
import sys
import time

from common import account, arguments, good, imap

operator, kind, number, recipient, about = int(arguments[0]), arguments[1], int(arguments[2]), arguments[3], arguments[4]
deadline = time.monotonic() + 60
while True:
    with imap(operator, account(operator, kind, number)) as session:
        good(session.select("INBOX", readonly=True))
        [found] = good(session.search(None, "HEADER", "Content-Type", "report-type=delivery-status"))
        wholes = [good(session.fetch(n.decode(), "(BODY.PEEK[] BODYSTRUCTURE)"))[0] for n in found.split()]
    wholes = [w for w in wholes if recipient.encode() in w[1]]
    if wholes:
        break
    if time.monotonic() > deadline:
        sys.exit(f"no report about {recipient}")
    time.sleep(0.2)
assert len(wholes) == 1, "one failure, one report"
whole = wholes[0][1]
report = email.message_from_bytes(whole, policy=email.policy.default)
assert not report.defects, report.defects
assert report.get_content_type() == "multipart/report" and report.get_param("report-type") == "delivery-status"
assert report["Return-Path"] == "<>", report["Return-Path"]
assert report["Auto-Submitted"].startswith("auto-"), report["Auto-Submitted"]
assert report["To"].addresses[0].addr_spec == account(operator, kind, number)["address"]
assert report["Date"].datetime and report["Message-ID"]
human, machine, original = report.iter_parts()
for part in (human, machine, original):
    assert not part.defects, part.defects

# For people, in both languages, without a word of protocol before the explanation.
text = human.get_content()
assert human.get_content_type() == "text/plain"
for words in ("n'a pas pu être remis", "could not be delivered", recipient):
    assert words in text, text
assert "n'a pas pu" in text.split("could not be")[0], "French first"

# For machines (RFC 3464).
assert machine.get_content_type() == "message/delivery-status"
message, *recipients = machine.get_payload()
assert message["Reporting-MTA"].replace(" ", "").startswith("dns;mx."), message["Reporting-MTA"]
assert message["Arrival-Date"]
[one] = [r for r in recipients if recipient in r["Final-Recipient"]]
assert one["Final-Recipient"].replace(" ", "") == f"rfc822;{recipient}"
assert one["Action"] == "failed"
print(one["Status"], one["Diagnostic-Code"], sep="\n")

# What it is about: the header of the message, no content.
assert original.get_content_type() in ("text/rfc822-headers", "message/rfc822"), original.get_content_type()
assert about in original.as_string(), original.as_string()
assert about in (report["In-Reply-To"] or "") + (report["References"] or ""), "threaded with the message"
