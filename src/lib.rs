//! Portcullis: the gate in front of your APIs.
//!
//! The modules stand in import order: each may use those below it and none above. From `pipeline` down to `request`
//! the list is the path of a request, read backwards: each stage takes what the stage before it made.

// Commands and their output.
pub mod cli;
// The composition root: the only place that knows every part.
pub mod app;
// Sockets, connections, and each request's door to the pipeline.
pub mod listen;
// Answers the gateway gives itself.
pub mod endpoints;
// The order of the stages.
pub mod pipeline;
// From a permit to an upstream's answer.
pub mod forward;
// May they have it.
pub mod authz;
// Who is asking.
pub mod authn;
// May this address knock now.
pub mod admission;
// What is being asked for.
pub mod route;
// What arrived, read once.
pub mod request;
// The servers behind the gateway and the connections to them.
pub mod upstream;
// Users, keys and revocations, without HTTP.
pub mod identity;
// The calls the gateway makes itself.
pub mod outbound;
// Connections to what outlives the process.
pub mod storage;
// What the gateway tells about itself.
pub mod telemetry;
// The body of a refusal.
pub mod problem;
// From the text of a file to a finished configuration.
pub mod config;
// Time, randomness, tasks, secrets, addresses, ids.
pub mod base;
