//! HTTP/1.1 messages as they come over a socket, read strictly: what is not framed exactly right is [`Broken`].

use std::io::Read;

/// Why a message could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The connection ended before its first byte.
    Nothing,
    /// The connection ended within it, or was reset at whatever point.
    CutShort,
    /// Nothing more came for too long.
    Silent,
    /// Its framing is wrong.
    Malformed(String),
}

/// A response.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body; of a long one the beginning.
    pub body: Vec<u8>,
    /// How long the whole body was.
    pub length: u64,
}

impl Response {
    /// The first field of a name.
    pub fn field(&self, name: &str) -> Option<&str> {
        find(&self.fields, name)
    }

    /// True when it says that it depends on a field of the request.
    pub fn varies_by(&self, name: &str) -> bool {
        let fields = self.fields.iter().filter(|(found, _)| found == "vary");
        fields.flat_map(|(_, value)| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(name))
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The same response when it has the status that is expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.fields, String::from_utf8_lossy(&self.body));
        self
    }
}

/// The first field of a name among fields.
pub fn find<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// First line and fields.
#[derive(Debug)]
pub struct Head {
    pub first: String,
    pub fields: Vec<(String, String)>,
}

/// Most bytes of a body that are kept.
const KEPT_BYTES: usize = 1 << 20;

/// A body that was read: its beginning, and how long it was.
#[derive(Debug, Default)]
pub struct Body {
    pub kept: Vec<u8>,
    pub length: u64,
}

impl Body {
    fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let room = KEPT_BYTES.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// Reads messages one after the other from a stream.
#[derive(Debug)]
pub struct Reader<S> {
    pub stream: S,
    buffer: Vec<u8>,
}

impl<S: Read> Reader<S> {
    /// A reader at the beginning of a connection.
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Reads more; false at the connection's orderly end.
    pub fn fill(&mut self) -> Result<bool, Broken> {
        let mut part = [0; 64 << 10];
        match self.stream.read(&mut part) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.buffer.extend_from_slice(&part[..count]);
                Ok(true)
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => Err(Broken::Silent),
            Err(_) => Err(Broken::CutShort),
        }
    }

    /// What was read and not yet used.
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads so many bytes.
    pub fn exactly(&mut self, count: usize) -> Result<Vec<u8>, Broken> {
        while self.buffer.len() < count {
            if !self.fill()? {
                return Err(Broken::CutShort);
            }
        }
        Ok(self.buffer.drain(..count).collect())
    }

    fn line(&mut self) -> Result<String, Broken> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = line.strip_suffix(b"\r\n").ok_or_else(|| Broken::Malformed("a bare line feed".to_owned()))?;
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            if !self.fill()? {
                return Err(if self.buffer.is_empty() { Broken::Nothing } else { Broken::CutShort });
            }
        }
    }

    /// Reads first line and fields.
    pub fn head(&mut self) -> Result<Head, Broken> {
        let first = self.line()?;
        let fields = self.fields()?;
        Ok(Head { first, fields })
    }

    fn fields(&mut self) -> Result<Vec<(String, String)>, Broken> {
        let mut fields = Vec::new();
        loop {
            let line = self.line().map_err(cut_short)?;
            if line.is_empty() {
                return Ok(fields);
            }
            let (name, value) = line.split_once(':').ok_or_else(|| Broken::Malformed(line.clone()))?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads a body as its fields frame it; without framing it ends with the connection when `to_end`, else it is empty.
    pub fn body(&mut self, fields: &[(String, String)], to_end: bool) -> Result<Body, Broken> {
        let lengths: Vec<&str> = fields.iter().filter(|(name, _)| name == "content-length").map(|(_, value)| value.as_str()).collect();
        let codings: Vec<&str> = fields.iter().filter(|(name, _)| name == "transfer-encoding").map(|(_, value)| value.as_str()).collect();
        let mut body = Body::default();
        match (lengths.as_slice(), codings.as_slice()) {
            ([length], []) => {
                let length = length.parse().map_err(|_| Broken::Malformed(format!("Content-Length: {length}")))?;
                self.bytes(length, &mut body)?;
            }
            ([], ["chunked"]) => self.chunks(&mut body)?,
            ([], []) if to_end => {
                while {
                    body.add(&self.buffer);
                    self.buffer.clear();
                    self.fill()?
                } {}
            }
            ([], []) => {}
            _ => return Err(Broken::Malformed(format!("{lengths:?} {codings:?}"))),
        }
        Ok(body)
    }

    fn bytes(&mut self, mut left: u64, body: &mut Body) -> Result<(), Broken> {
        while left > 0 {
            if self.buffer.is_empty() && !self.fill()? {
                return Err(Broken::CutShort);
            }
            let count = usize::try_from(left).unwrap().min(self.buffer.len());
            body.add(&self.buffer[..count]);
            self.buffer.drain(..count);
            left -= count as u64;
        }
        Ok(())
    }

    /// Chunks without extensions: the gateway passes none on.
    fn chunks(&mut self, body: &mut Body) -> Result<(), Broken> {
        loop {
            let line = self.line().map_err(cut_short)?;
            let size = u64::from_str_radix(&line, 16).map_err(|_| Broken::Malformed(format!("chunk size {line:?}")))?;
            if size == 0 {
                return self.fields().map(drop);
            }
            self.bytes(size, body)?;
            if !self.line().map_err(cut_short)?.is_empty() {
                return Err(Broken::Malformed("a chunk's end".to_owned()));
            }
        }
    }
}

impl Reader<std::net::TcpStream> {
    /// Sends back whatever comes, until it ends.
    pub fn echo(&mut self) -> std::io::Result<()> {
        let mut back = self.stream.try_clone()?;
        std::io::Write::write_all(&mut back, &self.buffer)?;
        std::io::copy(&mut self.stream, &mut back).map(drop)
    }
}

/// Within a message, the end of the connection cuts it short.
fn cut_short(broken: Broken) -> Broken {
    match broken {
        Broken::Nothing | Broken::CutShort => Broken::CutShort,
        other @ (Broken::Silent | Broken::Malformed(_)) => other,
    }
}
