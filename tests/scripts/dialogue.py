"""What a mail client does all day, with imaplib: folders, listings, content, flags, copies, moves, search."""
import email
import email.policy
import re
from email.message import EmailMessage

from common import account, good, imap

marie = account(0, "Per", 0)
session = imap(0, marie, implicit=False)
for capability in ("IMAP4REV1", "IDLE", "UIDPLUS", "MOVE", "NAMESPACE", "ENABLE", "ID", "SPECIAL-USE", "UNSELECT"):
    assert capability.encode() in good(session.capability())[0].upper().split(), capability


def letter(number, subject, attachment=None):
    message = EmailMessage()
    message["From"] = f"Hélène Dubois <{marie['address']}>"
    message["To"] = "Paul DURAND <paul.durand@alpes.mssante.fr>"
    message["Cc"] = "groupe: a@alpes.mssante.fr, b@alpes.mssante.fr;"
    message["Subject"] = subject
    message["Date"] = f"Mon, {number:02} Jun 2026 09:00:00 +0200"
    message["Message-ID"] = f"<dialogue-{number}@alpes.mssante.fr>"
    message.set_content(f"Élément numéro {number} : à classer.\n", cte="quoted-printable")
    if attachment:
        message.add_attachment(attachment, maintype="application", subtype="pdf", filename="résumé.pdf")
    return message.as_bytes(policy=email.policy.SMTP)


# Folders: the special ones are there and marked; new ones with accents, below others, renamed, subscribed, removed.
listed = b"\n".join(good(session.list()))
for name, use in (("Sent", "\\Sent"), ("Drafts", "\\Drafts"), ("Trash", "\\Trash")):
    assert re.search(rf'\({re.escape(use)}[^)]*\) "/" "?{name}"?'.encode(), listed) or use.encode() in listed, (name, listed)
good(session.create("Patients"))
good(session.create('"Patients/Suivi &AOk-t&AOk-"'))  # Suivi été, in modified UTF-7
assert session.create("Patients")[0] == "NO", "the same twice"
good(session.rename("Patients", "Malades"))
names = b"\n".join(good(session.list('""', '"Malades*"')))
assert b'"Malades/Suivi &AOk-t&AOk-"' in names and b"HasChildren" in names, names
good(session.subscribe("Malades"))
assert b"Malades" in b"\n".join(good(session.lsub()))
assert session.delete("INBOX")[0] == "NO"
assert session.select("Nulle-part")[0] == "NO"

# APPEND with flags and a date, read back byte for byte.
first = letter(1, "Résultats d'analyses", b"%PDF-1.7 " + bytes(range(256)) * 40)
typ, said = session.append("INBOX", r"(\Seen $Important)", '"05-Jun-2026 10:30:00 +0200"', first)
assert typ == "OK" and b"APPENDUID" in said[0], said
for number in range(2, 8):
    good(session.append("INBOX", None, None, letter(number, f"Message {number}")))
assert good(session.select("INBOX")) == [b"7"]
assert session.response("UIDVALIDITY")[1][0].isdigit()
[(head, body), _] = good(session.fetch("1", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
assert body == first
assert b"\\Seen" in head and b"$Important" in head and f"RFC822.SIZE {len(first)} ".encode() in head, head
assert b'INTERNALDATE " 5-Jun-2026 08:30:00 +0000"' in head, head

# What listings ask for.
[envelope] = good(session.fetch("1", "(ENVELOPE)"))
assert b"dialogue-1@alpes.mssante.fr" in envelope and b'"paul.durand" "alpes.mssante.fr"' in envelope, envelope
[structure] = good(session.fetch("1", "(BODYSTRUCTURE)"))
assert b'"MIXED"' in structure.upper() and b'"PDF"' in structure.upper() and b'"ATTACHMENT"' in structure.upper(), structure
assert b"utf-8''r%C3%A9sum%C3%A9.pdf" in structure, structure
[(_, part), _] = good(session.fetch("1", "(BODY.PEEK[2])"))
parsed = email.message_from_bytes(first, policy=email.policy.default)
assert part.replace(b"\r\n", b"") == parsed.get_payload(1).get_payload().replace("\r\n", "").replace("\n", "").encode()
[(_, mime), _] = good(session.fetch("1", "(BODY.PEEK[2.MIME])"))
assert mime.lower().startswith(b"content-type: application/pdf") and mime.endswith(b"\r\n\r\n"), mime
[(_, fields), _] = good(session.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT MESSAGE-ID)])"))
assert set(email.message_from_bytes(fields).keys()) == {"Subject", "Message-ID"}, fields
[(_, rest), _] = good(session.fetch("1", "(BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)])"))
assert b"Subject:" not in rest and b"From:" in rest
[(_, text), _] = good(session.fetch("1", "(BODY.PEEK[TEXT]<10.20>)"))
assert text == first.split(b"\r\n\r\n", 1)[1][10:30]
[(_, header), _] = good(session.fetch("2", "(RFC822.HEADER)"))
assert b"\\Seen" not in good(session.fetch("2", "(FLAGS)"))[0], "RFC822.HEADER does not mark as seen"
good(session.fetch("2", "(BODY[TEXT])"))
assert b"\\Seen" in good(session.fetch("2", "(FLAGS)"))[0]
assert len(good(session.fetch("1:*", "FAST"))) == 7
assert session.uid("FETCH", "99", "(FLAGS)") == ("OK", [None])

# Flags: set, added, removed, silently, with a condition; keywords.
assert b"\\Flagged" in good(session.store("3", "+FLAGS", r"(\Flagged)"))[0]
assert good(session.store("3", "+FLAGS.SILENT", "$Urgent")) == [None]
assert b"$Urgent" in good(session.fetch("3", "(FLAGS)"))[0]
good(session.store("3", "FLAGS", r"(\Answered)"))
flags = good(session.fetch("3", "(FLAGS)"))[0]
assert b"\\Answered" in flags and b"\\Flagged" not in flags and b"$Urgent" not in flags, flags
good(session.store("3", "-FLAGS", r"(\Answered)"))

# SEARCH.
search = lambda *criteria: [int(n) for n in good(session.search(None, *criteria))[0].split()]
assert search("ALL") == [1, 2, 3, 4, 5, 6, 7]
assert search("SEEN") == [1, 2] and search("UNSEEN", "NOT", "FLAGGED") == [3, 4, 5, 6, 7]
assert search("SUBJECT", '"message"') == [2, 3, 4, 5, 6, 7]
assert search("OR", "SUBJECT", '"Message 3"', "SUBJECT", '"Message 5"') == [3, 5]
assert search("KEYWORD", "$Important") == [1]
assert search("LARGER", "5000") == [1] and search("SMALLER", "1") == []
assert search("SENTON", "4-Jun-2026") == [4] and search("SENTSINCE", "6-Jun-2026") == [6, 7]
assert search("ON", "5-Jun-2026") == [1]
assert search("HEADER", "Message-ID", '"dialogue-6@"') == [6]
assert search("2:4", "UNSEEN") == [3, 4]
session.literal = "élément numéro 5".encode()
assert good(session.uid("SEARCH", "CHARSET", "UTF-8", "BODY"))[0].split()
session.literal = "analyses".encode()
assert good(session.search("UTF-8", "SUBJECT"))[0] == b"1"

# COPY and MOVE, by number and by UID; the answer names the new UIDs; the copy is the same bytes.
typ, said = session.copy("1:2", "Malades")
assert typ == "OK" and b"COPYUID" in said[0], said
uids = [re.search(rb"UID (\d+)", line).group(1).decode() for line in good(session.fetch("1:*", "(UID)"))]
assert uids == sorted(uids, key=int)
good(session.uid("MOVE", uids[3], "Malades"))
assert search("ALL") == [1, 2, 3, 4, 5, 6] and search("SUBJECT", '"Message 4"') == []
good(session.select("Malades"))
assert search("ALL") == [1, 2, 3] and search("SUBJECT", '"Message 4"') == [3]
assert good(session.fetch("1", "(BODY.PEEK[])"))[0][1] == first
assert b"$Important" in good(session.fetch("1", "(FLAGS)"))[0]
typ, said = session.copy("1", "Nulle-part")
assert typ == "NO" and said[0].startswith(b"[TRYCREATE]"), said

# EXPUNGE: all that is marked, or one UID only; what remains keeps its UIDs.
good(session.select("INBOX"))
good(session.store("1,3", "+FLAGS.SILENT", r"\Deleted"))
[last] = good(session.fetch("3", "(UID)"))
good(session.uid("EXPUNGE", re.search(rb"UID (\d+)", last).group(1).decode()))
assert search("ALL") == [1, 2, 3, 4, 5] and search("DELETED") == [1]
# imaplib kept what it heard during UID EXPUNGE.
assert good(session.expunge()) == [b"3", b"1"]
assert search("ALL") == [1, 2, 3, 4]
# A read-only look changes nothing.
good(session.select("INBOX", readonly=True))
assert session.store("1", "+FLAGS", r"\Flagged")[0] == "NO"
good(session.fetch("2", "(BODY[])"))
assert search("SEEN") == [1]
good(session.close())
status = good(session.status("INBOX", "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"))[0]
assert b"MESSAGES 4" in status and b"UNSEEN 3" in status, status

# RFC 9051 and its neighbours by hand: ENABLE, NAMESPACE, ID, LIST-STATUS, SEARCH RETURN, UNSELECT.
good(session.enable("IMAP4rev2"))
assert session.response("ENABLED")[1] == [b"IMAP4rev2"]
assert b'(("" "/"))' in good(session.namespace())[0]
good(session.xatom("ID", '("name" "essai" "version" "1")'))
good(session.select("INBOX"))
typ, said = session._simple_command("SEARCH", "RETURN (MIN MAX COUNT) UNSEEN")
assert typ == "OK" and session.untagged_responses.get("ESEARCH"), session.untagged_responses
good(session.unselect())

# Errors leave the session standing.
good(session.select("INBOX"))
for wrong in ("FETCH", "FETCH 1", "STORE 1 FLAGS", "COPY 1", "SELECT"):
    try:
        typ, said = session._simple_command(*wrong.split(" ", 1))
    except session.error as error:
        typ = str(error)
    assert "BAD" in typ or typ == "NO", (wrong, typ)
good(session.noop())
# IMAP4rev2 is enabled: names are UTF-8 from then on.
assert session.delete('"Malades/Suivi &AOk-t&AOk-"')[0] == "NO"
good(session.delete('"Malades/Suivi été"'.encode()))
good(session.delete("Malades"))
assert b"Malades" not in b"\n".join(line for line in good(session.list()) if line)
assert session.logout()[0] == "BYE"
print("done")
