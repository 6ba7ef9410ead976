//! Counts interim (1xx) answers. hyper's client skips any number of them without a word, so an upstream could keep a
//! request waiting for ever with bytes that look like progress (HTTP-16).

/// More than any sensible exchange uses: 100, 102 and a few 103.
const MAX_INTERIM: u8 = 8;

#[derive(Debug, thiserror::Error)]
#[error("more than {MAX_INTERIM} interim answers before the answer itself")]
pub(super) struct TooManyInterim;

/// Where in the stream of heads we are.
#[derive(Debug, Default)]
pub(super) struct Interim {
    state: State,
    seen: u8,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Start,
    /// This many bytes of `HTTP/1.x 101` have been matched.
    StatusLine(u8),
    /// Inside an interim head; this many bytes of its final CR LF CR LF have been matched.
    InterimHead(u8),
    /// The answer itself has begun: what follows is none of our business.
    Done,
}

impl Interim {
    /// Look at the bytes that just arrived.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), TooManyInterim> {
        for &byte in bytes {
            self.state = match self.state {
                State::Done => return Ok(()),
                // The parser skips empty lines before a head.
                State::Start if matches!(byte, b'\r' | b'\n') => State::Start,
                State::Start => status_line(0, byte),
                State::StatusLine(matched) => status_line(matched, byte),
                State::InterimHead(matched) => match (matched, byte) {
                    (0 | 2, b'\r') => State::InterimHead(matched + 1),
                    (1, b'\n') => State::InterimHead(2),
                    // A head may also end in bare line feeds; the parser decides whether it may.
                    (3, b'\n') | (2, b'\n') => {
                        self.seen += 1;
                        if self.seen > MAX_INTERIM {
                            return Err(TooManyInterim);
                        }
                        State::Start
                    }
                    (_, b'\n') => State::InterimHead(2),
                    (_, b'\r') => State::InterimHead(1),
                    _ => State::InterimHead(0),
                },
            };
        }
        Ok(())
    }
}

fn status_line(matched: u8, byte: u8) -> State {
    const PREFIX: &[u8; 10] = b"HTTP/1.? 1";
    match (PREFIX.get(usize::from(matched)), matched, byte) {
        (Some(b'?'), ..) => State::StatusLine(matched + 1),
        (Some(want), ..) if *want == byte => State::StatusLine(matched + 1),
        (Some(_), ..) => State::Done,
        // 101 is an answer itself: what follows it is another protocol's.
        (None, 10, b'0') => State::StatusLine(11),
        (None, 11, b'1') => State::Done,
        (None, ..) => State::InterimHead(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nx: y\r\n\r\n";

    #[test]
    fn eight_interim_answers_pass_and_the_ninth_does_not_wherever_the_reads_are_cut() {
        for chunk in [1, 2, 3, 7, 64, 4096] {
            let mut interim = Interim::default();
            let eight = [CONTINUE, HINTS].concat().repeat(4);
            for part in eight.chunks(chunk) {
                assert!(interim.read(part).is_ok());
            }
            assert!(
                CONTINUE.chunks(chunk).any(|part| interim.read(part).is_err()),
                "chunks of {chunk}"
            );
        }
    }

    #[test]
    fn empty_lines_before_a_head_hide_nothing_and_a_switch_is_the_last_head() {
        let mut interim = Interim::default();
        let odd = [b"\r\n", CONTINUE].concat();
        for _ in 0..8 {
            interim.read(&odd).unwrap();
        }
        assert!(interim.read(&odd).is_err());
        let mut interim = Interim::default();
        interim.read(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
        interim.read(&CONTINUE.repeat(20)).unwrap();
    }

    #[test]
    fn the_body_of_an_answer_is_not_looked_at() {
        let mut interim = Interim::default();
        interim.read(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        interim.read(&CONTINUE.repeat(20)).unwrap();
    }
}
