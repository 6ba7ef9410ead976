//! The last good key set of an issuer, on disk: for a start while the issuer is away. Whoever can write there decides
//! whose tokens are good, so a place that others can write to is not believed. All of this blocks.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::RemoteKeys;
use crate::base::clock::Timestamp;

/// An answer of 1 MiB, every byte of it escaped.
const FILE_MAX: u64 = 8 * 1024 * 1024;
/// Others may write.
const WRITABLE: u32 = 0o022;

/// Where the set of one source is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    folder: Arc<Path>,
    file: PathBuf,
    keys: RemoteKeys,
}

/// What stands in the file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Record {
    issuer: Option<String>,
    jwks_url: Option<String>,
    /// Unix time in milliseconds.
    fetched: u64,
    /// The set as the issuer sent it.
    keys: String,
}

/// Why what is kept is not used, or nothing is kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeptError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("others can write there: take that right away from them (`chmod go-w`), and make it the gateway's own")]
    Exposed,
    #[error("it is larger than 8 MiB")]
    TooLarge,
    #[error("it cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("it belongs to another issuer")]
    OtherSource,
    #[error("the set is not text")]
    NoText,
}

impl Kept {
    pub(super) fn new(folder: &Arc<Path>, keys: &RemoteKeys) -> Self {
        let source = keys.jwks_url.as_ref().or(keys.issuer.as_ref());
        let name = hex(digest(&SHA256, source.map_or(&[], |source| source.as_bytes())).as_ref());
        Self {
            folder: Arc::clone(folder),
            file: folder.join(name + ".json"),
            keys: keys.clone(),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The set and when it was fetched, if one is kept.
    pub(super) fn read(&self) -> Result<Option<(Timestamp, Vec<u8>)>, KeptError> {
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if is_exposed(&fs::metadata(&self.folder)?) || is_exposed(&file.metadata()?) {
            return Err(KeptError::Exposed);
        }
        let mut text = Vec::new();
        file.take(FILE_MAX + 1).read_to_end(&mut text)?;
        if text.len() as u64 > FILE_MAX {
            return Err(KeptError::TooLarge);
        }
        read_record(&text, &self.keys).map(Some)
    }

    /// Replace what is kept, whole or not at all. `nonce` makes the name of the file that is written first.
    pub(super) fn write(&self, fetched: Timestamp, keys: &[u8], nonce: [u8; 8]) -> Result<(), KeptError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        if is_exposed(&fs::metadata(&self.folder)?) {
            return Err(KeptError::Exposed);
        }
        let record = Record {
            issuer: self.keys.issuer.clone(),
            jwks_url: self.keys.jwks_url.clone(),
            fetched: fetched.as_millis(),
            keys: std::str::from_utf8(keys).map_err(|_| KeptError::NoText)?.to_owned(),
        };
        let text = serde_json::to_vec(&record)?;
        let fresh = self.file.with_extension(hex(&nonce));
        let outcome = write_new(&fresh, &text).and_then(|()| fs::rename(&fresh, &self.file));
        if outcome.is_err() {
            // What is left of it; that it cannot be removed either is told by the first error.
            let _gone = fs::remove_file(&fresh);
        }
        Ok(outcome?)
    }
}

fn read_record(text: &[u8], keys: &RemoteKeys) -> Result<(Timestamp, Vec<u8>), KeptError> {
    let record: Record = serde_json::from_slice(text)?;
    if (&record.issuer, &record.jwks_url) != (&keys.issuer, &keys.jwks_url) {
        return Err(KeptError::OtherSource);
    }
    Ok((Timestamp::from_millis(record.fetched), record.keys.into_bytes()))
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    // Else a crash after the renaming could leave an empty file under the good name.
    file.sync_all()
}

/// Whether somebody other than this user and root could have written it.
fn is_exposed(metadata: &Metadata) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let owner = metadata.uid();
    metadata.mode() & WRITABLE != 0 || (owner != own && owner != 0)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _never_fails = write!(text, "{byte:02x}");
            text
        })
}

pub(super) fn fuzz(data: &[u8]) {
    let keys = RemoteKeys {
        issuer: Some("https://login.example.com/realms/main".to_owned()),
        jwks_url: None,
        algorithms: Vec::new(),
    };
    if let Ok((_, set)) = read_record(data, &keys) {
        assert!(set.len() <= data.len());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn source(issuer: &str) -> RemoteKeys {
        RemoteKeys {
            issuer: Some(issuer.to_owned()),
            jwks_url: None,
            algorithms: Vec::new(),
        }
    }

    fn folder() -> (tempfile::TempDir, Arc<Path>) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("deep/keys").into();
        (temporary, folder)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn open_up(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_written_is_read_again_and_is_nobody_elses_to_see() {
        let (_temporary, folder) = folder();
        let kept = Kept::new(&folder, &source("https://a.example"));
        assert!(kept.read().unwrap().is_none());
        let at = Timestamp::from_millis(77);
        kept.write(at, br#"{"keys":["first"]}"#, [0; 8]).unwrap();
        kept.write(at, br#"{"keys":["\u00e9\n"]}"#, [1; 8]).unwrap();
        assert_eq!(kept.read().unwrap(), Some((at, br#"{"keys":["\u00e9\n"]}"#.to_vec())));
        assert_eq!((mode(&folder), mode(kept.file())), (0o700, 0o600));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let name = kept.file().file_name().unwrap().to_str().unwrap();
        assert_eq!(
            name,
            "a5cb87e2a1d58a8ae49ad7be9ed9e6b6.json".replace(
                "a5cb87e2a1d58a8ae49ad7be9ed9e6b6",
                &hex(digest(&SHA256, b"https://a.example").as_ref())
            )
        );
    }

    #[test]
    #[doc = "KEY-02"]
    fn what_others_could_have_written_is_not_believed() {
        let (_temporary, folder) = folder();
        let kept = Kept::new(&folder, &source("https://a.example"));
        kept.write(Timestamp::from_millis(1), b"{}", [0; 8]).unwrap();
        open_up(kept.file(), 0o620);
        assert!(matches!(kept.read(), Err(KeptError::Exposed)));
        open_up(kept.file(), 0o644);
        assert!(kept.read().is_ok());
        open_up(&folder, 0o777);
        assert!(matches!(kept.read(), Err(KeptError::Exposed)));
        assert!(matches!(
            kept.write(Timestamp::from_millis(1), b"{}", [0; 8]),
            Err(KeptError::Exposed)
        ));
    }

    #[test]
    #[doc = "KEY-05"]
    fn a_broken_file_and_that_of_another_issuer_are_not_used() {
        let (_temporary, folder) = folder();
        let (a, b) = (source("https://a.example"), source("https://b.example"));
        let [kept, other] = [&a, &b].map(|keys| Kept::new(&folder, keys));
        assert_ne!(kept.file(), other.file());
        kept.write(Timestamp::from_millis(1), b"{}", [0; 8]).unwrap();
        fs::rename(kept.file(), other.file()).unwrap();
        assert!(matches!(other.read(), Err(KeptError::OtherSource)));
        for broken in [
            "",
            "{",
            "[]",
            r#"{"issuer":"https://a.example","keys":"{}"}"#,
            r#"{"issuer":"https://b.example","jwks_url":null,"fetched":1,"keys":"{}","x":1}"#,
        ] {
            fs::write(other.file(), broken).unwrap();
            assert!(matches!(other.read(), Err(KeptError::Malformed(_))), "{broken}");
        }
    }
}
