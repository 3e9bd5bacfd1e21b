//! `/bal`: one's BALs, what one asked for, and opening one's own (F006).
use super::session::{Sent, Visitor};
use super::shell::Shell;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_domain::opening::{Guard, Lack, State};
use sceau_identity::factor::{Lacking, Need};
use sceau_operator::identity::first::{OwnBal, OwnMail, OwnPlace};
use sceau_operator::openings::OpeningView;
use serde::Deserialize;
use std::collections::HashMap;

/// What may be opened.
#[derive(Deserialize)]
pub(super) struct Wanted {
    address: String,
    #[serde(default)]
    ordinaire: String,
}

#[derive(askama::Template)]
#[template(path = "bal.html")]
struct Bals {
    shell: Shell,
    bals: Vec<OwnBal>,
    asked: Vec<OpeningView>,
    places: Vec<OwnPlace>,
    /// The session was not begun by card or its equivalent: the person is told how to.
    issuer: bool,
    /// Nothing at all: neither a BAL nor a way to one.
    nothing: bool,
    /// What the ordinary address lacks; it is asked for with the BAL.
    ordinary: Option<Lack>,
    /// How many messages nobody read, by what names their BAL.
    unread: HashMap<String, u32>,
}

impl Bals {
    fn kind(&self, kind: &sceau_domain::BalKind) -> String {
        self.shell.t(&format!("page.bal.kind_{}", kind.as_str().to_ascii_lowercase()))
    }
    /// How many messages of a BAL nobody read, said; nothing where there are none.
    fn waiting(&self, code: &str) -> Option<String> {
        match self.unread.get(code).copied().unwrap_or_default() {
            0 => None,
            1 => Some(self.shell.t("page.bal.unread_one")),
            n => Some(self.shell.t1("page.bal.unread", "n", &n.to_string())),
        }
    }
    /// Where a BAL's mail is.
    fn mail(&self, code: &str) -> String {
        self.shell.to(&format!("/bal/{code}"))
    }
    fn word(&self, group: &str, word: &str) -> String {
        self.shell.t(&format!("word.{group}.{word}"))
    }
    /// What a request waits for.
    fn waits(&self, asked: &OpeningView) -> String {
        let waits = |guard| asked.waits_for.iter().any(|w| w.guard == guard);
        self.shell.t(match asked.state {
            State::Verified if waits(Guard::Terms) => "page.bal.waits_terms",
            State::Verified if waits(Guard::Address) => "page.bal.waits_address",
            State::Verified => "page.bal.waits_opening",
            _ => "page.bal.waits_check",
        })
    }
    /// Is an address to be typed? One that was given and waits for its link is not.
    fn asks_address(&self) -> bool {
        self.ordinary.is_some_and(|lack| lack != Lack::AddressUnconfirmed)
    }
    fn needs_terms(&self, asked: &OpeningView) -> bool {
        needs_terms(asked)
    }
}

/// Does a request wait for the terms of use?
fn needs_terms(asked: &OpeningView) -> bool {
    asked.waits_for.iter().any(|w| w.guard == Guard::Terms)
}

/// `GET /bal`
pub(super) async fn show(visitor: Visitor) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let found = async { Ok::<_, Refusal>((visitor.op.own_mail(actor).await?, visitor.op.desk_bals(actor).await?)) };
    match found.await {
        Ok((OwnMail { bals, asked, places, address }, mail)) => {
            let issuer = visitor.op.lacks(actor, Need::Issuer) != Some(Lacking::Issuer);
            let nothing = bals.is_empty() && asked.is_empty() && places.is_empty();
            let shell = visitor.shell("/bal");
            let unread = mail.into_iter().map(|bal| (bal.code, bal.unread)).collect();
            let page = Bals { shell, bals, asked, places, issuer, nothing, ordinary: address, unread };
            visitor.screen(StatusCode::OK, &page)
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /bal`: opens one's own.
pub(super) async fn open(Sent(visitor, wanted): Sent<Wanted>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let ordinary = Some(wanted.ordinaire.trim()).filter(|given| !given.is_empty());
    match visitor.op.open_own_bal(actor, &wanted.address, ordinary).await {
        // What waits for nothing but the terms of use goes on there.
        Ok(asked) if asked.state == State::Verified && needs_terms(&asked) => visitor.see("/conditions"),
        Ok(_) => visitor.see("/bal"),
        Err(refusal) => visitor.refused(&refusal),
    }
}
