//! Counts what a client asks of us against what it lets us do. h2 parses the frames and bounds what a single one can
//! cost; how many there are of those that carry no request and no body it does not bound (RS-04).
//!
//! In go the bytes as they arrive, out comes a fault or nothing. Only the nine bytes at the start of each frame are
//! looked at.

use h2::Reason;

use super::super::preface::PREFACE;
use super::trailers::have_pseudo_field;

/// Control frames a client may send without anything that needs them. Clients begin with a handful.
const CONTROL_MAX: u32 = 1000;

/// Requests a client may take back at once before they are answered: a browser that leaves a page takes back all.
const CANCEL_MAX: u32 = 200;

/// Both come back with time, a second's worth each second: a ping every ten seconds may go on for days.
const PER_SECOND: u32 = 20;

/// What useful frames allow beyond that: window updates for an answer's data, a reset, a ping to measure the round trip.
/// It is kept, for the updates for a long answer may come all at once.
const PER_REQUEST: u32 = 4;
const PER_DATA: u32 = 4;

/// Window updates come in pairs, for the stream and for the connection. Go's client sends one for every 4 KiB it reads;
/// others may read less at a time.
const PER_STEP: u32 = 2;
const STEP: usize = 1024;

/// An answer that nobody takes holds its memory and its upstream for half a minute.
const PER_STALL: u32 = 20;

/// What a client does wrong beyond what h2 notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// The first frame is no SETTINGS.
    NoSettings,
    PseudoTrailers,
    ControlFrames,
    Cancelled,
    Stalled,
}

impl Excess {
    /// What the client is told.
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::NoSettings | Self::PseudoTrailers => Reason::PROTOCOL_ERROR,
            Self::ControlFrames | Self::Cancelled | Self::Stalled => Reason::ENHANCE_YOUR_CALM,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NoSettings => "its first frame is not SETTINGS",
            Self::PseudoTrailers => "a pseudo-field among trailers",
            Self::ControlFrames => "it sends control frames and little else",
            Self::Cancelled => "it takes back its requests before they are answered",
            Self::Stalled => "it does not take its answers",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Meter {
    place: Place,
    seen_settings: bool,
    highest_stream: u32,
    /// Heads of requests that have come whole.
    heads: u64,
    control: u32,
    /// Control frames that useful ones have paid for.
    earned: u32,
    /// How many clients' worth of `cancel` it has.
    allowance: u32,
    cancel: u32,
    /// Whole seconds for which the allowances have been renewed.
    renewed: u64,
    block: Block,
    trailers: Option<Trailers>,
}

/// The header block of trailers, as far as it has come.
#[derive(Clone, Debug, Default)]
struct Trailers {
    block: Vec<u8>,
    /// Where the frame that is being read begins in it.
    frame: usize,
    flags: u8,
}

/// Where in the bytes we are.
#[derive(Clone, Debug)]
enum Place {
    /// This many bytes of the preface are still to come; h2 compares them.
    Preface(usize),
    Head {
        bytes: [u8; HEAD],
        filled: usize,
    },
    /// This many bytes of a frame's payload are still to come.
    Payload(usize),
}

/// Whether a header block is on its way, which nothing else may interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    None,
    /// Its last frame is being read.
    Ending,
    Open,
}

const HEAD: usize = 9;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const SETTINGS: u8 = 0x4;
const CONTINUATION: u8 = 0x9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

const TRAILERS_MAX: usize = 64 * 1024;

impl Meter {
    pub(super) fn new(allowance: u32) -> Self {
        Self {
            allowance,
            place: Place::Preface(PREFACE.len()),
            seen_settings: false,
            highest_stream: 0,
            heads: 0,
            control: CONTROL_MAX,
            earned: 0,
            cancel: CANCEL_MAX.saturating_mul(allowance),
            renewed: 0,
            block: Block::None,
            trailers: None,
        }
    }

    /// Whether a header block has begun and not ended.
    pub(super) fn in_block(&self) -> bool {
        self.block != Block::None
    }

    /// How many requests have begun, whatever became of them.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// So many whole seconds have passed since the connection began.
    pub(super) fn renew(&mut self, second: u64) {
        let passed = u32::try_from(second.saturating_sub(self.renewed)).unwrap_or(u32::MAX);
        if passed > 0 {
            self.renewed = second;
            let more = passed.saturating_mul(PER_SECOND);
            self.control = self.control.saturating_add(more).min(CONTROL_MAX);
            self.give_back(more.saturating_mul(self.allowance));
        }
    }

    /// These bytes have arrived.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Preface(left) => {
                    let count = bytes.len().min(*left);
                    *left -= count;
                    bytes = bytes.get(count..).unwrap_or_default();
                    if *left == 0 {
                        self.place = Place::start();
                    }
                }
                Place::Payload(left) => {
                    let (payload, rest) = bytes.split_at(bytes.len().min(*left));
                    *left -= payload.len();
                    bytes = rest;
                    let is_over = *left == 0;
                    if let Some(trailers) = &mut self.trailers {
                        trailers.take(payload);
                    }
                    if is_over {
                        self.frame_ended()?;
                    }
                }
                Place::Head { bytes: head, filled } => {
                    let room = head.get_mut(*filled..).unwrap_or_default();
                    let count = bytes.len().min(room.len());
                    let (taken, rest) = bytes.split_at(count);
                    room.iter_mut().zip(taken).for_each(|(to, from)| *to = *from);
                    *filled += count;
                    bytes = rest;
                    if *filled == HEAD {
                        let head = *head;
                        self.frame_began(head)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn frame_began(&mut self, head: [u8; HEAD]) -> Result<(), Excess> {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        if !self.seen_settings && kind != SETTINGS {
            return Err(Excess::NoSettings);
        }
        self.seen_settings = true;
        match kind {
            HEADERS if stream > self.highest_stream => {
                self.highest_stream = stream;
                self.earn(PER_REQUEST);
            }
            // At most once in a request.
            HEADERS => self.trailers = Some(Trailers::default()),
            DATA if length > 0 || flags & END_STREAM != 0 => self.earn(1),
            // h2 counts those of a block.
            CONTINUATION => {}
            // PING, SETTINGS, WINDOW_UPDATE, PRIORITY, RST_STREAM, empty DATA, and whatever nobody knows.
            _ => self.control_frame()?,
        }
        if matches!(kind, HEADERS | CONTINUATION) {
            if let Some(trailers) = &mut self.trailers {
                trailers.frame_began(if kind == HEADERS { flags } else { 0 });
            }
            let ends = flags & END_HEADERS != 0;
            self.block = if ends { Block::Ending } else { Block::Open };
        }
        self.place = Place::Payload(length);
        if length == 0 {
            self.frame_ended()?;
        }
        Ok(())
    }

    fn frame_ended(&mut self) -> Result<(), Excess> {
        self.place = Place::start();
        if let Some(trailers) = &mut self.trailers {
            trailers.frame_ended();
        }
        if self.block == Block::Ending {
            self.block = Block::None;
            match self.trailers.take() {
                Some(trailers) if have_pseudo_field(&trailers.block) => return Err(Excess::PseudoTrailers),
                Some(_) => {}
                None => self.heads += 1,
            }
        }
        Ok(())
    }

    fn earn(&mut self, more: u32) {
        self.earned = self.earned.saturating_add(more);
    }

    fn control_frame(&mut self) -> Result<(), Excess> {
        let purse = if self.earned > 0 {
            &mut self.earned
        } else {
            &mut self.control
        };
        *purse = purse.checked_sub(1).ok_or(Excess::ControlFrames)?;
        Ok(())
    }

    /// So many bytes of an answer are on their way, as many as there were or as fit into a frame worth its name.
    pub(super) fn data_sent(&mut self, length: usize) {
        let steps = u32::try_from(1 + length / STEP).unwrap_or(u32::MAX);
        self.earn(steps.saturating_mul(PER_STEP).max(PER_DATA));
    }

    /// A request was answered to its end.
    pub(super) fn answered(&mut self) {
        self.give_back(1);
    }

    fn give_back(&mut self, more: u32) {
        let most = CANCEL_MAX.saturating_mul(self.allowance);
        self.cancel = self.cancel.saturating_add(more).min(most);
    }

    /// A request was taken back right after it was made (CVE-2023-44487).
    pub(super) fn cancelled(&mut self) -> Result<(), Excess> {
        self.cancel = self.cancel.checked_sub(1).ok_or(Excess::Cancelled)?;
        Ok(())
    }

    /// An answer was given up because its client did not open the window for it.
    pub(super) fn stalled(&mut self) -> Result<(), Excess> {
        self.cancel = self.cancel.checked_sub(PER_STALL).ok_or(Excess::Stalled)?;
        Ok(())
    }
}

impl Trailers {
    fn frame_began(&mut self, flags: u8) {
        (self.frame, self.flags) = (self.block.len(), flags);
    }

    /// h2 ends a connection whose blocks are larger than this.
    fn take(&mut self, payload: &[u8]) {
        if self.block.len() < TRAILERS_MAX {
            self.block.extend_from_slice(payload);
        }
    }

    /// Only the fields stay.
    fn frame_ended(&mut self) {
        let mut frame = self.block.split_off(self.frame);
        if self.flags & PADDED != 0 && !frame.is_empty() {
            let padding = usize::from(frame.remove(0));
            frame.truncate(frame.len().saturating_sub(padding));
        }
        let priority = if self.flags & PRIORITY != 0 { 5 } else { 0 };
        self.block.extend_from_slice(frame.get(priority..).unwrap_or_default());
    }
}

impl Place {
    fn start() -> Self {
        Self::Head {
            bytes: [0; HEAD],
            filled: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, length: usize) -> Vec<u8> {
        let mut bytes = u32::try_from(length).unwrap().to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.resize(HEAD + length, 0);
        bytes
    }

    const PING: u8 = 0x6;

    fn greeted() -> Meter {
        let mut meter = Meter::new(1);
        meter.read(PREFACE).unwrap();
        meter.read(&frame(SETTINGS, 0, 0, 18)).unwrap();
        meter
    }

    fn pings(meter: &mut Meter, count: u32) -> Result<(), Excess> {
        (0..count).try_for_each(|_| meter.read(&frame(PING, 0, 0, 8)))
    }

    #[test]
    #[doc = "RS-04"]
    fn control_frames_are_counted_wherever_the_reads_are_cut() {
        for chunk in [1, 3, 8, 9, 10, 4096] {
            let mut meter = Meter::new(1);
            let first = [&PREFACE[..], &frame(SETTINGS, 0, 0, 18)].concat();
            let pings = frame(PING, 0, 0, 8).repeat(CONTROL_MAX as usize - 1);
            for part in [first, pings].concat().chunks(chunk) {
                meter.read(part).unwrap();
            }
            assert_eq!(meter.read(&frame(PING, 0, 0, 8)), Err(Excess::ControlFrames), "{chunk}");
        }
    }

    #[test]
    #[doc = "RS-04"]
    fn what_is_useful_pays_for_control_frames_and_time_does() {
        let mut meter = greeted();
        pings(&mut meter, CONTROL_MAX - 1).unwrap();
        meter.read(&frame(HEADERS, END_HEADERS, 1, 20)).unwrap();
        pings(&mut meter, PER_REQUEST).unwrap();
        // The same stream again is no new request, and an empty frame no body.
        meter.read(&frame(HEADERS, END_HEADERS | END_STREAM, 1, 20)).unwrap();
        let empty = frame(DATA, 0, 1, 0);
        assert_eq!(meter.clone().read(&empty), Err(Excess::ControlFrames));
        meter.read(&frame(DATA, 0, 1, 5)).unwrap();
        meter.data_sent(5);
        pings(&mut meter, 1 + PER_DATA).unwrap();
        meter.data_sent(64 * STEP);
        pings(&mut meter, 65 * PER_STEP).unwrap();
        meter.renew(2);
        pings(&mut meter, 2 * PER_SECOND).unwrap();
        meter.renew(2);
        assert!(pings(&mut meter.clone(), 1).is_err());
        meter.renew(1_000_000);
        pings(&mut meter, CONTROL_MAX).unwrap();
        assert!(pings(&mut meter, 1).is_err());
    }

    #[test]
    #[doc = "RS-04"]
    fn requests_are_taken_back_as_often_as_they_are_answered_and_a_little_more() {
        let mut meter = greeted();
        for _ in 0..10 * CANCEL_MAX {
            meter.cancelled().unwrap();
            meter.answered();
        }
        for _ in 0..CANCEL_MAX {
            meter.cancelled().unwrap();
        }
        assert_eq!(meter.cancelled(), Err(Excess::Cancelled));
        meter.renew(1);
        meter.stalled().unwrap();
        assert_eq!(meter.stalled(), Err(Excess::Stalled));
    }

    #[test]
    fn a_proxy_may_take_back_what_many_clients_may() {
        let mut meter = Meter::new(50);
        for _ in 0..50 * CANCEL_MAX {
            meter.cancelled().unwrap();
        }
        assert_eq!(meter.cancelled(), Err(Excess::Cancelled));
        meter.renew(1);
        for _ in 0..50 {
            meter.stalled().unwrap();
        }
        assert_eq!(meter.stalled(), Err(Excess::Stalled));
    }

    #[test]
    fn a_block_lasts_until_the_last_byte_of_its_last_frame() {
        let mut meter = greeted();
        let head = frame(HEADERS, 0, 1, 10);
        meter.read(&head[..HEAD]).unwrap();
        assert!(meter.in_block());
        meter.read(&head[HEAD..]).unwrap();
        assert!(meter.in_block());
        let last = frame(CONTINUATION, END_HEADERS, 1, 10);
        meter.read(&last[..last.len() - 1]).unwrap();
        assert!(meter.in_block());
        meter.read(&last[last.len() - 1..]).unwrap();
        assert!(!meter.in_block());
        meter.read(&frame(CONTINUATION, END_HEADERS, 1, 0)).unwrap();
        assert!(!meter.in_block());
    }

    #[test]
    #[doc = "HTTP-12"]
    fn pseudo_fields_among_trailers_are_found_however_they_are_framed() {
        let with = |mut frame: Vec<u8>, payload: &[u8]| {
            let at = frame.len() - payload.len();
            frame[at..].copy_from_slice(payload);
            frame
        };
        // The whole of the head is by number; the trailers have a field of their own and, in the end, a status.
        let head = with(frame(HEADERS, END_HEADERS, 1, 3), &[0x82, 0x84, 0x86]);
        let fine: &[u8] = &[0x00, 1, b'x', 1, b'y'];
        let trailers = |ends: &[u8]| {
            let first = [&[2, 0, 0, 0, 0, 0][..], fine, &[0x88, 0x88]].concat();
            let flags = END_STREAM | PADDED | PRIORITY;
            let first = with(frame(HEADERS, flags, 1, first.len()), &first);
            [first, with(frame(CONTINUATION, END_HEADERS, 1, ends.len()), ends)].concat()
        };
        for chunk in [1, 7, 4096] {
            let mut meter = greeted();
            let read = |meter: &mut Meter, bytes: &[u8]| bytes.chunks(chunk).try_for_each(|part| meter.read(part));
            read(&mut meter, &head).unwrap();
            read(&mut meter.clone(), &trailers(fine)).unwrap();
            read(&mut meter.clone(), &trailers(&[])).unwrap();
            let found = read(&mut meter, &trailers(&[fine, &[0x88]].concat()));
            assert_eq!(found, Err(Excess::PseudoTrailers), "{chunk}");
        }
    }

    #[test]
    fn settings_come_first() {
        let mut meter = Meter::new(1);
        meter.read(PREFACE).unwrap();
        assert_eq!(meter.read(&frame(HEADERS, END_HEADERS, 1, 0)), Err(Excess::NoSettings));
    }
}
