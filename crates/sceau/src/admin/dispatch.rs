//! From a request to the use case: the table of the administration socket.
use super::request::Request;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::{Actor, Operator};
use serde_json::Value;

/// Runs one request under the caller's identity.
pub async fn answer(op: &Operator, actor: &Actor, request: Request) -> Result<Value, Refusal> {
    match request {
        Request::PersonAdd(person) => to_json(op.add_person(actor, person).await?),
        Request::PersonList { after, limit } => to_json(op.people(actor, after.as_deref(), limit).await?),
        Request::PersonShow { login } => to_json(op.person(actor, &login).await?),
    }
}

fn to_json<T: serde::Serialize>(value: T) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|_| RefusalCode::Unavailable.into())
}
