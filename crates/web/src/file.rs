//! A body that is a file: taken piece by piece as it arrives, never held whole.
use crate::Problem;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http_body_util::BodyExt;
use sceau_domain::{Refusal, RefusalCode};
use std::time::Duration;

/// Longest wait for the next piece.
const PATIENCE: Duration = Duration::from_secs(60);

/// The body. Put after [`crate::Asker`]: nothing is read of a stranger's.
#[derive(Debug)]
pub struct File(Body);

impl<S: Send + Sync> FromRequest<S> for File {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        Ok(Self(request.into_body()))
    }
}

impl File {
    /// The next piece; none at the end. `session.timeout` when it does not come, `system.unavailable` when the sender is gone.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.frame()).await;
            match frame.map_err(|_| Refusal::new(RefusalCode::Timeout))? {
                None => return Ok(None),
                Some(Err(_)) => return Err(RefusalCode::Unavailable.into()),
                // Trailers say nothing to us.
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }
}
