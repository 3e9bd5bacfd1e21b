//! A played IMAP server: mailboxes in memory, TLS with an authority of its own, faults where a test wants them.
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sceau_migration::client::{Auth, Secret};
use sceau_migration::door::{Door, Host};
use sceau_migration::source::Login;
use std::collections::BTreeMap;
use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

/// A message: UID, flags, date, octets.
pub type Message = (u32, String, String, Vec<u8>);

/// A mailbox.
#[derive(Debug, Default, Clone)]
pub struct Folder {
    pub validity: u32,
    pub attributes: String,
    pub messages: Vec<Message>,
}

/// What it holds, and how it fails.
#[derive(Debug, Default)]
pub struct Mail {
    pub folders: BTreeMap<String, Folder>,
    pub capability: String,
    /// The connection ends when so many messages were kept, before that is said.
    pub cut_after: Option<usize>,
    /// The connection ends in the middle of the content of the nth message that is read.
    pub cut_in: Option<usize>,
    /// What messages with this text are told.
    pub refused: Vec<(&'static str, &'static str)>,
    /// Messages with this text are not given: what is said instead, or nothing, or `CUT`; or one that is `HUGE` begins.
    pub unread: Vec<(&'static str, &'static str)>,
    /// When the connection is cut, folders are made anew, with other messages under the same numbers.
    pub anew: bool,
    /// What it is given is counted and thrown away.
    pub forgets: bool,
    /// A folder that this person may neither open nor make.
    pub shut: Option<&'static str>,
    /// So many messages are listed at a time, the last ones first (RFC 9738).
    pub limit: Option<usize>,
    /// What is said to whoever says that he imports, when another import goes on.
    pub importing: Option<&'static str>,
    /// Words under which imports were said to go on; `NIL` at an end.
    pub said: Vec<String>,
    /// What is answered when somebody asks whose the mailbox is.
    pub whose: Option<&'static str>,
    /// Sizes are told wrong by so much.
    pub lies: u64,
    /// Contents read and messages kept so far.
    pub read: usize,
    pub kept: usize,
}

/// The server; ends with the process.
#[derive(Debug)]
pub struct Played {
    pub mail: Arc<Mutex<Mail>>,
    pub port: u16,
    pub ca: PathBuf,
    _folder: tempfile::TempDir,
}

/// Everything but the extensions that a server may lack.
pub const CAPABLE: &str = "IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+ UIDPLUS NAMESPACE LIST-EXTENDED SPECIAL-USE";

/// A TLS configuration for `localhost`, and where its certificate stands.
pub fn tls(folder: &std::path::Path) -> (Arc<ServerConfig>, PathBuf) {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, own.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(sceau_trust::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    (Arc::new(config), ca)
}

/// The login to a server at this port.
pub fn login(port: u16, ca: &std::path::Path) -> Login {
    Login {
        door: Door {
            host: Host { name: "localhost".into(), port: Some(port) },
            starttls: false,
            ca: Some(ca.to_owned()),
        },
        user: "anne".into(),
        secret: Secret::new("secret".into()),
        auth: Auth::Any,
    }
}

impl Played {
    /// With an INBOX and a folder for what was sent.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (config, ca) = tls(folder.path());
        let listener = TcpListener::bind("localhost:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut mail = Mail { capability: CAPABLE.into(), ..Mail::default() };
        mail.folders.insert("INBOX".into(), Folder { validity: 7, ..Folder::default() });
        mail.folders.insert("Sent".into(), Folder { validity: 8, attributes: "\\Sent".into(), ..Folder::default() });
        let mail = Arc::new(Mutex::new(mail));
        let shared = mail.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, mail) = (config.clone(), shared.clone());
                std::thread::spawn(move || {
                    let connection = ServerConnection::new(config).unwrap();
                    let mut session = Session { stream: StreamOwned::new(connection, socket), mail, open: None };
                    // A connection that ends is what some tests want.
                    let _ = session.run();
                });
            }
        });
        Self { mail, port, ca, _folder: folder }
    }
    pub fn login(&self) -> Login {
        login(self.port, &self.ca)
    }
    pub fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap()
    }
    /// Puts a message into a folder.
    pub fn put(&self, folder: &str, flags: &str, content: &str) {
        let mut mail = self.mail();
        let folder = mail.folders.entry(folder.into()).or_default();
        folder.validity = folder.validity.max(1);
        let uid = folder.messages.last().map_or(1, |m| m.0 + 1);
        folder.messages.push((uid, flags.into(), " 8-Jul-2011 12:08:34 +0000".into(), content.as_bytes().to_vec()));
    }
    /// Contents of a folder.
    pub fn contents(&self, folder: &str) -> Vec<String> {
        let mail = self.mail();
        let messages = mail.folders.get(folder).map(|f| f.messages.clone()).unwrap_or_default();
        messages.into_iter().map(|m| String::from_utf8(m.3).unwrap()).collect()
    }
}

struct Session {
    stream: StreamOwned<ServerConnection, TcpStream>,
    mail: Arc<Mutex<Mail>>,
    open: Option<String>,
}

impl Session {
    fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        let mut one = [0];
        while !line.ends_with(b"\r\n") {
            self.stream.read_exact(&mut one)?;
            line.push(one[0]);
        }
        line.truncate(line.len() - 2);
        Ok(String::from_utf8(line).unwrap())
    }
    fn say(&mut self, text: &str) -> Result<()> {
        self.stream.write_all(text.as_bytes())?;
        self.stream.write_all(b"\r\n")?;
        self.stream.flush()
    }
    fn run(&mut self) -> Result<()> {
        self.say("* OK ready")?;
        loop {
            let line = self.line()?;
            let (tag, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let unquoted = rest.trim_matches('"').to_owned();
            let done = match name {
                "CAPABILITY" => {
                    let can = self.mail.lock().unwrap().capability.clone();
                    self.say(&format!("* CAPABILITY {can}"))?;
                    "OK done".to_owned()
                }
                "NAMESPACE" => {
                    self.say("* NAMESPACE ((\"\" \"/\")) NIL NIL")?;
                    "OK done".into()
                }
                "AUTHENTICATE" => "OK in".into(),
                "SETMETADATA" => {
                    let mut mail = self.mail.lock().unwrap();
                    let value = rest.rsplit(' ').nth(1).zip(rest.rsplit(' ').next());
                    mail.said.extend(value.map(|(word, last)| {
                        if last.starts_with("NIL") { "NIL".to_owned() } else { word.trim_matches('"').to_owned() }
                    }));
                    match mail.importing {
                        Some(words) => format!("NO [INUSE] {words}"),
                        None => "OK done".into(),
                    }
                }
                "GETMETADATA" => {
                    let whose = self.mail.lock().unwrap().whose;
                    if let Some(whose) = whose {
                        self.say(&format!("* METADATA \"\" (/shared/vendor/sceau/mailbox \"{whose}\")"))?;
                    }
                    "OK done".into()
                }
                "LIST" => {
                    let folders = self.mail.lock().unwrap().folders.clone();
                    for (name, folder) in folders {
                        self.say(&format!("* LIST ({}) \"/\" \"{name}\"", folder.attributes))?;
                    }
                    "OK done".into()
                }
                "CREATE" | "EXAMINE" if self.mail.lock().unwrap().shut == Some(unquoted.as_str()) => {
                    "NO [NOPERM] not yours".into()
                }
                "CREATE" => {
                    let mut mail = self.mail.lock().unwrap();
                    let validity = 100 + u32::try_from(mail.folders.len()).unwrap();
                    mail.folders.entry(unquoted).or_insert(Folder { validity, ..Folder::default() });
                    "OK done".into()
                }
                "EXAMINE" => self.examine(unquoted)?,
                "UID" => self.fetch(rest)?,
                "APPEND" => self.append(tag, rest)?,
                "LOGOUT" => return self.say(&format!("* BYE\r\n{tag} OK out")),
                _ => "OK done".into(),
            };
            self.say(&format!("{tag} {done}"))?;
        }
    }
    fn examine(&mut self, name: String) -> Result<String> {
        let found = self.mail.lock().unwrap().folders.get(&name).map(|f| (f.validity, f.messages.len()));
        let Some((validity, count)) = found else { return Ok("NO [NONEXISTENT] no such folder".into()) };
        self.open = Some(name);
        self.say(&format!("* {count} EXISTS\r\n* OK [UIDVALIDITY {validity}] x"))?;
        Ok("OK [READ-ONLY] done".into())
    }
    fn fetch(&mut self, rest: &str) -> Result<String> {
        let open = self.open.clone().unwrap_or_default();
        let (mut messages, lies, limit) = {
            let mail = self.mail.lock().unwrap();
            (mail.folders[&open].messages.clone(), mail.lies, mail.limit)
        };
        let wanted = rest.split(' ').nth(1).unwrap();
        let upto = wanted.strip_prefix("1:").map(|u| u.parse::<u32>().unwrap_or(u32::MAX));
        messages.retain(|m| upto.is_none_or(|u| m.0 <= u));
        let skipped = limit.filter(|_| upto.is_some()).map_or(0, |l| messages.len().saturating_sub(l));
        for (n, (uid, flags, date, content)) in messages.iter().enumerate().skip(skipped) {
            if upto.is_some() {
                let size = content.len() as u64 + lies;
                self.say(&format!(
                    "* {} FETCH (UID {uid} FLAGS ({flags}) INTERNALDATE \"{date}\" RFC822.SIZE {size})",
                    n + 1
                ))?;
            } else if wanted == uid.to_string() && !rest.contains("BODY") {
                self.say(&format!("* {} FETCH (UID {uid})", n + 1))?;
            } else if wanted == uid.to_string() {
                let (cut, unread) = {
                    let mut mail = self.mail.lock().unwrap();
                    mail.read += 1;
                    let text = String::from_utf8_lossy(content);
                    let unread = mail.unread.iter().find(|(part, _)| text.contains(part)).map(|u| u.1);
                    (mail.cut_in == Some(mail.read), unread)
                };
                match unread {
                    None => {}
                    Some("CUT") => return Err(std::io::ErrorKind::ConnectionAborted.into()),
                    Some("") => continue,
                    Some("HUGE") => {
                        self.say(&format!("* {} FETCH (UID {uid} BODY[] {{999999999999}}\r\nun peu", n + 1))?;
                        continue;
                    }
                    Some(no) => return Ok(no.to_owned()),
                }
                self.stream.write_all(format!("* {} FETCH (BODY[] {{{}}}\r\n", n + 1, content.len()).as_bytes())?;
                if cut {
                    self.stream.write_all(&content[..content.len() / 2])?;
                    self.stream.flush()?;
                    let mut mail = self.mail.lock().unwrap();
                    if mail.anew {
                        for folder in mail.folders.values_mut() {
                            folder.validity += 1;
                            folder
                                .messages
                                .iter_mut()
                                .for_each(|m| m.3 = format!("Subject: {}\r\n\r\nneuf\r\n", m.0).into());
                        }
                    }
                    return Err(std::io::ErrorKind::ConnectionAborted.into());
                }
                self.stream.write_all(content)?;
                self.say(&format!(" UID {uid})"))?;
            }
        }
        match (limit, messages.get(skipped)) {
            (Some(limit), Some((uid, ..))) if skipped > 0 => {
                Ok(format!("OK [MESSAGELIMIT {limit} {uid}] some of them"))
            }
            _ => Ok("OK done".into()),
        }
    }
    fn append(&mut self, tag: &str, rest: &str) -> Result<String> {
        let (before, literal) = rest.rsplit_once('{').unwrap();
        let size: usize = literal.trim_end_matches(['+', '}']).parse().unwrap();
        if !literal.contains('+') {
            self.say("+ go")?;
        }
        let forgets = self.mail.lock().unwrap().forgets;
        let mut content = vec![0; if forgets { 0 } else { size }];
        self.stream.read_exact(&mut content)?;
        if forgets {
            std::io::copy(&mut (&mut self.stream).take(size as u64), &mut std::io::sink())?;
        }
        assert_eq!(self.line()?, "", "{tag}");
        let name = before.split('"').nth(1).unwrap().to_owned();
        let flags = before.split(['(', ')']).nth(1).unwrap_or_default().to_owned();
        let date = before.split('"').nth(3).unwrap_or_default().to_owned();
        let (at, cut) = {
            let mut mail = self.mail.lock().unwrap();
            let text = String::from_utf8_lossy(&content);
            if let Some((_, no)) = mail.refused.iter().find(|(part, _)| text.contains(part)) {
                return Ok((*no).to_owned());
            }
            mail.kept += 1;
            let cut = mail.cut_after == Some(mail.kept);
            let Some(folder) = mail.folders.get_mut(&name) else { return Ok("NO [TRYCREATE] no such folder".into()) };
            let uid = folder.messages.last().map_or(1, |m| m.0 + 1);
            folder.messages.push((uid, flags, date, content));
            (format!("{} {uid}", folder.validity), cut)
        };
        if cut {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        Ok(format!("OK [APPENDUID {at}] kept"))
    }
}
