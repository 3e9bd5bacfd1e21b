use super::*;
use jiff::civil::date;
use proptest::prelude::*;

fn plain(territory: Territory) -> Calendar {
    Calendar::new(territory, Hours::default(), [])
}

fn keys(territory: Territory, year: i16) -> Vec<String> {
    holidays(territory, year).iter().map(|h| format!("{} {}", h.date.strftime("%m-%d"), h.key)).collect()
}

#[test]
fn the_holidays_of_2026_to_2028() {
    // Movable feasts as printed in calendars.
    for (year, easter_sunday, monday, ascension, whit) in [
        (2026, date(2026, 4, 5), "04-06", "05-14", "05-25"),
        (2027, date(2027, 3, 28), "03-29", "05-06", "05-17"),
        (2028, date(2028, 4, 16), "04-17", "05-25", "06-05"),
    ] {
        assert_eq!(easter(year), Some(easter_sunday));
        let mut expected = [
            ("01-01", "new_year"),
            (monday, "easter_monday"),
            ("05-01", "labour"),
            ("05-08", "victory"),
            (ascension, "ascension"),
            (whit, "whit_monday"),
            ("07-14", "national"),
            ("08-15", "assumption"),
            ("11-01", "all_saints"),
            ("11-11", "armistice"),
            ("12-25", "christmas"),
        ]
        .map(|(day, key)| format!("{day} {key}"));
        expected.sort();
        assert_eq!(keys(Territory::Metropole, year), expected, "{year}");
        assert_eq!(keys(Territory::SaintPierreEtMiquelon, year), expected, "{year}");
        // What each territory adds.
        for (territory, more) in [
            (Territory::AlsaceMoselle, vec!["good_friday", "saint_stephen"]),
            (Territory::Guadeloupe, vec!["05-27 abolition"]),
            (Territory::Martinique, vec!["05-22 abolition"]),
            (Territory::Guyane, vec!["06-10 abolition"]),
            (Territory::Reunion, vec!["12-20 abolition"]),
            (Territory::Mayotte, vec!["04-27 abolition"]),
            (Territory::SaintBarthelemy, vec!["10-09 abolition"]),
            (Territory::SaintMartin, vec!["05-28 abolition"]),
            (Territory::NouvelleCaledonie, vec!["09-24 citizenship"]),
            (Territory::Polynesie, vec!["03-05 gospel", "good_friday", "11-20 matarii"]),
            (Territory::WallisEtFutuna, vec!["04-28 chanel", "07-29 territory"]),
        ] {
            let found = keys(territory, year);
            assert_eq!(found.len(), 11 + more.len(), "{territory:?} {year}");
            for day in more {
                assert!(found.iter().any(|f| f.ends_with(day)), "{territory:?} {year} {day}: {found:?}");
            }
        }
    }
    let friday = |year| keys(Territory::AlsaceMoselle, year).into_iter().find(|k| k.ends_with("good_friday")).unwrap();
    assert_eq!([2026, 2027, 2028].map(friday), ["04-03", "03-26", "04-14"].map(|d| format!("{d} good_friday")));
}

#[test]
fn easter_at_its_extremes() {
    for (year, day) in
        [(1818, date(1818, 3, 22)), (1943, date(1943, 4, 25)), (2000, date(2000, 4, 23)), (2038, date(2038, 4, 25))]
    {
        assert_eq!(easter(year), Some(day));
    }
}

#[test]
fn ten_working_days_by_hand() {
    // Christmas 2026 is a Friday, New Year's Day too.
    let c = plain(Territory::Metropole);
    assert_eq!(c.add_working_days(date(2026, 12, 18), 10), Some(date(2027, 1, 5)));
    // On La Réunion the 20th of December 2027 is a Monday.
    let r = plain(Territory::Reunion);
    assert_eq!(r.add_working_days(date(2027, 12, 17), 1), Some(date(2027, 12, 21)));
    assert_eq!(c.add_working_days(date(2027, 12, 17), 1), Some(date(2027, 12, 20)));
    assert_eq!(c.working_days_between(date(2026, 12, 18), date(2027, 1, 5)), Some(10));
    assert_eq!(c.working_days_between(date(2027, 1, 5), date(2026, 12, 18)), Some(0));
}

#[test]
fn what_the_operator_says_of_a_day_prevails() {
    let own = |working| OwnDay { working, label: "pont".into() };
    let (bridge, sunday) = (date(2026, 5, 15), date(2026, 5, 17));
    let c = Calendar::new(Territory::Metropole, Hours::default(), [(bridge, own(false)), (sunday, own(true))]);
    assert!(!c.is_working(bridge) && c.is_working(sunday) && matches!(c.day(bridge), Day::Own(d) if d.label == "pont"));
    assert_eq!(c.add_working_days(date(2026, 5, 13), 1), Some(sunday), "Ascension and the bridge are passed over");
    // A calendar in which nothing is ever worked ends.
    let hours = Hours::new(vec![7], 0, 1440).unwrap();
    let closed = (0..7_000).map(|w| (date(2026, 1, 4).checked_add((7 * w).days()).unwrap(), own(false)));
    assert_eq!(Calendar::new(Territory::Metropole, hours, closed).add_working_days(date(2026, 1, 1), 1), None);
}

#[test]
fn hours_are_those_of_the_place() {
    let noon = Timestamp(1_784_023_200_000); // 2026-07-14T10:00:00Z
    assert_eq!(plain(Territory::Metropole).date_at(noon), date(2026, 7, 14));
    let late = Timestamp(1_784_066_400_000); // 2026-07-14T22:00:00Z
    assert_eq!(plain(Territory::Metropole).date_at(late), date(2026, 7, 15));
    assert_eq!(plain(Territory::Reunion).date_at(late), date(2026, 7, 15));
    assert_eq!(plain(Territory::Martinique).date_at(late), date(2026, 7, 14));
    // The end of work on the 15th: 16:00Z in Paris (summer), 14:00Z on La Réunion.
    let ends = |t: Territory| plain(t).deadline(noon, 1).unwrap().0;
    assert_eq!(ends(Territory::Metropole), 1_784_131_200_000);
    assert_eq!(ends(Territory::Reunion), 1_784_124_000_000);
    let c = plain(Territory::Metropole);
    assert!(!c.is_open(noon), "a holiday");
    assert!(c.is_open(Timestamp(noon.0 + 86_400_000)) && !c.is_open(Timestamp(late.0 + 86_400_000)));
    for territory in Territory::ALL {
        assert!(TimeZone::posix(territory.posix()).is_ok(), "{territory:?}");
        assert_eq!(territory.as_str().parse(), Ok(territory));
        let json = serde_json::to_string(&territory).unwrap();
        assert_eq!(json, format!("\"{}\"", territory.as_str()));
    }
    assert_eq!(
        (minutes("08:30"), minutes("24:00"), minutes("24:01"), minutes("8:30"), minutes("08:60")),
        (Some(510), Some(1440), None, None, None)
    );
    assert!(
        Hours::new(vec![], 0, 1).is_none()
            && Hours::new(vec![0], 0, 1).is_none()
            && Hours::new(vec![1], 2, 2).is_none()
    );
}

fn any_calendar() -> impl Strategy<Value = Calendar> {
    let day = (0..3_000_i32).prop_map(|n| date(2025, 1, 1).checked_add(n.days()).unwrap());
    let own = prop::collection::btree_map(day, any::<bool>(), 0..40);
    let hours = prop::collection::vec(1..=7_i8, 1..7).prop_map(|days| Hours::new(days, 480, 1080).unwrap());
    (0..Territory::ALL.len(), hours, own).prop_map(|(t, hours, own)| {
        let own = own.into_iter().map(|(d, working)| (d, OwnDay { working, label: String::new() }));
        Calendar::new(Territory::ALL[t], hours, own)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn counting_forward_and_between_agree(c in any_calendar(), start in 0..2_500_i32, n in 0..60_u32, m in 0..60_u32) {
        let from = date(2025, 1, 1).checked_add(start.days()).unwrap();
        let to = c.add_working_days(from, n).unwrap();
        prop_assert_eq!(c.working_days_between(from, to), Some(n));
        prop_assert!(n == 0 || c.is_working(to), "a delay ends on a day that is worked");
        // In two goes as in one.
        prop_assert_eq!(c.add_working_days(to, m), c.add_working_days(from, n + m));
        prop_assert!(c.add_working_days(from.tomorrow().unwrap(), n) >= Some(to));
    }

    #[test]
    fn easter_is_a_sunday_of_spring(year in 1583..4000_i16) {
        let day = easter(year).unwrap();
        prop_assert_eq!(day.weekday().to_monday_one_offset(), 7);
        prop_assert!(day >= date(year, 3, 22) && day <= date(year, 4, 25));
        for territory in Territory::ALL {
            let days = holidays(territory, year);
            prop_assert!(days.windows(2).all(|w| w[0].date < w[1].date));
        }
    }
}
