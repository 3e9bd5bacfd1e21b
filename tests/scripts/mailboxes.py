"""What an operator's IMAP door shows of every personal mailbox: folders, UIDVALIDITY, UIDNEXT, and each message's flags, size and SHA-256.

usage: mailboxes.py READY OPERATOR [LOGIN…]
"""
import hashlib
import imaplib
import json
import re
import ssl
import sys

ready = json.load(open(sys.argv[1]))
operator = next(o for o in ready["operators"] if o["name"] == sys.argv[2])
host, port = operator["endpoints"]["imaps"].rsplit(":", 1)
context = ssl.create_default_context(cafile=ready["anchors"])
context.check_hostname = False
shown = {}
for account in operator["accounts"]:
    if account["login"] not in sys.argv[3:]:
        continue
    imap = imaplib.IMAP4_SSL(host, int(port), ssl_context=context)
    imap.login(account["login"], account["token"])
    folders = {}
    for line in imap.list()[1]:
        name = line.decode().split(' "/" ')[1].strip().strip('"')
        assert imap.select(f'"{name}"', readonly=True)[0] == "OK", name
        entries = {}
        _, data = imap.uid("fetch", "1:*", "(FLAGS BODY.PEEK[])")
        for i, item in enumerate(data):
            if not isinstance(item, tuple):
                continue
            after = data[i + 1] if i + 1 < len(data) and isinstance(data[i + 1], bytes) else b""
            said = (item[0] + after).decode()
            flags = re.search(r"FLAGS \(([^)]*)\)", said).group(1).split()
            entries[re.search(r"UID (\d+)", said).group(1)] = {
                "flags": sorted(f for f in flags if f != "\\Recent"),
                "size": len(item[1]),
                "sha256": hashlib.sha256(item[1]).hexdigest(),
            }
        folders[name] = {
            "uidvalidity": int(imap.response("UIDVALIDITY")[1][0]),
            "uidnext": int(imap.response("UIDNEXT")[1][0]),
            "entries": entries,
        }
    imap.logout()
    shown[account["login"]] = folders
print(json.dumps(shown))
