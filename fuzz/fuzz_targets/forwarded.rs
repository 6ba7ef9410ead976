//! What a trusted proxy says about the client.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::request::fuzz::forwarded(data));
