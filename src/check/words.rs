//! The words that give a file its structure: everything that is neither a policy nor part of an upstream.

use super::listen::{ADMIN, LISTEN};
use crate::http::forward::Field;
use crate::lang::form::{Declared, Form, Kind, Merge, Place, Slot, Word};

/// The structural words.
pub const WORDS: &[Word] = &[
    top(Form::new("gate", "the edition of the language, first in the file").slots(&[Slot::value("edition", "an edition, such as `1`")])),
    top(GATEWAY),
    top(Form::new("import", "the declarations of another file, under a name")
        .slots(&[Slot::value("file", "a file name in quotes")])
        .children(&[Form::new("as", "the name they go by").slots(&[Slot::name("name")]).required()])),
    top(Form::new("let", "a constant").slots(&[
        Slot::name("name"),
        Slot::new("type", Kind::Value("a type")).annotation().optional(),
        Slot::value("value", "a value").assign(),
    ])),
    top(Form::new("param", "a value of the deployment: `--set name=value`, or GATE_PARAM_name in the environment").slots(&[
        Slot::name("name"),
        Slot::new("type", Kind::Value("a type")).annotation(),
        Slot::value("default", "a value").assign().optional(),
    ])),
    top(Form::new("upstream", "a service that requests are sent to").slots(&[Slot::name("name")]).holds(Place::Upstream)),
    top(Form::new("policy", "statements under a name, put in force by `use`").slots(&[Slot::name("name")]).holds(Place::Policy)),
    Word { form: GROUP, places: &[Place::File, Place::Group], merge: Merge::Keyed, stage: "" },
    Word { form: ROUTE, places: &[Place::File, Place::Group], merge: Merge::Keyed, stage: "match" },
    top(Form::new("test", "requests and what is expected of their replies, run by `gate test`")
        .slots(&[Slot::value("name", "a name in quotes")])
        .holds(Place::Test)),
    top(Form::new("invariant", "what must hold for all routes").slots(&[Slot::value("name", "a name in quotes")]).children(&[
        Form::new("for", "which routes it speaks of")
            .slots(&[Slot::fixed("route"), Slot::value("names", "the name of a route, or a list of names").optional()])
            .children(&[
                Form::new("public", "those that nobody has to prove who they are for"),
                Form::new("under", "those that take requests for this path or below it, and of others only these requests")
                    .slots(&[Slot::new("path", Kind::Path)]),
            ])
            .required(),
        Form::new("expect", "what must hold for them")
            .slots(&[Slot::new("claim", Kind::Rest(&["implied", "route"]))])
            .ways(INVARIANT_WAYS)
            .many(),
    ])),
    Word {
        form: Form::new("use", "puts a policy's statements in force here").slots(&[Slot::value("policy", "the name of a policy")]),
        places: &[Place::Gateway, Place::Upstream, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Conjunctive,
        stage: "",
    },
    Word {
        form: Form::new("match", "what must be true of a request besides its host, method and path")
            .slots(&[Slot::value("condition", "a condition")]),
        places: &[Place::Group, Place::Route],
        merge: Merge::Conjunctive,
        stage: "match",
    },
    Word {
        form: Form::new("priority", "goes before routes of lower priority that match the same request")
            .slots(&[Slot::value("number", "an integer")])
            .default("priority 0"),
        places: &[Place::Route],
        merge: Merge::Single,
        stage: "match",
    },
    Word { form: LOG, places: &[Place::Gateway, Place::Group, Place::Route], merge: Merge::Single, stage: "" },
    gateway(LISTEN),
    gateway(ADMIN),
    gateway(
        Form::new("trust", "proxies whose forwarding fields are believed")
            .slots(&[Slot::value("networks", "a network or a list of them")])
            .children(&[Form::new("field", "the one that they write; what they hand on of the other is not believed")
                .slots(&[Slot::word("name", Field::NAMES)])
                .default("field x-forwarded-for")]),
    ),
    gateway(
        Form::new("request_id", "the field that carries a request's id")
            .slots(&[Slot::value("field", "a field name in quotes")])
            .default("request_id \"x-request-id\""),
    ),
    gateway(LIMITS),
    gateway(
        Form::new("drain", "longest time for running requests to end after SIGTERM")
            .slots(&[Slot::value("time", "a duration")])
            .default("drain 30s"),
    ),
    gateway(Form::new("workers", "worker threads; one per core when it is not written").slots(&[Slot::value("number", "an integer")])),
    step(
        Form::new("given", "what the test starts from")
            .slots(&[Slot::new("what", Kind::Rest(GIVEN_WORDS))])
            .ways(GIVEN_WAYS)
            .rows(&GIVEN_ROW),
    ),
    step(
        Form::new("request", "makes a request")
            .slots(&[Slot::value("method", "a method"), Slot::value("target", "a path or URL")])
            .children(&[WITH]),
    ),
    step(
        Form::new("repeat", "makes a request several times; an `expect` behind it holds for every reply")
            .slots(&[Slot::value("times", "an integer"), Slot::value("method", "a method"), Slot::value("target", "a path or URL")])
            .children(&[WITH]),
    ),
    step(Form::new("advance", "lets time pass").slots(&[Slot::value("time", "a duration")])),
    step(
        Form::new("expect", "what must be true of the last reply").slots(&[Slot::new("what", Kind::Rest(EXPECT_WORDS))]).ways(EXPECT_WAYS),
    ),
];

const fn top(form: Form) -> Word {
    Word { form: form.many(), places: &[Place::File], merge: Merge::Keyed, stage: "" }
}

const fn gateway(form: Form) -> Word {
    Word { form, places: &[Place::Gateway], merge: Merge::Single, stage: "" }
}

const fn step(form: Form) -> Word {
    Word { form: form.many(), places: &[Place::Test], merge: Merge::Conjunctive, stage: "" }
}

const GATEWAY: Form = Form::new("gateway", "the gateway's own settings, and defaults of every route").holds(Place::Gateway);

const GROUP: Form = Form::new("group", "routes that share a host, a path prefix and statements")
    .slots(&[Slot::name("name"), Slot::new("prefix", Kind::Path).optional()])
    .children(&[Form::new("host", "the hosts of its routes").slots(&[Slot::value("hosts", "a host or a list of hosts")])])
    .holds(Place::Group)
    .many();

const ROUTE: Form = Form::new("route", "which requests are taken, and what answers them")
    .slots(&[
        Slot::name("name"),
        Slot::new("methods", Kind::Methods),
        Slot::new("path", Kind::Path),
        Slot::declared("upstream", Declared::Upstream).arrow().optional(),
    ])
    .holds(Place::Route)
    .many();

const LIMITS: Form = Form::new("limits", "bounds on requests and connections").children(&[
    Form::new("header_bytes", "largest request line and header section; beyond: 431")
        .slots(&[Slot::value("size", "a size")])
        .default("header_bytes 32KiB"),
    Form::new("headers", "most header fields; beyond: 431").slots(&[Slot::value("number", "an integer")]).default("headers 100"),
    Form::new("body", "largest request body where no route says otherwise; beyond: 413")
        .slots(&[Slot::value("size", "a size")])
        .default("body 8MiB"),
    Form::new("connections", "most connections at once").slots(&[Slot::value("number", "an integer")]).default("connections 10_000"),
    Form::new("header_timeout", "longest time for a request's head to arrive; beyond: 408")
        .slots(&[Slot::value("time", "a duration")])
        .default("header_timeout 10s"),
    Form::new("idle", "longest time a connection stays open between requests")
        .slots(&[Slot::value("time", "a duration")])
        .default("idle 75s"),
]);

const LOG: Form = Form::new("log", "the access log: one line per request on standard output")
    .slots(&[Slot::fixed("access"), Slot::word("format", &["json", "text", "off"])])
    .children(&[
        Form::new("sample", "the share of requests that is written").slots(&[Slot::value("share", "a percentage")]).default("sample 100%"),
        Form::new("when", "written only when this holds").slots(&[Slot::value("condition", "a condition")]),
        Form::new("redact", "fields whose values are never written, besides the credentials")
            .slots(&[Slot::value("fields", "a list of field names")]),
        Form::new("field", "a further field").slots(&[Slot::name("name"), Slot::value("value", "a value")]).many(),
    ]);

const WITH: Form = Form::new("with", "a header or a body of the request")
    .slots(&[
        Slot::word("what", &["header", "body"]),
        Slot::value("name", "a field name in quotes, or `json` or `text`"),
        Slot::value("value", "a string"),
    ])
    .many();

const GIVEN_WORDS: &[&str] = &[
    "claims", "key", "user", "header", "upstream", "replies", "refuses", "json", "text", "after", "times", "only", "limit", "hook", "fails",
];

const EXPECT_WORDS: &[&str] = &[
    "status", "route", "upstream", "stage", "limited", "by", "breaker", "cache", "attempts", "header", "body", "json", "text", "received",
    "query", "path",
];

const GIVEN_WAYS: &[(&str, &str)] = &[
    ("claims { … }", "a valid token with these claims, for whatever `auth jwt` a route asks"),
    ("key { … }", "a valid API key with these attributes"),
    ("user \"NAME\"", "a valid name and password"),
    ("client.ip IP", "where requests come from"),
    ("header \"NAME\" \"VALUE\"", "a field of every request that follows"),
    ("upstream NAME replies STATUS [json|text \"…\"] [after TIME] [times N]", "what it answers next"),
    ("upstream NAME refuses [times N]", "connections to it are refused"),
    ("hook NAME replies json \"…\"", "what it answers whenever it is asked; without it, nothing"),
    ("hook NAME fails", "it cannot be asked"),
    ("only limit NAME", "the other limits are silent"),
];

const EXPECT_WAYS: &[(&str, &str)] = &[
    ("status STATUS", "its status, such as `200` or `2xx`"),
    ("header(\"NAME\") == \"VALUE\"", "a field of it; `!=` and `none` are fine here and below"),
    ("body json \"…\"", "its body, JSON compared by value"),
    ("body text \"…\"", "its body, letter by letter"),
    ("route == NAME", "the route that took the request, or `none`"),
    ("upstream == NAME", "the upstream that was called, or `none`"),
    ("stage NAME", "the stage of the pipeline that answered or refused, such as `authenticate`"),
    ("limited by NAME", "the limit that refused"),
    ("breaker UPSTREAM == STATE", "`closed`, `open` or `half_open`"),
    ("cache == VERDICT", "`hit`, `miss`, `stale`, `revalidated`, `bypass`, or `none` where no cache was asked"),
    ("attempts == N", "the calls made to upstreams"),
    ("received header(\"NAME\") == \"VALUE\"", "a field of the request as the upstream got it"),
    ("received query(\"NAME\") == \"VALUE\"", "a parameter of its query"),
    ("received path == PATH", "its path"),
];

const INVARIANT_WAYS: &[(&str, &str)] = &[
    ("implied CONDITION", "it holds for every request that gets past `authorize`; this is proved"),
    ("route in [A, B]", "the routes there may be"),
];

const GIVEN_ROW: Form = Form::new("NAME", "a claim or attribute and its value").slots(&[Slot::value("value", "a value")]);
