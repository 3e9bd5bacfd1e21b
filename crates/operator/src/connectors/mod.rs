//! Structures' own mail servers (F052–F054, F212): a connector carries domains of one structure between its server and ours, under mutual TLS.
//!
//! Promises:
//! * a BAL in a carried domain is a BAL like any other: it was opened, it has people who answer for it, it is suspended, blocked and closed here.
//!   Only its mail is not kept: it is queued for the structure's server ([`route`]);
//! * a server is who its certificate says, and the certificate is one of the connector's: issued by our authority ([`authority`]), or declared
//!   ([`certificates`]). It is looked up at each message, in the database: a revocation counts for the next one, on every node;
//! * a server sends as the BALs that its connector may send for, and as nobody else ([`door`]); what it sends passes through the rules of submission.
//!   A BAL sends while somebody who answers for it has accepted the terms of use in force;
//! * a private key is never kept: the structure sends a request, or is shown once what was made for it. The authorities' keys are sealed under keys
//!   of the keyring and leave this module never.
pub mod admin;
pub mod authority;
pub mod certificates;
mod door;
pub mod probe;
mod route;
pub mod settings;
pub mod views;

pub use route::{ConnectorRoute, Route};

use crate::mail::Local;
use crate::refuse::Fail;
use crate::{ConnectorRef, terms};
use sceau_domain::{BalRights, Refusal, RefusalCode, Timestamp};
use sceau_store::{Id, StoreError, Tx, access, connectors as rows, roles};

/// People with an access to a BAL who are looked at for one who answers for what it sends.
const ANSWERING: usize = 50;

/// What structures are told about our door for their servers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port that they reach.
    pub port: u16,
    /// Addresses from which we connect to them.
    pub addresses: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { port: 25, addresses: Vec::new() }
    }
}

/// What a running operator remembers of connectors.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Our certificate towards structures' servers.
    own: tokio::sync::Mutex<Option<authority::Own>>,
    /// Tries connections out, where the program can.
    pub(crate) probe: std::sync::OnceLock<std::sync::Arc<dyn probe::Probe>>,
    /// Connectors that are tried out at this moment.
    tried: std::sync::Mutex<std::collections::HashSet<Id>>,
    /// When a connector's coming was last written, so that it is not at each message.
    written: std::sync::Mutex<std::collections::HashMap<Id, i64>>,
}

/// The connector behind a certificate that was judged before, still in force: `connector.revoked`, `connector.suspended`, `connector.blocked`.
pub(crate) fn in_force(tx: &mut dyn Tx, connector: &ConnectorRef, now: Timestamp) -> Result<rows::Connector, Fail> {
    let certificate = rows::certificate_by_id(tx, connector.certificate)?;
    let revoked = || Refusal::new(RefusalCode::ConnectorRevoked).with("dn", &connector.dn);
    let certificate = certificate.filter(|c| c.revoked.is_none()).ok_or_else(revoked)?;
    if certificate.not_after.is_some_and(|end| end < now.0) {
        return Err(Refusal::new(RefusalCode::PeerExpired).with("dn", &connector.dn).into());
    }
    let found = rows::by_id(tx, connector.id)?.ok_or_else(revoked)?;
    open(tx, &found)?;
    Ok(found)
}

/// May the connector be used now?
fn open(tx: &mut dyn Tx, connector: &rows::Connector) -> Result<(), Fail> {
    match connector.state.as_str() {
        "active" => {}
        "suspended" => return Err(Refusal::new(RefusalCode::ConnectorSuspended).with("name", &connector.name).into()),
        _ => return Err(RefusalCode::ConnectorRevoked.into()),
    }
    if roles::structure_is_open(tx, connector.structure_id)? {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::ConnectorBlocked).with("name", &connector.name).into())
}

/// May this server send as this BAL? The BAL is open, in a domain of the connector and of its structure, among its senders, and somebody who
/// answers for it may send and has accepted the terms of use in force (F100): `terms.required` when only that is missing.
pub(crate) fn may_send(tx: &mut dyn Tx, connector: &ConnectorRef, local: &Local, now: Timestamp) -> Result<bool, Fail> {
    let found = in_force(tx, connector, now)?;
    if !local.open || !is_of(tx, &found, local.id)? {
        return Ok(false);
    }
    let mut refusal = None;
    for held in access::of_bal(tx, local.id)?.into_iter().take(ANSWERING) {
        let Some(seated) = access::seat(tx, local.id, held.person_id)? else { continue };
        if !BalRights::from_bits(seated.rights).has(BalRights::SEND) {
            continue;
        }
        match terms::shut(tx, held.person_id, local.id, now.0)? {
            None => return Ok(true),
            said => refusal = said,
        }
    }
    refusal.map_or(Ok(false), |r| Err(r.into()))
}

/// Is the BAL one that the connector may send for?
fn is_of(tx: &mut dyn Tx, connector: &rows::Connector, bal: Id) -> Result<bool, StoreError> {
    if rows::of_bal(tx, bal)?.is_none_or(|c| c.id != connector.id) {
        return Ok(false);
    }
    Ok(connector.every_sender || rows::is_sender(tx, connector.id, bal)?)
}

/// In the transaction that keeps a message: the connector is still in force and still sends for these BALs.
pub(crate) fn stands(
    tx: &mut dyn Tx,
    connector: &ConnectorRef,
    bals: &[Id],
    now: Timestamp,
) -> Result<rows::Connector, Fail> {
    let found = in_force(tx, connector, now)?;
    for bal in bals {
        if !is_of(tx, &found, *bal)? {
            return Err(RefusalCode::RightMissing.into());
        }
    }
    Ok(found)
}

/// As [`stands`], and it has not sent too much: counts one more message.
pub(crate) fn admit(tx: &mut dyn Tx, connector: &ConnectorRef, bals: &[Id], now: Timestamp) -> Result<(), Fail> {
    let found = stands(tx, connector, bals, now)?;
    let limit = u32::try_from(found.per_hour).unwrap_or(u32::MAX);
    crate::policies::count_submission(tx, found.id, limit, now.0).map_err(|fail| match fail {
        Fail::No(r) if r.code == RefusalCode::SenderTooMany => {
            Refusal::new(RefusalCode::ConnectorLimit).with("limit", limit).into()
        }
        fail => fail,
    })
}
