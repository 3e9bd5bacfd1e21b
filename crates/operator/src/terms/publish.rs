//! A version of the terms, published: our template or the operator's own texts, judged by the same check.
use super::{TermsText, show};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use aws_lc_rs::digest::{SHA256, digest};
use sceau_domain::terms::{self, LONGEST, TEMPLATE_EN, TEMPLATE_FR, Values};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{Tx, terms as rows};
use serde_json::json;

/// Longest name of a version, characters.
const NAME: usize = 40;
/// Longest value of a placeholder, characters.
const VALUE: usize = 500;
/// Longest list of changes, characters.
const CHANGES: usize = 20_000;

/// A version to publish.
#[derive(Debug, Clone, Default)]
pub struct NewTerms {
    /// Its name, e.g. `2026-11`.
    pub version: String,
    /// French and English text (Markdown with clause marks); our template when absent.
    pub texts: Option<(String, String)>,
    /// What changed since the version before, in French.
    pub changes_fr: String,
    /// The same in English.
    pub changes_en: String,
    /// From when it is in force; at once when absent.
    pub from: Option<Timestamp>,
    /// What placeholders stand for, over what the configuration says.
    pub values: Values,
}

fn invalid(name: &str, cause: impl ToString) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name).with("cause", cause)
}

impl Operator {
    /// Publishes a version. From its instant on, no BAL opens for whoever has not accepted it.
    ///
    /// # Errors
    /// `terms.clause_missing` names the clauses that a text lacks; `admin.invalid` (name, values, changes, date), `admin.exists`.
    #[boxed]
    pub async fn publish_terms(&self, actor: &Actor, new: NewTerms) -> Result<TermsText, Refusal> {
        // Rights are judged before the texts are looked at, and again with the act.
        self.require(actor, UseCase::TermsPublish, On::Operator).await?;
        let now = self.now();
        let row = self.terms_row(actor, new, now)?;
        let (data, asker) =
            (json!({ "version": row.version, "digest": hex::encode(&row.digest), "from": row.from_at }), actor.clone());
        let fact = self.fact("terms.published", &By::actor(actor), None, "ok", data);
        let kept = row.clone();
        self.0
            .store
            .write(move |tx: &mut dyn Tx| {
                permit(tx, &asker, UseCase::TermsPublish, On::Operator)?;
                let all = rows::all(tx)?;
                if all.iter().any(|t| t.version == kept.version) {
                    return Err(Fail::from(Refusal::new(RefusalCode::Exists).with("name", &kept.version)));
                }
                // Whoever accepted an earlier version is told what changes.
                if !all.is_empty() && (kept.changes_fr.is_empty() || kept.changes_en.is_empty()) {
                    return Err(invalid("changes", "empty").into());
                }
                rows::insert(tx, &kept)?;
                Ok(fact.write(tx)?)
            })
            .await?;
        if row.from_at <= now.0 {
            self.rights_changed();
            self.clear_alarm("terms.absent", "").await;
        }
        self.terms_version(&row.version).await
    }

    fn terms_row(&self, actor: &Actor, new: NewTerms, now: Timestamp) -> Result<rows::Terms, Refusal> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if new.version.is_empty() || new.version.len() > NAME || !new.version.chars().all(plain) {
            return Err(invalid("version", format!("A-Z a-z 0-9 . - _, ≤ {NAME}")));
        }
        let from = new.from.unwrap_or(now);
        if from < now {
            return Err(invalid("from", "past"));
        }
        let mut values = self.0.config.terms.clone();
        values.extend(new.values);
        values.entry("operateur".into()).or_insert_with(|| self.0.config.name.clone());
        values.insert("lien".into(), self.terms_link());
        for (name, value) in &values {
            if value.chars().count() > VALUE || value.chars().any(char::is_control) {
                return Err(invalid(name, format!("≤ {VALUE}")));
            }
        }
        let (fr, en) = new.texts.unwrap_or_else(|| (TEMPLATE_FR.to_owned(), TEMPLATE_EN.to_owned()));
        let text = |name: &str, text: &str| {
            if text.len() > LONGEST || text.contains('\0') {
                return Err(invalid(name, format!("≤ {LONGEST}")));
            }
            let filled = terms::fill(text, &values).map_err(|missing| invalid("values", missing.join(", ")))?;
            Ok(filled.replace("\r\n", "\n"))
        };
        let (text_fr, text_en) = (text("text_fr", &fr)?, text("text_en", &en)?);
        let lacking = terms::check(&text_fr, &text_en);
        if !lacking.is_empty() {
            let named: Vec<String> = lacking.iter().map(ToString::to_string).collect();
            return Err(Refusal::new(RefusalCode::TermsClause).with("cause", named.join("; ")));
        }
        let changes = |name: &str, text: &str| {
            let text = text.trim().replace("\r\n", "\n");
            let odd = text.chars().any(|c| c.is_control() && c != '\n');
            if odd || text.chars().count() > CHANGES { Err(invalid(name, format!("≤ {CHANGES}"))) } else { Ok(text) }
        };
        Ok(rows::Terms {
            id: self.0.store.new_id(),
            version: new.version,
            digest: digest(&SHA256, text_fr.as_bytes()).as_ref().to_vec(),
            text_fr,
            text_en,
            changes_fr: changes("changes_fr", &new.changes_fr)?,
            changes_en: changes("changes_en", &new.changes_en)?,
            from_at: from.0,
            published: now.0,
            published_by: By::actor(actor).name,
            withdrawn: None,
        })
    }

    /// Tells of BALs that are open without any terms in force, and of the end of that. Part of housekeeping.
    pub(crate) async fn tell_of_absent_terms(&self) -> Result<(), Refusal> {
        let now = self.now().0;
        let absent = move |tx: &mut dyn Tx| Ok::<_, Fail>(rows::in_force(tx, now)?.is_none() && rows::any_bal(tx)?);
        if self.0.store.read(absent).await? {
            self.raise_alarm("terms.absent", "", false, json!({})).await;
        } else {
            self.clear_alarm("terms.absent", "").await;
        }
        Ok(())
    }
}

/// The text of a version, with what its version before became.
pub(super) fn of_row(row: rows::Terms, in_force: Option<sceau_store::Id>, now: i64) -> TermsText {
    TermsText { fr: row.text_fr.clone(), en: row.text_en.clone(), version: show::view(row, in_force, now) }
}
