//! COMPRESS=DEFLATE (RFC 4978), spoken by a client with zlib's streams, which are one for the whole connection; what may not be; bombs.
use crate::client::{Client, letter, one};
use crate::world::World;
use std::process::Stdio;

const SCRIPT: &str = r#"
import ssl, socket, sys, zlib
pem, port, token = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ctx = ssl.create_default_context(cafile=pem)
for flush in (zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_PARTIAL_FLUSH):
    s = ctx.wrap_socket(socket.create_connection(('localhost', port)), server_hostname='localhost')
    s.settimeout(60)
    buf, raw, pack, unpack = b'', 0, None, None
    def send(b):
        s.sendall(b if pack is None else pack.compress(b) + pack.flush(flush))
    def line():
        global buf, raw
        while b'\r\n' not in buf:
            got = s.recv(65536)
            assert got, 'closed'
            raw += len(got)
            buf += got if unpack is None else unpack.decompress(got)
        one, buf = buf.split(b'\r\n', 1)
        return one
    def run(tag, command):
        send(tag + b' ' + command + b'\r\n')
        out = []
        while not out or not out[-1].startswith(tag + b' '):
            out.append(line())
        assert out[-1].startswith(tag + b' OK'), out[-3:]
        return out
    line()
    run(b'a', b'LOGIN anne ' + token.encode())
    run(b'b', b'COMPRESS DEFLATE')
    assert buf == b''
    pack, unpack = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
    before = int(run(b'c0', b'STATUS INBOX (MESSAGES)')[0].split(b'MESSAGES ')[1].rstrip(b')'))
    text = b'Subject: long\r\n\r\n' + b'Une ligne qui se repete.\r\n' * 20000
    send(b'd APPEND INBOX {%d+}\r\n' % len(text) + text + b'\r\n')
    while not line().startswith(b'd OK'): pass
    run(b'e', b'SELECT INBOX')
    n = b'%d' % (before + 1)
    for i in range(3):
        raw = 0
        out = run(b'f%d' % i, b'FETCH ' + n + b' BODY.PEEK[]')
        assert sum(len(l) + 2 for l in out) > len(text), (len(out), len(text))
        assert raw < len(text) // 20, raw
    send(b'g IDLE\r\n')
    assert line().startswith(b'+ ')
    send(b'DONE\r\n')
    assert line().startswith(b'g OK')
    for i in range(50): run(b'h%d' % i, b'UID FETCH 1:* (UID FLAGS)')
    run(b'z', b'LOGOUT')
print('bien')
"#;

#[tokio::test]
async fn a_client_with_zlib_lives_here() {
    let w = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("ca.pem");
    std::fs::write(&pem, &w.pem).unwrap();
    let mut command = std::process::Command::new("python3");
    command.args(["-c", SCRIPT]).arg(&pem).args([w.imaps.port().to_string(), w.anne.clone()]).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("python3 is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("bien"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn compression_begins_once_and_after_login() {
    let w = World::new().await;
    let mut c = Client::secure(&w).await;
    assert!(!one(&c.ok("CAPABILITY").await, "* CAPABILITY").contains("COMPRESS"));
    c.bad("COMPRESS DEFLATE").await;
    c.ok(&format!("LOGIN anne {}", w.anne)).await;
    assert!(one(&c.ok("CAPABILITY").await, "* CAPABILITY").contains(" COMPRESS=DEFLATE"));
    c.bad("COMPRESS").await;
    c.bad("COMPRESS LZMA").await;
    // What is said before the answer could be either.
    c.send("p COMPRESS DEFLATE\r\nq NOOP\r\n").await;
    let all = c.until("q").await;
    assert!(one(&all, "p ").starts_with("p BAD "), "{all:?}");
    c.ok("COMPRESS DEFLATE").await;
    c.conn.compress().await.unwrap();
    let again = c.no("COMPRESS DEFLATE").await;
    assert!(again.contains("[COMPRESSIONACTIVE]"), "{again}");
    assert!(!one(&c.ok("CAPABILITY").await, "* CAPABILITY").contains("COMPRESS"));
    c.ok("SELECT INBOX").await;
    for n in 0..3 {
        c.letter(&format!("m{n}")).await;
    }
    let all = c.ok("FETCH 1:* (UID ENVELOPE BODY.PEEK[])").await;
    assert!(all[2].contains("Bonjour m2"), "{all:#?}");
    // Woken while both sides are parked.
    c.send("i IDLE\r\n").await;
    assert_eq!(c.response().await.as_deref(), Some("+ idling"));
    let mut other = Client::inbox(&w).await;
    other.letter("autre").await;
    assert_eq!(c.response().await.as_deref(), Some("* 4 EXISTS"));
    c.send("DONE\r\n").await;
    c.until("i").await;
}

#[tokio::test]
async fn a_bomb_and_damage_end_the_connection_and_nothing_else() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.ok("COMPRESS DEFLATE").await;
    c.conn.compress().await.unwrap();
    // 64 MiB of one line: a few dozen KiB on the wire.
    let _ = c.conn.write(b"a NOOP ").await;
    let zeros = vec![b'0'; 1 << 20];
    for _ in 0..64 {
        if c.conn.write(&zeros).await.is_err() {
            break;
        }
    }
    let _ = c.conn.flush().await;
    let said = c.response().await;
    assert!(said.as_deref().is_none_or(|s| s.starts_with("* BYE ")), "{said:?}");
    assert!(c.response().await.is_none());
    // What is no DEFLATE.
    let mut c = Client::anne(&w).await;
    c.ok("COMPRESS DEFLATE").await;
    c.send([0x06; 10]).await;
    assert!(c.response().await.is_none());
    let mut c = Client::inbox(&w).await;
    c.append("INBOX", "", &letter("toujours là")).await;
}
