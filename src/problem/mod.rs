//! The body of a refusal (RFC 9457) and the stable codes in it.

mod codes;

pub use codes::Code;
