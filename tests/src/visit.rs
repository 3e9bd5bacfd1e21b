//! A browser without a screen and without scripts: curl with a jar of cookies. It sends forms as they stand on a page, and follows where it is led when
//! the test says so.
use crate::sandbox::Operator;
use crate::{Run, Sandbox};
use tempfile::TempDir;

/// Somebody's browser.
#[derive(Debug)]
pub struct Visit<'a> {
    sandbox: &'a Sandbox,
    folder: TempDir,
}

/// What came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which address was asked.
    pub url: String,
    /// HTTP status.
    pub status: u16,
    /// Where it leads.
    pub to: Option<String>,
    /// The page.
    pub body: String,
}

impl<'a> Visit<'a> {
    /// A new browser.
    pub fn new(sandbox: &'a Sandbox) -> Self {
        Self { sandbox, folder: tempfile::tempdir().expect("a folder") }
    }
    fn jar(&self) -> String {
        self.folder.path().join("jar").display().to_string()
    }
    /// The value of a cookie that it has.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let jar = std::fs::read_to_string(self.jar()).ok()?;
        // Columns parted by tabs: host, whether those below it too, path, secure, end, name, value.
        jar.lines().find_map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            (columns.get(5) == Some(&name)).then(|| columns.get(6).map(|value| (*value).to_owned())).flatten()
        })
    }
    /// Asks with curl's own arguments.
    pub fn ask(&self, url: &str, more: &[&str]) -> Seen {
        let jar = self.jar();
        // Names below `localhost` are this machine (RFC 6761 §6.3); the sandbox listens at its IPv4 address.
        let all = ["-sS", "-4", "--max-time", "60", "--cacert", self.sandbox.anchors(), "-b", &jar, "-c", &jar];
        let told = ["-A", "Mozilla/5.0 (X11; Linux x86_64) essai", "-w", "\n%{http_code} %{redirect_url}", url];
        let run = Run::of("curl", &[&all[..], more, &told].concat()).ok();
        let (body, told) = run.out.rsplit_once('\n').expect("a status");
        let (status, to) = told.split_once(' ').expect("a status");
        let to = (!to.is_empty()).then(|| to.to_owned());
        Seen { url: url.to_owned(), status: status.parse().expect("a number"), to, body: body.to_owned() }
    }
    /// Looks at a page.
    pub fn get(&self, url: &str) -> Seen {
        self.ask(url, &[])
    }
    /// Sends fields, as a form of `from` does.
    pub fn post(&self, from: &str, url: &str, fields: &[(&str, &str)]) -> Seen {
        let origin = format!("Origin: {}", site(from));
        let mut all: Vec<String> = vec!["-X".into(), "POST".into(), "-H".into(), origin];
        for (name, value) in fields {
            all.extend(["--data-urlencode".into(), format!("{name}={value}")]);
        }
        self.ask(url, &all.iter().map(String::as_str).collect::<Vec<_>>())
    }
    /// Sends the form of a page whose `action` is this path, with what is typed into it.
    pub fn send(&self, page: &Seen, action: &str, typed: &[(&str, &str)]) -> Seen {
        let fields = page.form(action).unwrap_or_else(|| panic!("no form {action} in {}", page.body));
        let given =
            fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).filter(|(n, _)| typed.iter().all(|t| t.0 != *n));
        let url = format!("{}{action}", site(&page.url));
        self.post(&page.url, &url, &given.chain(typed.iter().copied()).collect::<Vec<_>>())
    }
    /// Goes where it is led, to the end.
    pub fn follow(&self, mut seen: Seen) -> Seen {
        for _ in 0..10 {
            match seen.to.clone() {
                Some(to) => seen = self.get(&to),
                None => return seen,
            }
        }
        panic!("led on and on: {seen:?}")
    }
    /// Signs in at an operator's pages by the played Pro Santé Connect, up to its return: the answer of our own page.
    pub fn sign_in(&self, public_url: &str, who: &str) -> Seen {
        let page = self.get(&format!("{public_url}/connexion"));
        let back = self.at_provider(self.send(&page, "/connexion/psc", &[]), who, "card");
        self.get(&back)
    }
    /// Who is signed in and new here opens a mailbox in the domain of no structure, for whoever works in none, and accepts the terms of use: its address,
    /// once it is open.
    pub fn open_mailbox(&self, a: &Operator) -> String {
        let main = &a.public_url;
        let page = self.get(&format!("{main}/bal"));
        let form = page.form("/bal").unwrap_or_else(|| panic!("nothing to open: {}", page.body));
        let (_, address) = form.into_iter().find(|(name, _)| name == "address").expect("an address");
        assert!(address.ends_with(&format!("@{}", a.domains[1])), "{address}");
        let asked = self.send(&page, "/bal", &[]);
        assert!(asked.to.as_deref().is_some_and(|to| to.ends_with("/conditions")), "{asked:?}");
        let terms = self.get(&format!("{main}/conditions"));
        let accepted = self.send(&terms, "/conditions", &[("accept", "yes")]);
        assert!(accepted.status < 400, "{accepted:?}");
        crate::wait::until("the mailbox to be opened", 30, || {
            a.cli_raw(&["bal", "show", &address]).out.contains("\"active\"").then_some(())
        });
        address
    }
    /// At the provider's page to which a form led: picks somebody and a means; where the browser goes then.
    pub fn at_provider(&self, led: Seen, who: &str, means: &str) -> String {
        let page = self.get(&led.to.unwrap_or_else(|| panic!("led nowhere: {} {}", led.status, led.body)));
        if let Some(to) = page.to {
            // A session there: nobody is asked.
            return to;
        }
        let ask = between(&page.body, "name=\"ask\" value=\"", "\"").expect("the provider's page");
        let url = page.url.split('?').next().expect("an address");
        let back = self.post(&page.url, url, &[("ask", ask), ("who", who), ("means", means)]);
        back.to.unwrap_or_else(|| panic!("not led back: {}", back.body))
    }
}

impl Seen {
    /// Names and values of the fields of the form with this `action` (without its query), as a browser would send them: no box that is not ticked.
    pub fn form(&self, action: &str) -> Option<Vec<(String, String)>> {
        let start = self.body.match_indices("action=\"").map(|(at, _)| at + 8);
        let mut found = start.filter(|at| {
            let path = self.body[*at..].split('"').next().unwrap_or_default();
            path.split('?').next() == Some(action)
        });
        let form = &self.body[found.next()?..];
        let form = form.split("</form>").next()?;
        let fields = form.split("<input").skip(1).filter_map(|input| {
            let input = input.split('>').next()?;
            if ["checkbox", "radio"].iter().any(|t| input.contains(&format!("type=\"{t}\"")))
                && !input.contains(" checked")
            {
                return None;
            }
            let value = between(input, "value=\"", "\"").unwrap_or_default();
            Some((between(input, "name=\"", "\"")?.to_owned(), plain(value)))
        });
        Some(fields.collect())
    }
}

/// The origin of an address.
pub fn site(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    url[start..].find('/').map_or(url, |at| &url[..start + at])
}

/// The text between two others.
pub fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

/// A value of an attribute, its references replaced.
fn plain(value: &str) -> String {
    let pairs = [("&#34;", "\""), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&#60;", "<"), ("&#62;", ">")];
    let text = pairs.into_iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace("&#38;", "&").replace("&amp;", "&")
}
