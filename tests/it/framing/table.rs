//! Runs a table of hostile requests, each on a connection of its own, and reports every row that went wrong.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::upstream::{Seen, split};
use crate::support::{Gateway, LIMIT, Setup, Upstream, shown};

/// Follows every row. Where the row is refused, not a byte of this may ever be read as a request.
const TAIL: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: example.test\r\n\r\n";

pub struct Row {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub want: Want,
}

#[derive(Clone, Copy, Debug)]
pub enum Want {
    /// One of these answers, then a close; not a byte upstream.
    Refused(&'static [u16]),
    /// It may have begun upstream, but it never ends there, and that connection is given up.
    Cut,
    /// Exactly this arrives; what follows is the next request.
    Forwarded { line: &'static str, body: &'static [u8] },
    /// Refused, cut or forwarded as exactly this: all are safe, and the message that judges is the one that arrives.
    Safe { line: &'static str, body: &'static [u8] },
}

pub fn row(name: &'static str, bytes: impl AsRef<[u8]>, want: Want) -> Row {
    Row {
        name,
        bytes: bytes.as_ref().to_vec(),
        want,
    }
}

/// Every row, against one gateway and one upstream.
#[track_caller]
pub fn run(rows: &[Row]) {
    let upstream = Upstream::ok();
    let gateway = Setup::to(&upstream).start();
    let mut wrong = String::new();
    for row in rows {
        let outcome = catch_unwind(AssertUnwindSafe(|| judge(row, &gateway, &upstream)));
        let fault = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(fault)) => fault,
            Err(panic) => panic
                .downcast_ref::<String>()
                .cloned()
                .unwrap_or_else(|| "a panic".to_owned()),
        };
        writeln!(
            wrong,
            "== {}: wanted {:?}\n{}\n-- {fault}",
            row.name,
            row.want,
            shown(&row.bytes)
        )
        .unwrap();
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn judge(row: &Row, gateway: &Gateway, upstream: &Upstream) -> Result<(), String> {
    let mark = upstream.mark();
    let mut client = gateway.client();
    client.send(row.bytes.as_slice()).send(TAIL);
    let first = client.answer(false);
    let status = first.as_ref().ok().map(|answer| answer.status);
    let second = status.and_then(|_| client.answer(false).ok());
    if second.is_some() {
        // A third answer would come before the end.
        client.half_close();
    }
    client.end_within(LIMIT).ok_or("the connection stays open")?;
    let seen = upstream.since(&mark);
    let arrived = Arrived::new(&seen, upstream)?;
    let verdict = match row.want {
        Want::Refused(statuses) => refused(statuses, status, &arrived),
        Want::Cut => cut(status, &arrived),
        Want::Forwarded { line, body } => forwarded(line, body, status, &arrived),
        Want::Safe { line, body } => cut(status, &arrived)
            .or_else(|_| forwarded(line, body, status, &arrived))
            .or_else(|_| only(line, body, status, &arrived)),
    };
    verdict.map_err(|why| {
        let raw: Vec<String> = seen.iter().map(|seen| shown(&seen.bytes)).collect();
        format!("{why}; answers {first:?} {second:?}; upstream {raw:#?}")
    })
}

/// What reached the upstream because of one row.
struct Arrived {
    whole: Vec<(String, Vec<u8>)>,
    /// Bytes of requests that never ended.
    unfinished: usize,
}

impl Arrived {
    fn new(seen: &[Seen], upstream: &Upstream) -> Result<Self, String> {
        let mut arrived = Self {
            whole: Vec::new(),
            unfinished: 0,
        };
        for seen in seen {
            let (requests, rest) = split(&seen.bytes).map_err(|why| format!("written upstream: {why}"))?;
            arrived
                .whole
                .extend(requests.into_iter().map(|request| (request.head.line, request.body)));
            arrived.unfinished += rest;
            if rest > 0 {
                upstream
                    .end_within(seen.number, LIMIT)
                    .ok_or("an unfinished request keeps its connection")?;
            }
        }
        Ok(arrived)
    }
}

fn refused(statuses: &[u16], status: Option<u16>, arrived: &Arrived) -> Result<(), String> {
    if !arrived.whole.is_empty() || arrived.unfinished > 0 {
        return Err("the upstream saw something".to_owned());
    }
    match status {
        Some(status) if statuses.contains(&status) => Ok(()),
        None if statuses.contains(&0) => Ok(()),
        status => Err(format!("answered {status:?}")),
    }
}

fn cut(status: Option<u16>, arrived: &Arrived) -> Result<(), String> {
    if !arrived.whole.is_empty() {
        return Err("the request was completed".to_owned());
    }
    match status {
        None | Some(400..=499 | 501..=502 | 505) => Ok(()),
        Some(status) => Err(format!("answered {status}")),
    }
}

fn forwarded(line: &str, body: &[u8], status: Option<u16>, arrived: &Arrived) -> Result<(), String> {
    let wanted = [
        (line.to_owned(), body.to_vec()),
        ("GET /smuggled HTTP/1.1".to_owned(), Vec::new()),
    ];
    if arrived.whole != wanted || arrived.unfinished > 0 {
        return Err("not these two requests arrived".to_owned());
    }
    if status == Some(200) {
        Ok(())
    } else {
        Err(format!("answered {status:?}"))
    }
}

fn only(line: &str, body: &[u8], status: Option<u16>, arrived: &Arrived) -> Result<(), String> {
    if arrived.whole != [(line.to_owned(), body.to_vec())] || arrived.unfinished > 0 {
        return Err("not this request alone arrived".to_owned());
    }
    if status == Some(200) {
        Ok(())
    } else {
        Err(format!("answered {status:?}"))
    }
}
