//! Room for heads and replies that no connection of a worker uses now. So an idle connection holds none, and a busy one allocates none.

use bytes::BytesMut;
use http::HeaderMap;
use parking_lot::Mutex;

/// How many are kept.
const KEPT_MAX: usize = 64;
/// The largest that are kept, in bytes and in fields.
const KEPT_BYTES_MAX: usize = 16 << 10;
const KEPT_FIELDS_MAX: usize = 64;
/// Room of a new buffer for replies: a head and a small body.
const REPLY_BYTES: usize = 2 << 10;

/// The spare room of one worker. Only that worker takes the lock.
#[derive(Debug, Default)]
pub struct Spare {
    kept: Mutex<Vec<(BytesMut, HeaderMap)>>,
    replies: Mutex<Vec<Vec<u8>>>,
}

impl Spare {
    /// Puts spare room in the place of none, when there is some.
    pub fn lend(&self, buffer: &mut BytesMut, headers: &mut HeaderMap) {
        if buffer.capacity() == 0
            && let Some(spare) = self.kept.lock().pop()
        {
            (*buffer, *headers) = spare;
        }
    }

    /// Takes back an empty buffer and an empty map.
    pub fn give(&self, buffer: &mut BytesMut, headers: &mut HeaderMap) {
        if buffer.capacity() == 0 {
            return;
        }
        let (buffer, headers) = (std::mem::take(buffer), std::mem::take(headers));
        let mut kept = self.kept.lock();
        if kept.len() < KEPT_MAX && buffer.capacity() <= KEPT_BYTES_MAX && headers.capacity() <= KEPT_FIELDS_MAX {
            kept.push((buffer, headers));
        }
    }

    /// An empty buffer for a reply.
    #[must_use]
    pub fn lend_for_reply(&self) -> Vec<u8> {
        self.replies.lock().pop().unwrap_or_else(|| Vec::with_capacity(REPLY_BYTES))
    }

    /// Takes back the buffer of a reply that has ended.
    pub fn give_of_reply(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut replies = self.replies.lock();
        if replies.len() < KEPT_MAX && (1..=KEPT_BYTES_MAX).contains(&buffer.capacity()) {
            replies.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_BYTES_MAX, KEPT_MAX, Spare};
    use bytes::BytesMut;
    use http::HeaderMap;

    #[test]
    fn what_one_gives_another_is_lent_but_nothing_large() {
        let spare = Spare::default();
        let room = |bytes: usize| {
            let (mut buffer, mut headers) = (BytesMut::with_capacity(bytes), HeaderMap::with_capacity(8));
            spare.give(&mut buffer, &mut headers);
            assert_eq!((buffer.capacity(), headers.capacity()), (0, 0));
            spare.lend(&mut buffer, &mut headers);
            (buffer.capacity() > 0, headers.capacity() > 0)
        };
        assert_eq!(room(KEPT_BYTES_MAX), (true, true));
        assert_eq!(room(KEPT_BYTES_MAX + 1), (false, false));
        for _ in 0..2 * KEPT_MAX {
            spare.give(&mut BytesMut::with_capacity(1), &mut HeaderMap::new());
        }
        assert_eq!(spare.kept.lock().len(), KEPT_MAX);
    }
}
