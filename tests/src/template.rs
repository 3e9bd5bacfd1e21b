//! A sandbox that was set up once, for all tests of one built program: people, mailboxes, keys, certificates, stopped in order. A test gets a copy,
//! which the sandbox takes up as it takes up its own folder after a stop, on other ports. Tests of the setting up itself start from nothing
//! ([`Sandbox::start_in`]).
use crate::Sandbox;
use crate::proof::workspace;
use crate::sandbox::{free_ports, sceau};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How old one may be: certificates and lists of revoked ones end.
const FRESH: Duration = Duration::from_secs(3 * 3600);

/// Puts a copy of the data into this folder.
pub(crate) fn copy_to(folder: &Path) {
    let all = workspace().join("target/sandbox-templates");
    fs::create_dir_all(&all).expect("folder of templates");
    // One at a time: a template that is being copied is not removed by who runs another program.
    let lock = File::options().write(true).create(true).truncate(false).open(all.join("lock")).expect("lock file");
    lock.lock().expect("lock");
    let template = template(&all);
    // With owners and permissions: keys are for one account only.
    let copied = Command::new("cp").arg("-a").arg(template.join("data")).arg(folder).status().expect("cp");
    assert!(copied.success(), "{}: not copied", template.display());
}

/// The folder of the template for the program as it is now; set up by the first test that asks, while the others wait.
fn template(all: &Path) -> PathBuf {
    let (program, about) = (sceau(), fs::metadata(sceau()).expect("the program"));
    let built = about.modified().expect("a time").duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos();
    let name = format!("{}-{}-{built}", program.file_name().and_then(|n| n.to_str()).unwrap_or("program"), about.len());
    let (done, begun) = (all.join(&name), all.join("begun"));
    let age = fs::metadata(&done).and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
    if age.is_none_or(|age| age > FRESH) {
        // Of programs that are no more, and of a setting up that was cut short.
        for old in fs::read_dir(all).expect("templates").flatten().filter(|e| e.path().is_dir()) {
            fs::remove_dir_all(old.path()).expect("removed");
        }
        fs::create_dir(&begun).expect("folder");
        Sandbox::start_in(&begun, free_ports()).stop();
        fs::rename(&begun, &done).expect("renamed");
    }
    done
}
