//! `curl` as a mail client: submission and IMAP over TLS, with the sandbox's anchors.
use crate::sandbox::{Account, Operator, Sandbox};
use crate::{Run, wait};

fn run(sandbox: &Sandbox, account: &Account, args: &[&str], input: &[u8]) -> Run {
    let user = format!("{}:{}", account.login, account.token);
    let mut all = vec!["-sS", "--max-time", "60", "--cacert", sandbox.anchors(), "--user", &user];
    all.extend(args);
    Run::with_input("curl", &all, input)
}

/// Hands a server of the same machine (`host:port`) a message in clear, as a local program does.
pub fn hand_over(server: &str, from: &str, to: &[&str], message: &[u8]) -> Run {
    let url = format!("smtp://{server}");
    let mut args = vec!["-sS", "--max-time", "60", "--mail-from", from];
    for recipient in to {
        args.extend(["--mail-rcpt", recipient]);
    }
    args.extend(["-T", "-", &url]);
    Run::with_input("curl", &args, message)
}

/// Submits a message over implicit TLS, as `from` to `to`.
pub fn send(sandbox: &Sandbox, operator: &Operator, account: &Account, to: &[&str], message: &[u8]) -> Run {
    let url = format!("smtps://{}", operator.endpoints.submissions);
    let mut args = vec!["--mail-from", &account.address];
    for recipient in to {
        args.extend(["--mail-rcpt", recipient]);
    }
    args.extend(["-T", "-", &url]);
    run(sandbox, account, &args, message)
}

/// Runs an IMAP command in a folder over implicit TLS; `folder` as in an URL.
pub fn imap(sandbox: &Sandbox, operator: &Operator, account: &Account, folder: &str, command: &str) -> Run {
    let url = format!("imaps://{}/{folder}", operator.endpoints.imaps);
    run(sandbox, account, &["--request", command, &url], b"")
}

/// Fetches a message by its number in the INBOX, whole, byte for byte; none when there is none.
pub fn fetch(sandbox: &Sandbox, operator: &Operator, account: &Account, number: usize) -> Option<Vec<u8>> {
    let url = format!("imaps://{}/INBOX;MAILINDEX={number}", operator.endpoints.imaps);
    let run = run(sandbox, account, &[&url], b"");
    (run.code == 0).then_some(run.bytes)
}

/// Numbers of the INBOX's messages that hold this header value (`SEARCH HEADER`).
pub fn search(sandbox: &Sandbox, operator: &Operator, account: &Account, criteria: &str) -> Vec<usize> {
    let run = imap(sandbox, operator, account, "INBOX", &format!("SEARCH {criteria}")).ok();
    // Other untagged answers may stand beside it: a message that arrives meanwhile is told.
    let numbers = run.out.lines().find_map(|l| l.trim().strip_prefix("* SEARCH")).unwrap_or_default();
    numbers.split_whitespace().map(|n| n.parse().expect("a number")).collect()
}

/// Waits until a message with this Message-ID is in the account's INBOX; gives it whole.
pub fn wait_for(sandbox: &Sandbox, operator: &Operator, account: &Account, message_id: &str) -> Vec<u8> {
    let criteria = format!("HEADER Message-ID \"{message_id}\"");
    let number = wait::until(&format!("{message_id} at {}", account.address), 60, || {
        search(sandbox, operator, account, &criteria).first().copied()
    });
    fetch(sandbox, operator, account, number).expect("a message that SEARCH found")
}
