//! What a refresh decides.
use crate::pki::*;
use sceau_trust::refresh::{Decision, Diff, decide, decide_above};
use sceau_trust::whitelist::{Entry, WhiteListError};
use sceau_trust::{Purpose, Trust, WhiteList, WhiteListState};
use std::sync::Arc;

fn names(list: &[sceau_domain::DomainName]) -> Vec<&str> {
    list.iter().map(|d| d.as_str()).collect()
}

#[test]
fn good_lists_are_put_in_force_with_what_changes_and_bad_ones_are_not() {
    let pki = Pki::new("O");
    let anchors = pki.anchors(Purpose::ListSigner);
    let trust = Trust::new(anchors.clone());
    let mut state = WhiteListState::default();
    let mut play = |xml: Result<&[u8], WhiteListError>, at: i64| {
        let now = NOW.plus_ms(at * DAY);
        let decision = decide(xml, &source(), &anchors, trust.white_list().as_deref(), now);
        if let Decision::Put { list, .. } = &decision {
            trust.set_white_list(list.clone());
        }
        state.record(&decision, now);
        (decision, state.clone())
    };
    let made = |entries: &[Entry], at: i64| signed(&pki, entries, NOW.plus_ms(at * DAY));

    // Nothing yet, and the first fetch fails.
    let (decision, state) = play(Err(WhiteListError::Fetch("unreachable".into())), 0);
    assert!(matches!(decision, Decision::Refused(WhiteListError::Fetch(_))));
    assert_eq!(
        (state.generated, state.refreshed, state.last_error.as_deref()),
        (None, None, Some("fetch: unreachable"))
    );

    let first = made(&[entry("b.fr", DN_A), entry("a.fr", DN_A), entry("c.fr", DN_A)], 0);
    let (decision, state) = play(Ok(&first), 1);
    let Decision::Put { diff, .. } = decision else { panic!("{decision:?}") };
    assert_eq!(names(&diff.added), ["a.fr", "b.fr", "c.fr"]);
    assert!(diff.removed.is_empty() && diff.changed.is_empty());
    assert_eq!((state.generated, state.refreshed, state.last_error), (Some(NOW), Some(NOW.plus_ms(DAY)), None));

    let (decision, state) = play(Ok(&first), 2);
    assert!(matches!(decision, Decision::Unchanged));
    assert_eq!((state.generated, state.refreshed), (Some(NOW), Some(NOW.plus_ms(2 * DAY))));

    // The same names written otherwise are no change.
    let second =
        made(&[entry("a.fr", &DN_A.to_lowercase()), entry("c.fr", DN_A), entry("c.fr", DN_B), entry("d.fr", DN_B)], 3);
    let (decision, _) = play(Ok(&second), 3);
    let Decision::Put { diff, .. } = decision else { panic!("{decision:?}") };
    assert_eq!(
        (names(&diff.added), names(&diff.removed), names(&diff.changed)),
        (vec!["d.fr"], vec!["b.fr"], vec!["c.fr"])
    );

    // Older, altered, from the future: the list in force stays.
    let altered = String::from_utf8(second.clone()).unwrap().replace("d.fr", "e.fr");
    for (bad, code) in [
        (first.as_slice(), "white_list.rollback"),
        // Signed too, of the same second, and not the same: which of the two the authority made last cannot be known.
        (&made(&[entry("a.fr", DN_B)], 3), "white_list.twin"),
        (altered.as_bytes(), "white_list.signature"),
        (&made(&[], 30), "white_list.future"),
        (b"<html>maintenance</html>", "white_list.format"),
    ] {
        let (decision, state) = play(Ok(bad), 4);
        let Decision::Refused(error) = decision else { panic!("{decision:?}") };
        assert_eq!(error.code(), code);
        assert_eq!((state.generated, state.refreshed), (Some(NOW.plus_ms(3 * DAY)), Some(NOW.plus_ms(3 * DAY))));
        assert_eq!(state.last_error, Some(error.to_string()));
        assert!(trust.white_list().unwrap().contains(&"d.fr".parse().unwrap()));
    }
}

#[test]
fn a_revoked_signer_brings_in_nothing_new_and_takes_nothing_away() {
    let pki = Pki::new("O");
    let (mut anchors, before, after) =
        (pki.anchors(Purpose::ListSigner), list(&pki, NOW), list(&pki, NOW.plus_ms(DAY)));
    // Revoked three days from now: both lists are dated before.
    anchors.add_crl(&pki.crl(&[4242], 3)).unwrap();
    let decided = |xml: &[u8], in_force: Option<&WhiteList>, floor: Option<i64>, at: i64| {
        let floor = floor.map(|day| NOW.plus_ms(day * DAY));
        decide_above(Ok(xml), &source(), &anchors, in_force, floor, NOW.plus_ms(at * DAY))
    };
    let Decision::Put { list: held, .. } = decided(&before, None, None, 2) else { panic!("not revoked yet") };
    assert!(matches!(decided(&before, Some(&held), None, 4), Decision::Unchanged));
    assert!(matches!(decided(&before, None, Some(0), 4), Decision::Put { .. }), "the last good copy, at a start");
    for (xml, in_force, floor) in [(&after, Some(&*held), None), (&after, None, Some(0)), (&before, None, None)] {
        let Decision::Refused(e) = decided(xml, in_force, floor, 4) else { panic!("a thief's list") };
        assert_eq!(e.code(), "white_list.signer");
    }
}

#[test]
fn an_empty_difference_is_one() {
    let pki = Pki::new("O");
    let list = Arc::new(WhiteList::parse(&list(&pki, NOW)).unwrap());
    assert!(Diff::between(Some(&list), &list).is_empty());
    assert!(!Diff::between(None, &list).is_empty());
}
