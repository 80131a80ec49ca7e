//! The two text formats that Prometheus reads. A small writer, since the client library for Rust writes the newer one alone and
//! wants its own counters on the path of requests.

use super::catalogue::{Family, Kind};
use crate::meter::Distribution;
use std::fmt::{Display, Write as _};

/// A format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

const OPEN_METRICS: &str = "application/openmetrics-text";

impl Format {
    /// The one that an `Accept` asks for: OpenMetrics where that is rather wanted than plain text.
    #[must_use]
    pub fn accepted(accept: Option<&str>) -> Self {
        let mut wanted = (0.0, Self::Prometheus);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let quality = parts.find_map(|parameter| parameter.strip_prefix("q=")).map_or(Ok(1.0), str::parse).unwrap_or(0.0);
            let format = if kind.eq_ignore_ascii_case(OPEN_METRICS) { Self::OpenMetrics } else { Self::Prometheus };
            if quality > wanted.0 {
                wanted = (quality, format);
            }
        }
        wanted.1
    }

    /// The media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Text that is being written.
pub struct Writer {
    text: String,
    format: Format,
}

impl Writer {
    /// Nothing yet.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { text: String::new(), format }
    }

    /// Begins a family: its series come behind each other.
    pub fn family<'w>(&'w mut self, family: &'w Family) -> Series<'w> {
        let name = match self.format {
            Format::Prometheus => family.name,
            Format::OpenMetrics => family.stem(),
        };
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
        Series { text: &mut self.text, family }
    }

    /// All of it.
    #[must_use]
    pub fn end(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// The series of a family.
pub struct Series<'w> {
    text: &'w mut String,
    family: &'w Family,
}

impl Series<'_> {
    /// One series: a value for each of the family's labels, and the number.
    pub fn put(&mut self, labels: &[&str], number: impl Display) {
        self.line("", labels, None, number);
    }

    /// The series of times.
    pub fn put_times(&mut self, labels: &[&str], times: &Distribution) {
        for (edge, count) in times.up_to_edges() {
            self.line("_bucket", labels, Some(&format!("{:?}", edge as f64 / 1e6)), count);
        }
        self.line("_bucket", labels, Some("+Inf"), times.count());
        self.line("_sum", labels, None, times.seconds());
        self.line("_count", labels, None, times.count());
    }

    fn line(&mut self, suffix: &str, labels: &[&str], edge: Option<&str>, number: impl Display) {
        let _ = write!(self.text, "{}{suffix}", self.family.name);
        let named = self.family.labels.iter().copied().zip(labels.iter().copied()).chain(edge.map(|edge| ("le", edge)));
        let mut open = '{';
        for (name, value) in named {
            let _ = write!(self.text, "{open}{name}=\"");
            escape(self.text, value);
            self.text.push('"');
            open = ',';
        }
        if open == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {number}");
    }
}

fn escape(text: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}
