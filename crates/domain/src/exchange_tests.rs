//! The rules as a table in words, then laws that hold over every combination of both ends.
use super::*;
use RefusalCode as C;

const KINDS: [BalKind; 6] = [BalKind::Per, BalKind::Org, BalKind::App, BalKind::Cab, BalKind::Usager, BalKind::Med];
const DOMAIN_KINDS: [DomainKind; 4] =
    [DomainKind::Production, DomainKind::Test, DomainKind::Patients, DomainKind::Internal];

fn name(s: &str) -> DomainName {
    s.parse().expect("a domain")
}

fn own(domain_kind: DomainKind, kind: BalKind, test: bool, reachable: bool) -> OwnBal {
    OwnBal { domain: name("nous.mssante.fr"), domain_kind, kind, flags: BalFlags { test, reachable } }
}

fn foreign(listed: bool, test: bool, patients: bool) -> Foreign {
    Foreign { domain: name("eux.mssante.fr"), listed, test, patients }
}

fn own_bals() -> Vec<OwnBal> {
    let mut all = Vec::new();
    for dk in DOMAIN_KINDS {
        for k in KINDS {
            for (t, r) in [(false, false), (false, true), (true, false), (true, true)] {
                all.push(own(dk, k, t, r));
            }
        }
    }
    all
}

fn roles() -> Vec<OwnRole> {
    DOMAIN_KINDS.map(|domain_kind| OwnRole { domain: name("nous.mssante.fr"), domain_kind }).into()
}

fn foreigns() -> Vec<Foreign> {
    (0..8).map(|i| foreign(i & 1 != 0, i & 2 != 0, i & 4 != 0)).collect()
}

fn senders() -> Vec<Sender> {
    let mut all: Vec<Sender> = own_bals().into_iter().map(Sender::Own).collect();
    all.extend(roles().into_iter().map(Sender::Role));
    all.extend(foreigns().into_iter().map(Sender::Foreign));
    all.extend([Sender::OwnReport, Sender::ForeignReport]);
    all
}

fn recipients() -> Vec<Recipient> {
    let mut all: Vec<Recipient> = own_bals().into_iter().map(Recipient::Own).collect();
    all.extend(roles().into_iter().map(Recipient::Role));
    all.extend(foreigns().into_iter().map(Recipient::Foreign));
    all
}

fn code(from: &Sender, to: &Recipient, replying: bool) -> Option<RefusalCode> {
    may_exchange(from, to, replying).err().map(|r| r.code)
}

/// Both ends, what is asked, and the answer that the rules' sources give.
#[test]
fn the_rules_in_words() {
    use BalKind::{App, Cab, Med, Org, Per, Usager};
    use DomainKind::{Internal, Patients, Production, Test};
    let bal = |dk, k| own(dk, k, false, true);
    let role = |domain_kind| OwnRole { domain: name("nous.mssante.fr"), domain_kind };
    let (listed, unlisted) = (foreign(true, false, false), foreign(false, false, false));
    let (test_domain, patients) = (foreign(true, true, false), foreign(true, false, true));
    let test_patients = foreign(true, true, true);
    let test_bal = own(Production, Per, true, true);
    let no_card = own(Production, Per, false, false);
    let s = Sender::Own;
    let r = Recipient::Own;
    let (sf, rf) = (Sender::Foreign, Recipient::Foreign);
    let table: Vec<(&str, Sender, Recipient, bool, Option<RefusalCode>)> = vec![
        ("professional to listed operator", s(bal(Production, Per)), rf(listed.clone()), false, None),
        ("listed operator to professional", sf(listed.clone()), r(bal(Production, Cab)), false, None),
        ("professional outside the list", s(bal(Production, Per)), rf(unlisted.clone()), true, Some(C::RcptNotListed)),
        ("unlisted peer", sf(unlisted.clone()), r(bal(Production, Per)), false, Some(C::SenderDomainNotPeers)),
        (
            "unlisted peer to postmaster",
            sf(unlisted.clone()),
            Recipient::Role(role(Production)),
            false,
            Some(C::SenderDomainNotPeers),
        ),
        ("relay between others", sf(listed.clone()), rf(listed.clone()), false, Some(C::RcptRelay)),
        ("relay of a report", Sender::ForeignReport, rf(listed.clone()), false, Some(C::RcptRelay)),
        ("our report outside the list", Sender::OwnReport, rf(unlisted.clone()), false, Some(C::RcptNotListed)),
        ("our report to a listed operator", Sender::OwnReport, rf(listed.clone()), false, None),
        ("our report to a patient elsewhere", Sender::OwnReport, rf(patients.clone()), false, None),
        ("their report to a professional", Sender::ForeignReport, r(bal(Production, App)), false, None),
        ("their report to a patient of ours", Sender::ForeignReport, r(bal(Patients, Usager)), false, None),
        ("their report to a test BAL", Sender::ForeignReport, r(test_bal.clone()), false, None),
        ("their report to a Med BAL", Sender::ForeignReport, r(bal(Production, Med)), false, Some(C::ExchangeMed)),
        ("their report without a card", Sender::ForeignReport, r(no_card.clone()), false, Some(C::ExchangeUnreachable)),
        ("their report to internal", Sender::ForeignReport, r(bal(Internal, Per)), false, Some(C::ExchangeInternal)),
        ("our report to internal", Sender::OwnReport, r(bal(Internal, Med)), false, None),
        ("F004 Med to a colleague", s(bal(Production, Med)), r(bal(Production, Per)), false, None),
        ("F004 colleague to Med", s(bal(Production, Org)), r(bal(Production, Med)), false, None),
        ("F004 Med abroad", s(bal(Production, Med)), rf(listed.clone()), false, Some(C::ExchangeMed)),
        ("F004 abroad to Med", sf(listed.clone()), r(bal(Production, Med)), true, Some(C::ExchangeMed)),
        ("F005 no card, own domain", s(no_card.clone()), r(bal(Production, Org)), false, None),
        ("F005 no card, abroad", s(no_card.clone()), rf(listed.clone()), false, Some(C::ExchangeUnreachable)),
        ("F005 abroad to no card", sf(listed.clone()), r(no_card.clone()), false, Some(C::ExchangeUnreachable)),
        ("internal abroad", s(bal(Internal, Per)), rf(listed.clone()), false, Some(C::ExchangeInternal)),
        ("abroad to internal", sf(listed.clone()), r(bal(Internal, Org)), false, Some(C::ExchangeInternal)),
        ("internal to our production", s(bal(Internal, Per)), r(bal(Production, Per)), false, None),
        ("F029 test to own domain", s(test_bal.clone()), r(bal(Production, Per)), false, None),
        ("F029 own domain to test", s(bal(Production, Org)), r(test_bal.clone()), false, None),
        ("F029 test to others' test", s(test_bal.clone()), rf(test_domain.clone()), false, None),
        ("F029 others' test to test", sf(test_domain.clone()), r(test_bal.clone()), false, None),
        ("F029 test domain is test", s(bal(Test, Org)), rf(test_domain.clone()), false, None),
        ("F029 test abroad", s(test_bal.clone()), rf(listed.clone()), false, Some(C::ExchangeTest)),
        ("F029 abroad to test", sf(listed.clone()), r(test_bal.clone()), false, Some(C::ExchangeTest)),
        ("F029 real to others' test", s(bal(Production, Per)), rf(test_domain.clone()), false, Some(C::ExchangeTest)),
        ("F029 others' test to real", sf(test_domain.clone()), r(bal(Production, Per)), false, Some(C::ExchangeTest)),
        ("test to a patient elsewhere", s(test_bal.clone()), rf(patients.clone()), false, Some(C::ExchangeTest)),
        ("test to a real patient of ours", s(test_bal.clone()), r(bal(Patients, Usager)), false, Some(C::ExchangeTest)),
        ("test to a test patient of ours", s(test_bal.clone()), r(own(Patients, Usager, true, true)), false, None),
        ("test to a test patient elsewhere", s(test_bal), rf(test_patients), false, None),
        ("F077 PER starts", s(bal(Production, Per)), rf(patients.clone()), false, None),
        ("F077 ORG starts", s(bal(Production, Org)), rf(patients.clone()), false, None),
        ("F077 APP starts", s(bal(Production, App)), rf(patients.clone()), false, None),
        ("F077 CAB starts", s(bal(Production, Cab)), rf(patients.clone()), false, None),
        ("F078 patient starts", s(bal(Patients, Usager)), r(bal(Production, Per)), false, Some(C::ExchangePatient)),
        ("F080 patient answers", s(bal(Patients, Usager)), r(bal(Production, Per)), true, None),
        ("F080 patient answers abroad", s(bal(Patients, Usager)), rf(listed.clone()), true, None),
        ("F078 patient starts abroad", s(bal(Patients, Usager)), rf(listed.clone()), false, Some(C::ExchangePatient)),
        ("F080 patient elsewhere answers", sf(patients.clone()), r(bal(Production, Org)), true, None),
        (
            "F078 patient elsewhere starts",
            sf(patients.clone()),
            r(bal(Production, Org)),
            false,
            Some(C::ExchangePatient),
        ),
        (
            "a patient on a professionals' domain",
            s(bal(Production, Usager)),
            r(bal(Production, Per)),
            false,
            Some(C::ExchangePatient),
        ),
        (
            "to a patient on that domain",
            s(bal(Production, Med)),
            r(bal(Production, Usager)),
            false,
            Some(C::ExchangePatient),
        ),
        ("patient to patient", s(bal(Patients, Usager)), r(bal(Patients, Usager)), true, Some(C::ExchangePatient)),
        (
            "patient to patient elsewhere",
            s(bal(Patients, Usager)),
            rf(patients.clone()),
            true,
            Some(C::ExchangePatient),
        ),
        (
            "patient elsewhere to patient",
            sf(patients.clone()),
            r(bal(Patients, Usager)),
            true,
            Some(C::ExchangePatient),
        ),
        ("patient to Med", s(bal(Patients, Usager)), r(bal(Production, Med)), true, Some(C::ExchangePatient)),
        ("Med to patient", s(bal(Production, Med)), r(bal(Patients, Usager)), false, Some(C::ExchangePatient)),
        ("internal to patient", s(bal(Internal, Per)), r(bal(Patients, Usager)), false, Some(C::ExchangePatient)),
        ("professional elsewhere to our patient", sf(listed.clone()), r(bal(Patients, Usager)), false, None),
        ("patient to postmaster", s(bal(Patients, Usager)), Recipient::Role(role(Production)), false, None),
        ("patient elsewhere to abuse", sf(patients.clone()), Recipient::Role(role(Production)), false, None),
        ("anyone listed to postmaster", sf(listed.clone()), Recipient::Role(role(Test)), false, None),
        (
            "abroad to internal postmaster",
            sf(listed.clone()),
            Recipient::Role(role(Internal)),
            false,
            Some(C::ExchangeInternal),
        ),
        ("postmaster to our patient", Sender::Role(role(Production)), r(bal(Patients, Usager)), false, None),
        (
            "postmaster to patient elsewhere",
            Sender::Role(role(Production)),
            rf(patients),
            false,
            Some(C::ExchangePatient),
        ),
        ("postmaster abroad", Sender::Role(role(Production)), rf(listed), false, None),
        ("postmaster outside the list", Sender::Role(role(Production)), rf(unlisted), false, Some(C::RcptNotListed)),
    ];
    for (what, from, to, replying, expected) in table {
        assert_eq!(code(&from, &to, replying), expected, "{what}");
    }
}

fn is_foreign_sender(s: &Sender) -> bool {
    matches!(s, Sender::Foreign(_) | Sender::ForeignReport)
}

fn restricted_to_us(b: &OwnBal) -> bool {
    b.kind == BalKind::Med || !b.flags.reachable || b.domain_kind == DomainKind::Internal
}

/// Laws over every combination: stated from the rules' words, not from the code's branches.
#[test]
fn laws_hold_over_every_combination() {
    let mut count = 0;
    for from in senders() {
        for to in recipients() {
            for replying in [false, true] {
                count += 1;
                let got = code(&from, &to, replying);
                let ctx = || format!("{from:?} → {to:?} replying {replying}: {got:?}");
                // Nothing leaves or enters the trust space, nothing is relayed.
                if let Recipient::Foreign(f) = &to {
                    assert!(f.listed || got.is_some(), "{}", ctx());
                    assert!(!is_foreign_sender(&from) || got == Some(C::RcptRelay), "{}", ctx());
                }
                if let Sender::Foreign(f) = &from {
                    assert!(f.listed || got.is_some(), "{}", ctx());
                }
                // What is restricted to our domains never crosses, in either direction.
                if let (Sender::Own(b), Recipient::Foreign(_)) = (&from, &to) {
                    assert!(!restricted_to_us(b) || got.is_some(), "{}", ctx());
                }
                if let (true, Recipient::Own(b)) = (is_foreign_sender(&from), &to) {
                    assert!(!restricted_to_us(b) || got.is_some(), "{}", ctx());
                }
                // Within the operator only the patients' rules (and test towards patients) can refuse.
                if let (Sender::Own(_), Recipient::Own(t)) = (&from, &to) {
                    assert!(
                        matches!(got, None | Some(C::ExchangePatient))
                            || (got == Some(C::ExchangeTest) && t.is_patient()),
                        "{}",
                        ctx()
                    );
                }
                // Our own reports reach all of ours; roles receive from every listed sender but across an internal domain.
                if let (Sender::OwnReport, Recipient::Own(_) | Recipient::Role(_)) = (&from, &to) {
                    assert_eq!(got, None, "{}", ctx());
                }
                if let Recipient::Role(r) = &to {
                    let listed = !matches!(&from, Sender::Foreign(f) if !f.listed);
                    let crosses = is_foreign_sender(&from) && r.domain_kind == DomainKind::Internal;
                    assert_eq!(got.is_none(), listed && !crosses, "{}", ctx());
                }
                // Answering never makes a yes a no, and only matters to patients.
                if replying {
                    let starting = code(&from, &to, false);
                    assert!(starting == got || (starting == Some(C::ExchangePatient) && got.is_none()), "{}", ctx());
                }
                // Two real professionals, both reachable, may always write to each other.
                let plain = |b: &OwnBal| {
                    b.domain_kind == DomainKind::Production && b.is_professional() && b.flags == BalFlags::default()
                };
                if let (Sender::Own(a), Recipient::Own(b)) = (&from, &to) {
                    assert!(!(plain(a) && plain(b)) || got.is_none(), "{}", ctx());
                }
            }
        }
    }
    assert_eq!(count, (96 + 4 + 8 + 2) * (96 + 4 + 8) * 2);
}

#[test]
fn without_patients_the_decision_is_the_same_both_ways() {
    for bal in own_bals().into_iter().filter(|b| !b.is_patient()) {
        for other in foreigns().into_iter().filter(|f| !f.patients && f.listed) {
            let out = code(&Sender::Own(bal.clone()), &Recipient::Foreign(other.clone()), false);
            let back = code(&Sender::Foreign(other), &Recipient::Own(bal.clone()), false);
            assert_eq!(out, back, "{bal:?}");
        }
    }
}

#[test]
fn restricting_a_bal_never_opens_a_way_abroad() {
    for bal in own_bals() {
        for other in foreigns() {
            for replying in [false, true] {
                let to = Recipient::Foreign(other.clone());
                let flags = BalFlags { reachable: false, ..bal.flags };
                assert!(code(&Sender::Own(OwnBal { flags, ..bal.clone() }), &to, replying).is_some());
                // The test flag opens nothing but other operators' test domains.
                let flags = BalFlags { test: true, ..bal.flags };
                let as_test = code(&Sender::Own(OwnBal { flags, ..bal.clone() }), &to, replying);
                let as_is = code(&Sender::Own(bal.clone()), &to, replying);
                assert!(as_test.is_some() || as_is.is_none() || other.test, "{bal:?} {other:?}");
            }
        }
    }
}

#[test]
fn refusals_name_the_domain_that_matters() {
    let med = own(DomainKind::Production, BalKind::Med, false, true);
    let refusal =
        may_exchange(&Sender::Own(med), &Recipient::Foreign(foreign(true, false, false)), false).expect_err("F004");
    assert!(refusal.sentence(crate::Lang::Fr).contains("eux.mssante.fr"));
    let internal = own(DomainKind::Internal, BalKind::Per, false, true);
    let refusal = may_exchange(&Sender::Own(internal), &Recipient::Foreign(foreign(true, false, false)), false)
        .expect_err("internal");
    assert!(refusal.sentence(crate::Lang::En).contains("nous.mssante.fr"));
}

#[test]
fn configured_lists_describe_other_domains() {
    let (test, patients) = ([name("test.eux.mssante.fr")], [name("patient.mssante.fr")]);
    let f = |d: &str| Foreign::new(name(d), true, &test, &patients);
    assert!(f("TEST.eux.mssante.fr").test && !f("test.eux.mssante.fr").patients);
    assert!(f("patient.mssante.fr").patients && !f("eux.mssante.fr").test);
}
