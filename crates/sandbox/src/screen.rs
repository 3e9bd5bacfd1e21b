//! What the sandbox tells: in plain words what runs, which addresses exist, and commands to copy.
use crate::cards::Card;
use crate::pki::Pki;
use crate::provision::{Account, Provisioned};
use crate::world::{HTTPS, IMAP, IMAPS, MX, OperatorSpec, SUBMISSION, SUBMISSIONS, World};
use crate::{Options, SandboxError};
use sceau_domain::Lang;
use sceau_domain::text::text;
use std::io::Write;

/// Prints the welcome. A closed terminal is nobody's error.
///
/// # Errors
/// The list of cards cannot be read.
pub fn welcome(options: &Options, world: &World, pki: &Pki, provisioned: &[Provisioned]) -> Result<(), SandboxError> {
    let page = page(options, world, pki, provisioned, &sign_in(options, world, pki)?);
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(page.as_bytes()).and_then(|()| out.flush());
    Ok(())
}

/// Prints the last line.
pub fn goodbye(lang: Lang) {
    let _ = writeln!(std::io::stdout(), "\n{}", text(lang, "sandbox.goodbye", &[]));
}

/// Where to sign in, and with what: a line for the played Pro Santé Connect, a line for the cards.
fn sign_in(options: &Options, world: &World, pki: &Pki) -> Result<[String; 2], SandboxError> {
    let say = |key: &str, args: &[(&str, &str)]| text(options.lang, &format!("sandbox.{key}"), args);
    let cards = pki.cards().all()?;
    // Of somebody who has a BAL; of somebody whom the register alone knows, by the number.
    let known = cards.iter().find(|card| !card.login.is_empty() && card.condition == "good");
    let new = cards.iter().find(|card| card.login.is_empty() && card.name == card.rpps);
    let (Some(known), Some(new)) = (known, new) else {
        return Err(SandboxError::Pki("nobody has a card".into()));
    };
    let first = &world.operators[0];
    let page = format!("{}/connexion", first.nodes(1)[0].public_url(first));
    let anchors = pki.anchors().display().to_string();
    let of = |card: &Card| (card.pair.p12.display().to_string(), card.pair.password.clone());
    let ((known_file, known_password), (new_file, new_password)) = (of(known), of(new));
    let cards = [
        ("known", known.holder.as_str()),
        ("known_file", &known_file),
        ("known_password", &known_password),
        ("new", &new.holder),
        ("new_file", &new_file),
        ("new_password", &new_password),
        ("domain", first.own),
    ];
    let telephone = world.telephone();
    Ok([
        say("sign_in_psc", &[("page", &page), ("anchors", &anchors), ("new", &new.holder), ("telephone", &telephone)]),
        say("sign_in_card", &cards),
    ])
}

fn page(options: &Options, world: &World, pki: &Pki, provisioned: &[Provisioned], sign_in: &[String; 2]) -> String {
    let say = |key: &str, args: &[(&str, &str)]| text(options.lang, &format!("sandbox.{key}"), args);
    let mut lines = vec![String::new(), format!("  {}", say("title", &[])), String::new()];
    let heading = |lines: &mut Vec<String>, key: &str| lines.push(say(key, &[]));

    heading(&mut lines, "running");
    for (o, n) in world.every_node() {
        let port = |offset: u16| n.ports + offset;
        lines.push(format!(
            "  {:<10} {} — SMTP {}, submission {}/{}, IMAP {}/{}, REST {}",
            n.certificate,
            o.domain,
            port(MX),
            port(SUBMISSION),
            port(SUBMISSIONS),
            port(IMAP),
            port(IMAPS),
            port(HTTPS)
        ));
    }
    lines.push(format!("  {:<10} {} — {}", "ans", say("authority", &[]), world.white_list_url()));
    lines.push(format!("  {:<10} {} — {}", "psc", say("psc", &[]), world.psc_issuer()));
    let mx = format!("127.0.0.1:{}", world.outsider.port);
    let hint = say("outsider_hint", &[("mx", &mx)]);
    lines.push(format!("  {:<10} {} — {} ({hint})", world.outsider.name, world.outsider.domain, say("outsider", &[])));
    lines.push(format!("  {}", say("antivirus", &[])));
    lines.push(String::new());

    heading(&mut lines, "accounts");
    for Provisioned { accounts: per_operator, .. } in provisioned {
        let mut shown: Vec<&str> = Vec::new();
        for a in per_operator {
            if shown.contains(&a.address.as_str()) {
                continue;
            }
            shown.push(&a.address);
            let mark = if a.test { format!(" — {}", say("test_mark", &[])) } else { String::new() };
            lines.push(format!("  {:<44} {:<4} {}{mark}", a.address, a.kind, a.name));
        }
    }
    lines.push(String::new());

    heading(&mut lines, "sign_in");
    lines.extend(sign_in.iter().map(|line| format!("  {line}")));
    if !options.empty {
        let named: Vec<String> =
            crate::psc::people::parts().map(|(_, p)| format!("{} {}", p.given, p.family)).collect();
        if let [secretary, structure, region, support, auditor, administrator] = named.as_slice() {
            let who = [
                ("secretary", secretary.as_str()),
                ("structure", structure),
                ("region", region),
                ("support", support),
                ("auditor", auditor),
                ("administrator", administrator),
            ];
            lines.push(format!("  {}", say("sign_in_parts", &who)));
        }
    }
    lines.push(String::new());

    if let (Some(from), Some(to)) =
        (provisioned.first().and_then(|p| p.accounts.first()), provisioned.get(1).and_then(|p| p.accounts.first()))
    {
        let anchors = pki.anchors().display().to_string();
        let (a, b) = (&world.operators[0], &world.operators[1]);
        heading(&mut lines, "send");
        lines.extend(send_with_curl(a, from, to, &anchors));
        lines.push(format!("  {}", say("or", &[])));
        lines.extend(send_with_swaks(a, from, to, &anchors));
        lines.push(String::new());
        heading(&mut lines, "read");
        lines.push(format!(
            "  curl -s --cacert '{anchors}' --user '{}:{}' 'imaps://127.0.0.1:{}/INBOX;MAILINDEX=1'",
            to.login,
            to.token,
            b.ports + IMAPS
        ));
        lines.push(format!("  {}", say("or", &[])));
        lines.push(format!(
            "  mutt -n -F /dev/null -e 'set folder=\"imaps://{login}@127.0.0.1:{port}\" certificate_file=\"{anchors}\" \
             ssl_verify_host=no imap_pass=\"{token}\"' -f 'imaps://{login}@127.0.0.1:{port}/INBOX'",
            login = to.login,
            token = to.token,
            port = b.ports + IMAPS
        ));
        lines.push(String::new());
        heading(&mut lines, "administer");
        lines.push(format!(
            "  export PATH='{}':\"$PATH\" SCEAU_CONFIG='{}'",
            program_folder(options),
            a.config().display()
        ));
        let shared = provisioned[0].accounts.iter().find(|a| a.kind == "Org").unwrap_or(from);
        let login = from.login.split('*').next().unwrap_or_default();
        for (key, command) in [
            ("people", format!("person show {login}")),
            ("structures", "structure list".into()),
            ("hospital", format!("structure show {}", a.structure.code)),
            ("counts", format!("body statistics {}", a.structure.body.0)),
            ("publication", format!("person publication {login}")),
            ("register", "register".into()),
            ("service", format!("bal show {}", shared.address)),
            ("access", format!("access list {}", shared.address)),
            ("queue", "queue list".into()),
            ("traces", "trace list".into()),
        ] {
            lines.push(format!("  sceau {command:<52} # {}", say(&format!("tour.{key}"), &[])));
        }
        lines.push(format!(
            "  curl -s --cacert '{anchors}' -H 'Authorization: Bearer {}' https://127.0.0.1:{}/api/v1/me",
            provisioned[0].api_token,
            a.ports + HTTPS
        ));
        lines.push(String::new());
    }
    if let Some(file) = &options.ready {
        lines.push(say("contract", &[("file", &file.display().to_string())]));
    }
    lines.push(say("stop", &[("data", &options.data.display().to_string())]));
    lines.push(String::new());
    heading(&mut lines, "live_title");
    lines.push(String::new());
    lines.join("\n")
}

/// Where the program is, to be put into `PATH`.
fn program_folder(options: &Options) -> String {
    options.program.parent().map(|p| p.display().to_string()).unwrap_or_default()
}

fn send_with_curl(o: &OperatorSpec, from: &Account, to: &Account, anchors: &str) -> Vec<String> {
    let message = format!(
        "From: {}\\r\\nTo: {}\\r\\nSubject: Bonjour\\r\\n\\r\\nPremier message.\\r\\n",
        from.address, to.address
    );
    vec![
        format!("  printf '{message}' |"),
        format!(
            "    curl -sS --cacert '{anchors}' --user '{}:{}' --mail-from {} --mail-rcpt {} -T - smtps://127.0.0.1:{}",
            from.login,
            from.token,
            from.address,
            to.address,
            o.ports + SUBMISSIONS
        ),
    ]
}

fn send_with_swaks(o: &OperatorSpec, from: &Account, to: &Account, anchors: &str) -> Vec<String> {
    vec![
        format!(
            "  swaks --server 127.0.0.1:{} -tls --tls-verify --tls-ca-path '{anchors}' --auth PLAIN --auth-user '{}' --auth-password '{}' \\",
            o.ports + SUBMISSION,
            from.login,
            from.token
        ),
        format!(
            "    --from {} --to {} --header 'Subject: Bonjour' --body 'Premier message.'",
            from.address, to.address
        ),
    ]
}
