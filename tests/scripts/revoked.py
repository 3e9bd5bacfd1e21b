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
try:
    status, said = open_session.noop()
    sys.exit(f"a revoked token still works: {status} {said}")
except (open_session.abort, open_session.error) as error:
    pass
# The session in IDLE hears of it by itself, or at the latest when it says something.
idling.sock.settimeout(10)
try:
    idling.send(b"DONE\r\n")
    lines = [idling.readline() for _ in range(3)]
    answers = [line for line in lines if line.startswith(tag)]
    assert b"" in lines or any(b"BYE" in line for line in lines) or answers and b" OK" not in answers[0], lines
except (OSError, idling.abort):
    pass
print("closed")
