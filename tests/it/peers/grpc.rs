//! gRPC through the gateway: grpcio on both sides, HTTP/2 without TLS.

use super::{Found, Peer, python};
use crate::support::{Setup, Upstream};

fn server() -> Peer {
    Peer::python("grpc_server.py", &[])
}

fn upstream(url: &str) -> String {
    format!("{{ urls: [\"{url}\"], protocol: h2c }}")
}

fn setup() -> Setup {
    Setup::new().listen_with("protocols: [http1, h2c]")
}

#[test]
fn every_kind_of_call_passes_the_gateway() {
    let server = server();
    let gateway = setup()
        .upstream_as("server", &upstream(&server.url()))
        .route("{ path: /**, upstream: server, auth: public, timeout: 60s }")
        .workers(2)
        .start();
    Found::by(python("grpc_client.py").arg(gateway.address().to_string())).held(29);
}

#[test]
fn a_refusal_is_a_status_of_grpc_and_the_upstream_saw_nothing() {
    let unasked = Upstream::ok();
    let gone = server().end();
    let gateway = setup()
        .upstream_as("unasked", &upstream(&unasked.url()))
        .upstream_as("gone", &upstream(&format!("http://{gone}")))
        .route("{ path: /closed/**, upstream: unasked, auth: public, networks: { deny: [127.0.0.0/8] } }")
        .route("{ path: /gone/**, upstream: gone, auth: public }")
        .start();
    let mut client = python("grpc_client.py");
    client.arg(gateway.address().to_string()).arg("--refused");
    client.args([
        "/none/Method=UNIMPLEMENTED",
        "/closed/Method=PERMISSION_DENIED",
        "/gone/Method=UNAVAILABLE",
    ]);
    Found::by(&mut client).held(3);
    unasked.saw_nothing();
}
