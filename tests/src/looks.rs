//! What a browser is asked beyond going and pressing: does a page keep the rules of accessibility, which files did it load, what do keys and dropped files
//! do.
use crate::{Browser, letter, proof};
use serde_json::{Value, json};
use std::path::PathBuf;

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
