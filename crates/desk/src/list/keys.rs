//! Single keys: their card, and the script that hears them. On every page where mail is listed or read, unless the person chose otherwise.
use askama::Template;
use sceau_operator::desk::choices::Choices;
use sceau_web::{Shell, Visitor};

/// The keys of `keys.js`, with the key of what each does.
const KEYS: [(&str, &str); 17] = [
    ("j", "list.keys.next"),
    ("k", "list.keys.previous"),
    ("o", "list.keys.open"),
    ("u", "message.back"),
    ("x", "list.keys.tick"),
    ("e", "list.act.archive"),
    ("#", "list.act.bin"),
    ("!", "list.act.junk"),
    ("s", "list.act.follow"),
    ("m", "list.act.unread"),
    ("r", "message.answer.one"),
    ("a", "message.answer.all"),
    ("f", "message.answer.forward"),
    ("c", "list.rail.write"),
    ("/", "list.search.button"),
    ("z", "list.act.undo"),
    ("g", "list.keys.go"),
];

/// What a page puts at its end.
#[derive(Template)]
#[template(path = "list/keys.html")]
pub(crate) struct Keys {
    shell: Shell,
}

impl Keys {
    /// None where the person wants none.
    pub fn of(visitor: &Visitor, choices: &Choices) -> Option<Self> {
        choices.keys.then(|| Self { shell: visitor.shell("/bal") })
    }
    /// Keys, and what each does.
    fn all(&self) -> Vec<(&'static str, String)> {
        KEYS.iter().map(|(key, words)| (*key, self.shell.t(words))).collect()
    }
}
