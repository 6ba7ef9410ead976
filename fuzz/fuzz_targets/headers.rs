//! The fields of a head: framing, host, and what cleaning leaves.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::request::fuzz::headers(data));
