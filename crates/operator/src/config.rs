//! What the operator needs to know from the declarative configuration.
use sceau_domain::{Address, DomainName};
use std::time::Duration;

/// Settings of the use cases. The program fills them from its configuration file.
#[derive(Debug, Clone)]
pub struct OperatorConfig {
    /// Name of the operator, shown to people.
    pub name: String,
    /// Our host name in greetings, `Received` and reports.
    pub hostname: String,
    /// Where people find us in a browser, without a final `/`: for links (terms of use, one-time links).
    pub public_url: String,
    /// What the placeholders of the terms of use stand for (address, support, data protection officer…), by name.
    pub terms: sceau_domain::terms::Values,
    /// Limits of messages and BALs.
    pub limits: sceau_domain::limits::Limits,
    /// When queued mail is tried again, warned about, given up.
    pub retry: sceau_domain::retry::RetrySchedule,
    /// Who receives `postmaster@` and `abuse@` of our domains (BALs of ours).
    pub postmaster: Vec<Address>,
    /// Domains known to hold only test BALs, beside ours of kind `Test` (F029).
    pub test_domains: Vec<DomainName>,
    /// Domains of patients, ours or not: the local part is an INS, kept as pseudonym plus sealed value.
    pub patient_domains: Vec<DomainName>,
    /// Require that the header From's domain lists the peer's DN (default true).
    pub check_header_from: bool,
    /// Keep a copy of each submitted message in the sender's Sent folder. False by default: mail clients store their own
    /// copy by APPEND, and two would appear.
    pub sent_copy: bool,
    /// Production or test: which anchors count here.
    pub environment: sceau_trust::Environment,
    /// How revocation is learnt.
    pub revocation: crate::revocation::Settings,
    /// How the white list is obtained; none: lists are only put in force by hand.
    pub white_list: Option<sceau_trust::whitelist::WhiteListSource>,
    /// How often.
    pub white_list_every: Duration,
    /// A list in force that the authority made longer ago than this is worth an alarm.
    pub white_list_old: Duration,
    /// How long a peer's retry is recognised.
    pub dedupe: Duration,
    /// Failed logins allowed of one login from one address (an IPv6 /64) in a sliding minute; beyond, this login is refused there,
    /// right or wrong, until the minute is over. Other logins from the address go on (many people share one), until it has failed
    /// twenty times as often altogether.
    pub login_failures_per_minute: u32,
    /// The operator is being set up: over the administration socket, its administrators are shown the secrets of tokens that they make for others.
    /// False in service, where the person alone sees them.
    pub setting_up: bool,
    /// What is asked of the ordinary address of whoever is to stand for a BAL, before it opens (F063).
    pub notification_address: sceau_domain::opening::AddressRule,
    /// What structures are told about our door for their servers.
    pub connectors: crate::connectors::Settings,
    /// What looks like abuse, and limits of partners.
    pub abuse: crate::abuse::Settings,
    /// Notices, absences and answers to tests.
    pub notices: crate::notices::Settings,
    /// Text search.
    pub search: crate::search::Settings,
    /// What mail programs and zones are told.
    pub mail_setup: crate::mail_setup::Settings,
    /// How people prove who they are.
    pub identity: crate::identity::settings::Settings,
    /// The desk.
    pub desk: crate::desk::Settings,
    /// Browsers that are woken.
    pub push: crate::desk::push::Settings,
}
