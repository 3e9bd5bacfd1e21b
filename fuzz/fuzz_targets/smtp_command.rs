//! Command lines of a client: no panic; what is accepted is one clean line, and its address can be written back and read again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_smtp::codec::auth::{decode, plain};
use sceau_smtp::codec::command::Command;
use sceau_smtp::codec::parameters::Announced;
use sceau_smtp::codec::path::Path;

fuzz_target!(|line: &[u8]| {
    let all = Announced::ALL;
    let Ok(command) = Command::parse(line, &all) else { return };
    let inner = line.strip_suffix(b"\r\n").expect("a command ends with CRLF");
    assert!(!inner.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
    match command {
        Command::Mail(Path::Mailbox { address, .. }, p) => {
            let envid = p.envid.as_ref().map(|e| format!(" ENVID={}", e.to_wire())).unwrap_or_default();
            let again = format!("MAIL FROM:<{address}> SMTPUTF8{envid}\r\n");
            let read = Command::parse(again.as_bytes(), &all);
            assert!(matches!(read, Ok(Command::Mail(_, q)) if q.envid == p.envid), "{again:?}");
        }
        Command::Rcpt(Path::Mailbox { address, .. }, r) => {
            let orcpt = r.orcpt.as_ref().and_then(|o| o.to_wire());
            let notify = r.notify.map(|n| format!(" NOTIFY={n}")).unwrap_or_default();
            let written = orcpt.as_ref().map(|o| format!(" ORCPT={o}")).unwrap_or_default();
            let again = format!("RCPT TO:<{address}>{notify}{written}\r\n");
            let read = Command::parse(again.as_bytes(), &all);
            let same = |q: &sceau_domain::dsn::RcptRequest| q.notify == r.notify && (orcpt.is_none() || q.orcpt == r.orcpt);
            assert!(matches!(&read, Ok(Command::Rcpt(_, q)) if same(q)), "{again:?}");
        }
        Command::Auth(_, Some(initial)) => {
            if let Some(message) = decode(&initial) {
                let _ = plain(&message);
            }
        }
        _ => {}
    }
});
