//! The keys of an issuer, as a set or in PEM.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::authn::jose::fuzz::jwks(data));
