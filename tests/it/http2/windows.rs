//! Windows: opened in small steps, filled with small frames, and opened too slowly.

use crate::support::frames::{self, DATA};
use crate::support::raw::Raw;
use crate::support::{Setup, Upstream};

#[test]
fn a_long_answer_arrives_whole_at_a_client_that_opens_its_windows_in_small_steps() {
    const LENGTH: usize = 16 << 20;
    const STEP: usize = 4096;
    const WINDOW: u32 = 1 << 20;
    let upstream = Upstream::scripted(|conn| {
        let Some(_request) = conn.request() else { return };
        conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"));
        conn.send(vec![b'x'; LENGTH]);
        conn.wait_end();
    });
    let gateway = Setup::to(&upstream).h2c().start();
    let wide = [frames::window_of(WINDOW), frames::window_update(0, WINDOW)].concat();
    let mut raw = Raw::beginning(gateway.address(), &wide);
    raw.send(frames::get(1, "/x"));
    let step = u32::try_from(STEP).unwrap();
    let both = [frames::window_update(1, step), frames::window_update(0, step)].concat();
    let (mut seen, mut given) = (0, 0);
    while seen < LENGTH {
        let data = raw.until("a piece", |frame| frame.kind == DATA);
        seen += data.payload.len();
        let steps = (seen - given) / STEP;
        given += steps * STEP;
        raw.send(both.repeat(steps));
    }
    raw.settle();
}
