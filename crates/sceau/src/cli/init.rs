//! `sceau init`: a commented configuration and a master key, in a new folder.
use super::Context;
use crate::admin::client::Failure;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct InitArgs {
    #[arg(default_value = ".")]
    folder: PathBuf,
    #[arg(long)]
    hostname: Option<String>,
}

/// Writes `sceau.toml` and the master key; never overwrites.
pub fn run(c: &Context, args: &InitArgs) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display, p: &std::path::Path| Failure {
        sentence: c.text("cli.cannot_write", &[("path", &p.display().to_string()), ("error", &e.to_string())]),
        exit: 2,
    };
    let file = args.folder.join("sceau.toml");
    let keys = args.folder.join("keys");
    let key = keys.join("master.key");
    for p in [&file, &key] {
        if p.exists() {
            return Err(Failure {
                sentence: c.text("cli.init_exists", &[("path", &p.display().to_string())]),
                exit: 2,
            });
        }
    }
    std::fs::create_dir_all(&keys).map_err(|e| failed(&e, &keys))?;
    sceau_store::MasterKey::create_file(&key).map_err(|e| failed(&e, &key))?;
    let hostname = args.hostname.clone().unwrap_or_else(|| "mx.exemple.mssante.fr".into());
    let account = rustix::process::getuid().as_raw().to_string();
    let text =
        c.text("init.template", &[("hostname", &hostname), ("account", &account), ("section", "[[administrators]]")]);
    std::fs::write(&file, text).map_err(|e| failed(&e, &file))?;
    if c.json {
        super::table::print_json(&serde_json::json!({ "config": file, "master_key": key }));
    } else {
        let (file, key) = (file.display().to_string(), key.display().to_string());
        say!("{}", c.text("cli.init_done", &[("path", &file), ("key", &key)]));
    }
    Ok(())
}
