"""Sits at a terminal: runs a program, waits for words on its screen, types.

Standard input: JSON with `run` (program and arguments) and `steps`, each a pair: words that must appear after the step
before it, keys to type then. Ends as the program ends; 1 when words do not appear in time, with what the screen said."""
import json
import os
import pty
import re
import select
import sys
import time

told = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8", "LINES": "40", "COLUMNS": "132"})
    os.execvp(told["run"][0], told["run"])
screen, everything, deadline = "", b"", time.monotonic() + 60
steps = list(told["steps"])
while True:
    if time.monotonic() > deadline:
        os.kill(pid, 9)
        sys.exit(f"in vain waited for {steps[0][0] if steps else 'its end'!r}\n{everything.decode(errors='replace')[-6000:]}")
    if select.select([terminal], [], [], 0.2)[0]:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the program has closed its terminal
            break
        if not read:
            break
        everything += read
        # Without the sequences that move the cursor and colour the text.
        screen = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78])", " ", screen + read.decode(errors="replace"))
        screen = re.sub(r"[ \r\n]+", " ", screen)
    if steps and steps[0][0] in screen:
        _, keys = steps.pop(0)
        screen = ""
        os.write(terminal, keys.encode())
        deadline = time.monotonic() + 60
_, status = os.waitpid(pid, 0)
if steps:
    sys.exit(f"ended before {steps[0][0]!r}\n{everything.decode(errors='replace')[-6000:]}")
sys.exit(os.waitstatus_to_exitcode(status))
