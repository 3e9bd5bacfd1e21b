//! The IMAP framer and parser: no panic, no dependence on how the input is cut, never more held than the budget allows.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_imap::codec::{Budget, Event, Framer};

fn run(budget: Budget, input: &[u8], piece: usize) -> Vec<String> {
    let mut framer = Framer::new(budget);
    let mut seen = Vec::new();
    for bytes in input.chunks(piece) {
        assert!(framer.in_memory() <= budget.command + 2, "{} bytes", framer.in_memory());
        framer.feed(bytes);
        loop {
            match framer.next_event() {
                Event::NeedMore => {
                    if framer.stream_left() == 0 || framer.stream(usize::MAX).is_empty() {
                        break;
                    }
                }
                Event::Fatal(error) => {
                    seen.push(error.to_string());
                    return seen;
                }
                event => seen.push(format!("{event:?}")),
            }
        }
    }
    seen
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, input)) = input.split_first() else { return };
    for budget in [Budget::before_login(), Budget::after_login()] {
        assert_eq!(run(budget, input, usize::MAX), run(budget, input, usize::from(size).max(1)));
    }
});
