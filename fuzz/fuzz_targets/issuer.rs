//! What an issuer of tokens answers, and what was kept of it on disk.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::authn::jwks::fuzz(data));
