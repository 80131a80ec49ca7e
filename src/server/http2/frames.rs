//! The heads of HTTP/2's frames in a stream of bytes that comes in any pieces (RFC 9113 §4.1). Payloads are passed over.

/// Bytes of a frame's head.
const HEAD_BYTES: usize = 9;
/// Bytes of the preface a client begins with.
const PREFACE_BYTES: usize = 24;
/// Flags.
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// Kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// DATA
    Data,
    /// HEADERS
    Headers,
    /// PRIORITY
    Priority,
    /// `RST_STREAM`
    Reset,
    /// SETTINGS
    Settings,
    /// PING
    Ping,
    /// GOAWAY
    GoAway,
    /// `WINDOW_UPDATE`
    WindowUpdate,
    /// CONTINUATION
    Continuation,
    /// `PUSH_PROMISE`, and those that nobody knows.
    Other,
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its kind.
    pub kind: Kind,
    /// Bytes of its payload.
    pub length: usize,
    /// Nothing follows on its stream.
    pub ends_stream: bool,
    /// The head of its message is whole with it.
    pub ends_head: bool,
}

/// Where in a stream of frames its reader is.
#[derive(Debug, Default)]
pub struct Frames {
    head: [u8; HEAD_BYTES],
    known: usize,
    /// Bytes to pass over.
    left: usize,
    /// The frame that is being passed over ends a message's head.
    ends_head: bool,
    /// A message's head has begun and not ended.
    in_head: bool,
}

impl Frames {
    /// A client's bytes, which begin with the preface.
    #[must_use]
    pub fn behind_preface() -> Self {
        Self { left: PREFACE_BYTES, ..Self::default() }
    }

    /// Reads on, telling of every frame that begins.
    pub fn feed(&mut self, mut bytes: &[u8], mut begins: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                self.end_head();
                bytes = bytes.get(passed..).unwrap_or_default();
                continue;
            }
            let taken = (HEAD_BYTES - self.known).min(bytes.len());
            let (part, rest) = bytes.split_at_checked(taken).unwrap_or_default();
            for (place, byte) in self.head.iter_mut().skip(self.known).zip(part) {
                *place = *byte;
            }
            self.known += taken;
            bytes = rest;
            if self.known == HEAD_BYTES {
                self.known = 0;
                let frame = read(self.head);
                self.left = frame.length;
                self.ends_head = frame.ends_head;
                self.in_head |= matches!(frame.kind, Kind::Headers | Kind::Continuation);
                self.end_head();
                begins(frame);
            }
        }
    }

    /// True when a message's head has begun and not ended.
    #[must_use]
    pub fn in_head(&self) -> bool {
        self.in_head
    }

    /// A head is over with the last byte of its last frame, whatever comes with that.
    fn end_head(&mut self) {
        self.in_head &= !(self.ends_head && self.left == 0);
    }
}

fn read(head: [u8; HEAD_BYTES]) -> Frame {
    let [high, middle, low, kind, flags, ..] = head;
    let kind = match kind {
        0x0 => Kind::Data,
        0x1 => Kind::Headers,
        0x2 => Kind::Priority,
        0x3 => Kind::Reset,
        0x4 => Kind::Settings,
        0x6 => Kind::Ping,
        0x7 => Kind::GoAway,
        0x8 => Kind::WindowUpdate,
        0x9 => Kind::Continuation,
        _ => Kind::Other,
    };
    Frame {
        kind,
        length: usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low),
        ends_stream: matches!(kind, Kind::Data | Kind::Headers) && flags & END_STREAM != 0,
        ends_head: matches!(kind, Kind::Headers | Kind::Continuation) && flags & END_HEADERS != 0,
    }
}

#[cfg(test)]
pub mod testing {
    //! Frames as bytes.

    /// A frame of stream 1, or of the connection for those that speak of it.
    pub fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, u8::from(kind != 6 && kind != 4)];
        bytes.extend_from_slice(payload);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::testing::frame;
    use super::{Frame, Frames, Kind};

    #[test]
    fn frames_are_found_however_their_bytes_come() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(4, 0, &[0; 12]));
        bytes.extend(frame(1, 0x5, &[7; 300]));
        bytes.extend(frame(0, 0, &[]));
        bytes.extend(frame(99, 0xff, b"x"));
        let expected = [
            Frame { kind: Kind::Settings, length: 12, ends_stream: false, ends_head: false },
            Frame { kind: Kind::Headers, length: 300, ends_stream: true, ends_head: true },
            Frame { kind: Kind::Data, length: 0, ends_stream: false, ends_head: false },
            Frame { kind: Kind::Other, length: 1, ends_stream: false, ends_head: false },
        ];
        for size in [1, 2, 7, 9, 64, bytes.len()] {
            let (mut frames, mut found) = (Frames::behind_preface(), Vec::new());
            for piece in bytes.chunks(size) {
                frames.feed(piece, |frame| found.push(frame));
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}
