//! The header of the PROXY protocol at the beginning of a connection.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::listen::proxy_protocol::fuzz(data));
