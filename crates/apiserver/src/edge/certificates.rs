//! The certificates of the TLS listener, made once and kept in a folder.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

const AUTHORITY_FILE: &str = "ca.crt";
const AUTHORITY_KEY_FILE: &str = "ca.key";
const SERVER_FILE: &str = "server.crt";
const SERVER_KEY_FILE: &str = "server.key";
const DAYS_BEFORE_NOW: i64 = 1;
/// How long certificates are valid.
const VALID_DAYS: i64 = 10 * 365;

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file could not be read or written.
    #[error("certificates: cannot {operation} {path}: {cause}", path = path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: std::io::Error,
    },
    /// Making a certificate failed.
    #[error("certificates: cannot make one: {0}")]
    Make(#[from] rcgen::Error),
    /// A kept certificate or key can't be read.
    #[error("certificates: {path} is not readable PEM; remove the folder to have new ones made", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library refuses them.
    #[error("certificates: {0}")]
    Tls(#[from] rustls::Error),
}

/// A certificate authority of our own and a server certificate by it.
#[derive(Debug)]
pub struct Certificates {
    authority_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Certificates {
    /// Makes fresh ones for `127.0.0.1`, `::1`, `localhost` and further names
    /// or addresses.
    pub fn make(further_names: &[String]) -> Result<Self, CertificateError> {
        let authority_key = KeyPair::generate()?;
        let params = authority_params();
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::from_params(&params, &authority_key);
        let key = KeyPair::generate()?;
        let server = server_params(further_names)?.signed_by(&key, &issuer)?;
        Ok(Self {
            authority_pem: authority.pem(),
            chain: vec![server.der().clone(), authority.der().clone()],
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        })
    }

    /// Reads those kept in `folder`, or makes fresh ones and keeps them there.
    /// Keys are readable by their owner only.
    pub fn kept_in(folder: &Path, further_names: &[String]) -> Result<Self, CertificateError> {
        if folder.join(SERVER_KEY_FILE).exists() {
            return Self::read(folder);
        }
        create_private_folder(folder)?;
        let authority_key = KeyPair::generate()?;
        let params = authority_params();
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::from_params(&params, &authority_key);
        let key = KeyPair::generate()?;
        let server = server_params(further_names)?.signed_by(&key, &issuer)?;
        write_private(
            &folder.join(AUTHORITY_KEY_FILE),
            authority_key.serialize_pem().as_bytes(),
        )?;
        write_private(&folder.join(AUTHORITY_FILE), authority.pem().as_bytes())?;
        write_private(&folder.join(SERVER_FILE), server.pem().as_bytes())?;
        // The key comes last: it says that all the others are there.
        write_private(
            &folder.join(SERVER_KEY_FILE),
            key.serialize_pem().as_bytes(),
        )?;
        Self::read(folder)
    }

    fn read(folder: &Path) -> Result<Self, CertificateError> {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(|cause| CertificateError::File {
                operation: "read",
                path,
                cause,
            })
        };
        let damaged = |name: &str| CertificateError::Damaged {
            path: folder.join(name),
        };
        let authority_pem = text(AUTHORITY_FILE)?;
        let certificate = |name: &str, pem: &str| {
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| damaged(name))
        };
        let chain = vec![
            certificate(SERVER_FILE, &text(SERVER_FILE)?)?,
            certificate(AUTHORITY_FILE, &authority_pem)?,
        ];
        let key = PrivateKeyDer::from_pem_slice(text(SERVER_KEY_FILE)?.as_bytes())
            .map_err(|_| damaged(SERVER_KEY_FILE))?;
        Ok(Self {
            authority_pem,
            chain,
            key,
        })
    }

    /// The certificate authority in PEM, for clients.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// What the TLS listener is configured with: HTTP/2 and HTTP/1.1.
    pub fn server_config(&self) -> Result<rustls::ServerConfig, CertificateError> {
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn authority_params() -> CertificateParams {
    let mut params = base_params("trueup-apiserver-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
}

fn server_params(further_names: &[String]) -> Result<CertificateParams, CertificateError> {
    let mut params = base_params("trueup-apiserver");
    let fixed = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "127.0.0.1",
        "::1",
    ];
    for name in fixed
        .into_iter()
        .chain(further_names.iter().map(String::as_str))
    {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.try_into()?),
        });
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

fn base_params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    let day = std::time::Duration::from_secs(86400);
    let now = std::time::SystemTime::now();
    params.not_before = (now - day * u32::try_from(DAYS_BEFORE_NOW).unwrap_or(1)).into();
    params.not_after = (now + day * u32::try_from(VALID_DAYS).unwrap_or(3650)).into();
    params
}

/// Makes a folder that only its owner may enter.
pub(super) fn create_private_folder(folder: &Path) -> Result<(), CertificateError> {
    let failed = |cause| CertificateError::File {
        operation: "make",
        path: folder.to_owned(),
        cause,
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)
}

/// Writes a file that only its owner may read, whole or not at all.
pub(super) fn write_private(path: &Path, contents: &[u8]) -> Result<(), CertificateError> {
    write_atomically(path, contents).map_err(|cause| CertificateError::File {
        operation: "write",
        path: path.to_owned(),
        cause,
    })
}

/// Writes beside the file, then renames: readers see the old or the new.
pub(super) fn write_atomically(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(contents)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    if renamed.is_err() {
        // The rename's error is the one to tell; what is left behind is small.
        drop(fs::remove_file(&beside));
    }
    renamed
}
