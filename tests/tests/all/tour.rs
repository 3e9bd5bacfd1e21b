//! The tour of the two READMEs, the example of docs/api.md and the guides: each block works as it is printed, each page that is named is there.
use sceau_e2e::proof::workspace;
use sceau_e2e::sandbox::{More, sceau};
use sceau_e2e::visit::Visit;
use sceau_e2e::{Run, Sandbox, wait};
use serde_json::Value;

/// The first fenced block after this mark.
fn block(file: &str, mark: &str) -> String {
    let text = std::fs::read_to_string(workspace().join(file)).expect(file);
    let (_, after) = text.split_once(mark).unwrap_or_else(|| panic!("{file} has no {mark:?}"));
    let (_, code) = after.split_once("```").expect("a block");
    let (code, _) = code.split_once("```").expect("its end");
    code.split_once('\n').expect("its first line").1.to_owned()
}

/// Runs it where `sandbox-data` is, as somebody who copies it: stops at the first command that fails.
fn tried(sandbox: &Sandbox, file: &str, mark: &str) -> String {
    let code = block(file, mark).replace(":22016", &format!(":{}", sandbox.base() + 16));
    let folder = sandbox.data.parent().expect("a folder");
    let program = sceau();
    let bin = program.parent().expect("a folder").display();
    // What the text builds is built: it stands where the text says.
    let code = code.replace("$PWD/target/release", &bin.to_string());
    // The guide's commands are said of one's own server: here the second operator.
    let server = format!("export PATH='{bin}':\"$PATH\" SCEAU_CONFIG=sandbox-data/bretagne/sceau.toml");
    let script = format!("set -euo pipefail\ncd '{}'\n{server}\n{code}", folder.display());
    let run = Run::of("bash", &["-c", &script]);
    assert_eq!(run.code, 0, "{file}:\n{code}\n{run:?}");
    assert!(!run.out.contains("urn:sceau:problem"), "{file}: {}", run.out);
    run.out
}

#[test]
fn what_the_readmes_and_the_guide_print_works() {
    let folder = tempfile::tempdir().expect("a folder");
    // Both tours make the same things: each has its own sandbox. The folder is named as it is by default.
    for (file, mark, said) in [("README.md", "<!-- tried:", "lang=en"), ("README.fr.md", "<!-- essayé :", "lang=fr")] {
        let place = folder.path().join(said);
        std::fs::create_dir(&place).expect("a folder");
        let sandbox = Sandbox::start_in_free(&place);
        std::os::unix::fs::symlink(&sandbox.data, place.join("sandbox-data")).expect("a name");
        let out = tried(&sandbox, file, mark);
        assert!(out.contains("cardiologie-exemple@alpes.mssante.fr") && out.contains("claire.exemple"), "{out}");
        if file == "README.md" {
            let out = tried(&sandbox, "docs/api.md", "## An example");
            assert!(out.contains("\"login\":\"operateur\"") && out.contains("cardio.mssante.fr"), "{out}");
            let out = tried(&sandbox, "docs/operator.md", "<!-- tried:");
            assert!(out.contains("anne.modele") && out.contains("cardiologie@chu-exemple.mssante.fr"), "{out}");
            let out = tried(&sandbox, "docs/sign-in-operator.md", "<!-- tried:");
            assert!(out.contains("lecteur-exemple") && out.contains("180"), "{out}");
        }
        // The sandbox's own page tells where to go on.
        let screen = sandbox.screen();
        assert!(screen.contains("structure list") && screen.contains("access list"), "{screen}");
    }
}

#[test]
fn the_pages_that_the_guides_of_signing_in_name_are_there() {
    let sandbox = Sandbox::start();
    let visit = Visit::new(&sandbox);
    for (file, least) in [("docs/sign-in.md", 12), ("docs/sign-in-operator.md", 4)] {
        let text = std::fs::read_to_string(workspace().join(file)).expect(file);
        // What stands between backticks, blocks of code among it.
        let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|t| t.starts_with('/')).collect();
        assert!(named.len() >= least, "{file}: {named:?}");
        for path in named {
            let seen = visit.get(&format!("{}{path}", sandbox.a().public_url));
            assert!((200..404).contains(&seen.status), "{file} names {path}: {}", seen.status);
        }
    }
}

#[test]
fn a_new_sandbox_has_letters_to_read_and_sends_them_once() {
    let count = |sandbox: &Sandbox| {
        let shown = sandbox.python("mailboxes.py", &["alpes", "marie.martin"]).ok();
        let shown: Value = serde_json::from_str(&shown.out).expect("JSON");
        shown["marie.martin"]["INBOX"]
            .as_object()
            .map_or(0, |inbox| inbox["entries"].as_object().map_or(0, |m| m.len()))
    };
    let mut sandbox = Sandbox::start_more(More { letters: true, ..More::default() });
    // Six from the other operator, one from the laboratory of her own.
    wait::until("the letters of a week", 60, || (count(&sandbox) == 7).then_some(()));
    sandbox.restart();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(count(&sandbox), 7, "they are sent once");
}
