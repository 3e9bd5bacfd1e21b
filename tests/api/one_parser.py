"""One thread at a time in Python's parser.

Python 3.11 counts the depth of what it parses for all threads together (python/cpython#106905): two that parse at once make it give up with a
SystemError, which the tool that tests REST reports as an error of the operation that it happened to be at.
"""
import ast
import threading

_parse, _alone = ast.parse, threading.RLock()


def _one_at_a_time(*args, **kwargs):
    with _alone:
        return _parse(*args, **kwargs)


ast.parse = _one_at_a_time
