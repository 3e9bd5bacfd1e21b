//! Outlook's Autodiscover: the XML answer to classic Outlook (MS-OXDSCLI §2.2, POX), and the JSON that says where to ask for it.
use super::{domain_of, file, headers, none};
use crate::State;
use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use quick_xml::NsReader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use sceau_domain::mail_setup::{Protection, Servers};
use sceau_domain::{Address, RefusalCode, Timestamp};
use sceau_operator::mail_setup::MailSetup;
use serde::Deserialize;
use serde_json::json;

/// Longest question, octets.
pub(super) const LONGEST: usize = 16 << 10;
/// Most pieces of markup in a question; Outlook's has some ten.
const EVENTS: usize = 200;
const QUESTION: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
const ANSWER: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
const XML: &str = "text/xml; charset=utf-8";

#[derive(Template)]
#[template(path = "autoconfig/autodiscover.xml")]
struct Settings {
    address: String,
    host: String,
    protocols: Vec<Protocol>,
}

struct Protocol {
    kind: &'static str,
    port: u16,
    encryption: &'static str,
}

#[derive(Template)]
#[template(path = "autoconfig/refused.xml")]
struct Refused {
    time: String,
    code: u16,
    message: &'static str,
}

/// `POST /autodiscover/autodiscover.xml`. What is wrong is said in the document, with status 200, as Outlook expects it.
pub(super) async fn answer(AxumState(State(op)): AxumState<State>, body: Result<Bytes, BytesRejection>) -> Response {
    let now = op.clock().now();
    let Some(address) = body.ok().and_then(|b| asked(&b)) else { return refused(now, 600, "Invalid Request") };
    match op.mail_setup(address.domain()).await.and_then(MailSetup::told_with_password) {
        Ok(setup) => file(XML, &settings(&address, &setup.servers)),
        Err(refusal) if refusal.code == RefusalCode::NotFound => refused(now, 500, "The email address cannot be found"),
        Err(refusal) => none(&refusal),
    }
}

/// The preferred way to each service: Outlook takes one.
fn settings(address: &Address, servers: &Servers) -> Settings {
    let one = |kind, ways: Vec<(u16, Protection)>| {
        let (port, way) = ways.into_iter().next()?;
        let encryption = match way {
            Protection::Tls => "SSL",
            Protection::StartTls => "TLS",
        };
        Some(Protocol { kind, port, encryption })
    };
    let protocols = [one("IMAP", servers.reading()), one("SMTP", servers.sending())].into_iter().flatten().collect();
    Settings { address: address.to_string(), host: servers.host.clone(), protocols }
}

fn refused(now: Timestamp, code: u16, message: &'static str) -> Response {
    let time = jiff::Timestamp::from_millisecond(now.0).map(|t| t.strftime("%H:%M:%S.%7f").to_string());
    file(XML, &Refused { time: time.unwrap_or_default(), code, message })
}

/// The address that a question of Outlook's is about (MS-OXDSCLI §2.2.3); none for any other document, for one with a document type, and for one that is
/// longer than 16 KiB or has more than 200 pieces of markup.
pub fn asked(body: &[u8]) -> Option<Address> {
    let text = std::str::from_utf8(body).ok().filter(|t| t.len() <= LONGEST)?;
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let (mut path, mut address, mut schema) = (Vec::<String>::new(), None::<String>, None::<String>);
    let mut roots = 0;
    for _ in 0..EVENTS {
        let (ns, event) = reader.read_resolved_event().ok()?;
        let piece = match event {
            Event::Start(tag) => {
                let ours = matches!(ns, ResolveResult::Bound(ns) if ns.into_inner() == QUESTION);
                if !ours {
                    return None;
                }
                roots += usize::from(path.is_empty());
                path.push(tag.local_name().into_inner().to_owned());
                // Said twice is said by nobody.
                if place(&path, &mut address, &mut schema).is_some_and(|said| said.replace(String::new()).is_some()) {
                    return None;
                }
                continue;
            }
            Event::End(_) => {
                path.pop()?;
                continue;
            }
            Event::Text(t) => t.xml10_content().into_owned(),
            Event::CData(t) => t.xml10_content().into_owned(),
            Event::GeneralRef(r) => match r.resolve_char_ref().ok()? {
                Some(c) => c.to_string(),
                None => resolve_xml_entity(&r)?.to_owned(),
            },
            Event::DocType(_) => return None,
            Event::Eof if path.is_empty() && roots == 1 => {
                let schema = schema?;
                return if schema.trim() == ANSWER { address?.trim().parse().ok() } else { None };
            }
            Event::Eof => return None,
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) => continue,
        };
        if let Some(Some(said)) = place(&path, &mut address, &mut schema) {
            said.push_str(&piece);
        }
    }
    None
}

/// Where the text of this element is kept; none for any other element.
fn place<'a>(
    path: &[String],
    address: &'a mut Option<String>,
    schema: &'a mut Option<String>,
) -> Option<&'a mut Option<String>> {
    match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["Autodiscover", "Request", "EMailAddress"] => Some(address),
        ["Autodiscover", "Request", "AcceptableResponseSchema"] => Some(schema),
        _ => None,
    }
}

/// Which of Microsoft's protocols is looked for, and for whom. Programs write the names in either way.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    #[serde(alias = "Email")]
    email: Option<String>,
    #[serde(alias = "Protocol")]
    protocol: Option<String>,
}

/// `GET /autodiscover/autodiscover.json?Email=…&Protocol=AutodiscoverV1`.
pub(super) async fn where_to_ask(state: AxumState<State>, wanted: Result<Query<Wanted>, QueryRejection>) -> Response {
    let Query(wanted) = wanted.unwrap_or_default();
    let address = wanted.email.clone().unwrap_or_default();
    pointed(state, &address, wanted.protocol.as_deref()).await
}

/// `GET /autodiscover/autodiscover.json/v1.0/{address}?Protocol=AutodiscoverV1`.
pub(super) async fn where_to_ask_of(
    state: AxumState<State>,
    Path(address): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let Query(wanted) = wanted.unwrap_or_default();
    pointed(state, &address, wanted.protocol.as_deref()).await
}

async fn pointed(AxumState(State(op)): AxumState<State>, address: &str, protocol: Option<&str>) -> Response {
    let Some(domain) = domain_of(address) else { return StatusCode::NOT_FOUND.into_response() };
    if let Err(refusal) = op.mail_setup(&domain).await.and_then(MailSetup::told_with_password) {
        return none(&refusal);
    }
    let kind = headers("application/json");
    if !protocol.is_some_and(|p| p.eq_ignore_ascii_case("AutodiscoverV1")) {
        let said = json!({ "ErrorCode": "ProtocolNotSupported", "ErrorMessage": "Only AutodiscoverV1 is supported." });
        return (StatusCode::BAD_REQUEST, kind, said.to_string()).into_response();
    }
    let url = format!("{}/autodiscover/autodiscover.xml", op.config().public_url);
    (kind, json!({ "Protocol": "AutodiscoverV1", "Url": url }).to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"{QUESTION}\"><Request>{inner}</Request></Autodiscover>"
        )
    }
    fn schema(name: &str) -> String {
        format!("<AcceptableResponseSchema>{name}</AcceptableResponseSchema>")
    }

    #[test]
    fn a_question_of_outlook_is_read() {
        let good = |inner: &str| asked(question(inner).as_bytes()).map(|a| a.to_string());
        let whole = format!("<EMailAddress> anne.legoff@chu.fr\n</EMailAddress>{}", schema(ANSWER));
        assert_eq!(good(&whole).as_deref(), Some("anne.legoff@chu.fr"));
        let split = format!("{}<EMailAddress>a&amp;b&#64;<![CDATA[chu]]>.fr</EMailAddress><LegacyDN/>", schema(ANSWER));
        assert_eq!(good(&split).as_deref(), Some("a&b@chu.fr"));
        assert!(asked(format!("\u{feff}{}", question(&whole)).as_bytes()).is_some());
    }

    #[test]
    fn refused_whatever_is_no_such_question() {
        let email = "<EMailAddress>a@chu.fr</EMailAddress>";
        let whole = question(&format!("{email}{}", schema(ANSWER)));
        assert!(asked(whole.as_bytes()).is_some());
        let mobile = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006";
        for bad in [
            String::new(),
            "nonsense".into(),
            "<a/>".into(),
            question(""),
            question(email),
            question(&schema(ANSWER)),
            question(&format!("{email}{}", schema(mobile))),
            question(&format!("{email}{email}{}", schema(ANSWER))),
            question(&format!("<EMailAddress>personne</EMailAddress>{}", schema(ANSWER))),
            question(&format!("<x>{email}</x>{}", schema(ANSWER))),
            whole.replace("Autodiscover", "Autre"),
            question(&format!("<EMailAddress>a&inconnu;@chu.fr</EMailAddress>{}", schema(ANSWER))),
            whole.replace(QUESTION, mobile),
            whole.replace("<Request>", "<!DOCTYPE a [<!ENTITY b \"c\">]><Request>"),
            whole.replace("<?xml", "<!DOCTYPE a><?xml"),
            format!("{whole}{whole}"),
            whole.replace("</Autodiscover>", ""),
            format!("{whole}{}", " ".repeat(LONGEST)),
            question(&format!("{email}{}{}", "<y/>".repeat(EVENTS), schema(ANSWER))),
        ] {
            assert_eq!(asked(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(asked(b"\xff\xfe<"), None);
    }
}
