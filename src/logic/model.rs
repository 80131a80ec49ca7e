//! An example: a value for each reference of a question.

use crate::lang::eval::{Scalar, Source};
use crate::lang::expr::Ref;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Values under which a question's conditions are as they were asked to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    /// Each reference of the conditions once.
    pub known: Vec<Known>,
}

/// What one reference is.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The reference.
    pub reference: Ref,
    /// As it is written: `claim.role`.
    pub name: String,
    /// Its value.
    pub value: Example,
    /// False when any other value would have done as well.
    pub decisive: bool,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Example {
    /// There is none.
    Missing,
    /// A boolean.
    Truth(bool),
    /// A number, status or size.
    Number(u64),
    /// A duration.
    Duration(Duration),
    /// Text.
    Text(Arc<str>),
    /// An address.
    Address(IpAddr),
    /// A set, with texts that must not be in it.
    Set {
        /// Its members.
        has: Vec<Arc<str>>,
        /// Some that are none.
        lacks: Vec<Arc<str>>,
    },
}

impl Model {
    /// The value of a reference, if the question was about it.
    #[must_use]
    pub fn get(&self, reference: &Ref) -> Option<&Example> {
        self.known.iter().find(|known| known.reference == *reference).map(|known| &known.value)
    }
}

impl<'a> Source<'a> for &'a Model {
    fn value(self, reference: &'a Ref) -> Scalar<'a> {
        match self.get(reference) {
            None | Some(Example::Missing) => Scalar::Missing,
            Some(Example::Truth(truth)) => Scalar::Bool(*truth),
            Some(Example::Number(number)) => Scalar::Int(*number),
            Some(Example::Duration(duration)) => Scalar::Duration(*duration),
            Some(Example::Text(text)) => Scalar::Text((&**text).into()),
            Some(Example::Address(ip)) => Scalar::Ip(*ip),
            Some(Example::Set { has, .. }) => Scalar::Set(has),
        }
    }
}

impl fmt::Display for Model {
    /// What decides the question: `` `claim.role` = `user`, no `header("x-plan")` ``; `any request` when nothing does.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> = self.known.iter().filter(|known| known.decisive).map(ToString::to_string).collect();
        if told.is_empty() { out.write_str("any request") } else { out.write_str(&told.join(", ")) }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        let list = |texts: &[Arc<str>]| texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" and ");
        match &self.value {
            Example::Missing => write!(out, "no `{name}`"),
            Example::Truth(truth) => write!(out, "`{name}` = `{truth}`"),
            Example::Number(number) => write!(out, "`{name}` = `{number}`"),
            Example::Duration(duration) => write!(out, "`{name}` = `{duration:?}`"),
            Example::Text(text) if text.is_empty() => write!(out, "`{name}` empty"),
            Example::Text(text) => write!(out, "`{name}` = `{}`", text.escape_debug()),
            Example::Address(ip) => write!(out, "`{name}` = `{ip}`"),
            Example::Set { has, .. } if !has.is_empty() => write!(out, "`{name}` with {}", list(has)),
            Example::Set { lacks, .. } if !lacks.is_empty() => write!(out, "`{name}` without {}", list(lacks).replace(" and ", " or ")),
            Example::Set { .. } => write!(out, "`{name}` empty"),
        }
    }
}
