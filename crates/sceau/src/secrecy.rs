//! What this process keeps to itself: its memory (keys, mail in clear) and what a panic would quote of it.
//!
//! Promises: no core of it reaches the disk, and no other process of the same account reads its memory or its environment (where a master
//! key may be); a panic says where it happened and, when the program's own text says it, what; never a value.
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::any::Any;
use std::panic::Location;

/// Called once, before anything secret is read.
pub fn keep() {
    std::panic::set_hook(Box::new(|panic| {
        let said = told(panic.location(), panic.payload());
        let trace = std::backtrace::Backtrace::capture();
        if tracing::dispatcher::has_been_set() {
            tracing::error!(panic = said, "abnormal end of some work");
        } else {
            eprintln!("sceau: {said}");
        }
        // Names of functions only, and only when the environment asks for it.
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            eprintln!("{trace}");
        }
    }));
    // A system that refuses either gives less, not more; the program is as good without.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Where, and what when it is a text of the program: a text made at run time may quote content.
fn told(place: Option<&Location<'_>>, payload: &(dyn Any + Send)) -> String {
    let what = payload.downcast_ref::<&'static str>().copied().unwrap_or("(not told: it may quote content)");
    place.map_or_else(|| format!("panic: {what}"), |p| format!("panic at {}:{}: {what}", p.file(), p.line()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_panic_quotes_nothing_and_memory_stays_here() {
        const ASKED: &str = "SCEAU_TEST_PANICS";
        if std::env::var_os(ASKED).is_some() {
            keep();
            let core = rustix::process::getrlimit(Resource::Core);
            assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
            assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
            let subject = std::env::var(ASKED).unwrap();
            // As a parser's mistake would: the message of the language quotes the text.
            let cut = std::thread::spawn(move || subject[..7].len()).join();
            assert!(cut.is_err());
            let own = std::thread::spawn(|| panic!("a text of the program")).join();
            assert!(own.is_err());
            return;
        }
        let run = Command::new(std::env::current_exe().unwrap())
            .args(["secrecy::tests::a_panic_quotes_nothing_and_memory_stays_here", "--exact", "--nocapture"])
            .env(ASKED, "hydronéphrose")
            .env_remove("RUST_BACKTRACE")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{said}");
        assert!(
            said.contains("panic at") && said.contains("secrecy.rs") && said.contains("a text of the program"),
            "{said}"
        );
        assert!(!said.contains("hydro") && !said.contains("phrose"), "{said}");
    }
}
