//! Reading the configuration again.

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::input::Input;
use super::{Api, Done, NotReloaded, Undone};
use crate::config::Fault;
use crate::problem::{Code, Problem};

/// Put what the file says in force, all of it or nothing.
pub(super) async fn reload(api: &Api, body: &[u8]) -> Result<Done, Undone> {
    if !body.is_empty() {
        // There is nothing to say.
        Input::read(body)?.finish()?;
    }
    match (api.reload)().await {
        Ok(generation) => {
            let told = json!({ "generation": generation });
            Ok(Done::with(StatusCode::OK, told).about(format!("generation {generation}")))
        }
        Err(NotReloaded::Faults(faults)) => {
            let detail = "The configuration has faults and stays as it was.";
            let errors = faults.iter().map(as_json).collect();
            let problem = Problem::new(Code::InputInvalid).with_detail(detail).with_errors(errors);
            Err(problem.into())
        }
        Err(NotReloaded::Conflict(why)) => {
            let detail = format!("The configuration stays as it was: {why}.");
            Err(Problem::new(Code::InputConflict).with_detail(detail).into())
        }
        Err(NotReloaded::Unavailable) => {
            let detail = "The gateway is starting or stopping.";
            Err(Problem::new(Code::ServerOverloaded).with_detail(detail).into())
        }
    }
}

fn as_json(fault: &Fault) -> Json {
    json!({
        "file": &*fault.file,
        "line": fault.line,
        "column": fault.col,
        "code": fault.code.as_str(),
        "message": fault.message,
    })
}
