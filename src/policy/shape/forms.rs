//! The statements of shaping.

use crate::lang::form::{Form, Merge, Place, Slot, Word};
use crate::policy::pointer::{DROP, KEEP, PICK, RENAME as RENAME_FIELD};

const ANYWHERE: &[Place] = &[Place::Gateway, Place::Group, Place::Route, Place::Policy];

const WHEN: Form = Form::new("when", "only when this holds; in a block with `->`, the value for that case")
    .slots(&[Slot::value("condition", "a condition"), Slot::value("value", "a value").arrow().optional()])
    .many();
const UNLESS: Form = Form::new("unless", "only when this does not hold").slots(&[Slot::value("condition", "a condition")]);
const ELSE: Form = Form::new("else", "the value when no `when` holds").slots(&[Slot::value("value", "a value").arrow()]);
const IF_MISSING: Form = Form::new("if_missing", "only when the response has no such field");

const FIELD_AND_VALUE: &[Slot] = &[Slot::value("name", "a field name"), Slot::value("value", "a value").optional()];

const REMOVE: Form = Form::new("remove", "takes fields away: one, or all that begin so (`\"X-Internal-*\"`)")
    .slots(&[Slot::value("name", "a field name")])
    .many();
const RENAME: Form = Form::new("rename", "moves a field's values to another name")
    .slots(&[Slot::value("old", "a field name"), Slot::value("new", "a field name")])
    .many();

const BODY: Form = Form::new("body", "changes a JSON body: takes parts of it, then sets fields").children(&[
    PICK,
    KEEP,
    DROP,
    RENAME_FIELD,
    Form::new("set", "gives a field a value").slots(&[Slot::value("field", "a field or a JSON pointer"), Slot::value("value", "a value")]).many(),
]);

const REQUEST: Form = Form::new("request", "changes the request's fields before it goes upstream").children(&[
    Form::new("set", "gives a field one value; what the client sent under an identity's field is always removed")
        .slots(FIELD_AND_VALUE)
        .children(&[WHEN, UNLESS, ELSE])
        .many(),
    Form::new("add", "gives a field a value beside those it has").slots(FIELD_AND_VALUE).children(&[WHEN, UNLESS, ELSE]).many(),
    REMOVE,
    RENAME,
    BODY,
]);

const RESPONSE: Form = Form::new("response", "changes the fields of what an upstream or the policy answered").children(&[
    Form::new("set", "gives a field one value").slots(FIELD_AND_VALUE).children(&[WHEN, UNLESS, ELSE, IF_MISSING]).many(),
    Form::new("add", "gives a field a value beside those it has").slots(FIELD_AND_VALUE).children(&[WHEN, UNLESS, ELSE]).many(),
    REMOVE,
    RENAME,
    BODY,
    Form::new("envelope", "wraps a JSON body with its status and request id"),
]);

const QUERY: Form = Form::new("query", "changes the query's parameters before the request goes upstream").children(&[
    Form::new("set", "gives a parameter one value; what the client sent under an identity's parameter is always removed")
        .slots(&[Slot::value("name", "a parameter's name"), Slot::value("value", "a value").optional()])
        .children(&[WHEN, UNLESS, ELSE])
        .many(),
    Form::new("remove", "takes parameters away: one, or all that begin so (`\"utm_*\"`)")
        .slots(&[Slot::value("name", "a parameter's name")])
        .many(),
]);

pub(super) const WORDS: &[Word] = &[
    Word { form: REQUEST, places: ANYWHERE, merge: Merge::Lines, stage: "shape" },
    Word { form: RESPONSE, places: ANYWHERE, merge: Merge::Lines, stage: "respond" },
    Word { form: QUERY, places: ANYWHERE, merge: Merge::Lines, stage: "shape" },
    Word {
        form: Form::new("strip_prefix", "takes whole segments off the path's front; the upstream is told in `X-Forwarded-Prefix`")
            .slots(&[Slot::value("path", "a path")]),
        places: ANYWHERE,
        merge: Merge::Single,
        stage: "shape",
    },
    Word {
        form: Form::new("add_prefix", "puts a path before the request's, after `strip_prefix`").slots(&[Slot::value("path", "a path")]),
        places: ANYWHERE,
        merge: Merge::Single,
        stage: "shape",
    },
    Word {
        form: Form::new("rewrite", "another path; the query stays unless the text has a `?`").slots(&[Slot::value("path", "a path")]),
        places: ANYWHERE,
        merge: Merge::Single,
        stage: "shape",
    },
];
