"""Appends so many unseen messages to an INBOX."""
from common import account, arguments, good, imap

operator, kind, number, count = int(arguments[0]), arguments[1], int(arguments[2]), int(arguments[3])
who = account(operator, kind, number)
with imap(operator, who) as session:
    for i in range(count):
        text = f"From: {who['address']}\r\nTo: {who['address']}\r\nSubject: Distant {i}\r\nDate: Sat, 21 Nov 2026 08:00:{i % 60:02} +0100\r\nMessage-ID: <distant-{i}@alpes.mssante.fr>\r\n\r\nÉté {i}\r\n"
        good(session.append("INBOX", None, None, text.encode()))
print(count)
