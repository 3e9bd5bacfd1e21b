//! The command line: one file a family of subcommands; every text comes from the locale files.
/// `println!` as [`out`] understands it.
macro_rules! say {
    () => { crate::cli::out::line("") };
    ($($what:tt)*) => { crate::cli::out::line(&format!($($what)*)) };
}

mod abuse;
mod access;
mod accounts;
mod alarms;
mod antivirus;
mod backup;
mod bal_certificates;
mod bal_door;
mod bal_use;
mod bals;
mod body;
mod calendar;
mod certificates;
mod completion;
mod config_cmd;
mod confirm;
mod connectors;
mod device_authority;
mod disclosures;
mod domain_dns;
mod domain_moves;
mod eligibility;
mod evidence;
mod export;
mod extract;
mod factors;
mod file;
mod fsck;
mod holds;
mod import_mail;
mod imports;
mod init;
pub(crate) mod keys;
mod life;
mod localize;
mod meter;
mod node;
mod notices;
mod oauth;
mod openings;
pub(crate) mod out;
mod peers;
mod person;
mod policies;
mod queue;
mod reference;
mod register;
mod reindex;
mod reports;
mod restore;
mod retention;
mod roles;
mod sandbox;
mod sessions;
mod sso;
mod store;
mod structure;
mod table;
mod terms;
mod time;
mod tokens;
mod traces;
mod trust;
mod usage;
mod verify;
mod white_list;
mod width;
mod words;

pub(crate) use crate::context::Context;
pub(crate) use table::changes;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use sceau_domain::Lang;
use std::path::PathBuf;
use std::process::ExitCode;

/// Command line of `sceau` (texts: locale keys `cli.*`).
#[derive(Debug, Parser)]
#[command(
    name = "sceau",
    version,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
struct Cli {
    /// Configuration file; else the variable `SCEAU_CONFIG`, else `sceau.toml` here.
    #[arg(long = "config", global = true, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Output as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Language of the output.
    #[arg(long, global = true, value_parser = ["fr", "en"])]
    lang: Option<String>,
    /// Help.
    #[arg(short, long, global = true, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Version.
    #[arg(short = 'V', long, action = clap::ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    #[arg(long)]
    stop_with_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(ServeArgs),
    Sandbox(sandbox::SandboxArgs),
    /// For the server itself only.
    #[command(hide = true)]
    Extract,
    Init(init::InitArgs),
    #[command(subcommand)]
    Config(config_cmd::ConfigCommand),
    #[command(subcommand)]
    Domain(accounts::DomainCommand),
    #[command(subcommand)]
    Structure(structure::StructureCommand),
    #[command(subcommand)]
    Connector(connectors::ConnectorCommand),
    #[command(subcommand)]
    DeviceAuthority(device_authority::DeviceAuthorityCommand),
    #[command(subcommand)]
    Body(body::BodyCommand),
    #[command(subcommand)]
    Person(person::PersonCommand),
    #[command(subcommand)]
    Bal(bals::BalCommand),
    #[command(subcommand)]
    Factor(factors::FactorCommand),
    #[command(subcommand)]
    Recovery(factors::RecoveryCommand),
    #[command(subcommand)]
    Session(sessions::SessionCommand),
    #[command(subcommand)]
    Hold(holds::HoldCommand),
    #[command(subcommand)]
    Retention(retention::RetentionCommand),
    #[command(subcommand)]
    Calendar(calendar::CalendarCommand),
    #[command(subcommand)]
    Eligibility(eligibility::EligibilityCommand),
    #[command(subcommand)]
    Opening(openings::OpeningCommand),
    #[command(subcommand)]
    Access(access::AccessCommand),
    #[command(subcommand)]
    Delegation(access::DelegationCommand),
    #[command(subcommand)]
    Token(tokens::TokenCommand),
    #[command(subcommand)]
    Oauth(oauth::OauthCommand),
    #[command(subcommand)]
    Sso(sso::SsoCommand),
    #[command(subcommand)]
    Identity(sso::IdentityCommand),
    #[command(subcommand)]
    Terms(terms::TermsCommand),
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    #[command(subcommand)]
    Trace(traces::TraceCommand),
    #[command(subcommand)]
    Evidence(evidence::EvidenceCommand),
    #[command(subcommand)]
    Alarm(alarms::AlarmCommand),
    #[command(subcommand)]
    Policy(policies::PolicyCommand),
    #[command(subcommand)]
    Report(reports::ReportCommand),
    #[command(subcommand)]
    Announcement(reports::AnnouncementCommand),
    Maintenance(notices::MaintenanceArgs),
    Register,
    #[command(subcommand)]
    Reference(reference::ReferenceCommand),
    #[command(subcommand)]
    Import(imports::ImportCommand),
    #[command(subcommand)]
    Export(export::ExportCommand),
    #[command(subcommand)]
    Node(node::NodeCommand),
    #[command(subcommand)]
    Antivirus(antivirus::AntivirusCommand),
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    #[command(subcommand)]
    Certificates(certificates::CertificatesCommand),
    Peers(peers::PeersArgs),
    #[command(subcommand)]
    Abuse(abuse::AbuseCommand),
    #[command(subcommand)]
    Role(roles::RoleCommand),
    #[command(subcommand)]
    Disclosure(disclosures::DisclosureCommand),
    Reindex(reindex::ReindexArgs),
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Fsck(fsck::FsckArgs),
    #[command(subcommand)]
    Store(store::StoreCommand),
    Completion(completion::CompletionArgs),
}

/// How subcommands show what the server answered.
impl Context {
    /// Prints a listing: as JSON, or as a table of these columns (JSON field, header's locale key).
    pub fn show_list(&self, value: &serde_json::Value, columns: &[(&str, &str)]) {
        if self.json {
            table::print_json(value);
        } else {
            table::print_table(self, value, columns);
        }
    }
    /// Prints one object: as JSON, or as `field: value` lines.
    pub fn show_one(&self, value: &serde_json::Value, columns: &[(&str, &str)]) {
        if self.json {
            table::print_json(value);
        } else {
            table::print_record(self, value, columns);
        }
    }
}

/// The user's language: `--lang`, else LC_ALL, LC_MESSAGES, LANG; French when none says English.
fn language(arguments: &[std::ffi::OsString]) -> Lang {
    let explicit = arguments.iter().enumerate().find_map(|(i, a)| {
        let a = a.to_str()?;
        if a == "--lang" {
            arguments.get(i + 1)?.to_str().map(str::to_owned)
        } else {
            a.strip_prefix("--lang=").map(str::to_owned)
        }
    });
    let environment =
        || ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|k| std::env::var(k).ok().filter(|v| !v.is_empty()));
    explicit.or_else(environment).and_then(|v| v.parse().ok()).unwrap_or_default()
}

/// Runs the command line; the exit code: 0 done, 1 refused, 2 usage or configuration, 3 no server.
pub fn run() -> ExitCode {
    crate::secrecy::keep();
    let arguments: Vec<_> = std::env::args_os().collect();
    let lang = language(&arguments);
    let command = localize::localize(Cli::command(), lang);
    let matches = match command.try_get_matches_from(&arguments) {
        Ok(m) => m,
        Err(e) => {
            // Help and version go to stdout with 0, usage errors to stderr with 2; a closed pipe is nobody's fault.
            match usage::sentence(&e, lang) {
                Some(sentence) => out::complain(&sentence),
                None => drop(e.print()),
            }
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(c) => c,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(2);
        }
    };
    let file = cli.config_file.or_else(|| std::env::var_os("SCEAU_CONFIG").map(PathBuf::from));
    let context = Context::new(lang, cli.json, file.unwrap_or_else(|| "sceau.toml".into()));
    let result = match cli.command {
        Command::Serve(args) => crate::serve::run(&context, args.stop_with_stdin),
        Command::Sandbox(args) => sandbox::run(&context, args),
        Command::Extract => extract::run(),
        Command::Init(args) => init::run(&context, &args),
        Command::Config(c) => config_cmd::run(&context, &c),
        Command::Domain(c) => accounts::domain(&context, c),
        Command::Structure(c) => structure::run(&context, c),
        Command::Connector(c) => connectors::run(&context, c),
        Command::DeviceAuthority(c) => device_authority::run(&context, c),
        Command::Body(c) => body::run(&context, c),
        Command::Person(c) => person::run(&context, c),
        Command::Bal(c) => bals::run(&context, c),
        Command::Factor(c) => factors::run(&context, c),
        Command::Recovery(c) => factors::recovery(&context, c),
        Command::Session(c) => sessions::run(&context, c),
        Command::Hold(c) => holds::run(&context, c),
        Command::Retention(c) => retention::run(&context, c),
        Command::Calendar(c) => calendar::run(&context, c),
        Command::Eligibility(c) => eligibility::run(&context, c),
        Command::Opening(c) => openings::run(&context, c),
        Command::Access(c) => access::run(&context, c),
        Command::Delegation(c) => access::delegation(&context, c),
        Command::Token(c) => tokens::run(&context, c),
        Command::Oauth(c) => oauth::run(&context, c),
        Command::Sso(c) => sso::run(&context, c),
        Command::Identity(c) => sso::identity(&context, c),
        Command::Terms(c) => terms::run(&context, c),
        Command::Queue(c) => queue::run(&context, c),
        Command::Trace(c) => traces::run(&context, c),
        Command::Evidence(c) => evidence::run(&context, c),
        Command::Alarm(c) => alarms::run(&context, c),
        Command::Policy(c) => policies::run(&context, c),
        Command::Report(c) => reports::run(&context, c),
        Command::Announcement(c) => reports::announcement(&context, c),
        Command::Maintenance(m) => notices::maintenance(&context, &m),
        Command::Register => register::run(&context),
        Command::Reference(c) => reference::run(&context, c),
        Command::Import(c) => imports::run(&context, c),
        Command::Export(c) => export::run(&context, c),
        Command::Node(c) => node::run(&context, c),
        Command::Antivirus(c) => antivirus::run(&context, c),
        Command::Trust(c) => trust::run(&context, c),
        Command::Certificates(c) => certificates::run(&context, c),
        Command::Peers(args) => peers::run(&context, &args),
        Command::Abuse(command) => abuse::run(&context, command),
        Command::Role(c) => roles::run(&context, c),
        Command::Disclosure(c) => disclosures::run(&context, c),
        Command::Reindex(args) => reindex::run(&context, args),
        Command::Keys(c) => keys::run(&context, c),
        Command::Backup(args) => backup::run(&context, args),
        Command::Restore(args) => restore::run(&context, args),
        Command::Fsck(args) => fsck::run(&context, &args),
        Command::Store(c) => store::run(&context, c),
        Command::Completion(args) => completion::run(&context, &args),
    };
    match result.and_then(|()| out::end(&context)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(f) => {
            out::complain(&f.sentence);
            ExitCode::from(f.exit)
        }
    }
}
