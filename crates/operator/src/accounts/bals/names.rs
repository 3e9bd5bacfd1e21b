//! What a BAL may be called: the naming rules with our own people's first names, and the reasoned override (F022).
use crate::Actor;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use sceau_domain::{Address, BalKind, RefusalCode, UseCase, naming, plain};
use sceau_store::{Tx, bals};

/// Most first names that are looked at.
const NAMES: i64 = 20_000;
/// Shorter parts of first names than this name nobody.
const SHORTEST: usize = 3;

/// What is published of a BAL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts<'a> {
    /// Kind.
    pub kind: BalKind,
    /// Address, when it is to be judged.
    pub address: Option<&'a Address>,
    /// Name shown.
    pub label: &'a str,
    /// Functional description.
    pub description: &'a str,
    /// About the responsible people.
    pub responsible: &'a str,
    /// Service.
    pub service: &'a str,
}

/// First names of our own people, in parts: `Jean-François` is both.
fn first_names(tx: &mut dyn Tx, kind: BalKind) -> Result<Vec<String>, Fail> {
    // Nothing is asked of the others beyond characters and lengths.
    if !matches!(kind, BalKind::Org | BalKind::App) {
        return Ok(Vec::new());
    }
    let mut out: Vec<String> = Vec::new();
    for name in bals::given_names(tx, NAMES)? {
        let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|p| p.chars().count() >= SHORTEST);
        out.extend(parts.map(str::to_owned));
    }
    out.sort_unstable();
    out.dedup();
    Ok(out)
}

/// Judges names and texts. The reason of an override, when one was needed, given, and allowed to the asker. `naming.*`, `right.missing`.
pub(crate) fn check(
    tx: &mut dyn Tx,
    actor: &Actor,
    t: Texts<'_>,
    override_reason: Option<&str>,
) -> Result<Option<String>, Fail> {
    let names = first_names(tx, t.kind)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let judged = [
        t.address.map_or(Ok(()), |a| naming::check_address(t.kind, a, &names)),
        naming::check_label(t.kind, t.label, &names),
        naming::check_publication(t.kind, t.description, t.responsible, t.service, &names),
    ];
    let mut overridden = None;
    for refusal in judged.into_iter().filter_map(Result::err) {
        // Only the person's-name rule is a matter of judgment; characters, lengths and reserved names are not.
        let reason = override_reason.filter(|_| refusal.code == RefusalCode::NamingPerson);
        let Some(reason) = reason else { return Err(refusal.into()) };
        let reason = plain::reason(reason, "naming_override")?;
        permit(tx, actor, UseCase::NamingOverride, On::Operator)?;
        overridden = Some(reason);
    }
    Ok(overridden)
}
