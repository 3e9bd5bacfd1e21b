"""An open IMAP session whose token is revoked is closed at once, unasked, in IDLE too."""
import subprocess
import sys

from common import account, arguments, good, imap, ready

program, operator, login, secret, number = arguments[0], int(arguments[1]), arguments[2], arguments[3], arguments[4]
who = {"login": login, "token": secret}
open_session, idling = imap(operator, who), imap(operator, who, implicit=False)
for session in (open_session, idling):
    good(session.select("INBOX"))
tag = idling._new_tag()
idling.send(tag + b" IDLE\r\n")
assert idling.readline().startswith(b"+")
good(open_session.noop())
revoked = subprocess.run([program, "--config", ready["operators"][operator]["config"], "--json", "token", "revoke", number], capture_output=True, text=True)
assert revoked.returncode == 0, revoked


def closed(session):
    """The session ends unasked, and says why before it does."""
    line = session.readline()
    while line and not line.startswith(b"* BYE"):
        line = session.readline()
    assert line.startswith(b"* BYE [NOPERM]") and b"right.missing" in line, line
    try:
        more = session.readline()
    except OSError:
        more = b""
    assert not more, f"a revoked token still works: {more}"


closed(open_session)
closed(idling)
print("closed")
