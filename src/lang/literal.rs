//! What literals are worth.

use super::types::Type;
use super::value::{Percent, Period, Rate, Value};
use crate::diag::Code;
use crate::syntax::ast::LiteralKind;
use std::sync::Arc;
use std::time::Duration;

/// A duration as the language writes it: `1m30s`, `250ms`.
#[must_use]
pub fn written(time: Duration) -> String {
    let mut rest = time.as_millis();
    let mut out = String::new();
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= length {
            out.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// Why a literal has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteralError {
    /// `type::unit` or `type::range`.
    pub code: Code,
    /// The message.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
    /// The literal that was meant, where that is plain.
    pub meant: Option<String>,
}

impl LiteralError {
    fn range(message: impl Into<String>) -> Self {
        Self { code: Code::TypeRange, message: message.into(), help: None, meant: None }
    }
}

/// Text between quotes of the language.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '$' => out.push_str("\\$"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            letter if letter.is_control() => out.push_str(&format!("\\u{{{:x}}}", u32::from(letter))),
            letter => out.push(letter),
        }
        out
    })
}

/// The value and type of a literal.
///
/// # Errors
/// When a number is out of range, an address or date does not exist, or a unit is unknown.
pub fn parse(kind: LiteralKind, text: &str) -> Result<(Value, Type), LiteralError> {
    let out_of_range = || LiteralError::range(format!("`{text}` is out of range"));
    Ok(match kind {
        LiteralKind::Integer => (Value::Int(integer(text).ok_or_else(out_of_range)?), Type::Int),
        LiteralKind::Duration => (Value::Duration(duration(text).ok_or_else(out_of_range)?), Type::Duration),
        LiteralKind::Size => (Value::Size(size(text).ok_or_else(out_of_range)?), Type::Size),
        LiteralKind::Percent => (Value::Percent(percent(text).ok_or_else(out_of_range)?), Type::Percent),
        LiteralKind::Rate => (Value::Rate(rate(text).ok_or_else(out_of_range)?), Type::Rate),
        LiteralKind::StatusClass => {
            let class = text.bytes().next().map_or(0, |digit| u16::from(digit.saturating_sub(b'0')));
            (Value::Status(class * 100, class * 100 + 99), Type::Status)
        }
        LiteralKind::Range => return range(text),
        LiteralKind::Date => {
            (Value::Text(date(text).ok_or_else(|| LiteralError::range(format!("`{text}` is no day of the calendar")))?), Type::Date)
        }
        LiteralKind::Ip => return ip(text),
        LiteralKind::Address => {
            (Value::Text(address(text).ok_or_else(|| LiteralError::range(format!("`{text}` is no address with a port")))?), Type::Address)
        }
        LiteralKind::Located if text.starts_with("unix:") => (Value::Text(text.into()), Type::Address),
        LiteralKind::Located => return Err(LiteralError::range(format!("`{text}` is neither a URL nor a Unix socket"))),
        LiteralKind::HostPort => (Value::Text(text.into()), Type::Address),
        LiteralKind::Host => (Value::Text(text.to_ascii_lowercase().into()), Type::Host),
        LiteralKind::Digest => (Value::Text(text.into()), Type::Str),
        LiteralKind::Odd => return Err(odd(text)),
    })
}

fn digits(text: &str) -> String {
    text.chars().filter(|letter| *letter != '_').collect()
}

/// A 64-bit integer with underscores.
#[must_use]
pub fn integer(text: &str) -> Option<u64> {
    digits(text).parse().ok()
}

/// `1m30s`
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let number_end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '_')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let number = integer(number)?;
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(number.checked_mul(millis)?))?;
        rest = tail;
    }
    Some(total)
}

/// `1.5MB`, in bytes.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let unit_at = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let factor: u64 = match unit {
        "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    scaled(number, factor)
}

/// A decimal number times a factor, rounded down.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let number = digits(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    if fraction.is_empty() {
        return Some(whole);
    }
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = fraction.parse::<u128>().ok()?.checked_mul(u128::from(factor))? / scale;
    whole.checked_add(u64::try_from(part).ok()?)
}

/// `0.5%`, in hundredths of a percent; at most 100%.
#[must_use]
pub fn percent(text: &str) -> Option<Percent> {
    let share = scaled(text.strip_suffix('%')?, 100)?;
    (share <= 10_000).then(|| u32::try_from(share).ok().map(Percent))?
}

/// `100/min`, `10MiB/s`
#[must_use]
pub fn rate(text: &str) -> Option<Rate> {
    let (amount, per) = text.split_once('/')?;
    let per = match per {
        "s" => Period::Second,
        "min" => Period::Minute,
        "h" => Period::Hour,
        "d" => Period::Day,
        "month" => Period::Month,
        _ => return None,
    };
    let bytes = amount.ends_with('B');
    let count = if bytes { size(amount)? } else { integer(amount)? };
    Some(Rate { count, bytes, per })
}

fn range(text: &str) -> Result<(Value, Type), LiteralError> {
    let end = |text: &str| -> Option<(Value, Type)> {
        if text.ends_with('%') {
            return percent(text).map(|share| (Value::Percent(share), Type::Percent));
        }
        if text.ends_with('B') {
            return size(text).map(|size| (Value::Size(size), Type::Size));
        }
        if let Some(number) = integer(text) {
            return Some((Value::Int(number), Type::Int));
        }
        duration(text).map(|time| (Value::Duration(time), Type::Duration))
    };
    let ends = text.split_once("..").and_then(|(low, high)| Some((end(low)?, end(high)?)));
    match ends {
        Some(((low, kind), (high, other))) if kind == other => {
            Ok((Value::Range(Box::new(low), Box::new(high)), Type::Range(Box::new(kind))))
        }
        Some(_) => Err(LiteralError {
            code: Code::TypeUnit,
            message: format!("the ends of `{text}` have different units"),
            help: None,
            meant: None,
        }),
        None => Err(LiteralError::range(format!("`{text}` is out of range"))),
    }
}

/// Days of the Gregorian calendar only.
fn date(text: &str) -> Option<Arc<str>> {
    let mut parts = text.split('-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (1..=days).contains(&day).then(|| text.into())
}

fn ip(text: &str) -> Result<(Value, Type), LiteralError> {
    if text.contains('/') {
        let network: ipnet::IpNet = text.parse().map_err(|_| LiteralError::range(format!("`{text}` is no network")))?;
        if network.addr() != network.network() {
            return Err(LiteralError {
                code: Code::TypeRange,
                message: format!("`{text}` has bits set behind its prefix"),
                help: Some(format!(
                    "write `{}`, or `{}/{}` for the one address",
                    network.trunc(),
                    network.addr(),
                    network.max_prefix_len()
                )),
                meant: None,
            });
        }
        return Ok((Value::Network(canonical(network)), Type::Cidr));
    }
    let ip: std::net::IpAddr = text.parse().map_err(|_| LiteralError::range(format!("`{text}` is no IP address")))?;
    Ok((Value::Ip(ip.to_canonical()), Type::Ip))
}

/// A network of IPv4 addresses that is written as one of mapped addresses (RFC 4291 §2.5.5.2): the addresses of clients are
/// never mapped ones.
fn canonical(network: ipnet::IpNet) -> ipnet::IpNet {
    let mapped = |network: ipnet::Ipv6Net| {
        let (ip, length) = (network.network().to_ipv4_mapped()?, network.prefix_len().checked_sub(96)?);
        ipnet::Ipv4Net::new(ip, length).ok()
    };
    match network {
        ipnet::IpNet::V4(_) => network,
        ipnet::IpNet::V6(six) => mapped(six).map_or(network, ipnet::IpNet::V4),
    }
}

/// `:8080`, `127.0.0.1:80`, `[::]:443`
fn address(text: &str) -> Option<Arc<str>> {
    let port = text.rsplit(':').next()?.parse::<u16>().ok()?;
    if text.starts_with(':') {
        return Some(format!(":{port}").into());
    }
    text.parse::<std::net::SocketAddr>().ok().map(|_| text.into())
}

const UNITS: &str = "times are written `250ms`, `30s`, `5m`, `2h` or `7d`, sizes `64KiB` or `1.5MB`, rates `100/min`, shares `25%`";

fn odd(text: &str) -> LiteralError {
    let unit: String = text.chars().skip_while(|letter| letter.is_ascii_digit() || matches!(letter, '_' | '.')).collect();
    let number: String = text.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '_').collect();
    let meant = match unit.to_ascii_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => Some(format!("{number}s")),
        "min" | "mins" | "minute" | "minutes" => Some(format!("{number}m")),
        "hour" | "hours" | "hr" => Some(format!("{number}h")),
        "day" | "days" => Some(format!("{number}d")),
        "msec" | "millis" => Some(format!("{number}ms")),
        "k" | "kb" | "kib" => Some(format!("{number}KiB")),
        "m" | "mb" | "mib" => Some(format!("{number}MiB")),
        "g" | "gb" | "gib" => Some(format!("{number}GiB")),
        "/sec" | "/second" => Some(format!("{number}/s")),
        "/m" | "/minute" => Some(format!("{number}/min")),
        "/hour" => Some(format!("{number}/h")),
        "/day" => Some(format!("{number}/d")),
        "s" => text.strip_suffix('s').and_then(|number| scaled(number, 1_000)).map(|millis| format!("{millis}ms")),
        _ => None,
    };
    LiteralError {
        code: Code::TypeUnit,
        message: format!("`{text}` is no quantity"),
        help: Some(meant.as_ref().map_or_else(|| UNITS.to_owned(), |meant| format!("did you mean `{meant}`? {UNITS}"))),
        meant,
    }
}

/// How a bare number would be written with the unit its place asks for.
#[must_use]
pub fn with_unit(number: u64, wanted: &Type) -> Option<String> {
    Some(match wanted {
        Type::Duration => format!("`{number}ms` or `{number}s`"),
        Type::Size => format!("`{number}B` or `{number}KiB`"),
        Type::Percent => format!("`{number}%`"),
        Type::Rate => format!("`{number}/s` or `{number}/min`"),
        _ => return None,
    })
}
