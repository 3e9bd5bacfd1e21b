"""Prints the SHA-256 of what follows the fields that the way adds, for the message with this Message-ID."""
import hashlib

from common import account, arguments, good, imap

operator, kind, number, message_id = int(arguments[0]), arguments[1], int(arguments[2]), arguments[3]
session = imap(operator, account(operator, kind, number), implicit=False)
good(session.select("INBOX", readonly=True))
[found] = good(session.uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"'))
[uid] = found.split()
[(size, whole), _] = good(session.uid("FETCH", uid.decode(), "(RFC822.SIZE BODY.PEEK[])"))
assert f"RFC822.SIZE {len(whole)} ".encode() in size, size
# The same message in pieces, as clients read big ones.
pieces = b""
while len(pieces) < len(whole):
    [(_, piece), _] = good(session.uid("FETCH", uid.decode(), f"(BODY.PEEK[]<{len(pieces)}.1000000>)"))
    assert piece
    pieces += piece
assert pieces == whole
lines = whole.split(b"\r\n")
own = next(i for i, line in enumerate(lines) if line[:1] not in (b" ", b"\t") and not line.lower().startswith((b"return-path:", b"received:")))
print(hashlib.sha256(b"\r\n".join(lines[own:])).hexdigest())
session.logout()
