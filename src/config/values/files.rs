//! Files and directories: certificates, read while the configuration is, and folders that are only named.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value as Json, json};

use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape, Spell};

/// Thousands of authorities.
const PEM_MAX: u64 = 4 * 1024 * 1024;

/// The certificate authorities of a PEM file: at least one, and each sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificates(pub(crate) Vec<CertificateDer<'static>>);

impl Setting for Certificates {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "the path of a PEM file")?;
        let path = Path::new(&given.text);
        let pem = cx.file(path, node.span, PEM_MAX)?;
        match authorities(&pem) {
            Ok(certificates) => Some(Self(certificates)),
            Err(what) => {
                let message = format!("{} {what}", path.display());
                cx.fault(node.span, Code::FileCertificates, message);
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(json!({ "$ref": "#/definitions/text" }), "path of a PEM file")
    }
}

/// All or nothing: a file of which half is read looks as if all of it counted.
fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut found = Vec::new();
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let number = found.len() + 1;
        let certificate = certificate.map_err(|error| format!("is not a PEM file: {error}"))?;
        store
            .add(certificate.clone())
            .map_err(|error| format!("holds as its certificate number {number} none that can be trusted: {error}"))?;
        found.push(certificate);
    }
    match found.is_empty() {
        true => Err("holds no certificate; write PEM blocks that begin with `BEGIN CERTIFICATE`".to_owned()),
        false => Ok(found),
    }
}

/// A directory of the gateway's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder(pub(crate) Arc<Path>);

impl Folder {
    pub(crate) fn at(path: &str) -> Self {
        Self(Path::new(path).into())
    }
}

impl Setting for Folder {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "the path of a directory")?;
        if given.text.is_empty() || given.text.contains('\0') {
            cx.fault(
                node.span,
                Code::ValueEmpty,
                "this is no path; write one or leave the key out",
            );
            return None;
        }
        Some(Self::at(&given.text))
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(json!({ "$ref": "#/definitions/text" }), "path of a directory")
    }
}

impl Spell for Folder {
    fn spell(&self) -> Json {
        self.0.display().to_string().into()
    }
}
