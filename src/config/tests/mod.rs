//! Whole files in, configurations or reports out: what a writer of a configuration sees.

mod machine;
mod outbound;
mod refused;
mod routes;
mod signing;
mod taken;

use super::{Code, Faults, Given, Loaded};

/// A file with the smallest head a route needs.
fn with_routes(routes: &str) -> String {
    format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:8080\" }}]\nupstreams:\n  a: {{ builtin: echo }}\nroutes:\n{routes}"
    )
}

fn parse(text: &str) -> Result<Loaded, Faults> {
    super::parse(
        text,
        "gateway.yaml",
        super::Kinds::default(),
        &Given::nothing().with_variable("SET", "set"),
    )
}

fn loaded(text: &str) -> Loaded {
    parse(text).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

/// Line, column and code of every fault.
fn faults(text: &str) -> Vec<(u32, u32, Code)> {
    match parse(text) {
        Ok(_) => panic!("taken:\n{text}"),
        Err(faults) => faults.iter().map(|fault| (fault.line, fault.col, fault.code)).collect(),
    }
}

fn codes(text: &str) -> Vec<Code> {
    faults(text).into_iter().map(|(.., code)| code).collect()
}

fn warnings(text: &str) -> Vec<(u32, u32, Code)> {
    loaded(text)
        .warnings
        .iter()
        .map(|warning| (warning.line, warning.col, warning.code))
        .collect()
}
