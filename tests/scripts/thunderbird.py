"""Drives Thunderbird on a virtual display through Marionette, its own remote control: what every client of
tests/tests/all/readers does, in the real program with its real windows, and a picture of what a person sees.

Arguments: contract file, home, operator, kind and number of the account, folder, picture to write."""
from pathlib import Path

from common import account, arguments, good, imap as session, place
from marionette import Program

home, folder, picture = Path(arguments[0]).resolve(), arguments[4], arguments[5]
operator, who = int(arguments[1]), account(int(arguments[1]), arguments[2], int(arguments[3]))

imap, smtp = place(operator, "imaps")[1], place(operator, "submissions")[1]
user = who["login"]
settings = {
    "mail.accountmanager.accounts": "account1,account2", "mail.accountmanager.defaultaccount": "account1",
    "mail.accountmanager.localfoldersserver": "server2",
    "mail.account.account1.server": "server1", "mail.account.account1.identities": "id1", "mail.account.account2.server": "server2",
    "mail.server.server1.type": "imap", "mail.server.server1.hostname": "localhost", "mail.server.server1.port": imap,
    "mail.server.server1.userName": user, "mail.server.server1.name": who["address"], "mail.server.server1.socketType": 3,
    "mail.server.server1.authMethod": 3, "mail.server.server1.login_at_startup": False, "mail.server.server1.check_new_mail": False,
    "mail.server.server2.type": "none", "mail.server.server2.hostname": "Local Folders", "mail.server.server2.userName": "nobody",
    "mail.server.server2.name": "Local Folders",
    "mail.identity.id1.fullName": who["name"], "mail.identity.id1.useremail": who["address"], "mail.identity.id1.valid": True,
    "mail.identity.id1.smtpServer": "smtp1", "mail.smtpservers": "smtp1", "mail.smtp.defaultserver": "smtp1",
    "mail.smtpserver.smtp1.hostname": "localhost", "mail.smtpserver.smtp1.port": smtp, "mail.smtpserver.smtp1.try_ssl": 3,
    "mail.smtpserver.smtp1.authMethod": 3, "mail.smtpserver.smtp1.username": user,
}

SHARED = """
    const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
    const server = MailServices.accounts.accounts.map((a) => a.incomingServer).find((s) => s.type == "imap");
    const root = server.rootFolder;
    const until = async (what, probe) => {
        for (let i = 0; i < 600; i++) { const found = probe(); if (found) return found; await new Promise((r) => setTimeout(r, 100)); }
        throw new Error("waited in vain for " + what);
    };
    const ended = (act) => new Promise((resolve, reject) => act({
        QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]),
        OnStartRunningUrl() {}, OnStopRunningUrl(url, code) { code ? reject(new Error("url " + code)) : resolve(); },
        onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() {}, GetMessageId() {},
        onStopCopy(code) { code ? reject(new Error("copy " + code)) : resolve(); },
    }));
    const window3 = Services.wm.getMostRecentWindow("mail:3pane");
    const inbox = () => root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
    const named = (name) => root.descendants.find((f) => (f.localizedName ?? f.prettyName) == name);
    const letter = (word) => [...inbox().messages].find((m) => m.mime2DecodedSubject.startsWith(word));
    // A folder that it is asking about already tells its end to nobody else: what is wanted of it is waited for apart.
    const update = (f) => Promise.race([
        ended((l) => f.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(window3.msgWindow, l)),
        new Promise((resolve) => setTimeout(resolve, 5000)),
    ]);
"""

thunderbird = Program(home, settings, SHARED, "sync,IMAP:5")
try:
    thunderbird.run("""
        await until("the window", () => window3?.document.getElementById("tabmail")?.currentAbout3Pane);
        for (const scheme of ["imap", "smtp"]) {
            const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
            login.init(scheme + "://localhost", null, scheme + "://localhost", given[0], given[1], "", "");
            await Services.logins.addLoginAsync(login);
        }""", user, who["token"])
    # It lists the folders, with their names as people wrote them, and their special uses.
    names = thunderbird.run("""
        server.getNewMessages(inbox(), window3.msgWindow, null);
        const flags = Ci.nsMsgFolderFlags;
        for (const use of [flags.SentMail, flags.Drafts, flags.Trash, flags.Junk, flags.Archive]) await until("use " + use, () => root.getFolderWithFlags(use));
        await until("the folder", () => named(given[0]));
        return root.descendants.map((f) => f.localizedName ?? f.prettyName);""", folder)
    assert {folder, "Inbox", "Sent", "Drafts", "Trash"} <= set(names), names
    # It reads the INBOX, shows it and the first letter.
    count = thunderbird.run("await update(inbox()); return (await until('letters', () => letter('Troisi') && [...inbox().messages])).length;")
    assert count == 3, count
    text = thunderbird.run("""
        const pane = window3.document.getElementById("tabmail").currentAbout3Pane;
        pane.displayFolder(inbox().URI);
        await until("the list", () => pane.gDBView?.rowCount == 3);
        pane.threadTree.selectedIndex = pane.gDBView.findIndexOfMsgHdr(letter("Premier"), true);
        const shown = () => pane.messageBrowser?.contentWindow?.getMessagePaneBrowser?.()?.contentDocument?.body?.textContent;
        return await until("the text", () => shown()?.includes("37 \\u00b0C") && shown());""")
    assert "Les r\u00e9sultats de l'\u00e9t\u00e9" in text, text
    # It flags, moves, removes and files.
    thunderbird.run("inbox().markMessagesFlagged([letter('Premier')], true);")
    thunderbird.run("await ended((l) => MailServices.copy.copyMessages(inbox(), [letter('Second')], named(given[0]), true, l, window3.msgWindow, false));", folder)
    thunderbird.run("await ended((l) => inbox().deleteMessages([letter('Troisi')], window3.msgWindow, false, true, l, false));")
    (home / "new.eml").write_text("From: essai@alpes.mssante.fr\r\nSubject: Nouveau\r\nMessage-ID: <nouveau@essai.local>\r\n\r\nBonjour\r\n")
    thunderbird.run("""
        const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
        file.initWithPath(given[1]);
        await ended((l) => MailServices.copy.copyFileMessage(file, named(given[0]), null, false, Ci.nsMsgMessageFlags.Read, "", l, window3.msgWindow));""",
                    folder, str(home / "new.eml"))
    thunderbird.run("await update(named(given[0])); await until('three', () => [...named(given[0]).messages].length == 3);", folder)
    thunderbird.run("await update(inbox()); await until('one', () => [...inbox().messages].length == 1);")
    # It waits (IDLE): what another session does to a flag is seen unasked.
    with session(operator, who) as other:
        other.select("INBOX")
        for change, flagged in (("-FLAGS", False), ("+FLAGS", True)):
            good(other.store("1", change, "\\Flagged"))
            thunderbird.run("await until('the flag', () => letter('Premier').isFlagged == given[0]);", flagged)
    # What a person sees, on the whole display.
    thunderbird.run("""window3.moveTo(0, 0); window3.resizeTo(window3.screen.width, window3.screen.height);
        await until("the size", () => window3.outerWidth == window3.screen.width); await new Promise((r) => setTimeout(r, 1500));""")
    thunderbird.picture(picture)
    thunderbird.run("server.closeCachedConnections();")
    print("done")
finally:
    thunderbird.end()
