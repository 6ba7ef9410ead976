//! Whose certificates are believed: the machine's authorities, or those of the web where an image has none, and beside
//! them those that the configuration adds.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

/// A company's own authority is added and replaces nothing: the identity provider may be inside and its neighbour, whose
/// metadata names another host, outside.
pub(super) fn client_config(added: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let machine = rustls_native_certs::load_native_certs();
    // One odd certificate among the machine's is no reason to go without the others.
    roots.add_parsable_certificates(machine.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in added {
        roots.add(certificate.clone())?;
    }
    // The provider is named here: what the process has as its default depends on which libraries it holds.
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
