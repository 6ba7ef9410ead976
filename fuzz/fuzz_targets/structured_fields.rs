//! The fields of signatures: structured fields of RFC 9421, and those of the other schemes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::authn::signature::fuzz::structured_fields(data));
