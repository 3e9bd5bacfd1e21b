//! Mail that tries to do something to whoever reads it: payloads that run a program, load something or cover something, alone and in messages that carry them
//! by every way that MIME has. [`CLASSES`] says which letter stands for what.
//!
//! Every payload names a host of its own (`canari-<number>.localhost`): whatever it makes a browser do is heard by the listener of the test ([`Canary`]).
//! The same payloads on a bare page are the control: if hardly any of them did something there, the test would prove nothing.
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// Each class of attack, with the beginning of the names of its letters.
pub const CLASSES: &[(&str, &str)] = &[
    (
        "HTML: programs in elements, attributes, addresses; SVG (animate, set, use, foreignObject); MathML; raw text and comments that parsers read apart",
        "html",
    ),
    (
        "HTML: what loads by itself (pictures, styles, frames, refresh, prefetch), forms, CSS (url, var, unclosed, escaped, @import, expressions)",
        "html",
    ),
    (
        "texts shown as they are: subject, text, markup that was escaped already, templates, directions of writing",
        "words",
    ),
    ("plain text whose addresses become links, whose lines are joined (format=flowed) or quoted", "links"),
    ("names and ids in the header: From, Cc, Message-ID, unknown fields", "header"),
    ("media types, charsets, ids, descriptions of pieces that hold markup", "types"),
    (
        "files: HTML, SVG, PDF and pictures that are something else (polyglots), names with markup, line ends, directions, too long; a message within",
        "files",
    ),
    ("forms of a text that nobody shows: AMP, XHTML, XML with a style sheet, calendar, enriched", "forms"),
    ("charsets in which markup hides: UTF-7, ISO-2022-JP, UTF-16 and their like", "charset"),
    ("pictures of the message that are none, Content-IDs that leave their place", "related"),
    ("what costs much to read: depth, formatting that is made again at each block", "deep"),
    ("what costs much to read: depth, formatting that is made again at each block", "slow"),
];

/// HTML that does something. `{C}`: an address of the canary; `{J}`: a program that asks it; `{E}`: the same with its letters as references.
pub const HTML: &[&str] = &[
    // Programs.
    "<script>{J}</script>",
    "<script src={C}></script>",
    "<scr\0ipt>{J}</script>",
    "<SCRIPT/x>{J}</SCRIPT >",
    "<svg><script>{J}</script></svg>",
    "<svg><script href={C} /></svg>",
    "<img src=x onerror=\"{J}\">",
    "<img src=x onerror=\"{E}\">",
    "<img/src='x'/onerror=\"{J}\">",
    "<img src=x\nonerror\n=\n\"{J}\">",
    "<svg onload=\"{J}\">",
    "<svg><animate onbegin=\"{J}\" attributeName=x dur=1s>",
    "<svg><set onbegin=\"{J}\" attributeName=x>",
    "<svg><image href={C} onerror=\"{J}\"></svg>",
    "<svg><a><animate attributeName=href values=\"javascript:{J}\" /><text>x</text></a></svg>",
    "<svg><image><animate attributeName=href values={C} begin=0s /></image></svg>",
    "<math href=\"javascript:{J}\"><mtext>x</mtext></math>",
    "<math><maction actiontype=\"statusline#{C}\" xlink:href=\"javascript:{J}\">x</maction></math>",
    "<form id=x></form><button form=x formaction=\"javascript:{J}\" autofocus>x</button>",
    "<img name=body><form name=querySelector><input name=children></form><img src=x onerror=\"{J}\">",
    "<svg><foreignObject><img src=x onerror=\"{J}\"></foreignObject></svg>",
    "<svg><use href=\"data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='{C}'/></svg>#x\"></svg>",
    "<svg><style><img src=x onerror=\"{J}\"></style></svg>",
    "<svg><title><img src=x onerror=\"{J}\"></title></svg>",
    "<svg><desc><img src=x onerror=\"{J}\"></desc></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror={E}&gt;\">",
    "<math><mtext><img src=x onerror=\"{J}\"></mtext></math>",
    "<math><annotation-xml encoding=\"text/html\"><img src=x onerror=\"{J}\"></annotation-xml></math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=\"{J}\">",
    "<noscript><p title=\"</noscript><img src=x onerror=&quot;{E}&quot;>\">",
    "<template><img src=x onerror=\"{J}\"></template><img src=x onerror=\"{J}\">",
    "<title><p title=\"</title><img src=x onerror='{J}'>\">",
    "<textarea><p title=\"</textarea><img src=x onerror='{J}'>\">",
    "<xmp><p title=\"</xmp><img src=x onerror='{J}'>\">",
    "<noembed><p title=\"</noembed><img src=x onerror='{J}'>\">",
    "<style><p title=\"</style><img src=x onerror='{J}'>\">",
    "<!--><img src=x onerror=\"{J}\">-->",
    "<!--- --!><img src=x onerror=\"{J}\">",
    "<![CDATA[><img src=x onerror=\"{J}\">]]>",
    "<!--[if gte IE 4]><img src=x onerror=\"{J}\"><![endif]--><![if !mso]><img src=x onerror=\"{J}\"><![endif]>",
    "<iframe srcdoc=\"<img src=x onerror='{J}'>\"></iframe>",
    "<iframe src=\"javascript:{J}\"></iframe>",
    "<iframe src={C}></iframe>",
    "<frameset><frame src={C}></frameset>",
    "<object data={C}></object>",
    "<object data=\"data:text/html,<img src={C}>\"></object>",
    "<embed src={C}>",
    "<applet code={C}></applet>",
    "<details open ontoggle=\"{J}\">x</details>",
    "<marquee onstart=\"{J}\">x</marquee>",
    "<video><source onerror=\"{J}\" src=x></video>",
    "<audio src=x onerror=\"{J}\"></audio>",
    "<input autofocus onfocus=\"{J}\">",
    "<select autofocus onfocus=\"{J}\"></select>",
    "<textarea autofocus onfocus=\"{J}\"></textarea>",
    "<button autofocus onfocus=\"{J}\">x</button>",
    "<a id=x tabindex=1 autofocus onfocus=\"{J}\">x</a>",
    "<body onload=\"{J}\">",
    "<body onpageshow=\"{J}\">",
    "<p onanimationstart=\"{J}\" style=\"animation:x 1s\"><style>@keyframes x{}</style>x</p>",
    "<link rel=stylesheet href={C} onerror=\"{J}\">",
    "<style onload=\"{J}\"></style>",
    // Loading.
    "<img src={C}>",
    "<img srcset=\"{C} 2x\" src=x>",
    "<img src='{C}' width=1 height=1 style='display:none'>",
    "<picture><source srcset={C}><img src=x></picture>",
    "<image src={C}>",
    "<input type=image src={C}>",
    "<video poster={C}></video>",
    "<video src={C} autoplay></video>",
    "<audio src={C} autoplay></audio>",
    "<track src={C}>",
    "<link rel=stylesheet href={C}>",
    "<link rel=icon href={C}>",
    "<link rel=prefetch href={C}>",
    "<link rel=preload as=image href={C}>",
    "<link rel=modulepreload href={C}>",
    "<link rel=preconnect href={C}>",
    "<link rel=dns-prefetch href={C}>",
    "<link rel=manifest href={C}>",
    "<base href={C}><img src=x>",
    "<meta http-equiv=refresh content=\"0;url={C}\">",
    "<meta http-equiv=Content-Security-Policy content=\"img-src *\"><img src={C}>",
    "<table background={C}><tr><td background={C}>x</table>",
    "<body background={C}>",
    "<svg><image href={C} /><image xlink:href={C} /><feImage href={C} /></svg>",
    "<svg><rect fill=\"url({C}#x)\" /><a href={C}><text>x</text></a></svg>",
    "<form action={C} id=f><input name=a value=b></form><script>f.submit()</script>",
    "<form action={C}><button autofocus>x</button></form>",
    "<portal src={C}></portal>",
    // Style.
    "<div style=\"background:url({C})\">x</div>",
    "<div style=\"background:URL( '{C}' )\">x</div>",
    "<div style=\"background:u\\72l({C})\">x</div>",
    "<div style=\"background:/**/url({C})\">x</div>",
    "<div style=\"background:url({C}\">x</div>",
    "<div style=\"background-image:image-set('{C}' 1x)\">x</div>",
    "<div style=\"background-image:-webkit-image-set(url({C}) 1x)\">x</div>",
    "<div style=\"list-style-image:url({C})\"><ul style=\"list-style:url({C})\"><li>x</ul></div>",
    "<div style=\"cursor:url({C}),auto\">x</div>",
    "<div style=\"background:var(--x,url({C}))\">x</div>",
    "<div style=\"background:url(&quot;{C}\n&quot;);background:image('{C}')\">x</div>",
    "<link rel=stylesheet href=\"data:text/css,body{background:url({C})}\">",
    "<div style=\"border-image:url({C}) 1\">x</div>",
    "<div style=\"content:url({C})\">x</div>",
    "<div style=\"--x:url({C});background:var(--x)\">x</div>",
    "<div style=\"mask-image:url({C});filter:url({C}#x);shape-outside:url({C})\">x</div>",
    "<div style='font-family:\"a;background:url({C})'>x</div>",
    "<div style=\"color:red;}*{background:url({C})\">x</div>",
    "<div style=\"background&#58;url({C})\">x</div>",
    "<div style=\"width:expression({J});-moz-binding:url({C});behavior:url({C})\">x</div>",
    "<style>body{background:url({C})}</style><p>x",
    "<style>@import url({C});</style>",
    "<style>@import '{C}';</style>",
    "<style>@font-face{font-family:x;src:url({C})}p{font-family:x}</style><p>x",
    "<style>p::after{content:url({C})}</style><p>x",
    "<style><!-- body{background:url({C})} --></style>",
    "<div style=\"position:fixed;inset:0;z-index:9999;background:#fff\"><a href={C}>Votre session a expiré</a></div>",
    // Addresses that are programs.
    "<a href=\"javascript:{J}\" id=j1>x</a>",
    "<a href=\"java&#10;script:{J}\">x</a>",
    "<a href=\"&#1;javascript:{J}\">x</a>",
    "<a href=\"vbscript:{J}\">x</a>",
    "<a href=\"data:text/html,<script>{J}</script>\">x</a>",
    "<a href={C} ping={C}>x</a>",
    "<a href=//canari.localhost target=_top>x</a>",
    "<area href=\"javascript:{J}\"><map name=m></map>",
];

/// Texts that are hostile where a page forgets to escape them.
pub const WORDS: &[&str] = &[
    "<img src={C}>",
    "\"><script>{J}</script>",
    "'><svg onload='{J}'>",
    "</title><script>{J}</script>",
    "</textarea><img src={C}>",
    "{{7*7}}${7*7}",
    "\u{202e}gpj.exe",
    "&lt;img src={C}&gt;",
    "--><img src={C}>",
    "javascript:{J}",
];

/// Lines of plain text whose addresses, ends and quotation marks try to leave the link that is made of them.
const LINKS: &[&str] = &[
    "{C}",
    "<{C}>",
    "{C}\"onmouseover=\"{J}",
    "{C}'><img src={C}>",
    "https://banque.example@canari.localhost/<script>{J}</script>",
    "http://[canari.localhost]/\"><svg/onload={J}>",
    "https://a.fr/\u{202e}gpj.exe",
    "javascript://a.fr/%0a{J}",
    "> <img src={C}> ",
    "> {C}",
    "<img src={C} ",
    "onerror={J}>",
    "-- ",
    "mailto:x@exemple.invalid?bcc=y@exemple.invalid&body=<img src={C}>",
];

/// A payload for a canary's number.
pub fn filled(payload: &str, number: usize, port: u16) -> String {
    let canary = format!("http://canari-{number}.localhost:{port}/c");
    let program = format!("window.canari=1;new Image().src='{canary}'");
    let mut letters = String::new();
    for c in program.chars() {
        let _ = write!(letters, "&#{};", u32::from(c));
    }
    payload.replace("{C}", &canary).replace("{J}", &program).replace("{E}", &letters)
}

/// A message: what is tried, and its bytes.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// What is tried.
    pub name: String,
    /// The message.
    pub bytes: Vec<u8>,
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned() + "\r\n").collect()
}

/// Every payload, in messages from one address to another.
pub fn messages(from: &str, to: &str, port: u16) -> Vec<Hostile> {
    let mut number = 0;
    let mut fill = |payload: &str| {
        number += 1;
        filled(payload, number, port)
    };
    let head = |n: usize, subject: &str, mime: &str| {
        format!(
            "From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 08:00:00 +0100\r\n\
             Message-ID: <hostile-{n}-{port}@exemple.fr>\r\nMIME-Version: 1.0\r\n{mime}\r\n\r\n"
        )
    };
    let mut all = Vec::new();
    let mut add = |name: &str, subject: &str, mime: &str, body: &str| {
        let bytes = (head(all.len(), subject, mime) + body).into_bytes();
        all.push(Hostile { name: name.to_owned(), bytes });
    };
    let html = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64";
    // A few at a time: what one of them swallows is found in the control, where each stands alone.
    for (n, some) in HTML.chunks(10).enumerate() {
        let body: String = some.iter().map(|p| format!("<div>{}</div>\r\n", fill(p))).collect();
        add(&format!("html {n}"), &format!("Mise en forme {n}"), html, &base64(body.as_bytes()));
    }
    // As words: subject, name, text, names of files.
    for (n, word) in WORDS.iter().enumerate() {
        let word = fill(word);
        // A few letters at a time: an encoded word is short (RFC 2047 §2).
        let letters: Vec<char> = word.chars().collect();
        let words = letters.chunks(10).map(|c| base64(String::from_iter(c).as_bytes()));
        let subject = words.map(|w| format!("=?utf-8?B?{}?=", w.trim_end())).collect::<Vec<_>>().join("\r\n ");
        add(
            &format!("words {n}"),
            &subject,
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64",
            &base64(word.as_bytes()),
        );
    }
    let flowed =
        "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes\r\nContent-Transfer-Encoding: base64";
    let lines: String = LINKS.iter().map(|line| fill(line) + "\r\n").collect();
    add("links", "Liens", flowed, &base64(lines.as_bytes()));
    let names = fill(
        "Cc: \"<img src={C}>\" <{T}>, =?utf-8?Q?=22=3E=3Cscript=3E?= <{T}>\r\nX-Image: <img src={C}>\r\n\
         Comments: =?utf-8?Q?=E2=80=AE=3Cimg_src=3Dx_onerror=3Dalert(1)=3E?=\r\nList-Unsubscribe: <{C}>, <mailto:x@exemple.invalid>\r\n\
         Content-Type: text/plain",
    );
    add("header", "Noms", &names.replace("{T}", to), "texte\r\n");
    let part = |head: &str, body: &str| format!("--m\r\n{head}\r\n\r\n{body}\r\n");
    let mixed = "Content-Type: multipart/mixed; boundary=m";
    let page = fill("<html><script>{J}</script><img src={C}></html>");
    let drawing = fill("<svg xmlns='http://www.w3.org/2000/svg'><script>{J}</script><image href='{C}'/></svg>");
    let files = [
        part("Content-Type: text/plain", "texte"),
        part(
            "Content-Type: text/html; name=\"page.html\"\r\nContent-Disposition: attachment; filename=\"page.html\"",
            &page,
        ),
        part("Content-Type: image/png; name=\"image.png\"", &page),
        part("Content-Type: image/svg+xml; name=\"dessin.svg\"\r\nContent-ID: <d@x>", &drawing),
        part("Content-Type: application/pdf; name=\"a.pdf\"", &format!("%PDF-1.4\r\n{page}")),
        part("Content-Type: image/gif; name=\"a.gif\"", &format!("GIF89a/*{page}*/=1;")),
        part(&fill("Content-Type: application/x; name=\"<img src={C}>.pdf\""), "x"),
        part(
            "Content-Type: application/x; name*=utf-8''a%22%0d%0aSet-Cookie:%20x%3d1%0d%0a%0d%0a%3cscript%3e.html",
            "x",
        ),
        part("Content-Type: application/x; name*=utf-8''gpj.%E2%80%AEfdp.exe", "x"),
        part(&format!("Content-Type: application/x; name=\"{}.pdf\"", "a".repeat(700)), "x"),
        part("Content-Type: text/html; charset=utf-7", "+ADw-script+AD4-window.canari=1+ADw-/script+AD4-"),
        part(
            "Content-Type: message/rfc822",
            &fill("Subject: <img src={C}>\r\nContent-Type: text/html\r\n\r\n<img src={C}>"),
        ),
    ];
    add("files", "Pieces", mixed, &(files.concat() + "--m--\r\n"));
    let kinds = [
        part("Content-Type: text/plain", "texte"),
        part(&fill("Content-Type: application/<img/src={C}>; name=\"a.bin\""), "x"),
        part(&fill("Content-Type: \"image/png\\\"><img src={C}>\"; name=\"b.png\""), "x"),
        part(&fill("Content-Type: text/html; charset=\"<img src={C}>\"; name=\"c.html\""), &page),
        part(&fill("Content-Type: application/pdf; name=\"d.pdf\"\r\nContent-ID: <\"><img src={C}>>"), "%PDF-1.4"),
        part(
            &fill(
                "Content-Type: application/x; name=\"e\"\r\nContent-Description: <img src={C}>\r\nContent-Location: {C}",
            ),
            "x",
        ),
        part("Content-Type: image/png, text/html; name=\"f.png\"", &page),
    ];
    add("types", "Types", mixed, &(kinds.concat() + "--m--\r\n"));
    let forms = [
        part("Content-Type: text/plain", "texte"),
        part("Content-Type: text/x-amp-html", &fill("<!doctype html><html amp4email><script async src={C}></script>")),
        part("Content-Type: text/enriched", &fill("<param>{C}</param><img src={C}>")),
        part(
            "Content-Type: text/calendar",
            &fill("BEGIN:VCALENDAR\r\nX-ALT-DESC;FMTTYPE=text/html:<img src={C}>\r\nEND:VCALENDAR"),
        ),
        part("Content-Type: text/xml", &fill("<?xml version='1.0'?><?xml-stylesheet type='text/xsl' href='{C}'?><a/>")),
        part("Content-Type: application/xhtml+xml", &page),
    ];
    let alternative = "Content-Type: multipart/alternative; boundary=m";
    add("forms", "Formes", alternative, &(forms.concat() + "--m--\r\n"));
    for charset in ["utf-7", "iso-2022-jp", "x-user-defined", "utf-16", "hz-gb-2312"] {
        let body =
            fill("+ADw-script+AD4-{J}+ADw-/script+AD4- \u{1b}$B<img src=x onerror=\"{J}\">\u{1b}(B ~{<img src={C}>~}");
        let mime = format!("Content-Type: text/html; charset={charset}\r\nContent-Transfer-Encoding: base64");
        add(&format!("charset {charset}"), charset, &mime, &base64(body.as_bytes()));
    }
    let related = [
        part(
            "Content-Type: text/html; charset=utf-8",
            &fill("<img src=cid:d@x><img src='cid:page'><img src=\"cid:x&quot; onerror=&quot;{J}\">"),
        ),
        part("Content-Type: image/svg+xml\r\nContent-ID: <d@x>", &drawing),
        part("Content-Type: image/png\r\nContent-ID: <page>", &page),
    ];
    add("related", "Images", "Content-Type: multipart/related; boundary=m", &(related.concat() + "--m--\r\n"));
    let deep = "<div><b>".repeat(20_000) + &fill("<img src={C}>");
    add("deep", "Profond", html, &base64(deep.as_bytes()));
    let again = "<b>".repeat(400) + &"<p>x</p>".repeat(20_000) + &fill("<img src={C}>");
    add("slow", "Lent", html, &base64(again.as_bytes()));
    all
}

/// Listens for what payloads ask, and serves each of them on a bare page: the control.
#[derive(Debug)]
pub struct Canary {
    /// Its port.
    pub port: u16,
    heard: Arc<Mutex<BTreeSet<String>>>,
}

impl Canary {
    /// Starts one.
    #[track_caller]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let heard = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = noted.clone();
                std::thread::spawn(move || serve(stream, port, &noted));
            }
        });
        Self { port, heard }
    }
    /// The hosts that were asked so far.
    pub fn heard(&self) -> BTreeSet<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// The page that has a payload and nothing that keeps it from anything.
    pub fn bare(&self, n: usize) -> String {
        format!("http://nu.localhost:{}/{n}", self.port)
    }
}

fn serve(stream: TcpStream, port: u16, heard: &Mutex<BTreeSet<String>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let asked = lines.next().unwrap_or_default();
    let host = lines.take_while(|l| !l.is_empty()).find_map(|l| {
        let (name, value) = l.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
    });
    let host = host.unwrap_or_else(|| "nobody".to_owned());
    let page = match host.strip_prefix("nu.") {
        Some(_) => {
            let n = asked.split(['/', ' ']).find_map(|word| word.parse::<usize>().ok());
            n.and_then(|n| HTML.get(n).map(|payload| filled(payload, n, port))).unwrap_or_default()
        }
        None => {
            // A connection without a request is heard too.
            heard.lock().unwrap_or_else(PoisonError::into_inner).insert(host);
            String::new()
        }
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n";
    let mut stream = stream;
    write!(stream, "{head}Content-Length: {}\r\n\r\n{page}", page.len()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_letters_and_every_letter_its_class() {
        let all = messages("a@exemple.fr", "b@exemple.fr", 1);
        let of = |name: &str, letter: &Hostile| letter.name.split(' ').next() == Some(name);
        for (class, name) in CLASSES {
            assert!(all.iter().any(|letter| of(name, letter)), "no letter for {class}");
        }
        for letter in &all {
            assert!(CLASSES.iter().any(|(_, name)| of(name, letter)), "{} stands for nothing", letter.name);
            // They pass the door: lines that end as they should, none too long.
            let text = String::from_utf8_lossy(&letter.bytes).replace("\r\n", "");
            assert!(!text.contains(['\r', '\n']), "{}", letter.name);
            assert!(letter.bytes.split(|b| *b == b'\n').all(|line| line.len() <= 999), "{}", letter.name);
        }
    }
}
