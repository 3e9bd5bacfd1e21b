//! What a browser is asked beyond going and pressing: does a page keep the rules of accessibility, which files did it load, what do keys and dropped
//! files do, what stands in its frames, does it look as it did.
use crate::desk::Screen;
use crate::{Browser, letter, proof};
use serde_json::{Value, json};
use std::path::PathBuf;

/// How much of a picture may differ: what a page says of this run (a name, a size) is less, a line that moved is more.
const DIFFERENT: f64 = 0.005;
/// Takes what differs from run to run out of the page, or puts it back: instants, and which of two letters came first.
const STILL: &str = "for (const rows of arguments[0] ? document.querySelectorAll('ol.rows') : []) {\n\
    const word = (row) => row.querySelector('.row-subject')?.textContent ?? '\u{ffff}';\n\
    rows.append(...[...rows.children].sort((a, b) => word(a) < word(b) ? -1 : 1));\n\
    }\n\
    for (const time of document.querySelectorAll('time')) {\n\
    if (arguments[0]) { time.was = time.textContent; time.textContent = '1er décembre'; } else { time.textContent = time.was; }\n\
    }";
/// Which share of the pixels of two pictures differs (base64 PNG); all, when they are not of one size.
const COMPARE: &str = "const [one, other] = await Promise.all([...arguments].map((text) => new Promise((done, failed) => {\n\
      const image = new Image();\n\
      image.onload = () => done(image);\n\
      image.onerror = failed;\n\
      image.src = 'data:image/png;base64,' + text;\n\
    })));\n\
    if (one.width !== other.width || one.height !== other.height) return 1;\n\
    const pixels = (image) => {\n\
      const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');\n\
      canvas.drawImage(image, 0, 0);\n\
      return canvas.getImageData(0, 0, image.width, image.height).data;\n\
    };\n\
    const [a, b] = [pixels(one), pixels(other)];\n\
    let different = 0;\n\
    for (let i = 0; i < a.length; i += 4) {\n\
      if ([0, 1, 2].some((c) => Math.abs(a[i + c] - b[i + c]) > 12)) different += 1;\n\
    }\n\
    return different / (a.length / 4);";

/// Rules that every page keeps: WCAG 2.2 A and AA, and good practice.
const RULES: [&str; 5] = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"];

/// axe-core, as `./check` installed it.
fn axe_core() -> PathBuf {
    proof::workspace().join("target/client-tools/node_modules/axe-core/axe.min.js")
}

impl Browser {
    /// The page as it stands keeps every rule of axe-core; there is no list of exceptions. `state` is told when it does not.
    #[track_caller]
    pub fn accessible(&self, state: &str) -> &Self {
        let found = self.violations(&RULES);
        assert!(found.is_empty(), "{state} at {}: {found:#?}", self.path());
        self
    }
    /// What of these rules (tags, or names of rules) the page does not keep.
    #[track_caller]
    pub fn violations(&self, rules: &[&str]) -> Vec<String> {
        let core = std::fs::read_to_string(axe_core()).expect("axe-core: run ./check, which installs it");
        let tags = rules.iter().all(|r| r.starts_with("wcag") || *r == "best-practice");
        let script = format!(
            "if (!window.axe) {{ {core} }}\nreturn window.axe.run(document, {{ runOnly: {{ type: arguments[1], values: arguments[0] }}, \
             resultTypes: ['violations'] }}).then((r) => r.violations.map((v) => v.id + ': ' + v.help + ' – ' + v.nodes.slice(0, 5).map((n) => \
             n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | ')));"
        );
        let found = self.run(&script, &[json!(rules), json!(if tags { "tag" } else { "rule" })]);
        found.as_array().expect("a list").iter().map(|v| v.as_str().unwrap_or_default().to_owned()).collect()
    }
    /// Addresses of what the page loaded.
    #[track_caller]
    pub fn loaded(&self) -> Vec<String> {
        let all = self.run("return performance.getEntriesByType('resource').map((e) => e.name);", &[]);
        all.as_array().expect("a list").iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
    /// Addresses of everything that the browser asked for since it was last asked this, frames and workers included. Of one that was started as
    /// [`Browser::start_watched`].
    pub fn requests(&self) -> Vec<String> {
        let log = self.log("performance");
        let asked = |line: &Value| {
            let event: Value = serde_json::from_str(line["message"].as_str()?).ok()?;
            let event = &event["message"];
            let sent = event["method"] == "Network.requestWillBeSent" || event["method"] == "Network.webSocketCreated";
            let params = &event["params"];
            let url = params["request"]["url"].as_str().or(params["url"].as_str()).filter(|_| sent)?;
            Some(url.to_owned())
        };
        log.as_array().map(|lines| lines.iter().filter_map(asked).collect()).unwrap_or_default()
    }
    /// Without a network, or with one again.
    #[track_caller]
    pub fn offline(&self, off: bool) -> &Self {
        self.devtools("Network.enable", &json!({}));
        let conditions = json!({ "offline": off, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.devtools("Network.emulateNetworkConditions", &conditions);
        self
    }
    /// The elements of the page and of its frames as the browser has them, whatever scripts may do there: `DOM.Node` of its own protocol.
    #[track_caller]
    pub fn tree(&self) -> Value {
        self.devtools("DOM.getDocument", &json!({ "depth": -1, "pierce": true }))["root"].clone()
    }
    /// What stands in the frames of the page, as text.
    #[track_caller]
    pub fn framed(&self) -> String {
        fn texts(node: &Value, framed: bool, into: &mut String) {
            // §3 of the DOM: 3 is a text.
            if framed && node["nodeType"] == 3 {
                into.push_str(node["nodeValue"].as_str().unwrap_or_default());
                into.push('\n');
            }
            if node["contentDocument"].is_object() {
                texts(&node["contentDocument"], true, into);
            }
            for child in node["children"].as_array().into_iter().flatten() {
                texts(child, framed, into);
            }
        }
        let mut all = String::new();
        texts(&self.tree(), false, &mut all);
        all
    }
    /// In the long check, and with `SCEAU_PICTURES` set: the page as it stands, at each width, light and dark, as `target/pictures/guide/<state>-<width>-<light or dark>.png`.
    /// `compared`: what looks otherwise than the picture of that name in `docs/guide/images` fails.
    #[track_caller]
    pub fn pictured(&self, state: &str, compared: bool) -> &Self {
        if ["SCEAU_LONG", "SCEAU_PICTURES"].iter().all(|name| std::env::var_os(name).is_none()) {
            return self;
        }
        let root = proof::workspace();
        let (kept, made) = (root.join("docs/guide/images"), root.join("target/pictures/guide"));
        std::fs::create_dir_all(&made).expect("a folder");
        let mut others = Vec::new();
        for screen in Screen::ALL {
            self.screen(screen);
            self.run(STILL, &[json!(true)]);
            let picture = self.picture();
            self.run(STILL, &[json!(false)]);
            let name = format!("{state}-{}-{}.png", screen.width, if screen.dark { "dark" } else { "light" });
            std::fs::write(made.join(&name), &picture).expect("a picture");
            if let (true, Ok(before)) = (compared, std::fs::read(kept.join(&name))) {
                let pair = [json!(letter::base64(&before)), json!(letter::base64(&picture))];
                let different = self.run(COMPARE, &pair).as_f64().unwrap_or(1.0);
                if different > DIFFERENT {
                    others.push(format!("{name}: {:.1} %", different * 100.0));
                }
            }
        }
        assert!(others.is_empty(), "pages look otherwise than in the guide: {others:#?}");
        self
    }
    /// Presses keys one after the other, wherever the focus is: a letter, or `Enter`, `Escape`, `Tab`, `ArrowDown`…; with `Control+` or `Shift+` before it.
    #[track_caller]
    pub fn keys(&self, keys: &[&str]) -> &Self {
        for key in keys {
            let (modifiers, name) = match key.rsplit_once('+').filter(|(before, _)| !before.is_empty()) {
                Some(("Control", name)) => (2, name),
                Some(("Shift", name)) => (8, name),
                _ => (0, *key),
            };
            let code = match name {
                "Enter" => 13,
                "Escape" => 27,
                "Tab" => 9,
                "ArrowLeft" => 37,
                "ArrowUp" => 38,
                "ArrowRight" => 39,
                "ArrowDown" => 40,
                "Home" => 36,
                "End" => 35,
                _ => 0,
            };
            let text = match name {
                "Enter" => "\r",
                _ if code == 0 && modifiers != 2 => name,
                _ => "",
            };
            for kind in ["keyDown", "keyUp"] {
                let mut event =
                    json!({ "type": kind, "key": name, "modifiers": modifiers, "windowsVirtualKeyCode": code });
                if kind == "keyDown" && !text.is_empty() {
                    event["text"] = text.into();
                }
                self.devtools("Input.dispatchKeyEvent", &event);
            }
        }
        self
    }
    /// Drops a file onto an element, as from a folder.
    #[track_caller]
    pub fn drop_file(&self, css: &str, name: &str, kind: &str, bytes: &[u8]) -> &Self {
        const DROP: &str = "const [css, name, kind, text] = arguments;\n\
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));\n\
            const data = new DataTransfer();\n\
            data.items.add(new File([bytes], name, { type: kind }));\n\
            const to = document.querySelector(css);\n\
            for (const event of ['dragenter', 'dragover', 'drop']) {\n\
              to.dispatchEvent(new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true }));\n\
            }";
        self.run(DROP, &[json!(css), json!(name), json!(kind), json!(letter::base64(bytes))]);
        self
    }
}
