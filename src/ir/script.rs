//! `test` blocks: steps that stand in the order they run.

use crate::http::UpstreamIndex;
use crate::lang::value::Value;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// A test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One step, with where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// `file:line`.
    pub place: String,
    /// The step as written.
    pub text: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// `given claims { … }`: a valid token with these claims.
    Claims(Vec<(String, Value)>),
    /// `given key { … }`: a valid key with these attributes.
    Key(Vec<(String, Value)>),
    /// `given user "name"`: valid Basic credentials.
    User(String),
    /// `given client.ip IP`
    ClientIp(IpAddr),
    /// `given header "name" "value"`: sent with every request from here on.
    Header(String, String),
    /// `given upstream U replies …`
    Replies(UpstreamIndex, Reply),
    /// `given upstream U refuses [times N]`
    Refuses(UpstreamIndex, Option<u32>),
    /// `given hook H replies json "…"`: what it answers whenever it is asked; the hook by its place among the declarations.
    HookReplies(u16, String),
    /// `given hook H fails`
    HookFails(u16),
    /// `given only limit L`
    OnlyLimit(String),
    /// `request METHOD TARGET` and `repeat N METHOD TARGET`
    Request(Request),
    /// `advance D`
    Advance(Duration),
    /// `expect …`
    Expect(Expectation),
}

/// A scripted answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Media type and body, where the script gives one; else the stub's, else `{}`.
    pub body: Option<(String, String)>,
    /// How long the upstream takes.
    pub after: Duration,
    /// For so many calls; none is for all from here on.
    pub times: Option<u32>,
}

/// A request of a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// How many times it is made.
    pub times: u32,
    /// The method.
    pub method: String,
    /// A path with its query, or a whole URL.
    pub target: String,
    /// Its fields.
    pub headers: Vec<(String, String)>,
    /// Media type and body.
    pub body: Option<(String, String)>,
}

/// What an `expect` asks of the last request, or of each of the last `repeat`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expectation {
    /// `expect status 200`, `expect status 2xx`: a range of codes.
    Status(u16, u16),
    /// `expect route == NAME`; none for a request that no route takes.
    Route(Comparison, Option<String>),
    /// `expect upstream == NAME`
    Upstream(Comparison, Option<String>),
    /// `expect stage NAME`: where it was answered.
    Stage(String),
    /// `expect limited by NAME`
    LimitedBy(String),
    /// `expect breaker U == STATE`
    Breaker(UpstreamIndex, Comparison, String),
    /// `expect cache == hit`
    Cache(Comparison, String),
    /// `expect attempts == N`
    Attempts(Comparison, u64),
    /// `expect header("x") == "y"`; none for a field that is not there.
    Header(String, Comparison, Option<String>),
    /// `expect body json """…"""`: equal as JSON.
    BodyJson(serde_json::Value),
    /// `expect body text "…"`: equal to the letter.
    BodyText(String),
    /// `expect received header("x") == "y"`: what the upstream got.
    ReceivedHeader(String, Comparison, Option<String>),
    /// `expect received query("q") == "y"`
    ReceivedQuery(String, Comparison, Option<String>),
    /// `expect received path == "/x"`
    ReceivedPath(Comparison, String),
}

/// How two values are held against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}
