//! What acts have in common: how a form is read, and where one goes afterwards. Translation only: what is allowed, and what a field may hold, the calls
//! decide.
use crate::act::{Act, Form};
use crate::frame::{day_over, last_day, midnight, named};
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode, Timestamp};

/// Where one goes after an act, or what it hands over.
pub(crate) enum Done {
    /// To the sheet of something; with an empty id, to the list.
    At(&'static str, String),
    /// A file: its name, its bytes.
    File(String, Vec<u8>),
    /// A page that is shown this once: a result that nothing keeps.
    Page(Response),
}

/// `admin.invalid` for a field.
pub(crate) fn invalid(name: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name)
}

/// What was filled in.
pub(crate) struct Filled<'a>(pub &'a Form);

impl Filled<'_> {
    /// A text without the blanks around it.
    pub fn line(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |v| v.trim())
    }
    /// The same, none when nothing is written.
    pub fn maybe(&self, name: &str) -> Option<String> {
        Some(self.line(name)).filter(|v| !v.is_empty()).map(str::to_owned)
    }
    /// One of the words of a type.
    pub fn one<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Refusal> {
        named(self.line(name)).ok_or_else(|| invalid(name))
    }
    /// Several, with spaces or commas between.
    pub fn several(&self, name: &str) -> Vec<String> {
        let parts = self.line(name).split([' ', ',', ';', '\n']).map(str::trim);
        parts.filter(|p| !p.is_empty()).map(str::to_owned).collect()
    }
    /// Those that are ticked of a group.
    pub fn many(&self, name: &str) -> Vec<String> {
        let ticked = self.0.iter().filter(|(_, value)| !value.is_empty());
        let parts = ticked.filter_map(|(key, _)| key.strip_prefix(name)?.strip_prefix('.'));
        parts.map(str::to_owned).collect()
    }
    /// Is it ticked?
    pub fn tick(&self, name: &str) -> bool {
        !self.line(name).is_empty()
    }
    /// A number; none when nothing is written.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, Refusal> {
        self.maybe(name).map(|v| v.parse().map_err(|_| invalid(name))).transpose()
    }
    /// The beginning of a day; none when nothing is written.
    pub fn day(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        self.maybe(name).map(|v| midnight(&v).ok_or_else(|| invalid(name))).transpose()
    }
    /// The end of a day that is still within; `was` stays where its day was not changed. None when nothing is written.
    pub fn until(&self, name: &str, was: Option<Timestamp>) -> Result<Option<Timestamp>, Refusal> {
        let Some(day) = self.maybe(name) else { return Ok(None) };
        match was.filter(|was| last_day(*was) == day) {
            Some(was) => Ok(Some(was)),
            None => day_over(&day).map(Some).ok_or_else(|| invalid(name)),
        }
    }
    /// The version that was read.
    pub fn version(&self) -> Result<i64, Refusal> {
        self.number("version")?.ok_or_else(|| invalid("version"))
    }
    /// What is written, when it is not what was.
    pub fn changed(&self, name: &str, was: &str) -> Option<String> {
        let new = self.line(name);
        (new != was.trim()).then(|| new.to_owned())
    }
}

/// An id as an address names it.
pub(crate) fn row(id: &str) -> Result<i64, Refusal> {
    id.parse().map_err(|_| Refusal::new(RefusalCode::NotFound).with("name", id))
}

/// There is no such act.
pub(crate) fn unknown(act: &Act) -> Refusal {
    Refusal::new(RefusalCode::NotFound).with("name", act.name)
}
