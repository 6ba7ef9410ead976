//! The target of a request: the one reading of it, and the readings that others could make.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::request::fuzz::path(data));
