//! Settings for a structure's server, ready to be used (F054): a script for Postfix or Exchange, and a page that says what to do, in both languages.
//!
//! Promises: every value is quoted for the language of its file, so that no name can add a command; nothing in a file is secret.
mod quote;

use super::admin::known;
use super::views::{AuthorityView, SettingsFile};
use crate::boxed;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use base64::Engine;
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, UseCase};
use sceau_store::{Tx, connectors as rows, structures};

const POSTFIX: &str = include_str!("postfix.sh");
const EXCHANGE: &str = include_str!("exchange.ps1");

/// For which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// Postfix 3.
    Postfix,
    /// Exchange 2016 and later.
    Exchange,
}

/// What the files are written from.
#[derive(Debug, Clone)]
pub(super) struct Values {
    /// Name of the connector.
    pub name: String,
    /// Name of the structure, as people wrote it.
    pub structure: String,
    /// Name of the operator.
    pub operator: String,
    /// Where its server reaches us.
    pub host: String,
    /// Our port.
    pub port: u16,
    /// Its domains; there is one at least while the connector is not ended.
    pub domains: Vec<String>,
    /// Its own port; none: it only sends.
    pub listen: Option<u16>,
    /// Name in its certificate.
    pub tls_name: String,
    /// Our authority, PEM.
    pub authority: String,
    /// Its list, which revokes nothing, DER; empty for a server that asks for none.
    pub list: Vec<u8>,
    /// Addresses that we connect from.
    pub addresses: Vec<String>,
}

impl Operator {
    /// Settings of a connector for a server. `admin.not_found`, `right.missing`, `connector.no_authority`.
    #[boxed]
    pub async fn connector_settings(
        &self,
        actor: &Actor,
        name: &str,
        server: Server,
    ) -> Result<Vec<SettingsFile>, Refusal> {
        let (asker, wanted) = (actor.clone(), name.to_ascii_lowercase());
        let found = self.0.store.read(move |tx: &mut dyn Tx| {
            let connector = known(tx, &asker, UseCase::ConnectorList, &wanted)?;
            let domains = rows::domains(tx, &[connector.id])?.into_iter().map(|(_, d)| d).collect::<Vec<_>>();
            let structure = structures::by_id(tx, connector.structure_id)?.map(|s| s.name).unwrap_or_default();
            Ok::<_, Fail>((connector, domains, structure))
        });
        let (connector, domains, structure) = found.await?;
        let AuthorityView { host, operator: authority, .. } = self.authorities().await?;
        let list = match server {
            Server::Postfix => Vec::new(),
            Server::Exchange => self.empty_list().await?,
        };
        let config = &self.0.config;
        let values = Values {
            tls_name: connector.tls_name.or_else(|| connector.host.clone()).unwrap_or_else(|| connector.name.clone()),
            listen: connector.host.and(connector.port).and_then(|p| u16::try_from(p).ok()),
            name: connector.name,
            structure,
            operator: config.name.clone(),
            host,
            port: config.connectors.port,
            domains,
            authority,
            list,
            addresses: config.connectors.addresses.clone(),
        };
        Ok(files(&values, server))
    }
}

/// The files of a connector.
pub(super) fn files(v: &Values, server: Server) -> Vec<SettingsFile> {
    let (script, written) = match server {
        Server::Postfix => {
            let script = format!("sceau-{}-postfix.sh", v.name);
            let written = postfix(v, &script);
            (script, written)
        }
        Server::Exchange => {
            let script = format!("sceau-{}-exchange.ps1", v.name);
            // Windows PowerShell reads a file without a mark as Windows-1252.
            let written = format!("\u{feff}{}", exchange(v, &script)).replace('\n', "\r\n");
            (script, written)
        }
    };
    let guide = |lang: Lang, name: &str| SettingsFile { name: name.into(), content: guide(v, server, &script, lang) };
    vec![
        SettingsFile { name: script.clone(), content: written },
        SettingsFile { name: format!("sceau-{}-operateur.pem", v.name), content: v.authority.clone() },
        guide(Lang::Fr, "LISEZMOI.md"),
        guide(Lang::En, "README.md"),
    ]
}

fn first(v: &Values) -> &str {
    v.domains.first().map_or("", String::as_str)
}

fn postfix(v: &Values, script: &str) -> String {
    let listen = v.listen.map(|p| p.to_string()).unwrap_or_default();
    quote::fill(
        POSTFIX,
        &[
            ("NAME_COMMENT", quote::comment(&v.name)),
            ("SCRIPT", quote::comment(script)),
            ("NAME", quote::shell(&v.name)),
            ("HOST", quote::shell(&v.host)),
            ("PORT", v.port.to_string()),
            ("DOMAINS", quote::shell(&v.domains.join(" "))),
            ("POSTMASTER", quote::shell(&format!("postmaster@{}", first(v)))),
            ("LISTEN", listen),
            ("CA", quote::pem(&v.authority)),
        ],
    )
}

fn exchange(v: &Values, script: &str) -> String {
    let list = |values: &[String]| values.iter().map(|d| quote::powershell(d)).collect::<Vec<_>>().join(", ");
    quote::fill(
        EXCHANGE,
        &[
            ("NAME_COMMENT", quote::comment(&v.name)),
            ("SCRIPT", quote::comment(script)),
            ("NAME", quote::powershell(&v.name)),
            ("HOST", quote::powershell(&v.host)),
            ("PORT", v.port.to_string()),
            ("DOMAINS", list(&v.domains)),
            ("POSTMASTER", quote::powershell(&format!("postmaster@{}", first(v)))),
            ("LISTEN", v.listen.unwrap_or(0).to_string()),
            ("ADDRESSES", list(&v.addresses)),
            ("CA", quote::powershell(&quote::pem(&v.authority))),
            ("CRL", quote::powershell(&base64::engine::general_purpose::STANDARD.encode(&v.list))),
        ],
    )
}

fn guide(v: &Values, server: Server, script: &str, lang: Lang) -> String {
    let key = match server {
        Server::Postfix => "connector.guide.postfix",
        Server::Exchange => "connector.guide.exchange",
    };
    let markdown = |value: &str| quote::markdown(value);
    let (domains, listen) = (v.domains.join(", "), v.listen.unwrap_or(0).to_string());
    let inbound = if v.listen.is_some() { "connector.guide.inbound" } else { "connector.guide.send_only" };
    let addresses = if v.addresses.is_empty() { "?".to_owned() } else { v.addresses.join(", ") };
    let port = v.port.to_string();
    let inbound = text(lang, inbound, &[("listen", listen.as_str()), ("addresses", &markdown(&addresses))]);
    let values = [
        ("name", markdown(&v.name)),
        ("structure", markdown(&v.structure)),
        ("operator", markdown(&v.operator)),
        ("host", markdown(&v.host)),
        ("port", port),
        ("domains", markdown(&domains)),
        ("domain", markdown(first(v))),
        ("tls_name", markdown(&v.tls_name)),
        ("script", markdown(script)),
        ("inbound", inbound),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
    text(lang, key, &values) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn values() -> Values {
        Values {
            name: "chu".into(),
            structure: "CHU de l'Exemple".into(),
            operator: "Opérateur".into(),
            host: "connecteurs.exemple.mssante.fr".into(),
            port: 2526,
            domains: vec!["chu.mssante.fr".into(), "labo-chu.mssante.fr".into()],
            listen: Some(2525),
            tls_name: "mail.chu.example".into(),
            authority: "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n".into(),
            list: vec![0xff; 40],
            addresses: vec!["192.0.2.10".into()],
        }
    }

    fn tokens(text: &str) -> bool {
        text.split('@').any(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
    }

    /// What nobody can write into these fields, written all the same: it stays a value in every file.
    #[test]
    fn no_value_can_add_a_command() {
        let folder = tempfile::tempdir().unwrap();
        let canary = folder.path().join("canary");
        let evil = format!(
            "a'; touch {0}; echo '$(touch {0})`touch {0}`\"\u{2019}; New-Item {0}\nSCEAU_END\ntouch {0}\n@HOST@",
            canary.display()
        );
        let v = Values {
            name: evil.clone(),
            structure: evil.clone(),
            operator: evil.clone(),
            host: evil.clone(),
            domains: vec![evil.clone()],
            tls_name: evil.clone(),
            authority: format!("-----BEGIN CERTIFICATE-----\nTUlJ\n{evil}\n-----END CERTIFICATE-----\n"),
            addresses: vec![evil.clone()],
            ..values()
        };
        let script = files(&v, Server::Postfix).remove(0).content;
        // The assignments are run, and what the shell then has is looked at.
        let head: Vec<&str> = script.lines().skip_while(|l| !l.starts_with("name=")).collect();
        let head = head.join("\n");
        let head = head.split("listen=").next().unwrap();
        let ran = Command::new("sh").arg("-c").arg(format!("{head}\nprintf '%s' \"$host\"")).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(shown.contains("$(touch") && shown.contains("@HOST@") && !shown.contains('\n'), "{shown}");
        // The whole script, told to do nothing: it says how it is used, and does nothing else.
        let file = folder.path().join("script.sh");
        std::fs::write(&file, &script).unwrap();
        let ran = Command::new("sh").arg(&file).output().unwrap();
        assert_eq!(ran.status.code(), Some(64), "{}", String::from_utf8_lossy(&ran.stderr));
        assert!(!canary.exists());
        // Only base64 stands in the certificate's block.
        let block = script.split("SCEAU_END'\n").nth(1).unwrap().split("SCEAU_END").next().unwrap();
        assert_eq!(block, "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n");

        let script = files(&v, Server::Exchange).remove(0).content;
        let line = script.lines().find(|l| l.starts_with("$operatorHost")).unwrap();
        let literal = line.strip_prefix("$operatorHost = '").unwrap().strip_suffix('\'').unwrap();
        // Every quote of PowerShell's five is doubled: the literal ends where the line does.
        for q in ['\'', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}'] {
            let doubled = format!("{q}{q}");
            assert!(!literal.replace(&doubled, "").contains(q), "{literal}");
        }
        assert!(!script.lines().any(|l| l.trim_start().starts_with("touch")), "{script}");
        let comment = script.split("#>").next().unwrap();
        assert!(comment.contains("<#") && !comment.contains("New-Item ; ") && script.matches("<#").count() == 1);
    }

    #[test]
    fn every_token_is_filled_and_the_shell_reads_it() {
        for server in [Server::Postfix, Server::Exchange] {
            let files = files(&values(), server);
            assert_eq!(files.len(), 4);
            for file in &files {
                assert!(!tokens(&file.content), "{}", file.content);
                assert!(
                    !file.content.contains("{host}") && !file.content.contains("connector.guide"),
                    "{}",
                    file.content
                );
            }
            let guide = &files[2].content;
            assert!(guide.contains("connecteurs.exemple.mssante.fr") && guide.contains("CHU de l'Exemple"), "{guide}");
        }
        // What an organisation has beside this connector stays as it is.
        let script = &files(&values(), Server::Exchange)[0].content;
        let enabling = script.lines().find(|l| l.trim_start().starts_with("Enable-ExchangeCertificate")).unwrap();
        assert!(!enabling.contains("-Force"), "the certificate between its own servers is not replaced unasked");
        let postmaster = script.split("Set-TransportConfig").next().unwrap().lines().rev().nth(1).unwrap();
        assert!(postmaster.starts_with("if ($SetPostmaster -or $own.Count -eq 0)"), "{postmaster}");
        assert!(script.contains(&format!("$list = '{}'", "/".repeat(53) + "w==")), "{script}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script.sh");
        std::fs::write(&file, &files(&values(), Server::Postfix)[0].content).unwrap();
        let checked = Command::new("sh").arg("-n").arg(&file).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let only_sends = Values { listen: None, ..values() };
        assert!(files(&only_sends, Server::Postfix)[0].content.contains("listen=${SCEAU_LISTEN:-}"));
        assert!(files(&only_sends, Server::Exchange)[0].content.contains("$listenPort = 0"));
    }
}
