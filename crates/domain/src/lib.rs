//! Values and rules of the MSSanté field.
//!
//! This crate is pure: no I/O, no async, no clock reading (a [`Clock`] is passed in). A rule of the field lives here
//! once, with its source in its doc comment; doors translate, `operator` decides with these rules, `store` keeps.
pub mod abuse;
pub mod access;
pub mod address;
pub mod bal;
pub mod calendar;
pub mod clock;
pub mod csv;
pub mod der;
pub mod dsn;
pub mod eligibility;
pub mod exchange;
pub mod identifier;
pub mod life;
pub mod limits;
pub mod mail_setup;
pub mod naming;
pub mod opening;
pub mod partner;
pub mod people_file;
pub mod person;
pub mod personal;
pub mod plain;
pub mod policy;
pub mod position;
pub mod publication;
pub mod readers;
pub mod reference;
pub mod refusal;
pub mod report;
pub mod retention;
pub mod retry;
pub mod rights;
pub mod rule;
pub mod structure;
pub mod tell;
pub mod terms;
pub mod text;
pub mod trace_kind;
pub mod usage;

pub use access::AccessRole;
pub use address::{Address, DomainName};
pub use bal::{BalFlags, BalKind, DomainKind};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use limits::Limits;
pub use refusal::{Refusal, RefusalCode};
pub use retry::RetrySchedule;
pub use rights::{BalRights, Role, UseCase};
pub use structure::{ConventionState, Opening, Processing};
pub use text::Lang;
pub use trace_kind::TraceKind;
