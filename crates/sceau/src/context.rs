//! What every subcommand and the server know of the person who runs them: language, output form, configuration file.
use crate::admin::api::{Answered, Call};
use crate::admin::client::Failure;
use crate::config::Config;
use hyper::Method;
use jiff::tz::TimeZone;
use sceau_domain::Lang;
use sceau_domain::calendar::Territory;
use sceau_domain::text::text;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::OnceLock;

/// What every subcommand needs: language, output form, configuration file.
#[derive(Debug, Clone)]
pub struct Context {
    /// Language of the user.
    pub lang: Lang,
    /// JSON instead of tables.
    pub json: bool,
    /// Configuration file.
    pub config: PathBuf,
    /// The operator's time zone, once it was asked for.
    zone: OnceLock<TimeZone>,
}

/// Most rows asked for at a time.
const PAGE: &str = "1000";

impl Context {
    /// For this user.
    pub fn new(lang: Lang, json: bool, config: PathBuf) -> Self {
        Self { lang, json, config, zone: OnceLock::new() }
    }
    /// The operator's time zone, as its calendar says; universal time where no server says one.
    pub fn zone(&self) -> &TimeZone {
        self.zone.get_or_init(|| {
            // On a thread of its own: whoever asks may run on a runtime.
            let asked = std::thread::scope(|scope| scope.spawn(|| self.get(&["calendar"])).join());
            let settings = asked.ok().and_then(Result::ok).map(|c| c["settings"]["territory"].clone());
            let territory = settings.and_then(|t| t.as_str()?.parse::<Territory>().ok());
            territory.map_or(TimeZone::UTC, Territory::clock)
        })
    }
    #[cfg(test)]
    pub fn in_zone(self, zone: TimeZone) -> Self {
        Self { zone: zone.into(), ..self }
    }
    /// A sentence in the user's language.
    pub fn text(&self, key: &str, args: &[(&str, &str)]) -> String {
        text(self.lang, key, args)
    }
    /// The configuration, or its error as a failure (exit 2).
    pub fn load(&self) -> Result<Config, Failure> {
        Config::load(&self.config)
            .map_err(|e| Failure { sentence: if self.lang == Lang::Fr { e.fr } else { e.en }, exit: 2 })
    }
    /// A request to the running server named by the configuration: `GET /structures/chu` is `call(Method::GET, &["structures", "chu"])`.
    pub fn call(&self, method: Method, parts: &[&str]) -> Result<Call, Failure> {
        Ok(Call::new(self.load()?.listen.admin, self.lang, method, parts))
    }
    /// The rows of a page that was answered; says on standard error where the next one begins.
    pub fn page(&self, answered: Answered) -> Value {
        let mut value = answered.value;
        if let Some(next) = value["next"].as_str() {
            crate::cli::out::complain(&self.text("cli.more", &[("next", next)]));
        }
        value["items"].take()
    }
    /// The rows of every page.
    pub fn all(&self, call: Call) -> Result<Value, Failure> {
        let (call, mut rows, mut after) = (call.query("limit", Some(PAGE)), Vec::new(), None::<String>);
        loop {
            let mut page = call.clone().query("after", after.as_deref()).send()?.value;
            if let Value::Array(items) = page["items"].take() {
                rows.extend(items);
            }
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(Value::Array(rows)),
            }
        }
    }
    /// Changes what stands at `at` (its part `below`) from the version that is read now. When somebody else was faster nothing is done, and it is
    /// said what they changed. `expected` is the version that the user looked at, when one was given.
    pub fn change(
        &self,
        method: Method,
        (at, below): (&[&str], &[&str]),
        expected: Option<i64>,
        body: impl FnOnce(&Value) -> Option<Value>,
    ) -> Result<Answered, Failure> {
        let before = self.call(Method::GET, at)?.send()?;
        if let (Some(expected), Some(now)) = (expected, before.version)
            && expected != now
        {
            let versions = [("expected", expected.to_string()), ("now", now.to_string())];
            let versions = [("expected", versions[0].1.as_str()), ("now", versions[1].1.as_str())];
            return Err(Failure { sentence: self.text("cli.version_passed", &versions) + " [edit.conflict]", exit: 1 });
        }
        let mut call = self.call(method, &[at, below].concat())?.if_match(before.version);
        if let Some(body) = body(&before.value) {
            if body.as_object().is_some_and(serde_json::Map::is_empty) {
                return Err(Failure { sentence: self.text("cli.nothing_given", &[]), exit: 2 });
            }
            call = call.body(&body);
        }
        call.send().map_err(|refused| {
            if !refused.sentence.ends_with("[edit.conflict]") {
                return refused;
            }
            let after = self.get(at).unwrap_or_default();
            let changed = crate::cli::changes(self, &before.value, &after);
            Failure {
                sentence: self.text("cli.changed_meanwhile", &[("changes", &changed)]) + " [edit.conflict]",
                exit: 1,
            }
        })
    }
    /// Asks for what there is to see: `GET` and the body of the answer.
    pub fn get(&self, parts: &[&str]) -> Result<Value, Failure> {
        Ok(self.call(Method::GET, parts)?.send()?.value)
    }
    /// Sends a body: `POST` and the body of the answer.
    pub fn post(&self, parts: &[&str], body: &Value) -> Result<Value, Failure> {
        Ok(self.call(Method::POST, parts)?.body(body).send()?.value)
    }
}
