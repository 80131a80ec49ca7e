//! The statements an upstream is made of.

use super::{balance, connect, health};
use crate::lang::form::{Form, Kind, Merge, Place, Slot, Word};

/// Everything that may stand in `upstream { }` besides what policies contribute.
pub const WORDS: &[Word] = &[
    Word { form: TARGET, places: &[Place::Upstream], merge: Merge::Conjunctive, stage: "call" },
    Word { form: HOST, places: &[Place::Upstream], merge: Merge::Single, stage: "call" },
    Word { form: PATH, places: &[Place::Upstream], merge: Merge::Single, stage: "normalise" },
    Word { form: STUB, places: &[Place::Upstream], merge: Merge::Conjunctive, stage: "call" },
    Word { form: BREAKER, places: &[Place::Upstream, Place::Policy], merge: Merge::Fields, stage: "call" },
    Word {
        form: TIMEOUT,
        places: &[Place::Gateway, Place::Upstream, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Fields,
        stage: "call",
    },
    Word {
        form: super::retry::FORM,
        places: &[Place::Gateway, Place::Upstream, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Fields,
        stage: "call",
    },
    word(balance::STICKY),
    word(connect::RESOLVE),
    word(balance::FORM),
    word(health::FORM),
    word(health::EJECT),
    word(connect::CONCURRENCY),
    word(connect::TLS),
    word(connect::HTTP2),
    word(connect::OPENAPI),
];

const fn word(form: Form) -> Word {
    Word { form, places: &[Place::Upstream, Place::Policy], merge: Merge::Single, stage: "call" }
}

const TARGET: Form = Form::new("target", "one endpoint: `http://host:port` or `https://host:port`, without a path")
    .slots(&[Slot::value("url", "a URL such as `http://users:9000`")])
    .children(&[
        Form::new("weight", "its share of the load relative to the other targets'")
            .slots(&[Slot::value("number", "an integer")])
            .default("weight 1"),
        Form::new("backup", "used only when no other target can be"),
    ])
    .many();

const HOST: Form = Form::new("host", "the `Host` that the upstream is sent")
    .slots(&[Slot::value("name", "`keep`, `target` or a name in quotes")])
    .default("host keep");

const PATH: Form = Form::new("path", "how the upstream wants paths").children(&[Form::new(
    "encoded_slashes",
    "whether an encoded slash (`%2F`) is passed on or refused with 400",
)
.slots(&[Slot::word("choice", &["keep", "reject"])])
.default("encoded_slashes reject")]);

const STUB: Form = Form::new("stub", "what the upstream answers in `gate test` and under `gate run --dev`").rows(&STUB_ROW);

const STUB_ROW: Form = Form::new("METHOD", "a scripted answer: method, path, status, and a body").slots(&[
    Slot::new("path", Kind::Path),
    Slot::value("status", "a status"),
    Slot::word("format", &["json", "text", "html"]).optional(),
    Slot::value("body", "a string").optional(),
]);

const BREAKER: Form = Form::new("breaker", "stops calling an upstream that fails, and probes whether it has recovered").children(&[
    Form::new("open_after", "failures in a row that open it").slots(&[Slot::value("count", "an integer"), Slot::fixed("failures")]),
    Form::new("window", "how far back `open_when` looks").slots(&[Slot::value("time", "a duration")]).default("window 10s"),
    Form::new("open_when", "the share of failed attempts within `window` that opens it, and the least number of attempts").slots(&[
        Slot::value("share", "`failures >= 50%`"),
        Slot::fixed("of"),
        Slot::value("least", "an integer"),
    ]),
    Form::new("cooldown", "how long it stays open").slots(&[Slot::value("time", "a duration")]).default("cooldown 30s"),
    Form::new("probes", "requests let through after the cooldown").slots(&[Slot::value("count", "an integer")]).default("probes 1"),
]);

const TIMEOUT: Form = Form::new("timeout", "how long a call may take").children(&[
    Form::new("connect", "until the connection stands").slots(&[Slot::value("time", "a duration")]).default("connect 3s"),
    Form::new("attempt", "until the response head of one attempt, the connect included")
        .slots(&[Slot::value("time", "a duration")])
        .default("attempt 15s"),
    Form::new("read", "between two reads of the response body").slots(&[Slot::value("time", "a duration")]).default("read 5m"),
    Form::new("total", "until the response head is handed over, over all attempts and waits")
        .slots(&[Slot::value("time", "a duration")])
        .default("total 30s"),
]);
