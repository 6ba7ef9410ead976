//! What every test here is made of: the gateway under test, a raw upstream that writes down each byte it is given, a raw
//! client, and the one clock all of them live by.
//!
//! Nothing here sleeps. Whoever waits, waits for a byte, a close or a line, and gives up loudly after [`LIMIT`].

pub mod client;
pub mod clock;
pub mod frames;
pub mod gate;
pub mod gateway;
pub mod h2;
pub mod machine;
pub mod process;
pub mod raw;
pub mod request;
pub mod token;
pub mod upstream;
pub mod wire;

mod proof;

use std::time::Duration;

pub use client::Client;
pub use clock::TestClock;
pub use gate::Gate;
pub use gateway::{Gateway, Setup};
pub use process::Process;
pub use request::{Request, get, post};
pub use upstream::{End, Upstream};
pub use wire::Response;

/// How long anything may take before the test is called failed. Only a broken test ever waits this long.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A `Host` that every test's catch-all route answers for.
pub const HOST: &str = "example.test";

pub fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\r\\n", "\\r\\n\n")
}
