//! Long work: the client hears every few seconds that it goes on (INPROGRESS, RFC 9585), so that neither it nor an address translator in between gives up; and
//! a session that loses its rights, or its client, does not wait for the end of it.
use super::{End, Session};
use std::pin::pin;
use tokio::time::sleep;

impl Session {
    /// Waits for a piece of work between two responses. The work must not be undone by being dropped: acts on a BAL go on without their session.
    pub(crate) async fn patiently<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = sleep(self.config.progress) => {}
            }
            self.still_here().await?;
            self.out.raw("* OK [INPROGRESS (").string(self.tag.as_bytes()).raw(" NIL NIL)] Still working").end();
            self.send().await?;
        }
    }
}
