//! MESSAGELIMIT (RFC 9738): how many messages one command works on at most, when the operator has set a limit. The last ones are worked on, from the highest UID
//! down; the client is told how far that went. What must be done wholly or not at all is refused.
use super::{Code, Reply, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};

impl Session {
    /// Leaves the last of the messages named (ascending), as many as one command works on, the last one first; notes the lowest UID that is left. All of them, in
    /// their order, when they are few enough.
    pub(crate) fn limit<T>(&mut self, named: Vec<T>, uid: impl Fn(&Self, &T) -> Option<u32>) -> Vec<T> {
        let over = self.over_limit(named.len());
        if over == 0 {
            return named;
        }
        let mut left: Vec<T> = named.into_iter().skip(over).collect();
        self.limited = left.first().and_then(|lowest| uid(self, lowest));
        left.reverse();
        left
    }
    /// By how many these are more than one command works on.
    pub(crate) fn over_limit(&self, messages: usize) -> usize {
        self.config.message_limit.map_or(0, |most| messages.saturating_sub(most as usize))
    }
    /// `NO [MESSAGELIMIT n uid]` of what is done wholly or not at all: `uid` is the lowest that could be done with those above it.
    pub(crate) fn over(&self, uid: Option<u32>) -> Stop {
        let most = self.config.message_limit.unwrap_or(u32::MAX);
        Stop::NoCode(Code::MessageLimit(most, uid), Refusal::new(RefusalCode::EntryTooMany).with("limit", most))
    }
    /// The reply of a command, with how far it went. One response has one code: the limit is said before when there is another.
    pub(super) fn say_limit(&mut self, reply: Reply, lowest: Option<u32>) -> Reply {
        let (Some(most), Some(_)) = (self.config.message_limit, lowest) else { return reply };
        let code = Code::MessageLimit(most, lowest);
        if matches!(reply, Reply::Ok) {
            return Reply::With(code);
        }
        self.out.raw("* NO ");
        code.write(&mut self.out);
        self.out.raw("Only the last messages").end();
        reply
    }
}
