//! Records of proof: a passing test says which feature rows it proved, through which door.
//!
//! The records lie in `target/proofs`; `docs/conformity.md` is generated from them by the `conformity` program, never by hand.
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Record {
    /// Feature row, e.g. `F201`.
    pub row: String,
    /// Door the test went through: `smtp`, `imap`, `cli`…
    pub door: String,
    /// Test that proved it.
    pub test: String,
}

/// Writes its records when dropped by a test that passes (one that panics proves nothing).
#[derive(Debug)]
pub struct Proof(Vec<Record>);

/// Declares at the start of a test what it proves when it passes: `let _proof = proves(&["F201"], "smtp");`
#[must_use]
pub fn proves(rows: &[&str], door: &str) -> Proof {
    let test = std::thread::current().name().unwrap_or("unnamed").to_owned();
    Proof(rows.iter().map(|row| Record { row: (*row).into(), door: door.into(), test: test.clone() }).collect())
}

/// The workspace's root.
pub fn workspace() -> PathBuf {
    // The parent of this package's folder always exists: it holds the workspace's manifest.
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

/// Folder of the records.
pub fn folder() -> PathBuf {
    workspace().join("target/proofs")
}

impl Drop for Proof {
    fn drop(&mut self) {
        if std::thread::panicking() || self.0.is_empty() {
            return;
        }
        let name = format!("{}.{}.json", self.0[0].test.replace("::", "."), self.0[0].door);
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(folder())?;
            std::fs::write(folder().join(name), serde_json::to_vec_pretty(&self.0)?)
        };
        write().expect("record of proof");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stage that names a test program which is gone is noticed by nobody until somebody has hours for it.
    #[test]
    fn test_programs_that_are_named_are_there() {
        let mut named = 0;
        for file in ["check", "docs/performance.md", "docs/rights.md"] {
            let text = std::fs::read_to_string(workspace().join(file)).expect(file);
            let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || "`();'".contains(c)).collect();
            let mut package = "";
            let is_there = |package: &str, path: &str| {
                let tests = workspace().join("crates").join(package.trim_start_matches("sceau-")).join("tests");
                [path.to_owned(), format!("{path}.rs"), format!("{path}/main.rs")]
                    .iter()
                    .any(|p| tests.join(p).exists())
            };
            for pair in words.windows(2) {
                match pair[0] {
                    "-p" | "package" => package = pair[1],
                    "--test" | "binary" => {
                        // A filter that names no package means whichever has the program.
                        let all = ["operator", "store", "smtp", "web", "imap", "trust", "search"];
                        let there = is_there(package, pair[1])
                            || pair[0] == "binary" && all.iter().any(|p| is_there(p, pair[1]));
                        assert!(there, "{file}: -p {package} {} {}", pair[0], pair[1]);
                        named += 1;
                    }
                    "test" if pair[1].contains("::") => {
                        assert!(
                            is_there(package, &format!("all/{}", pair[1].replace("::", "/"))),
                            "{file}: {package}, {}",
                            pair[1]
                        );
                        named += 1;
                    }
                    _ => {}
                }
            }
        }
        assert!(named >= 4, "{named}");
    }
}
