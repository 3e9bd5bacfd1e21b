//! A list of the real one's size (9,000 entries, 4 MB): parse, verify, look up.
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, RsaKeySize};
use sceau_domain::{DomainName, Timestamp};
use sceau_trust::whitelist::{Entry, sign, signature};
use sceau_trust::{Dn, WhiteList};
use std::hint::black_box;

const GENERATED: Timestamp = Timestamp(1_797_336_000_000);
const ENTRIES: usize = 9_000;
/// Distinct DNs: one of the real list's serves 16 entries.
const DNS: usize = 560;

fn dn(i: usize) -> String {
    format!("CN=mss{i}.exemple.fr,OU=1{i:09},O=CENTRE HOSPITALIER \"N° {i}\",ST=Département ({:02}),C=FR", i % 95)
}

fn document() -> Vec<u8> {
    let entries: Vec<Entry> = (0..ENTRIES)
        .map(|i| Entry {
            domain: format!("etablissement-{i}.region{}.mssante.fr", i % 13),
            description: "Domaine de messagerie des professionnels de l'établissement ".repeat(2),
            dn: dn(i % DNS),
            responsible: "Direction des systèmes d'information, Camille Exemple".into(),
            support: format!("support-{i}@exemple.fr"),
            updated: GENERATED,
        })
        .collect();
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).expect("key");
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "alb.exemple.fr");
    let certificate = params.self_signed(&key).expect("certificate");
    sign(&entries, GENERATED, &[certificate.der().clone()], &key.serialize_der()).expect("list")
}

fn benches(c: &mut Criterion) {
    let xml = document();
    let mut group = c.benchmark_group("white_list");
    group.sample_size(20).throughput(Throughput::Bytes(xml.len() as u64));
    group.bench_function("parse", |b| b.iter(|| WhiteList::parse(black_box(&xml)).expect("list")));
    group.bench_function("signature", |b| b.iter(|| signature::check(black_box(&xml)).expect("signature")));
    group.finish();

    let list = WhiteList::parse(&xml).expect("list");
    assert_eq!((list.entries, list.dns().len()), (ENTRIES, DNS));
    let domain: DomainName = "etablissement-4242.region4.mssante.fr".parse().expect("domain");
    let listed = Dn::parse(&dn(4242 % DNS)).expect("dn");
    let other = Dn::parse(&dn(1)).expect("dn");
    let absent: DomainName = "absent.mssante.fr".parse().expect("domain");
    assert!(list.lists(&domain, &listed));
    c.bench_function("lookup/listed", |b| b.iter(|| list.lists(black_box(&domain), black_box(&listed))));
    c.bench_function("lookup/other", |b| b.iter(|| list.lists(black_box(&domain), black_box(&other))));
    c.bench_function("lookup/absent", |b| b.iter(|| list.contains(black_box(&absent))));
    c.bench_function("lookup/knows", |b| b.iter(|| list.knows(black_box(&other))));
    c.bench_function("dn/parse", |b| b.iter(|| Dn::parse(black_box(&dn(7)))));
}

criterion_group!(white_list, benches);
criterion_main!(white_list);
