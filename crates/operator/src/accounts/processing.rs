//! Who processes personal data of a BAL, from the controller on (F152): the structure, or the professional in person; a regional body between; the
//! operator; and ANS, which receives indicators.
use super::structures::views::ProcessingLink;
use sceau_domain::Processing;
use sceau_store::structures::{self, Structure};
use sceau_store::{Id, StoreError, Tx};

/// Who receives indicators, without being named by any row.
const RECIPIENT: &str = "ANS";

/// The chain of a structure.
pub(crate) fn of_structure(
    tx: &mut dyn Tx,
    structure: &Structure,
    operator: &str,
) -> Result<Vec<ProcessingLink>, StoreError> {
    let body = match structure.body_id {
        Some(id) => structures::body_by_id(tx, id)?.map(|b| b.name),
        None => None,
    };
    Ok(chain(structure.name.clone(), body, operator))
}

/// The chain of a BAL: of its structure, else of the professional in person (`holder`: the name as shown).
pub(crate) fn of_bal(
    tx: &mut dyn Tx,
    structure: Option<Id>,
    holder: &str,
    operator: &str,
) -> Result<Vec<ProcessingLink>, StoreError> {
    let place = match structure {
        Some(id) => structures::by_id(tx, id)?,
        None => None,
    };
    match place {
        Some(s) => of_structure(tx, &s, operator),
        None => Ok(chain(holder.to_owned(), None, operator)),
    }
}

/// The chain under a controller.
pub(crate) fn chain(controller: String, body: Option<String>, operator: &str) -> Vec<ProcessingLink> {
    std::iter::once((Processing::Controller, controller))
        .chain(body.map(|name| (Processing::Processor, name)))
        .chain([(Processing::Processor, operator.to_owned()), (Processing::Recipient, RECIPIENT.to_owned())])
        .map(|(role, name)| ProcessingLink { role, name })
        .collect()
}
