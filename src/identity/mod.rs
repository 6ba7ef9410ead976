//! Users without HTTP. What comes in are values and what goes out are decisions about them; no request, route or answer
//! is known here.

pub mod passwords;
