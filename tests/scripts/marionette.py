"""Thunderbird on a virtual display, driven through Marionette, its own remote control."""
import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from common import ready

# Nothing but what a script names is asked for anything, and no window greets.
QUIET = {
    "marionette.port": 0, "intl.locale.requested": "en-US", "mail.tabs.drawInTitlebar": False,
    "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9, "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9, "network.proxy.no_proxies_on": "", "app.update.auto": False, "mail.rights.version": 1,
    "mailnews.start_page.enabled": False, "mail.shell.checkDefaultClient": False, "mail.inappnotifications.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True, "mail.winsearch.firstRunDone": True,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True, "app.donation.eoy.version.viewed": 999,
    "datareporting.healthreport.uploadEnabled": False, "toolkit.telemetry.enabled": False, "extensions.update.enabled": False,
}


class Marionette:
    """Messages are JSON with their length before them."""

    def __init__(self, port, shared):
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.number, self.rest, self.shared = 0, b"", shared
        self.hear()
        self.ask("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {}}})
        self.ask("Marionette:SetContext", {"value": "chrome"})
        self.ask("WebDriver:SetTimeouts", {"script": 90_000})

    def hear(self):
        while b":" not in self.rest:
            self.read()
        length, _, self.rest = self.rest.partition(b":")
        while len(self.rest) < int(length):
            self.read()
        message, self.rest = self.rest[:int(length)], self.rest[int(length):]
        return json.loads(message)

    def read(self):
        more = self.wire.recv(65536)
        if not more:
            raise SystemExit("Thunderbird went away")
        self.rest += more

    def ask(self, name, values):
        self.number += 1
        message = json.dumps([0, self.number, name, values]).encode()
        self.wire.sendall(b"%d:%s" % (len(message), message))
        _, _, error, answer = self.hear()
        if error:
            raise SystemExit(f"{name}: {error} {str(values)[-600:]}")
        return answer

    def run(self, script, *values):
        """Runs an asynchronous function in the program itself."""
        whole = f"""const done = arguments[arguments.length - 1], given = [...arguments];
            (async () => {{ {self.shared} {script} }})().then((v) => done(v ?? null), (e) => done("FAILED " + e + "\\n" + e.stack));"""
        value = self.ask("WebDriver:ExecuteAsyncScript", {"script": whole, "args": list(values), "newSandbox": True})["value"]
        if isinstance(value, str) and value.startswith("FAILED"):
            raise SystemExit(value)
        return value


class Program:
    """Thunderbird with a profile of its own in `home`, which trusts the sandbox's authorities, and with these settings."""

    def __init__(self, home, settings, shared, log):
        profile = home / "profile"
        profile.mkdir(parents=True)
        # Who is trusted: the sandbox's authorities, in the profile's own store.
        subprocess.run(["certutil", "-N", "-d", f"sql:{profile}", "--empty-password"], check=True)
        anchors = Path(ready["anchors"]).read_text(encoding="ascii")
        for i, pem in enumerate(re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", anchors, re.S)):
            (home / "anchor.pem").write_text(pem)
            subprocess.run(["certutil", "-A", "-d", f"sql:{profile}", "-n", f"anchor {i}", "-t", "C,,", "-i", home / "anchor.pem"], check=True)
        lines = "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in {**QUIET, **settings}.items())
        (profile / "user.js").write_text(lines, encoding="utf-8")
        self.display = subprocess.Popen(["Xvfb", "-displayfd", "1", "-screen", "0", "1152x864x24", "-nolisten", "tcp"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        number = self.display.stdout.readline().decode().strip()
        self.environment = {**os.environ, "DISPLAY": f":{number}", "HOME": str(home), "LC_ALL": "C.UTF-8", "MOZ_CRASHREPORTER_DISABLE": "1",
                            "GDK_BACKEND": "x11", "MOZ_LOG": log, "MOZ_LOG_FILE": str(home / "imap")}
        said = open(home / "thunderbird.log", "wb")
        self.program = subprocess.Popen(["thunderbird", "--profile", profile, "--no-remote", "--marionette", "--remote-allow-system-access"],
                                        env=self.environment, stdout=said, stderr=said)
        try:
            until = time.monotonic() + 120
            while not (profile / "MarionetteActivePort").exists():
                assert self.program.poll() is None and time.monotonic() < until, (home / "thunderbird.log").read_text(errors="replace")
                time.sleep(0.2)
            time.sleep(0.5)
            self.marionette = Marionette(int((profile / "MarionetteActivePort").read_text()), shared)
        except BaseException:
            self.end()
            raise

    def run(self, script, *values):
        return self.marionette.run(script, *values)

    def picture(self, path):
        """What a person sees, on the whole display."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run(["import", "-window", "root", path], env=self.environment, check=True)

    def end(self):
        self.program.kill()
        self.program.wait()
        self.display.terminate()
        self.display.wait()
