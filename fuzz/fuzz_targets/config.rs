//! The configuration file, from its bytes to the finished configuration.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::config::fuzz(data, portcullis::authn::KINDS));
