//! One line per request on standard output, written by a thread of its own. Query values and credentials are never in it.

use crate::compile::Plan;
use crate::compile::plan::{AccessLog, LogField, LogFormat};
use crate::http::clock::{Clock, rfc3339};
use crate::http::{Exchange, Reply};
use crate::lang::eval::Facts;
use http::{HeaderValue, Method, StatusCode};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::time::Instant;

/// Lines that may wait to be written; when there are more, the newest are dropped and counted.
const WAITING_LINES_MAX: usize = 16 << 10;
/// How long the last lines may take when the gateway ends.
const LAST_LINES: Duration = Duration::from_secs(5);
/// All of the requests, as the share of a sample.
const ALL: u32 = 10_000;

/// Stands for a credential.
const REDACTED: &str = "[redacted]";
/// Stands for what could not be read.
const UNREAD: &str = "-";

/// The way to the log.
#[derive(Debug, Clone)]
pub struct Log {
    /// Lines, and nothing as the end of all.
    lines: SyncSender<Option<String>>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Starts a log that writes to `out` until it is ended, or every copy of what is returned is gone.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(out: impl Write + Send + 'static) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (lines, waiting) = sync_channel(WAITING_LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let unwritten = Arc::clone(&dropped);
        let writer = std::thread::Builder::new().name("gate-log".to_owned()).spawn(move || write_all(&waiting, out, &unwritten))?;
        Ok((Self { lines, dropped }, writer))
    }

    /// Lines that were dropped because the writer could not keep up, or the output failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Ends the log once what waits is written, at most after [`LAST_LINES`]: whoever reads it may have stopped. Lines that come
    /// later are nobody's. False when it was not written to its end.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn end(&self, writer: JoinHandle<()>) -> std::io::Result<bool> {
        let (lines, (done, is_done)) = (self.lines.clone(), sync_channel(1));
        std::thread::Builder::new().name("gate-log-end".to_owned()).spawn(move || {
            // A writer that has ended needs not be told, and who waits may have given up.
            let _ = lines.send(None);
            let _ = done.send(writer.join().is_ok());
        })?;
        Ok(is_done.recv_timeout(LAST_LINES).unwrap_or(false))
    }

    fn send(&self, line: String) {
        match self.lines.try_send(Some(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Writes what waits in one go, then waits for more. An output that fails ends nothing but its lines, which are `unwritten`.
fn write_all(waiting: &Receiver<Option<String>>, mut out: impl Write, unwritten: &AtomicU64) {
    let (mut batch, mut ended, mut fails) = (String::new(), false, false);
    while !ended && let Ok(Some(line)) = waiting.recv() {
        batch.push_str(&line);
        while let Ok(line) = waiting.try_recv() {
            let Some(line) = line else {
                ended = true;
                break;
            };
            batch.push_str(&line);
        }
        let written = out.write_all(batch.as_bytes()).and_then(|()| out.flush());
        let failed = std::mem::replace(&mut fails, written.is_err());
        match written {
            Ok(()) if failed => tracing::info!("the access log is written again"),
            Ok(()) => {}
            Err(error) => {
                unwritten.fetch_add(batch.lines().count() as u64, Ordering::Relaxed);
                if !failed {
                    tracing::warn!(%error, "the access log cannot be written: its lines are dropped and counted");
                }
            }
        }
        batch.clear();
    }
}

/// What is known of a request when its reply's head is.
pub struct Line {
    log: Log,
    format: LogFormat,
    started: Instant,
    clock: Clock,
    method: Method,
    host: Arc<str>,
    path: String,
    route: Option<Arc<str>>,
    status: StatusCode,
    upstream: Option<Arc<str>>,
    attempts: u32,
    cache: Option<&'static str>,
    id: HeaderValue,
    ip: IpAddr,
    fields: Vec<(Arc<str>, Option<String>)>,
}

impl Line {
    /// The line of a request, when it is to be logged.
    #[must_use]
    pub fn of(exchange: &Exchange, route: Option<usize>, reply: &Reply, plan: &Plan, log: &Log) -> Option<Box<Self>> {
        let pipeline = route.and_then(|route| plan.pipeline(route));
        let how: &AccessLog = pipeline.map_or(&plan.settings.log, |pipeline| &pipeline.log);
        let format = how.format?;
        let facts = Facts::response(exchange, reply);
        if how.sample < ALL && fastrand::u32(..ALL) >= how.sample || how.when.as_ref().is_some_and(|when| !when.holds(facts)) {
            return None;
        }
        let upstream = exchange.record.upstream.and_then(|index| plan.upstreams.get(usize::from(index.0)));
        let written = |field: &LogField| {
            let value = field.value.eval(facts);
            let value = value.as_text()?;
            Some(if field.redacted { REDACTED.to_owned() } else { value.into_owned() })
        };
        Some(Box::new(Self {
            log: log.clone(),
            format,
            started: exchange.started,
            clock: exchange.clock,
            method: exchange.request.method.clone(),
            host: Arc::clone(&exchange.request.host),
            path: exchange.arrived().path().to_owned(),
            route: route.and_then(|route| plan.name(route)).map(Arc::clone),
            status: reply.status,
            upstream: upstream.map(|upstream| Arc::clone(&upstream.name)),
            attempts: exchange.record.attempts,
            cache: exchange.record.cache,
            id: exchange.id.clone(),
            ip: exchange.client.ip,
            fields: how.fields.iter().map(|field| (Arc::clone(&field.name), written(field))).collect(),
        }))
    }

    /// The line of a request that was refused before it could be read.
    #[must_use]
    pub fn refused(plan: &Plan, log: &Log, clock: Clock, id: &HeaderValue, ip: IpAddr, status: StatusCode) -> Option<Box<Self>> {
        Some(Box::new(Self {
            log: log.clone(),
            format: plan.settings.log.format?,
            started: Instant::now(),
            clock,
            method: Method::from_bytes(UNREAD.as_bytes()).unwrap_or_default(),
            host: UNREAD.into(),
            path: UNREAD.to_owned(),
            route: None,
            status,
            upstream: None,
            attempts: 0,
            cache: None,
            id: id.clone(),
            ip,
            fields: Vec::new(),
        }))
    }

    /// Writes the line now that the reply has ended after so many bytes of body.
    pub fn write(self, bytes: u64) {
        let now = Instant::now();
        let duration = now.saturating_duration_since(self.started);
        let mut values: Vec<(&str, Value<'_>)> = vec![
            ("time", Value::Text(rfc3339(self.clock.at_instant(now)).into())),
            ("method", Value::Text(self.method.as_str().into())),
            ("host", Value::Text((&*self.host).into())),
            ("path", Value::Text(self.path.as_str().into())),
            ("route", Value::maybe(self.route.as_deref())),
            ("status", Value::Number(u64::from(self.status.as_u16()))),
            ("bytes", Value::Number(bytes)),
            ("duration_ms", Value::Millis(duration)),
            ("upstream", Value::maybe(self.upstream.as_deref())),
            ("attempts", Value::Number(u64::from(self.attempts))),
            ("cache", Value::maybe(self.cache)),
            ("request_id", Value::maybe(self.id.to_str().ok())),
            ("client_ip", Value::Text(self.ip.to_string().into())),
        ];
        values.extend(self.fields.iter().map(|(name, value)| (&**name, Value::maybe(value.as_deref()))));
        let line = match self.format {
            LogFormat::Json => json(&values),
            LogFormat::Text => text(&values),
        };
        self.log.send(line);
    }
}

enum Value<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Number(u64),
    Millis(Duration),
}

impl<'a> Value<'a> {
    fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Nothing, |text| Self::Text(Cow::Borrowed(text)))
    }
}

fn json(values: &[(&str, Value<'_>)]) -> String {
    let mut line = String::with_capacity(320);
    for (name, value) in values {
        line.push(if line.is_empty() { '{' } else { ',' });
        let _ = write!(line, "{}:", serde_json::Value::from(*name));
        let _ = match value {
            Value::Nothing => write!(line, "null"),
            Value::Text(text) => write!(line, "{}", serde_json::Value::from(&**text)),
            Value::Number(number) => write!(line, "{number}"),
            Value::Millis(duration) => write!(line, "{:.3}", duration.as_secs_f64() * 1000.0),
        };
    }
    line.push_str("}\n");
    line
}

/// Words on a line in the order of the fields; what has blanks or quotes in it is quoted.
fn text(values: &[(&str, Value<'_>)]) -> String {
    let mut line = String::with_capacity(200);
    for (at, (_, value)) in values.iter().enumerate() {
        if at > 0 {
            line.push(' ');
        }
        let _ = match value {
            Value::Nothing => write!(line, "-"),
            Value::Text(text)
                if text.is_empty() || text.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '"') =>
            {
                write!(line, "{}", serde_json::Value::from(&**text))
            }
            Value::Text(text) => write!(line, "{text}"),
            Value::Number(number) => write!(line, "{number}"),
            Value::Millis(duration) => write!(line, "{:.3}", duration.as_secs_f64() * 1000.0),
        };
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::{Log, Value, json, text};
    use std::io::{Error, Result, Write};

    /// An output whose disk is full.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> Result<usize> {
            Err(Error::other("no space"))
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let (log, writer) = Log::start(Full).unwrap();
        ["one\n", "two\n"].into_iter().for_each(|line| log.send(line.to_owned()));
        assert!(log.end(writer).unwrap());
        assert_eq!(log.dropped(), 2);
    }

    #[test]
    fn lines_cannot_be_broken_by_what_a_client_sends() {
        let values = [("path", Value::Text("/a\" b\n".into())), ("route", Value::Nothing), ("status", Value::Number(200))];
        assert_eq!(json(&values), "{\"path\":\"/a\\\" b\\n\",\"route\":null,\"status\":200}\n");
        assert_eq!(text(&values), "\"/a\\\" b\\n\" - 200\n");
    }
}
