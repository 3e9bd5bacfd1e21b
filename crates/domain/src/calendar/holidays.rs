//! Public holidays by territory, each with what makes it one. What could not be checked against its text is marked; the operator's own days correct
//! it. A mark holds for the years in which the text was in force: what is shown of years before it is a projection. Days that are only customary (Carnival, All Souls' Day, Schœlcher Day) are left to the operator's own days.
use super::Territory;
use jiff::ToSpan;
use jiff::civil::Date;

/// A public holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holiday {
    /// When.
    pub date: Date,
    /// Key of its name in the locale files: `holiday.<key>`.
    pub key: &'static str,
    /// The text that makes it a holiday.
    pub source: &'static str,
    /// Was it compared with that text, and was the text in force in that year?
    pub verified: bool,
}

/// Code du travail, article L3133-1: the holidays of everybody.
const LABOUR: &str = "Code du travail, art. L3133-1";
/// The same, for Moselle, Bas-Rhin and Haut-Rhin.
const LOCAL: &str = "Code du travail, art. L3134-13";
/// Good Friday there: the day is counted as a holiday everywhere; the operator's own days correct it where it is none.
const LOCAL_FRIDAY: &str = "Code du travail, art. L3134-13 (communes ayant un temple protestant ou une église mixte)";
/// The commemoration of the abolition of slavery.
const ABOLITION: &str = "Code du travail, art. L3422-2 ; loi n° 83-550 ; décret n° 83-1003";
/// The same on Saint-Martin: code and decree still say the 27th of May, the State's circulars the 28th, year after year.
const ABOLITION_28: &str = "Code du travail, art. L3422-2 (27 mai) ; 28 mai par circulaire chaque année depuis 2018";
/// From when on the list of article L3133-1 has been what it is: the 8th of May came back with law 81-893 of October 1981.
const LISTED: i16 = 1982;
/// From when on the commemoration has been a holiday: the decree is of November 1983, and of April 2012 for Saint-Barthélemy and Saint-Martin.
const COMMEMORATED: (i16, i16) = (1984, 2012);
const CALEDONIA: &str = "Code du travail de Nouvelle-Calédonie";
const POLYNESIA: &str = "Code du travail de Polynésie française";
const WALLIS: &str = "Code du travail de Wallis-et-Futuna";

/// Easter Sunday of a year of the Gregorian calendar (Meeus, Jones and Butcher).
pub fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y.rem_euclid(19), y.div_euclid(100), y.rem_euclid(100));
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15).rem_euclid(30);
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k).rem_euclid(7);
    let m = (a + 11 * h + 22 * l) / 451;
    let month = (h + l - 7 * m + 114) / 31;
    let day = (h + l - 7 * m + 114) % 31 + 1;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// The public holidays of a territory in a year, by date.
pub fn holidays(territory: Territory, year: i16) -> Vec<Holiday> {
    let mut out = Vec::with_capacity(14);
    let mut add = |date: Option<Date>, key, source, verified| {
        out.extend(date.map(|date| Holiday { date, key, source, verified }));
    };
    let fixed = |month, day| Date::new(year, month, day).ok();
    let sunday = easter(year);
    let after = |days: i32| sunday.and_then(|d| d.checked_add(days.days()).ok());
    for (date, key) in [
        (fixed(1, 1), "new_year"),
        (after(1), "easter_monday"),
        (fixed(5, 1), "labour"),
        (fixed(5, 8), "victory"),
        (after(39), "ascension"),
        (after(50), "whit_monday"),
        (fixed(7, 14), "national"),
        (fixed(8, 15), "assumption"),
        (fixed(11, 1), "all_saints"),
        (fixed(11, 11), "armistice"),
        (fixed(12, 25), "christmas"),
    ] {
        // The three Pacific territories have labour codes of their own.
        let (source, verified) = match territory {
            Territory::NouvelleCaledonie => (CALEDONIA, false),
            Territory::Polynesie => (POLYNESIA, false),
            Territory::WallisEtFutuna => (WALLIS, false),
            _ => (LABOUR, year >= LISTED),
        };
        add(date, key, source, verified);
    }
    let since = |first: i16, month, day| if year >= first { fixed(month, day) } else { None };
    let (first, later) = COMMEMORATED;
    match territory {
        Territory::AlsaceMoselle => {
            // Good Friday: in communes with a Protestant or a mixed church.
            add(after(-2), "good_friday", LOCAL_FRIDAY, true);
            add(fixed(12, 26), "saint_stephen", LOCAL, true);
        }
        Territory::Mayotte => add(since(first, 4, 27), "abolition", ABOLITION, true),
        Territory::Martinique => add(since(first, 5, 22), "abolition", ABOLITION, true),
        Territory::Guadeloupe => add(since(first, 5, 27), "abolition", ABOLITION, true),
        Territory::SaintMartin if year < 2018 => add(since(first, 5, 27), "abolition", ABOLITION, year >= later),
        Territory::SaintMartin => add(fixed(5, 28), "abolition", ABOLITION_28, false),
        Territory::Guyane => add(since(first, 6, 10), "abolition", ABOLITION, true),
        Territory::SaintBarthelemy => add(since(later, 10, 9), "abolition", ABOLITION, true),
        Territory::Reunion => add(since(first, 12, 20), "abolition", ABOLITION, true),
        Territory::NouvelleCaledonie => add(fixed(9, 24), "citizenship", CALEDONIA, false),
        Territory::Polynesie => {
            add(fixed(3, 5), "gospel", POLYNESIA, false);
            add(after(-2), "good_friday", POLYNESIA, false);
            // Matari'i i ni'a takes the place of the day of autonomy from 2025 on.
            match year {
                ..2025 => add(fixed(6, 29), "autonomy", POLYNESIA, false),
                _ => add(fixed(11, 20), "matarii", POLYNESIA, false),
            }
        }
        Territory::WallisEtFutuna => {
            add(fixed(4, 28), "chanel", WALLIS, false);
            add(fixed(7, 29), "territory", WALLIS, false);
        }
        Territory::Metropole | Territory::SaintPierreEtMiquelon => {}
    }
    out.sort_by_key(|h| (h.date, h.key));
    // Ascension may fall on a fixed holiday (8 May 2059): one day is one holiday.
    out.dedup_by_key(|h| h.date);
    out
}
