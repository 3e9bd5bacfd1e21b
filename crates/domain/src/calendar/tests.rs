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

/// Oudin's way (1940), which shares nothing with ours but the moon.
fn easter_of_oudin(year: i32) -> (i32, i32) {
    let (g, c) = (year % 19, year / 100);
    let h = (c - c / 4 - (8 * c + 13) / 25 + 19 * g + 15) % 30;
    let i = h - (h / 28) * (1 - (29 / (h + 1)) * ((21 - g) / 11));
    let j = (year + year / 4 + i + 2 - c + c / 4) % 7;
    let l = i - j;
    let month = 3 + (l + 40) / 44;
    (month, l + 28 - 31 * (month / 4))
}

#[test]
fn easter_of_every_year_that_is_shown() {
    for year in 1900..=2199_i16 {
        let (month, day) = easter_of_oudin(i32::from(year));
        assert_eq!(easter(year).map(|d| (i32::from(d.month()), i32::from(d.day()))), Some((month, day)), "{year}");
    }
}

/// What is marked is in force in that year; what is only a circular's, or of a labour code that we have not read, is not marked.
#[test]
fn marks_hold_for_the_years_of_their_texts() {
    let of = |t, year, key: &str| holidays(t, year).into_iter().find(|h| h.key == key);
    let mark = |t, year, key| of(t, year, key).map(|h| (h.date.day(), h.verified));
    assert_eq!(mark(Territory::Metropole, 1981, "victory"), Some((8, false)));
    assert_eq!(mark(Territory::Metropole, 1982, "victory"), Some((8, true)));
    assert_eq!(
        (mark(Territory::Reunion, 1983, "abolition"), mark(Territory::Reunion, 1984, "abolition")),
        (None, Some((20, true)))
    );
    let north = |year| mark(Territory::SaintMartin, year, "abolition");
    assert_eq!(
        [1983, 2011, 2017, 2018, 2026].map(north),
        [None, Some((27, false)), Some((27, true)), Some((28, false)), Some((28, false))]
    );
    let west = |year| mark(Territory::SaintBarthelemy, year, "abolition");
    assert_eq!([2011, 2012].map(west), [None, Some((9, true))]);
    for pacific in [Territory::NouvelleCaledonie, Territory::Polynesie, Territory::WallisEtFutuna] {
        assert!(holidays(pacific, 2026).iter().all(|h| !h.verified));
    }
}

#[test]
fn an_hour_that_is_skipped_or_comes_twice_loses_no_delay() {
    // The night of the 29th of March 2026 has no 2:30 in Paris, that of the 25th of October has two.
    let own = |day| [(day, OwnDay { working: true, label: String::new() })];
    let (spring, autumn) = (date(2026, 3, 29), date(2026, 10, 25));
    for (sunday, opens, expected) in [(spring, 150, 1_774_747_800_000), (autumn, 150, 1_792_888_200_000)] {
        let hours = Hours::new(vec![1, 2, 3, 4, 5], opens, 240).unwrap();
        let c = Calendar::new(Territory::Metropole, hours, own(sunday));
        let opening = Timestamp(expected);
        assert_eq!(c.date_at(opening), sunday);
        assert!(!c.is_open(Timestamp(expected - 1)) && c.is_open(opening), "{sunday}");
        let end = c.deadline(Timestamp(expected - 86_400_000), 1).unwrap();
        assert!(end > opening && c.date_at(end) == sunday && !c.is_open(end) && c.is_open(Timestamp(end.0 - 1)));
    }
    // Saint-Pierre-et-Miquelon turns with America: on the 8th of March it is at −2 already, Paris not yet at +2.
    let noon = Timestamp(1_772_971_200_000); // 2026-03-08T12:00:00Z
    let hour = |t: Territory| jiff::Timestamp::from_millisecond(noon.0).unwrap().to_zoned(t.clock()).hour();
    assert_eq!((hour(Territory::SaintPierreEtMiquelon), hour(Territory::Metropole)), (10, 13));
    let hours: Vec<i8> = Territory::ALL.map(hour).into();
    assert_eq!(hours, [13, 13, 8, 8, 9, 16, 15, 10, 8, 8, 23, 2, 0]);
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
