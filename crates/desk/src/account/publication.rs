//! `/compte/choix`: what is published of one's BALs, field by field, and the choices about that (F091–F097). Nothing is chosen beforehand (F094).
use super::{Around, actor, yes_or_no};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_operator::accounts::BalChoices;
use sceau_operator::accounts::people::views::PersonChange;
use sceau_web::{Sent, Shell, Visitor};
use serde::Deserialize;

const HERE: &str = "/compte/choix";

/// A choice: its name in the form, the key of its words, what was chosen.
struct Choice {
    name: &'static str,
    key: &'static str,
    chosen: Option<bool>,
}

/// A field of an entry: what it is called, what it says, where it stands.
struct Field {
    name: String,
    value: String,
    places: String,
}

struct Bal {
    address: String,
    /// Why nothing is published of it.
    withheld: Option<String>,
    /// What the person may choose, and the version that a change starts from.
    choices: Vec<Choice>,
    version: Option<i64>,
    fields: Vec<Field>,
}

impl Bal {
    fn is_yes(&self, choice: &Choice) -> bool {
        choice.chosen == Some(true)
    }
    fn is_no(&self, choice: &Choice) -> bool {
        choice.chosen == Some(false)
    }
}

#[derive(askama::Template)]
#[template(path = "account/publication.html")]
struct Page {
    shell: Shell,
    around: Around,
    phone: String,
    /// The version of the person that a change of the telephone starts from.
    version: i64,
    bals: Vec<Bal>,
}

async fn page(visitor: &Visitor, around: Around) -> Response {
    let page = async {
        let (op, actor) = (&visitor.op, actor(visitor)?);
        let person = op.own_person(actor).await?;
        let mut bals = Vec::new();
        for one in op.own_publication(actor).await? {
            let version = match one.chooses {
                true => Some(op.bal(actor, &one.address).await?.version),
                false => None,
            };
            let choice = |name, key, chosen| Choice { name, key, chosen };
            let choices = vec![
                choice("liste_rouge", "red_list", one.red_list),
                choice("telephone", "phone", one.phone_published),
                choice("zero_papier", "paperless", one.paperless),
            ];
            let places = |national, operator| {
                visitor.t(match (national, operator) {
                    (true, _) => "account.publication.national",
                    (false, true) => "account.publication.operator",
                    (false, false) => "account.publication.nowhere",
                })
            };
            let value = |name: &str, value: String| match (name, value.as_str()) {
                ("paperless", "yes") => visitor.t("account.yes"),
                ("paperless", _) => visitor.t("account.no"),
                _ => value,
            };
            let fields = one.fields.into_iter().filter_map(|f| {
                let name = visitor.t(&format!("account.field.{}", f.name));
                Some(Field { name, value: value(f.name, f.value?), places: places(f.national, f.operator) })
            });
            bals.push(Bal {
                fields: fields.collect(),
                withheld: one.withheld.map(|why| visitor.t(&format!("account.withheld.{why}"))),
                address: one.address,
                choices,
                version,
            });
        }
        let (shell, phone) = (visitor.shell(HERE), person.phone.unwrap_or_default());
        Ok::<_, Refusal>(Page { shell, around, phone, version: person.version, bals })
    };
    match page.await {
        Ok(page) => visitor.screen(page.around.status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// After an act: the page, which says what was done, or why not.
async fn after(visitor: &Visitor, done: Result<(), Refusal>) -> Response {
    match done.map_err(|refusal| Around::again(visitor, &refusal)) {
        Ok(()) => visitor.see("/compte/choix?fait=oui"),
        Err(Ok(around)) => page(visitor, around).await,
        Err(Err(answer)) => *answer,
    }
}

/// `GET /compte/choix`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    page(&visitor, Around::page(&visitor, &uri)).await
}

/// What is chosen of a BAL.
#[derive(Deserialize)]
pub(super) struct Chosen {
    address: String,
    version: i64,
    #[serde(default)]
    liste_rouge: String,
    #[serde(default)]
    telephone: String,
    #[serde(default)]
    zero_papier: String,
}

/// `POST /compte/choix`
pub(super) async fn choose(Sent(visitor, form): Sent<Chosen>) -> Response {
    let done = async {
        let choices = BalChoices {
            red_list: yes_or_no(&form.liste_rouge),
            phone_published: yes_or_no(&form.telephone),
            paperless: yes_or_no(&form.zero_papier),
        };
        visitor.op.choose_for_bal(actor(&visitor)?, &form.address, form.version, choices).await.map(drop)
    };
    let done = done.await;
    after(&visitor, done).await
}

/// A telephone.
#[derive(Deserialize)]
pub(super) struct Phone {
    version: i64,
    #[serde(default)]
    numero: String,
}

/// `POST /compte/numero`: one's telephone; empty: none.
pub(super) async fn phone(Sent(visitor, form): Sent<Phone>) -> Response {
    let done = async {
        let (op, actor) = (&visitor.op, actor(&visitor)?);
        let login = op.own(actor).await?.login;
        let change = PersonChange { phone: Some(form.numero), ..PersonChange::default() };
        op.edit_person(actor, &login, form.version, change).await.map(drop)
    };
    let done = done.await;
    after(&visitor, done).await
}
