//! From `[blobs]` to the place of blobs: a folder, or a bucket with its credentials. Secrets are read here and shown nowhere.
use crate::config::{BlobsSection, ConfigError};
use sceau_store::blob::{BlobPlace, PlaceError, S3Config, parse_endpoint, parse_s3_url};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Objects in a page of a listing.
const PAGE: usize = 1000;
/// A file of credentials is not longer, bytes.
const MOST_CREDENTIALS: u64 = 4096;
/// Longest time that `timeout_seconds` may give: a sender waits so long for its answer.
const MOST_SECONDS: u64 = 300;

/// Where blobs are kept. `environment` gives the value of a variable.
pub fn place(blobs: &BlobsSection, environment: &dyn Fn(&str) -> Option<String>) -> Result<BlobPlace, ConfigError> {
    if !blobs.url.contains("://") {
        return Ok(BlobPlace::Folder(PathBuf::from(&blobs.url)));
    }
    let (bucket, prefix) =
        parse_s3_url(&blobs.url).map_err(|_| ConfigError::of("config.blobs_url", &[("value", &blobs.url)]))?;
    let endpoint = blobs.endpoint.clone().or_else(|| environment("AWS_ENDPOINT_URL")).unwrap_or_default();
    // An address with a password in it is refused, and not shown.
    let shown = if endpoint.contains('@') { "…" } else { endpoint.as_str() };
    parse_endpoint(&endpoint).map_err(|_: PlaceError| ConfigError::of("config.blobs_endpoint", &[("value", shown)]))?;
    if blobs.region.is_empty() || !blobs.region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Err(ConfigError::of("config.blobs_region", &[("value", &blobs.region)]));
    }
    if !(1..=MOST_SECONDS).contains(&blobs.timeout_seconds) {
        let value = blobs.timeout_seconds.to_string();
        return Err(ConfigError::of("config.blobs_timeout", &[("value", &value), ("most", &MOST_SECONDS.to_string())]));
    }
    let (access_key, secret_key) = match &blobs.credentials {
        Some(file) => credentials(file)?,
        None => match (environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY")) {
            (Some(access), Some(secret)) if !access.is_empty() && !secret.is_empty() => (access, secret),
            _ => return Err(ConfigError::of("config.blobs_no_credentials", &[])),
        },
    };
    let ca_pem = blobs.ca.as_deref().map(|path| {
        std::fs::read(path).map_err(|e| {
            let args = [("what", "blobs.ca"), ("path", &path.display().to_string()), ("error", &e.to_string())];
            ConfigError::of("config.file_missing", &args)
        })
    });
    Ok(BlobPlace::S3(S3Config {
        bucket,
        prefix,
        endpoint,
        region: blobs.region.clone(),
        access_key,
        secret_key,
        timeout: Duration::from_secs(blobs.timeout_seconds),
        ca_pem: ca_pem.transpose()?,
        page: PAGE,
    }))
}

/// Access key and secret key: the two lines of a file that nobody else may read.
fn credentials(path: &Path) -> Result<(String, String), ConfigError> {
    let shown = path.display().to_string();
    let unreadable = |e: std::io::Error| {
        let args = [("what", "blobs.credentials"), ("path", shown.as_str()), ("error", &e.to_string())];
        ConfigError::of("config.file_missing", &args)
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let args = [("path", shown.as_str()), ("mode", &format!("{mode:o}"))];
        return Err(ConfigError::of("config.blobs_credentials_open", &args));
    }
    let mut text = String::new();
    file.take(MOST_CREDENTIALS).read_to_string(&mut text).map_err(unreadable)?;
    match text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>()[..] {
        [access, secret] => Ok((access.to_owned(), secret.to_owned())),
        _ => Err(ConfigError::of("config.blobs_credentials", &[("path", &shown)])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn section(url: &str) -> BlobsSection {
        BlobsSection {
            url: url.into(),
            endpoint: Some("https://s3.exemple.fr".into()),
            region: "fr-par".into(),
            credentials: None,
            ca: None,
            timeout_seconds: 20,
        }
    }
    fn none(_: &str) -> Option<String> {
        None
    }
    fn variables(name: &str) -> Option<String> {
        match name {
            "AWS_ACCESS_KEY_ID" => Some("ACCES".into()),
            "AWS_SECRET_ACCESS_KEY" => Some("TRES-MOTUS".into()),
            _ => None,
        }
    }
    #[track_caller]
    fn refused(section: &BlobsSection, environment: &dyn Fn(&str) -> Option<String>, key: &str) {
        let told = place(section, environment).expect_err(key);
        for (lang, said) in [(sceau_domain::Lang::Fr, &told.fr), (sceau_domain::Lang::En, &told.en)] {
            let template = sceau_domain::text::template(lang, key).unwrap();
            assert!(said.starts_with(template.split('{').next().unwrap()), "{said}");
            assert!(!said.contains("MOTUS"), "{said}");
        }
    }

    #[test]
    fn a_folder_or_a_bucket() {
        assert_eq!(place(&section("data/blobs"), &none).unwrap(), BlobPlace::Folder("data/blobs".into()));
        let BlobPlace::S3(s3) = place(&section("s3://sceau/prod"), &variables).unwrap() else { panic!("a bucket") };
        assert_eq!((s3.bucket.as_str(), s3.prefix.as_str(), s3.secret_key.as_str()), ("sceau", "prod", "TRES-MOTUS"));
        assert!(!format!("{s3:?}").contains("MOTUS"));
        let no_endpoint = BlobsSection { endpoint: None, ..section("s3://sceau") };
        refused(&no_endpoint, &variables, "config.blobs_endpoint");
        let from_environment =
            |name: &str| if name == "AWS_ENDPOINT_URL" { Some("http://127.0.0.1:9".into()) } else { variables(name) };
        assert!(place(&no_endpoint, &from_environment).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said() {
        refused(&section("s3://"), &variables, "config.blobs_url");
        refused(&section("ftp://sceau"), &variables, "config.blobs_url");
        refused(&section("s3://sceau"), &none, "config.blobs_no_credentials");
        let with = |change: fn(&mut BlobsSection)| {
            let mut section = section("s3://sceau");
            change(&mut section);
            section
        };
        refused(&with(|s| s.endpoint = Some("http://s3.exemple.fr".into())), &variables, "config.blobs_endpoint");
        refused(&with(|s| s.endpoint = Some("https://moi:MOTUS@s3".into())), &variables, "config.blobs_endpoint");
        refused(&with(|s| s.region = "a b".into()), &variables, "config.blobs_region");
        refused(&with(|s| s.timeout_seconds = 0), &variables, "config.blobs_timeout");
        refused(&with(|s| s.ca = Some("/nonexistent".into())), &variables, "config.file_missing");
        refused(&with(|s| s.credentials = Some("/nonexistent".into())), &variables, "config.file_missing");
    }

    #[test]
    fn a_file_of_credentials_is_two_lines_that_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s3");
        let mut section = section("s3://sceau");
        section.credentials = Some(file.clone());
        let write = |text: &str, mode| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("ACCES\nTRES-MOTUS\n", 0o600);
        let BlobPlace::S3(s3) = place(&section, &none).unwrap() else { panic!("a bucket") };
        assert_eq!((s3.access_key.as_str(), s3.secret_key.as_str()), ("ACCES", "TRES-MOTUS"));
        write("ACCES\nTRES-MOTUS\n", 0o640);
        refused(&section, &none, "config.blobs_credentials_open");
        for text in ["", "ACCES\n", "ACCES\nMOTUS\nmore\n"] {
            write(text, 0o600);
            refused(&section, &none, "config.blobs_credentials");
        }
    }
}
