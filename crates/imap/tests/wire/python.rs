//! A dialogue of Python's imaplib, a client that checks what it reads.
use crate::world::World;
use std::process::Stdio;

const SCRIPT: &str = r#"
import imaplib, ssl, sys, time
pem, imaps, imap, token = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ctx = ssl.create_default_context(cafile=pem)
def ok(r):
    assert r[0] == 'OK', r
    return r[1]
m = imaplib.IMAP4_SSL('localhost', imaps, ssl_context=ctx)
ok(m.login('anne', token))
ok(m.create('INBOX/Dossier'))
assert any(b'"INBOX/Dossier"' in l for l in ok(m.list())), m.list()
ok(m.subscribe('INBOX/Dossier')); ok(m.lsub())
msg = b'From: a@b.example\r\nSubject: =?utf-8?q?=C3=A9t=C3=A9?=\r\n\r\n' + b'ligne\r\n' * 1000
for i in range(5):
    ok(m.append('INBOX', r'(\Seen)' if i % 2 else None, imaplib.Time2Internaldate(time.time()), msg))
assert ok(m.select('INBOX')) == [b'5']
assert m.response('UIDVALIDITY')[1][0] and m.response('PERMANENTFLAGS')[1][0]
assert ok(m.search(None, 'UNSEEN')) == [b'1 3 5']
data = ok(m.fetch('1:2', '(UID RFC822.SIZE BODY.PEEK[])'))
assert data[0][1] == msg and data[2][1] == msg, data
assert b'BODYSTRUCTURE ("text" "plain"' in ok(m.fetch('1', '(BODYSTRUCTURE)'))[0]
assert b'ENVELOPE (' in ok(m.fetch('1', '(ENVELOPE INTERNALDATE)'))[0]
ok(m.store('2', '+FLAGS', r'(\Deleted)'))
ok(m.copy('1', 'INBOX/Dossier')); ok(m.uid('MOVE', '3', 'INBOX/Dossier'))
assert ok(m.expunge())[0] is not None
assert ok(m.status('INBOX/Dossier', '(MESSAGES UNSEEN)')) == [b'"INBOX/Dossier" (MESSAGES 2 UNSEEN 2)'], m.status('INBOX/Dossier', '(MESSAGES UNSEEN)')
assert ok(m.search(None, 'ALL')) == [b'1 2 3']
assert ok(m.sort('SUBJECT ARRIVAL', 'UTF-8', 'ALL')) == [b'1 2 3']
assert ok(m.uid('SORT', '(REVERSE SUBJECT)', 'UTF-8', 'UNDELETED')) == [b'1 4 5']
assert ok(m.thread('REFERENCES', 'UTF-8', 'ALL')) == [b'((1)(2)(3))']
ok(m.rename('INBOX/Dossier', 'INBOX/Autre')); ok(m.delete('INBOX/Autre'))
assert ok(m.namespace()); ok(m.noop()); ok(m.check()); ok(m.close()); m.logout()
m = imaplib.IMAP4('localhost', imap)
assert 'LOGINDISABLED' in m.capabilities
ok(m.starttls(ctx))
assert 'AUTH=PLAIN' in m.capabilities
ok(m.authenticate('PLAIN', lambda _: ('\0anne\0' + token).encode()))
ok(m.enable('UTF8=ACCEPT'))
ok(m.create('"Été"')); ok(m.append('"Été"', None, None, msg)); assert ok(m.select('"Été"')) == [b'1']
m.logout()
try:
    m = imaplib.IMAP4_SSL('localhost', imaps, ssl_context=ctx); m.login('anne', 'faux'); sys.exit('logged in')
except imaplib.IMAP4.error as e:
    assert 'AUTHENTICATIONFAILED' in str(e), e
print('bien')
"#;

#[tokio::test]
async fn imaplib_lives_here() {
    let w = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("ca.pem");
    std::fs::write(&pem, &w.pem).unwrap();
    let mut command = std::process::Command::new("python3");
    command
        .args(["-c", SCRIPT])
        .arg(&pem)
        .args([w.imaps.port().to_string(), w.imap.port().to_string(), w.anne.clone()])
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.expect("python3 is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("bien"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
