//! Sets the operators up through the command line, as a person would: domain, hospital, regional body, people, BALs, tokens.
//! What was done is kept in `accounts.json` of each operator; a start that was cut short goes on where it stopped.
use crate::live::items;
use crate::world::{OperatorSpec, World};
use crate::{Options, SandboxError, io, write_private};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;

/// Name of the version of the terms of use.
const TERMS: &str = "sandbox-1";
/// The mailbox that a secretary shares with her service.
const SERVICE: &str = "service-cardiologie";

/// A login to a BAL, as the contract file lists it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// Address.
    pub address: String,
    /// Kind.
    pub kind: String,
    /// Name shown.
    pub name: String,
    /// Test BAL.
    pub test: bool,
    /// `person`, or `person*bal`.
    pub login: String,
    /// Device token.
    pub token: String,
}

/// What was set up at an operator.
#[derive(Debug, Clone)]
pub struct Provisioned {
    /// Logins to BALs.
    pub accounts: Vec<Account>,
    /// Token of its administrator for REST.
    pub api_token: String,
}

/// Accounts and administrator's token of every operator, in the world's order.
pub async fn provision(options: &Options, world: &World) -> Result<Vec<Provisioned>, SandboxError> {
    // Each at its own: what one waits for is not what the other does.
    let mut under_way = tokio::task::JoinSet::new();
    for (nth, o) in world.operators.iter().enumerate() {
        let (options, o) = (options.clone(), o.clone());
        under_way.spawn(async move {
            let made = Provisioned { accounts: one(&options, &o).await?, api_token: api_token(&options, &o).await? };
            Ok::<_, SandboxError>((nth, made))
        });
    }
    let mut all = Vec::new();
    while let Some(done) = under_way.join_next().await {
        all.push(done.map_err(|e| SandboxError::Command(e.to_string()))??);
    }
    all.sort_by_key(|(nth, _)| *nth);
    Ok(all.into_iter().map(|(_, made)| made).collect())
}

/// The administrator's token for REST, made at the first start.
async fn api_token(options: &Options, o: &OperatorSpec) -> Result<String, SandboxError> {
    let file = o.data.join("api-token");
    if file.exists() {
        return Ok(std::fs::read_to_string(&file).map_err(io(file.display().to_string()))?.trim().to_owned());
    }
    let token = cli(options, o, &["token", "create", "operateur", "--api", "--label", "sandbox"]).await?;
    let secret = token["secret"].as_str().unwrap_or_default();
    write_private(&file, format!("{secret}\n").as_bytes())?;
    Ok(secret.to_owned())
}

async fn one(options: &Options, o: &OperatorSpec) -> Result<Vec<Account>, SandboxError> {
    ground(options, o).await?;
    let file = o.data.join("accounts.json");
    if file.exists() {
        let bytes = std::fs::read(&file).map_err(io(file.display().to_string()))?;
        return serde_json::from_slice(&bytes).map_err(|e| SandboxError::Command(e.to_string()));
    }
    // Nobody's mail opens before the terms are accepted, by each person with a token of the person's own.
    create(options, o, &["terms", "publish", TERMS]).await?;
    structure(options, o).await?;
    for (login, name, rpps) in &o.people {
        person(options, o, login, name, *rpps).await?;
        let token = cli(options, o, &["token", "create", login, "--label", "sandbox"]).await?;
        let secret = token["secret"].as_str().unwrap_or_default();
        cli_with(options, o, &["terms", "accept", login], secret.as_bytes()).await?;
    }
    let mut accounts = Vec::new();
    for b in &o.bals {
        let address = format!("{}@{}", b.local, o.domain);
        let mut args = vec!["bal", "add", &address, "--kind", b.kind, "--name", b.name, "--holder", b.holder];
        for m in b.members {
            args.extend(["--member", m]);
        }
        if b.test {
            args.push("--test");
        }
        // What several people or machines share belongs to the hospital; the operator's own mailbox does not.
        if b.kind != "Per" && b.holder != "operateur" {
            args.extend(["--structure", o.structure.code]);
        }
        match cli(options, o, &args).await {
            Err(SandboxError::Command(text)) if text.contains("[admin.exists]") => {}
            opened => {
                let opened = opened?;
                if opened["state"] != "opened" {
                    return Err(SandboxError::Command(format!("bal add {address}: {}", opened["waits_for"])));
                }
            }
        }
        for login in std::iter::once(&b.holder).chain(b.members) {
            let shared = b.kind != "Per";
            let label = format!("sandbox {address}");
            let token = cli(options, o, &["token", "create", login, "--bal", &address, "--label", &label]).await?;
            accounts.push(Account {
                address: address.clone(),
                kind: b.kind.into(),
                name: b.name.into(),
                test: b.test,
                login: if shared { format!("{login}*{address}") } else { (*login).to_owned() },
                token: token["secret"].as_str().unwrap_or_default().into(),
            });
        }
    }
    write_private(&file, &serde_json::to_vec_pretty(&accounts).unwrap_or_default())?;
    Ok(accounts)
}

/// What whoever is new here needs: the register that knows him, and a domain of no structure. The folder of an earlier sandbox may have neither.
async fn ground(options: &Options, o: &OperatorSpec) -> Result<(), SandboxError> {
    // Who gives no answer has none of it: what is there already is not added again.
    let has = |all: &Value, name: &str| all.as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name));
    let tables = items(o, "/api/v1/reference").await.unwrap_or_default();
    if !has(&tables, "rpps") {
        let register = crate::rpps::file(&options.data).display().to_string();
        cli(options, o, &["reference", "import", "rpps", &register, "--source", "bac à sable"]).await?;
    }
    let domains = items(o, "/api/v1/domains").await.unwrap_or_default();
    for domain in o.domains().into_iter().filter(|&domain| !has(&domains, domain)) {
        create(options, o, &["domain", "add", domain]).await?;
    }
    Ok(())
}

/// The hospital with its convention and its regional body, and who speaks for them.
async fn structure(options: &Options, o: &OperatorSpec) -> Result<(), SandboxError> {
    let s = &o.structure;
    let (body, body_name) = s.body;
    create(options, o, &["body", "add", body, "--name", body_name]).await?;
    let contact = names(s.administrator.1).2;
    let add = [
        &["structure", "add", s.code, "--name", s.name, "--finess-ej", s.finess.0, "--finess-eg", s.finess.1][..],
        &["--line", "1 rue de l'Exemple", "--postcode", s.town.0, "--town", s.town.1],
        &["--contact-name", contact, "--contact-function", "Référent métier", "--contact-phone", "+33199001234"],
    ];
    create(options, o, &add.concat()).await?;
    let convention = ["--state", "signed", "--reference", "BAC-A-SABLE-1", "--from", "2026-01-01"];
    cli(options, o, &[&["structure", "convention", s.code][..], &convention].concat()).await?;
    cli(options, o, &["structure", "domain", s.code, "--add", o.domain]).await?;
    cli(options, o, &["structure", "settle", s.code, "--body", body, "--opening", "delegated"]).await?;
    let why = ["--function", "Administration", "--reason", "bac à sable"];
    for ((login, name), role, place) in
        [(s.administrator, "structure", ["--structure", s.code]), (s.agent, "region", ["--body", body])]
    {
        let (given, family, _) = names(name);
        let mut add = vec!["person", "add", login, "--name", name, "--given-name", given, "--family-name", family];
        if role == "structure" {
            add.extend(["--structure", s.code, "--function", "Administration"]);
        }
        create(options, o, &add).await?;
        create(options, o, &[&["role", "grant", login, role][..], &place, &why].concat()).await?;
    }
    Ok(())
}

/// Enters whoever plays a part at the first operator, with what makes them what they are: those who use the console, and a secretary of its service.
pub async fn parts(options: &Options, o: &OperatorSpec) -> Result<(), SandboxError> {
    for (login, p) in crate::psc::people::parts() {
        let names = ["--given-name", &p.given, "--family-name", &p.family, "--national-id", &p.rpps, "--habilitated"];
        create(options, o, &[&["person", "add", login][..], &names].concat()).await?;
        cli(options, o, &["person", "certify", login]).await?;
        let token = cli(options, o, &["token", "create", login, "--label", "sandbox"]).await?;
        let secret = token["secret"].as_str().unwrap_or_default();
        cli_with(options, o, &["terms", "accept", login], secret.as_bytes()).await?;
        let place = match login {
            "role.secretaire" => {
                let service = format!("{SERVICE}@{}", o.domain);
                create(options, o, &["access", "give", &service, login]).await?;
                continue;
            }
            "role.structure" => vec!["structure", "--structure", o.structure.code],
            "role.region" => vec!["region", "--body", o.structure.body.0],
            "role.support" => vec!["support"],
            "role.auditeur" => vec!["auditor"],
            _ => vec!["administrator"],
        };
        let why = ["--function", "Exploitation", "--reason", "bac à sable"];
        create(options, o, &[&["role", "grant", login][..], &place, &why].concat()).await?;
    }
    Ok(())
}

/// First name, family name and both of "Dr Marie MARTIN, occupation".
pub(crate) fn names(name: &str) -> (&str, &str, &str) {
    let plain = name.split(',').next().unwrap_or_default().trim_start_matches("Dr ").trim();
    let (given, family) = plain.split_once(' ').unwrap_or((plain, plain));
    (given, family, plain)
}

/// A person whose identity is certified: with a national identifier, or exempted from it for a year.
async fn person(
    options: &Options,
    o: &OperatorSpec,
    login: &str,
    name: &str,
    rpps: Option<&str>,
) -> Result<(), SandboxError> {
    let (given, family, _) = names(name);
    let until = (time::OffsetDateTime::now_utc() + time::Duration::days(365)).date().to_string();
    let mut args = vec!["person", "add", login, "--name", name, "--given-name", given, "--family-name", family];
    args.push("--habilitated");
    if let Some((_, function)) = o.structure.members.iter().find(|m| m.0 == login) {
        args.extend(["--structure", o.structure.code, "--function", function]);
    }
    match rpps {
        Some(rpps) => args.extend(["--national-id", rpps]),
        None => args.extend([
            "--exempt",
            "BAC-A-SABLE-1",
            "--reason",
            "aucune autorité d'enregistrement",
            "--until",
            &until,
        ]),
    }
    create(options, o, &args).await?;
    cli(options, o, &["person", "certify", login]).await.map(drop)
}

/// Creates something; that it exists already (an earlier start was cut short) is fine.
async fn create(options: &Options, o: &OperatorSpec, args: &[&str]) -> Result<(), SandboxError> {
    match cli(options, o, args).await {
        Err(SandboxError::Command(text)) if text.contains("[admin.exists]") => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Runs a subcommand with `--json`.
async fn cli(options: &Options, o: &OperatorSpec, args: &[&str]) -> Result<Value, SandboxError> {
    cli_with(options, o, args, b"").await
}

/// Likewise, with something on the standard input.
async fn cli_with(options: &Options, o: &OperatorSpec, args: &[&str], input: &[u8]) -> Result<Value, SandboxError> {
    let mut child = tokio::process::Command::new(&options.program)
        .arg("--config")
        .arg(o.config())
        .args(["--json", "--lang", options.lang.as_str()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(io("sceau"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that reads nothing may have ended.
        let _ = stdin.write_all(input).await;
    }
    let done = child.wait_with_output().await.map_err(io("sceau"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(SandboxError::Command(format!("sceau {}: {}", args.join(" "), said.trim())));
    }
    serde_json::from_slice(&done.stdout).map_err(|e| SandboxError::Command(e.to_string()))
}
