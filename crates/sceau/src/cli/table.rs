//! Printing: tables and records for people, JSON for programs.
use super::{Context, out, time, width, words};
use sceau_domain::Lang;
use sceau_domain::plain::is_treacherous;
use sceau_domain::text::template;
use serde_json::Value;

/// Prints pretty JSON.
pub fn print_json(value: &Value) {
    out::line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Ids as `--json` has them: numbers. REST writes them as texts.
pub fn numbered(mut value: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(walk),
            Value::Object(fields) => {
                for (name, field) in fields {
                    match (name.as_str(), &*field) {
                        ("id" | "message", Value::String(text)) => {
                            if let Ok(number) = text.parse::<i64>() {
                                *field = number.into();
                            }
                        }
                        // Facts of a trace are as they were written.
                        ("data", _) => {}
                        _ => walk(field),
                    }
                }
            }
            _ => {}
        }
    }
    walk(&mut value);
    value
}

/// A limit as REST takes it.
pub fn limit(limit: u32) -> String {
    limit.clamp(1, 1000).to_string()
}

/// Prints an array of objects as a table; says so when there is none. On a terminal, what does not stand in its width is cut with `…`.
pub fn print_table(context: &Context, value: &Value, columns: &[(&str, &str)]) {
    let rows = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return out::line(&context.text("cli.nothing", &[]));
    }
    let header: Vec<String> = columns.iter().map(|(_, key)| context.text(key, &[])).collect();
    let cells = rows.iter().map(|r| columns.iter().map(|(field, _)| cell(context, field, &r[*field])).collect());
    let all: Vec<Vec<String>> = std::iter::once(header).chain(cells).collect();
    out::put(&width::laid_out(&all, width::of_terminal()));
}

/// Prints one object, a line a field.
pub fn print_record(context: &Context, value: &Value, columns: &[(&str, &str)]) {
    let labels: Vec<String> = columns.iter().map(|(_, key)| context.text(key, &[])).collect();
    let widest = labels.iter().map(|l| width::of(l)).max().unwrap_or(0);
    let mut all = String::new();
    for (label, (field, _)) in labels.iter().zip(columns) {
        let pad = " ".repeat(widest - width::of(label));
        let line = format!("{label}{pad}  {}", cell(context, field, &value[*field]));
        all.push_str(line.trim_end());
        all.push('\n');
    }
    out::put(&all);
}

/// Fields that are instants, in milliseconds.
const INSTANTS: &[&str] = &[
    "refreshed",
    "last_good",
    "last_failure",
    "drawn",
    "placed",
    "lifted",
    "tombstone_until",
    "closing_at",
    "from",
    "published",
    "accepted",
    "created",
    "since",
    "verified",
    "blocked",
    "expires",
    "last_used",
    "revoked",
    "retired",
    "at",
    "first",
    "last",
    "cleared",
    "opened",
    "changed",
    "slowed_until",
    "told",
    "queued",
    "oldest",
    "next",
    "generated",
    "rotated",
    "backed_up",
    "seen",
    "imported",
    "started",
    "granted",
    "asked",
    "decided",
    "until",
    "before",
    "ended",
    "starts",
    "ends",
    "last_read",
    "drawn",
];
/// Fields that are byte counts.
const SIZES: &[&str] = &["size", "quota", "used", "bytes"];

/// Fields that are lists of pairs (address or login, role).
const PAIRS: &[&str] = &["access", "bals", "roles"];
fn cell(context: &Context, field: &str, value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(s) if s.is_empty() => "-".into(),
        Value::Array(items) if items.is_empty() => "-".into(),
        Value::Bool(b) => context.text(if *b { "cli.yes" } else { "cli.no" }, &[]),
        Value::Number(n) if INSTANTS.contains(&field) => time::shown(context, n.as_i64().unwrap_or_default()),
        Value::Number(n) if SIZES.contains(&field) => size(context.lang, n.as_u64().unwrap_or_default()),
        Value::Number(n) => n.to_string(),
        Value::String(s) => printable(&words::word(context, field, s)),
        Value::Array(items) => match items.as_slice() {
            [Value::String(what), Value::String(role)] if PAIRS.contains(&field) => {
                format!("{} ({})", printable(what), printable(&words::word(context, "role", role)))
            }
            _ => items.iter().map(|v| cell(context, field, v)).collect::<Vec<_>>().join(", "),
        },
        // Facts of a trace are as they were written.
        Value::Object(o) if field == "data" => {
            o.iter().map(|(k, v)| format!("{k}={}", fact(context, k, v))).collect::<Vec<_>>().join(" ")
        }
        Value::Object(o) => {
            let told = o.iter().filter(|(_, v)| !v.is_null() && *v != "");
            let told = told.map(|(k, v)| format!("{}: {}", label(context, k), cell(context, k, v)));
            let all = told.collect::<Vec<_>>().join("; ");
            if all.is_empty() { "-".into() } else { all }
        }
    }
}

/// A field within another, as its column is called.
fn label(context: &Context, field: &str) -> String {
    template(context.lang, &format!("column.{field}")).map_or_else(|| field.to_owned(), str::to_lowercase)
}

/// What is different, as `field: before → after`, for a person who was overtaken.
pub fn changes(context: &Context, before: &Value, after: &Value) -> String {
    let fields = after.as_object().into_iter().flatten().filter(|(name, _)| *name != "version");
    let different = fields.filter(|(name, value)| before[name.as_str()] != **value);
    let told = |(name, value): (&String, &Value)| {
        let [was, is] = [&before[name.as_str()], value].map(|v| cell(context, name, v));
        format!("{}: {was} → {is}", label(context, name))
    };
    different.map(told).collect::<Vec<_>>().join("; ")
}

/// A fact of a trace. Facts are named freely: a small number named as an instant (`queued=2`) is a count, for no trace is
/// from before 1973.
fn fact(context: &Context, name: &str, value: &Value) -> String {
    match value {
        Value::Number(n) if n.as_i64().is_some_and(|n| n < 100_000_000_000) && INSTANTS.contains(&name) => {
            n.to_string()
        }
        Value::String(s) => printable(s),
        Value::Array(items) => items.iter().map(|v| fact(context, name, v)).collect::<Vec<_>>().join(", "),
        _ => cell(context, name, value),
    }
}

/// A text in which control characters are made visible, and what turns or hides writing: a peer's reply must not drive the administrator's terminal,
/// and what was kept before [`sceau_domain::plain`] judged it must not look like something else.
pub(super) fn printable(s: &str) -> String {
    s.chars().map(|c| if is_treacherous(c) { '\u{FFFD}' } else { c }).collect()
}

/// A size a person reads: `1.5 MB`, `1,5 Mo` (decimal units, as mail limits are stated).
fn size(lang: Lang, bytes: u64) -> String {
    const UNITS: [(&str, &str, u64); 3] = [("Go", "GB", 1_000_000_000), ("Mo", "MB", 1_000_000), ("ko", "kB", 1_000)];
    let french = lang == Lang::Fr;
    for (fr, en, value) in UNITS {
        if bytes >= value {
            #[allow(clippy::cast_precision_loss)] // shown with one decimal
            let shown = format!("{:.1}", bytes as f64 / value as f64);
            return if french { format!("{} {fr}", shown.replace('.', ",")) } else { format!("{shown} {en}") };
        }
    }
    format!("{bytes} {}", if french { "o" } else { "B" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[&str; 3]]) -> Vec<Vec<String>> {
        rows.iter().map(|r| r.iter().map(|c| (*c).to_owned()).collect()).collect()
    }

    #[test]
    fn names_of_every_script_stand_below_their_header() {
        // Composed and not, two columns each, a joiner that is not seen, a picture.
        let names = ["Zoé", "Zoe\u{301}", "山田太郎", "नि\u{200d}", "한글", "👩🏽", "z\u{335}\u{336}"];
        assert_eq!(names.map(width::of), [3, 3, 8, 2, 4, 4, 1]);
        let mut all = rows(&[["LOGIN", "NOM", "ÉTAT"]]);
        all.extend(names.map(|n| vec!["x".to_owned(), n.to_owned(), "actif".to_owned()]));
        let shown = width::laid_out(&all, None);
        for line in shown.lines() {
            let last = line.rfind(['a', 'É']).unwrap();
            assert_eq!(width::of(&line[..last]), 17, "{line}");
        }
    }

    #[test]
    fn a_terminal_cuts_the_widest_and_a_pipe_nothing() {
        let (why, address) = ("Réquisition ".repeat(20), "service-de-cardiologie@hopital.mssante.fr");
        let all = rows(&[["ADRESSE", "MOTIF", "ÉTAT"], [address, &why, "bloquée"]]);
        let whole = width::laid_out(&all, None);
        assert!(whole.contains(&why) && !whole.contains('…'), "{whole}");
        let narrow = width::laid_out(&all, Some(80));
        assert!(narrow.lines().all(|l| width::of(l) <= 80) && narrow.contains(address), "{narrow}");
        assert!(narrow.contains("Réquisi") && narrow.contains('…') && narrow.contains("bloquée"), "{narrow}");
        // When nothing else can give way, the first column does.
        let tiny = width::laid_out(&all, Some(30));
        assert!(tiny.lines().all(|l| width::of(l) <= 30) && tiny.contains("service-d") && tiny.contains("bloquée"));
        // Smaller than can be: nothing is lost but room.
        assert_eq!(width::laid_out(&all, Some(1)).lines().count(), 2);
        assert_eq!(width::laid_out(&rows(&[["A", "B", "C"]]), Some(80)), "A  B  C\n");
        // Wide characters are not cut in two, and a mark stays with its letter.
        let wide = rows(&[["A", "B", "C"], ["x", "山田太郎花子様御中", "y"], ["x", &"e\u{301}".repeat(20), "y"]]);
        let cut = width::laid_out(&wide, Some(16));
        assert!(cut.lines().all(|l| width::of(l) <= 16), "{cut}");
        assert!(cut.contains("山田") && cut.contains("e\u{301}…"), "{cut}");
    }

    #[test]
    fn cells_read_as_a_person_expects() {
        let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let c = Context::new(sceau_domain::Lang::Fr, false, "x".into()).in_zone(zone);
        assert_eq!(cell(&c, "size", &serde_json::json!(10_485_760)), "10,5 Mo");
        assert_eq!(size(Lang::En, 10_485_760), "10.5 MB");
        assert_eq!(cell(&c, "created", &serde_json::json!(0)), "1970-01-01 01:00:00 CET");
        assert_eq!(cell(&c, "data", &serde_json::json!({ "queued": 2 })), "queued=2");
        let facts = serde_json::json!({ "purpose": "api", "became": ["x", null], "state": "blocked" });
        assert_eq!(cell(&c, "data", &facts), "became=x, - purpose=api state=blocked");
        assert_eq!(cell(&c, "contact", &serde_json::json!({ "name": "", "email": null })), "-");
        assert_eq!(
            (cell(&c, "least", &"10 years".into()), cell(&c, "most", &"never".into())),
            ("10 ans".into(), "sans fin".into())
        );
        assert_eq!(cell(&c, "last_reply", &serde_json::json!("550 \u{1b}[2J\u{202E}no")), "550 \u{FFFD}[2J\u{FFFD}no");
        assert_eq!(cell(&c, "label", &"a\u{200b}b\u{2028}c\u{200d}".into()), "a\u{FFFD}b\u{FFFD}c\u{200d}");
        assert_eq!(cell(&c, "access", &serde_json::json!([["marie", "holder"]])), "marie (titulaire)");
        assert_eq!(cell(&c, "rights", &serde_json::json!(["read", "manage"])), "lire, gérer");
        let convention = serde_json::json!({ "state": "signed", "reference": "C-1", "until": null });
        assert_eq!(cell(&c, "convention", &convention), "référence: C-1; état: signée");
        let [before, after] =
            [serde_json::json!({ "name": "A", "version": 1 }), serde_json::json!({ "name": "B", "version": 2 })];
        assert_eq!(changes(&c, &before, &after), "nom: A → B");
    }
}
