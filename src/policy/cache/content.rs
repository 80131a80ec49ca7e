//! The bytes of a stored body: blocks that are shared by all who are answered from it, and how they are gathered.

use crate::http::{Body, Fault};
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Bytes of a block; all but the last are full.
const BLOCK: usize = 256 << 10;
/// Bytes given at once of a block that is still being gathered.
const PIECE_MAX: usize = 64 << 10;

/// A whole body.
#[derive(Debug, Clone)]
pub struct Content {
    blocks: Arc<[Bytes]>,
    length: u64,
}

impl Content {
    /// A body at hand. Copied: what came may be a small part of a large buffer.
    #[must_use]
    pub fn copied(bytes: &Bytes) -> Self {
        let mut gathered = Gathered::new(Some(bytes.len() as u64));
        gathered.add(bytes);
        gathered.finish()
    }

    /// Its bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// All of it.
    #[must_use]
    pub fn body(&self) -> Body {
        match &*self.blocks {
            [] => Body::empty(),
            [block] => Body::full(block.clone()),
            _ => Body::stream(Blocks { blocks: Arc::clone(&self.blocks), at: 0, end: self.length }),
        }
    }

    /// What there is from a place on, to the end of its block.
    #[must_use]
    pub fn from(&self, at: u64) -> Option<Bytes> {
        let (block, from) = place(at);
        self.blocks.get(block).filter(|block| from < block.len()).map(|block| block.slice(from..))
    }

    /// Bytes from the first up to and with the last.
    #[must_use]
    pub fn part(&self, first: u64, last: u64) -> Body {
        let end = last.saturating_add(1).min(self.length);
        match &*self.blocks {
            [] => Body::empty(),
            [block] => {
                let (first, end) = (usize::try_from(first).unwrap_or(usize::MAX), usize::try_from(end).unwrap_or(usize::MAX));
                Body::full(if first < end && end <= block.len() { block.slice(first..end) } else { Bytes::new() })
            }
            _ => Body::stream(Blocks { blocks: Arc::clone(&self.blocks), at: first, end }),
        }
    }
}

/// What a place in a body is: its block, and where in it.
fn place(at: u64) -> (usize, usize) {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    (at / BLOCK, at % BLOCK)
}

/// A body that is given block by block.
struct Blocks {
    blocks: Arc<[Bytes]>,
    at: u64,
    end: u64,
}

impl http_body::Body for Blocks {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let (block, from) = place(self.at);
        let Some(block) = self.blocks.get(block).filter(|block| left > 0 && from < block.len()) else { return Poll::Ready(None) };
        let piece = block.slice(from..block.len().min(from.saturating_add(left)));
        self.at += piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.at >= self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end.saturating_sub(self.at))
    }
}

/// A body that is being gathered.
#[derive(Debug)]
pub struct Gathered {
    full: Vec<Bytes>,
    block: BytesMut,
    length: u64,
}

impl Gathered {
    /// Nothing yet of a body of perhaps known length.
    #[must_use]
    pub fn new(length: Option<u64>) -> Self {
        let room = length.map_or(0, |length| usize::try_from(length).unwrap_or(BLOCK).min(BLOCK));
        Self { full: Vec::new(), block: BytesMut::with_capacity(room), length: 0 }
    }

    /// Bytes so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes at the end.
    pub fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at_checked(BLOCK - self.block.len()).unwrap_or((bytes, &[]));
            self.block.extend_from_slice(now);
            self.length += now.len() as u64;
            if self.block.len() == BLOCK {
                self.full.push(std::mem::take(&mut self.block).freeze());
            }
            bytes = rest;
        }
    }

    /// What there is from a place on, or the beginning of it.
    #[must_use]
    pub fn from(&self, at: u64) -> Option<Bytes> {
        let (block, from) = place(at);
        if let Some(block) = self.full.get(block) {
            return Some(block.slice(from..));
        }
        let rest = self.block.get(from..).filter(|rest| !rest.is_empty())?;
        Some(Bytes::copy_from_slice(rest.get(..PIECE_MAX).unwrap_or(rest)))
    }

    /// The whole body, in no more room than it needs.
    #[must_use]
    pub fn finish(mut self) -> Content {
        if !self.block.is_empty() {
            let much_too_large = self.block.capacity() > self.block.len() + self.block.len() / 4;
            self.full.push(if much_too_large { Bytes::copy_from_slice(&self.block) } else { self.block.freeze() });
        }
        Content { blocks: self.full.into(), length: self.length }
    }
}
