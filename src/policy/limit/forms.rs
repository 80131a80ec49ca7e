//! The words of limits.

use crate::lang::form::{Declared, Form, Merge, Place, Slot, Word};

/// Names of the algorithms.
pub(super) const ALGORITHMS: &[&str] = &["token_bucket", "fixed_window", "sliding_window", "sliding_log"];

const BURST: Form =
    Form::new("burst", "how many may come at once (token_bucket): the size of the bucket; the rate's count when it is not written")
        .slots(&[Slot::value("count", "an integer")]);

const LIMIT: Form = Form::new("limit", "how often, or how many at once: what is over it is a 429 with `Retry-After`")
    .slots(&[
        Slot::name("name"),
        Slot::value("rate", "a rate such as `100/min`, or a number and `concurrent`"),
        Slot::fixed("concurrent").optional(),
    ])
    .children(&[
        Form::new("by", "each distinct value has its own counter; without it one counter is for all")
            .slots(&[Slot::value("key", "a value of the request or the caller, or a list of such")]),
        BURST,
        Form::new("counting", "only requests whose response this holds for use the limit up")
            .slots(&[Slot::value("condition", "a condition over the response")]),
        Form::new("algorithm", "how requests are counted").slots(&[Slot::word("name", ALGORITHMS)]).default("algorithm token_bucket"),
        Form::new("store", "counted together with the other gateways that use this store").slots(&[Slot::declared("store", Declared::Store)]),
        Form::new("when", "another rate, with counters of its own, where the condition holds")
            .slots(&[Slot::value("condition", "a condition"), Slot::value("rate", "a rate").arrow()])
            .children(&[BURST])
            .many(),
    ]);

/// The statements.
pub(super) const WORDS: &[Word] = &[
    Word { form: LIMIT, places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy], merge: Merge::Keyed, stage: "limit" },
    Word {
        form: Form::new(
            "ratelimit_headers",
            "the fields that tell clients where they stand: `ietf` is `RateLimit` and `RateLimit-Policy`, `x` is `X-RateLimit-*`",
        )
        .slots(&[Slot::value("styles", "a list of `ietf` and `x`")])
        .default("ratelimit_headers [ietf, x]"),
        places: &[Place::Gateway],
        merge: Merge::Single,
        stage: "",
    },
];
