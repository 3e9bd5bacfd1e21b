"""What the programs of this folder share: ports, memory, tables, and a sandbox to measure."""
import atexit
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def free_base():
    """The first of a hundred ports that are free now."""
    for base in range(20_000, 60_000, 100):
        try:
            for port in range(base, base + 60):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    sys.exit("no hundred free ports")


def memory(pid):
    """Resident memory of a process, MiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def processor(pid):
    """Processor time of a process so far, seconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def durable_write(folder):
    """Median of an append of 4 KiB and its fdatasync, milliseconds: what a durable answer costs at least on this disk."""
    path, times = folder / "probe", []
    with open(path, "wb", buffering=0) as f:
        for _ in range(200):
            began = time.monotonic()
            f.write(os.urandom(4096))
            os.fdatasync(f.fileno())
            times.append(time.monotonic() - began)
    path.unlink()
    return sorted(times)[100] * 1e3


def until(what, seconds, probe, pause=0.05):
    """Polls until `probe` gives something true, and gives that."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)


def ms(p, key):
    return f"{p[key]:.1f}" if p else "—"


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
    print()


def folder(programs, prefix):
    """A folder beside the built programs: the temporary one may be memory, where durability costs nothing."""
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=programs.parent))


def load(programs, name, program, *args, seconds, keep=None):
    """Runs a generator and gives its report; the command stands on standard error, so that it can be repeated alone."""
    command = [str(programs / program), *map(str, args), "--seconds", str(seconds), "--json"]
    print(f"# {name}\n{shlex.join(command)}", file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 600)
    if done.returncode == 2:
        sys.exit(done.stderr)
    report = json.loads(done.stdout)
    for kind in ("errors", "refusals"):
        if report[kind]:
            print(f"  !! {kind}: {report[kind]}", file=sys.stderr, flush=True)
    if keep:
        pathlib.Path(keep, f"{name}.json".replace(" ", "-").replace("/", "-")).write_text(done.stdout)
    return report


class Sandbox:
    """A sandbox of its own, in this folder; the operator `bretagne` is the one under load."""

    def __init__(self, programs, folder):
        self.programs, self.folder, self.base = programs, folder, free_base()
        self.ready = folder / "ready.json"
        self.process = subprocess.Popen(
            [programs / "sceau", "sandbox", "--data", folder / "data", "--port-base", str(self.base), "--ready", self.ready],
            stdin=subprocess.DEVNULL, stdout=open(folder / "sandbox.log", "w"), stderr=subprocess.STDOUT)
        # However this program ends.
        atexit.register(self.stop)

        def is_ready():
            if self.process.poll() is not None:
                sys.exit((folder / "sandbox.log").read_text())
            return self.ready.exists()

        until("the sandbox", 300, is_ready, 0.1)
        self.read()

    def read(self):
        self.world = json.loads(self.ready.read_text())
        self.server = next(o for o in self.world["operators"] if o["name"] == "bretagne")
        self.outsider = self.world["outsiders"][0]

    def cli(self, *args):
        """The command line of the operator under load; its JSON."""
        command = [self.programs / "sceau", "--config", self.server["config"], "--json", *args]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{shlex.join(map(str, command))}\n{done.stderr}")
        return json.loads(done.stdout)

    def configure(self, changes):
        """Changes the operator's configuration, one text for another, and starts it again with it."""
        path = pathlib.Path(self.server["config"])
        text = path.read_text()
        for old, new in changes:
            if old not in text:
                sys.exit(f"{old!r} is not in {path}")
            text = text.replace(old, new)
        path.write_text(text)
        self.restart()

    def restart(self):
        """The operator under load dies at once, and its sandbox starts it again."""
        before = self.server["pid"]
        os.kill(before, signal.SIGKILL)

        def is_back():
            self.read()
            if self.server["pid"] == before:
                return False
            host, port = self.server["endpoints"]["imaps"].rsplit(":", 1)
            with socket.socket() as s:
                return s.connect_ex((host, int(port))) == 0

        until("the operator's next process", 60, is_back, 0.1)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)


def remove(path):
    shutil.rmtree(path, ignore_errors=True)
