//! Bytes to text: a policy is UTF-8 and of a size that a person or a generator may write.

/// Largest policy file in bytes: 64 MiB.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Why bytes are no policy text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecodable {
    /// The file is larger than [`MAX_BYTES`].
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// The file is not UTF-8.
    NotUtf8 {
        /// Offset of the first byte that is wrong, from 0.
        offset: usize,
        /// The line it stands in, from 1.
        line: usize,
        /// The byte itself.
        byte: u8,
    },
}

impl std::fmt::Display for Undecodable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge { bytes } => write!(f, "the file has {bytes} bytes, a policy at most {MAX_BYTES}"),
            Self::NotUtf8 { offset, line, byte } => {
                write!(f, "the file is not UTF-8: byte {byte:#04x} at offset {offset}, in line {line}")
            }
        }
    }
}

impl std::error::Error for Undecodable {}

/// The text of a policy file.
///
/// # Errors
/// When the file is too large or not UTF-8; nothing of it is read then, and its bytes come back.
pub fn decode(bytes: Vec<u8>) -> Result<String, (Undecodable, Vec<u8>)> {
    if bytes.len() > MAX_BYTES {
        return Err((Undecodable::TooLarge { bytes: bytes.len() }, bytes));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..offset).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let byte = error.as_bytes().get(offset).copied().unwrap_or_default();
        (Undecodable::NotUtf8 { offset, line, byte }, error.into_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, Undecodable, decode};

    #[test]
    fn text_is_taken_as_it_is() {
        assert_eq!(decode("ä\r\n".into()), Ok("ä\r\n".to_owned()));
    }

    #[test]
    fn a_wrong_byte_is_named_with_its_line() {
        let (found, bytes) = decode(b"gate 1\nx \xff".to_vec()).unwrap_err();
        assert_eq!(bytes.len(), 10);
        assert_eq!(found, Undecodable::NotUtf8 { offset: 9, line: 2, byte: 0xff });
        assert_eq!(found.to_string(), "the file is not UTF-8: byte 0xff at offset 9, in line 2");
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        assert!(matches!(decode(vec![b' '; MAX_BYTES + 1]), Err((Undecodable::TooLarge { .. }, _))));
    }
}
