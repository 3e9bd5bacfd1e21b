//! Mail programs find their settings by themselves (F223): each format as its programs read it, the zone that leads to them, Thunderbird's own windows.
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Sandbox, dns, proof, proves};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[test]
fn each_format_is_what_its_programs_read() {
    let _web = proves(&["F223", "F051"], "web");
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("folder");
    let run = sandbox.python("autoconfig.py", &["0", "Per", "0", folder.path().to_str().expect("UTF-8")]);
    assert!(run.code == 0 && run.out.trim() == "done", "{}\n{}", run.out, run.err);
}

#[test]
#[ignore = "long"]
fn thunderbird_finds_its_settings() {
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("folder");
    let picture = proof::workspace().join("target/pictures/thunderbird-finds.png");
    let home = folder.path().to_str().expect("UTF-8");
    let run = sandbox.python("thunderbird_finds.py", &[home, "0", "Per", "0", picture.to_str().expect("UTF-8")]);
    assert!(run.code == 0 && run.out.trim() == "done", "{}\n{}", run.out, run.err);
    assert!(std::fs::metadata(picture).expect("picture").len() > 20_000, "an empty picture");
}

#[test]
fn the_records_of_a_zone_are_printed_and_compared() {
    let _cli = proves(&["F223"], "cli");
    let mut sandbox = Sandbox::start();
    let a = sandbox.a();
    let domain = a.domains[0].clone();
    let said = a.cli(&["domain", "dns", &domain]);
    assert_fits("domain_dns", &said);
    let port = |door: &str| door.rsplit_once(':').expect("host:port").1.to_owned();
    let value = |kind: &str, name: &str| {
        let records = said["records"].as_array().expect("records");
        let found = records
            .iter()
            .find(|r| r["type"] == kind && r["name"] == name)
            .unwrap_or_else(|| panic!("{name}: {said:#}"));
        found["values"][0].as_str().expect("a value").to_owned()
    };
    let imaps = format!("_imaps._tcp.{domain}");
    assert_eq!(value("SRV", &imaps), format!("0 1 {} localhost.", port(&a.endpoints.imaps)));
    assert_eq!(
        value("SRV", &format!("_submission._tcp.{domain}")),
        format!("10 1 {} localhost.", port(&a.endpoints.submission))
    );
    assert_eq!((value("MX", &domain), value("TXT", &domain)), (format!("10 mx.{domain}."), "v=spf1 mx -all".into()));
    // As a zone file, for people.
    let text = a.cli_text(&["--lang", "fr", "domain", "dns", &domain]).ok().out;
    let line = |words: &[&str]| text.lines().any(|l| l.split_whitespace().collect::<Vec<_>>().starts_with(words));
    assert!(line(&["NOM", "TYPE", "VALEUR", "POUR"]), "{text}");
    assert!(
        line(&[&format!("{domain}."), "TXT", "\"v=spf1", "mx", "-all\""]) && text.contains("Noms que le certificat"),
        "{text}"
    );

    // A DNS that has one of them wrong, and one not at all.
    let zone: dns::Zone = Arc::new(Mutex::new(records(&said)));
    let (mx, gone) = ((domain.clone(), dns::MX), (imaps.clone(), dns::SRV));
    let right = zone.lock().expect("zone").insert(mx.clone(), vec!["10 mx.ailleurs.fr.".into()]).expect("an MX");
    let srv = zone.lock().expect("zone").remove(&gone).expect("a record");
    let resolver = format!("[transfer]\nresolver = \"{}\"\n", dns::serve(&zone));
    sandbox.configure(0, &[("[transfer]\n", &resolver)]);
    let a = sandbox.a();
    let check = ["domain", "dns", &domain, "--check"];
    let run = a.cli_raw(&check);
    let looked: Value = serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{e}: {run:?}"));
    assert_fits("domain_dns", &looked);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.starts_with("sceau: 2 "), "{run:?}");
    let of = |name: &str, kind: &str| {
        let record =
            looked["records"].as_array().expect("records").iter().find(|r| r["name"] == name && r["type"] == kind);
        record.expect("a record").clone()
    };
    assert_eq!(
        (&of(&domain, "MX")["published"], &of(&domain, "MX")["found"][0]),
        (&"other".into(), &"10 mx.ailleurs.fr.".into())
    );
    assert_eq!((&of(&imaps, "SRV")["published"], &of(&domain, "TXT")["published"]), (&"absent".into(), &"good".into()));
    let told = a.cli_text(&[&["--lang", "fr"], &check[..]].concat());
    assert!(told.code == 1 && told.out.contains("PUBLIÉ") && told.out.contains("autre chose"), "{told:?}");
    // Put right, it is seen at once.
    zone.lock().expect("zone").extend([(mx, right), (gone, srv)]);
    let good = a.cli(&check);
    assert!(good["records"].as_array().expect("records").iter().all(|r| r["published"] == "good"), "{good:#}");
    let refused = a.cli_raw(&["domain", "dns", "ailleurs.fr"]);
    assert!(refused.code == 1 && refused.err.contains("[admin.not_found]"), "{refused:?}");
}

/// What a zone must hold, as a DNS has it.
fn records(said: &Value) -> BTreeMap<(String, u16), Vec<String>> {
    let texts = |v: &Value| v.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let one = |r: &Value| {
        (
            (r["name"].as_str().expect("a name").to_owned(), dns::kind(r["type"].as_str().expect("a kind"))),
            texts(&r["values"]),
        )
    };
    said["records"].as_array().expect("records").iter().map(one).collect()
}
