//! `sceau calendar`: working days.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use sceau_domain::calendar::Territory;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    Show {
        #[arg(long)]
        year: Option<String>,
        #[arg(long, value_parser = TERRITORIES)]
        territory: Option<String>,
    },
    Set {
        #[arg(value_name = "YYYY-MM-DD")]
        day: String,
        #[arg(long, value_parser = TERRITORIES)]
        territory: Option<String>,
        #[arg(long, value_name = "TEXT", required_unless_present = "clear")]
        label: Option<String>,
        #[arg(long)]
        worked: bool,
        #[arg(long, conflicts_with_all = ["label", "worked"])]
        clear: bool,
    },
    Settings {
        #[arg(long, value_parser = TERRITORIES)]
        territory: Option<String>,
        #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(i8).range(1..=7))]
        weekdays: Vec<i8>,
        #[arg(long, value_name = "HH:MM")]
        opens: Option<String>,
        #[arg(long, value_name = "HH:MM")]
        closes: Option<String>,
    },
    Count {
        #[arg(value_name = "YYYY-MM-DD")]
        from: String,
        #[arg(long, required_unless_present = "to", conflicts_with = "to")]
        days: Option<u32>,
        #[arg(long, value_name = "YYYY-MM-DD")]
        to: Option<String>,
        #[arg(long, value_parser = TERRITORIES)]
        territory: Option<String>,
    },
}

const TERRITORIES: [&str; 13] = {
    let mut names = [""; 13];
    let mut i = 0;
    while i < names.len() {
        names[i] = Territory::ALL[i].as_str();
        i += 1;
    }
    names
};

const YEAR: &[(&str, &str)] = &[
    ("territory", "column.territory"),
    ("zone", "column.zone"),
    ("year", "column.year"),
    ("working_days", "column.working_days"),
    ("settings", "column.settings"),
];
const DAY: &[(&str, &str)] = &[
    ("day", "column.day"),
    ("working", "column.working"),
    ("label", "column.label"),
    ("own", "column.own"),
    ("verified", "column.verified"),
    ("source", "column.source"),
];
const COUNT: &[(&str, &str)] = &[("from", "column.from"), ("to", "column.to"), ("working_days", "column.working_days")];

/// `sceau calendar`.
pub fn run(c: &Context, command: CalendarCommand) -> Result<(), Failure> {
    match command {
        CalendarCommand::Show { year, territory } => {
            let call = c.call(Method::GET, &["calendar"])?.query("year", year.as_deref());
            show(c, &call.query("territory", territory.as_deref()).send()?.value);
        }
        CalendarCommand::Set { day, territory, label, worked, clear } => {
            let territory = match territory {
                Some(t) => t,
                None => c.get(&["calendar"])?["settings"]["territory"].as_str().unwrap_or_default().to_owned(),
            };
            super::time::day(c, &day)?;
            let parts = ["calendar", territory.as_str(), day.as_str()];
            let set = if clear {
                c.call(Method::DELETE, &parts)?
            } else {
                c.call(Method::PUT, &parts)?.body(&json!({ "working": worked, "label": label }))
            };
            c.show_one(&set.send()?.value, DAY);
        }
        CalendarCommand::Settings { territory, weekdays, opens, closes } => {
            let settings = |now: &Value| {
                let mut new = now["settings"].clone();
                for (name, value) in [("territory", territory), ("opens", opens), ("closes", closes)] {
                    if let Some(value) = value {
                        new[name] = value.into();
                    }
                }
                if !weekdays.is_empty() {
                    new["weekdays"] = weekdays.into();
                }
                Some(new)
            };
            show(c, &c.change(Method::PUT, (&["calendar"], &[]), None, settings)?.value);
        }
        CalendarCommand::Count { from, days, to, territory } => {
            for day in [Some(&from), to.as_ref()].into_iter().flatten() {
                super::time::day(c, day)?;
            }
            let call = c.call(Method::GET, &["calendar", "count"])?.query("from", Some(&from));
            let call = call.query("days", days.map(|d| d.to_string()).as_deref()).query("to", to.as_deref());
            c.show_one(&call.query("territory", territory.as_deref()).send()?.value, COUNT);
        }
    }
    Ok(())
}

fn show(c: &Context, year: &Value) {
    if c.json {
        return super::table::print_json(year);
    }
    c.show_one(year, YEAR);
    say!();
    let mut days = year["days"].clone();
    if c.lang == sceau_domain::Lang::En {
        for day in days.as_array_mut().into_iter().flatten() {
            day["label"] = day["label_en"].clone();
        }
    }
    c.show_list(&days, DAY);
}
