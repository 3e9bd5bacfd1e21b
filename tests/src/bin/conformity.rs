//! Writes `docs/conformity.md` from the records that passing tests left; with `--check`, fails when the committed page says
//! anything else than the records, or when a schema of `docs/schemas` was compared with nothing.
use sceau_e2e::proof::{Record, folder, workspace};
use sceau_e2e::schema::judged_folder;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::process::ExitCode;

/// Titles of the rows, in our words.
#[derive(serde::Deserialize)]
struct Features {
    rows: BTreeMap<String, String>,
}

fn main() -> ExitCode {
    let page = workspace().join("docs/conformity.md");
    let text = match generate() {
        Ok(text) => text,
        Err(e) => {
            eprintln!("conformity: {e}");
            return ExitCode::FAILURE;
        }
    };
    if std::env::args().any(|a| a == "--check") {
        let unjudged = unjudged();
        if !unjudged.is_empty() {
            eprintln!("no test compared a program's answer with docs/schemas: {}", unjudged.join(", "));
            return ExitCode::FAILURE;
        }
        if std::fs::read_to_string(&page).unwrap_or_default() == text {
            println!("docs/conformity.md says what the tests proved");
            return ExitCode::SUCCESS;
        }
        eprintln!(
            "docs/conformity.md differs from what the tests proved: run `cargo run -p sceau-e2e --bin conformity` after ./check and commit it"
        );
        return ExitCode::FAILURE;
    }
    match std::fs::write(&page, text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("conformity: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Schemas that are published and that no answer was judged by.
fn unjudged() -> Vec<String> {
    let published = std::fs::read_dir(workspace().join("docs/schemas")).into_iter().flatten().flatten();
    let names = published.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
    let mut names: Vec<String> = names.filter(|name| !judged_folder().join(name).exists()).collect();
    names.sort();
    names
}

fn generate() -> Result<String, String> {
    let features = std::fs::read_to_string(workspace().join("docs/features.toml")).map_err(|e| e.to_string())?;
    let features: Features = toml::from_str(&features).map_err(|e| e.to_string())?;
    let mut proved: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).map_err(|e| format!("{}: {e}; run ./check first", folder().display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
        let records: Vec<Record> = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        for r in records {
            proved.entry(r.row).or_default().entry(r.door).or_default().insert(r.test);
        }
    }
    if let Some(unknown) = proved.keys().find(|row| !features.rows.contains_key(*row)) {
        return Err(format!("{unknown} is proved by a test but has no title in docs/features.toml"));
    }
    let mut out = String::from(
        "# Conformity\n\nGenerated from the records that passing tests leave (`cargo run -p sceau-e2e --bin conformity`), never by hand. A row is\n\
         listed when a test showed it, at least in part, through the door named. What is not listed is not shown yet.\n\n\
         | row | what | door | tests |\n|---|---|---|---|\n",
    );
    for (row, doors) in &proved {
        for (door, tests) in doors {
            let tests: Vec<String> = tests.iter().map(|t| format!("`{t}`")).collect();
            let _ = writeln!(out, "| {row} | {} | {door} | {} |", features.rows[row], tests.join(", "));
        }
    }
    let _ = writeln!(
        out,
        "\n{} of {} rows with a title in `docs/features.toml` are shown.",
        proved.len(),
        features.rows.len()
    );
    Ok(out)
}
