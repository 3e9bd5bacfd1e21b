//! What Outlook asks when it looks for settings: no panic; the address is the one that stands in the document, once; no document with a type is read.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_web::autodiscover_question as asked;

const QUESTION: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
const ANSWER: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

fuzz_target!(|bytes: &[u8]| {
    // The whole document is the fuzzer's.
    if asked(bytes).is_some() {
        assert!(bytes.len() <= 16 << 10);
        assert_eq!(asked(&[&b"<!DOCTYPE a>"[..], bytes].concat()), None);
    }
    // Then only what stands in the question, and then only the address.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let around = |inner: &str| {
        format!("<Autodiscover xmlns=\"{QUESTION}\"><Request>{inner}</Request></Autodiscover>").into_bytes()
    };
    let schema = format!("<AcceptableResponseSchema>{ANSWER}</AcceptableResponseSchema>");
    let _ = asked(&around(text));
    let whole = around(&format!("{schema}<EMailAddress>{text}</EMailAddress>"));
    let Some(address) = asked(&whole) else { return };
    assert!(address.to_string().contains('@'));
    // Said a second time it is said by nobody.
    assert_eq!(asked(&around(&format!("{schema}<EMailAddress>{text}</EMailAddress><EMailAddress/>"))), None);
    // Without markup and references it is the text itself.
    if !text.contains(['<', '&']) {
        assert_eq!(text.trim().parse::<sceau_domain::Address>().ok(), Some(address));
    }
});
