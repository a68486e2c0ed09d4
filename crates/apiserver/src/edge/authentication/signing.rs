//! The key of service account tokens: ECDSA on P-256, as JWTs call ES256.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use trueup_object::{Value, value};

/// Why there is no key.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The system gave no randomness.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// The kept key can't be read.
    #[error("the kept signing key is no PKCS#8 key on P-256")]
    Unreadable,
    /// The file of the key can't be read or written.
    #[error("the file of the signing key: {0}")]
    File(std::io::ErrorKind),
}

/// A private key. Its bytes never show in `Debug`.
#[derive(Clone)]
pub struct SigningKey {
    pkcs8: Arc<[u8]>,
    pair: Arc<EcdsaKeyPair>,
    id: String,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A fresh key.
    pub fn generate() -> Result<Self, KeyError> {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| KeyError::NoRandomness)?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    /// A key that was kept.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|_| KeyError::Unreadable)?;
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(pair.public_key().as_ref()));
        Ok(Self {
            pkcs8: pkcs8.into(),
            pair: Arc::new(pair),
            id,
        })
    }

    /// The key kept in a file, made with the file where that is missing; only
    /// its owner can read it.
    pub fn kept_in(path: &std::path::Path) -> Result<Self, KeyError> {
        let failed = |error: std::io::Error| KeyError::File(error.kind());
        match std::fs::read(path) {
            Ok(pkcs8) => Self::from_pkcs8(&pkcs8),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = Self::generate()?;
                crate::edge::certificates::write_atomically(path, key.to_pkcs8())
                    .map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The key as it is kept.
    #[must_use]
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The key's name in token headers.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs a text; `None` only if the system gives no randomness.
    pub(super) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let signature = self.pair.sign(&SystemRandom::new(), text).ok()?;
        Some(signature.as_ref().to_vec())
    }

    /// Whether a signature over a text is by this key.
    pub(super) fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref());
        key.verify(text, signature).is_ok()
    }

    /// The public key as JSON Web Keys write it.
    #[must_use]
    pub fn to_jwk(&self) -> Value {
        // An uncompressed point: one byte of form, then both coordinates.
        let point = self.pair.public_key().as_ref();
        let (x, y) = point
            .get(1..)
            .unwrap_or_default()
            .split_at(point.len().saturating_sub(1) / 2);
        value!({
            "use": "sig",
            "kty": "EC",
            "kid": (self.id.as_str()),
            "crv": "P-256",
            "alg": "ES256",
            "x": (URL_SAFE_NO_PAD.encode(x)),
            "y": (URL_SAFE_NO_PAD.encode(y))
        })
    }
}
