//! Digests that others say their archives have.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The digest of an archive as whoever made it tells it: `sha256:…`,
/// `sha384:…` or `sha512:…`, in the lower-case hexadecimal digits of the
/// algorithm. A text without an algorithm is a SHA-256, as Flux takes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Checksum {
    algorithm: Algorithm,
    hex: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

/// Why a text is no digest, in the words of the library that Flux uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    /// There is none.
    #[error("empty digest")]
    Empty,
    /// It is not `<algorithm>:<lower-case hexadecimal digits>`.
    #[error("invalid checksum digest format")]
    Format,
    /// Nobody here computes its algorithm.
    #[error("unsupported digest algorithm")]
    Algorithm,
    /// It is longer or shorter than its algorithm makes it.
    #[error("invalid checksum digest length")]
    Length,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    fn hex_of(self, bytes: &[u8]) -> String {
        match self {
            Self::Sha256 => hex(&Sha256::digest(bytes)),
            Self::Sha384 => hex(&Sha384::digest(bytes)),
            Self::Sha512 => hex(&Sha512::digest(bytes)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Checksum {
    /// Whether these bytes have this digest.
    pub fn verifies(&self, bytes: &[u8]) -> bool {
        self.algorithm.hex_of(bytes) == self.hex
    }

    /// The digest as one plain part of a file name: `sha256-<digits>`.
    pub fn file_name(&self) -> String {
        format!("{}-{}", self.algorithm.name(), self.hex)
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        if text.is_empty() {
            return Err(ChecksumError::Empty);
        }
        let (name, digits) = text.split_once(':').unwrap_or(("sha256", text));
        if name.is_empty() || digits.is_empty() {
            return Err(ChecksumError::Format);
        }
        let known = Algorithm::ALL.into_iter().find(|it| it.name() == name);
        let algorithm = known.ok_or(ChecksumError::Algorithm)?;
        if digits.len() != algorithm.digits() {
            return Err(ChecksumError::Length);
        }
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if !digits.bytes().all(is_digit) {
            return Err(ChecksumError::Format);
        }
        Ok(Checksum {
            algorithm,
            hex: digits.to_owned(),
        })
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm.name(), self.hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the three bytes `abc`, from the standard that defines them.
    const ABC: [&str; 3] = [
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ];

    #[test]
    fn bytes_are_verified_by_each_algorithm() {
        for text in ABC {
            let checksum: Checksum = text.parse().unwrap();
            assert!(checksum.verifies(b"abc"), "{text}");
            assert!(!checksum.verifies(b"abd"), "{text}");
            assert_eq!(checksum.to_string(), text);
        }
        let bare = ABC[0].strip_prefix("sha256:").unwrap();
        let checksum: Checksum = bare.parse().unwrap();
        assert!(checksum.verifies(b"abc"));
        assert_eq!(checksum.file_name(), format!("sha256-{bare}"));
    }

    #[test]
    fn texts_that_are_no_digest_are_refused_by_their_fault() {
        let upper = ABC[0].to_uppercase().replace("SHA256", "sha256");
        let long = format!("{}0", ABC[0]);
        for (text, fault) in [
            ("", ChecksumError::Empty),
            (":", ChecksumError::Format),
            ("sha256:", ChecksumError::Format),
            (&upper, ChecksumError::Format),
            (&long, ChecksumError::Length),
            ("sha256:é", ChecksumError::Length),
            ("deadbeef", ChecksumError::Length),
            (
                "md5:d41d8cd98f00b204e9800998ecf8427e",
                ChecksumError::Algorithm,
            ),
            ("../x:00", ChecksumError::Algorithm),
        ] {
            assert_eq!(text.parse::<Checksum>(), Err(fault), "{text}");
        }
    }
}
