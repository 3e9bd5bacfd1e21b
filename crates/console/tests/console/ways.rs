//! Links lead to what the asker may see and do: a role's pages and acts, in its place.
use crate::support::House;
use axum::http::StatusCode;
use sceau_domain::{BalKind, DomainKind};
use sceau_operator::accounts::NewBal;
use sceau_operator::accounts::structures::views::Settlement;
use std::collections::BTreeSet;

/// A BAL of the structure `ici`: `anne`, who works there, answers for it; `bruno`, who works elsewhere, has access.
const BAL: &str = "cardiologie@alpha.mssante.fr";

/// The same page in another order, another language or as a file; and of many traces, each.
const LEFT: [&str; 4] = ["format=csv", "tri=", "lang=", "/traces/"];

async fn with_a_bal_of_the_structure(h: &House) {
    h.op.add_domain(&h.admin, "alpha.mssante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
    let version = h.op.structure(&h.admin, "ici").await.unwrap().version;
    let settled = Settlement { domains: Some(vec!["alpha.mssante.fr".to_owned()]), ..Settlement::default() };
    h.op.settle_structure(&h.admin, "ici", version, settled).await.unwrap();
    let of_the_structure = |bal: &mut NewBal| {
        bal.structure = Some("ici".into());
        bal.members = vec!["bruno".into()];
    };
    sceau_testkit::bal(&h.op, &h.admin, BAL, BalKind::Org, &["anne"], of_the_structure).await;
}

/// Ways of a page that stay within the console, without what the page itself is.
fn ways(page: &str) -> BTreeSet<String> {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let plain = links.map(|to| to.replace("&#38;", "&").replace("&amp;", "&"));
    plain.filter(|to| to.starts_with("/console")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_of_the_console_leads_to_a_refusal() {
    let h = House::staffed().await;
    with_a_bal_of_the_structure(&h).await;
    let begin = [
        "/console",
        "/console/personnes/anne",
        "/console/personnes/bruno",
        "/console/personnes/administrator",
        "/console/personnes/structure",
        "/console/structures/ici",
        "/console/regions/gi",
        "/console/bal/cardiologie@alpha.mssante.fr",
    ];
    for role in ["administrator", "structure", "region", "support", "auditor"] {
        let cookie = h.as_one(role).await;
        let (mut seen, mut next) = (BTreeSet::new(), BTreeSet::new());
        for path in begin {
            let page = h.get(path, &cookie).await;
            if page.status == StatusCode::OK {
                next.extend(ways(&page.text));
            }
        }
        // Two clicks on from there; an act's page is looked at, nothing is sent.
        for _ in 0..2 {
            for to in std::mem::take(&mut next) {
                if LEFT.iter().any(|part| to.contains(part)) || !seen.insert(to.clone()) {
                    continue;
                }
                let page = h.get(&to, &cookie).await;
                assert!(page.status.is_success() || page.status.is_redirection(), "{role} {to} {}", page.status);
                // From sheets on, not from an act's page.
                if to.matches('/').count() <= 3 {
                    next.extend(ways(&page.text));
                }
            }
        }
        assert!(seen.len() > 15, "{role} {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_of_the_place_is_named_without_a_way() {
    let h = House::staffed().await;
    with_a_bal_of_the_structure(&h).await;
    let sheet = format!("/console/bal/{BAL}");
    // The structure's administrator sees who has access, and leads to her own people alone.
    let own = h.get(&sheet, &h.as_one("structure").await).await;
    assert_eq!(own.status, StatusCode::OK, "{}", own.text);
    assert!(own.text.contains("bruno") && own.text.contains("\"/console/personnes/anne\""), "{}", own.text);
    assert!(!own.text.contains("\"/console/personnes/bruno\""), "{}", own.text);
    let all = h.get(&sheet, &h.as_one("administrator").await).await;
    assert!(all.text.contains("\"/console/personnes/bruno\""), "{}", all.text);
    // Support helps users; on whoever has an administrative role it may do nothing, and is offered nothing.
    let support = h.as_one("support").await;
    let anne = h.get("/console/personnes/anne", &support).await;
    assert!(anne.text.contains("/anne/inviter") && anne.text.contains("/anne/coordonnees"), "{}", anne.text);
    let chief = h.get("/console/personnes/administrator", &support).await;
    assert_eq!(chief.status, StatusCode::OK, "{}", chief.text);
    for act in ["inviter", "coordonnees", "remplacer-moyens", "fermer-session"] {
        assert!(!chief.text.contains(&format!("/administrator/{act}")), "{act} {}", chief.text);
    }
    let pressed = h.press("/console/personnes/administrator/inviter", &support, "").await;
    assert_eq!(pressed.status, StatusCode::FORBIDDEN, "{}", pressed.text);
}
