"""An open IMAP session whose token is revoked is closed at its next command, in IDLE too."""
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
    """The next command is answered by the end of the session."""
    try:
        sys.exit(f"a revoked token still works: {session.noop()}")
    except session.abort as error:
        assert "right.missing" in str(error), error


closed(open_session)
idling.send(b"DONE\r\n")
idling.readline()
closed(idling)
print("closed")
