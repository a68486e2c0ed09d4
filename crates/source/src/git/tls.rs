//! Certificates.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::Credentials;
use crate::error::{Failure, FetchErrorKind};

/// TLS as the credentials ask for it: the system's authorities, those of the
/// Secret beside them, and the Secret's client certificate.
pub(crate) fn configuration(credentials: &Credentials) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("the TLS settings", error))?
        .with_root_certificates(roots(credentials)?);
    match &credentials.client_certificate {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => {
            let chain = certificates(chain, "tls.crt")?;
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|error| invalid("the Secret's key 'tls.key'", error))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| invalid("the Secret's client certificate", error))
        }
    }
}

/// TLS with whatever certificate the server shows.
pub(crate) fn unverified() -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = AnyCertificate(Arc::clone(&provider));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("the TLS settings", error))?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Takes every certificate, but only from who has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.0.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

fn roots(credentials: &Credentials) -> Result<RootCertStore, Failure> {
    let mut roots = system_roots().clone();
    if let Some(pem) = &credentials.ca_certificates {
        for certificate in certificates(pem, "ca.crt")? {
            roots
                .add(certificate)
                .map_err(|error| invalid("the Secret's key 'ca.crt'", error))?;
        }
    }
    Ok(roots)
}

/// Read once: the store of a busy system takes milliseconds.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        roots
    })
}

fn certificates(pem: &[u8], key: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let place = format!("the Secret's key '{key}'");
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid(&place, error))?;
    if certificates.is_empty() {
        return Err(invalid(&place, "it holds no PEM certificate"));
    }
    Ok(certificates)
}

fn invalid(what: &str, cause: impl std::fmt::Display) -> Failure {
    let field = "spec.secretRef";
    Failure::new(
        FetchErrorKind::Invalid { field },
        format!("{what} cannot be used: {cause}"),
    )
}
