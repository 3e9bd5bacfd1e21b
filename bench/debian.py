"""Postfix and Dovecot of Debian, each in a folder of its own, as `bench/beside` measures them: their defaults, but for what a comparison needs
(mutual TLS; no limit on one client's connections, for all of them come from one generator)."""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys

from lab import until

SERVICES = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
tlsproxy unix - - n - 0 tlsproxy
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
NEEDED = {"/usr/sbin/postfix": "postfix", "/usr/sbin/dovecot": "dovecot-core", "/usr/lib/dovecot/lmtp": "dovecot-lmtpd",
          "/usr/lib/dovecot/imap": "dovecot-imapd"}


def need(*programs):
    """Says what to install when a program is missing."""
    if os.getuid() != 0:
        sys.exit("Postfix and Dovecot start for root only")
    missing = sorted({NEEDED[p] for p in programs if not os.path.exists(p)})
    if missing:
        sys.exit(f"install first: apt-get install -y --no-install-recommends {' '.join(missing)}")


def open_folder(path):
    """Daemons of other accounts pass through it."""
    path.mkdir()
    path.chmod(0o755)
    return path


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Postfix:
    """One Postfix. `settings`: lines of main.cf; `doors`: port and options of each smtpd."""

    def __init__(self, folder, settings, doors):
        self.folder, self.doors = open_folder(folder), doors
        for name in ("etc", "queue", "data"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix", "postfix")
        main = [
            "compatibility_level = 3.6", f"queue_directory = {folder}/queue", f"data_directory = {folder}/data",
            "daemon_directory = /usr/lib/postfix/sbin", "command_directory = /usr/sbin", f"maillog_file = {folder}/log",
            f"maillog_file_prefixes = {folder}", "mydestination =", "mynetworks = 127.0.0.0/8", "inet_interfaces = 127.0.0.1",
            "inet_protocols = ipv4", "alias_maps =", "alias_database =", "local_recipient_maps =", "biff = no",
            "message_size_limit = 50000000", "smtp_dns_support_level = disabled", "smtp_host_lookup = native",
            "smtpd_client_connection_count_limit = 0", "smtpd_client_connection_rate_limit = 0", *settings,
        ]
        (folder / "etc/main.cf").write_text("\n".join(main) + "\n")
        listen = "".join(f"127.0.0.1:{port} inet n - n - - smtpd\n" + "".join(f"    -o {o}\n" for o in options)
                         for port, options in doors)
        (folder / "etc/master.cf").write_text(listen + SERVICES)
        self.process = subprocess.Popen(["/usr/sbin/postfix", "-c", folder / "etc", "start-fg"], stdin=subprocess.DEVNULL,
                                        stdout=open(folder / "output", "w"), stderr=subprocess.STDOUT)
        until(f"Postfix ({folder})", 30, lambda: self.lives() and all(answers(port) for port, _ in doors))
        self.read, self.text = 0, b""

    def lives(self):
        if self.process.poll() is not None:
            sys.exit((self.folder / "output").read_text() + self.log())
        return True

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def logged(self, pattern):
        """How often this stands in the log; only what is new is read from the file."""
        path = self.folder / "log"
        if path.exists():
            with open(path, "rb") as f:
                f.seek(self.read)
                new = f.read()
            self.read += len(new)
            self.text += new
        return self.text.count(pattern.encode())

    def command(self, program, *args):
        subprocess.run([program, "-c", self.folder / "etc", *args], check=True, capture_output=True)

    def stop(self):
        if self.process.poll() is None:
            subprocess.run(["/usr/sbin/postfix", "-c", self.folder / "etc", "stop"], capture_output=True)
            self.process.wait(30)


def under_tls(ca, cert, key):
    """An smtpd that demands a certificate."""
    return ["smtpd_tls_security_level = encrypt", "smtpd_tls_req_ccert = yes", f"smtpd_tls_CAfile = {ca}",
            f"smtpd_tls_cert_file = {cert}", f"smtpd_tls_key_file = {key}", "smtpd_tls_mandatory_protocols = >=TLSv1.2"]


class Dovecot:
    """Takes mail over LMTP into Maildirs, and shows it over IMAP. One password for everybody."""

    PASSWORD = "banc"

    def __init__(self, folder, port, cert, key):
        self.folder, self.port = open_folder(folder), port
        self.mail = open_folder(folder / "mail")
        user = pwd.getpwnam("mail")
        os.chown(self.mail, user.pw_uid, user.pw_gid)
        # Its own accounts read them; a private key of the sandbox is for one account only.
        for name, source in (("cert", cert), ("key", key)):
            shutil.copy(source, folder / name)
        self.socket = folder / "run/lmtp"
        (folder / "conf").write_text(f"""\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert
ssl_key = <{folder}/key
mail_location = maildir:{self.mail}/%n
first_valid_uid = 1
mail_max_userip_connections = 0
passdb {{
  driver = static
  args = password={self.PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user.pw_uid} gid={user.pw_gid} home={self.mail}/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
""")
        self.start()

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", self.folder / "conf"], stdin=subprocess.DEVNULL,
                                        stdout=open(self.folder / "output", "w"), stderr=subprocess.STDOUT)
        until("Dovecot", 30, lambda: self.lives() and self.socket.exists() and answers(self.port))

    def restart(self):
        self.stop()
        self.start()

    def lives(self):
        if self.process.poll() is not None:
            log = self.folder / "log"
            sys.exit((self.folder / "output").read_text() + (log.read_text() if log.exists() else ""))
        return True

    def count(self, names):
        """Messages that stand in these Maildirs."""
        total = 0
        for name in names:
            for sub in ("new", "cur"):
                path = pathlib.Path(self.mail, name, sub)
                if path.exists():
                    total += sum(1 for _ in os.scandir(path))
        return total

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
