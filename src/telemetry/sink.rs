//! The far end of a log: takes whole lines, and a far end that fails costs lines, never more.

use std::io::{self, ErrorKind, Write};
use std::thread;
use std::time::Duration;

/// Where a log's lines go.
pub struct Sink {
    out: Box<dyn Write + Send>,
    /// The last write stopped inside a line.
    torn: bool,
}

/// A terminal or pipe somebody else made non-blocking may be full for a moment.
const FULL_WAIT: Duration = Duration::from_millis(5);
const FULL_WAITS: u32 = 200;

impl Sink {
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self {
            out: Box::new(out),
            torn: false,
        }
    }

    /// Standard output, without the buffer of the standard library.
    pub fn stdout() -> Self {
        Self::descriptor(&io::stdout(), io::stdout)
    }

    /// Standard error.
    pub fn stderr() -> Self {
        Self::descriptor(&io::stderr(), io::stderr)
    }

    fn descriptor<W: Write + Send + 'static>(stream: &impl std::os::fd::AsFd, buffered: fn() -> W) -> Self {
        match stream.as_fd().try_clone_to_owned() {
            Ok(owned) => Self::new(std::fs::File::from(owned)),
            Err(_) => Self::new(buffered()),
        }
    }

    /// Write whole lines. After a failure the next write begins on a line of its own.
    pub(super) fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.write_all(b"\n")?;
            self.torn = false;
        }
        self.write_all(lines)?;
        self.out.flush()
    }

    fn write_all(&mut self, mut rest: &[u8]) -> io::Result<()> {
        let mut waits = 0;
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    let (done, left) = rest.split_at_checked(written).unwrap_or((rest, &[]));
                    self.torn = done.last() != Some(&b'\n');
                    rest = left;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && waits < FULL_WAITS => {
                    waits += 1;
                    thread::park_timeout(FULL_WAIT);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Takes `room` bytes, then fails until it is emptied.
    #[derive(Clone, Default)]
    struct Small {
        taken: Arc<Mutex<Vec<u8>>>,
        room: Arc<Mutex<usize>>,
    }

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut room = self.room.lock().unwrap();
            if *room == 0 {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let part = bytes.len().min(*room).min(7);
            *room -= part;
            self.taken.lock().unwrap().extend_from_slice(&bytes[..part]);
            Ok(part)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_after_a_failed_write_stands_on_its_own() {
        let far_end = Small::default();
        let mut sink = Sink::new(far_end.clone());
        *far_end.room.lock().unwrap() = 12;
        assert!(sink.write_lines(b"{\"a\":1}\n{\"b\":2}\n").is_err());
        assert!(sink.write_lines(b"{\"lost\":1}\n").is_err());
        *far_end.room.lock().unwrap() = 1000;
        sink.write_lines(b"{\"c\":3}\n").unwrap();
        sink.write_lines(b"{\"d\":4}\n").unwrap();
        let taken = String::from_utf8(far_end.taken.lock().unwrap().clone()).unwrap();
        assert_eq!(taken, "{\"a\":1}\n{\"b\"\n{\"c\":3}\n{\"d\":4}\n");
    }
}
