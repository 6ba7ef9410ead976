//! Portcullis: the gate in front of your APIs.
//!
//! The modules stand in import order: each may use those below it and none above. From `pipeline` down to `request`
//! the list is the path of a request, read backwards: each stage takes what the stage before it made.

// Commands and their output.
pub mod cli;
pub mod app;
pub mod listen;
pub mod endpoints;
pub mod pipeline;
pub mod forward;
pub mod authz;
pub mod authn;
pub mod admission;
pub mod route;
pub mod request;
pub mod upstream;
pub mod telemetry;
pub mod problem;
pub mod config;
pub mod base;
// The composition root: the only place that knows every part.
// Sockets, connections, and each request's door to the pipeline.
// Answers the gateway gives itself.
// The order of the stages.
// From a permit to an upstream's answer.
// May they have it.
// Who is asking.
// May this address knock now.
// What is being asked for.
// What arrived, read once.
// The servers behind the gateway and the connections to them.
// What the gateway tells about itself.
// The body of a refusal.
// From the text of a file to a finished configuration.
// Time, randomness, tasks, secrets, addresses, ids.
