//! The words of what is attached: for screen readers, for telephones, for whoever would not open a file. A message that is attached is read here, with what is
//! attached to it.
use super::frame::{named, title};
use super::letter::{Attached, attached};
use super::{at, way_out, word};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::calendar::Territory;
use sceau_message::safe_html::linked;
use sceau_operator::desk::message::Party;
use sceau_operator::desk::parts::Within;
use sceau_web::{Shell, Visitor, layout, seated};

/// What a message within says of itself (name and value), and its own pieces.
type Inner = (Vec<(String, String)>, Vec<Attached>);

#[derive(Template)]
#[template(path = "message/words.html")]
struct Page {
    shell: Shell,
    back: String,
    file: String,
    /// Markup of ours, as is what follows.
    name: String,
    /// None: there are no words that can be read.
    text: Option<String>,
    cut: bool,
    /// It is a message: what it says of itself, what is attached to it.
    within: Option<Inner>,
}

/// `GET /bal/{b}/message/{m}/piece/{p}/texte`
pub(super) async fn show(visitor: Visitor, Path((b, m, p)): Path<(String, String, String)>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let found = match visitor.op.part_text(&actor, &m, &p).await {
        Ok(found) => found,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let (path, cut, territory) = (at(&b, &m), found.as_ref().is_some_and(|f| f.cut), visitor.op.place().await);
    let within = found.as_ref().and_then(|f| f.within.as_ref());
    let name = match (&found, within) {
        (_, Some(within)) => title(visitor.lang, &within.subject),
        (Some(found), None) => found.name.clone(),
        (None, None) => String::new(),
    };
    let within = within.map(|within| {
        let pieces = within.pieces.iter().map(|piece| attached(&visitor, &path, piece)).collect();
        (facts(&visitor, within, territory), pieces)
    });
    let page = Page {
        shell: visitor.shell(&format!("{path}/piece/{p}/texte")).of_bal(&b),
        back: visitor.to(&path),
        file: format!("{path}/piece/{p}"),
        name: word(&name),
        text: found.filter(|f| !f.text.trim().is_empty()).map(|f| linked(&f.text, &*way_out(&visitor.op, &b))),
        cut,
        within,
    };
    visitor.screen(StatusCode::OK, &page)
}

/// What a message says of itself.
fn facts(visitor: &Visitor, within: &Within, territory: Territory) -> Vec<(String, String)> {
    let people = |list: &[Party]| list.iter().map(|p| word(&named(p))).collect::<Vec<_>>().join(", ");
    let sent = within.sent.map(|sent| layout::moment(visitor.lang, sent, territory)).unwrap_or_default();
    let all = [
        ("message.from", people(&within.from)),
        ("message.to", people(&within.to)),
        ("message.cc", people(&within.cc)),
        ("message.dated", sent),
    ];
    let there = all.into_iter().filter(|(_, value)| !value.is_empty());
    there.map(|(key, value)| (visitor.t(key), value)).collect()
}

impl Page {
    /// What the page is called.
    fn title(&self) -> String {
        self.shell.t(if self.within.is_some() { "message.words.message" } else { "message.words.title" })
    }
}
