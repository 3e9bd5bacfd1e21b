"""IMAPClient does what every client of tests/tests/all/readers does: lists, reads, flags, moves, removes, files, waits."""
from datetime import datetime, timezone

from imapclient import IMAPClient, SEEN, DELETED, FLAGGED

from common import account, arguments, place, tls

operator, kind, number, folder = int(arguments[0]), arguments[1], int(arguments[2]), arguments[3]
who = account(operator, kind, number)
host, port = place(operator, "imaps")
with IMAPClient("localhost", port, ssl_context=tls, timeout=30) as client:
    client.login(who["login"], who["token"])
    if client.has_capability("ID"):
        client.id_({"name": "essai"})
    assert client.namespace().personal == (("", "/"),), client.namespace()
    names = {name: flags for flags, _, name in client.list_folders()}
    assert folder in names, names
    assert client.find_special_folder(b"\\Sent") == "Sent"
    client.subscribe_folder(folder)
    assert folder in [name for _, _, name in client.list_sub_folders()]
    selected = client.select_folder("INBOX")
    assert selected[b"EXISTS"] == 3, selected
    uids = client.search(["SUBJECT", "Premier"], "UTF-8")
    [uid] = uids
    data = client.fetch(uids, ["ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[]", "FLAGS"])[uid]
    assert data[b"RFC822.SIZE"] == len(data[b"BODY[]"]) and SEEN not in data[b"FLAGS"], data
    assert data[b"ENVELOPE"].date and data[b"BODYSTRUCTURE"][:2] == (b"text", b"plain"), data
    assert FLAGGED in client.add_flags(uids, [FLAGGED, SEEN])[uid]
    assert client.remove_flags(uids, [SEEN])[uid] == (FLAGGED,), client.get_flags(uids)
    client.move(client.search(["SUBJECT", "Second"]), folder)
    gone = client.search(["SUBJECT", "Troisi\u00e8me"], "UTF-8")
    assert len(gone) == 1, gone
    client.add_flags(gone, [DELETED])
    client.uid_expunge(gone)
    said = client.append(folder, data[b"BODY[]"].replace(b"X-Essai:", b"X-Nouveau: oui\r\nX-Essai:"), [SEEN], datetime.now(timezone.utc))
    assert b"APPENDUID" in said, said
    status = client.folder_status(folder, ["MESSAGES", "UIDNEXT", "UNSEEN"])
    assert (status[b"MESSAGES"], status[b"UNSEEN"]) == (3, 2), status
    # What another session does is told while it waits.
    client.idle()
    with IMAPClient("localhost", port, ssl_context=tls, timeout=30) as other:
        other.login(who["login"], who["token"])
        other.select_folder("INBOX")
        other.add_flags(uids, [SEEN])
    heard = client.idle_check(timeout=20)
    client.idle_done()
    assert any(FLAGGED in line[2][-1] and SEEN in line[2][-1] for line in heard if line[1] == b"FETCH"), heard
    if client.has_capability("SORT"):
        assert client.sort(["REVERSE ARRIVAL"]) == uids
    if client.has_capability("THREAD=REFERENCES"):
        assert client.thread("REFERENCES") == ((uids[0],),)
    if client.has_capability("QUOTA"):
        assert client.get_quota_root("INBOX")[1], client.get_quota_root("INBOX")
    client.create_folder("\u00c0 relire")
    client.rename_folder("\u00c0 relire", "\u00c0 jeter")
    client.delete_folder("\u00c0 jeter")
    client.unselect_folder()
print("done")
