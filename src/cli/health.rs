//! `portcullis health`: one probe of the admin listener, for images that have no curl.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use http::Uri;

use super::line::{reachable, status};
use super::{FAILED, output};
use crate::config::{self, Faults, Process};

/// Each of connecting, asking and being answered; a probe is answered from memory.
const PATIENCE: Duration = Duration::from_secs(2);
/// A status line is shorter, and only that is read.
const ANSWER_MAX: usize = 256;

const DETAILS: &str = "\
Exits with 0 when the probe is answered with 200, with 1 when it is not.

Examples:
  portcullis health -c gateway.yaml
  portcullis health -c gateway.yaml --probe live
  portcullis health --url http://127.0.0.1:9901/readyz

In a Dockerfile:
  HEALTHCHECK CMD [\"/portcullis\", \"health\", \"-c\", \"/etc/portcullis.yaml\"]";

/// Ask a running gateway whether it is well
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Health {
    /// The configuration file of the gateway; its admin address is asked
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "PORTCULLIS_CONFIG",
        required_unless_present = "url"
    )]
    config: Option<PathBuf>,
    /// The address to ask instead, like http://127.0.0.1:9901/readyz
    #[arg(long)]
    url: Option<Uri>,
    /// What to ask; a URL with a path says so itself
    #[arg(long, value_enum, default_value_t = Probe::Ready)]
    probe: Probe,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Probe {
    /// Does it run at all?
    Live,
    /// Does it want traffic?
    Ready,
    /// Has it started?
    Startup,
}

impl Probe {
    fn path(self) -> &'static str {
        match self {
            Self::Live => "/livez",
            Self::Ready => "/readyz",
            Self::Startup => "/startupz",
        }
    }
}

impl Health {
    pub(super) fn run(self) -> ExitCode {
        let question = match (&self.url, &self.config) {
            (Some(url), _) => Question::of_url(url, self.probe),
            (None, Some(file)) => match config::admin(file, &Process) {
                Ok(admin) => Ok(Question::of_address(reachable(admin.addr), self.probe)),
                Err(faults) => {
                    return output::print(&format!("{faults}\n"), ExitCode::from(Faults::EXIT_CODE));
                }
            },
            (None, None) => Err("neither a file nor a URL".to_owned()),
        };
        let answered = question.and_then(|question| match question.ask() {
            Ok(200) => Ok(format!("{question}: ok\n")),
            Ok(status) => Err(format!("{question}: {status}")),
            Err(error) => Err(format!("{question}: {error}")),
        });
        match answered {
            Ok(line) => output::print(&line, ExitCode::SUCCESS),
            Err(message) => {
                output::complain(&message);
                ExitCode::from(FAILED)
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Question {
    /// Host and port, as `Host` has it.
    authority: String,
    path: String,
}

impl Question {
    fn of_address(address: SocketAddr, probe: Probe) -> Self {
        Self {
            authority: address.to_string(),
            path: probe.path().to_owned(),
        }
    }

    fn of_url(url: &Uri, probe: Probe) -> Result<Self, String> {
        let (Some("http"), Some(authority)) = (url.scheme_str(), url.authority()) else {
            return Err(format!("{url}: write a URL like http://127.0.0.1:9901/readyz"));
        };
        if authority.as_str().contains('@') {
            return Err("a user or a password has no place in the URL".to_owned());
        }
        let path = match url.path() {
            "/" => probe.path(),
            path => path,
        };
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self {
            authority: format!("{}:{port}", authority.host()),
            path: path.to_owned(),
        })
    }

    /// The status of the answer.
    fn ask(&self) -> io::Result<u16> {
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        write!(stream, "GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", self.path, self.authority)?;
        let mut answer = Vec::with_capacity(ANSWER_MAX);
        let mut buffer = [0; ANSWER_MAX];
        // Two lines at most: who sends byte by byte is no gateway that is well.
        for _ in 0..4 {
            let read = stream.read(&mut buffer)?;
            answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
            if read == 0 || answer.contains(&b'\n') || answer.len() >= ANSWER_MAX {
                break;
            }
        }
        status(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn answered(with: &'static str) -> (io::Result<u16>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let question = Question::of_address(listener.local_addr().unwrap(), Probe::Ready);
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut byte = [0];
            while !asked.ends_with(b"\r\n\r\n") {
                assert_eq!(stream.read(&mut byte).unwrap(), 1);
                asked.push(byte[0]);
            }
            stream.write_all(with.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        });
        let answer = question.ask();
        (answer, server.join().unwrap())
    }

    #[test]
    fn a_probe_is_one_request_whose_status_counts() {
        let (status, asked) = answered("HTTP/1.0 200 OK\r\n\r\nok\n");
        assert_eq!(status.unwrap(), 200);
        assert!(asked.starts_with("GET /readyz HTTP/1.0\r\nHost: 127.0.0.1:"), "{asked}");
        assert_eq!(answered("HTTP/1.1 503 Service Unavailable\r\n\r\n").0.unwrap(), 503);
        assert!(answered("SSH-2.0-OpenSSH\r\n").0.is_err());
        assert!(answered("").0.is_err());
    }

    #[test]
    fn a_url_says_whom_and_what_to_ask() {
        let question = |url: &str| Question::of_url(&url.parse().unwrap(), Probe::Live).map(|q| q.to_string());
        assert_eq!(
            question("http://127.0.0.1:9901").unwrap(),
            "http://127.0.0.1:9901/livez"
        );
        assert_eq!(
            question("http://[::1]:9901/readyz").unwrap(),
            "http://[::1]:9901/readyz"
        );
        assert_eq!(question("http://gateway").unwrap(), "http://gateway:80/livez");
        assert!(question("https://127.0.0.1:9901").is_err());
        assert!(question("/readyz").is_err());
    }
}
