use super::*;
use proptest::prelude::*;

/// A picture of one point.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

fn made(html: &str) -> Clean {
    let images = HashMap::from([("logo@a".to_owned(), as_address(PNG).unwrap())]);
    let link = |to: &str| Some(format!("/sortie?a={}", to.len()));
    clean(html, Options { images, link: Box::new(link) }).unwrap()
}

fn html(text: &str) -> String {
    made(text).html
}

#[test]
fn what_people_write_stays() {
    assert_eq!(
        html("<p align=center>Un <b>compte</b> rendu<br>de l'<FONT color='#F00' size=2>IRM</FONT></p>"),
        "<p align=\"center\">Un <b>compte</b> rendu<br>de l'<font color=\"#F00\" size=\"2\">IRM</font></p>"
    );
    let table =
        html("<table border=1 cellpadding=2><tr><td colspan=2 style='color:red'>1 &lt; 2 &amp; é</td></tr></table>");
    assert!(table.contains("<td colspan=\"2\" style=\"color:red\">1 &lt; 2 &amp; é</td>"), "{table}");
    assert_eq!(html("<ol start=3 type=a><li>x</ol>"), "<ol start=\"3\" type=\"a\"><li>x</li></ol>");
}

#[test]
fn addresses_lead_through_our_page() {
    let link = html("<a href=' HTTPS://a.fr/x\n ' onclick=x() target=_top ping=http://b class=c id=d>x</a>");
    assert!(link.contains("href=\"/sortie?a=14\"") && link.contains("target=\"_blank\""), "{link}");
    assert!(link.contains("rel=\"noopener noreferrer nofollow\"") && !link.contains("onclick"), "{link}");
    assert!(!link.contains("ping") && !link.contains("class") && !link.contains("id="), "{link}");
    for nowhere in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java&#10;script:alert(1)",
        "&#1;javascript:alert(1)",
        "vbscript:x",
        "data:text/html,<script>alert(1)</script>",
        "//b.fr/x",
        "/bal",
        "?x",
        "#x",
        "file:///etc/passwd",
        "blob:x",
        "",
    ] {
        let made = html(&format!("<a href=\"{nowhere}\">x</a>"));
        assert!(!made.contains("href") && made.contains(">x</a>"), "{nowhere}: {made}");
    }
}

#[test]
fn a_link_says_where_it_leads() {
    let link = html("<a href='https://ailleurs.fr/x' title='banque.fr'>https://<b>banque</b>.fr</a>");
    assert!(
        link.contains(" title=\"ailleurs.fr\">https://<b>banque</b>.fr</a> <span class=\"host\">(ailleurs.fr)</span>"),
        "{link}"
    );
    assert_eq!(link.matches("title=").count(), 1, "what its sender says of it does not count: {link}");
    let mail = html("<a href='mailto:zoe@a.fr?subject=x'>anne@a.fr</a>");
    assert!(mail.contains("title=\"zoe@a.fr\"") && mail.contains("(zoe@a.fr)"), "{mail}");
    assert!(!html("<a href='https://labo.fr/x'>Vos résultats</a>").contains("host"));
}

#[test]
fn pictures_stand_in_the_message_or_nowhere() {
    let shown = html("<img src='cid:logo%40a' alt=Logo width=10>");
    assert!(shown.contains("src=\"data:image/png;base64,") && shown.contains("alt=\"Logo\""), "{shown}");
    let own = format!("<img src='{}'>", as_address(PNG).unwrap().replace("image/png", "image/svg+xml"));
    assert!(html(&own).contains("src=\"data:image/png;"), "by its bytes, not by what is said");
    for (elsewhere, remote, own) in [
        ("<img src=http://canari/x srcset='http://canari/y 2x' lowsrc=http://canari/z>", 1, 0),
        ("<img src=//canari/x>", 1, 0),
        ("<img src=cid:autre@a>", 0, 1),
        ("<img src='data:image/svg+xml;base64,PHN2Zz48L3N2Zz4='>", 0, 1),
        ("<img src='data:image/svg+xml,<svg onload=alert(1)>'>", 0, 1),
        ("<input type=image src=http://canari/x><video poster=http://canari/x></video>", 0, 0),
        (
            "<body background=http://canari/x><table background=http://canari/x><tr><td background=http://canari/x>a",
            0,
            0,
        ),
    ] {
        let made = made(elsewhere);
        assert!(!made.html.contains("canari") && !made.html.contains("src="), "{elsewhere}: {}", made.html);
        assert_eq!((made.left_out.remote, made.left_out.own), (remote, own), "{elsewhere}");
    }
    // One picture shown very often weighs no more than a few.
    let big = HashMap::from([("x".to_owned(), "A".repeat(1 << 20))]);
    let options = Options { images: big, link: Box::new(|_| None) };
    let often = clean(&"<img src=cid:x>".repeat(1_000), options).unwrap();
    assert!(often.html.len() < 20 << 20 && often.left_out.own == 984, "{:?}", often.left_out);
}

#[test]
fn nothing_that_does_something_stays() {
    for bad in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg><script>alert(1)</script></svg>",
        "<svg><animate onbegin=alert(1) attributeName=x></svg>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<template><img src=x onerror=alert(1)></template>",
        "<title><img src=x onerror=alert(1)></title>",
        "<textarea><img src=x onerror=alert(1)></textarea>",
        "<xmp><img src=x onerror=alert(1)></xmp>",
        "<!--><img src=x onerror=alert(1)-->",
        "<![CDATA[<img src=x onerror=alert(1)>]]>",
        "<!--[if IE]><img src=x onerror=alert(1)><![endif]-->",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data=x><embed src=x></object>",
        "<base href=http://canari/><meta http-equiv=refresh content='0;url=http://canari'><link rel=prefetch href=http://canari>",
        "<form action=http://canari><input name=a><button formaction=http://canari>x</button></form>",
        "<div style='background:url(http://canari/x)'>x</div>",
        "<style>@import url(http://canari/x);</style>",
        "<p style=\"color:red;background:u\\72l(http://canari)\">x</p>",
        "<a href=x style=position:fixed>x</a>",
        "<marquee onstart=alert(1)>x</marquee><details ontoggle=alert(1) open>x</details><portal src=http://canari>",
        "<img src=`x` onerror=alert(1)><p/onclick=alert(1)>x",
        "<plaintext><img src=x onerror=alert(1)>",
        "<select><option><img src=x onerror=alert(1)></select>",
    ] {
        let made = html(bad);
        // Words may stay as words: what counts is that no tag holds them.
        let tags = made.split('<').skip(1).map(|tag| tag.split('>').next().unwrap()).collect::<Vec<_>>().join("\n");
        for never in ["on", "script", "style", "canari", "svg", "math", "form", "iframe", "src", "url", "fixed"] {
            let stands = tags.split(['\n', ' ']).any(|word| word.starts_with(never));
            assert!(!stands, "{never} in {made} of {bad}");
        }
    }
    assert_eq!(made("<form><input></form><svg></svg>").left_out.active, 3);
}

#[test]
fn words_of_an_attribute_hold_no_tag() {
    assert_eq!(html("<p title='Été &amp; hiver'>x</p>"), "<p title=\"Été &amp; hiver\">x</p>");
    assert_eq!(html("<p title='</p><script>'>x</p>"), "<p>x</p>");
}

#[test]
fn what_costs_too_much_is_refused() {
    let options = || Options { images: HashMap::new(), link: Box::new(|_| None) };
    assert_eq!(clean(&"x".repeat(MOST_IN + 1), options()), Err(TooMuch));
    assert_eq!(clean(&"<div>".repeat(5_000), options()), Err(TooMuch));
    assert!(clean(&"<p>a".repeat(5_000), options()).is_ok());
}

#[test]
fn content_ids_are_found_as_they_are_named() {
    assert_eq!(shown("<img src=\"cid:a%40b\"> <IMG SRC=CID:c@d> x cid: <img src='cid:a@b'>"), ["a@b", "c@d"]);
    assert!(shown("rien").is_empty() && shown("cid:").is_empty());
}

proptest! {
    /// Whatever comes in, what comes out is made of our elements alone.
    #[test]
    fn what_comes_out_is_ours(text in "(<|</|>|=|\"|'| |/|!--|--|svg|math|p|b|table|td|style|img|src|href|a|on|x|&lt;|&#60;|]]>|é|\\PC){0,60}") {
        let Ok(once) = clean(&text, Options { images: HashMap::new(), link: Box::new(|_| None) }) else { return Ok(()) };
        for tag in once.html.split('<').skip(1) {
            let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
            prop_assert!(TAGS.contains(&name.as_str()), "{name} in {}", once.html);
        }
    }
}
