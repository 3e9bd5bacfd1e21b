//! Proofs of identity as use cases, on both engines; two programs on one store where something is spent once.
mod attacks;
mod bearer;
mod binding;
mod calls;
mod guessing;
mod journeys;
mod logouts;
mod oauth;
mod own_bal;
mod provider;
mod psc;
mod sessions;

use crate::openings::House;
use sceau_domain::reference::Layout;
use sceau_identity::national::{Said, of_idnps};
use sceau_operator::reference::NewReference;

/// Anne's number.
const ANNE: &str = "10003456786";

/// The operator entered Anne with her number and names.
async fn entered(h: &House) {
    h.edit("anne", |p| {
        p.national_id = Some(ANNE.into());
        (p.family_name, p.given_name) = (Some("Martin".into()), Some("Anne".into()));
        (p.local_id, p.local_id_reason, p.local_id_until) = (None, None, None);
    })
    .await;
}

/// What a card of this professional says.
fn said(rpps: &str, family: &str, given: &str) -> Said {
    Said {
        national: of_idnps(&format!("8{rpps}")),
        family: Some(family.into()),
        given: Some(given.into()),
        profession: None,
        subject: format!("8{rpps}"),
    }
}

/// Puts a register in force that knows these.
async fn register(h: &House, lines: &[(&str, &str, &str)]) {
    let header = "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Nom d'exercice|Prénom d'exercice|Code profession\n";
    let line = |(id, family, given): &(&str, &str, &str)| format!("8|{id}|8{id}|{family}|{given}|10\n");
    let text = header.to_owned() + &lines.iter().map(line).collect::<String>();
    let new = NewReference { name: "rpps".into(), source: "essai".into(), layout: Layout::of("rpps") };
    let mut intake = h.0.op.import_reference(&h.0.admin, new).await.unwrap();
    intake.push(text.as_bytes()).await.unwrap();
    intake.finish().await.unwrap();
}
