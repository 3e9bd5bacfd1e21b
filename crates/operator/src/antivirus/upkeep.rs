//! What must be known of the engine even when nobody writes: that it is there, what it knows, how old that is, whether our messages fit.
use super::{DOES_NOT_FIT, FITS, Setting, Settings, State, Trouble};
use crate::Operator;
use sceau_antivirus::{Clamd, ScanError, Verdict, Version};
use serde_json::json;
use std::sync::atomic::Ordering;

/// It is asked this often while all is well, milliseconds.
const EVERY: i64 = 5 * 60_000;
/// A day, milliseconds.
const DAY: i64 = 86_400_000;

impl Operator {
    /// A round of upkeep: alarms about the engine come and go.
    pub(crate) async fn look_at_antivirus(&self) {
        let state = &self.0.antivirus;
        let settings = match state.setting.get() {
            None => return,
            Some(Setting::On(settings)) => settings,
            Some(said) => return self.tell_of_absence(state, matches!(said, Setting::Absent)).await,
        };
        let (now, asked) = (self.now().0, state.asked.load(Ordering::SeqCst));
        if asked != 0 && state.working.load(Ordering::SeqCst) && (0..EVERY).contains(&(now - asked)) {
            return;
        }
        state.asked.store(now, Ordering::SeqCst);
        if asked == 0 {
            self.clear_alarm("antivirus.absent", "").await;
        }
        match settings.engine.version().await {
            Ok(version) => {
                self.engine_works().await;
                self.judge_age(settings, &version).await;
                // Asked after each start: of ours, and of its.
                if state.takes.load(Ordering::SeqCst) != FITS || state.silent.load(Ordering::SeqCst) {
                    self.try_largest(settings).await;
                    self.try_partial(settings).await;
                }
            }
            Err(e) => {
                state.takes.store(0, Ordering::SeqCst);
                self.tell_of_engine(settings, &e).await;
            }
        }
    }

    async fn tell_of_absence(&self, state: &State, alarmed: bool) {
        // Once a start.
        if state.asked.swap(1, Ordering::SeqCst) != 0 {
            return;
        }
        match alarmed {
            true => self.raise_alarm("antivirus.absent", "", false, json!({})).await,
            false => self.clear_alarm("antivirus.absent", "").await,
        }
        for code in ["antivirus.down", "antivirus.too_small", "antivirus.old", "antivirus.partial"] {
            self.clear_alarm(code, &self.0.config.hostname.clone()).await;
        }
    }

    async fn judge_age(&self, settings: &Settings, version: &Version) {
        let host = self.0.config.hostname.clone();
        let age = version.dated.map(|dated| self.now().0 - dated);
        if let Some(age) = age {
            metrics::gauge!("sceau_antivirus_signatures_age_seconds").set((age / 1000) as f64);
        }
        let most = i64::try_from(settings.old_after.as_millis()).unwrap_or(i64::MAX);
        match age {
            Some(age) if age <= most => self.clear_alarm("antivirus.old", &host).await,
            Some(age) => {
                let days = (age / DAY).to_string();
                self.raise_alarm("antivirus.old", &host, true, json!({ "days": days })).await;
            }
            // No official base: whatever it knows, nobody says how old that is.
            None => self.raise_alarm("antivirus.old", &host, false, json!({})).await,
        }
    }

    /// Does our largest message fit? True, false, or not known.
    pub(super) async fn try_largest(&self, settings: &Settings) -> Option<bool> {
        let fits = match zeros(&settings.engine, self.largest_scanned()).await {
            Ok(_) => true,
            Err(ScanError::TooLarge | ScanError::Exceeded(_)) => false,
            // Away, slow: said of each message that it concerns.
            Err(_) => return None,
        };
        self.0.antivirus.takes.store(if fits { FITS } else { DOES_NOT_FIT }, Ordering::SeqCst);
        let host = self.0.config.hostname.clone();
        let limit = crate::mail::megabytes(self.largest_scanned());
        match fits {
            true => self.clear_alarm("antivirus.too_small", &host).await,
            false => {
                tracing::warn!(limit, "the antivirus engine takes less than our largest message (StreamMaxLength)");
                self.raise_alarm("antivirus.too_small", &host, true, json!({ "limit": limit })).await;
            }
        }
        Some(fits)
    }
}

impl Operator {
    /// Does it tell what it did not read to its end? Without that, what lies deep enough passes unread. True, false, or not known.
    pub(super) async fn try_partial(&self, settings: &Settings) -> Option<bool> {
        let message = self.trial(&[&nested(LAYERS)]).ok()?;
        let tells = match self.engine_reads(&settings.engine, &message, false).await {
            Ok(_) => false,
            Err(Trouble::Engine(ScanError::Exceeded(_))) => true,
            Err(_) => return None,
        };
        self.0.antivirus.silent.store(!tells, Ordering::SeqCst);
        let host = self.0.config.hostname.clone();
        match tells {
            true => self.clear_alarm("antivirus.partial", &host).await,
            false => self.raise_alarm("antivirus.partial", &host, true, json!({})).await,
        }
        Some(tells)
    }
}

/// Layers of the archive that no engine reads to its end: clamd goes a hundred deep at most, whatever its configuration says.
const LAYERS: u32 = 110;

/// A ZIP archive that holds one that holds one…, each stored as it is.
fn nested(layers: u32) -> Vec<u8> {
    let mut inner = b"a".to_vec();
    for _ in 0..layers {
        // Some kilobytes at the end.
        let size = u32::try_from(inner.len()).unwrap_or(u32::MAX).to_le_bytes();
        let at = u32::try_from(inner.len() + 31).unwrap_or(u32::MAX).to_le_bytes();
        let common = [&[0; 12][..], &size, &size, &[1, 0, 0, 0]].concat();
        inner = [
            b"PK\x03\x04\x14\0",
            common.as_slice(),
            b"a",
            &inner,
            b"PK\x01\x02\x14\x03\x14\0",
            &common,
            &[0; 14],
            b"aPK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0",
            &at,
            &[0, 0],
        ]
        .concat();
    }
    inner
}

/// What it says of so many zeros.
async fn zeros(engine: &Clamd, size: u64) -> Result<Verdict, ScanError> {
    let piece = [0; 16 << 10];
    let mut scan = engine.scan().await?;
    let mut left = size;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        scan.push(&piece[..now]).await?;
        left -= now as u64;
    }
    scan.finish().await
}
