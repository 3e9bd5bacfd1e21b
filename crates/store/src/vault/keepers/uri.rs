//! `pkcs11:` addresses in the spirit of RFC 7512: which token, which key, by which module, with the PIN from which file.
//!
//! `pkcs11:token=LABEL;object=LABEL[;serial=NUMBER]?module-path=FILE&pin-source=FILE`. Values are percent-encoded. What is not understood is
//! refused, and so is `pin-value`: a configuration holds no secret.
use std::path::PathBuf;

/// Longest address that is looked at, bytes.
const LONGEST: usize = 4096;

/// Where a key is in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// Label of the token.
    pub token: String,
    /// Serial number of the token, when labels alone are not enough.
    pub serial: Option<String>,
    /// Label of the key.
    pub object: String,
    /// The PKCS#11 module (a shared library), absolute.
    pub module: PathBuf,
    /// File (mode 0600) whose first line is the user PIN, absolute.
    pub pin: PathBuf,
}

impl Uri {
    /// Reads an address, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("pkcs11:").filter(|_| text.len() <= LONGEST).ok_or("pkcs11:")?;
        let (path, query) = rest.split_once('?').ok_or("module-path, pin-source")?;
        let mut found: [(&str, Option<String>); 5] =
            [("token", None), ("object", None), ("serial", None), ("module-path", None), ("pin-source", None)];
        let attributes = path.split(';').map(|a| (a, 0..3)).chain(query.split('&').map(|a| (a, 3..5)));
        for (attribute, allowed) in attributes.filter(|(a, _)| !a.is_empty()) {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            // The name alone is repeated to the user: the value may be a PIN that somebody put here.
            let slot = found[allowed].iter_mut().find(|(known, _)| *known == name).ok_or(name)?;
            let value = decoded(value).filter(|v| !v.is_empty()).ok_or(name)?;
            if slot.1.replace(value).is_some() {
                return Err(name.to_owned());
            }
        }
        let [token, object, serial, module, pin] = found;
        let needed = |(name, value): (&str, Option<String>)| value.ok_or_else(|| name.to_owned());
        let absolute = |(name, value): (&str, Option<String>)| {
            let value = value.ok_or_else(|| name.to_owned())?;
            let path = PathBuf::from(value.strip_prefix("file:").map(|v| v.trim_start_matches("//")).unwrap_or(&value));
            if path.is_absolute() { Ok(path) } else { Err(name.to_owned()) }
        };
        Ok(Self {
            token: needed(token)?,
            object: needed(object)?,
            serial: serial.1,
            module: absolute(module)?,
            pin: absolute(pin)?,
        })
    }
    /// Token and key, without paths.
    pub fn describe(&self) -> String {
        format!("pkcs11:token={};object={}", encoded(&self.token), encoded(&self.object))
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?
            }
            b => b,
        });
    }
    String::from_utf8(out).ok().filter(|s| !s.contains('\0'))
}

fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{b:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_and_nothing_else() {
        let uri = Uri::parse("pkcs11:token=Cl%C3%A9s%20;object=master;serial=1f?module-path=/m.so&pin-source=file:/p")
            .unwrap();
        assert_eq!((uri.token.as_str(), uri.object.as_str(), uri.serial.as_deref()), ("Clés ", "master", Some("1f")));
        assert_eq!((uri.module.to_str(), uri.pin.to_str()), (Some("/m.so"), Some("/p")));
        assert_eq!(uri.describe(), "pkcs11:token=Cl%C3%A9s%20;object=master");
        let wrong = [
            ("pkcs11:token=a;object=b", "module-path, pin-source"),
            ("pkcs11:token=a;object=b?module-path=/m", "pin-source"),
            ("pkcs11:token=a;object=b?module-path=m&pin-source=/p", "module-path"),
            ("pkcs11:object=b?module-path=/m&pin-source=/p", "token"),
            ("pkcs11:token=a;token=a;object=b?module-path=/m&pin-source=/p", "token"),
            ("pkcs11:token=;object=b?module-path=/m&pin-source=/p", "token"),
            ("pkcs11:token=%G0;object=b?module-path=/m&pin-source=/p", "token"),
            ("pkcs11:token=%00;object=b?module-path=/m&pin-source=/p", "token"),
            ("pkcs11:token=a;object=b;pin-source=/p?module-path=/m", "pin-source"),
            ("pkcs11:token=a;object=b?module-path=/m&pin-source=/p&pin-value=1234", "pin-value"),
        ];
        for (text, cause) in wrong {
            assert_eq!(Uri::parse(text), Err(cause.to_owned()), "{text}");
        }
        assert!(
            Uri::parse(&format!("pkcs11:token={};object=b?module-path=/m&pin-source=/p", "a".repeat(5000))).is_err()
        );
    }

    proptest! {
        #[test]
        fn nothing_breaks_the_reader(text in ".{0,200}") {
            let _ = Uri::parse(&text);
            let _ = Uri::parse(&format!("pkcs11:{text}"));
        }
        #[test]
        fn labels_come_back(label in "[^\0]{1,40}") {
            let uri = Uri::parse(&format!("pkcs11:token={0};object={0}?module-path=/m&pin-source=/p", encoded(&label))).unwrap();
            prop_assert_eq!(uri.token, label);
        }
    }
}
