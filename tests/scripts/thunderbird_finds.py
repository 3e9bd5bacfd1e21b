"""A person adds an account in Thunderbird, as its windows ask: name, address, password. It finds servers, ports and protection by itself.

The proxy below is all of the outside that Thunderbird reaches: one name, which is looked for at its usual port, leads to the sandbox.

Arguments: contract file, home, operator, kind and number of the account, picture to write."""
import socket
import threading
from pathlib import Path

from common import account, arguments, place
from marionette import Program

home, picture = Path(arguments[0]).resolve(), arguments[4]
operator, who = int(arguments[1]), account(int(arguments[1]), arguments[2], int(arguments[3]))
domain = who["address"].rpartition("@")[2]
asked = []


def carry(one, other):
    try:
        while octets := one.recv(65536):
            other.sendall(octets)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def answer(client):
    request = b""
    while b"\r\n\r\n" not in request and (octets := client.recv(4096)):
        request += octets
    name = request.split(b" ")[1].decode() if request.count(b" ") > 1 else ""
    asked.append(name)
    if name != f"autoconfig.{domain}:443":
        client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return client.close()
    server = socket.create_connection(place(operator, "https"))
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    threading.Thread(target=carry, args=(client, server), daemon=True).start()
    carry(server, client)


def serve(listener):
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


proxy = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(proxy,), daemon=True).start()
port = proxy.getsockname()[1]
settings = {
    "network.proxy.http_port": port, "network.proxy.ssl_port": port, "mail.accounthub.enabled": True, "app.use_without_mail_account": True,
    # Guessing would find the doors of this machine too.
    "mailnews.auto_config.guess.enabled": False, "signon.rememberSignons": True, "mail.provider.enabled": False,
}

SHARED = """
    const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
    const until = async (what, probe) => {
        for (let i = 0; i < 600; i++) { const found = probe(); if (found) return found; await new Promise((r) => setTimeout(r, 100)); }
        const shown = [...hub().querySelectorAll(".account-hub-step")].filter((s) => !s.hidden).map((s) => s.id + ": " + s.textContent.replace(/\\s+/g, " "));
        throw new Error("waited in vain for " + what + "; shown: " + shown);
    };
    const window3 = Services.wm.getMostRecentWindow("mail:3pane");
    const hub = () => window3?.document.querySelector("account-hub-container")?.modal;
    const step = (id) => { const s = hub()?.querySelector("#" + id); return s && !s.hidden ? s : null; };
    const type = (input, text) => { input.focus(); input.value = text; input.dispatchEvent(new window3.Event("input", { bubbles: true })); };
    const forward = () => { const b = hub().querySelector("account-hub-footer #forward"); return b && !b.disabled && !b.hidden ? b : null; };
    const next = async () => (await until("the button", forward)).click();
"""

thunderbird = Program(home, settings, SHARED, "sync")
try:
    thunderbird.run("""
        await until("the window", () => window3?.document.getElementById("tabmail")?.currentAbout3Pane);
        window3.moveTo(0, 0); window3.resizeTo(window3.screen.width, window3.screen.height);
        window3.openAccountHub("MAIL");
        const form = await until("the form", () => step("emailAutoConfigSubview")?.querySelector("#email") && step("emailAutoConfigSubview"));
        type(form.querySelector("#realName"), given[0]);
        type(form.querySelector("#email"), given[1]);
        await next();""", who["name"], who["address"])
    found = thunderbird.run("""
        const found = await until("what it found", () => step("emailConfigFoundSubview"));
        await new Promise((r) => setTimeout(r, 1000));
        return found.textContent.replace(/\\s+/g, " ");""")
    thunderbird.picture(picture)
    imap, smtp = place(operator, "imaps")[1], place(operator, "submissions")[1]
    assert "localhost" in found, found
    thunderbird.run("await next();")
    thunderbird.run("""
        const form = await until("the password", () => step("emailPasswordSubview"));
        type(form.querySelector("#password"), given[0]);
        await next();
        await until("the account", () => MailServices.accounts.accounts.some((a) => a.incomingServer?.type == "imap"));""", who["token"])
    account = thunderbird.run("""
        const server = MailServices.accounts.accounts.map((a) => a.incomingServer).find((s) => s.type == "imap");
        const out = MailServices.outgoingServer.defaultServer.serverURI.spec;
        return { host: server.hostName ?? server.hostname, port: server.port, user: server.username, tls: server.socketType, auth: server.authMethod, out };""")
    wanted = {"host": "localhost", "port": imap, "user": who["address"], "tls": 3, "auth": 3}
    assert {k: account[k] for k in wanted} == wanted, account
    assert account["out"].endswith(f"@localhost:{smtp}") or f"localhost:{smtp}" in account["out"], account
    # The account works: the folders of the BAL are there.
    names = thunderbird.run("""
        const server = MailServices.accounts.accounts.map((a) => a.incomingServer).find((s) => s.type == "imap");
        const inbox = await until("the inbox", () => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox));
        server.getNewMessages(inbox, window3.msgWindow, null);
        await until("the folders", () => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.SentMail));
        return server.rootFolder.descendants.map((f) => f.localizedName ?? f.prettyName);""")
    assert {"Inbox", "Sent"} <= set(names), names
    assert f"autoconfig.{domain}:443" in asked, asked
    print("done")
finally:
    thunderbird.end()
