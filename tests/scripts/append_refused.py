"""Prints what the server says to an APPEND that it refuses; the session goes on."""
from common import arguments, good, imap

operator, login, token, path = int(arguments[0]), arguments[1], arguments[2], arguments[3]
with open(path, "rb") as file, imap(operator, {"login": login, "token": token}) as session:
    status, said = session.append("INBOX", None, None, file.read())
    assert status == "NO", (status, said)
    good(session.noop())
    print(said[0].decode())
