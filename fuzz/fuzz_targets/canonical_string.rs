//! What the scheme `v1` signs: two requests have one string only when they are one.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::authn::signature::fuzz::canonical_string(data));
