//! The child: gives up whatever it does not need, then reads one document, answers, ends.
use crate::wire::{self, Request};
use crate::{Extracted, Why, text_of};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags, set_capabilities, set_no_new_privs};
use std::io::{self, Read};

/// Address space for a child that has not yet read its limits, bytes; the most that they may say.
const START: u64 = 1 << 30;
/// Likewise processor time, seconds.
const START_CPU: u64 = 60;

/// Answers the one question on standard input, on standard output. What goes wrong has no words: the parent sees how it ended.
pub fn run() -> io::Result<()> {
    // A panic of a parser is an answer, not a message; what it quotes is content.
    std::panic::set_hook(Box::new(|_| {}));
    close_inherited();
    confine(START, START_CPU)?;
    let mut stdin = io::stdin().lock();
    let request = Request::read(&mut stdin)?;
    limit(Resource::As, request.limits.memory.min(START))?;
    limit(Resource::Cpu, request.limits.cpu.min(START_CPU))?;
    let answer = answer(&request, &mut stdin);
    wire::write_answer(&mut io::stdout().lock(), &answer)
}

/// Reads the document and its text.
fn answer(request: &Request, from: &mut dyn Read) -> Extracted {
    let length = request.length as usize;
    if length > request.limits.input {
        return Extracted::NoText(Why::TooLarge);
    }
    let mut content = Vec::new();
    match from.take(u64::from(request.length)).read_to_end(&mut content) {
        Ok(n) if n == length => text(request, &content),
        _ => Extracted::NoText(Why::Unavailable),
    }
}

fn text(request: &Request, content: &[u8]) -> Extracted {
    let read = || text_of(&request.mime, &request.name, content, &request.limits);
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)) {
        Ok(Ok(text)) => Extracted::Text(text),
        Ok(Err(why)) => Extracted::NoText(why),
        // Parsers of other houses panic at what they did not expect.
        Err(_) => Extracted::NoText(Why::Broken),
    }
}

/// Descriptors looked at where the system does not list them.
const BLIND: i32 = 4_096;

/// Closes what was open to this process beside its three pipes. Ours close themselves at `exec`; what a library of the parent opened (the
/// module of a token, say) or whoever started the server left open would be read by whoever takes this child over.
fn close_inherited() {
    let listed = std::fs::read_dir("/proc/self/fd").map(|entries| {
        let number = |entry: io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
        // The listing's own descriptor is among them, and closed by then.
        entries.filter_map(number).collect::<Vec<i32>>()
    });
    let all = listed.unwrap_or_else(|_| (0..BLIND).collect());
    // Nothing of this process is open yet: nobody holds one of these numbers as his own. One that is not open is no error.
    for fd in all.into_iter().filter(|fd| *fd > 2) {
        let _ = nix::unistd::close(fd);
    }
}

/// Gives up files, network, processes, privileges; bounds memory (bytes) and processor time (seconds).
///
/// What must hold everywhere fails the child when it does not; namespaces and capabilities are a second fence that some systems
/// do not allow.
fn confine(memory: u64, cpu: u64) -> io::Result<()> {
    set_no_new_privs(true)?;
    // No core, no debugger, nothing under /proc/self for others of the same account.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // No descriptor of this flag's set is shared: the deprecation is about CLONE_FILES, which is not asked for.
    #[allow(deprecated)]
    let _ = rustix::thread::unshare(
        UnshareFlags::NEWUSER | UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS,
    );
    let none = CapabilitySet::empty();
    let _ = set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none });
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nproc, 0)?;
    // 0, 1 and 2 are taken: no file, no socket, no pipe can be opened any more, whatever the path or the network.
    limit(Resource::Nofile, 3)?;
    limit(Resource::As, memory)?;
    limit(Resource::Cpu, cpu)
}

/// Lowers a limit for good.
fn limit(resource: Resource, to: u64) -> io::Result<()> {
    // The hard limit of processor time a second later: SIGXCPU says what happened, SIGKILL would not.
    let hard = if resource == Resource::Cpu { to.saturating_add(1) } else { to };
    Ok(setrlimit(resource, Rlimit { current: Some(to), maximum: Some(hard) })?)
}
