//! The contract file: what outside tools rely on. Fields are only ever added.
use crate::operator::Pids;
use crate::pki::{Pair, Pki};
use crate::provision::Provisioned;
use crate::world::{CARD, HTTP, HTTPS, IMAP, IMAPS, MX, NodeSpec, SUBMISSION, SUBMISSIONS, World};
use crate::{Options, SandboxError, write_private};
use serde_json::{Value, json};

/// Writes the contract file atomically, when one was asked for.
pub fn write(
    options: &Options,
    world: &World,
    pki: &Pki,
    provisioned: &[Provisioned],
    pids: &Pids,
) -> Result<(), SandboxError> {
    let Some(file) = &options.ready else { return Ok(()) };
    let operators: Vec<Value> = world
        .operators
        .iter()
        .enumerate()
        .map(|(i, o)| {
            let nodes = o.nodes(world.nodes);
            let pid = |n: &NodeSpec| pids.get(i * usize::from(world.nodes) + usize::from(n.number));
            let shown = nodes.iter().map(|n| node(n, pid(n), pki));
            json!({
                "name": o.name,
                "title": o.title,
                "pid": pid(&nodes[0]),
                "domains": o.domains(),
                "data": o.data,
                "config": o.config(),
                "admin_socket": o.socket(),
                "public_url": nodes[0].public_url(o),
                "endpoints": endpoints(&nodes[0]),
                "certificate": pair(&pki.pair(o.name)),
                "accounts": provisioned[i].accounts,
                "api_token": provisioned[i].api_token,
                "nodes": shown.collect::<Vec<_>>(),
            })
        })
        .collect();
    let signer = pki.pair("signer");
    let outsider = pki.pair(world.outsider.name);
    let ready = json!({
        "version": 1,
        "anchors": pki.anchors(),
        "crl": pki.crl(),
        "authority": {
            "url": format!("https://localhost:{}/", world.authority_port),
            "white_list": world.white_list_url(),
            "signing_cert": signer.cert,
            "signing_key": signer.key,
        },
        "operators": operators,
        "psc": crate::psc::Providers::ready(world)?,
        "cards": pki.cards().all()?,
        "rpps": crate::rpps::file(&options.data),
        "outsiders": [{
            "name": world.outsider.name,
            "domain": world.outsider.domain,
            "cert": outsider.cert,
            "key": outsider.key,
            "mx": format!("127.0.0.1:{}", world.outsider.port),
            "addresses": world.outsider.addresses,
        }],
        "certificates": {
            "rogue": pair(&pki.pair("rogue")),
            "expired": pair(&pki.pair("expired")),
            "revoked": pair(&pki.pair("revoked")),
            "unlisted": pair(&pki.pair("unlisted")),
        },
    });
    write_private(file, serde_json::to_string_pretty(&ready).unwrap_or_default().as_bytes())
}

/// A node of an operator; the first one is the operator's own fields again.
fn node(n: &NodeSpec, pid: u32, pki: &Pki) -> Value {
    json!({
        "number": n.number,
        "pid": pid,
        "config": n.config(),
        "admin_socket": n.socket(),
        "endpoints": endpoints(n),
        "certificate": pair(&pki.pair(&n.certificate)),
    })
}

fn endpoints(n: &NodeSpec) -> Value {
    json!({
        "mx": n.endpoint(MX),
        "submission": n.endpoint(SUBMISSION),
        "submissions": n.endpoint(SUBMISSIONS),
        "imap": n.endpoint(IMAP),
        "imaps": n.endpoint(IMAPS),
        "http": n.endpoint(HTTP),
        "https": n.endpoint(HTTPS),
        "card": n.endpoint(CARD),
    })
}

fn pair(p: &Pair) -> Value {
    json!({ "cert": p.cert, "key": p.key })
}
