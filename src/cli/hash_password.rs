//! `portcullis hash-password`: one password in, the text that stands for it in a configuration out.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;

use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{FAILED, output};
use crate::base::random::Random;
use crate::identity::passwords::{PasswordHash, PlainPassword};

/// More than a password can have, so that one that is too long is told and not cut.
const LINE_MAX: usize = 2048;
/// Below this a password should not stand alone.
const ADVISED: usize = 15;

const DETAILS: &str = "\
At a terminal the password is asked for twice and not shown; elsewhere the first line of standard
input is it. Its hash (argon2id, with a fresh salt) is printed; the password is kept nowhere.

Examples:
  portcullis hash-password
  portcullis hash-password < password.txt
  openssl rand -base64 24 | tee password.txt | portcullis hash-password

In the configuration, between quotes:
  auth:
    ops: { basic: { users: [{ name: ops, hash: \"$argon2id$v=19$...\", roles: [ops] }] } }";

/// Turn a password into the hash that a configuration holds
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct HashPassword {}

impl HashPassword {
    pub(super) fn run(self) -> ExitCode {
        let stdin = io::stdin();
        let line = match stdin.is_terminal() {
            true => asked(&mut stdin.lock()),
            false => first_line(&mut stdin.lock()).map_err(|error| format!("the password cannot be read: {error}")),
        };
        match line.and_then(|line| hash(&line, &mut Random::system())) {
            Ok((hash, short)) => {
                if short {
                    output::complain(&format!(
                        "this password has fewer than {ADVISED} characters: it can be guessed by whoever reads the hash"
                    ));
                }
                output::print(&format!("{}\n", hash.as_text()), ExitCode::SUCCESS)
            }
            Err(message) => {
                output::complain(&message);
                ExitCode::from(FAILED)
            }
        }
    }
}

/// The hash, and whether the password is shorter than it should be.
fn hash(line: &str, random: &mut Random) -> Result<(PasswordHash, bool), String> {
    if line.is_empty() {
        return Err("the password is empty".to_owned());
    }
    if line.chars().any(char::is_control) {
        return Err("the password holds a control character, which no client could send; choose another".to_owned());
    }
    let password = PlainPassword::new(line).map_err(|error| error.to_string())?;
    let hash = PasswordHash::of(&password, random.bytes()).map_err(|error| error.to_string())?;
    Ok((hash, password.code_points() < ADVISED))
}

/// At a terminal, twice: what cannot be seen is easily mistyped.
fn asked(terminal: &mut impl BufRead) -> Result<Zeroizing<String>, String> {
    let failed = |error: io::Error| format!("the password cannot be read: {error}");
    let unseen = Unseen::begin().map_err(failed)?;
    let mut ask = |prompt: &str| {
        let mut stderr = io::stderr();
        write!(stderr, "{prompt}")
            .and_then(|()| stderr.flush())
            .map_err(failed)?;
        let line = first_line(terminal).map_err(failed)?;
        // The line break that was typed does not show either.
        writeln!(stderr).map_err(failed)?;
        Ok::<_, String>(line)
    };
    let (first, second) = (ask("Password: ")?, ask("The same again: ")?);
    drop(unseen);
    match *first == *second {
        true => Ok(first),
        false => Err("the two are not the same; nothing was hashed".to_owned()),
    }
}

/// One line without its end.
fn first_line(input: &mut impl BufRead) -> io::Result<Zeroizing<String>> {
    // Its room is taken at once: a buffer that grows leaves pieces of the password behind.
    let mut line = Zeroizing::new(String::with_capacity(LINE_MAX));
    input.take(LINE_MAX as u64).read_line(&mut line)?;
    let kept = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(kept);
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0) {
            output::complain(&format!(
                "the terminal stays silent ({error}); `stty echo` brings it back"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(line: &str) -> Result<(PasswordHash, bool), String> {
        hash(line, &mut Random::system())
    }

    #[test]
    fn the_first_line_is_the_password() {
        let line = |input: &str| first_line(&mut input.as_bytes()).unwrap().to_string();
        assert_eq!(line("correct horse\n"), "correct horse");
        assert_eq!(line("correct horse\r\nand more\n"), "correct horse");
        assert_eq!(line(" no end "), " no end ");
        assert_eq!(line(""), "");
        assert_eq!(line(&"x".repeat(5000)).len(), LINE_MAX);
        assert!(first_line(&mut &b"\xff\n"[..]).is_err());
    }

    #[test]
    #[doc = "ID-01"]
    fn the_hash_is_one_that_a_configuration_takes_and_new_each_time() {
        let (first, short) = hashed("correct horse battery").unwrap();
        let (second, _) = hashed("correct horse battery").unwrap();
        assert!(!short);
        assert_ne!(first.as_text(), second.as_text());
        let read = PasswordHash::parse(first.as_text()).unwrap();
        assert!(
            read.verify(&PlainPassword::new("correct horse battery").unwrap())
                .unwrap()
        );
    }

    #[test]
    fn a_password_that_nobody_could_send_is_refused() {
        assert!(hashed("").is_err());
        assert!(hashed("tab\tinside").is_err());
        assert!(hashed(&"x".repeat(257)).is_err());
        assert!(hashed("short").unwrap().1);
    }
}
