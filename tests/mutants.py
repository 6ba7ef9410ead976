#!/usr/bin/env python3
"""Breaks the checks of the gateway one by one and expects a test to notice each time.

A proof that cannot fail proves nothing. Each entry below takes one check out of the sources, by an exact replacement in a
scratch copy, builds, and runs the tests that should notice. Green before and red after is what is wanted; a replacement
that no longer fits or no longer compiles is a failure too, so that this list keeps up with the sources.

    make mutants                          all of them (ten minutes)
    python3 tests/mutants.py framing      those whose name contains a word
    python3 tests/mutants.py --list

It changes nothing outside `target/mutants`.
"""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "target" / "mutants"
TREE = SCRATCH / "tree"


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str
    # Any of these must fail.
    tests: tuple[str, ...]


def mutant(name, file, old, new, *tests):
    return Mutant(name, file, old, new, tests)


MUTANTS = [
    # Framing of requests.
    mutant(
        "framing: any transfer coding that hyper takes",
        "src/request/framing.rs",
        'codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked")',
        "coding.is_empty()",
        "framing::heads::transfer_encoding_is_chunked_once_or_the_request_is_refused",
    ),
    mutant(
        "framing: a length of any number of digits",
        "src/request/framing.rs",
        "!(1..=19).contains(&digits.len())",
        "digits.is_empty()",
        "framing::heads::content_length_is_digits_in_one_field_or_the_request_is_refused",
    ),
    mutant(
        "framing: the client's length goes on as written",
        "src/request/headers/names.rs",
        '"content-length" => Class::HopByHop,',
        '"content-length" => Class::Passes,',
        "framing::heads::the_framing_upstream_is_the_gateways_own",
    ),
    mutant(
        "framing: trailers as long as hyper takes them",
        "src/request/body.rs",
        "bytes > TRAILERS_MAX",
        "bytes > 64 * TRAILERS_MAX",
        "framing::bodies::request_trailers_are_dropped_and_malformed_ones_end_the_request",
    ),
    mutant(
        "framing: a broken body ends like a whole one",
        "src/request/body.rs",
        "Some(Err(_)) => return self.refuse(BodyFault::Broken),",
        "Some(Err(_)) => return Poll::Ready(None),",
        "framing::bodies::a_chunked_body_without_an_end_is_never_completed_upstream",
    ),
    mutant(
        "framing: any expectation is met",
        "src/request/framing.rs",
        'if fields.next().is_some() || !first.as_bytes().eq_ignore_ascii_case(b"100-continue") {',
        "if first.is_empty() {",
        "framing::expect::any_other_expectation_is_417",
    ),
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
    # Header fields.
    mutant(
        "headers: what `Connection` names goes on",
        "src/request/headers.rs",
        "                Class::Connection => connection = true,",
        "                Class::Connection => {}",
        "headers::fields_of_one_hop_end_here_in_both_directions",
    ),
    mutant(
        "headers: a client may say who it is",
        "src/request/headers/names.rs",
        '    "auth-",\n',
        "",
        "headers::a_field_of_a_reserved_name_never_comes_from_the_client",
    ),
    mutant(
        "headers: names with an underscore pass",
        "src/request/headers.rs",
        "Class::Passes | Class::Single if underscored => Class::Underscored,",
        "Class::Passes | Class::Single if underscored => Class::Passes,",
        "headers::without_a_list_no_underscore_passes",
    ),
    mutant(
        "headers: a listed name may come twice",
        "src/request/headers.rs",
        "if self.underscored.contains(name) && !(some_repeated && repeated(headers, name)) {",
        "if self.underscored.contains(name) {",
        "headers::a_listed_name_sent_twice_is_dropped",
    ),
    mutant(
        "headers: singletons may come twice",
        "src/request/headers.rs",
        "return Err(HeaderFault::Repeated(name.clone()));",
        "continue;",
        "headers::a_singleton_sent_twice_is_refused",
    ),
    mutant(
        "headers: everybody is a trusted proxy",
        "src/request/client.rs",
        "if !trusted.contains(peer) {\n        return Client::direct(peer);",
        "if false {\n        return Client::direct(peer);",
        "headers::the_gateway_says_who_the_client_is",
        "headers::trust_is_the_peers_and_not_the_words",
    ),
    mutant(
        "headers: every unix peer is a trusted proxy",
        "src/base/peer.rs",
        "Peer::Unix => self.unix,",
        "Peer::Unix => true,",
        "unix::a_unix_peer_is_believed_where_unix_is_trusted_and_nowhere_else",
    ),
    mutant(
        "networks: a client without an address is on every list",
        "src/route/mod.rs",
        "Peer::Unix => self.allow.is_none(),",
        "Peer::Unix => true,",
        "unix::no_list_of_networks_holds_a_client_without_an_address",
    ),
    mutant(
        "headers: an upstream may set our fields",
        "src/request/headers/names.rs",
        "Some(b'x') => is_ours(name),",
        "Some(b'x') => false,",
        "headers::an_upstream_cannot_speak_for_the_gateway",
    ),
    mutant(
        "headers: the method may be overridden",
        "src/request/headers/names.rs",
        '"http-method" | "http-method-override" | "method-override" => Class::Claim,',
        '"http-method" | "http-method-override" | "method-override" => Class::Passes,',
        "methods::no_header_query_or_form_changes_the_method",
    ),
    mutant(
        "headers: any request id is continued",
        "src/base/id.rs",
        "let fits = (1..=128).contains(&value.len()) && value.as_bytes().iter().all(harmless);",
        "let fits = value.as_bytes().iter().all(harmless) || true;",
        "forwarding::a_clients_request_id_is_continued_only_when_it_is_harmless",
    ),
    # Host, target, path, method.
    mutant(
        "host: two of them",
        "src/request/host.rs",
        "if fields.next().is_some() {\n            return Err(HostFault::Repeated);\n        }",
        "",
        "paths::hosts::a_request_without_exactly_one_valid_host_is_refused",
    ),
    mutant(
        "host: a final dot makes another host",
        "src/request/host.rs",
        'let name = name.strip_suffix(b".").unwrap_or(name);',
        "",
        "paths::hosts::hosts_match_without_regard_to_case_final_dot_and_port",
    ),
    mutant(
        "target: an absolute one may name another host",
        "src/request/target.rs",
        "if !host.is_same(authority, default_port) {",
        "if authority.is_empty() {",
        "paths::targets::an_absolute_target_must_name_the_same_host",
    ),
    mutant(
        "target: of any length",
        "src/request/target.rs",
        "if target.as_str().len() > max {",
        "if target.as_str().len() > 8 * max {",
        "paths::targets::a_target_may_have_8_kib_and_no_more",
    ),
    mutant(
        "path: ambiguous spellings are routed",
        "src/route/mod.rs",
        "asked.path.permit(allowed).map_err(RouteFault::Spelling)?;",
        "let _ = allowed;",
        "paths::spelling::paths_with_more_than_one_reading_are_refused",
    ),
    mutant(
        "path: other readings do not matter",
        "src/route/mod.rs",
        "if !self.table.agrees(host, &asked.path, &asked.headers, route.index) {",
        "if false {",
        "paths::spelling::no_reading_of_a_path_reaches_a_route_that_would_refuse_it",
    ),
    mutant(
        "path: what is left of it is not judged",
        "src/route/mod.rs",
        "                return Err(RouteFault::Protected);",
        "                tracing::debug!(\"let through\");",
        "paths::routes::a_stripped_path_is_judged_again",
    ),
    mutant(
        "method: any of them",
        "src/request/mod.rs",
        "_ => Err(ArrivalFault::UnknownMethod),",
        "_ => Ok(()),",
        "methods::unknown_methods_are_refused",
    ),
    mutant(
        "method: TRACE is one like others",
        "src/request/mod.rs",
        "Method::TRACE | Method::CONNECT => Err(ArrivalFault::RefusedMethod),",
        "Method::TRACE => Ok(()),\n        Method::CONNECT => Err(ArrivalFault::RefusedMethod),",
        "methods::methods_that_tell_or_tunnel_are_refused",
    ),
    mutant(
        "networks: nobody is denied",
        "src/route/mod.rs",
        "(self.deny.is_empty() || !self.deny.contains(address))",
        "true",
        "refusals::networks_keep_out_who_is_denied_or_not_allowed",
    ),
    # Times.
    mutant(
        "time: who says nothing may stay",
        "src/listen/link.rs",
        "Phase::Fresh => quiet(timeouts.head),",
        "Phase::Fresh => (Moment::NEVER, Overdue::Quiet),",
        "timeouts::a_connection_that_says_nothing_is_closed_after_ten_seconds",
    ),
    mutant(
        "time: a head may trickle in",
        "src/listen/link.rs",
        "Phase::Head => (since + timeouts.head, Overdue::Head),",
        "Phase::Head => (Moment::NEVER, Overdue::Head),",
        "timeouts::a_head_that_trickles_in_has_ten_seconds_in_all",
    ),
    mutant(
        "time: a body may stop coming",
        "src/request/body.rs",
        "let silent = since + self.limits.idle;",
        "let silent = since + self.limits.idle * 100;",
        "timeouts::a_body_that_stops_coming_ends_the_request_after_thirty_seconds",
        "timeouts::the_times_of_a_client_are_the_files",
    ),
    mutant(
        "time: a body may trickle in",
        "src/request/body.rs",
        "const MIN_RATE: u64 = 1024;",
        "const MIN_RATE: u64 = 1;",
        "timeouts::a_body_slower_than_a_kibibyte_a_second_is_given_ten_seconds",
    ),
    mutant(
        "time: a client may stop reading",
        "src/listen/link.rs",
        "const WRITE_STALL: Duration = Duration::from_secs(30);",
        "const WRITE_STALL: Duration = Duration::from_secs(3000);",
        "timeouts::a_client_that_stops_reading_is_dropped_after_thirty_seconds",
    ),
    mutant(
        "time: an upstream may fall silent in its answer",
        "src/forward/body.rs",
        "None => (since + self.idle, Overdue::Silent),",
        "None => (since + self.idle * 100, Overdue::Silent),",
        "timeouts::an_answer_that_pauses_too_long_is_broken_off",
    ),
    # Sizes and numbers.
    mutant(
        "size: of a field",
        "src/request/headers.rs",
        "if value.len() > FIELD_MAX {",
        "if value.len() > 4 * FIELD_MAX {",
        "limits::a_field_may_have_16_kib_and_no_more",
    ),
    mutant(
        "size: number of cookies",
        "src/request/headers.rs",
        "if cookies > COOKIES_MAX {",
        "if cookies > 100 * COOKIES_MAX {",
        "limits::a_cookie_header_may_have_a_hundred_cookies_and_no_more",
    ),
    mutant(
        "size: number of fields",
        "src/listen/http1.rs",
        ".max_headers(sizes.headers)",
        ".max_headers(10 * sizes.headers)",
        "limits::a_request_may_have_a_hundred_fields_and_no_more",
    ),
    mutant(
        "size: of a body that does not say it",
        "src/request/body.rs",
        "if self.received > self.limits.max && !self.progress.relaxed.get() {",
        "if self.received > u64::MAX / 2 + self.limits.max / 2 {",
        "limits::a_chunked_body_that_grows_too_large_is_never_completed",
    ),
    mutant(
        "connections: of all addresses",
        "src/listen/limits.rs",
        "if self.open.fetch_add(1, Ordering::Relaxed) >= limits.max.get() {",
        "if self.open.fetch_add(1, Ordering::Relaxed) >= 10 * limits.max.get() {",
        "limits::connections_beyond_the_total_are_turned_away_until_one_ends",
    ),
    mutant(
        "connections: of one address",
        "src/listen/limits.rs",
        "if open >= limits.per_address.get() {",
        "if open >= 10 * limits.per_address.get() {",
        "limits::connections_of_one_address_are_limited_and_no_other_address_suffers",
    ),
    mutant(
        "proxy protocol: anybody's header is believed",
        "src/listen/opening.rs",
        "_ if !is_trusted => Err(Failed::Refused(ConnectionEnd::ProxyUntrusted, \"\")),",
        "_ if false => Err(Failed::Refused(ConnectionEnd::ProxyUntrusted, \"\")),",
        "proxy_protocol::a_header_of_a_stranger_closes_its_connection",
        "proxy_protocol::a_proxy_behind_a_unix_socket_may_name_clients_where_unix_is_trusted",
    ),
    mutant(
        "proxy protocol: a required header may be missing",
        "src/listen/opening.rs",
        "(Reading::Other, ProxyProtocol::Off | ProxyProtocol::Accept) => Ok(None),",
        "(Reading::Other, _) => Ok(None),",
        "proxy_protocol::where_a_header_must_come_it_must_come_from_a_trusted_peer",
    ),
    mutant(
        "proxy protocol: a stranger is let in where a header is required",
        "src/listen/listener.rs",
        "ProxyProtocol::Require if is_trusted => true,",
        "ProxyProtocol::Require if is_trusted || true => true,",
        "proxy_protocol::where_a_header_must_come_it_must_come_from_a_trusted_peer",
    ),
    mutant(
        "proxy protocol: forwarding headers of somebody unnamed are believed",
        "src/request/mod.rs",
        "let client = if connection.unnamed {",
        "let client = if false {",
        "proxy_protocol::whom_the_proxy_cannot_name_is_believed_nothing",
    ),
    mutant(
        "proxy protocol: the address in the header is not counted",
        "src/listen/opening.rs",
        "match place.counted_for(peer, &self.rules().trusted, limits) {",
        "match Ok::<_, super::limits::Refused>(place) {",
        "proxy_protocol::connections_are_counted_by_the_address_the_header_names",
    ),
    mutant(
        "proxy protocol: a header has no end of its time",
        "src/listen/opening.rs",
        "ready!(task.poll_past(begun + limit));",
        "ready!(task.poll_past(begun + limit * 100));",
        "proxy_protocol::a_header_that_trickles_in_has_ten_seconds_in_all",
    ),
    mutant(
        "proxy protocol: ports as loosely as the library reads them",
        "src/listen/proxy_protocol.rs",
        "!ports.into_iter().all(|port| port.is_some_and(is_port))",
        "ports.contains(&None)",
        "proxy_protocol::a_malformed_header_closes_its_connection_and_disturbs_nobody",
    ),
    mutant(
        "proxy protocol: headers of any size",
        "src/listen/proxy_protocol.rs",
        "if length > V2_MAX {",
        "if length > 100 * V2_MAX {",
        "proxy_protocol::a_malformed_header_closes_its_connection_and_disturbs_nobody",
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
    mutant(
        "unix: the socket's file is open to everybody",
        "src/listen/unix.rs",
        "const MODE: u32 = 0o660;",
        "const MODE: u32 = 0o666;",
        "unix::a_socket_left_behind_is_taken_over_and_another_file_is_not_touched",
    ),
    mutant(
        "unix: a socket somebody listens on is taken away",
        "src/listen/unix.rs",
        "Ok(()) => return Err(io::ErrorKind::AddrInUse.into()),",
        "Ok(()) => {}",
        "unix::a_second_gateway_on_the_same_socket_is_refused_and_the_first_goes_on",
    ),
    mutant(
        "unix: whatever stands at the path is removed at the end",
        "src/listen/unix.rs",
        "Ok(found) if found == self.identity => fs::remove_file(&self.path),",
        "Ok(_) => fs::remove_file(&self.path),",
        "unix::a_socket_that_another_process_has_put_in_place_of_ours_stays",
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
    # HTTP/2 to upstreams, and what streams.
    mutant(
        "h2c: any number of interim answers",
        "src/upstream/http2/call.rs",
        "Ok(_) if self.interim < INTERIM_MAX => self.interim += 1,",
        "Ok(_) if self.interim < INTERIM_MAX => self.interim = 0,",
        "upstream_http2::exchange::eight_interim_answers_are_taken_and_a_ninth_is_502",
    ),
    mutant(
        "h2c: whatever fails is sent again",
        "src/upstream/http2/call.rs",
        "error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))",
        "error.is_remote() || error.is_io()",
        "upstream_http2::connections::a_connection_that_dies_takes_its_requests_along_and_nothing_else",
    ),
    mutant(
        "h2c: a refused request is sent again and again",
        "src/forward/http2.rs",
        "Some(again) if !resent =>",
        "Some(again) if !resent || resent =>",
        "upstream_http2::connections::a_refused_stream_is_sent_once_more_and_no_more",
    ),
    mutant(
        "h2c: half a body is sent again",
        "src/upstream/http2/upload.rs",
        "(self.is_kept && !self.parcel.is_torn).then_some(self.parcel)",
        "self.is_kept.then_some(self.parcel)",
        "upstream_http2::connections::a_request_whose_body_is_gone_is_not_sent_again",
    ),
    mutant(
        "h2c: a body that breaks off is completed",
        "src/upstream/http2/upload.rs",
        """                        stream.send_reset(Reason::CANCEL);
                        self.stream = None;
                        return Poll::Ready(Err(fault));
""",
        """                        let _unheard = (fault, Reason::CANCEL);
                        parcel.has_ended = true;
                        Bytes::new()
""",
        "upstream_http2::exchange::a_body_that_breaks_off_is_never_completed",
        "upstream_http2::exchange::a_body_that_grows_too_large_is_never_completed",
    ),
    mutant(
        "h2c: a body goes out whatever the window",
        "src/upstream/http2/upload.rs",
        "if ready!(poll_capacity(stream, cx)).is_none() {",
        "if poll_capacity(stream, cx) == Poll::Ready(None) {",
        "upstream_http2::exchange::an_upstream_that_gives_no_window_holds_its_client_back",
    ),
    mutant(
        "h2c: as many streams as we like",
        "src/upstream/http2/connection.rs",
        "            .min(self.cap.get())",
        "            .max(self.cap.get())",
        "upstream_http2::sharing::a_server_gets_no_more_streams_at_a_time_than_it_takes",
        "upstream_http2::sharing::a_connection_never_carries_more_than_a_hundred_streams",
    ),
    mutant(
        "h2c: a limit that changes is not heard of",
        "src/upstream/http2/connection.rs",
        "        self.link.read_limit();\n",
        "        let _unread = Link::read_limit;\n",
        "upstream_http2::sharing::a_limit_that_is_lowered_on_the_way_holds_for_the_next_request",
        "upstream_http2::sharing::a_limit_that_is_raised_lets_those_in_who_wait",
    ),
    mutant(
        "h2c: a server that says nothing is sent requests",
        "src/upstream/http2/connection.rs",
        "0 | UNANNOUNCED => Poll::Pending,",
        "0 => Poll::Pending,",
        "upstream_http2::connections::a_server_that_announces_nothing_is_given_up_in_time",
    ),
    mutant(
        "h2c: a server that does not answer a ping is waited for",
        "src/upstream/http2/connection.rs",
        "if let Some(moment) = self.answer_by {",
        "if let Some(moment) = self.answer_by.map(|_| Moment::NEVER) {",
        "upstream_http2::connections::a_silent_server_is_pinged_and_given_up_when_it_does_not_answer",
    ),
    mutant(
        "h2c: places are not given up to another worker",
        "src/upstream/http2/lane.rs",
        "if !self.target.is_awaited() {",
        "if !self.target.is_awaited() || state.leaving == 0 {",
        "upstream_http2::sharing::workers_that_share_one_connection_take_turns",
    ),
    mutant(
        "h2c: a body where none can be",
        "src/forward/http2.rs",
        "Poll::Ready(Some(_)) => Poll::Ready(Err(ForwardFault::Surplus)),",
        "Poll::Ready(Some(_)) => Poll::Ready(Ok(())),",
        "upstream_http2::exchange::a_body_where_none_can_be_is_502",
    ),
    mutant(
        "grpc: a deadline holds until the head only",
        "src/forward/limits.rs",
        "(self.deadline, Overdue::Deadline)",
        "(Moment::NEVER, Overdue::Deadline)",
        "upstream_http2::calls::the_callers_deadline_holds_behind_the_head_too",
    ),
    mutant(
        "grpc: two deadlines",
        "src/request/grpc.rs",
        "(Some(_), Some(_)) => return Err(TimeoutFault),",
        "(Some(_), Some(_)) => None,",
        "upstream_http2::calls::a_deadline_that_cannot_be_read_is_refused",
    ),
    mutant(
        "grpc: a body has no greatest length where calls can be made",
        "src/admission/mod.rs",
        "asked.grpc.is_some() && route.carries_grpc()",
        "route.carries_grpc()",
        "upstream_http2::exchange::a_body_that_grows_too_large_is_never_completed",
    ),
    mutant(
        "stream: the limits of a body hold behind the head of the answer",
        "src/forward/mod.rs",
        "            progress.relax();\n",
        "            let _limited = progress;\n",
        "upstream_http2::calls::an_upload_that_goes_on_behind_the_head_of_its_answer_is_a_stream",
        "upstream_http2::calls::the_same_holds_for_an_upstream_of_http1",
    ),
    # HTTP/2 from clients.
    mutant(
        "http2: spoken on every listener",
        "src/config/check/listen.rs",
        "h2c: speaks(Protocol::H2c),",
        "h2c: true,",
        "http2::heads::http2_is_spoken_only_where_it_is_named",
    ),
    mutant(
        "http2: a Host beside another authority",
        "src/request/http2.rs",
        "if !is_same {",
        "if !is_same && field.is_empty() {",
        "http2::heads::the_authority_is_one_valid_host",
    ),
    mutant(
        "http2: cookies as they come",
        "src/request/http2.rs",
        "    join_cookies(headers);\n    Ok(())",
        "    let _ = join_cookies;\n    Ok(())",
        "http2::heads::cookies_arrive_as_one_field",
    ),
    mutant(
        "http2: values with blanks around them",
        "src/request/http2.rs",
        "matches!(byte, Some(b' ' | b'\\t'))",
        "matches!(byte, Some(b'\\n'))",
        "http2::heads::a_value_with_blanks_around_it_is_refused",
    ),
    mutant(
        "http2: as many fields as fit",
        "src/request/http2.rs",
        "if headers.len() > max_fields {",
        "if headers.len() > 1000 * max_fields {",
        "http2::hostile::a_head_with_too_many_or_too_long_fields_is_refused_alone",
    ),
    mutant(
        "http2: a request that is taken back goes on",
        "src/listen/http2/stream.rs",
        "if respond.poll_reset(cx).is_ready() {",
        "if respond.poll_reset(cx).is_ready() && self.began != self.began {",
        "http2::ending::a_request_that_is_taken_back_is_taken_back_from_the_upstream",
        "http2::hostile::requests_taken_back_in_the_same_breath_end_the_connection_and_reach_nobody",
    ),
    mutant(
        "http2: everybody is told to continue",
        "src/base/source.rs",
        "            if data.is_pending()\n                && let Some",
        "            if let Some",
        "http2::exchange::a_permitted_client_is_told_to_continue_when_its_body_is_wanted",
    ),
    mutant(
        "http2: a broken answer ends like a whole one",
        "src/listen/http2/stream.rs",
        "Sent::Broken => stream.send_reset(Reason::INTERNAL_ERROR),",
        "Sent::Broken => drop(stream.send_data(Bytes::new(), true)),",
        "http2::ending::an_answer_that_breaks_off_behind_us_is_reset_and_not_ended",
        "http2::grpc::a_call_whose_answer_breaks_off_is_reset",
    ),
    mutant(
        "http2: an answer waits for ever for room",
        "src/listen/http2/stream.rs",
        "task.poll_past(since + WRITE_STALL)",
        "task.poll_past(since + 1000 * WRITE_STALL)",
        "http2::ending::an_answer_that_finds_no_room_is_given_up_after_half_a_minute",
    ),
    mutant(
        "http2: answers that nobody takes cost nothing",
        "src/listen/http2/meter.rs",
        "const PER_STALL: u32 = 20;",
        "const PER_STALL: u32 = 0;",
        "http2::hostile::a_client_that_opens_no_window_holds_its_answers_for_half_a_minute_and_is_ended",
    ),
    mutant(
        "http2: any number of control frames",
        "src/listen/http2/meter.rs",
        "            _ => self.control_frame()?,",
        "            _ => drop(self.control_frame()),",
        "http2::hostile::control_frames_in_masses_end_the_connection",
    ),
    mutant(
        "http2: any number of requests taken back later",
        "src/listen/http2/meter.rs",
        "        self.cancel = self.cancel.checked_sub(1).ok_or(Excess::Cancelled)?;",
        "        self.cancel = self.cancel.saturating_sub(1);",
        "http2::hostile::requests_taken_back_a_little_later_end_the_connection_and_leave_nothing_behind",
    ),
    mutant(
        "http2: useful frames pay for nothing",
        "src/listen/http2/meter.rs",
        "self.earn(PER_DATA);",
        "self.earn(PER_DATA - 4);",
        "http2::hostile::what_polite_clients_do_is_no_flood",
    ),
    mutant(
        "http2: pseudo-fields among trailers",
        "src/listen/http2/meter.rs",
        "Some(trailers) if have_pseudo_field(&trailers.block) => return Err(Excess::PseudoTrailers),",
        "Some(trailers) if have_pseudo_field(&trailers.block) => return Ok(()),",
        "http2::ending::a_pseudo_field_among_trailers_ends_the_connection_and_completes_nothing",
    ),
    mutant(
        "http2: any first frame",
        "src/listen/http2/meter.rs",
        "if !self.seen_settings && kind != SETTINGS {",
        "if !self.seen_settings && kind > 100 {",
        "http2::hostile::what_is_no_http2_ends_the_connection",
    ),
    mutant(
        "http2: more streams than a hundred",
        "src/listen/http2/mod.rs",
        "const STREAMS: u32 = 100;",
        "const STREAMS: u32 = 101;",
        "http2::hostile::the_hundred_and_first_request_at_a_time_is_refused_and_the_others_are_not",
    ),
    mutant(
        "http2: heads of any size",
        "src/listen/http2/mod.rs",
        "const HEADER_LIST: usize = 16 * 1024;",
        "const HEADER_LIST: usize = 160 * 1024;",
        "http2::hostile::a_head_with_too_many_or_too_long_fields_is_refused_alone",
    ),
    mutant(
        "http2: a header block may take for ever",
        "src/listen/http2/session.rs",
        "self.block_since.set(Some(self.task.now()));",
        "self.block_since.set(None);",
        "http2::lifetime::a_header_block_that_does_not_end_is_not_waited_for",
    ),
    mutant(
        "http2: a client that takes nothing stays",
        "src/listen/http2/io.rs",
        "Poll::Pending => self.session.write_stalled(),",
        "Poll::Pending => self.session.write_moved(),",
        "http2::lifetime::a_client_that_takes_no_bytes_is_cut_off",
    ),
    mutant(
        "http2: nobody is asked to leave",
        "src/listen/http2/mod.rs",
        "if self.listener.stage() != Stage::Serving && self.leaving.is_none() {",
        "if self.listener.stage() < Stage::Serving && self.leaving.is_none() {",
        "http2::lifetime::a_drain_loses_no_request",
    ),
    mutant(
        "grpc: refused in the words of HTTP",
        "src/listen/service.rs",
        "let form = if survey.is_grpc {",
        "let form = if survey.is_grpc && survey.upgrades {",
        "http2::grpc::a_refused_call_gets_a_status_of_grpc_in_a_head_alone",
        "http2::grpc::a_refused_call_is_told_so_in_http1_too",
    ),
    mutant(
        "grpc: a refusal is logged as a success",
        "src/listen/service.rs",
        "record.answered(status.unwrap_or(response.status()));",
        "record.answered(status.filter(|_| !survey.is_grpc).unwrap_or(response.status()));",
        "http2::grpc::a_refused_call_gets_a_status_of_grpc_in_a_head_alone",
    ),
]


def copy_tree():
    """The working tree as it is, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()
    shutil.rmtree(TREE, ignore_errors=True)
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, TREE / name)


def cargo(*arguments):
    return subprocess.run(
        ["cargo", *arguments, "--target-dir", str(SCRATCH / "target")],
        cwd=TREE, capture_output=True, text=True,
    )


def build():
    """None, or why it does not compile."""
    # A mutant leaves things unused; that is not what is asked.
    done = cargo("test", "--locked", "--no-run", "--test", "it")
    return None if done.returncode == 0 else done.stderr[-2000:]


def run(tests):
    """The names of the tests that failed."""
    filter_ = " or ".join(f"test(={name})" for name in tests)
    done = cargo("nextest", "run", "--locked", "--test", "it", "--no-fail-fast", "-E", filter_)
    if done.returncode == 0:
        return []
    if done.returncode != 100:
        sys.exit(f"the tests could not be run:\n{done.stderr[-2000:]}")
    failed = {line.split()[-1] for line in done.stderr.splitlines() if " FAIL " in line or " SIGABRT " in line}
    return sorted(failed)


def judge(entry):
    """What became of the mutant, and whether that is right."""
    path = TREE / entry.file
    whole = path.read_text()
    if whole.count(entry.old) != 1:
        return f"fits {whole.count(entry.old)} times: bring the list up to date", False
    path.write_text(whole.replace(entry.old, entry.new))
    try:
        broken = build()
        if broken:
            return f"does not compile:\n{broken}", False
        failed = run(entry.tests)
        if failed:
            return f"noticed by {len(failed)} of {len(entry.tests)}", True
        return "SURVIVED", False
    finally:
        path.write_text(whole)


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    chosen = [entry for entry in MUTANTS if all(word in entry.name for word in words)]
    if "--list" in sys.argv:
        for entry in chosen:
            print(f"{entry.name:55} {entry.file}")
        return
    copy_tree()
    print("before: ", end="", flush=True)
    broken = build()
    if broken:
        sys.exit(f"the tree does not compile:\n{broken}")
    failed = run(sorted({test for entry in chosen for test in entry.tests}))
    if failed:
        sys.exit("these tests fail already:\n  " + "\n  ".join(failed))
    print("green")
    wrong = 0
    for entry in chosen:
        began = time.monotonic()
        verdict, right = judge(entry)
        wrong += not right
        print(f"{'ok ' if right else 'BAD'} {entry.name:55} {verdict}  ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{len(chosen) - wrong} of {len(chosen)} noticed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
