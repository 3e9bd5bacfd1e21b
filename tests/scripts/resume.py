"""Two TLS connections in a row to one door (host:port, anchors): the second one takes up the session of the first."""
import socket
import ssl
import sys

host, port = sys.argv[2].rsplit(":", 1)
context = ssl.create_default_context(cafile=sys.argv[3])
session = None
for turn in range(2):
    raw = socket.create_connection((host, int(port)), timeout=20)
    line = context.wrap_socket(raw, server_hostname=host, session=session, suppress_ragged_eofs=False)
    line.sendall(b"GET /pages.css HTTP/1.1\r\nHost: " + host.encode() + b"\r\nConnection: close\r\n\r\n")
    assert line.recv(15) == b"HTTP/1.1 200 OK", turn
    # To the end, which is said in TLS: another one is an exception here.
    while line.recv(65536):
        pass
    assert line.session_reused == (turn == 1), turn
    session = line.session
