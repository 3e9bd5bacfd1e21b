use crate::support::{House, Said};
use axum::http::{Method, StatusCode};
use serde_json::Value;

async fn import(h: &House, path: &str, file: &[u8]) -> Said {
    h.root_file(&format!("/reference/{path}"), file.to_vec()).await
}

async fn labels(h: &House, query: &str) -> Vec<String> {
    let said = h.root(Method::GET, &format!("/reference/{query}"), &[], None).await;
    assert_eq!(said.status, StatusCode::OK, "{query}");
    let text = |e: &Value| format!("{} {}", e["code"].as_str().unwrap(), e["label"].as_str().unwrap());
    said.body["items"].as_array().unwrap().iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_replaced_at_once_or_not_at_all() {
    let h = House::new().await;
    // What came with the program says so.
    let tables = h.root(Method::GET, "/reference", &[], None).await.body;
    let shipped = tables["items"].as_array().unwrap().iter().find(|t| t["name"] == "professions").unwrap().clone();
    assert_eq!(shipped["imported_by"], "(sceau)");
    assert!(shipped["source"].as_str().unwrap().starts_with("TRE_G15"));
    assert_eq!(labels(&h, "professions?q=10").await, ["10 Médecin"]);
    assert_eq!(labels(&h, "professions?q=PEDICURE").await, ["80 Pédicure-Podologue"]);
    assert_eq!(labels(&h, "professions?q=podologue").await, ["80 Pédicure-Podologue"]);
    // Latin-1, with one line that cannot be read.
    let file = b"Code;Libell\xe9;Date\r\n10;M\xe9decin;2020\r\n;sans code;\r\n99;M\xe9tier d'essai;\r\n";
    let said = import(&h, "professions?source=essai", file).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.body);
    let table = &said.body["table"];
    assert_eq!((table["entries"].as_u64(), table["encoding"].as_str()), (Some(2), Some("windows-1252")));
    assert_eq!((table["skipped"].as_u64(), said.body["faults"][0]["line"].as_u64()), (Some(1), Some(3)));
    assert_eq!((table["imported_by"].as_str(), table["source"].as_str()), (Some("root"), Some("essai")));
    assert_eq!(labels(&h, "professions").await, ["10 Médecin", "99 Métier d'essai"]);
    // A file of another kind, an empty one and one that is cut in its first line change nothing.
    for (bad, code) in [
        (&b"Colonne;Libell\xe9\n10;x\n"[..], "csv.header"),
        (b"", "csv.empty"),
        (b"Code;Libelle\n", "csv.empty"),
        (b"Code;Libelle\n;\n", "csv.empty"),
        (b"\xff\xfeC\0o\0d\0e\0", "csv.encoding"),
    ] {
        let said = import(&h, "professions", bad).await;
        assert_eq!(said.code(), code, "{}", said.body);
        assert_eq!(labels(&h, "professions").await.len(), 2);
    }
    let said = import(&h, "professions", b"Colonne;Libelle\n10;x\n").await;
    assert!(said.body["detail"].as_str().unwrap().contains("Code, Libellé"), "{}", said.body);
    // Nothing is left of what was replaced or refused.
    h.op.housekeeping().await.unwrap();
    let left = h.store.read(|tx| tx.query("SELECT DISTINCT generation FROM reference_entries", &[])).await;
    let left = left.map_err(|e: sceau_store::StoreError| e).unwrap();
    assert_eq!(left.len(), 2, "professions and bal-types");
    assert_eq!(import(&h, "a%2Fb", b"Code;Libelle\n1;x\n").await.code(), "admin.invalid");
    assert_eq!(h.root(Method::GET, "/reference/rien", &[], None).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_has_several_lines_for_one_person_and_columns_of_its_own() {
    let h = House::new().await;
    let mut file = "Identifiant PP|Nom d'exercice|Prénom d'exercice|Code profession|Fax|\n".to_owned();
    for i in 0..1_200 {
        file.push_str(&format!("{:011}|PETIT {i}|Zoé \"Z|10|x|\n", i / 2));
    }
    let said = import(&h, "rpps?source=extraction", file.as_bytes()).await;
    assert_eq!((said.status, said.body["table"]["entries"].as_u64()), (StatusCode::OK, Some(1_200)), "{}", said.body);
    assert_eq!(
        labels(&h, "rpps?q=00000000007").await,
        ["00000000007 PETIT 14 Zoé \"Z", "00000000007 PETIT 15 Zoé \"Z"]
    );
    let said = h.root(Method::GET, "/reference/rpps?q=petit%20119&limit=1", &[], None).await;
    assert_eq!(said.body["items"][0]["data"], serde_json::json!({ "Code profession": "10" }));
    // Pages of a search hold everything once.
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let said = h.root(Method::GET, &format!("/reference/rpps?q=petit%2011&limit=7{after}"), &[], None).await;
        seen.extend(said.body["items"].as_array().unwrap().iter().map(|e| e["label"].as_str().unwrap().to_owned()));
        let Some(next) = said.body["next"].as_str() else { break };
        after = format!("&after={}", next.replace(' ', "%20").replace('"', "%22"));
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), count), (111, 111), "11, 110…119, 1100…1199");
    // Other names of columns are said.
    let said =
        import(&h, "essai?code_column=Num&label_columns=Nom%7CVille&separator=tab", b"Num\tNom\tVille\n1\tA\tB\n")
            .await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.body);
    assert_eq!(labels(&h, "essai").await, ["1 A B"]);
}
