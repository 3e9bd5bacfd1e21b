//! A browser as people have one: Debian's Chromium without a window, driven over WebDriver (W3C) by its own driver.
//!
//! It knows the authorities of a sandbox as a person would have installed them: passkeys are refused behind certificate errors, so none is passed
//! over. Its home is a folder of its own, and no name but `localhost` and what ends so is found: it asks nobody outside of the machine.
//!
//! ```no_run
//! # let sandbox = sceau_e2e::Sandbox::start();
//! let browser = sceau_e2e::Browser::start(&sandbox.ready.anchors);
//! browser.go("https://localhost:10026/connexion");
//! browser.fill("#login", "marie.martin").press("button");
//! ```
//! A step that fails panics with the page where it happened.
use crate::Run;
use base64::Engine as _;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the browser may take for one step: a page that waits for its server included.
const PATIENCE: Duration = Duration::from_secs(60);
/// How WebDriver names an element in JSON (§12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A running browser with one window; ended when dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// The size of its screen, as a test has set it.
    screen: Mutex<Option<Screen>>,
    _home: tempfile::TempDir,
}

/// Width and height.
type Screen = (u32, u32);
/// A desk's.
const DESK: Screen = (1200, 900);
/// A telephone's.
const PHONE: Screen = (360, 740);
/// The command (CDP) that gives the screen a size.
const RESIZE: &str = "Emulation.setDeviceMetricsOverride";

/// A key or a telephone that the browser plays (WebAuthn Level 3 §11: virtual authenticators).
#[derive(Debug, Clone)]
pub struct Authenticator(String);

impl Browser {
    /// Starts one that believes these authorities (PEM).
    #[track_caller]
    pub fn start(anchors: &Path) -> Self {
        Self::start_with(anchors, "")
    }
    /// Starts one that finds hosts by these rules first (`MAP host 127.0.0.1:port, `).
    #[track_caller]
    pub fn start_with(anchors: &Path, hosts: &str) -> Self {
        Self::begin(anchors, hosts, false)
    }
    /// Starts one that notes everything that it asks for, whoever has it do so ([`Self::requests`]).
    #[track_caller]
    pub fn start_watched(anchors: &Path) -> Self {
        Self::begin(anchors, "", true)
    }
    #[track_caller]
    fn begin(anchors: &Path, hosts: &str, watched: bool) -> Self {
        let home = tempfile::Builder::new().prefix("sceau-browser-").tempdir().expect("temporary folder");
        believe(home.path(), anchors);
        // Port 0: the driver takes a free one and says which.
        let mut driver = Command::new("chromedriver")
            .args(["--port=0", "--log-level=SEVERE"])
            .env("HOME", home.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("chromedriver does not start ({e}): run ./check, which installs it"));
        let mut lines = BufReader::new(driver.stdout.take().expect("piped")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|l| {
                l.rsplit_once("successfully on port ").and_then(|(_, p)| p.trim_end_matches('.').parse().ok())
            })
            .expect("the driver says its port");
        // What it says later is read, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Self { driver, port, session: String::new(), screen: Mutex::default(), _home: home };
        let arguments = [
            "--headless=new",
            // Namespaces of its own are not to be had in every container; what it reads here is ours.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--window-size=1200,900",
            // Where a page goes somewhere it is there: what is pressed does not move.
            "--force-prefers-reduced-motion",
            &format!(
                "--host-resolver-rules={hosts}MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
            ),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": false,
            "timeouts": { "script": 20_000, "pageLoad": 45_000, "implicit": 0 },
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": if watched { "ALL" } else { "OFF" } },
        }}});
        let made = browser.ask("POST", "/session", &wanted).unwrap_or_else(|e| panic!("no browser: {e}"));
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    /// One request to the driver: its value, or what it says is wrong.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let say = |e: std::io::Error| format!("{method} {path}: {e}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(say)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(say)?;
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(say)?;
        // It keeps connections open, whatever it is asked: the length says where the answer ends.
        let (mut stream, mut length, mut line) = (BufReader::new(stream), 0, String::new());
        while line != "\r\n" {
            line.clear();
            if stream.read_line(&mut line).map_err(say)? == 0 {
                return Err(format!("{method} {path}: no answer"));
            }
            if let Some((name, value)) = line.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case("content-length"))
            {
                length = value.trim().parse().map_err(|e| format!("{method} {path}: {name}: {e}"))?;
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).map_err(say)?;
        let said: Value = serde_json::from_slice(&answer).map_err(|e| format!("{method} {path}: {e}"))?;
        match &said["value"]["error"] {
            Value::String(error) => {
                let message = said["value"]["message"].as_str().unwrap_or_default();
                Err(format!("{method} {path}: {error}: {}", message.lines().next().unwrap_or_default()))
            }
            _ => Ok(said["value"].clone()),
        }
    }
    fn tried(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.ask(method, &format!("/session/{}{path}", self.session), body)
    }
    #[track_caller]
    fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        self.tried(method, path, body).unwrap_or_else(|e| self.fail(&e))
    }
    /// Ends the test with what is on the screen.
    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let url = self.tried("GET", "/url", &Value::Null).unwrap_or_default();
        let page = self.tried("GET", "/source", &Value::Null).unwrap_or_default();
        panic!("{what}\n--- {url}\n{}\n--- console\n{}", page.as_str().unwrap_or_default(), self.console().join("\n"))
    }

    /// Opens an address, and waits for its page.
    #[track_caller]
    pub fn go(&self, url: &str) -> &Self {
        self.done("POST", "/url", &json!({ "url": url }));
        self.look();
        self
    }
    /// The address of the page.
    #[track_caller]
    pub fn url(&self) -> String {
        self.done("GET", "/url", &Value::Null).as_str().expect("a text").to_owned()
    }
    /// The path of the page, without host and query.
    #[track_caller]
    pub fn path(&self) -> String {
        let url = self.url();
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        path.split(['?', '#']).next().unwrap_or_default().to_owned()
    }
    /// Waits until the page is at this path.
    #[track_caller]
    pub fn at(&self, path: &str) -> &Self {
        for _ in 0..400 {
            if self.path() == path {
                self.look();
                return self;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.fail(&format!("waited in vain for {path}"))
    }
    /// Waits for where one begins after a sign-in: a list of messages, or one's BALs for whoever has none.
    #[track_caller]
    pub fn home(&self) -> &Self {
        for _ in 0..400 {
            if self.path().starts_with("/bal") {
                self.look();
                return self;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.fail("waited in vain for the desk")
    }
    /// Everything that the page shows, as text.
    #[track_caller]
    pub fn text(&self) -> String {
        self.text_of("body")
    }
    /// What an element shows.
    #[track_caller]
    pub fn text_of(&self, css: &str) -> String {
        let element = self.find(css);
        self.done("GET", &format!("/element/{element}/text"), &Value::Null).as_str().unwrap_or_default().to_owned()
    }
    /// Waits until the page shows a text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        for _ in 0..400 {
            // The element may be of the page before, which is just leaving.
            let body = self.find("body");
            let shown = self.tried("GET", &format!("/element/{body}/text"), &Value::Null).unwrap_or_default();
            if shown.as_str().is_some_and(|s| s.contains(text)) {
                self.look();
                return self;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.fail(&format!("waited in vain for “{text}”"))
    }
    /// The page as it is.
    #[track_caller]
    pub fn source(&self) -> String {
        self.done("GET", "/source", &Value::Null).as_str().unwrap_or_default().to_owned()
    }
    /// Is there such an element now?
    #[track_caller]
    pub fn has(&self, css: &str) -> bool {
        !self.done("POST", "/elements", &selector(css)).as_array().is_none_or(Vec::is_empty)
    }
    /// Waits for an element.
    #[track_caller]
    fn find(&self, css: &str) -> String {
        for _ in 0..200 {
            if let Ok(found) = self.tried("POST", "/element", &selector(css)) {
                return found[ELEMENT].as_str().expect("an element").to_owned();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.fail(&format!("there is no {css}"))
    }
    /// How many such elements there are now.
    #[track_caller]
    pub fn count(&self, css: &str) -> usize {
        let found = self.run("return document.querySelectorAll(arguments[0]).length;", &[json!(css)]);
        found.as_u64().and_then(|n| usize::try_from(n).ok()).expect("a number")
    }
    /// An attribute of an element.
    #[track_caller]
    pub fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let element = self.find(css);
        let value = self.done("GET", &format!("/element/{element}/attribute/{name}"), &Value::Null);
        value.as_str().map(str::to_owned)
    }
    /// Empties a field and types into it, key by key.
    #[track_caller]
    pub fn fill(&self, css: &str, text: &str) -> &Self {
        let element = self.find(css);
        self.done("POST", &format!("/element/{element}/clear"), &json!({}));
        self.done("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
        self
    }
    /// Presses an element, as a finger would: it must be visible and under nothing.
    #[track_caller]
    pub fn press(&self, css: &str) -> &Self {
        let click = |element: String| self.tried("POST", &format!("/element/{element}/click"), &json!({}));
        if let Err(e) = click(self.find(css)) {
            // The page before was still there when it was found: one address may answer a form of its own.
            if !e.contains("stale element") {
                self.fail(&e);
            }
            click(self.find(css)).unwrap_or_else(|e| self.fail(&e));
        }
        self
    }
    /// Runs a script in the page, as its body; gives what it returns.
    #[track_caller]
    pub fn run(&self, script: &str, args: &[Value]) -> Value {
        self.done("POST", "/execute/sync", &json!({ "script": script, "args": args }))
    }
    /// The cookies of the page's host.
    #[track_caller]
    pub fn cookies(&self) -> Vec<Value> {
        self.done("GET", "/cookie", &Value::Null).as_array().cloned().unwrap_or_default()
    }
    /// The value of a cookie of the page's host.
    #[track_caller]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies();
        cookies.iter().find(|c| c["name"] == name).and_then(|c| c["value"].as_str()).map(str::to_owned)
    }
    /// Forgets the cookies of the page's host.
    #[track_caller]
    pub fn forget_cookies(&self) -> &Self {
        self.done("DELETE", "/cookie", &Value::Null);
        self
    }
    /// A window as large as a telephone's (360 × 740), or as a desk's again.
    #[track_caller]
    pub fn phone(&self, phone: bool) -> &Self {
        let screen = if phone { PHONE } else { DESK };
        self.devtools(RESIZE, &metrics(screen));
        *self.screen.lock().unwrap_or_else(PoisonError::into_inner) = Some(screen);
        self
    }
    /// A window of this width, light or dark.
    #[track_caller]
    pub fn screen(&self, screen: crate::desk::Screen) -> &Self {
        let height = if screen.width < 500 { 844 } else { 1000 };
        let metrics =
            json!({ "width": screen.width, "height": height, "deviceScaleFactor": 1, "mobile": screen.width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if screen.dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features);
        self
    }
    /// Takes scripts away from pages, or gives them back.
    #[track_caller]
    pub fn scripts(&self, on: bool) -> &Self {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": !on }));
        self
    }
    /// A command of the browser's own protocol (CDP), which WebDriver has no word for.
    #[track_caller]
    pub fn devtools(&self, command: &str, params: &Value) -> Value {
        self.done("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": params }))
    }
    /// What is on the screen, PNG.
    #[track_caller]
    pub fn picture(&self) -> Vec<u8> {
        let text = self.done("GET", "/screenshot", &Value::Null);
        base64::prelude::BASE64_STANDARD.decode(text.as_str().unwrap_or_default()).expect("a picture")
    }
    /// With `SCEAU_PICTURES` set: every page that a test comes to, whole, at the widths of a desk, a tablet and a telephone, as
    /// `target/pictures/pages/<path>-<width>.png`. Whoever changes pages looks at them.
    fn look(&self) {
        if std::env::var_os("SCEAU_PICTURES").is_some() {
            self.pictures(&crate::proof::workspace().join("target/pictures/pages"));
        }
    }
    /// The page at each width, into a folder. The screen is as it was before.
    fn pictures(&self, folder: &Path) {
        let path: String =
            self.path().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(48).collect();
        std::fs::create_dir_all(folder).expect("a folder");
        let command = |command: &str, params: Value| {
            self.tried("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": params })).unwrap_or_default()
        };
        for screen in [DESK, (768, 1024), PHONE] {
            command(RESIZE, metrics(screen));
            let shot = command("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true }));
            let png = base64::prelude::BASE64_STANDARD.decode(shot["data"].as_str().unwrap_or_default());
            std::fs::write(folder.join(format!("{path}-{}.png", screen.0)), png.unwrap_or_default())
                .expect("a picture");
        }
        let set = *self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        match set {
            Some(screen) => command(RESIZE, metrics(screen)),
            None => command("Emulation.clearDeviceMetricsOverride", json!({})),
        };
    }
    /// Lines of a log of the driver since it was last asked.
    pub(crate) fn log(&self, kind: &str) -> Value {
        self.tried("POST", "/se/log", &json!({ "type": kind })).unwrap_or_default()
    }
    /// What the browser wrote to its console since it was last asked: blocked resources and errors of scripts are there.
    pub fn console(&self) -> Vec<String> {
        let lines = self.log("browser");
        let text =
            |l: &Value| format!("{}: {}", l["level"].as_str().unwrap_or(""), l["message"].as_str().unwrap_or(""));
        lines.as_array().map(|l| l.iter().map(text).collect()).unwrap_or_default()
    }
    /// Plugs in an authenticator: a telephone's own, which keeps credentials and verifies its user when `verifies`.
    #[track_caller]
    pub fn authenticator(&self, verifies: bool) -> Authenticator {
        let wanted = json!({ "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
                             "isUserConsenting": true, "isUserVerified": verifies });
        let id = self.done("POST", "/webauthn/authenticator", &wanted);
        Authenticator(id.as_str().expect("an id").to_owned())
    }
    /// Its user is verified from now on, or not.
    #[track_caller]
    pub fn verified(&self, authenticator: &Authenticator, verified: bool) -> &Self {
        let path = format!("/webauthn/authenticator/{}/uv", authenticator.0);
        self.done("POST", &path, &json!({ "isUserVerified": verified }));
        self
    }
    /// The credentials that it holds.
    #[track_caller]
    pub fn credentials(&self, authenticator: &Authenticator) -> Vec<Value> {
        let path = format!("/webauthn/authenticator/{}/credentials", authenticator.0);
        self.done("GET", &path, &Value::Null).as_array().cloned().unwrap_or_default()
    }
    /// Puts a credential into it: what [`Self::credentials`] gave, changed or not, as a copied key has it.
    #[track_caller]
    pub fn plant(&self, authenticator: &Authenticator, credential: &Value) -> &Self {
        self.done("POST", &format!("/webauthn/authenticator/{}/credential", authenticator.0), credential);
        self
    }
    /// Takes it out.
    #[track_caller]
    pub fn unplug(&self, authenticator: &Authenticator) -> &Self {
        self.done("DELETE", &format!("/webauthn/authenticator/{}", authenticator.0), &Value::Null);
        self
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser with the session; killed at once it would leave it behind.
        if !self.session.is_empty() {
            let _ = self.tried("DELETE", "", &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// What [`RESIZE`] asks.
fn metrics((width, height): Screen) -> Value {
    json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 })
}

fn selector(css: &str) -> Value {
    json!({ "using": "css selector", "value": css })
}

/// The authorities of a file, in the base of certificates that Chromium reads in its home.
fn believe(home: &Path, anchors: &Path) {
    let base = home.join(".pki/nssdb");
    std::fs::create_dir_all(&base).expect("a base of certificates");
    let base = format!("sql:{}", base.display());
    let _ = Run::of("certutil", &["-N", "-d", &base, "--empty-password"]).ok();
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let all = std::fs::read_to_string(anchors).expect("anchors");
    for (i, pem) in all.split(BEGIN).skip(1).enumerate() {
        let name = format!("sandbox {i}");
        let args = ["-A", "-d", &base, "-n", &name, "-t", "C,,", "-a"];
        let _ = Run::with_input("certutil", &args, format!("{BEGIN}{pem}").as_bytes()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// The driver itself: pages of a server of ours in clear (`localhost` counts as secure), a script, a passkey.
    #[test]
    fn drives_a_page_and_a_passkey() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("port");
        let port = listener.local_addr().expect("address").port();
        std::thread::spawn(move || {
            let page = "<!doctype html><meta name=viewport content='width=device-width'><title>t</title><form action=/done><label>N<input id=n name=n></label><button>Go</button></form>";
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut heard = [0; 4096];
                let read = stream.read(&mut heard).unwrap_or(0);
                let first = String::from_utf8_lossy(&heard[..read]).lines().next().unwrap_or_default().to_owned();
                let body = if first.contains("/done") { format!("<p>{first}</p>") } else { page.to_owned() };
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes());
            }
        });
        let anchors = tempfile::NamedTempFile::new().expect("file");
        let browser = Browser::start(anchors.path());
        browser.go(&format!("http://localhost:{port}/"));
        // Pictures of the page leave the screen as the test has set it.
        let folder = tempfile::tempdir().expect("folder");
        for (phone, wanted) in [(true, PHONE.0), (false, DESK.0)] {
            browser.phone(phone).pictures(folder.path());
            let right = || (browser.run("return window.innerWidth", &[]) == json!(wanted)).then_some(());
            crate::wait::until("the width that was set", 10, right);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("pictures").count(), 3);
        let key = browser.authenticator(true);
        let made = browser.run(
            "const key = await navigator.credentials.create({publicKey: {rp: {name: 'r'}, user: {id: new Uint8Array(32), name: 'u', displayName: 'u'}, \
             challenge: new Uint8Array(32), pubKeyCredParams: [{type: 'public-key', alg: -7}], authenticatorSelection: {residentKey: 'required', \
             userVerification: 'required'}}}); return key.toJSON();",
            &[],
        );
        assert_eq!(made["type"], "public-key", "{made}");
        assert_eq!(browser.credentials(&key).len(), 1);
        browser.fill("#n", "é 1").press("button").at("/done").shows("n=%C3%A9+1");
        assert!(browser.picture().starts_with(b"\x89PNG"));
        assert!(!browser.has("form"));
    }
}
