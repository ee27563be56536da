//! Keys that callers carry: 32 random bytes behind a prefix that says whose they are. Shown once, kept as a digest.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{TryRngCore, rngs::OsRng};
use sha2::{Digest, Sha256};

/// Random bytes of a key.
const KEY_BYTES: usize = 32;
/// Characters behind the prefix of a key that somebody else has made; as many as ours have.
const KEY_CHARS_MIN: usize = 43;
const KEY_CHARS_MAX: usize = 255;

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `op_…`: somebody of the platform.
    Operator,
    /// `gw_…`: a gateway that meters for any customer.
    Gateway,
    /// `vk_…`: a customer's virtual key.
    Virtual,
}

impl KeyKind {
    const ALL: [Self; 3] = [Self::Operator, Self::Gateway, Self::Virtual];

    fn prefix(self) -> &'static str {
        match self {
            Self::Operator => "op_",
            Self::Gateway => "gw_",
            Self::Virtual => "vk_",
        }
    }
}

/// A key in clear. Neither printed nor logged by accident: only [`Secret::reveal`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    kind: KeyKind,
    text: String,
}

/// The text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is op_, gw_ or vk_ and at least {KEY_CHARS_MIN} letters, digits, - or _")]
pub struct SecretError;

impl Secret {
    /// A new key, from the operating system's randomness.
    ///
    /// # Panics
    /// When the operating system has none.
    #[must_use]
    pub fn generate(kind: KeyKind) -> Self {
        let mut bytes = [0; KEY_BYTES];
        OsRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
        Self { kind, text: format!("{}{}", kind.prefix(), BASE64_URL_SAFE_NO_PAD.encode(bytes)) }
    }

    /// Whose key it is.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key itself, for the one who has just made it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is kept of it. Not salted and not slow: there is nothing to guess in 32 random bytes.
    pub(crate) fn digest(&self) -> KeyDigest {
        let once = self.proof();
        match self.kind {
            KeyKind::Operator => KeyDigest(Sha256::digest(once.0).into()),
            KeyKind::Gateway | KeyKind::Virtual => KeyDigest(once.0),
        }
    }

    /// What shows the database that its holder calls: half way from an operator's key to the digest that is kept.
    pub(crate) fn proof(&self) -> Proof {
        Proof(Sha256::digest(self.text.as_bytes()).into())
    }
}

impl FromStr for Secret {
    type Err = SecretError;
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let found = KeyKind::ALL.into_iter().find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)));
        let (kind, random) = found.ok_or(SecretError)?;
        let spelled = random.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if spelled && (KEY_CHARS_MIN..=KEY_CHARS_MAX).contains(&random.len()) {
            Ok(Self { kind, text: text.to_owned() })
        } else {
            Err(SecretError)
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}…)", self.kind.prefix())
    }
}

/// SHA-256 of an operator's key: nobody can log in with it, and nobody can get it from what is kept.
#[derive(Clone, Copy)]
pub(crate) struct Proof([u8; 32]);

impl Proof {
    pub(crate) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(…)")
    }
}

/// SHA-256 of a key, or of an operator's proof.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyDigest([u8; 32]);

impl KeyDigest {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_never_printed() {
        let secret = Secret::generate(KeyKind::Virtual);
        assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
        assert_eq!(secret.reveal().len(), 3 + KEY_CHARS_MIN);
        assert_eq!(format!("{secret:?}"), "Secret(vk_…)");
        for text in ["", "vk_", "vk_short", "xx_0123456789012345678901234567890123456789012", "op_é"] {
            assert_eq!(text.parse::<Secret>(), Err(SecretError), "{text:?}");
        }
    }
}
