//! Journeys that nothing makes so fast (F267). A token is of one device, and whoever signs in in a browser sits before it; programs that stay at home while
//! the person travels say nothing, so that only places of one token, or of one person's browsers, are compared.
//!
//! It is judged on arrival, once: who goes on from a place is not told of it again.
use super::{Raised, Subject, Used};
use crate::Operator;
use sceau_domain::abuse::Signal;
use sceau_domain::position::{Position, too_fast};
use sceau_store::rates::{self, Place};
use sceau_store::{StoreError, Tx};

/// What stands before a position among the places of a token (RFC 5870).
const GEO: &str = "geo:";

/// The name of a position among places.
fn named(position: Position) -> String {
    format!("{GEO}{position}")
}

/// Is it the name of a position, and of no place that a person knows?
pub(super) fn is_position(place: &str) -> bool {
    place.starts_with(GEO)
}

/// Keeps where a token is used, when that is known; where else it was, if it just arrived.
pub(super) fn arrived(tx: &mut dyn Tx, used: &Used, pause: i64) -> Result<Vec<Place>, StoreError> {
    let Some(position) = used.position else { return Ok(Vec::new()) };
    let here = named(position);
    let places = rates::used_from(tx, used.token, &here, used.at, pause)?;
    if !places.iter().any(|p| p.place == here && p.since == used.at) {
        return Ok(Vec::new());
    }
    let mut others = rates::journeys(tx, used.token, GEO, used.at - Signal::Travel.definition().window)?;
    others.retain(|p| p.place != here);
    Ok(others)
}

impl Operator {
    /// Could whoever arrives have come from where he was?
    pub(super) fn judge_journeys(&self, used: &Used, others: &[Place]) {
        let settings = &self.0.config.abuse;
        let threshold = i64::from(settings.thresholds.of(Signal::Travel));
        let Some(here) = used.position.filter(|_| threshold > 0) else { return };
        let mut found: Vec<(i64, String)> = Vec::new();
        for other in others {
            let Some(there) = other.place.strip_prefix(GEO).and_then(|p| p.parse::<Position>().ok()) else { continue };
            let km = here.km_to(there);
            // From the last moment there, if he was there before; at once, if he is there too.
            let passed = (used.at - other.at).max(other.since - used.at).max(0);
            if km >= f64::from(settings.nearest) && too_fast(km, passed, settings.speed) {
                found.push((passed, format!("{there} ({km:.0} km, {} min)", passed / 60_000)));
            }
        }
        let seen = i64::try_from(found.len()).unwrap_or(i64::MAX);
        if seen < threshold {
            return;
        }
        found.sort();
        let from: Vec<&str> = found.iter().take(5).map(|(_, shown)| shown.as_str()).collect();
        let detail = format!("{here} ← {}", from.join(", "));
        let known = |r: &mut Raised| {
            (r.person, r.bal) = (Some(used.person), used.bal);
            r.detail.clone_from(&detail);
        };
        self.raise_signal(&Subject::person(used.person), Signal::Travel, (seen, threshold), &known);
    }
}
