//! `portcullis token`: what a token says, and ending one before its time.

mod inspect;
mod revoke;

use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::output;
use crate::authn::jose::token::TOKEN_MAX;

const DETAILS: &str = "\
A token is read from standard input where none is given: arguments are seen by others
and kept by shells.

Examples:
  portcullis token inspect < token.txt
  portcullis token inspect -c gateway.yaml < token.txt
  portcullis token revoke -c gateway.yaml < token.txt
  portcullis token revoke -c gateway.yaml --id 7f3c --expires 12h";

/// Look into tokens, and revoke them
#[derive(Debug, Args)]
#[command(after_help = DETAILS, arg_required_else_help = true)]
pub(super) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(inspect::Inspect),
    Revoke(revoke::Revoke),
}

impl Token {
    pub(super) fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Inspect(inspect) => inspect.run(),
            Command::Revoke(revoke) => revoke.run(),
        };
        outcome.unwrap_or_else(|(code, message)| {
            output::complain(&message);
            ExitCode::from(code)
        })
    }
}

/// The token on standard input, as `Authorization` has it or alone.
fn from_stdin() -> Result<Zeroizing<String>, String> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        // Nobody to tell when this fails.
        let _ = write!(io::stderr(), "The token, then Ctrl-D (it can be seen): ");
    }
    let most = TOKEN_MAX + 64;
    // Never grown: what a larger buffer replaced would stay in memory.
    let mut input = Zeroizing::new(String::with_capacity(most + 1));
    let read = stdin.lock().take(most as u64).read_to_string(&mut input);
    read.map_err(|error| format!("standard input cannot be read: {error}"))?;
    let text = bare(&input);
    match text.is_empty() {
        true => Err("no token came in; write `portcullis token … < FILE`".to_owned()),
        false => Ok(Zeroizing::new(text.to_owned())),
    }
}

/// Without what stands around it where it is copied from.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("Authorization:").unwrap_or(text).trim_start();
    match text.split_at_checked("Bearer ".len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => token.trim_start(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_what_it_is_copied_with() {
        for text in [
            "a.b.c",
            " a.b.c\n",
            "Bearer a.b.c",
            "bearer  a.b.c",
            "Authorization: Bearer a.b.c\r\n",
        ] {
            assert_eq!(bare(text), "a.b.c", "{text:?}");
        }
        assert_eq!(bare(" \n"), "");
    }
}
