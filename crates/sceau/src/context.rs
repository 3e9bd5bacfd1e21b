//! What every subcommand and the server know of the person who runs them: language, output form, configuration file.
use crate::admin::api::{Answered, Call};
use crate::admin::client::Failure;
use crate::config::Config;
use hyper::Method;
use sceau_domain::Lang;
use sceau_domain::text::text;
use std::path::PathBuf;

/// What every subcommand needs: language, output form, configuration file.
#[derive(Debug, Clone)]
pub struct Context {
    /// Language of the user.
    pub lang: Lang,
    /// JSON instead of tables.
    pub json: bool,
    /// Configuration file.
    pub config: PathBuf,
}

impl Context {
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
    /// The rows of a page that was answered.
    pub fn items(answered: Answered) -> serde_json::Value {
        let mut value = answered.value;
        value["items"].take()
    }
    /// Asks for what there is to see: `GET` and the body of the answer.
    pub fn get(&self, parts: &[&str]) -> Result<serde_json::Value, Failure> {
        Ok(self.call(Method::GET, parts)?.send()?.value)
    }
    /// Sends a body: `POST` and the body of the answer.
    pub fn post(&self, parts: &[&str], body: &serde_json::Value) -> Result<serde_json::Value, Failure> {
        Ok(self.call(Method::POST, parts)?.body(body).send()?.value)
    }
}
