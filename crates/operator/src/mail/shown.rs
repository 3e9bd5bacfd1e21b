//! How an address may stand in clear in rows and traces: as it is, except a patient's, whose local part is the INS.
//!
//! A patient's address is shown as a keyed pseudonym (the same for the same patient, so that traces can be followed) and
//! kept sealed beside it where it is needed again.
use crate::Operator;
use sceau_domain::{Address, DomainName};
use sceau_store::{DataKey, StoreError};
use sceau_store::{Id, vault::Aad};

impl Operator {
    /// Is this a domain of patients, ours or not?
    pub(crate) fn is_patients(&self, domain: &DomainName) -> bool {
        self.0.config.patient_domains.contains(domain)
    }

    /// The address as rows and traces may show it: itself, or `p-…@domain` ([`sceau_store::Vault::pseudonym`]).
    pub(crate) fn shown(&self, address: &Address) -> String {
        if self.is_patients(address.domain()) { self.0.store.vault().pseudonym(address) } else { address.to_string() }
    }

    /// The reverse path as shown; empty for `<>`.
    pub(crate) fn shown_path(&self, path: Option<&Address>) -> String {
        path.map(|a| self.shown(a)).unwrap_or_default()
    }

    /// The sealed address, when [`Operator::shown`] only shows a pseudonym.
    pub(crate) fn sealed_address(
        &self,
        address: &Address,
        key: &DataKey,
        aad: Aad<'_>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.is_patients(address.domain()) {
            return Ok(None);
        }
        key.seal(aad, address.to_string().as_bytes()).map(Some)
    }
}

/// The address behind what was shown and sealed.
pub(crate) fn unsealed_address(
    shown: &str,
    sealed: Option<&[u8]>,
    key: &DataKey,
    aad: Aad<'_>,
) -> Result<Address, StoreError> {
    let text = match sealed {
        None => shown.to_owned(),
        Some(sealed) => String::from_utf8(key.unseal(aad, sealed)?).map_err(|_| corrupt(aad.object))?,
    };
    text.parse().map_err(|_| corrupt(aad.object))
}

fn corrupt(object: Id) -> StoreError {
    StoreError::Corrupt(format!("address of {object}"))
}
