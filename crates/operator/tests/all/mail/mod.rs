//! Mail in and out of an operator, on a real store: acceptance from peers, submission, the outbound queue, the white list.
mod closing;
mod crowd;
mod incoming;
mod incoming_refusals;
mod life;
mod nodes;
mod policies;
mod queue;
mod queue_acts;
mod queue_reports;
mod retention;
mod rights;
mod submission;
mod terms;
mod unreliable;
mod white_list;
