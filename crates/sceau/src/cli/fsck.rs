//! `sceau fsck`: checks everything that is kept, heals what can be. Exit codes: 0 clean (or all healed), 1 something is wrong, 2 it could
//! not look.
use super::Context;
use super::{backup, meter};
use crate::admin::client::Failure;
use clap::Args;
use sceau_operator::care::fsck::{Options, fsck};
use sceau_store::care::CareError;
use sceau_store::{Store, StoreError};

#[derive(Debug, Args)]
pub struct FsckArgs {
    #[arg(long)]
    repair: bool,
    #[arg(long)]
    blobs: bool,
    #[arg(long)]
    content: bool,
}

/// `sceau fsck`.
pub fn run(c: &Context, args: &FsckArgs) -> Result<(), Failure> {
    let config = backup::visitor(c)?;
    let options = Options { blobs: args.blobs, content: args.content, repair: args.repair };
    let report = meter::carry_out(c, |progress| async move {
        let store = Store::open(config).await?;
        fsck(&store, options, &progress).await
    })?;
    let report = report.map_err(|e| match &e {
        CareError::Store(StoreError::Locked(path)) => {
            Failure { sentence: c.text("care.locked", &[("path", path)]), exit: 2 }
        }
        CareError::Store(StoreError::Other(error)) => {
            Failure { sentence: c.text("care.cannot_look", &[("error", error)]), exit: 2 }
        }
        other => meter::failed(c, other, 2),
    })?;
    if c.json {
        let mut value = serde_json::to_value(&report).unwrap_or_default();
        // The sentences stand beside the codes.
        for (shown, finding) in value["findings"].as_array_mut().into_iter().flatten().zip(&report.findings) {
            shown["fr"] = finding.sentence(sceau_domain::Lang::Fr).into();
            shown["en"] = finding.sentence(sceau_domain::Lang::En).into();
        }
        super::table::print_json(&value);
    } else {
        for finding in &report.findings {
            let fate = match (finding.repaired, finding.repairable) {
                (true, _) => "care.repaired",
                (false, true) => "care.repairable",
                (false, false) => "care.lost",
            };
            say!("{} [{}] ({})", finding.sentence(c.lang), finding.code.as_str(), c.text(fate, &[]));
        }
    }
    let (found, repaired) = (report.found.to_string(), report.repaired.to_string());
    let mut values = vec![("found", found.as_str())];
    if report.repaired > 0 {
        values.push(("repaired", &repaired));
    }
    let sentence = if report.found == 0 { c.text("care.clean", &[]) } else { c.text("care.found", &values) };
    if report.found > report.repaired {
        return Err(Failure { sentence, exit: 1 });
    }
    if !c.json {
        say!("{sentence}");
    }
    Ok(())
}
