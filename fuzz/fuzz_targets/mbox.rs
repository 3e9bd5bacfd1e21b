//! Files of messages: no panic, no message that overlaps another, the same octets however often they are read.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_migration::mbox::{Form, each, index};

fuzz_target!(|input: &[u8]| {
    let path = std::env::temp_dir().join(format!("sceau-fuzz-mbox-{}", std::process::id()));
    std::fs::write(&path, input).expect("written");
    for form in [Form::Any, Form::O, Form::Rd, Form::Cl, Form::Cl2] {
        let Ok(found) = index(&path, form) else { continue };
        let mut before = 0;
        for message in &found {
            assert!(before <= message.start && message.start <= message.end && message.end <= input.len() as u64);
            before = message.end;
            let mut size = 0;
            each(&path, message, &mut |bytes| {
                size += bytes.len();
                Ok(())
            })
            .expect("read");
            // A CR for each LF at most.
            assert!(size <= 2 * input.len());
        }
    }
});
