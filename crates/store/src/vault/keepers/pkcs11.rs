//! A master key in a PKCS#11 token: an AES-256 key that the token does not hand out.
//!
//! Keys are wrapped by AES-GCM in the token (`CKM_AES_GCM`, our random 96-bit nonce): `2 ‖ nonce ‖ ciphertext ‖ tag`, the associated data
//! authenticated. One session, one call at a time; a session, a login or a token that was lost is looked for again, once a call.
//!
//! A PIN that the token refused is not tried again by this process: tokens lock themselves after a few wrong ones.
pub use super::uri::Uri;

use super::software::read_secret;
use crate::StoreError;
use crate::vault::aead;
use crate::vault::keeper::{KeeperError, KeyKeeper};
use crate::vault::keys::Aad;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use zeroize::Zeroizing;

/// First byte of what a token wrapped.
const VERSION: u8 = 2;
const NONCE: usize = 12;
const TAG_BITS: u64 = 128;

/// A key in a token.
#[derive(Debug)]
pub struct Token {
    uri: Uri,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Away,
    Live(Live),
    /// The token refused the PIN: what it said, said again.
    Refused(KeeperError),
}

#[derive(Debug)]
struct Live {
    session: Session,
    key: ObjectHandle,
}

impl Live {
    /// Does the token still work with this session and key?
    fn answers(&self) -> bool {
        let mut nonce = [0; NONCE];
        let sealed = aead::random(&mut nonce).is_ok().then(|| {
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut nonce, b"probe", TAG_BITS.into())?);
            self.session.encrypt(&mechanism, self.key, b"probe")
        });
        matches!(sealed, Some(Ok(_)))
    }
}

/// What went wrong in a call.
enum Failure {
    /// The token said no to the call itself.
    Call(Error),
    Ours(StoreError),
}
impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Call(e)
    }
}
impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Self {
        Self::Ours(e)
    }
}
impl From<KeeperError> for Failure {
    fn from(e: KeeperError) -> Self {
        Self::Ours(e.store())
    }
}

/// Modules loaded by this process: each is initialised once.
fn module(path: &Path) -> Result<Pkcs11, KeeperError> {
    static LOADED: OnceLock<Mutex<HashMap<PathBuf, Pkcs11>>> = OnceLock::new();
    let wrong = |cause: &Error| KeeperError::Module { path: path.display().to_string(), cause: said(cause) };
    let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let context = match loaded.get(path) {
        Some(context) => context.clone(),
        None => Pkcs11::new(path).map_err(|e| wrong(&e))?,
    };
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(e) => return Err(wrong(&e)),
    }
    loaded.insert(path.to_owned(), context.clone());
    Ok(context)
}

/// One short phrase for an error: the name of the return value, not its paragraph.
fn said(e: &Error) -> String {
    match e {
        Error::Pkcs11(value, function) => format!("{function:?}: {value:?}"),
        Error::LibraryLoading(_) => "the library does not load".into(),
        other => other.to_string().chars().take(120).collect(),
    }
}

impl Token {
    /// Finds the key and proves the PIN.
    pub fn open(uri: Uri) -> Result<Self, StoreError> {
        let token = Self { uri, state: Mutex::new(State::Away) };
        token.with(|_| Ok(()))?;
        Ok(token)
    }
    /// Makes a key in the token; `keys.exists` when there is one of this name.
    pub fn create(uri: Uri) -> Result<Self, StoreError> {
        let (session, _) = Self::login(&uri, true)?;
        let same = session.find_objects(&template(&uri)).map_err(|e| Failure::from(e).into_store(&uri))?;
        if !same.is_empty() {
            return Err(KeeperError::Exists { what: uri.describe() }.store());
        }
        let attributes = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Label(uri.object.clone().into_bytes()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
        ];
        session.generate_key(&Mechanism::AesKeyGen, &attributes).map_err(|e| Failure::from(e).into_store(&uri))?;
        drop(session);
        Self::open(uri)
    }

    /// A logged-in session, and the slot it is in.
    fn login(uri: &Uri, writing: bool) -> Result<(Session, Slot), StoreError> {
        let context = module(&uri.module).map_err(KeeperError::store)?;
        let call = |e: Error| Failure::from(e).into_store(uri);
        let absent = || KeeperError::Token { token: uri.token.clone() };
        let mut found = None;
        for slot in context.get_slots_with_initialized_token().map_err(call)? {
            // A slot whose token went away in between is none.
            let Ok(info) = context.get_token_info(slot) else { continue };
            let same_serial = uri.serial.as_ref().is_none_or(|s| s == info.serial_number().trim_end());
            if info.label().trim_end() == uri.token.trim_end() && same_serial && found.replace(slot).is_some() {
                return Err(absent().store());
            }
        }
        let slot = found.ok_or_else(|| absent().store())?;
        let session = if writing { context.open_rw_session(slot) } else { context.open_ro_session(slot) };
        let session = session.map_err(call)?;
        let secret = read_secret(&uri.pin)?;
        let line = secret.lines().next().unwrap_or_default().trim_end();
        if line.is_empty() {
            return Err(KeeperError::Malformed { what: uri.pin.display().to_string() }.store());
        }
        let pin = AuthPin::from(line.to_owned());
        match session.login(UserType::User, Some(&pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok((session, slot)),
            Err(Error::Pkcs11(RvError::PinLocked, _)) => {
                Err(KeeperError::PinLocked { token: uri.token.clone() }.store())
            }
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange | RvError::PinExpired,
                _,
            )) => {
                let info = context.get_token_info(slot).ok();
                if info.as_ref().is_some_and(|i| i.user_pin_locked()) {
                    return Err(KeeperError::PinLocked { token: uri.token.clone() }.store());
                }
                let last = info.is_some_and(|i| i.user_pin_final_try());
                Err(KeeperError::Pin { token: uri.token.clone(), last }.store())
            }
            Err(e) => Err(call(e)),
        }
    }

    /// The one key of this label, which must be an AES-256 key that stays in the token.
    fn find(uri: &Uri, session: &Session) -> Result<ObjectHandle, Failure> {
        let [key] = session.find_objects(&template(uri))?[..] else {
            return Err(Failure::from(KeeperError::Object { token: uri.token.clone(), object: uri.object.clone() }));
        };
        let asked =
            [AttributeType::KeyType, AttributeType::ValueLen, AttributeType::Sensitive, AttributeType::Extractable];
        let mut good = 0;
        for attribute in session.get_attributes(key, &asked)? {
            good += u32::from(match attribute {
                Attribute::KeyType(kind) => kind == KeyType::AES,
                Attribute::ValueLen(length) => *length == 32,
                Attribute::Sensitive(sensitive) => sensitive,
                Attribute::Extractable(extractable) => !extractable,
                _ => false,
            });
        }
        if good != 4 {
            return Err(Failure::from(KeeperError::Unsafe { token: uri.token.clone(), object: uri.object.clone() }));
        }
        Ok(key)
    }

    fn connect(&self) -> Result<Live, StoreError> {
        let (session, _) = Self::login(&self.uri, false)?;
        let key = Self::find(&self.uri, &session).map_err(|e| e.into_store(&self.uri))?;
        Ok(Live { session, key })
    }

    /// Runs a call in the session; once more, in a new one, when the session was lost.
    fn with<T>(&self, f: impl Fn(&Live) -> Result<T, Failure>) -> Result<T, StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Refused(e) = &*state {
            return Err(e.clone().store());
        }
        for _ in 0..2 {
            let was_live = matches!(&*state, State::Live(_));
            if !was_live {
                match self.connect() {
                    Ok(live) => *state = State::Live(live),
                    Err(StoreError::Keeper(e @ (KeeperError::Pin { .. } | KeeperError::PinLocked { .. }))) => {
                        *state = State::Refused(e.clone());
                        return Err(e.store());
                    }
                    Err(e) => return Err(e),
                }
            }
            let State::Live(live) = &*state else { break };
            match f(live) {
                Ok(value) => return Ok(value),
                Err(Failure::Call(e)) if was_live && lost(&e) => {
                    tracing::warn!(
                        token = self.uri.describe(),
                        error = said(&e),
                        "the token was lost, it is looked for again"
                    );
                    *state = State::Away;
                }
                Err(e) => {
                    // Whatever state the token left the session in: the next call begins anew.
                    if matches!(&e, Failure::Call(_)) {
                        *state = State::Away;
                    }
                    return Err(e.into_store(&self.uri));
                }
            }
        }
        Err(StoreError::Transient("the key device does not answer".into()))
    }
}

impl Failure {
    fn into_store(self, uri: &Uri) -> StoreError {
        match self {
            Self::Ours(e) => e,
            Self::Call(e) => {
                tracing::warn!(token = uri.describe(), error = said(&e), "the token failed");
                StoreError::Transient(format!("key device: {}", said(&e)))
            }
        }
    }
}

fn template(uri: &Uri) -> [Attribute; 2] {
    [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(uri.object.clone().into_bytes())]
}

/// Errors after which a new session may do. A token says so in many words.
fn lost(e: &Error) -> bool {
    use RvError as R;
    let Error::Pkcs11(value, _) = e else { return false };
    matches!(
        value,
        R::SessionHandleInvalid
            | R::SessionClosed
            | R::TokenNotPresent
            | R::TokenNotRecognized
            | R::DeviceRemoved
            | R::DeviceError
            | R::SlotIdInvalid
            | R::UserNotLoggedIn
            | R::KeyHandleInvalid
            | R::ObjectHandleInvalid
            | R::CryptokiNotInitialized
            | R::OperationActive
            | R::GeneralError
            | R::FunctionFailed
    )
}

/// Errors of a decryption that mean "not what was wrapped". Tokens differ; a token that was lost says other things (see [`lost`]).
fn not_opened(e: &Error) -> bool {
    use RvError as R;
    let Error::Pkcs11(value, _) = e else { return false };
    matches!(
        value,
        R::EncryptedDataInvalid | R::EncryptedDataLenRange | R::GeneralError | R::FunctionFailed | R::DataInvalid
    )
}

impl KeyKeeper for Token {
    fn describe(&self) -> String {
        self.uri.describe()
    }
    fn is_slow(&self) -> bool {
        true
    }
    fn wrap(&self, aad: Aad<'_>, key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        let bound = aad.bytes();
        self.with(|live| {
            let mut nonce = [0; NONCE];
            aead::random(&mut nonce)?;
            let mut out = Vec::with_capacity(1 + NONCE + 32 + 16);
            out.push(VERSION);
            out.extend_from_slice(&nonce);
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut nonce, &bound, TAG_BITS.into())?);
            let sealed = live.session.encrypt(&mechanism, live.key, key)?;
            if sealed.len() != 32 + 16 {
                return Err(StoreError::Other("the key device sealed strangely".into()).into());
            }
            out.extend_from_slice(&sealed);
            Ok(out)
        })
    }
    fn unwrap(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let bound = aad.bytes();
        let sealed = wrapped.strip_prefix(&[VERSION]).and_then(|rest| rest.split_first_chunk::<NONCE>());
        let Some((nonce, sealed)) = sealed.filter(|(_, s)| s.len() == 32 + 16) else { return Err(aad.corrupt()) };
        self.with(|live| {
            let mut nonce = *nonce;
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut nonce, &bound, TAG_BITS.into())?);
            let clear = match live.session.decrypt(&mechanism, live.key, sealed) {
                Ok(clear) => Zeroizing::new(clear),
                // Tokens have many words for it, some of them also for a token that went away: one that still seals is there.
                Err(e) if not_opened(&e) && live.answers() => return Err(aad.corrupt().into()),
                Err(e) => return Err(e.into()),
            };
            let bytes: Option<[u8; 32]> = clear.as_slice().try_into().ok();
            Ok(Zeroizing::new(bytes.ok_or_else(|| aad.corrupt())?))
        })
    }
}
