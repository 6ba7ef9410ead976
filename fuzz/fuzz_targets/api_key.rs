//! What somebody presents as an API key, and what a file says is the hash of one.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::identity::keys::fuzz(data));
