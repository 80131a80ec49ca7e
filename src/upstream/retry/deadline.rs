//! Whether all attempts have time: held against the timeouts in force beside them.

use super::Config;
use crate::diag::{Code, Diagnostic};
use crate::lang::literal::written;
use crate::lang::{Checker, Node};
use crate::upstream::check::Timeouts;
use std::time::Duration;

/// Warns when the attempts and the waits between them need more than `total`. Where neither `attempt` nor `total` is
/// written nobody has said how long a call may take, and nothing is held against it.
pub fn exceeds(node: &Node<'_>, config: &Config, timeouts: &Timeouts, checker: &mut Checker<'_>) {
    if timeouts.attempt.is_none() && timeouts.total.is_none() {
        return;
    }
    let timeout = timeouts.complete_quietly();
    let (attempt, total) = (timeout.attempt, timeout.total);
    let needs = |attempts: u32| begins(config, attempt, attempts).saturating_add(attempt);
    let Some(late) = (2..=config.attempts).find(|number| needs(*number) > total) else { return };
    let begin = begins(config, attempt, late);
    let of = if late == config.attempts { format!("attempt {late} of {late}") } else { format!("attempt {late} of {}", config.attempts) };
    let left = if begin >= total { "no time left".to_owned() } else { format!("only {} left", shown(total.saturating_sub(begin))) };
    let before = match late {
        2 => "the first one times out".to_owned(),
        3 => "the first two time out".to_owned(),
        more => format!("the first {} time out", more - 1),
    };
    let clause = node.child("attempts").unwrap_or(node);
    let mut found = Diagnostic::new(Code::RetryExceedsDeadline, format!("{of} has {left} when {before}"))
        .at(clause.span, format!("{} attempts need {} = {}", config.attempts, sum(config, attempt), shown(needs(config.attempts))));
    if let Some((_, span)) = timeouts.attempt {
        found = found.also(span, "per attempt");
    }
    if let Some((_, span)) = timeouts.total {
        found = found.also(span, format!("but everything stops after {}", written(total)));
    }
    checker.report.push(found.help(ways_out(config, attempt, total, late)));
}

/// When an attempt begins if those before it time out, each wait as long as it can be.
fn begins(config: &Config, attempt: Duration, number: u32) -> Duration {
    waits(config, number).saturating_add(attempt.saturating_mul(number - 1))
}

fn waits(config: &Config, attempts: u32) -> Duration {
    (2..=attempts).map(|number| config.backoff.longest_before(number)).fold(Duration::ZERO, Duration::saturating_add)
}

/// `3 × 900ms + 2 × 100ms`
fn sum(config: &Config, attempt: Duration) -> String {
    let (attempts, backoff) = (config.attempts, &config.backoff);
    let calls = format!("{attempts} × {}", written(attempt));
    if backoff.cap.is_zero() {
        calls
    } else if backoff.base == backoff.cap {
        format!("{calls} + {} × {}", attempts - 1, written(backoff.base))
    } else {
        format!("{calls} + {} of waits", written(waits(config, attempts)))
    }
}

/// Fewer attempts, shorter ones, or more time: each with what it comes to.
fn ways_out(config: &Config, attempt: Duration, total: Duration, late: u32) -> String {
    let mut ways = Vec::new();
    let fewer = late - 1;
    let needs = |attempts: u32, attempt: Duration| begins(config, attempt, attempts).saturating_add(attempt);
    if fewer > 1 {
        ways.push(format!("`attempts {fewer}` ({})", shown(needs(fewer, attempt))));
    }
    let shorter = rounded_down(total.saturating_sub(waits(config, config.attempts)) / config.attempts);
    if !shorter.is_zero() {
        ways.push(format!("`attempt {}` ({})", written(shorter), shown(needs(config.attempts, shorter))));
    }
    ways.push(format!("`total {}`", written(rounded_up(needs(config.attempts, attempt)))));
    if fewer == 1 {
        ways.push("no `retry`".to_owned());
    }
    match ways.split_last() {
        Some((last, [])) => format!("use {last}"),
        Some((last, rest)) => format!("use {} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// To two digits or so: nobody writes `attempt 617ms`.
fn rounded_down(time: Duration) -> Duration {
    let step = step(time);
    Duration::from_millis(millis(time) / step * step)
}

fn rounded_up(time: Duration) -> Duration {
    let step = if time >= Duration::from_secs(1) { 1_000 } else { 100 };
    Duration::from_millis(millis(time).div_ceil(step) * step)
}

fn step(time: Duration) -> u64 {
    match millis(time) {
        10_000.. => 1_000,
        1_000.. => 100,
        100.. => 10,
        _ => 1,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A computed time: `900ms`, `2.9s`, `2.85s`.
fn shown(time: Duration) -> String {
    let millis = millis(time);
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let (seconds, part) = (millis / 1_000, millis % 1_000);
    let digits = format!("{part:03}");
    let digits = digits.trim_end_matches('0');
    format!("{seconds}.{}s", if digits.is_empty() { "0" } else { digits })
}
