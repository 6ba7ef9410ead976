"""Answers of upstreams, and how the gateway starts, reloads and stops."""

from mutant import mutant

MUTANTS = [
    # Answers of upstreams.
    mutant(
        "answers: both framing fields are taken",
        "src/request/framing.rs",
        "(Some(_), Some(_)) => Err(FramingFault::Both),",
        "(Some(_), Some(_)) => Ok(Framing::default()),",
        "answers::answers_with_ambiguous_lengths_are_502",
    ),
    mutant(
        "answers: any number of interim answers",
        "src/upstream/interim.rs",
        "const MAX_INTERIM: u8 = 8;",
        "const MAX_INTERIM: u8 = 200;",
        "answers::eight_interim_answers_are_taken_and_a_ninth_is_502",
        "answers::interim_answers_one_by_one_count_too",
    ),
    mutant(
        "answers: heads of any size",
        "src/upstream/io.rs",
        "const MAX_HEAD: usize = 64 * 1024;",
        "const MAX_HEAD: usize = 640 * 1024;",
        "answers::an_answers_head_may_have_64_kib_and_no_more",
    ),
    mutant(
        "answers: a 101 nobody asked for",
        "src/forward/mod.rs",
        "if response.status() == StatusCode::SWITCHING_PROTOCOLS {",
        "if response.status() == StatusCode::CONTINUE {",
        "answers::a_101_nobody_asked_for_is_502",
    ),
    mutant(
        "answers: an authenticated connection is reused",
        "src/forward/mod.rs",
        ".any(authenticates_connection)",
        ".any(|_| false)",
        "answers::a_connection_is_not_reused_when_its_answer_says_so_or_binds_it_to_a_client",
    ),
    mutant(
        "answers: trailers are not cleaned",
        "src/forward/body.rs",
        "headers::clean_answer_trailers(trailers);",
        "",
        "headers::an_upstream_cannot_speak_for_the_gateway",
    ),
    mutant(
        "activation: clients are turned away from a socket that is somebody else's",
        "src/listen/sockets.rs",
        "Self::Lent(Lent::Tcp(socket)) => (Owner::Lender, Accepting::tcp(socket)?),",
        "Self::Lent(Lent::Tcp(socket)) => (Owner::Worker, Accepting::tcp(socket)?),",
        "activation::a_restart_refuses_nobody_and_leaves_the_sockets_as_they_were",
    ),
    mutant(
        "activation: sockets that are meant for another process are taken",
        "src/listen/inherited.rs",
        "if meant.is_none_or(|pid| pid.to_str() != Some(&std::process::id().to_string())) {",
        "if meant.is_none() {",
        "activation::variables_that_are_meant_for_another_process_mean_nothing",
    ),
    # Retries.
    mutant(
        "retry: of a POST",
        "src/forward/mod.rs",
        "let harmless = matches!(self.asked.method, Method::GET | Method::HEAD | Method::OPTIONS);",
        "let harmless = !matches!(self.asked.method, Method::PUT);",
        "upstreams::a_request_that_may_have_been_done_is_never_sent_twice",
    ),
    # Reload, drain, admin.
    mutant(
        "reload: what cannot change is ignored",
        "src/app/reload.rs",
        'return Err(ReloadError::NotReloadable("admin.addr"));',
        'tracing::debug!("ignored");',
        "reload::a_file_that_changes_what_cannot_change_is_refused_by_name",
    ),
    mutant(
        "drain: nobody is asked to go elsewhere",
        "src/listen/service.rs",
        "if self.carrier.says_close() && (must_close || self.listener.stage() != Stage::Serving) {",
        "if must_close {",
        "shutdown::readiness_falls_at_once_and_requests_are_served_until_the_delay_is_over",
    ),
    mutant(
        "drain: still ready",
        "src/app/gateway.rs",
        "self.shared.health.set_draining();",
        "",
        "shutdown::readiness_falls_at_once_and_requests_are_served_until_the_delay_is_over",
    ),
]
