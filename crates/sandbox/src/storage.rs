//! Where the operators keep what they keep: embedded by default, or a database and a place for blobs each on servers that the
//! person named. Names hold the sandbox's own number, so that two sandboxes share a server without meeting.
use crate::world::{NodeSpec, OperatorSpec, World};
use crate::{Options, SandboxError, io, write_private};
use std::fmt::Write;

/// What the configurations of the operators say of storage.
#[derive(Debug, Clone)]
pub struct Storage {
    /// Number of this sandbox.
    id: String,
    store: Option<String>,
    blobs: Option<String>,
}

impl Storage {
    /// Makes the databases that are missing.
    pub async fn prepare(options: &Options, world: &World) -> Result<Self, SandboxError> {
        let storage = Self { id: id(options)?, store: options.store.clone(), blobs: options.blobs.clone() };
        if let Some(url) = &options.store {
            let names = world.operators.iter().flat_map(|o| [storage.database(o, ""), storage.database(o, "_cles")]);
            let (url, names): (_, Vec<String>) = (url.clone(), names.collect());
            // The driver has a runtime in it, which no async worker may enter.
            let made = tokio::task::spawn_blocking(move || create(&url, &names)).await;
            made.map_err(|e| SandboxError::Database(e.to_string()))??;
        }
        Ok(storage)
    }

    fn database(&self, o: &OperatorSpec, what: &str) -> String {
        format!("sceau_{}_{}{what}", self.id, o.name)
    }

    /// `[store]`, `[blobs]` and `[keys]` of a node. What nodes share is in the operator's folder, which is the first node's own.
    pub fn sections(&self, o: &OperatorSpec, n: &NodeSpec) -> String {
        let own = |path: &str| match n.number {
            0 => path.to_owned(),
            _ => o.data.join(path).display().to_string(),
        };
        let (data, keyring) = match &self.store {
            Some(url) => (with_database(url, &self.database(o, "")), with_database(url, &self.database(o, "_cles"))),
            None => (own("data/sceau.db"), own("keys/keyring.db")),
        };
        let mut out = format!("[store]\nurl = {data:?}\nspools = \"data/spools\"\n\n[blobs]\n");
        let variable = |names: [&str; 2]| names.iter().find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
        match &self.blobs {
            Some(url) if url.starts_with("s3://") => {
                let _ = writeln!(out, "url = \"{}/{}/{}\"", url.trim_end_matches('/'), self.id, o.name);
                if let Some(endpoint) = variable(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) {
                    let _ = writeln!(out, "endpoint = {endpoint:?}");
                }
                if let Some(region) = variable(["AWS_REGION", "AWS_DEFAULT_REGION"]) {
                    let _ = writeln!(out, "region = {region:?}");
                }
            }
            Some(folder) => {
                let _ = writeln!(out, "url = \"{}/{}/{}\"", folder.trim_end_matches('/'), self.id, o.name);
            }
            None => {
                let _ = writeln!(out, "url = {:?}", own("data/blobs"));
            }
        }
        let _ = write!(out, "\n[keys]\nkeyring = {keyring:?}\nmaster = {:?}\n\n", own("keys/master.key"));
        out
    }
}

/// The number of the sandbox in this folder, made once.
fn id(options: &Options) -> Result<String, SandboxError> {
    let file = options.data.join("sandbox.id");
    if let Ok(text) = std::fs::read_to_string(&file) {
        return Ok(text.trim().to_owned());
    }
    let mut random = [0; 4];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut f| std::io::Read::read_exact(&mut f, &mut random))
        .map_err(io("random"))?;
    let id = format!("{:08x}", u32::from_be_bytes(random));
    write_private(&file, id.as_bytes())?;
    Ok(id)
}

/// The connection string of another database on the same server.
fn with_database(url: &str, name: &str) -> String {
    let (before, options) = url.split_once('?').map_or((url, None), |(a, b)| (a, Some(b)));
    let from = before.find("://").map_or(0, |i| i + 3);
    let server = before[from..].find('/').map_or(before, |i| &before[..from + i]);
    options.map_or_else(|| format!("{server}/{name}"), |o| format!("{server}/{name}?{o}"))
}

fn create(url: &str, names: &[String]) -> Result<(), SandboxError> {
    let failed =
        |e: postgres::Error| SandboxError::Database(e.as_db_error().map_or_else(|| e.to_string(), ToString::to_string));
    let mut client = postgres::Client::connect(url, postgres::NoTls).map_err(failed)?;
    for name in names {
        if client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[name]).map_err(failed)?.is_none() {
            client
                .batch_execute(&format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"))
                .map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_database_of_a_connection_string_is_replaced() {
        for (url, expected) in [
            ("postgres://u:p@h:5432/postgres?sslmode=disable", "postgres://u:p@h:5432/x?sslmode=disable"),
            ("postgres://u@h", "postgres://u@h/x"),
            ("postgres://u@h/", "postgres://u@h/x"),
            ("postgresql:///postgres?host=/run/pg&user=u", "postgresql:///x?host=/run/pg&user=u"),
        ] {
            assert_eq!(with_database(url, "x"), expected);
        }
    }
}
