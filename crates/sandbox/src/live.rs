//! A live line as each message moves: follows an operator's traces over its administration socket.
use crate::world::OperatorSpec;
use sceau_domain::Lang;
use sceau_domain::text::{template, text};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

/// How often the traces are asked for.
const PERIOD: Duration = Duration::from_millis(400);

/// The newest trace, after which lines are printed. Asked for before anybody knows that the sandbox is there, so that the
/// first message has its line too.
pub async fn beginning(operator: &OperatorSpec) -> i64 {
    let newest = ask(operator, None).await.unwrap_or_default();
    newest[0]["id"].as_i64().unwrap_or_default()
}

/// Prints a line for each act after `after` that has a sentence (`sandbox.live.<act>` in the locale files), until `stop`.
pub async fn follow(operator: OperatorSpec, mut after: i64, lang: Lang, stop: CancellationToken) {
    loop {
        tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(PERIOD) => {} }
        // An operator that is being started again does not answer for a moment.
        let Ok(traces) = ask(&operator, Some(after)).await else { continue };
        for t in traces.as_array().map(Vec::as_slice).unwrap_or_default() {
            after = after.max(t["id"].as_i64().unwrap_or_default());
            print(&operator, t, lang);
        }
    }
}

/// Traces after `after`, oldest first; without `after`, the newest one only.
async fn ask(operator: &OperatorSpec, after: Option<i64>) -> std::io::Result<Value> {
    let request = match after {
        None => json!({ "do": "trace_list", "limit": 1, "act": "mail" }),
        Some(id) => json!({ "do": "trace_list", "after": id, "limit": 200, "act": "mail" }),
    };
    let exchange = async {
        let (read, mut write) = UnixStream::connect(operator.socket()).await?.into_split();
        write.write_all(format!("{request}\n").as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(read).read_line(&mut line).await?;
        let answer: Value = serde_json::from_str(&line)?;
        Ok(answer["ok"].clone())
    };
    tokio::time::timeout(Duration::from_secs(5), exchange).await.map_err(|_| std::io::ErrorKind::TimedOut)?
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
    println!("  {:<9} {}", operator.name, text(lang, &key, &given));
}
