//! Where blobs are kept, as the configuration says it.
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// Where the objects of blobs are (content above the inline limit).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobPlace {
    /// A folder (created when absent, 0700); several nodes may share it over a network.
    Folder(PathBuf),
    /// A bucket of an S3 service.
    S3(S3Config),
}

impl BlobPlace {
    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) => Some(path),
            Self::S3(_) => None,
        }
    }
}

impl From<PathBuf> for BlobPlace {
    fn from(folder: PathBuf) -> Self {
        Self::Folder(folder)
    }
}

/// How an S3 service is reached. Buckets are addressed in the path (`https://service/bucket/key`).
#[derive(Clone, PartialEq, Eq)]
pub struct S3Config {
    /// Name of the bucket. It exists already.
    pub bucket: String,
    /// What the names of our objects begin with, without `/` at its ends; may be empty.
    pub prefix: String,
    /// Address of the service: `https://…`, or `http://` on loopback.
    pub endpoint: String,
    /// Region, part of every signature.
    pub region: String,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
    /// Longest time for one operation, tries included.
    pub timeout: Duration,
    /// Authorities that the service's certificate is judged by, PEM; the platform's when none.
    pub ca_pem: Option<Vec<u8>>,
    /// Objects in a page of a listing, at most 1000.
    pub page: usize,
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the keys.
        f.debug_struct("S3Config")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the address of an S3 place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Not of the form `s3://bucket` or `s3://bucket/prefix`.
    #[error("not of the form s3://bucket/prefix")]
    Url,
    /// No address of a service, or not an `https://` one (`http://` is for loopback only).
    #[error("not an https:// address (http:// is for loopback only)")]
    Endpoint,
    /// The authorities are no PEM certificates.
    #[error("no certificate in PEM form")]
    Authority,
    /// A value that cannot be in a request: empty keys, region or time.
    #[error("empty or unfit")]
    Value,
}

/// Why a place of blobs cannot be used as it is configured: a person must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceRefusal {
    /// The service has no bucket of this name.
    #[error("has no bucket {0}")]
    NoBucket(String),
    /// The service says no; its status and code.
    #[error("refuses us: {0} (bucket, region, keys?)")]
    Refused(String),
    /// The service's certificate is of an authority that we do not trust, or another service's.
    #[error("shows a certificate that is not trusted: {0}")]
    Certificate(String),
    /// The place is marked as another database's, which would take our blobs for garbage.
    #[error("is marked as another database's")]
    Foreign,
}

/// Bucket and prefix of `s3://bucket/prefix`.
pub fn parse_s3_url(url: &str) -> Result<(String, String), PlaceError> {
    let rest = url.strip_prefix("s3://").ok_or(PlaceError::Url)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_end_matches('/');
    let fit = |text: &str, more: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    let bucket_fits = (3..=63).contains(&bucket.len()) && fit(bucket, ".-_") && !bucket.starts_with('.');
    // "." and ".." would be resolved as in a path.
    let prefix_fits = prefix.is_empty()
        || fit(prefix, "._-/") && prefix.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if !bucket_fits || !prefix_fits || prefix.len() > 512 {
        return Err(PlaceError::Url);
    }
    Ok((bucket.to_owned(), prefix.to_owned()))
}

/// The address of a service, if we may talk to it.
pub fn parse_endpoint(endpoint: &str) -> Result<Url, PlaceError> {
    let url = Url::parse(endpoint).map_err(|_| PlaceError::Endpoint)?;
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => return Err(PlaceError::Endpoint),
    };
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" if plain => Ok(url),
        "http" if plain && loopback => Ok(url),
        _ => Err(PlaceError::Endpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_or_refused() {
        let ok = |b: &str, p: &str| Ok((b.to_owned(), p.to_owned()));
        assert_eq!(parse_s3_url("s3://sceau"), ok("sceau", ""));
        assert_eq!(parse_s3_url("s3://sceau/"), ok("sceau", ""));
        assert_eq!(parse_s3_url("s3://sceau/prod/blobs/"), ok("sceau", "prod/blobs"));
        for bad in [
            "",
            "s3:",
            "s3://",
            "s3://ab",
            "s3://a b c",
            "s3://sceau/a//b",
            "s3://sceau/../b",
            "s3://sceau/é",
            "/folder",
        ] {
            assert_eq!(parse_s3_url(bad), Err(PlaceError::Url), "{bad}");
        }
        for good in
            ["https://s3.exemple.fr", "https://s3.exemple.fr:9000/base", "http://127.0.0.1:9000", "http://[::1]:9000"]
        {
            assert!(parse_endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "s3.exemple.fr",
            "http://s3.exemple.fr",
            "https://k:s@s3.exemple.fr",
            "ftp://s3",
            "https://s3/?a=b",
            "http://10.0.0.1",
        ] {
            assert_eq!(parse_endpoint(bad), Err(PlaceError::Endpoint), "{bad}");
        }
    }

    #[test]
    fn keys_are_never_shown() {
        let config = S3Config {
            bucket: "sceau".into(),
            prefix: String::new(),
            endpoint: "https://s3.exemple.fr".into(),
            region: "fr".into(),
            access_key: "ACCES".into(),
            secret_key: "TRES-SECRET".into(),
            timeout: Duration::from_secs(1),
            ca_pem: None,
            page: 1000,
        };
        let shown = format!("{:?}", BlobPlace::S3(config));
        assert!(!shown.contains("SECRET") && !shown.contains("ACCES"), "{shown}");
    }
}
