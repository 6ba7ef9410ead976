//! The end of a connection that still holds bytes of its client.

use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::base::stream::Stream;
use crate::base::timers::Timers;

/// HTTP-10: how much, and for how long, of what a client still sends is read and dropped so that it can read our
/// answer: closing on unread bytes would reset the connection and take the answer with it.
const LINGER_BYTES: usize = 64 * 1024;
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// After our last byte has been sent: read what still comes, and drop it.
pub(super) async fn linger(timers: &Timers, mut stream: Stream) {
    let drain = async {
        let mut scratch = vec![0; 4096];
        let mut left = LINGER_BYTES;
        while let Ok(count @ 1..) = stream.read(&mut scratch).await {
            left = left.saturating_sub(count);
            if left == 0 {
                break;
            }
        }
    };
    let _in_time = timers.within(LINGER, drain).await;
}
