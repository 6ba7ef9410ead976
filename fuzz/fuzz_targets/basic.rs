//! What stands behind `Basic ` in `Authorization`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::authn::fuzz::basic(data));
