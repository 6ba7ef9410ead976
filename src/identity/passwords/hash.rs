//! A password hash: text from a file or a store comes in, and is judged once, there. What is taken can be verified with
//! bounded memory and time, whoever wrote it. Whose hash it is, is not known here.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::plain::PlainPassword;

/// What new hashes are made with; some 12 ms of one core.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// What a hash made elsewhere may ask for. The defaults of other software are below: 100 MiB twice, 64 MiB four times.
const MEMORY_KIB_MAX: u32 = 128 * 1024;
const LANES_MAX: u32 = 16;
/// Memory times passes is the time: this is about a fifth of a second.
const WORK_KIB_MAX: u64 = 512 * 1024;
/// bcrypt doubles its time with each step; this is about a second.
const COST_MAX: u32 = 14;

/// Below these a hash is too quick to try. 7 MiB five times is the least that is advised anywhere.
const WORK_KIB_LEAST: u64 = 7168 * 5;
const COST_LEAST: u32 = 10;

/// What bcrypt looks at of a password.
const BCRYPT_SEES: usize = 72;
/// The tables of the cipher inside it.
const BCRYPT_MEMORY: usize = 8 * 1024;

/// A password hash that is safe to verify against.
pub struct PasswordHash {
    text: Box<str>,
    form: Form,
}

enum Form {
    Argon2 {
        algorithm: Algorithm,
        params: Params,
        salt: Box<[u8]>,
        output: Box<[u8]>,
    },
    /// Only for what other software made. The library reads the text each time.
    Bcrypt { cost: u32 },
}

/// Why a text is no hash that will be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashFault {
    #[error("it is none of argon2id, argon2i and bcrypt (`$2a$`, `$2b$`, `$2y$`)")]
    Unknown,
    #[error("it is damaged or written in an unusual way")]
    Malformed,
    #[error("verifying it is more work than is allowed: 128 MiB, 512 MiB times passes, 16 lanes, bcrypt's cost 14")]
    Excessive,
}

/// The machine has no memory for this now; nothing is known about the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no memory to hash a password in")]
pub struct OutOfMemory;

impl PasswordHash {
    /// Reads what `portcullis hash-password` and other software write. There is one spelling of every hash.
    pub fn parse(text: &str) -> Result<Self, HashFault> {
        let form = match text.split('$').nth(1) {
            Some("argon2id") => argon2_form(text, Algorithm::Argon2id),
            Some("argon2i") => argon2_form(text, Algorithm::Argon2i),
            // `$2x$` marks hashes of a faulty implementation, which nobody can verify by the rules.
            Some("2a" | "2b" | "2y") => bcrypt_form(text),
            _ => Err(HashFault::Unknown),
        }?;
        Ok(Self {
            text: text.into(),
            form,
        })
    }

    /// The hash of a new password; `salt` is fresh.
    pub fn of(password: &PlainPassword, salt: [u8; SALT_BYTES]) -> Result<Self, OutOfMemory> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES)).map_err(|_| OutOfMemory)?;
        let output = argon2_output(Algorithm::Argon2id, &params, &salt, password)?;
        let text = spelled(Algorithm::Argon2id, &params, &salt, &output)
            .expect("16 bytes of salt and 32 of output are within the limits of the format");
        Ok(Self {
            text: text.into(),
            form: Form::Argon2 {
                algorithm: Algorithm::Argon2id,
                params,
                salt: Box::new(salt),
                output: output.as_slice().into(),
            },
        })
    }

    /// Whether `password` is the one behind this hash. Holds its thread for as long as the hash asks for.
    pub fn verify(&self, password: &PlainPassword) -> Result<bool, OutOfMemory> {
        match &self.form {
            Form::Argon2 {
                algorithm,
                params,
                salt,
                output,
            } => {
                let own = argon2_output(*algorithm, params, salt, password)?;
                Ok(own.as_slice().ct_eq(output).into())
            }
            Form::Bcrypt { .. } => {
                let all = password.expose();
                let seen = all.get(..BCRYPT_SEES).unwrap_or(all);
                let matches = bcrypt::verify(seen, &self.text).unwrap_or(false);
                // What stands behind the part that it sees could be anything, and it takes a NUL for the end: `a` and
                // `a NUL a` have one hash.
                Ok(matches && all.len() <= BCRYPT_SEES && !all.contains(&0))
            }
        }
    }

    /// Bytes that are held while it is verified.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Argon2 { params, .. } => params.block_count().saturating_mul(argon2::Block::SIZE),
            Form::Bcrypt { .. } => BCRYPT_MEMORY,
        }
    }

    /// Whether whoever steals it can try passwords faster than is good.
    pub fn is_weak(&self) -> bool {
        match &self.form {
            Form::Argon2 { params, .. } => work(params) < WORK_KIB_LEAST,
            Form::Bcrypt { cost, .. } => *cost < COST_LEAST,
        }
    }

    /// As it stands in a file: `$argon2id$v=19$…`.
    pub fn as_text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

fn argon2_form(text: &str, algorithm: Algorithm) -> Result<Form, HashFault> {
    let read = phc::PasswordHash::new(text).map_err(|_| HashFault::Malformed)?;
    let params = Params::try_from(&read).map_err(|_| HashFault::Malformed)?;
    let (Some(salt), Some(output)) = (read.salt, read.hash) else {
        return Err(HashFault::Malformed);
    };
    let (salt, output) = (salt.as_ref(), output.as_bytes());
    // Read and written again it is the same: no key, no associated data, no other version, no second way to write a number.
    let is_usual = spelled(algorithm, &params, salt, output).is_some_and(|own| own == text);
    // Fewer bytes could be met by chance, or by who can afford to search for it.
    if !is_usual || output.len() < 16 {
        return Err(HashFault::Malformed);
    }
    if params.m_cost() > MEMORY_KIB_MAX || params.p_cost() > LANES_MAX || work(&params) > WORK_KIB_MAX {
        return Err(HashFault::Excessive);
    }
    Ok(Form::Argon2 {
        algorithm,
        params,
        salt: salt.into(),
        output: output.into(),
    })
}

fn bcrypt_form(text: &str) -> Result<Form, HashFault> {
    let parts: bcrypt::HashParts = text.parse().map_err(|_| HashFault::Malformed)?;
    let cost = parts.get_cost();
    let (_, behind_the_version) = text.split_at_checked(3).ok_or(HashFault::Malformed)?;
    let own = parts.to_string();
    if !own.ends_with(behind_the_version) || cost < 4 {
        return Err(HashFault::Malformed);
    }
    if cost > COST_MAX {
        return Err(HashFault::Excessive);
    }
    Ok(Form::Bcrypt { cost })
}

fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

fn spelled(algorithm: Algorithm, params: &Params, salt: &[u8], output: &[u8]) -> Option<String> {
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    let written = phc::PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(Version::V0x13.into()),
        params: format!("m={m},t={t},p={p}").parse().ok()?,
        salt: Some(phc::Salt::new(salt).ok()?),
        hash: Some(phc::Output::new(output).ok()?),
    };
    Some(written.to_string())
}

fn argon2_output(
    algorithm: Algorithm,
    params: &Params,
    salt: &[u8],
    password: &PlainPassword,
) -> Result<Zeroizing<Vec<u8>>, OutOfMemory> {
    let mut output = Zeroizing::new(vec![0; params.output_len().unwrap_or(OUTPUT_BYTES)]);
    // The parameters were judged when they were read, so that what is left to fail is the memory.
    Argon2::new(algorithm, Version::V0x13, params.clone())
        .hash_password_into(password.expose(), salt, &mut output)
        .map_err(|_| OutOfMemory)?;
    Ok(output)
}

#[cfg(test)]
mod tests;
