//! A live line as each message moves: follows an operator's traces over its administration socket.
use crate::world::OperatorSpec;
use sceau_domain::Lang;
use sceau_domain::text::{template, text};
use serde_json::Value;
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

/// How often the traces are asked for.
const PERIOD: Duration = Duration::from_millis(400);
/// Longest answer, bytes.
const LONGEST: u64 = 16 << 20;

/// The newest trace, after which lines are printed. Asked for before anybody knows that the sandbox is there, so that the
/// first message has its line too.
pub async fn beginning(operator: &OperatorSpec) -> i64 {
    let newest = ask(operator, None).await.unwrap_or_default();
    id(&newest[0])
}

/// Prints a line for each act after `after` that has a sentence (`sandbox.live.<act>` in the locale files), until `stop`.
pub async fn follow(operator: OperatorSpec, mut after: i64, lang: Lang, stop: CancellationToken) {
    loop {
        tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(PERIOD) => {} }
        // An operator that is being started again does not answer for a moment.
        let Ok(traces) = ask(&operator, Some(after)).await else { continue };
        for t in traces.as_array().map(Vec::as_slice).unwrap_or_default() {
            after = after.max(id(t));
            print(&operator, t, lang);
        }
    }
}

/// Traces after `after`, oldest first; without `after`, the newest one only.
async fn ask(operator: &OperatorSpec, after: Option<i64>) -> std::io::Result<Value> {
    let path = match after {
        None => "/api/v1/traces?act=mail&limit=1".to_owned(),
        Some(id) => format!("/api/v1/traces?act=mail&limit=200&after={id}"),
    };
    items(operator, &path).await
}

/// What a list of REST holds, asked over the administration socket.
pub async fn items(operator: &OperatorSpec, path: &str) -> std::io::Result<Value> {
    let exchange = async {
        let mut socket = UnixStream::connect(operator.socket()).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: sceau\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        socket.take(LONGEST).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer);
        // An answer of a size known beforehand, as REST's are: the body is what follows the header.
        let body = answer.strip_prefix("HTTP/1.1 200 ").and_then(|a| a.split_once("\r\n\r\n"));
        let body = body.ok_or(std::io::ErrorKind::InvalidData)?.1;
        Ok(serde_json::from_str::<Value>(body)?["items"].take())
    };
    tokio::time::timeout(Duration::from_secs(5), exchange).await.map_err(|_| std::io::ErrorKind::TimedOut)?
}

fn id(trace: &Value) -> i64 {
    trace["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default()
}

fn print(operator: &OperatorSpec, trace: &Value, lang: Lang) {
    let act = trace["act"].as_str().unwrap_or_default();
    let key = format!("sandbox.live.{}", act.replace('.', "_"));
    if template(lang, &key).is_none() {
        return;
    }
    let data = &trace["data"];
    let word = |v: &Value| match v {
        Value::String(s) => s.clone(),
        Value::Array(a) => a.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let outcome = trace["outcome"].as_str().unwrap_or_default();
    let (from, to, size) = (word(&data["from"]), word(&data["to"]), word(&data["size"]));
    let values = [("from", from.as_str()), ("to", to.as_str()), ("size", size.as_str()), ("outcome", outcome)];
    let given: Vec<(&str, &str)> = values.into_iter().filter(|(_, v)| !v.is_empty()).collect();
    // Nobody may be there to read, or there may be no room to write: the operators go on.
    let _ = writeln!(std::io::stdout(), "  {:<9} {}", operator.name, text(lang, &key, &given));
}
