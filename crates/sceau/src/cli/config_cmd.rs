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
            for p in &problems {
                println!("- {}", if c.lang == sceau_domain::Lang::Fr { &p.fr } else { &p.en });
            }
            if problems.is_empty() {
                println!("{}", c.text("config.good", &[("path", &c.config.display().to_string())]));
                Ok(())
            } else {
                Err(Failure { sentence: c.text("config.problems", &[("count", &problems.len().to_string())]), exit: 2 })
            }
        }
        ConfigCommand::Show if c.json => {
            super::table::print_json(&serde_json::to_value(&config).unwrap_or_default());
            Ok(())
        }
        ConfigCommand::Show => {
            print!("{}", toml::to_string_pretty(&config).unwrap_or_default());
            Ok(())
        }
    }
}
