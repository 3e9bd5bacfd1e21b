//! Command lines of a client: no panic; what is accepted is one clean line, and its address can be written back and read again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_smtp::codec::auth::{decode, plain};
use sceau_smtp::codec::command::Command;
use sceau_smtp::codec::parameters::Announced;
use sceau_smtp::codec::path::Path;

fuzz_target!(|line: &[u8]| {
    let all = Announced { size: true, eight_bit: true, smtputf8: true, auth: true, dsn: true };
    let Ok(command) = Command::parse(line, &all) else { return };
    let inner = line.strip_suffix(b"\r\n").expect("a command ends with CRLF");
    assert!(!inner.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
    match command {
        Command::Mail(Path::Mailbox { address, .. }, _) => {
            let again = format!("MAIL FROM:<{address}> SMTPUTF8\r\n");
            assert!(Command::parse(again.as_bytes(), &all).is_ok(), "{again:?}");
        }
        Command::Rcpt(Path::Mailbox { address, .. }, _) => {
            let again = format!("RCPT TO:<{address}>\r\n");
            assert!(Command::parse(again.as_bytes(), &all).is_ok(), "{again:?}");
        }
        Command::Auth(_, Some(initial)) => {
            if let Some(message) = decode(&initial) {
                let _ = plain(&message);
            }
        }
        _ => {}
    }
});
