//! A token: its shape, its header, its claims once the signature fits.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::authn::jose::fuzz::jwt(data));
