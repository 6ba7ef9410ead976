//! Every number that stands for a key nobody wrote, with its reason.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A request head fits one packet or two; who needs longer than this sends it byte by byte on purpose.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Long enough for a phone that changes networks in the middle of an upload.
pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Outlives the pause between two clicks; browsers and load balancers keep theirs for about as long.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(60);
/// Chat and notification clients send a sign of life at least every few minutes.
pub const STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// A stream that outlives a day keeps an old configuration and old rights alive; its client connects again.
pub const STREAM_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Cookies and tokens of a browser come to a few KiB; this is four times what most servers take for one field.
pub const HEAD_SIZE: u64 = 32 * 1024;
/// Browsers send about twenty.
pub const HEADERS: u64 = 100;
/// What most servers take, so that nothing passes here and fails behind.
pub const TARGET_SIZE: u64 = 8 * 1024;

/// At the bar for memory of an idle connection, this many stay below a few hundred MiB.
pub const CONNECTIONS: u64 = 10_000;
/// A large office behind one address stays below it, a single attacker does not take the gateway.
pub const CONNECTIONS_PER_ADDRESS: u64 = 256;
/// Descriptors kept back for upstreams, listeners, logs and files.
pub const DESCRIPTORS_KEPT: u64 = 512;

/// Load balancers that ask every second need a few answers before they stop sending.
pub const DRAIN_DELAY: Duration = Duration::from_secs(5);
/// What most orchestrators grant before they kill.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Loopback: probes and metrics are nobody else's business unless somebody says so.
pub const ADMIN_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);
/// Fewer characters than this are guessed.
pub const ADMIN_TOKEN_LENGTH: usize = 16;

/// Within one data centre a connection stands in milliseconds; past two seconds the peer is gone.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// People give up earlier.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Below the idle timeouts that servers ship with, most of them at 60 s and above.
pub const UPSTREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Per target: a service that has this many requests under way is not helped by more.
pub const UPSTREAM_CONNECTIONS: u64 = 1024;
/// A quarter of the connections: a short burst waits, a long one is told at once.
pub const UPSTREAM_PENDING: u64 = 256;
/// All targets are alike unless one is said to be larger.
pub const WEIGHT: u64 = 1;

/// Who waits for an answer of ours waits for these calls too; an identity provider takes a fraction of a second.
pub const OUTBOUND_TIMEOUT: Duration = Duration::from_secs(5);
/// Beside the other things that outlive the process.
pub const KEYS_FOLDER: &str = "data/keys";

/// Some forty thousand verdicts of ordinary tokens.
pub const CACHE_SIZE: u64 = 64 * 1024 * 1024;
/// Short beside the life of most tokens, long beside the time between two requests of one client.
pub const CACHE_TTL: Duration = Duration::from_secs(300);
/// Takes the edge off a client in a loop, and is over before anybody who was let in since notices.
pub const CACHE_NEGATIVE_TTL: Duration = Duration::from_secs(2);
/// Bodies that are read whole because they are signed, of all requests together: a hundred of the largest by default.
pub const HELD_BODIES: u64 = 128 * 1024 * 1024;

/// Larger than API calls and form posts, smaller than what fills a disk unnoticed.
pub const BODY_MAX: u64 = 10 * 1024 * 1024;
/// Keeps the method and is remembered, as moved paths should be.
pub const REDIRECT_STATUS: u16 = 308;
