//! Which addresses are asked: those that certificates of good chains name, and the configured ones.
use super::state::{SOURCES, Source};
use crate::{Operator, refuse};
use aws_lc_rs::digest::{SHA256, digest};
use sceau_store::StoreError;
use sceau_store::revocation::{self as rows, SourceRow};
use sceau_trust::outgoing::FetchError;
use sceau_trust::path::{Link, Path};
use serde_json::json;

/// How precisely it is known when a source was last used, milliseconds.
const USED: i64 = 86_400_000;

/// Digest of what makes a source.
pub(super) fn source_id(kind: &str, address: &str, issuer_name: &[u8], issuer_key: &[u8]) -> String {
    let mut all = Vec::new();
    for part in [kind.as_bytes(), address.as_bytes(), issuer_name, issuer_key] {
        all.extend((part.len() as u64).to_be_bytes());
        all.extend(part);
    }
    hex::encode(digest(&SHA256, &all))
}

/// Does the configuration name this source? Whose list it serves is no part of its id: that is found out.
pub(super) fn is_configured(row: &SourceRow) -> bool {
    row.kind == "crl" && row.id == source_id("crl", &row.address, b"", b"")
}

/// The sources that a certificate names.
pub(super) fn learnt(link: &Link) -> impl Iterator<Item = SourceRow> {
    let of = |kind: &'static str, address: &String| SourceRow {
        id: source_id(kind, address, &link.issuer_name, &link.issuer_key),
        kind: kind.into(),
        address: address.clone(),
        issuer_name: link.issuer_name.clone(),
        issuer_key: link.issuer_key.clone(),
        ..SourceRow::default()
    };
    let lists = link.points.crls.iter().map(move |a| of("crl", a));
    lists.chain(link.points.ocsp.iter().map(move |a| of("ocsp", a)))
}

impl Operator {
    /// Makes the sources of a path known, once; the lists of new ones are fetched at once, in the background.
    pub(super) async fn learn(&self, path: &Path) {
        let now = self.now();
        let mut news = Vec::new();
        {
            let mut sources = self.0.revocation.sources();
            for (link, row) in path.links.iter().flat_map(|link| learnt(link).map(move |row| (link, row))) {
                // A configured address of the same authority is fetched already.
                let configured = |s: &Source| {
                    s.row.kind == "crl" && s.row.address == row.address && s.row.issuer_key == row.issuer_key
                };
                if sources.values().any(|s| s.row.id != row.id && configured(s)) {
                    continue;
                }
                if let Some(known) = sources.get_mut(&row.id) {
                    if known.row.used < now.0 - USED {
                        known.row.used = now.0;
                        news.push((known.row.clone(), false));
                    }
                } else if sources.len() < SOURCES {
                    let row = SourceRow { issuer: link.issuer().to_string(), used: now.0, ..row };
                    sources.insert(row.id.clone(), Source { row: row.clone(), ..Source::default() });
                    news.push((row, true));
                } else {
                    tracing::warn!(address = row.address, "too many sources of revocation are known: not asked");
                }
            }
        }
        for (row, new) in news {
            self.keep_source(&row).await;
            if new {
                self.consider(&row).await;
            }
        }
    }

    /// Makes the configured addresses known, and used as of now.
    pub(super) async fn learn_configured(&self) {
        let now = self.now();
        for address in &self.0.config.revocation.lists {
            let id = source_id("crl", address, b"", b"");
            let row =
                SourceRow { id, kind: "crl".into(), address: address.clone(), used: now.0, ..SourceRow::default() };
            let new = || Source { row: row.clone(), ..Source::default() };
            self.0.revocation.sources().entry(row.id.clone()).or_insert_with(new).row.used = now.0;
            self.keep_source(&row).await;
        }
    }

    async fn keep_source(&self, row: &SourceRow) {
        let row = row.clone();
        let kept = self.0.store.write(move |tx| rows::know(tx, &row)).await;
        if let Err(e) = kept.map_err(|e: StoreError| e) {
            refuse::store(&e);
        }
    }

    /// Fetches a new source's list, or says that its host is not allowed.
    async fn consider(&self, row: &SourceRow) {
        match self.0.config.revocation.hosts.allows(&row.address) {
            Ok(()) if row.kind == "crl" => {
                // Whoever else met it may have been quicker.
                let untried = || self.0.revocation.sources().get(&row.id).is_some_and(|s| s.row.tried.is_none());
                drop(self.fetch_list(&row.id, false, untried));
            }
            Ok(()) => {}
            Err(e) => {
                if let FetchError::Host(host) = &e {
                    let data = json!({ "address": row.address, "issuer": row.issuer });
                    self.raise_alarm("revocation.host", host, false, data).await;
                }
                self.source_failed(&row.id, &e.to_string()).await;
            }
        }
    }
}
