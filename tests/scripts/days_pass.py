"""Days pass for what waits in a queue: database (of an operator that does not run), number of days."""
import sqlite3
import sys

database, days = sys.argv[1], float(sys.argv[2])
# A second more: an entry expires when its time is over.
past = int(days * 86_400_000) + 1_000
with sqlite3.connect(database) as store:
    store.execute("UPDATE queue_messages SET created = created - ?, expires = expires - ?", (past, past))
    store.execute("UPDATE queue_entries SET expires = expires - ?, warn_at = warn_at - ?", (past, past))
