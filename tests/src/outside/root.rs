//! A root for one server: what was unpacked of it, the libraries that it loads, a few users, and nothing else of the machine.
use crate::{Run, Sandbox, proof};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Users and groups of every root; none exists on the machine.
pub(super) const USERS: [(&str, u32); 5] =
    [("root", 0), ("Debian-exim", 61_001), ("opensmtpd", 61_002), ("opensmtpq", 61_003), ("boites", 61_004)];

/// The number of a user.
pub(super) fn number(user: &str) -> u32 {
    USERS.iter().find(|u| u.0 == user).expect("a user of the root").1
}

/// Fills a root with what `./check` unpacked of a server, and with the libraries of this system that `programs` (absolute paths in it) load.
pub(super) fn fill(root: &Path, server: &str, programs: &[&str]) {
    let unpacked = proof::workspace().join("target/mail-servers").join(server);
    assert!(unpacked.join(".whole").exists(), "{} is missing: run ./check, which unpacks it", unpacked.display());
    let text = |p: &Path| p.to_str().expect("UTF-8 path").to_owned();
    let _ = Run::of("cp", &["-a", &text(&unpacked.join(".")), &text(root)]).ok();
    for program in programs {
        let inside = root.join(program.trim_start_matches('/'));
        let listed = Run::of("ldd", &[&text(&inside)]).ok().out;
        assert!(!listed.contains("not found"), "run ./check, which installs its libraries:\n{listed}");
        for library in listed.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new) {
            let there = root.join(library.strip_prefix("/").expect("absolute"));
            if !there.exists() {
                copy(library, &there);
            }
        }
    }
    let all = |line: &dyn Fn(&str, u32) -> String| USERS.map(|(name, id)| line(name, id)).concat();
    write(root, "etc/passwd", &all(&|name, id| format!("{name}:x:{id}:{id}::/:/bin/sh\n")));
    write(root, "etc/group", &all(&|name, id| format!("{name}:x:{id}:\n")));
    write(root, "etc/hosts", "127.0.0.1 localhost\n");
    write(root, "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
    write(root, "etc/services", "smtp 25/tcp\n");
    // No server answers there: what a program asks the DNS fails at once.
    write(root, "etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    // A file takes what is written to it, which is little.
    open(&write(root, "dev/null", ""), 0o666);
    open(&folder(root, "tmp", "root"), 0o1777);
}

/// The outsider's certificate, its key and the anchors, where only this user reads them.
pub(super) fn certificates(root: &Path, sandbox: &Sandbox, user: &str) {
    folder(root, "etc/tls", user);
    let outsider = sandbox.outsider();
    for (from, name) in
        [(&outsider.cert, "cert.pem"), (&outsider.key, "key.pem"), (&sandbox.ready.anchors, "anchors.pem")]
    {
        let to = root.join("etc/tls").join(name);
        std::fs::copy(from, &to).expect("copied");
        open(&to, 0o600);
        own(&to, user);
    }
}

/// Writes a file, with the folders above it.
pub(super) fn write(root: &Path, name: &str, content: &str) -> PathBuf {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("in the root")).expect("folder");
    std::fs::write(&path, content).expect("written");
    path
}

/// Makes a folder of this user.
pub(super) fn folder(root: &Path, name: &str, user: &str) -> PathBuf {
    let path = root.join(name);
    std::fs::create_dir_all(&path).expect("folder");
    own(&path, user);
    path
}

fn own(path: &Path, user: &str) {
    chown(path, Some(number(user)), Some(number(user))).expect("chown");
}

pub(super) fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("in the root")).expect("folder");
    std::fs::copy(from, to).expect("copied");
}
