//! How commands end, and the tagged line that says so.
use super::Session;
use crate::codec::Out;
use crate::codec::sequence::write_set;
use crate::commands;
use sceau_domain::{Refusal, RefusalCode};

/// A command's good end.
#[derive(Debug)]
pub(crate) enum Reply {
    /// `OK NAME completed`.
    Ok,
    /// `OK [CODE] NAME completed`.
    With(Code),
    /// `NO [CODE] …`: the command was run, but not all of it could be done.
    Partly(Code, Refusal),
}

/// Response codes with values (RFC 9051 §7.1).
#[derive(Debug)]
pub(crate) enum Code {
    /// CAPABILITY of the present state.
    Capability,
    /// READ-ONLY.
    ReadOnly,
    /// READ-WRITE.
    ReadWrite,
    /// UIDVALIDITY and UIDs.
    AppendUid(u32, Vec<u32>),
    /// The URL that names nothing that can be read (RFC 4469 §4).
    BadUrl(Vec<u8>),
    /// MAILBOXID (RFC 8474 §4.1).
    MailboxId(String),
    /// UIDVALIDITY, source set, destination set.
    CopyUid(u32, String, String),
    /// Sets of what UNCHANGEDSINCE kept from being changed.
    Modified(String),
    /// The state after.
    HighestModSeq(u64),
    /// TRYCREATE.
    TryCreate,
    /// EXPUNGEISSUED.
    ExpungeIssued,
    /// MESSAGELIMIT (RFC 9738): the limit, and the lowest UID that was worked on.
    MessageLimit(u32, Option<u32>),
    /// UNKNOWN-CTE.
    UnknownCte,
    /// BADCHARSET.
    BadCharset,
    /// METADATA LONGENTRIES (RFC 5464 §4.2.1): the longest value that was left out.
    MetadataLongEntries(u64),
    /// METADATA MAXSIZE (§4.3).
    MetadataMaxSize(u64),
    /// METADATA TOOMANY (§4.3).
    MetadataTooMany,
    /// COMPRESSIONACTIVE (RFC 4978).
    CompressionActive,
    /// BADEVENT (RFC 5465).
    BadEvent,
    /// NOTIFICATIONOVERFLOW (RFC 5465).
    NotificationOverflow,
}

impl Code {
    pub(crate) fn write(&self, out: &mut Out) {
        out.raw("[");
        match self {
            // Written by the caller, who knows the state.
            Self::Capability => &mut *out,
            Self::ReadOnly => out.raw("READ-ONLY"),
            Self::ReadWrite => out.raw("READ-WRITE"),
            Self::AppendUid(validity, uids) => {
                out.raw("APPENDUID ").num(*validity).raw(" ").set(&write_set(uids))
            }
            Self::BadUrl(url) => out.raw("BADURL ").url(url),
            Self::MailboxId(id) => out.raw("MAILBOXID (").object(id).raw(")"),
            Self::CopyUid(validity, from, to) => out.raw("COPYUID ").num(*validity).raw(" ").set(from).raw(" ").set(to),
            Self::Modified(set) => out.raw("MODIFIED ").set(set),
            Self::HighestModSeq(n) => out.raw("HIGHESTMODSEQ ").num(*n),
            Self::TryCreate => out.raw("TRYCREATE"),
            Self::ExpungeIssued => out.raw("EXPUNGEISSUED"),
            Self::MessageLimit(most, lowest) => {
                out.raw("MESSAGELIMIT ").num(*most);
                lowest.iter().for_each(|uid| out.raw(" ").num(*uid).done());
                &mut *out
            }
            Self::UnknownCte => out.raw("UNKNOWN-CTE"),
            Self::BadCharset => out.raw("BADCHARSET (UTF-8 US-ASCII)"),
            Self::MetadataLongEntries(n) => out.raw("METADATA LONGENTRIES ").num(*n),
            Self::MetadataMaxSize(n) => out.raw("METADATA MAXSIZE ").num(*n),
            Self::MetadataTooMany => out.raw("METADATA TOOMANY"),
            Self::CompressionActive => out.raw("COMPRESSIONACTIVE"),
            Self::BadEvent => {
                out.raw("BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)")
            }
            Self::NotificationOverflow => out.raw("NOTIFICATIONOVERFLOW"),
        };
        out.raw("] ");
    }
}

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Tagged `NO`.
    No(Refusal),
    /// Tagged `NO` with another response code than the refusal's own.
    NoCode(Code, Refusal),
    /// Tagged `BAD`.
    Bad(Refusal),
    /// The tagged line was sent by the command itself.
    Answered,
    /// The session is over.
    End(End),
}

impl Stop {
    /// `BAD`: a grammar error found after parsing.
    pub(crate) fn syntax(cause: &'static str) -> Self {
        Self::Bad(Refusal::new(RefusalCode::SyntaxError).with("cause", cause))
    }
    /// `BAD`: not in this state.
    pub(crate) fn sequence(cause: &'static str) -> Self {
        Self::Bad(Refusal::new(RefusalCode::SequenceError).with("cause", cause))
    }
}

impl From<Refusal> for Stop {
    fn from(r: Refusal) -> Self {
        Self::No(r)
    }
}
impl From<RefusalCode> for Stop {
    fn from(c: RefusalCode) -> Self {
        Self::No(c.into())
    }
}
impl From<End> for Stop {
    fn from(e: End) -> Self {
        Self::End(e)
    }
}
impl From<crate::view::NoSuchNumber> for Stop {
    fn from(_: crate::view::NoSuchNumber) -> Self {
        Self::syntax("a sequence number names no message")
    }
}

/// Result of a command.
pub(crate) type Done = Result<Reply, Stop>;

/// How a session ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The client went away, or the stream broke in the middle of a literal: nothing more can be said.
    Gone,
    /// `BYE` was said (LOGOUT).
    Said,
    /// Say `BYE` with this.
    Bye(Refusal),
}

impl End {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Said => "logout",
            Self::Bye(refusal) => refusal.code.as_str(),
        }
    }
}

impl Session {
    /// Tells what changed meanwhile (`tell`: whether, and whether EXPUNGE may be told), then the tagged line.
    pub(crate) async fn complete(
        &mut self,
        tag: &str,
        name: &'static str,
        done: Done,
        tell: Option<bool>,
    ) -> Result<(), End> {
        if let Err(Stop::End(end)) = done {
            return Err(end);
        }
        let told = match tell {
            Some(may_expunge) if self.view.is_some() => self.news(may_expunge).await,
            _ => Ok(()),
        };
        if tell.is_some() {
            self.tell_kept_back();
        }
        let lowest = self.limited.take();
        match done {
            Ok(reply) => {
                let reply = self.say_limit(reply, lowest);
                self.errors = if self.actor.is_some() { 0 } else { self.errors };
                self.answer_done(tag, name, &reply);
            }
            Err(Stop::No(refusal)) => {
                self.out.tag(tag).raw(" NO ").refusal_code(&refusal).refusal(&refusal).end();
                let insists = [RefusalCode::LoginFailed, RefusalCode::LoginTooMany, RefusalCode::SessionTooMany];
                self.count_error(insists.contains(&refusal.code))?;
            }
            Err(Stop::NoCode(code, refusal)) => {
                self.out.tag(tag).raw(" NO ");
                code.write(&mut self.out);
                self.out.refusal(&refusal).end();
            }
            Err(Stop::Answered) => {}
            Err(Stop::Bad(refusal)) => self.answer_bad(Some(tag), &refusal)?,
            Err(Stop::End(end)) => return Err(end),
        }
        told
    }

    fn answer_done(&mut self, tag: &str, name: &'static str, reply: &Reply) {
        match reply {
            Reply::Ok => self.out.tag(tag).raw(" OK ").done(),
            Reply::With(Code::Capability) => {
                self.out.tag(tag).raw(" OK [CAPABILITY ");
                commands::capability::write(self);
                self.out.raw("] ");
            }
            Reply::With(code) => {
                self.out.tag(tag).raw(" OK ");
                code.write(&mut self.out);
            }
            Reply::Partly(code, refusal) => {
                self.out.tag(tag).raw(" NO ");
                code.write(&mut self.out);
                self.out.refusal(refusal).end();
                return;
            }
        }
        self.out.raw(name).raw(" completed").end();
    }

    /// `BAD`, counted.
    pub(crate) fn answer_bad(&mut self, tag: Option<&str>, refusal: &Refusal) -> Result<(), End> {
        match tag {
            Some(tag) => self.out.tag(tag),
            None => self.out.raw("*"),
        };
        self.out.raw(" BAD ").refusal_code(refusal).refusal(refusal).end();
        self.count_error(true)
    }

    fn count_error(&mut self, counts: bool) -> Result<(), End> {
        self.errors += u32::from(counts);
        if self.errors >= self.config.max_errors {
            return Err(End::Bye(RefusalCode::TooManyErrors.into()));
        }
        Ok(())
    }

    /// `* BYE …`.
    pub(crate) fn bye(&mut self, refusal: &Refusal) {
        self.out.raw("* BYE ").refusal_code(refusal).refusal(refusal).end();
    }
}
