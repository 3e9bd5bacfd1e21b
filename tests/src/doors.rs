//! The doors that one person uses, with tokens made for the test: REST, IMAP, submission.
use crate::peer::{Wire, base64};
use crate::sandbox::Operator;
use crate::{Run, Sandbox};
use serde_json::{Value, json};

/// Asks over REST with a token: status and body.
pub fn ask(
    sandbox: &Sandbox,
    o: &Operator,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (String, Value) {
    let bearer = format!("Authorization: Bearer {token}");
    let (url, body) = (format!("https://{}/api/v1{path}", o.endpoints.https), body.map(|b| b.to_string()));
    let mut all = vec!["-sS", "--max-time", "60", "--cacert", sandbox.anchors(), "-w", "\n%{http_code}", "-H", &bearer];
    all.extend(["-X", method]);
    if let Some(body) = &body {
        all.extend(["-H", "Content-Type: application/json", "--data-binary", body]);
    }
    all.push(&url);
    let run = Run::of("curl", &all).ok();
    let (body, status) = run.out.rsplit_once('\n').expect("status");
    (status.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// A device token of this person for a BAL: id, login to give, secret.
pub fn device(o: &Operator, person: &str, bal: &str) -> (String, String, String) {
    let made = o.cli(&["token", "create", person, "--bal", bal, "--label", "Poste"]);
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    (made["id"].to_string(), format!("{person}*{bal}"), secret)
}

/// A secret for REST.
pub fn api(o: &Operator, person: &str) -> String {
    let made = o.cli(&["token", "create", person, "--api", "--label", "Logiciel"]);
    made["secret"].as_str().expect("a secret").to_owned()
}

/// One IMAP login: the session, or the refusal.
pub fn imap(sandbox: &Sandbox, o: &Operator, login: &str, secret: &str) -> Result<Wire, String> {
    let mut wire = Wire::connect_from(1, &o.endpoints.imaps).expect("connected");
    wire.handshake(&sandbox.tls(None)).expect("handshake");
    wire.line().expect("greeting");
    say(&mut wire, &format!("LOGIN \"{login}\" \"{secret}\"")).map(|_| wire)
}

/// A command of IMAP: everything up to its tagged answer; the tagged answer alone when it is no.
pub fn say(wire: &mut Wire, command: &str) -> Result<String, String> {
    wire.put(format!("e2e {command}\r\n").as_bytes()).expect("sent");
    let mut all = String::new();
    loop {
        let line = wire.line().expect("answer");
        match line.strip_prefix("e2e ") {
            Some(done) if done.starts_with("OK") => return Ok(all + &line),
            Some(_) => return Err(line),
            None => all.push_str(&line),
        }
    }
}

/// A submission session, signed in.
pub fn submission(sandbox: &Sandbox, o: &Operator, login: &str, secret: &str) -> std::io::Result<Wire> {
    let mut wire = Wire::connect_from(1, &o.endpoints.submissions)?;
    wire.handshake(&sandbox.tls(None))?;
    wire.reply()?;
    wire.ask("EHLO poste.exemple.fr", "250")?;
    wire.ask(&format!("AUTH PLAIN {}", base64(format!("\0{login}\0{secret}").as_bytes())), "235")?;
    Ok(wire)
}

/// The person accepts the terms of use in force, over REST with a token of her own.
pub fn accept(sandbox: &Sandbox, o: &Operator, token: &str) {
    let (_, terms) = ask(sandbox, o, token, "GET", "/terms/in-force", None);
    let agreed = json!({ "version": terms["version"], "digest": terms["digest"] });
    let (status, said) = ask(sandbox, o, token, "POST", "/me/terms", Some(agreed));
    assert!(status.starts_with('2'), "{said}");
}
