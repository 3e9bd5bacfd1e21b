"""A session in IDLE sees what another one does, and what arrives, within about a second."""
import time

from common import account, good, imap, smtp

marie, paul = account(0, "Per", 0), account(0, "Per", 1)
message = f"From: {paul['address']}\r\nTo: {marie['address']}\r\nSubject: Attente\r\nDate: Sat, 21 Nov 2026 08:00:00 +0100\r\nMessage-ID: <attente-%d@alpes.mssante.fr>\r\n\r\nBonjour\r\n"

other = imap(0, marie)
good(other.append("INBOX", None, None, (message % 0).encode()))
good(other.select("INBOX"))
waiting = imap(0, marie, implicit=False)
good(waiting.select("INBOX"))


def idle(act, wanted):
    """Seconds until the idling session hears all that is wanted after `act`."""
    tag = waiting._new_tag()
    waiting.send(tag + b" IDLE\r\n")
    assert waiting.readline().startswith(b"+")
    start = time.monotonic()
    act()
    missing = list(wanted)
    while missing:
        line = waiting.readline()
        assert line, "closed"
        missing = [w for w in missing if w not in line]
    heard = time.monotonic() - start
    waiting.send(b"DONE\r\n")
    while not (line := waiting.readline()).startswith(tag):
        pass
    assert b" OK" in line, line
    return heard


times = {
    "a flag is set": idle(lambda: good(other.store("1", "+FLAGS", r"(\Flagged)")), [b"\\Flagged"]),
    "a keyword is set": idle(lambda: good(other.store("1", "+FLAGS", "($Urgent)")), [b"$Urgent"]),
    "the flag is taken away": idle(lambda: good(other.store("1", "-FLAGS", r"(\Flagged)")), [b"1 FETCH"]),
    "a message is stored": idle(lambda: good(other.append("INBOX", None, None, (message % 1).encode())), [b"2 EXISTS"]),
}
with smtp(0, paul) as session:
    times["a message arrives"] = idle(lambda: session.sendmail(paul["address"], [marie["address"]], message % 2), [b"3 EXISTS"])
good(other.noop())
good(other.store("2", "+FLAGS.SILENT", r"(\Deleted)"))
times["a message goes"] = idle(lambda: good(other.expunge()), [b"2 EXPUNGE"])
# What the idling session now believes is true.
assert [n.split()[0] for n in good(waiting.fetch("1:*", "(FLAGS)"))] == [b"1", b"2"]
assert b"$Urgent" in good(waiting.fetch("1", "(FLAGS)"))[0] and b"\\Flagged" not in good(waiting.fetch("1", "(FLAGS)"))[0]
for what, seconds in times.items():
    print(f"{seconds:.3f} {what}")
slow = {what: seconds for what, seconds in times.items() if seconds > 5}
assert not slow, slow
