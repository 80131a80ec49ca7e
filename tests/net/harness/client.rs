//! A client that sends whatever bytes it is told to.

use super::PATIENCE;
use super::message::{Broken, Reader, Response};
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};

/// A connection to the gateway.
pub struct Client {
    reader: Reader<TcpStream>,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { reader: Reader::new(stream) }
    }

    /// Sends bytes. A gateway that has already hung up is found out by reading.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.reader.stream.write_all(bytes.as_ref());
        self
    }

    /// Sends nothing more.
    pub fn end(&mut self) -> &mut Self {
        let _ = self.reader.stream.shutdown(Shutdown::Write);
        self
    }

    /// Reads a response; interim ones are skipped.
    #[track_caller]
    pub fn read(&mut self) -> Response {
        self.try_read("GET").unwrap_or_else(|broken| panic!("no response: {broken:?}"))
    }

    /// Reads a response to a request with a method, or says why there is none.
    pub fn try_read(&mut self, method: &str) -> Result<Response, Broken> {
        loop {
            let mut response = self.read_head()?;
            if response.status < 200 && response.status != 101 {
                continue;
            }
            if method != "HEAD" && !matches!(response.status, 101 | 204 | 304) {
                let body = self.reader.body(&response.fields, true)?;
                (response.body, response.length) = (body.kept, body.length);
            }
            return Ok(response);
        }
    }

    /// Reads a response's head, an interim one's too.
    pub fn read_head(&mut self) -> Result<Response, Broken> {
        let head = self.reader.head()?;
        let status = head
            .first
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.strip_prefix(['0', '1'])?.strip_prefix(' '))
            .and_then(|rest| rest.get(..3))
            .and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| Broken::Malformed(head.first.clone()))?;
        Ok(Response { status, fields: head.fields, body: Vec::new(), length: 0 })
    }

    /// Reads so many bytes, whatever they mean.
    #[track_caller]
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        self.reader.exactly(count).unwrap_or_else(|broken| panic!("not so many bytes: {broken:?}"))
    }

    /// True when the gateway has closed the connection and sent nothing more before.
    pub fn is_closed(&mut self) -> bool {
        self.reader.rest().is_empty() && matches!(self.reader.fill(), Ok(false) | Err(Broken::CutShort))
    }
}

/// A request that is put together field by field and sent on a connection of its own.
pub struct Ask {
    address: SocketAddr,
    method: String,
    target: String,
    host: String,
    fields: String,
    body: Option<Vec<u8>>,
}

impl Ask {
    /// A request for `localhost`.
    pub fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { address, method, target, host: "localhost".to_owned(), fields: String::new(), body: None }
    }

    /// For another host.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// With a field.
    pub fn field(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.fields.push_str(&format!("{name}: {}\r\n", value.as_ref()));
        self
    }

    /// With a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.field("Authorization", format!("Bearer {token}"))
    }

    /// With a JSON body.
    pub fn json(mut self, body: &str) -> Self {
        self.body = Some(body.as_bytes().to_vec());
        self.field("Content-Type", "application/json")
    }

    /// Sends it on a connection that may be kept.
    pub fn over(&self, client: &mut Client) {
        let Self { method, target, host, fields, body, .. } = self;
        let length = body.as_ref().map(|body| format!("Content-Length: {}\r\n", body.len())).unwrap_or_default();
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}{length}\r\n").into_bytes();
        bytes.extend_from_slice(body.as_deref().unwrap_or_default());
        client.send(bytes);
    }

    /// Sends it and reads the response.
    #[track_caller]
    pub fn send(self) -> Response {
        let mut client = Client::connect(self.address);
        self.over(&mut client);
        client.try_read(&self.method).unwrap_or_else(|broken| panic!("{} {}: {broken:?}", self.method, self.target))
    }
}
