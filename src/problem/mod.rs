//! The body of a refusal (RFC 9457) and the stable codes in it.

mod body;
mod codes;
mod grpc;

pub use body::{Form, Problem};
pub use codes::Code;
pub use grpc::GrpcStatus;
