//! From a request to the use case: the table of the administration socket.
use super::request::{Request, RetryWhat};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::{Actor, Operator};
use serde_json::{Value, json};

/// Runs one request under the caller's identity.
pub async fn answer(op: &Operator, actor: &Actor, request: Request) -> Result<Value, Refusal> {
    match request {
        Request::DomainAdd { name, kind } => to_json(op.add_domain(actor, name, kind).await?),
        Request::DomainList => to_json(op.domains(actor).await?),
        Request::DomainShow { name } => {
            let all = op.domains(actor).await?;
            to_json(all.into_iter().find(|d| d.name == name).ok_or(RefusalCode::NotFound)?)
        }
        Request::PersonAdd(person) => to_json(op.add_person(actor, person).await?),
        Request::PersonList { after, limit } => to_json(op.people(actor, after.as_deref(), limit).await?),
        Request::PersonShow { login } => to_json(op.person(actor, &login).await?),
        Request::BalAdd(bal) => to_json(op.add_bal(actor, bal).await?),
        Request::BalList { domain, after, limit } => {
            to_json(op.bals(actor, domain.as_ref(), after.as_deref(), limit).await?)
        }
        Request::BalShow { address } => to_json(op.bal(actor, &address).await?),
        Request::BalClose { address, reason } => to_json(op.close_bal(actor, &address, reason.as_deref()).await?),
        Request::TokenCreate { login, bal, label, expires } => {
            let (token, secret) = op.create_token(actor, &login, bal.as_deref(), &label, expires).await?;
            let mut value = to_json(token)?;
            value["secret"] = json!(secret);
            Ok(value)
        }
        Request::TokenList { login } => to_json(op.tokens(actor, login.as_deref()).await?),
        Request::TokenRevoke { id } => {
            op.revoke_token(actor, id).await?;
            Ok(json!({ "revoked": id }))
        }
        Request::QueueList { destination, after, limit } => {
            to_json(op.queue_list(actor, destination.as_ref(), after, limit).await?)
        }
        Request::QueueShow { id } => to_json(op.queue_show(actor, id).await?),
        Request::QueueRetry { what } => {
            let count = match what {
                RetryWhat::Entry(id) => op.queue_retry_entry(actor, id).await?,
                RetryWhat::Destination(domain) => op.queue_retry_destination(actor, Some(&domain)).await?,
                RetryWhat::All => op.queue_retry_destination(actor, None).await?,
            };
            Ok(json!({ "retried": count }))
        }
        Request::TraceList(filter) => to_json(op.traces(actor, &filter).await?),
        Request::TraceProve { id, since } => to_json(op.evidence(actor, id, since).await?),
        Request::TraceSettle { id, reason } => to_json(op.settle_trace(actor, id, &reason).await?),
        Request::TraceKeys => to_json(op.notary_keys(actor).await?),
        Request::TraceKeyRotate => to_json(op.rotate_notary_key(actor).await?),
        Request::LogOverview => to_json(op.log_overview(actor).await?),
        Request::LogPage { from } => to_json(op.log_page(actor, from).await?),
        Request::LogUnsealed { after } => to_json(op.log_unsealed(actor, after).await?),
        Request::AlarmList { all } => to_json(op.alarms(actor, all).await?),
        Request::AlarmAck { code, subject } => {
            op.acknowledge_alarm(actor, &code, &subject).await?;
            Ok(json!({ "acknowledged": code, "subject": subject }))
        }
        Request::NodeAdd { number, name } => to_json(op.add_node(actor, number, &name).await?),
        Request::NodeList => to_json(op.nodes(actor).await?),
        Request::BackupStart { folder, keep } => to_json(op.start_backup(actor, folder, keep).await?),
        Request::BackupStatus => to_json(op.backup_status(actor).await?),
        Request::Reindex { bal } => to_json(op.reindex(actor, bal.as_deref()).await?),
        Request::ReindexState { bal } => to_json(op.reindex_state(actor, bal.as_deref()).await?),
        Request::TrustRefresh => to_json(op.ask_white_list(actor).await?),
    }
}

fn to_json<T: serde::Serialize>(value: T) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|_| RefusalCode::Unavailable.into())
}
