//! Why something did not succeed.
use std::io;
use std::path::{Path, PathBuf};

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection, or it broke, or its time was over.
    #[error("{0}")]
    Cut(io::Error),
    /// The server cannot be believed: its certificate, or no TLS.
    #[error("{0}")]
    Tls(String),
    /// What the server said is no IMAP, or more than may be kept of it.
    #[error("{0}")]
    Protocol(&'static str),
    /// The server said no, in these words.
    #[error("{}", .0.text)]
    No(No),
    /// The login was refused, in these words.
    #[error("{}", .0.text)]
    Login(No),
    /// The folder of the source was made anew while it was read: what was told of its messages is no longer so.
    #[error("the folder is another one now")]
    Changed,
    /// No folder has this name.
    #[error("{0}")]
    NoFolder(String),
    /// A file or folder here.
    #[error("{path}: {1}", path = .0.display())]
    File(PathBuf, io::Error),
    /// A file or folder here is not what it should be; why, in a word: `no_mbox`.
    #[error("{path}: {1}", path = .0.display())]
    Content(PathBuf, &'static str),
}

/// A server's no.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct No {
    /// Response code, in upper case, without its arguments: `OVERQUOTA`.
    pub code: Option<String>,
    /// Its words.
    pub text: String,
}

impl No {
    /// Is this its response code?
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
    /// Do its words end with this stable code of ours, as in `… (message.too_big)`?
    pub fn ends(&self, stable: &str) -> bool {
        self.text.trim_end().strip_suffix(')').and_then(|t| t.strip_suffix(stable)).is_some_and(|t| t.ends_with('('))
    }
}

impl Error {
    /// For what happened to this file.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |e| Self::File(path.to_owned(), e)
    }
    /// May the same succeed on another connection?
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Cut(_))
    }
}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        match e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
                Self::Tls(e.to_string())
            }
            _ => Self::Cut(e),
        }
    }
}
