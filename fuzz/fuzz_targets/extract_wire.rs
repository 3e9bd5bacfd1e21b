//! What parent and child say to each other: neither trusts the other's bytes.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_extract::Extracted;
use sceau_extract::wire::{Request, read_answer, write_answer};

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = Request::read(&mut &*data) {
        assert!(request.mime.len() + request.name.len() <= data.len());
    }
    if let Some(answer) = read_answer(data) {
        let mut again = Vec::new();
        write_answer(&mut again, &answer).expect("memory");
        assert_eq!(again, data);
        assert!(!matches!(answer, Extracted::Text(text) if text.len() + 5 != data.len()));
    }
});
