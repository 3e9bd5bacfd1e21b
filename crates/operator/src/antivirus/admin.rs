//! What the people in charge see and ask of the antivirus: its state, and a trial of the real way.
use super::{Setting, Settings, Trouble};
use crate::boxed;
use crate::record::By;
use crate::rights::On;
use crate::{Actor, Operator, Received, refuse};
use base64::Engine;
use sceau_antivirus::Verdict;
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use serde::Serialize;
use serde_json::json;
use std::sync::atomic::Ordering;

/// The test file of EICAR, backwards: this program must not be taken for it.
const RICAE: &[u8] = br"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X";
/// A ZIP archive of one byte whose entry says that it is encrypted.
const SECRET: &[u8] = b"PK\x03\x04\x14\0\x01\0\0\0\0\0\0\0\x01\x02\x03\x04\x01\0\0\0\x01\0\0\0\x01\0\0\0aA\
    PK\x01\x02\x14\x03\x14\0\x01\0\0\0\0\0\0\0\x01\x02\x03\x04\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a\
    PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\x20\0\0\0\0\0";

/// The antivirus as this node sees it.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct AntivirusView {
    /// `on`, `off` (knowingly), `absent` (nothing is configured).
    #[schema(example = "on")]
    pub state: String,
    /// Why it is off.
    pub why: Option<String>,
    /// Where the engine is.
    #[schema(example = "unix:/run/clamav/clamd.ctl")]
    pub engine: Option<String>,
    /// It answers now.
    pub answers: bool,
    /// Why it does not.
    pub error: Option<String>,
    /// What it calls itself.
    #[schema(example = "ClamAV 1.4.6")]
    pub version: Option<String>,
    /// Number of its official base of signatures.
    pub base: Option<u64>,
    /// When that base was made.
    #[schema(value_type = Option<i64>)]
    pub dated: Option<Timestamp>,
    /// Signatures older than so many days are an alarm.
    pub old_days: Option<u64>,
    /// The largest message that it may be given, bytes.
    pub largest: u64,
    /// It takes that; absent when it could not be tried.
    pub takes_largest: Option<bool>,
    /// It tells documents under a password, in compressed archives too (its `AlertEncrypted`); absent when it could not be tried.
    pub tells_encrypted: Option<bool>,
    /// It tells documents that it does not read to their end (its `AlertExceedsMax`), without which what lies deep enough passes unread; absent when it
    /// could not be tried.
    pub tells_partial: Option<bool>,
    /// What programs add to folders is scanned too.
    pub append: bool,
    /// Messages scanned by this node since it started.
    pub scanned: u64,
    /// Of them, infected.
    pub infected: u64,
    /// Messages put off because there was no verdict.
    pub failed: u64,
}

/// What came of a trial.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct AntivirusTestView {
    /// A harmless message passed and the test file of EICAR was found.
    pub good: bool,
    /// What was said of the harmless message: `clean`, or why not.
    #[schema(example = "clean")]
    pub harmless: String,
    /// The signature found in the message with the test file; `clean` or why none.
    #[schema(example = "Eicar-Test-Signature")]
    pub eicar: String,
    /// Milliseconds for both.
    pub took: u64,
}

impl Operator {
    /// The antivirus as this node sees it, asked now.
    #[boxed]
    pub async fn antivirus(&self, actor: &Actor) -> Result<AntivirusView, Refusal> {
        self.require(actor, UseCase::AntivirusShow, On::Operator).await?;
        let state = &self.0.antivirus;
        let mut view = AntivirusView {
            state: "absent".into(),
            largest: self.largest_scanned(),
            scanned: state.scanned.load(Ordering::Relaxed),
            infected: state.infected.load(Ordering::Relaxed),
            failed: state.failed.load(Ordering::Relaxed),
            ..AntivirusView::default()
        };
        match state.setting.get() {
            None | Some(Setting::Absent) => {}
            Some(Setting::Off(why)) => (view.state, view.why) = ("off".into(), Some(why.clone())),
            Some(Setting::On(settings)) => self.look_at_engine(settings, &mut view).await,
        }
        Ok(view)
    }

    async fn look_at_engine(&self, settings: &Settings, view: &mut AntivirusView) {
        view.state = "on".into();
        view.engine = Some(settings.engine.place().to_string());
        view.append = settings.append;
        view.old_days = Some(settings.old_after.as_secs() / 86_400);
        match settings.engine.version().await {
            Ok(version) => {
                view.answers = true;
                view.version = Some(version.engine);
                (view.base, view.dated) = (version.base, version.dated.map(Timestamp));
                view.takes_largest = self.try_largest(settings).await;
                view.tells_partial = self.try_partial(settings).await;
                let said = match self.trial(&[SECRET]) {
                    Ok(message) => self.engine_reads(&settings.engine, &message, false).await.ok(),
                    Err(_) => None,
                };
                view.tells_encrypted = said.map(|(verdict, _)| matches!(verdict, Verdict::Encrypted(_)));
            }
            Err(e) => view.error = Some(e.to_string()),
        }
    }

    /// Sends a harmless message and one with the test file of EICAR the way that every message goes. Nothing of them is kept.
    ///
    /// # Errors
    /// `antivirus.off` when nothing is scanned here.
    #[boxed]
    pub async fn test_antivirus(&self, actor: &Actor) -> Result<AntivirusTestView, Refusal> {
        self.require(actor, UseCase::AntivirusTest, On::Operator).await?;
        let Some(settings) = self.engine() else { return Err(RefusalCode::AntivirusOff.into()) };
        let begun = std::time::Instant::now();
        let eicar: Vec<u8> = RICAE.iter().rev().copied().collect();
        let mut said = Vec::with_capacity(2);
        // A password in the document before must not be the last word (its `HeuristicScanPrecedence`).
        for content in [&[&b"Rien de mauvais.\r\n"[..]][..], &[SECRET, eicar.as_slice()]] {
            let message = self.trial(content)?;
            said.push(match self.engine_reads(&settings.engine, &message, false).await {
                Ok((Verdict::Clean, _)) => "clean".to_owned(),
                Ok((Verdict::Infected(name), _)) => name,
                Ok((Verdict::Encrypted(kind), _)) => format!("encrypted {kind}"),
                Err(Trouble::Engine(e)) => {
                    self.tell_of_engine(settings, &e).await;
                    e.to_string()
                }
                Err(Trouble::Store(e)) => return Err(refuse::store(&e)),
            });
        }
        let (harmless, eicar) = (said.swap_remove(0), said.swap_remove(0));
        let good = harmless == "clean" && eicar.to_ascii_lowercase().contains("eicar");
        let outcome = if good { "ok" } else { "failed" };
        let facts = json!({ "harmless": harmless, "eicar": eicar });
        self.trace_alone(self.fact("antivirus.tested", &By::actor(actor), None, outcome, facts)).await;
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(AntivirusTestView { good, harmless, eicar, took })
    }

    /// A message with these attachments, received as every message is.
    pub(super) fn trial(&self, contents: &[&[u8]]) -> Result<Received, Refusal> {
        let host = &self.0.config.hostname;
        let mut text = format!(
            "From: antivirus@{host}\r\nTo: antivirus@{host}\r\nSubject: essai\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=essai\r\n\r\n\
             --essai\r\nContent-Type: text/plain\r\n\r\nEssai.\r\n"
        );
        for content in contents {
            text.push_str(
                "--essai\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=essai.bin\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n",
            );
            let coded = base64::engine::general_purpose::STANDARD.encode(content);
            for line in coded.as_bytes().chunks(76) {
                text.extend(line.iter().map(|b| char::from(*b)));
                text.push_str("\r\n");
            }
        }
        text.push_str("--essai--\r\n");
        let mut intake = self.intake(text.len() as u64);
        intake.push(text.as_bytes())?;
        intake.finish()
    }
}
