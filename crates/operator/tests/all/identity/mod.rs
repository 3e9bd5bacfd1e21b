//! Proofs of identity as use cases, on both engines; two programs on one store where something is spent once.
mod attacks;
mod binding;
mod guessing;
mod oauth;
mod own_bal;
mod sessions;

use crate::openings::House;
use sceau_domain::reference::Layout;
use sceau_identity::national::{Said, of_idnps};
use sceau_operator::reference::NewReference;

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
