//! From a request to the use case: the table of the administration socket.
use super::request::Request;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::{Actor, Operator};
use serde_json::Value;

/// Runs one request under the caller's identity.
pub async fn answer(op: &Operator, actor: &Actor, request: Request) -> Result<Value, Refusal> {
    match request {
    }
}

fn to_json<T: serde::Serialize>(value: T) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|_| RefusalCode::Unavailable.into())
}
