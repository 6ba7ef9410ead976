//! Where a message begins and ends. Two parsers that disagree about that let one client speak with the voice of another,
//! so each hostile spelling is sent with a second request behind it, and the raw bytes of the upstream are compared with
//! what the gateway said it judged.

mod bodies;
mod early;
mod expect;
mod heads;
mod table;
mod versions;
