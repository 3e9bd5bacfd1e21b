//! Thunderbird on a virtual display. Its package is heavy, so only `./check long` installs and runs it.
use super::{ALL, Desk, FOLDER};
use sceau_e2e::{Sandbox, proof};

#[test]
#[ignore = "long"]
fn thunderbird_on_a_virtual_display() {
    let sandbox = Sandbox::start();
    let desk = Desk::new(&sandbox, 0);
    let picture = proof::workspace().join("target/pictures/thunderbird.png");
    let home = desk.path("thunderbird");
    std::fs::create_dir(&home).expect("folder");
    let run = sandbox.python("thunderbird.py", &[&home, "0", "Per", "0", FOLDER, picture.to_str().expect("UTF-8")]);
    let log = || {
        std::fs::read_dir(&home)
            .expect("home")
            .flatten()
            .filter(|f| f.file_name().to_string_lossy().starts_with("imap"))
    };
    let said = || {
        log().map(|f| String::from_utf8_lossy(&std::fs::read(f.path()).expect("log")).into_owned()).collect::<String>()
    };
    assert!(run.code == 0 && run.out.trim() == "done", "{}\n{}\n{}", run.out, run.err, said());
    for (folder, key, count) in ALL {
        assert_eq!(desk.find(folder, key).len(), *count, "{key} in {folder}");
    }
    assert_eq!(desk.find("Trash", "SUBJECT Trois").len(), 1);
    assert!(std::fs::metadata(picture).expect("picture").len() > 20_000, "an empty picture");
}
