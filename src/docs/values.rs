//! The types of values, the references and the functions of the language, for readers. The checker does not read these
//! tables; the tests hold them against it.

/// A type of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeEntry {
    /// Its name; a generic one with its parameters.
    pub name: &'static str,
    /// What its values are.
    pub doc: &'static str,
    /// Values as they are written; empty for a type whose values only come with a request.
    pub written: &'static [&'static str],
    /// Units that a value may carry; empty when it carries none.
    pub units: &'static [&'static str],
}

/// A value that comes with a request or its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// As it is written; capitals stand for a name of the user's.
    pub name: &'static str,
    /// Its type.
    pub ty: &'static str,
    /// The stage from which it is known.
    pub stage: &'static str,
    /// What it is.
    pub doc: &'static str,
}

/// A function or an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// As it is written.
    pub usage: &'static str,
    /// What it yields.
    pub ty: &'static str,
    /// What it is.
    pub doc: &'static str,
}

/// Units of times.
pub const DURATION_UNITS: &[&str] = &["ms", "s", "m", "h", "d"];
/// Units of sizes, in bytes.
pub const SIZE_UNITS: &[&str] = &["B", "KiB", "MiB", "GiB", "TiB", "KB", "MB", "GB", "TB"];
/// What a rate is per.
pub const RATE_UNITS: &[&str] = &["/s", "/min", "/h", "/d", "/month"];

/// Every type.
pub const TYPES: &[TypeEntry] = &[
    plain("bool", "true or false", &["true", "false"]),
    plain("int", "a whole number of 64 bits, never negative", &["7", "5_000"]),
    plain("str", "text; `${expr}` interpolates, and `\"\"\"…\"\"\"` goes over lines", &["\"text\""]),
    TypeEntry { name: "duration", doc: "a time that passes", written: &["250ms", "30s", "1m30s", "2h", "7d"], units: DURATION_UNITS },
    TypeEntry { name: "size", doc: "bytes", written: &["64KiB", "8MiB", "1.5MB"], units: SIZE_UNITS },
    TypeEntry { name: "percent", doc: "a share, to a hundredth of a percent", written: &["25%", "0.5%"], units: &["%"] },
    TypeEntry { name: "rate", doc: "so many per so long", written: &["100/min", "50/s", "5_000/h"], units: RATE_UNITS },
    plain("status", "a status code, or a set of them", &["404", "2xx", "500..599"]),
    plain("method", "a method, in capitals", &["GET"]),
    plain("ip", "an address without a port", &["10.0.0.1"]),
    plain("cidr", "a network", &["10.0.0.0/8", "fd00::/8"]),
    plain("address", "where something listens", &[":8080", "127.0.0.1:9901", "[::]:443", "unix:/run/gate.sock"]),
    plain("host", "a host, or with `*.` all hosts below a domain", &["api.example.com", "*.example.com"]),
    plain("regex", "a regular expression without look-around and back references; `matches` is anchored", &["re\"[a-z]+\""]),
    plain("path", "a path", &["/users"]),
    plain("url", "a URL", &["http://users:9000"]),
    plain("date", "a day", &["2027-01-31"]),
    plain("secret", "where a value comes from that is never shown", &["env(\"KEY\")", "file(\"key.pem\")"]),
    plain("enum(A, B)", "one of these words", &[]),
    plain("list<T>", "values of one type, in order", &["[1, 2]"]),
    plain("set<T>", "values of one type, each once; a `cidr` is a set of addresses, `2xx` one of statuses", &["[1, 2]"]),
    plain("range<T>", "from one value to another, both included", &["50ms..400ms"]),
    plain("T?", "a value that may be missing; `none` is the missing one", &["none"]),
];

const fn plain(name: &'static str, doc: &'static str, written: &'static [&'static str]) -> TypeEntry {
    TypeEntry { name, doc, written, units: &[] }
}

/// Every reference.
pub const REFERENCES: &[Reference] = &[
    known("client.ip", "ip", "accept", "the client's address, past the proxies that `trust` names"),
    known("client.cert.subject", "str?", "accept", "the subject of the client's certificate, as `CN=alice,O=Example`"),
    known("client.cert.san", "str?", "accept", "the first alternative name in the client's certificate"),
    known("request.method", "method", "match", "the method"),
    known("request.path", "str", "match", "the path after normalisation"),
    known("request.host", "host", "match", "the host asked for, without the port"),
    known("request.scheme", "enum(http, https)", "match", "how the client came"),
    known("request.id", "str", "match", "the id of the request, in logs and for the upstream"),
    known("request.listener", "str", "match", "the name of the listener, or its address"),
    known("request.size", "int?", "match", "the body's length in bytes, where the client said it"),
    known(
        "header(\"NAME\")",
        "str?",
        "match",
        "a field of the request, its lines joined by `, `; inside `response { }` one of the response",
    ),
    known("query(\"NAME\")", "str?", "match", "a query parameter; a rule refuses a request that has it twice"),
    known("cookie(\"NAME\")", "str?", "match", "a cookie; a rule refuses a request that has it twice"),
    known("param.NAME", "by the path", "match", "a parameter of the route's path"),
    known("param.rest", "str", "match", "what a final `/**` took, without the leading slash"),
    known("claim.NAME", "as the auth declares", "authenticate", "a claim of the caller's token"),
    known("key.NAME", "as the auth declares", "authenticate", "an attribute of the caller's key; `key.name` is its owner"),
    known("user.name", "str", "authenticate", "who passed Basic authentication"),
    known("upstream.name", "str", "target", "the upstream that was chosen"),
    known("response.status", "status", "respond", "the status of the response"),
    known("response.duration", "duration", "respond", "from the request's arrival to the response's head"),
    known(
        "body(\"/POINTER\")",
        "str?",
        "body",
        "a value of the request's JSON body, by JSON pointer: text, or a number or boolean as written",
    ),
    known("flag.NAME", "bool", "match", "a switch that is turned while the gateway runs; known when its key is"),
];

const fn known(name: &'static str, ty: &'static str, stage: &'static str, doc: &'static str) -> Reference {
    Reference { name, ty, stage, doc }
}

/// The functions that are no references.
pub const FUNCTIONS: &[Operation] = &[
    operation("has(VALUE)", "bool", "whether a value that may be missing is there"),
    operation("lower(TEXT)", "str", "the text in small letters (ASCII)"),
    operation("env(\"NAME\")", "secret", "a variable of the environment, read at start and on reload"),
    operation("file(\"PATH\")", "secret", "a file's content, read at start and on reload; relative to the policy's own file"),
];

/// The operators, those that bind loosest first.
pub const OPERATORS: &[Operation] = &[
    operation("A or B", "bool", "one of them holds"),
    operation("A and B", "bool", "both hold"),
    operation("not A", "bool", "it does not hold"),
    operation("A == B, A != B", "bool", "equal, not equal; a missing value equals only `none`"),
    operation("A < B, A <= B, A > B, A >= B", "bool", "in this order: numbers, sizes, times, statuses, dates and text"),
    operation("A in B, A not in B", "bool", "among the members of a list, a set, a network, or a class of statuses"),
    operation("A matches re\"…\"", "bool", "the whole text matches"),
    operation("A ?? B", "A's type without `?`", "B where A is missing"),
];

const fn operation(usage: &'static str, ty: &'static str, doc: &'static str) -> Operation {
    Operation { usage, ty, doc }
}

/// The units that a slot's value carries, from how messages describe it (`a duration`).
#[must_use]
pub fn units(what: &str) -> &'static [&'static str] {
    let says = |word: &str| what.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|found| found == word);
    if says("duration") {
        DURATION_UNITS
    } else if says("size") {
        SIZE_UNITS
    } else if says("rate") {
        RATE_UNITS
    } else if what.contains('%') {
        &["%"]
    } else {
        &[]
    }
}
