//! For fuzzing: any bytes where a stranger may put a credential. Nothing comes out but a failed assertion.

/// What stands behind `Basic `.
pub fn basic(data: &[u8]) {
    super::methods::basic::fuzz(data);
}
