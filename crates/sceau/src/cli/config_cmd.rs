//! `sceau config`: check and show the configuration.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    Check,
    Show,
}

/// `sceau config`.
pub fn run(c: &Context, command: &ConfigCommand) -> Result<(), Failure> {
    let config = c.load()?;
    match command {
        ConfigCommand::Check => {
            let problems = crate::serve::problems(&config);
            if c.json {
                let list: Vec<_> = problems.iter().map(|p| serde_json::json!({ "fr": p.fr, "en": p.en })).collect();
                let good = problems.is_empty();
                super::table::print_json(&serde_json::json!({ "config": c.config, "good": good, "problems": list }));
            }
            for p in problems.iter().filter(|_| !c.json) {
                say!("- {}", if c.lang == sceau_domain::Lang::Fr { &p.fr } else { &p.en });
            }
            if problems.is_empty() {
                if !c.json {
                    say!("{}", c.text("config.good", &[("path", &c.config.display().to_string())]));
                    if config.antivirus.is_none() {
                        say!("{}", c.text("config.no_antivirus", &[]));
                    }
                    if config.openings.lacks_relay(config.notices.is_some()) {
                        say!("{}", c.text("config.no_notices", &[]));
                    }
                }
                Ok(())
            } else {
                Err(Failure { sentence: c.text("config.problems", &[("count", &problems.len().to_string())]), exit: 2 })
            }
        }
        ConfigCommand::Show if c.json => {
            super::table::print_json(&serde_json::to_value(config.shown()).unwrap_or_default());
            Ok(())
        }
        ConfigCommand::Show => {
            say!("{}", toml::to_string_pretty(&config.shown()).unwrap_or_default().trim_end());
            Ok(())
        }
    }
}
