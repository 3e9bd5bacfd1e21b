//! The tables of a database in the order in which they can be written (what is referred to comes first), and the shape that
//! the database itself gives them.
//!
//! Promises: a table that is neither listed here nor left out deliberately stops a backup, a restore or a move: nothing is
//! forgotten in silence.
use super::error::CareError;
use crate::engine::catalogue::{self, Kind};
use crate::engine::{DATA, KEYRING, Migrations, Tx};
use std::sync::LazyLock;

/// A kind of database.
#[derive(Debug)]
pub(crate) struct Set {
    /// Its schema.
    pub migrations: &'static Migrations,
    /// The schema at each earlier version, from 1 to the present one.
    ages: LazyLock<Vec<Migrations>>,
    /// Tables whose rows are carried, in order.
    pub carried: &'static [&'static str],
    /// Tables whose rows mean nothing elsewhere or later.
    pub left: &'static [&'static str],
}

/// The data. Leases, and who holds which key, say who does what at this moment: a copy of them would only make others wait.
pub(crate) static DATA_SET: Set = Set {
    migrations: &DATA,
    ages: LazyLock::new(|| ages(&DATA)),
    carried: &[
        "domains",
        "domain_moves",
        "regional_bodies",
        "structures",
        "structure_domains",
        "connector_authorities",
        "connectors",
        "connector_domains",
        "connector_senders",
        "connector_certificates",
        "followings",
        "people",
        "national_ids",
        "memberships",
        "roles",
        "bals",
        "access",
        "attestations",
        "attestation_asks",
        "usage_days",
        "usage_alerts",
        "tokens",
        "token_certificates",
        "bindings",
        "factors",
        "handles",
        "web_sessions",
        "web_step_ups",
        "known_browsers",
        "recoveries",
        "oauth_clients",
        "oauth_grants",
        "oauth_tokens",
        "sso_providers",
        "device_authorities",
        "openings",
        "opening_people",
        "life",
        "terms",
        "acceptances",
        "policy_values",
        "retention_policies",
        "retention_choices",
        "legal_holds",
        "calendar_days",
        "reference_lists",
        "reference_entries",
        "reference_drafts",
        "register_findings",
        "imports",
        "import_lines",
        "idempotency",
        "disclosures",
        "links",
        "notices",
        "reports",
        "announcements",
        "traces",
        "absences",
        "absence_answers",
        "mail_notices",
        "alarms",
        "jobs",
        "settings",
        "blobs",
        "blobs_released",
        "folders",
        "messages",
        "kept_messages",
        "entries",
        "vanished",
        "departed",
        "departed_folders",
        "journal_hours",
        "keywords",
        "annotations",
        "subscriptions",
        "queue_messages",
        "queue_entries",
        "queue_destinations",
        "queue_tries",
        "accepted_mail",
        "nodes",
        "texts",
        "search_indexes",
        "index_files",
        "index_removals",
        "notary",
        "leaves",
        "nodes_of_log",
        "checkpoints",
        "white_lists",
        "white_list_changes",
        "certificates",
        "peers",
        "peer_days",
        "peer_causes",
        "revocation_sources",
        "revocation_answers",
        "correspondents",
        "token_places",
        "abuse_cases",
        "abuse_signals",
        "deliveries",
        "message_people",
        "assignments",
        "notes",
        "drafts",
        "uploads",
        "upload_pieces",
        "writings",
        "rules",
        "rule_states",
        "undos",
        "desk_choices",
        "push_subscriptions",
        "push_bals",
    ],
    // Who answers at this moment is nobody a moment later. A sign-in under way ends with its browser; the list of breached passwords is large, and public: it is imported again.
    left: &[
        "leases",
        "queue_claims",
        "submission_counts",
        "rate_counts",
        "key_holders",
        "test_answers",
        "attempts",
        "one_time_codes",
        "oauth_codes",
        "oauth_devices",
        "breached_lists",
        "breached",
        "presences",
        LEAST,
    ],
};

/// Says which programs the schema is for: filled by the schema's own files, so that an empty database has its row.
pub(crate) const LEAST: &str = "schema_least";

/// The keyring: moved between engines, never part of a backup of the data.
pub(crate) static KEYRING_SET: Set = Set {
    migrations: &KEYRING,
    ages: LazyLock::new(|| ages(&KEYRING)),
    carried: &["master", "bal_keys", "transit_keys", "rotation", "signing_keys"],
    left: &[],
};

fn ages(of: &Migrations) -> Vec<Migrations> {
    (1..=of.known()).map(|version| of.up_to(version)).collect()
}

impl Set {
    /// The schema as it was at a version: how what is that old is read and made without being changed.
    pub fn at(&'static self, version: i64) -> Option<&'static Migrations> {
        usize::try_from(version - 1).ok().and_then(|i| self.ages.get(i))
    }
}

/// Holds the progress of an unfinished restore or move, in the target. A store that has it is not opened.
pub(crate) const PROGRESS: &str = "care_progress";

/// A table as the database describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Name.
    pub name: String,
    /// Columns, in order.
    pub columns: Vec<String>,
    /// Which of them are the primary key, in the key's order.
    pub key: Vec<usize>,
}

/// The tables of a database whose rows are carried, in order.
pub(crate) fn shapes(tx: &mut dyn Tx, kind: Kind, set: &Set) -> Result<Vec<Shape>, CareError> {
    let found = catalogue::tables(tx, kind)?;
    let known = |name: &str| {
        set.carried.contains(&name) || set.left.contains(&name) || name == set.migrations.table || name == PROGRESS
    };
    if let Some(unknown) = found.iter().find(|name| !known(name)) {
        return Err(CareError::UnknownTable(unknown.clone()));
    }
    let mut shapes = Vec::new();
    for name in set.carried.iter().filter(|name| found.iter().any(|f| f == *name)) {
        let described = catalogue::columns(tx, kind, name)?;
        let mut key: Vec<(i64, usize)> = described
            .iter()
            .enumerate()
            .filter(|(_, (_, place))| *place > 0)
            .map(|(i, (_, place))| (*place, i))
            .collect();
        key.sort_unstable();
        if key.is_empty() {
            return Err(CareError::UnknownTable(format!("{name} (no primary key)")));
        }
        shapes.push(Shape {
            name: (*name).to_owned(),
            columns: described.into_iter().map(|(column, _)| column).collect(),
            key: key.into_iter().map(|(_, i)| i).collect(),
        });
    }
    Ok(shapes)
}

/// Is an unfinished restore or move here?
pub(crate) fn unfinished(tx: &mut dyn Tx, kind: Kind) -> Result<bool, crate::StoreError> {
    Ok(catalogue::tables(tx, kind)?.iter().any(|name| name == PROGRESS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Every table of the schema is carried or left out deliberately; lists name nothing that does not exist.
    async fn complete(store: &testing::TestStore) {
        for (engine, set) in [(&store.0.engine, &DATA_SET), (store.vault().engine(), &KEYRING_SET)] {
            let kind = engine.kind();
            let (shapes, found) = engine
                .read(move |tx| Ok::<_, CareError>((shapes(tx, kind, set)?, catalogue::tables(tx, kind)?)))
                .await
                .unwrap();
            let mut listed: Vec<&str> = set.carried.iter().chain(set.left).copied().collect();
            listed.push(set.migrations.table);
            listed.sort_unstable();
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), listed);
            assert_eq!(shapes.len(), set.carried.len());
            assert!(shapes.iter().all(|s| !s.key.is_empty() && s.columns.len() >= s.key.len()));
        }
        let kind = store.0.engine.kind();
        let entries = store.read(move |tx| shapes(tx, kind, &DATA_SET)).await.unwrap();
        let entries = entries.iter().find(|s| s.name == "entries").unwrap().clone();
        let key: Vec<&str> = entries.key.iter().map(|i| entries.columns[*i].as_str()).collect();
        assert_eq!(key, ["folder_id", "uid"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_table_is_forgotten_on_sqlite() {
        complete(&testing::sqlite().await).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_table_is_forgotten_on_postgres() {
        complete(&testing::postgres().await).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_table_that_nobody_knows_stops_everything() {
        let store = testing::sqlite().await;
        let made = store.write(|tx| tx.execute("CREATE TABLE novelty (id INTEGER PRIMARY KEY)", &[])).await;
        made.map_err(|e: crate::StoreError| e).unwrap();
        let seen = store.read(|tx| shapes(tx, Kind::Sqlite, &DATA_SET)).await;
        assert_eq!(seen, Err(CareError::UnknownTable("novelty".into())));
    }
}
