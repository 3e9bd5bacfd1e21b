//! A body that is a file: taken piece by piece as it arrives, never held whole.
use crate::Problem;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http_body_util::BodyExt;
use hyper::body::Frame;
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

/// What takes a file's pieces.
pub trait Intake: Send {
    /// Takes one.
    fn push(&mut self, piece: &[u8]) -> impl Future<Output = Result<(), Refusal>> + Send;
}

impl File {
    /// Hands on each piece, to the end or the first refusal. `session.timeout` when one does not come, `system.unavailable` when the sender is gone.
    pub async fn pour(mut self, intake: &mut impl Intake) -> Result<(), Refusal> {
        while let Some(frame) = next(&mut self.0).await? {
            // Trailers say nothing to us.
            if let Ok(piece) = frame.into_data() {
                intake.push(&piece).await?;
            }
        }
        Ok(())
    }
}

/// The intakes of the operator.
macro_rules! intakes {
    ($($intake:ty),*) => {$(
        impl Intake for $intake {
            async fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
                Self::push(self, piece).await
            }
        }
    )*};
}

intakes!(
    sceau_operator::identity::breached::BreachedIntake,
    sceau_operator::imports::ImportIntake,
    sceau_operator::reference::ReferenceIntake
);

async fn next(body: &mut Body) -> Result<Option<Frame<Bytes>>, Refusal> {
    match tokio::time::timeout(PATIENCE, body.frame()).await {
        Err(_) => Err(RefusalCode::Timeout.into()),
        Ok(frame) => frame.transpose().map_err(|_| RefusalCode::Unavailable.into()),
    }
}
