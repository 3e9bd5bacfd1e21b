//! Blobs in a bucket: whole, sealed, named when they are damaged; deferred, never lost, when the service is down, slow or wrong.

use crate::support::s3::{Server, Wire};
use sceau_store::blob::{self, BlobRow, Collected, PlaceRefusal};
use sceau_store::testing::{self, TestStore, noise};
use sceau_store::{BlobPlace, DataKey, EngineUrl, S3Config, Spool, Store, StoreConfig, StoreError};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn spooled(s: &Store, content: &[u8]) -> Spool {
    let mut spool = s.spool();
    content.chunks(50_001).for_each(|piece| spool.write(piece).unwrap());
    spool.finish().unwrap()
}

/// Settled and named by a row.
async fn kept(s: &Store, content: &[u8]) -> Result<(blob::BlobId, DataKey), StoreError> {
    let mut spool = spooled(s, content);
    spool.settle().await?;
    let row = BlobRow::from(&spool);
    s.write(move |tx| blob::insert(tx, &row)).await.map_err(|e: StoreError| e)?;
    let named = (spool.id, spool.key.clone());
    spool.kept();
    Ok(named)
}

async fn read(s: &Store, (id, key): &(blob::BlobId, DataKey)) -> Result<Vec<u8>, StoreError> {
    let mut reader = s.open_blob(*id, key.clone()).await?;
    let (mut out, size) = (Vec::new(), reader.size());
    while (out.len() as u64) < size {
        out.extend(reader.read_at(out.len() as u64, 60_000).await?);
    }
    Ok(out)
}

async fn store_on(config: S3Config) -> TestStore {
    let mut s = testing::sqlite().await;
    move_to(&mut s, config).await.unwrap();
    s
}

async fn move_to(s: &mut TestStore, config: S3Config) -> Result<(), StoreError> {
    s.config.blobs = BlobPlace::S3(config);
    let config = s.config.clone();
    s.reopen_with(config).await
}

fn spools(s: &TestStore) -> usize {
    s.config.spools.read_dir().unwrap().count()
}

/// As if the object had been put so long ago.
fn age(object: &Path, by: Duration) {
    let file = std::fs::File::options().write(true).open(object).unwrap();
    file.set_modified(std::time::SystemTime::now() - by).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn content_comes_back_whole_and_by_ranges() {
    let server = Server::start().await;
    let mut s = store_on(server.config("nuit/blobs")).await;
    let mut blobs = Vec::new();
    for (i, size) in [0, 1, 20_000, 65_536, 200_001, 300_000, 3_000_000].into_iter().enumerate() {
        let content = noise(size, i as u64 + 1);
        blobs.push((kept(&s, &content).await.unwrap(), content));
    }
    assert_eq!(spools(&s), 0, "nothing is left here");
    assert_eq!(server.objects("nuit/blobs").len(), 5, "the small ones are rows");
    s.reopen().await;
    for (named, content) in &blobs {
        assert_eq!(read(&s, named).await.unwrap(), *content);
        let size = content.len();
        let mut reader = s.open_blob(named.0, named.1.clone()).await.unwrap();
        for (from, len) in
            [(size / 2, 70_000), (0, 10), (size.saturating_sub(3), 10), (65_535, 2), (size, 5), (7, size)]
        {
            let expected = content.get(from..(from + len).min(size)).unwrap_or_default();
            assert_eq!(reader.read_at(from as u64, len).await.unwrap(), expected, "{from}+{len} of {size}");
        }
        reader.verify().await.unwrap();
        let asked = tokio::task::spawn_blocking(move || reader.read_at_blocking(0, 100).unwrap());
        assert_eq!(asked.await.unwrap(), content[..size.min(100)]);
    }
    // What is stored is the same on every place: sealed.
    let longest = server.objects("nuit/blobs").into_iter().max_by_key(|f| f.metadata().unwrap().len()).unwrap();
    let stored = std::fs::read(longest).unwrap();
    assert!(stored.starts_with(b"SCEAUBL1"));
    if cfg!(not(feature = "insecure-clear")) {
        let word = &blobs[6].1[1_000_000..1_000_032];
        assert!(!stored.windows(32).any(|w| w == word), "content is in clear");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_is_a_dozen_requests() {
    let server = Server::start().await;
    let s = store_on(server.config("")).await;
    let content = noise(10_000_000, 3);
    let named = kept(&s, &content).await.unwrap();
    let mut requests = Requests::count();
    assert_eq!(read(&s, &named).await.unwrap(), content);
    let asked = requests.since();
    assert!((2..=14).contains(&asked), "{asked} requests");
    // A header costs one, however long the message.
    let mut reader = s.open_blob(named.0, named.1.clone()).await.unwrap();
    reader.read_at(0, 4_000).await.unwrap();
    assert!(requests.since() <= 2, "its beginning and its table");
}

/// Counts the objects' readings by the metric that the program shows.
struct Requests(u64);
impl Requests {
    fn count() -> Self {
        Self(sceau_store::blob::requests())
    }
    fn since(&mut self) -> u64 {
        let before = std::mem::replace(&mut self.0, sceau_store::blob::requests());
        self.0 - before
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(not(feature = "insecure-clear"))]
async fn a_damaged_or_missing_object_is_named_and_the_rest_serves() {
    let server = Server::start().await;
    let s = store_on(server.config("p")).await;
    let other = noise(100_000, 9);
    let untouched = kept(&s, &other).await.unwrap();
    let before = server.objects("p");
    let content = noise(600_000, 5);
    let named = kept(&s, &content).await.unwrap();
    let object = server.objects("p").into_iter().find(|o| !before.contains(o)).unwrap();
    let whole = std::fs::read(&object).unwrap();
    let n = whole.len();
    let corrupt = async |bytes: &[u8], what: &str| {
        std::fs::write(&object, bytes).unwrap();
        let told = read(&s, &named).await.unwrap_err();
        assert_eq!(told, StoreError::Corrupt(format!("blob {}", hex::encode(named.0))), "{what}");
    };
    for at in [0, 30, 70_000, n / 2, n - 300, n - 1] {
        let mut bad = whole.clone();
        bad[at] ^= 4;
        corrupt(&bad, &format!("byte {at} of {n}")).await;
    }
    for cut in [0, 3, 24, 300_000, n - 1] {
        corrupt(&whole[..cut], &format!("cut at {cut}")).await;
    }
    corrupt(&[&whole[..], b"more"].concat(), "longer").await;
    std::fs::write(&object, &whole).unwrap();
    assert_eq!(read(&s, &named).await.unwrap(), content);
    std::fs::remove_file(&object).unwrap();
    let told = read(&s, &named).await.unwrap_err();
    assert_eq!(told, StoreError::Corrupt(format!("blob {}", hex::encode(named.0))), "missing");
    assert_eq!(read(&s, &untouched).await.unwrap(), other, "the rest serves");
    // A bucket without our mark, or no bucket at all, says nothing of what was in it.
    let (bucket, away) = (server.folder.path().join(crate::support::s3::BUCKET), server.folder.path().join("away"));
    std::fs::rename(&bucket, &away).unwrap();
    assert!(matches!(read(&s, &untouched).await, Err(StoreError::Transient(_))), "no bucket");
    std::fs::create_dir(&bucket).unwrap();
    assert!(matches!(read(&s, &untouched).await, Err(StoreError::Transient(_))), "another bucket");
    std::fs::remove_dir_all(&bucket).unwrap();
    std::fs::rename(&away, &bucket).unwrap();
    assert_eq!(read(&s, &untouched).await.unwrap(), other);
}

/// Deferred, in bounded time.
async fn deferred(s: &TestStore, named: &(blob::BlobId, DataKey), what: &str) {
    let began = Instant::now();
    let (long, short) = (noise(200_000, 21), noise(1_000, 22));
    let put = kept(s, &long).await;
    assert!(matches!(put, Err(StoreError::Transient(_))), "{what}: {put:?}");
    let got = read(s, named).await;
    assert!(matches!(got, Err(StoreError::Transient(_))), "{what}: {got:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "{what}: bounded");
    assert_eq!(spools(s), 0, "{what}: what was refused is not kept");
    // Small mail goes on.
    let small = kept(s, &short).await.unwrap();
    assert_eq!(read(s, &small).await.unwrap(), short);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_silent_or_slow_defers_and_recovers_by_itself() {
    let server = Server::start().await;
    let s = store_on(S3Config { timeout: Duration::from_millis(900), ..server.config("") }).await;
    let content = noise(700_000, 7);
    let named = kept(&s, &content).await.unwrap();
    for wire in [Wire::Cut, Wire::Silent, Wire::Slow(Duration::from_secs(5))] {
        server.set(wire);
        deferred(&s, &named, &format!("{wire:?}")).await;
        server.set(Wire::Good);
        assert_eq!(read(&s, &named).await.unwrap(), content, "after {wire:?}");
        let again = kept(&s, &content).await.unwrap();
        assert_eq!(read(&s, &again).await.unwrap(), content, "after {wire:?}");
    }
    // A short break is not noticed.
    let during = tokio::spawn({
        let s = s.clone();
        async move { kept(&s, &noise(200_000, 8)).await }
    });
    server.set(Wire::Cut);
    tokio::time::sleep(Duration::from_millis(150)).await;
    server.set(Wire::Good);
    during.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_the_middle_is_told_and_can_go_on() {
    let server = Server::start().await;
    let s = store_on(S3Config { timeout: Duration::from_millis(600), ..server.config("") }).await;
    let content = noise(3_000_000, 7);
    let (id, key) = kept(&s, &content).await.unwrap();
    let mut reader = s.open_blob(id, key).await.unwrap();
    assert_eq!(reader.read_at(0, 1_000).await.unwrap(), content[..1_000]);
    server.set(Wire::Cut);
    assert!(matches!(reader.read_at(2_000_000, 1_000).await, Err(StoreError::Transient(_))));
    server.set(Wire::Good);
    assert_eq!(reader.read_at(2_000_000, 1_000).await.unwrap(), content[2_000_000..2_001_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_on_a_service_that_is_down_are_all_answered() {
    let server = Server::start().await;
    let s = store_on(S3Config { timeout: Duration::from_millis(900), ..server.config("") }).await;
    server.set(Wire::Silent);
    let began = Instant::now();
    let asked: Vec<_> = (0..150_u64)
        .map(|i| {
            let s = s.clone();
            tokio::spawn(async move { kept(&s, &noise(100_000, i)).await })
        })
        .collect();
    for one in asked {
        assert!(matches!(one.await.unwrap(), Err(StoreError::Transient(_))));
    }
    assert!(began.elapsed() < Duration::from_secs(60));
    assert!(server.connections.load(Ordering::SeqCst) <= 200, "requests under way are bounded");
    assert_eq!(spools(&s), 0);
    server.set(Wire::Good);
    kept(&s, &noise(100_000, 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_refuses_is_told_at_the_start_and_defers_later() {
    let server = Server::start().await;
    let mut s = store_on(server.config("")).await;
    let content = noise(100_000, 3);
    let named = kept(&s, &content).await.unwrap();
    for wrong in [
        S3Config { secret_key: "AUTRE".into(), ..server.config("") },
        S3Config { access_key: "AUTRE".into(), ..server.config("") },
    ] {
        let told = move_to(&mut s, wrong).await.unwrap_err();
        assert!(matches!(told, StoreError::Place(PlaceRefusal::Refused(_))), "{told}");
        let shown = format!("{told} {told:?} {:?}", s.config);
        assert!(!shown.contains("AUTRE") && !shown.contains("SECRET"), "{shown}");
    }
    // A service that is down when the server starts is waited for.
    server.set(Wire::Cut);
    move_to(&mut s, S3Config { timeout: Duration::from_millis(500), ..server.config("") }).await.unwrap();
    deferred(&s, &named, "down at the start").await;
    server.set(Wire::Good);
    assert_eq!(read(&s, &named).await.unwrap(), content);
    kept(&s, &content).await.unwrap();
    for wrong in ["http://192.0.2.1:9000", "ftp://127.0.0.1", "nothing"] {
        let told = move_to(&mut s, S3Config { endpoint: wrong.into(), ..server.config("") }).await.unwrap_err();
        assert!(matches!(told, StoreError::Invalid(_)), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_names_is_swept_page_by_page() {
    let server = Server::start().await;
    let s = store_on(S3Config { page: 3, ..server.config("a") }).await;
    // Another prefix of the same bucket is another's.
    let beside = store_on(server.config("ab")).await;
    let foreign = noise(50_000, 99);
    let theirs = kept(&beside, &foreign).await.unwrap();
    let content = noise(50_000, 1);
    for _ in 0..7 {
        let mut garbage = spooled(&s, &content);
        garbage.settle().await.unwrap();
        drop(garbage);
    }
    let mut discarded = spooled(&s, &content);
    discarded.settle().await.unwrap();
    let mut on_its_way = spooled(&s, &content);
    on_its_way.settle().await.unwrap();
    assert_eq!(server.objects("a").len(), 9);
    discarded.discard();
    let gone = Instant::now();
    while server.objects("a").len() != 8 {
        assert!(gone.elapsed() < Duration::from_secs(10), "what is discarded goes at once");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(blob::sweep(&s).await.unwrap(), Collected::default(), "young");
    // Not a blob of ours: left alone.
    std::fs::write(server.folder.path().join(crate::support::s3::BUCKET).join("a/LISEZMOI"), "texte").unwrap();
    server.objects("").iter().for_each(|o| age(o, Duration::from_secs(3_700)));
    assert_eq!(blob::sweep(&s).await.unwrap(), Collected { rows: 0, files: 7 });
    assert_eq!(server.objects("a").len(), 1, "what is about to be named stays");
    assert!(server.folder.path().join(crate::support::s3::BUCKET).join("a/LISEZMOI").exists());
    // Released and collected: row first, then the object.
    let row = BlobRow::from(&on_its_way);
    let (id, now) = (on_its_way.id, s.clock().now());
    s.write(move |tx| blob::insert(tx, &row)).await.map_err(|e: StoreError| e).unwrap();
    on_its_way.kept();
    s.write(move |tx| blob::release(tx, &id, now)).await.map_err(|e: StoreError| e).unwrap();
    assert_eq!(blob::collect(&s).await.unwrap(), Collected { rows: 1, files: 0 });
    assert!(server.objects("a").is_empty());
    assert_eq!(read(&beside, &theirs).await.unwrap(), foreign);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_a_bucket_and_a_stranger_sweeps_nothing() {
    let server = Server::start().await;
    let mut one = testing::postgres().await;
    move_to(&mut one, server.config("")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let two = Store::open(sceau_store::StoreConfig {
        node: 2,
        name: "two".into(),
        spools: folder.path().join("spools"),
        ..one.config.clone()
    });
    let two = two.await.unwrap();
    let content = noise(100_000, 3);
    let named = kept(&one, &content).await.unwrap();
    assert_eq!(read(&two, &named).await.unwrap(), content);
    // What the other is about to name is protected by its age; what it named, by its row.
    let mut on_its_way = spooled(&two, &content);
    on_its_way.settle().await.unwrap();
    server
        .objects("")
        .iter()
        .filter(|o| !o.ends_with(hex::encode(on_its_way.id)))
        .for_each(|o| age(o, Duration::from_secs(7_200)));
    let now = one.clock().now();
    // A row nobody references any more goes; keep this one referenced.
    let (id, none) = (named.0, Vec::<u8>::new());
    one.write(move |tx| {
        let sql = "INSERT INTO queue_messages (id, blob_id, epoch, blob_key, bal_id, sender, prefix, size, body_8bit, smtputf8, created, \
                   expires, tag) VALUES (1, $1, 0, $2, 1, '', $2, 0, 0, 0, 0, 0, '')";
        tx.execute(sql, sceau_store::params![id.as_slice(), none.clone()]).map(drop)
    })
    .await
    .map_err(|e: StoreError| e)
    .unwrap();
    assert_eq!(blob::sweep(&one).await.unwrap(), Collected::default(), "{now:?}");
    // So late that another node may have taken it for garbage, it is not named any more.
    let row = BlobRow::from(&on_its_way);
    one.clock.advance_ms(1_801_000);
    let late = two.write(move |tx| blob::insert(tx, &row)).await;
    assert!(matches!(late, Err(StoreError::Transient(_))), "{late:?}");
    // Another database on the same bucket and prefix does not start there: ours would sweep its objects.
    let mut stranger = testing::sqlite().await;
    let told = move_to(&mut stranger, server.config("")).await.unwrap_err();
    assert_eq!(told, StoreError::Place(PlaceRefusal::Foreign));
    let mut stranger = store_on(server.config("elsewhere")).await;
    let theirs = kept(&stranger, &content).await.unwrap();
    // The mark was changed behind its back: it sweeps nothing, and what is not found there is not lost.
    let bucket = server.folder.path().join(crate::support::s3::BUCKET);
    std::fs::copy(bucket.join(".sceau-blobs"), bucket.join("elsewhere/.sceau-blobs")).unwrap();
    server.objects("").iter().for_each(|o| age(o, Duration::from_secs(7_200)));
    assert!(matches!(blob::sweep(&stranger).await, Err(StoreError::Invalid(_))));
    for object in server.objects("elsewhere") {
        std::fs::remove_file(object).unwrap();
    }
    assert!(matches!(read(&stranger, &theirs).await, Err(StoreError::Transient(_))));
    stranger.close().await;
    assert_eq!(read(&two, &named).await.unwrap(), content);
    drop(on_its_way);
    tokio::task::spawn_blocking(move || drop(two)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_listed_copied_and_put_back_as_they_are() {
    let server = Server::start().await;
    let s = store_on(S3Config { page: 2, ..server.config("x") }).await;
    let content = noise(400_000, 3);
    let mut named = Vec::new();
    for _ in 0..5 {
        named.push(kept(&s, &content).await.unwrap());
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = blob::list(&s, after).await.unwrap();
        listed.extend(page.objects);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let mut expected: Vec<_> = named.iter().map(|(id, _)| *id).collect();
    expected.sort_unstable();
    assert_eq!(listed.iter().map(|o| o.id).collect::<Vec<_>>(), expected);
    let (id, copy) = (named[0].0, s.folder().join("copy"));
    let mut raw = blob::raw(&s, id).await.unwrap();
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < raw.stored() {
        bytes.extend(raw.read_at(bytes.len() as u64, 64 << 10).await.unwrap());
    }
    assert_eq!(listed.iter().find(|o| o.id == id).unwrap().stored, bytes.len() as u64);
    std::fs::write(&copy, &bytes).unwrap();
    blob::remove_raw(&s, vec![id]).await.unwrap();
    blob::remove_raw(&s, vec![id]).await.unwrap();
    assert!(matches!(read(&s, &named[0]).await, Err(StoreError::Corrupt(_))));
    blob::put_raw(&s, id, &copy).await.unwrap();
    blob::put_raw(&s, id, &copy).await.unwrap();
    assert_eq!(read(&s, &named[0]).await.unwrap(), content);
    assert!(copy.exists());
    assert_eq!(spools(&s), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_said_and_nothing_is_touched() {
    let server = Server::start().await;
    let s = testing::sqlite().await;
    let fresh = |bucket: &str, prefix: &str| {
        let config = S3Config { bucket: bucket.into(), ..server.config(prefix) };
        StoreConfig {
            data: EngineUrl::Sqlite(s.folder().join("new/data.db")),
            keyring: EngineUrl::Sqlite(s.folder().join("new-keys/keyring.db")),
            spools: s.folder().join("new-spools"),
            blobs: BlobPlace::S3(config),
            ..s.config.clone()
        }
    };
    let told = Store::open(fresh("absent", "")).await.unwrap_err();
    assert_eq!(told, StoreError::Place(PlaceRefusal::NoBucket("absent".into())));
    let new = || ["new", "new-keys", "new-spools"].iter().any(|folder| s.folder().join(folder).exists());
    assert!(!new() && !server.folder.path().join("absent").exists());
    // The one that is there and not ours.
    let theirs = store_on(server.config("")).await;
    assert_eq!(
        Store::open(fresh(crate::support::s3::BUCKET, "")).await.unwrap_err(),
        StoreError::Place(PlaceRefusal::Foreign)
    );
    let empty = |file: &str| std::fs::metadata(s.folder().join(file)).map_or(0, |m| m.len()) == 0;
    assert!(empty("new/data.db") && empty("new-keys/keyring.db") && empty("new-spools"));
    let ours = Store::open(fresh(crate::support::s3::BUCKET, "ours")).await.unwrap();
    tokio::task::spawn_blocking(move || drop((ours, theirs))).await.unwrap();
}

/// A wire of TLS before the service, with a certificate of an authority of its own.
struct Tls {
    authority: String,
    address: std::net::SocketAddr,
}

impl Tls {
    async fn before(server: &Server, name: &str) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let (issuer, own) = (Issuer::new(params, key), KeyPair::generate().unwrap());
        let cert = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = rustls::pki_types::PrivateKeyDer::try_from(own.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, plain) = (listener.local_addr().unwrap(), server.address);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(socket).await else { return };
                    let Ok(mut service) = tokio::net::TcpStream::connect(plain).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut service).await;
                });
            }
        });
        Self { authority: authority.pem(), address }
    }
    fn config(&self, server: &Server, prefix: &str, authority: &str) -> S3Config {
        S3Config {
            endpoint: format!("https://{}", self.address),
            ca_pem: Some(authority.as_bytes().to_vec()),
            ..server.config(prefix)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_behind_a_private_authority_is_believed_by_that_authority_only() {
    let server = Server::start().await;
    let (tls, other) = (Tls::before(&server, "127.0.0.1").await, Tls::before(&server, "s3.exemple.fr").await);
    let s = store_on(tls.config(&server, "tls", &tls.authority)).await;
    let content = noise(700_000, 3);
    let named = kept(&s, &content).await.unwrap();
    assert_eq!(read(&s, &named).await.unwrap(), content);
    assert_eq!(server.objects("tls").len(), 1);
    // Another authority, another name, and the platform's authorities.
    let mut wrong = testing::sqlite().await;
    let mut platform = tls.config(&server, "x", "");
    platform.ca_pem = None;
    for config in [tls.config(&server, "x", &other.authority), other.config(&server, "x", &other.authority), platform] {
        let began = Instant::now();
        let told = move_to(&mut wrong, S3Config { timeout: Duration::from_secs(20), ..config }).await.unwrap_err();
        assert!(matches!(&told, StoreError::Place(PlaceRefusal::Certificate(_))), "{told}");
        assert!(began.elapsed() < Duration::from_secs(10), "asking again does not help");
    }
    assert!(server.objects("x").is_empty());
}
