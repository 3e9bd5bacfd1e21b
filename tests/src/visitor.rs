//! A browser without a screen: `curl` with a jar of cookies, forms sent as their pages write them, and a card in its reader.
use crate::sandbox::{Card, CardPair};
use crate::{Run, Sandbox};
use std::path::PathBuf;
use tempfile::TempDir;

/// Somebody with a browser.
#[derive(Debug)]
pub struct Visitor {
    folder: TempDir,
    anchors: PathBuf,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Where it leads.
    pub to: String,
    /// Its header lines, lower case.
    pub headers: String,
    /// The page.
    pub text: String,
}

impl Visitor {
    /// With no cookie yet.
    pub fn new(sandbox: &Sandbox) -> Self {
        let folder = tempfile::Builder::new().prefix("sceau-jar-").tempdir().expect("temporary folder");
        Self { folder, anchors: sandbox.ready.anchors.clone() }
    }
    /// Asks for a page; nothing is followed.
    pub fn get(&self, url: &str) -> Answer {
        self.ask(url, &[])
    }
    /// Asks for a page with a card in the reader.
    pub fn show(&self, url: &str, pair: &CardPair) -> Answer {
        let card = format!("{}:{}", pair.p12.display(), pair.password);
        self.ask(url, &["--cert-type", "P12", "--cert", &card])
    }
    /// Sends the form of a page whose `action` is this path, with its word; `fields`: what one types.
    pub fn send(&self, origin: &str, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let form = page.text.split("<form").find(|f| f.contains(&format!("action=\"{action}\"")));
        let form = form.unwrap_or_else(|| panic!("no form for {action} in {}", page.text));
        let word = form.split("name=\"jeton\" value=\"").nth(1).and_then(|v| v.split('"').next()).expect("a word");
        let mut all = vec![("jeton", word)];
        all.extend(fields);
        let pairs: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut args = vec!["-H".to_owned(), format!("Origin: {origin}")];
        for pair in pairs {
            args.extend(["--data-urlencode".to_owned(), pair]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.ask(&format!("{origin}{action}"), &args)
    }
    fn ask(&self, url: &str, more: &[&str]) -> Answer {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let (jar, head, anchors) = (file("jar"), file("head"), self.anchors.display().to_string());
        // Names below `localhost` are this machine (RFC 6761 §6.3); the sandbox listens at its IPv4 address.
        let mut args = vec!["-sS", "-4", "--max-time", "60", "--cacert", &anchors, "-b", &jar, "-c", &jar, "-D", &head];
        args.extend(more);
        args.push(url);
        let run = Run::of("curl", &args).ok();
        let headers = std::fs::read_to_string(file("head")).expect("headers");
        let status = headers.split_whitespace().nth(1).and_then(|s| s.parse().ok()).expect("a status");
        let headers = headers.lines().map(|l| match l.split_once(':') {
            Some((name, value)) => format!("{}:{value}\n", name.to_ascii_lowercase()),
            None => format!("{l}\n"),
        });
        let headers: String = headers.collect();
        let to = headers.lines().find_map(|l| l.strip_prefix("location:")).unwrap_or_default().trim().to_owned();
        Answer { status, to, headers, text: run.out }
    }
}

impl Sandbox {
    /// The card of this name.
    pub fn card(&self, name: &str) -> &Card {
        self.ready.cards.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no card {name}"))
    }
    /// A card of this state.
    pub fn card_that_is(&self, state: &str) -> &Card {
        self.ready.cards.iter().find(|c| c.state == state).unwrap_or_else(|| panic!("no card is {state}"))
    }
}
