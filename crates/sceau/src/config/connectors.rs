//! `[connectors]`: what structures are told about the door for their own mail servers.
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// `[connectors]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectorsSection {
    /// The port that structures' servers reach; that of `[listen] connectors` when absent.
    pub port: Option<u16>,
    /// Addresses from which this operator connects to them, for their firewalls.
    pub addresses: Vec<IpAddr>,
}

impl ConnectorsSection {
    /// As the use cases take them.
    pub fn settings(&self, door: Option<SocketAddr>) -> sceau_operator::connectors::Settings {
        let port = self.port.or(door.map(|a| a.port())).unwrap_or(25);
        let addresses = self.addresses.iter().map(ToString::to_string).collect();
        sceau_operator::connectors::Settings { port, addresses }
    }
}
