//! `docs/rights.md` is printed from the table of rights and the sentences of the locale files: the committed page is what the program does.
//!
//! To renew it: `SCEAU_RENEW=1 cargo test -p sceau-domain --test rights_document`.
use sceau_domain::rights::{Role, UseCase};
use sceau_domain::text::{Lang, template};
use std::fmt::Write as _;
use std::path::PathBuf;

const RENEW: &str = "SCEAU_RENEW=1 cargo test -p sceau-domain --test rights_document";

fn sentence(lang: Lang, key: &str) -> String {
    template(lang, key).unwrap_or_else(|| panic!("{lang:?} has no sentence for {key}")).to_owned()
}

fn page() -> String {
    let mut page = format!(
        "# Qui peut quoi · Who may do what\n\n\
         Printed from `crates/domain/src/rights.rs` (`{RENEW}`), never by hand. The same table is asked by every use case, inside its own \
         transaction; a test tries each of its cells through REST.\n\n\
         **Aucun rôle d'administration ne lit, n'envoie ni ne classe de courrier.** La seule voie vers le contenu d'une BAL sans y avoir accès est \
         demandée par un administrateur de l'opérateur et décidée par un autre, avec une raison, pour trente jours au plus ; chaque message lu est \
         tracé et le titulaire ne voit rien changer.\n\n\
         **No administrative role reads, sends or files mail.** The one way to the content of a BAL without an access to it is asked for by one \
         administrator of the operator and decided by another, with a reason, for thirty days at most; each message that is read is traced, and \
         nothing changes in the BAL.\n\n\
         ## Rôles et lieux · Roles and places\n\n| Role | | Lieu | Place |\n|---|---|---|---|\n"
    );
    for role in Role::ALL {
        let (name, place) = (format!("role.name.{role}"), format!("role.place.{role}"));
        let (fr, en) = (sentence(Lang::Fr, &name), sentence(Lang::En, &name));
        let (here, there) = (sentence(Lang::Fr, &place), sentence(Lang::En, &place));
        let _ = writeln!(page, "| `{role}` | {fr} · {en} | {here} | {there} |");
    }
    page.push_str(
        "\nRules of places:\n\n\
         * A role whose structure or regional body is blocked has no effect, and who is blocked may do nothing; from the very next act on.\n\
         * A BAL that belongs to no structure is the operator's alone.\n\
         * Who works in several structures is edited, certified, blocked and sent tokens by the administrators of the one where he has worked the \
         longest of those to which he was entrusted (added there, or taken in by the operator); the others end his work in theirs. Whoever was \
         taken in by the national identifier alone stays with those who answered for him before.\n\
         * The secret of a token is shown to the person alone; for a machine, to somebody responsible for its BAL. Who administers has a link \
         sent, not to an address that he set himself.\n\
         * Nobody gives himself access to a BAL that is there by an administrative role.\n\
         * Nobody but the operator's administrators acts on a person who has an administrative role, unless it is that of a structure of one's own \
         place.\n\
         * A user changes a BAL (particulars, choices, accesses, delegations, end) only with the right `manage` on it.\n\
         * Who may not see everything is told the same of what does not exist and of what is not in his place: `right.missing`.\n\n\
         ## Table\n\n| | Cas d'usage | Use case |",
    );
    for role in Role::ALL {
        let _ = write!(page, " {role} |");
    }
    page.push_str("\n|---|---|---|");
    page.push_str(&":-:|".repeat(Role::ALL.len()));
    page.push('\n');
    for use_case in UseCase::ALL {
        let key = format!("use_case.{use_case}");
        let _ = write!(page, "| `{use_case}` | {} | {} |", sentence(Lang::Fr, &key), sentence(Lang::En, &key));
        for role in Role::ALL {
            page.push_str(if use_case.is_for(role) { " ● |" } else { " |" });
        }
        page.push('\n');
    }
    page
}

#[test]
fn the_page_says_what_the_table_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/rights.md");
    let page = page();
    if std::env::var_os("SCEAU_RENEW").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/rights.md differs from the table: {RENEW}");
}

#[test]
fn no_sentence_is_left_of_a_use_case_that_is_gone() {
    let known: Vec<String> = UseCase::ALL.iter().map(|u| format!("use_case.{u}")).collect();
    for lang in Lang::ALL {
        let left: Vec<_> = sceau_domain::text::keys(lang)
            .filter(|k| k.starts_with("use_case.") && !known.iter().any(|u| u == k))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
