//! `Content-*` fields as people's programs write them (RFC 2045, 2183, 2231).
use sceau_message::scan::Mime;

/// The content fields of a message with this header.
fn mime(header: &str) -> Mime {
    crate::common::scan(format!("{header}\r\n\r\n").as_bytes()).root.mime
}

fn pairs(list: &[(String, String)]) -> Vec<(&str, &str)> {
    list.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
}

#[test]
fn defaults() {
    let none = mime("Subject: x");
    assert_eq!((&none.kind[..], &none.subtype[..], &none.encoding[..]), ("text", "plain", "7bit"));
    assert!(none.parameters.is_empty() && none.disposition.is_none() && none.language.is_empty());
}

#[test]
fn every_field() {
    let all = mime(
        "CONTENT-TYPE: Text/HTML; Charset=\"ISO-8859-1\"\r\nContent-Transfer-Encoding: (comment) Quoted-Printable (more)\r\n\
         Content-ID:  <1@a.example>\r\nContent-Description: =?utf-8?q?=C3=A9t=C3=A9?=\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n\
         Content-Disposition: ATTACHMENT; FileName=\"a \\\"b\\\".pdf\"; size=12\r\nContent-Language: fr, en (x), \r\n\
         Content-Location: http://a.example/\r\n b\r\nContent-Type: image/png",
    );
    assert_eq!((&all.kind[..], &all.subtype[..], &all.encoding[..]), ("text", "html", "quoted-printable"));
    assert_eq!(pairs(&all.parameters), [("charset", "ISO-8859-1")]);
    assert_eq!(
        (all.id.as_deref(), all.description.as_deref()),
        (Some("<1@a.example>"), Some("=?utf-8?q?=C3=A9t=C3=A9?="))
    );
    assert_eq!(
        (all.md5.as_deref(), all.location.as_deref()),
        (Some("Q2hlY2sgSW50ZWdyaXR5IQ=="), Some("http://a.example/b"))
    );
    assert_eq!(all.language, ["fr", "en"]);
    let (kind, parameters) = all.disposition.as_ref().unwrap();
    assert_eq!((&kind[..], pairs(parameters)), ("attachment", vec![("filename", "a \"b\".pdf"), ("size", "12")]));
    assert_eq!(all.file_name().as_deref(), Some("a \"b\".pdf"));
}

#[test]
fn parameters_in_all_their_forms() {
    for (written, expected) in [
        ("charset=us-ascii (Plain text)", &[("charset", "us-ascii")][..]),
        ("charset=(hello) us-ascii", &[("charset", "us-ascii")]),
        ("charset = utf-8 ; format = flowed", &[("charset", "utf-8"), ("format", "flowed")]),
        ("name=compte rendu (1).pdf; x=1", &[("name", "compte rendu (1).pdf"), ("x", "1")]),
        ("name=\"a;b\\\\c\"", &[("name", "a;b\\c")]),
        ("name=\"never closed; x=1", &[("name", "never closed; x=1")]),
        ("name=\"a\"junk; x=1", &[("name", "a"), ("x", "1")]),
        ("; ;; x=1;", &[("x", "1")]),
        ("flag; x=1", &[("x", "1")]),
        ("x=1; X=2", &[("x", "1")]),
        ("=1; x=2", &[("x", "2")]),
        ("x=", &[("x", "")]),
        ("name=\"r\r\n\t\u{e9}sultat\"", &[("name", "r \u{e9}sultat")]),
        // RFC 2231
        ("name*=utf-8'fr'%C3%A9t%C3%A9.pdf", &[("name*", "été.pdf")]),
        ("name*=iso-8859-1''%e9t%e9", &[("name*", "été")]),
        ("name*=%C3%A9 sans jeu", &[("name*", "é sans jeu")]),
        ("name*=utf-8''a%0D%0Ab%00c%zz%4", &[("name*", "a  b c%zz%4")]),
        ("name*0=\"un \"; name*1=deux; name*2=\" trois\"", &[("name", "un deux trois")]),
        ("name*1*=%A9; name*0*=utf-8''%C3; name*2=\"%41 b\"", &[("name*", "é%41 b")]),
        ("name*0=a; name*2=c", &[("name", "a")]),
        ("name*1=b", &[]),
        ("name*x=b", &[("name*x", "b")]),
        ("name=\"repli.pdf\"; name*=utf-8''vrai%20nom.pdf", &[("name*", "vrai nom.pdf")]),
        ("name*0*=utf-8''a; name=repli; name*1=b", &[("name*", "ab")]),
    ] {
        let found = mime(&format!("Content-Type: text/plain; {written}"));
        assert_eq!(pairs(&found.parameters), expected, "{written}");
    }
}

#[test]
fn raw_bytes_and_encoded_words_in_names() {
    let header = b"Content-Type: application/pdf; name=\"=?utf-8?q?=C3=A9t=C3=A9=2Epdf?=\"\r\nContent-Disposition: attachment; filename=\"\xe9t\xe9.pdf\"\r\n\r\n";
    let root = crate::common::scan(header).root;
    assert_eq!(root.mime.parameter("name"), Some("=?utf-8?q?=C3=A9t=C3=A9=2Epdf?="), "as written");
    assert_eq!(root.mime.disposition_parameter("filename"), Some("été.pdf"));
    assert_eq!(mime("Content-Type: a/b; name=\"=?utf-8?q?=C3=A9?=.pdf\"").file_name().as_deref(), Some("é.pdf"));
    assert_eq!(mime("Content-Type: a/b; name=\"\"").file_name(), None);
}

#[test]
fn dispositions_without_type_are_attachments() {
    for written in ["filename=a.pdf", "; filename=a.pdf", "\"\"; filename=a.pdf"] {
        let found = mime(&format!("Content-Disposition: {written}"));
        assert_eq!(found.disposition.as_ref().map(|(k, _)| k.as_str()), Some("attachment"), "{written}");
        assert_eq!(found.file_name().as_deref(), Some("a.pdf"), "{written}");
    }
}

#[test]
fn boundaries_are_bytes() {
    for (written, line) in [
        ("boundary=\"=_x'()+,./:=?\"", "--=_x'()+,./:=?"),
        ("boundary=a(comment)", "--a"),
        ("boundary*=utf-8''a%20b", "--a b"),
        ("boundary*0=a; boundary*1=b", "--ab"),
        ("boundary=\"a \"", "--a"),
        ("BOUNDARY=AbC", "--AbC"),
    ] {
        let message = format!("Content-Type: multipart/mixed; {written}\r\n\r\n{line}\r\n\r\nx\r\n{line}--\r\n");
        assert_eq!(crate::common::scan(message.as_bytes()).root.children[0].body.1, 1, "{written}");
    }
    let latin = b"Content-Type: multipart/mixed; boundary=\"\xe9\"\r\n\r\n--\xe9\r\n\r\nx\r\n--\xe9--\r\n";
    assert_eq!(crate::common::scan(latin).root.children[0].body.1, 1);
}
