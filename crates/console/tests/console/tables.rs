//! Tables: what they hold stays text, they sort, filter and leave as files.
use crate::support::{HERE, House};
use axum::http::{Method, StatusCode};
use sceau_domain::DomainKind;
use std::collections::BTreeSet;

/// What somebody may write where a title is asked for.
const HOSTILE: &str = "=1+1<img src=x onerror=alert(1)>\"'&";

#[tokio::test(flavor = "multi_thread")]
async fn values_stay_text_in_pages_and_in_files() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let title = "%3D1%2B1%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E%22%27%26";
    let done = h.press("/console/annonces/-/publier", &cookie, &format!("title={title}&text={title}&body=")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(h.op.announcements(&h.admin, None, 10).await.unwrap()[0].title, HOSTILE);
    let page = h.get("/console/annonces", &cookie).await;
    assert!(page.text.contains("&lt;img src=x") && !page.text.contains("<img"), "{}", page.text);
    let file = h.get("/console/annonces?format=csv", &cookie).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert!(file.text.starts_with('\u{feff}') && file.text.contains("\"'=1+1<img"), "{}", file.text);
    // What is asked stands in the page as text, too.
    let asked = h.get("/console/personnes?q=%22%3E%3Cscript%3E&tri=%3Cb%3E&apres=%22", &cookie).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(!asked.text.contains("<script>") && !asked.text.contains("<b>"), "{}", asked.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_sorts_both_ways_filters_and_keeps_its_filter() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let order = |page: &str| {
        let at = |login: &str| page.find(&format!("/console/personnes/{login}\"")).unwrap_or_else(|| panic!("{login}"));
        at("anne").cmp(&at("support"))
    };
    let up = h.get("/console/personnes?tri=login", &cookie).await;
    let down = h.get("/console/personnes?tri=-login", &cookie).await;
    assert_eq!(order(&up.text), std::cmp::Ordering::Less);
    assert_eq!(order(&down.text), std::cmp::Ordering::Greater);
    assert!(up.text.contains("aria-sort=\"ascending\"") && down.text.contains("aria-sort=\"descending\""));
    let found = h.get("/console/personnes?q=ann", &cookie).await;
    assert!(found.text.contains("/console/personnes/anne\"") && !found.text.contains("/console/personnes/bruno\""));
    assert!(found.text.contains("value=\"ann\"") && found.text.contains("/console/personnes?q=ann&#38;tri=login"));
    let file = h.get("/console/personnes?q=ann&format=csv", &cookie).await;
    assert_eq!(file.text.lines().count(), 2, "{}", file.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_looked_through_and_its_order_is_of_all_rows() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    for name in ["alpha.mssante.fr", "beta.mssante.fr"] {
        h.op.add_domain(&h.admin, name.parse().unwrap(), DomainKind::Production).await.unwrap();
    }
    // A list whose call knows no words: they are looked for in its rows, in pages and in files.
    let found = h.get("/console/domaines?q=BETA", &cookie).await;
    assert!(found.text.contains("name=\"q\"") && found.text.contains("value=\"BETA\""), "{}", found.text);
    assert!(found.text.contains("domaines/beta.mssante.fr\"") && !found.text.contains("domaines/alpha.mssante.fr\""));
    let file = h.get("/console/domaines?q=beta&format=csv", &cookie).await;
    assert_eq!(file.text.lines().count(), 2, "{}", file.text);
    let none = h.get("/console/domaines?q=nulle-part", &cookie).await;
    assert!(none.text.contains("class=\"empty\"") && !none.text.contains("domaines/beta"), "{}", none.text);
    // More than a page holds: in an order that was asked for, the last one comes first all the same.
    let logins: Vec<String> = (0..105).map(|n| format!("p{n:03}")).collect();
    let logins: Vec<&str> = logins.iter().map(String::as_str).collect();
    sceau_testkit::newcomers(&h.op, &h.admin, &logins).await;
    let page = h.get("/console/personnes", &cookie).await;
    assert!(page.text.contains("rel=\"next\"") && !page.text.contains("/console/personnes/support\""));
    let sorted = h.get("/console/personnes?tri=-login", &cookie).await;
    let at = |login: &str| sorted.text.find(&format!("/console/personnes/{login}\""));
    assert!(at("support").is_some() && at("support") < at("p104") && at("p104") < at("p000"), "{}", sorted.text);
    // Every list of the menu has a field to look by.
    let menu = h.get("/console", &cookie).await;
    for place in menu.text.split("href=\"/console/").skip(1).filter_map(|rest| rest.split('"').next()) {
        if !place.contains(['/', '?']) {
            let page = h.get(&format!("/console/{place}"), &cookie).await;
            assert!(page.text.contains("data-finds"), "{place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_leaves_as_a_file_and_comes_as_a_piece() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let menu = h.get("/console", &cookie).await;
    let places: BTreeSet<String> = menu
        .text
        .split("href=\"/console/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| !name.contains(['/', '?']))
        .map(str::to_owned)
        .collect();
    assert!(places.len() >= 24);
    for place in places {
        let path = format!("/console/{place}");
        let file = h.get(&format!("{path}?format=csv"), &cookie).await;
        assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, "text/csv; charset=utf-8"), "{path}");
        let headers = [("cookie", cookie.as_str()), ("x-sceau-part", "table"), ("origin", HERE)];
        let piece = h.browse(Method::GET, &path, &headers, "").await;
        assert_eq!((piece.status, piece.header("x-sceau-part")), (StatusCode::OK, "table"), "{path}");
        assert!(!piece.text.contains("<html") && piece.text.contains("data-part=\"table\""), "{path}");
    }
}

/// A page and what it loads, as they are sent: 60 KiB at most, compressed.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_little() {
    let h = House::staffed().await;
    let cookie = h.as_one("administrator").await;
    let page = h.get("/console/personnes", &cookie).await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, page.text.as_bytes()).unwrap();
    let loaded = ["base.css", "console.css", "base.js", "table.js", "icons.svg"];
    let files: usize =
        sceau_web::assets::sizes().iter().filter(|(n, _)| loaded.contains(n)).map(|(_, size)| size).sum();
    let all = packed.finish().unwrap().len() + files;
    assert!(all <= 60 << 10, "{all}");
}
