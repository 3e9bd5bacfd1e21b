//! Running outside programs.
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

/// What a program did.
#[derive(Debug)]
pub struct Run {
    /// Exit code; the signal that killed it, negative.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Standard output, byte for byte.
    pub bytes: Vec<u8>,
}

impl Run {
    /// Runs a program with arguments and input, to its end.
    pub fn with_input(program: &str, args: &[&str], input: &[u8]) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{program} does not start ({e}): run ./check, which installs it"));
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        // A program that stops reading early (a refusal) closes the pipe: not an error of the test.
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let done = child.wait_with_output().expect("program runs");
        feeder.join().expect("feeder");
        Self {
            code: done.status.code().unwrap_or_else(|| -done.status.signal().unwrap_or_default()),
            out: String::from_utf8_lossy(&done.stdout).into_owned(),
            err: String::from_utf8_lossy(&done.stderr).into_owned(),
            bytes: done.stdout,
        }
    }
    /// Runs a program with arguments.
    pub fn of(program: &str, args: &[&str]) -> Self {
        Self::with_input(program, args, b"")
    }
    /// Panics with everything it printed when it failed.
    #[must_use]
    pub fn ok(self) -> Self {
        assert!(self.code == 0, "exit {}\n--- out\n{}\n--- err\n{}", self.code, self.out, self.err);
        self
    }
}
