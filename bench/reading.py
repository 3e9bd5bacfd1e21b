"""What a reader asks of an IMAP server, timed from the first byte of the command to its tagged answer. One client for every server: it sends,
takes the bytes as they come, and looks only for the end, so that what it costs itself is small and the same."""
import pathlib
import random
import socket
import subprocess
import time
import urllib.parse

WORDS = """consultation patient ordonnance bilan biologie imagerie cardiologie suivi traitement examen lettre sortie urgence service rendez-vous
compte rendu antécédents tension glycémie vaccination allergie posologie renouvellement hospitalisation chirurgie anesthésie rééducation""".split()
# A word that stands in one message of a hundred.
RARE = "mastocytose"


def message(n, size):
    """The n-th synthetic letter, of about this many octets; the same for every server."""
    rng = random.Random(n)
    subject = " ".join(rng.sample(WORDS, 4))
    day = 1 + n % 28
    head = (f"From: Docteur {rng.choice(WORDS)} <medecin{n % 400}@alpes.mssante.fr>\r\nTo: banc@bretagne.mssante.fr\r\n"
            f"Subject: =?UTF-8?Q?{urllib.parse.quote(subject).replace('%', '=').replace('=20', '_')}?=\r\n"
            f"Date: {day:02} Jan 2026 {n // 60 % 24:02}:{n % 60:02}:00 +0100\r\nMessage-ID: <{n}@alpes.mssante.fr>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
    lines, length = [RARE] if n % 100 == 0 else [], 0
    while length < size - len(head):
        lines.append(" ".join(rng.choices(WORDS, k=9)))
        length += len(lines[-1].encode()) + 2
    return (head + "\r\n".join(lines) + "\r\n").encode()


class Session:
    """One connection under TLS, logged in."""

    def __init__(self, port, context, login, secret):
        raw = socket.create_connection(("127.0.0.1", port), timeout=600)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(raw, server_hostname="localhost")
        self.tag, self.rest = 0, b""
        while b"\r\n" not in self.rest:
            self.rest += self.socket.recv(65536)
        self.rest = b""
        self.run(f'LOGIN "{login}" "{secret}"'.encode())

    def begin(self, command):
        self.tag += 1
        name = b"zq%d" % self.tag
        self.socket.sendall(name + b" " + command + b"\r\n")
        return name

    def end(self, name):
        """Everything up to the tagged answer; raises unless it is OK."""
        whole, tail = [], self.rest
        mark = b"\r\n" + name + b" "
        # The answer may be the first line.
        tail = b"\r\n" + tail
        while True:
            at = tail.find(mark)
            stop = tail.find(b"\r\n", at + 2) if at >= 0 else -1
            if stop >= 0:
                break
            if at < 0 and len(tail) > 1 << 20:
                # What is seen is put aside; the end may begin in the last octets.
                whole.append(tail[:-64])
                tail = tail[-64:]
            piece = self.socket.recv(1 << 18)
            if not piece:
                raise EOFError(name)
            tail += piece
        answer, self.rest = tail[at + len(mark):stop], tail[stop + 2:]
        if not answer.upper().startswith(b"OK"):
            raise RuntimeError(f"{answer.decode(errors='replace')}")
        whole.append(tail[:at])
        return b"".join(whole) + b"\r\n" + answer

    def run(self, command):
        return self.end(self.begin(command))

    def timed(self, command):
        began = time.monotonic()
        got = self.run(command)
        return time.monotonic() - began, got

    def append(self, folder, content, flags=b""):
        self.tag += 1
        name = b"zq%d" % self.tag
        self.socket.sendall(name + b" APPEND " + folder + b" (" + flags + b") {%d+}\r\n" % len(content) + content + b"\r\n")
        return name

    def fill(self, folder, count, size, together=100):
        """Appends so many messages, some by one command (MULTIAPPEND); seconds. One by one a large Maildir costs Dovecot the square of its size."""
        began = time.monotonic()
        for first in range(0, count, together):
            self.tag += 1
            name = b"zq%d" % self.tag
            command = [name + b" APPEND " + folder]
            for n in range(first, min(first + together, count)):
                content = message(n, size)
                command += [b" (" + (b"\\Seen" if n % 3 else b"") + b") {%d+}\r\n" % len(content), content]
            self.socket.sendall(b"".join(command) + b"\r\n")
            self.end(name)
        return time.monotonic() - began

    def close(self):
        try:
            self.run(b"LOGOUT")
        except (OSError, EOFError, RuntimeError):
            pass
        self.socket.close()


def number(text, word):
    """The number after this word in an answer."""
    at = text.find(word)
    return int(text[at + len(word):].split(b"]")[0].split(b" ")[0].split(b"\r\n")[0]) if at >= 0 else None


def median(of):
    return sorted(of)[len(of) // 2]


def rows(connect, folder, size, times):
    """Name and milliseconds of each operation on a folder of so many messages, in their order. `connect` opens a session."""
    s = connect()
    name = folder.encode()
    out = []

    def tell(what, seconds):
        out.append((what, seconds * 1e3))

    def again(what, command, n=times):
        tell(what, median([s.timed(command)[0] for _ in range(n)]))

    tell("SELECT, the first", s.timed(b"SELECT " + name)[0])
    again("SELECT", b"SELECT " + name)
    again("FETCH 1:* (FLAGS)", b"FETCH 1:* (FLAGS)")
    tell("FETCH 1:* (UID FLAGS ENVELOPE RFC822.SIZE), the first", s.timed(b"FETCH 1:* (UID FLAGS ENVELOPE RFC822.SIZE)")[0])
    again("FETCH 1:* (UID FLAGS ENVELOPE RFC822.SIZE)", b"FETCH 1:* (UID FLAGS ENVELOPE RFC822.SIZE)", max(1, times // 2))
    again("SEARCH UNSEEN", b"SEARCH UNSEEN")
    again("SEARCH SUBJECT", b"SEARCH SUBJECT cardiologie", max(1, times // 2))
    tell("SEARCH BODY, the first", s.timed(b"SEARCH BODY " + RARE.encode())[0])
    again("SEARCH BODY", b"SEARCH BODY " + RARE.encode(), max(1, times // 2))
    # On a tenth of the large folder, on all of the small one.
    some = min(size, 10_000)
    part = b"1:%d" % some
    tell(f"STORE of {some:,} flags", s.timed(b"STORE " + part + b" +FLAGS.SILENT (\\Flagged)")[0])
    s.run(b"STORE " + part + b" -FLAGS.SILENT (\\Flagged)")
    s.run(b"CREATE copies")
    tell(f"COPY of {some:,}", s.timed(b"COPY " + part + b" copies")[0])
    s.run(b"SELECT copies")
    s.run(b"CREATE moved")
    tell(f"MOVE of {some:,}", s.timed(b"MOVE " + part + b" moved")[0])
    # A client that knew the folder comes back: ten flags have changed meanwhile.
    got = s.run(b"SELECT " + name + b" (CONDSTORE)")
    validity, modseq = number(got, b"UIDVALIDITY "), number(got, b"HIGHESTMODSEQ ")
    s.run(b"STORE 1:10 +FLAGS.SILENT (\\Answered)")
    s.close()
    if modseq is not None:
        def back():
            began = time.monotonic()
            other = connect()
            other.run(b"ENABLE QRESYNC")
            other.run(b"SELECT %s (QRESYNC (%d %d))" % (name, validity, modseq))
            took = time.monotonic() - began
            other.close()
            return took
        try:
            tell("reconnect with QRESYNC (TLS and login included)", median([back() for _ in range(times)]))
        except RuntimeError as e:
            out.append((f"reconnect with QRESYNC: {e}", None))
    s = connect()
    for gone in (b"copies", b"moved"):
        s.run(b"DELETE " + gone)
    s.close()
    return out


def cold(connect, restart, folder, times):
    """Milliseconds of SELECT, and of SELECT and one question, each time after a restart of the server and with the caches of the system dropped; connection and
    login are over when the clock starts. What a server does at its start (Sceau opens its stores) is over as well."""
    out = []
    for what in ("", "FETCH 1:* (FLAGS)", "FETCH 1:* (UID FLAGS ENVELOPE RFC822.SIZE)", "SEARCH UNSEEN", "SEARCH SUBJECT cardiologie", f"SEARCH BODY {RARE}",
                 "FETCH 1:100 (BODY.PEEK[])"):
        took = []
        for _ in range(times):
            restart()
            s = connect()
            subprocess.run(["sync"], check=True)
            pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
            began = time.monotonic()
            s.run(b"SELECT " + folder.encode())
            if what:
                s.run(what.encode())
            took.append(time.monotonic() - began)
            s.close()
        out.append((f"cold: SELECT, {what}" if what else "cold: SELECT", median(took) * 1e3))
    return out


def large(connect, octets):
    """One message of 10 MB, appended and streamed: milliseconds of each."""
    s = connect()
    s.run(b"CREATE large")
    content = message(1, 4096) + b"".join(b"%076d\r\n" % n for n in range(octets // 78))
    began = time.monotonic()
    s.end(s.append(b"large", content))
    put = time.monotonic() - began
    s.run(b"SELECT large")
    got = [s.timed(b"FETCH 1 (BODY.PEEK[])")[0] for _ in range(5)]
    s.run(b"UNSELECT")
    s.run(b"DELETE large")
    s.close()
    return [("APPEND of 10 MB", put * 1e3), ("FETCH of 10 MB", median(got) * 1e3)]

