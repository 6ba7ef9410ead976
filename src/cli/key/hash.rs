//! `portcullis key hash`: a key in, what the file says of it out.

use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use clap::Args;
use zeroize::Zeroizing;

use crate::cli::{FAILED, output};
use crate::identity::keys::KeyHash;

/// No header takes a longer one.
const KEY_MAX: u64 = 8 * 1024;

const DETAILS: &str = "\
The key is read from standard input, never from the command line, where others see
it. One final newline is left out; everything else is the key.

Examples:
  portcullis key hash < old-key.txt
  printf %s \"$OLD_KEY\" | portcullis key hash

What is printed stands in the file:
  auth:
    keys: { api_key: { keys: [{ id: billing, hash: \"sha256:…\", roles: [svc] }] } }";

/// Print the hash of a key that was made elsewhere
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Hash {}

impl Hash {
    pub(super) fn run(self) -> Result<ExitCode, ExitCode> {
        let Self {} = self;
        let read = read().map_err(|error| format!("standard input cannot be read: {error}"));
        let key = read.and_then(|input| key(&input).map(KeyHash::of).map_err(str::to_owned));
        match key {
            Ok(hash) => Ok(output::print(&format!("{}\n", hash.spelled()), ExitCode::SUCCESS)),
            Err(message) => {
                output::complain(&message);
                Err(ExitCode::from(FAILED))
            }
        }
    }
}

fn read() -> io::Result<Zeroizing<Vec<u8>>> {
    let stdin = io::stdin();
    // Never grown: what a larger buffer replaced would stay in memory.
    let mut input = Zeroizing::new(Vec::with_capacity(usize::try_from(KEY_MAX + 3).unwrap_or_default()));
    if !stdin.is_terminal() {
        stdin.lock().take(KEY_MAX + 3).read_to_end(&mut input)?;
        return Ok(input);
    }
    // Nobody to tell when this fails.
    let _ = write!(io::stderr(), "The key, then Enter (it can be seen): ");
    for byte in stdin.lock().take(KEY_MAX + 3).bytes() {
        let byte = byte?;
        input.push(byte);
        if byte == b'\n' {
            break;
        }
    }
    Ok(input)
}

/// The key without the newline behind it.
fn key(input: &[u8]) -> Result<&[u8], &'static str> {
    let key = input.strip_suffix(b"\n").unwrap_or(input);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    if key.is_empty() {
        return Err("no key came in; write `portcullis key hash < FILE`");
    }
    if key.len() as u64 > KEY_MAX {
        return Err("this is longer than any key that a request could hold");
    }
    if !key.iter().all(|byte| (b' '..=b'~').contains(byte)) || key.trim_ascii() != key {
        return Err("a key is one line of printable ASCII without spaces around it; no header could hold this");
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "AK-03"]
    fn a_key_is_everything_but_one_newline() {
        for input in ["secret", "secret\n", "secret\r\n"] {
            assert_eq!(key(input.as_bytes()), Ok(b"secret".as_slice()), "{input:?}");
        }
        assert_eq!(key(b"two words"), Ok(b"two words".as_slice()));
        for input in [
            "",
            "\n",
            "\r\n",
            "secret\n\n",
            " secret",
            "secret ",
            "a\nb",
            "é",
            "a\tb",
        ] {
            assert!(key(input.as_bytes()).is_err(), "{input:?}");
        }
        assert!(key(&vec![b'a'; 8 * 1024]).is_ok());
        assert!(key(&vec![b'a'; 8 * 1024 + 1]).is_err());
    }
}
