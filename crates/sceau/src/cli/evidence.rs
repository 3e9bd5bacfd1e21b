//! `sceau evidence verify`: a bundle, offline: needs no server, no configuration and no store. Says what was verified and what was not.
use super::Context;
use super::verify::unreadable;
use crate::admin::client::Failure;
use clap::Subcommand;
use sceau_notary::bundle::LONGEST;
use sceau_notary::{Bundle, Checkpoint, PublicKey};
use sceau_operator::notary::lines;
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    Verify {
        bundle: PathBuf,
        #[arg(long, value_name = "FILE", conflicts_with = "fingerprint")]
        key: Option<PathBuf>,
        #[arg(long, value_name = "HEX")]
        fingerprint: Option<String>,
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
}

/// What a copy of the checkpoints says of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outside {
    /// No copy was given.
    NotAsked,
    /// The bundle's checkpoint is in it.
    Confirmed,
    /// The older checkpoint that the bundle leads back to is in it.
    LedBack,
    /// It says nothing of either.
    Silent,
    /// It holds another root of the same size: the operator shows different histories.
    Differs,
}

impl Outside {
    fn code(self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Confirmed => "confirmed",
            Self::LedBack => "led_back",
            Self::Silent => "silent",
            Self::Differs => "differs",
        }
    }
}

/// `sceau evidence`.
pub fn run(c: &Context, command: EvidenceCommand) -> Result<(), Failure> {
    let EvidenceCommand::Verify { bundle, key, fingerprint, checkpoint } = command;
    let bytes = read(c, &bundle, LONGEST as u64)?;
    let refused = |code: &str| Failure { sentence: c.text(&format!("evidence.{code}"), &[]), exit: 1 };
    let bundle = Bundle::parse(&bytes).map_err(|e| refused(e.code()))?;
    let pinned = match &key {
        Some(path) => {
            // The first, when there are several.
            known_keys(c, path)?.first().copied()
        }
        None => None,
    };
    let stated = bundle.key.fingerprint();
    let known = fingerprint.as_deref().map(|f| f.replace(':', "").to_ascii_lowercase());
    if pinned.is_some_and(|k| k != bundle.key) || known.as_ref().is_some_and(|f| *f != stated) {
        return Err(refused("key"));
    }
    bundle.verify(&pinned.unwrap_or(bundle.key)).map_err(|e| refused(e.code()))?;
    let is_pinned = pinned.is_some() || known.is_some();
    let outside = match &checkpoint {
        Some(path) => compare(c, &bundle, path)?,
        None => Outside::NotAsked,
    };
    if outside == Outside::Differs {
        return Err(refused("differs"));
    }
    tell(c, &bundle, is_pinned, outside);
    Ok(())
}

/// The public keys in a file (PEM): one at least.
pub(super) fn known_keys(c: &Context, path: &Path) -> Result<Vec<PublicKey>, Failure> {
    let text = String::from_utf8(read(c, path, 64 << 10)?).unwrap_or_default();
    let path = path.display().to_string();
    let no_key = || Failure { sentence: c.text("evidence.no_key", &[("path", &path)]), exit: 2 };
    PublicKey::all_from_pem(&text).ok_or_else(no_key)
}

fn read(c: &Context, path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // One byte more than is read: what is too long is refused by its form.
    File::open(path).and_then(|f| f.take(limit + 1).read_to_end(&mut bytes)).map_err(|e| unreadable(c, path, &e))?;
    Ok(bytes)
}

fn compare(c: &Context, bundle: &Bundle, path: &Path) -> Result<Outside, Failure> {
    let (mut confirmed, mut led_back) = (false, false);
    let same = |known: &Checkpoint, ours: &Checkpoint| known.size == ours.size && known.root == ours.root;
    for line in lines(path).map_err(|e| unreadable(c, path, &e))? {
        let Some(known) = Checkpoint::from_line(&line.text) else { continue };
        confirmed |= same(&known, &bundle.checkpoint);
        led_back |= bundle.since.as_ref().is_some_and(|s| same(&known, &s.checkpoint));
        if known.size == bundle.checkpoint.size
            && known.root != bundle.checkpoint.root
            && known.signed_by(&[bundle.key])
        {
            return Ok(Outside::Differs);
        }
    }
    Ok(match (confirmed, led_back) {
        (true, _) => Outside::Confirmed,
        (false, true) => Outside::LedBack,
        (false, false) => Outside::Silent,
    })
}

fn tell(c: &Context, bundle: &Bundle, pinned: bool, outside: Outside) {
    let (t, cp) = (&bundle.trace, &bundle.checkpoint);
    let fingerprint = bundle.key.fingerprint();
    if c.json {
        super::table::print_json(&json!({
            "good": true,
            "trace": t,
            "leaf": bundle.leaf.number,
            "operator": cp.origin,
            "size": cp.size,
            "root": hex::encode(cp.root),
            "at": cp.at,
            "fingerprint": fingerprint,
            "key": if pinned { "pinned" } else { "stated" },
            "outside": outside.code(),
        }));
        return;
    }
    let facts = [
        ("trace", t.id.to_string()),
        ("act", t.act.clone()),
        ("at", super::time::universal(t.at)),
        ("actor", t.actor.clone()),
        ("bal", t.bal.clone().unwrap_or_else(|| "-".into())),
        ("outcome", t.outcome.clone()),
        ("data", t.data.clone()),
        ("leaf", bundle.leaf.number.to_string()),
        ("size", cp.size.to_string()),
        ("until", super::time::universal(cp.at)),
        ("operator", cp.origin.clone()),
        ("fingerprint", fingerprint),
    ];
    // A bundle comes from anywhere: nothing in it may drive the reader's terminal.
    let facts = facts.map(|(name, value)| (name, super::table::printable(&value)));
    let args: Vec<(&str, &str)> = facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let key = if pinned { "evidence.pinned" } else { "evidence.stated" };
    for key in ["evidence.trace", "evidence.included", key] {
        say!("{}", c.text(key, &args));
    }
    say!("{}", c.text(&format!("evidence.outside_{}", outside.code()), &args));
}
