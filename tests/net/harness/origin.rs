//! An upstream on a real socket: it notes what it receives and answers what it is told to, well-formed or not.

use super::message::{Reader, find};
use super::{PATIENCE, until};
use parking_lot::Mutex;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The target as it stood in the request line.
    pub target: String,
    /// The fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body; of a long one the beginning.
    pub body: Vec<u8>,
    /// How long the whole body was.
    pub length: u64,
    /// False when the body broke off.
    pub whole: bool,
}

impl Received {
    /// The first field of a name.
    pub fn field(&self, name: &str) -> Option<&str> {
        find(&self.fields, name)
    }
}

/// What an origin answers.
pub enum Answer {
    /// These bytes; the connection stays.
    Bytes(Vec<u8>),
    /// These bytes, then the connection ends.
    Last(Vec<u8>),
    /// 200 with so many bytes.
    Stream(u64),
    /// These bytes; behind them, whatever comes is sent back.
    Echo(Vec<u8>),
    /// Nothing, ever.
    Hang,
}

impl Answer {
    /// A JSON response.
    pub fn json(status: u16, body: &str) -> Self {
        Self::with(status, "Content-Type: application/json\r\n", body)
    }

    /// A response with fields, each ending in CRLF.
    pub fn with(status: u16, fields: &str, body: &str) -> Self {
        Self::Bytes(format!("HTTP/1.1 {status} Said\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
    }
}

#[derive(Default)]
struct Noted {
    requests: Mutex<Vec<Received>>,
    /// Heads that came, their bodies whole or not.
    begun: AtomicUsize,
    accepted: AtomicUsize,
    closed: AtomicUsize,
    ended: AtomicBool,
}

/// An upstream. It ends when it is dropped.
pub struct Origin {
    address: SocketAddr,
    noted: Arc<Noted>,
}

impl Origin {
    /// Answers every request with what a function says.
    pub fn start(answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let noted = Arc::new(Noted::default());
        let (answer, of_listener) = (Arc::new(answer), Arc::clone(&noted));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if of_listener.ended.load(Ordering::Acquire) {
                    return;
                }
                of_listener.accepted.fetch_add(1, Ordering::AcqRel);
                let (noted, answer) = (Arc::clone(&of_listener), Arc::clone(&answer));
                let stream = stream.unwrap();
                std::thread::spawn(move || {
                    serve(stream, &noted, &*answer);
                    noted.closed.fetch_add(1, Ordering::AcqRel);
                });
            }
        });
        Self { address, noted }
    }

    /// Answers 200 with a JSON text.
    pub fn json(body: &'static str) -> Self {
        Self::start(move |_| Answer::json(200, body))
    }

    /// Answers every request with the same bytes, and closes.
    pub fn last(bytes: &'static [u8]) -> Self {
        Self::start(move |_| Answer::Last(bytes.to_vec()))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has arrived so far.
    pub fn requests(&self) -> Vec<Received> {
        self.noted.requests.lock().clone()
    }

    /// The one request that arrived.
    #[track_caller]
    pub fn received(&self) -> Received {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    /// Requests whose head has arrived.
    pub fn begun(&self) -> usize {
        self.noted.begun.load(Ordering::Acquire)
    }

    /// Connections that were made to it.
    pub fn accepted(&self) -> usize {
        self.noted.accepted.load(Ordering::Acquire)
    }

    /// Connections that have ended.
    pub fn closed(&self) -> usize {
        self.noted.closed.load(Ordering::Acquire)
    }

    /// Waits until so many requests have arrived, whole or broken off.
    #[track_caller]
    pub fn until_received(&self, count: usize) -> Vec<Received> {
        until("requests at the origin", || Some(self.requests()).filter(|requests| requests.len() >= count))
    }

    /// Waits until the heads of so many requests have arrived.
    #[track_caller]
    pub fn until_begun(&self, count: usize) {
        until("heads at the origin", || (self.begun() >= count).then_some(()));
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.noted.ended.store(true, Ordering::Release);
        // Wakes the listener so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, noted: &Noted, answer: &(dyn Fn(&Received) -> Answer + Send + Sync)) {
    stream.set_nodelay(true).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut reader = Reader::new(stream);
    while let Ok(head) = reader.head() {
        noted.begun.fetch_add(1, Ordering::AcqRel);
        if find(&head.fields, "expect").is_some() {
            let _ = reader.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let body = reader.body(&head.fields, false);
        let mut words = head.first.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let whole = body.is_ok();
        let body = body.unwrap_or_default();
        let received = Received { method, target, fields: head.fields, body: body.kept, length: body.length, whole };
        noted.requests.lock().push(received.clone());
        if !whole {
            return;
        }
        let written = match answer(&received) {
            Answer::Bytes(bytes) => reader.stream.write_all(&bytes),
            Answer::Stream(length) => stream_out(&mut reader.stream, length),
            Answer::Last(bytes) => {
                let _ = reader.stream.write_all(&bytes);
                return;
            }
            Answer::Echo(bytes) => {
                let _ = reader.stream.write_all(&bytes);
                let _ = reader.echo();
                return;
            }
            // Holds the connection until the gateway lets go of it.
            Answer::Hang => {
                while reader.fill() == Ok(true) {}
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

fn stream_out(stream: &mut TcpStream, length: u64) -> std::io::Result<()> {
    let part = vec![b'x'; 64 << 10];
    stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes())?;
    let mut left = length;
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(part.len());
        stream.write_all(&part[..count])?;
        left -= count as u64;
    }
    Ok(())
}
