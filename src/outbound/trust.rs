//! Whose certificates are believed: the machine's authorities, or those of the web where an image has none, and beside
//! them those that the configuration adds.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

/// A company's own authority is added and replaces nothing: the identity provider may be inside and its neighbour, whose
/// metadata names another host, outside.
pub(super) fn client_config(added: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let machine = rustls_native_certs::load_native_certs();
    let roots = roots(machine.certs, added)?;
    // The provider is named here: what the process has as its default depends on which libraries it holds.
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn roots(
    machine: Vec<CertificateDer<'static>>,
    added: &[CertificateDer<'static>],
) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // One odd certificate among the machine's is no reason to go without the others.
    roots.add_parsable_certificates(machine);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in added {
        roots.add(certificate.clone())?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::scripted::Identity;

    #[test]
    fn an_added_authority_stands_beside_those_of_the_machine_or_of_the_web() {
        let [machine, added] = ["machine.example", "added.example"].map(|name| Identity::of(name).certificate);
        let odd = CertificateDer::from(b"odd".to_vec());
        let count = |machine: &[&CertificateDer<'static>], added: &[CertificateDer<'static>]| {
            let machine = machine.iter().copied().cloned().collect();
            roots(machine, added).map(|roots| roots.len())
        };
        let web = webpki_roots::TLS_SERVER_ROOTS.len();
        assert_eq!(count(&[], &[]).unwrap(), web);
        assert_eq!(count(&[&odd], std::slice::from_ref(&added)).unwrap(), web + 1);
        assert_eq!(count(&[&machine, &odd], &[]).unwrap(), 1);
        assert_eq!(count(&[&machine], &[added]).unwrap(), 2);
        assert!(count(&[&machine], std::slice::from_ref(&odd)).is_err());
    }
}
