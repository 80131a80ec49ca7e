//! The words of `auth`: its declaration, and the statements that ask for it.

use crate::lang::form::{Declared, Form, Merge, Place, Slot, Word};

/// `auth KIND NAME { … }` at the top of a file.
pub const DECLARATION: Word = Word { form: AUTH_DECLARATION, places: &[Place::File], merge: Merge::Keyed, stage: "authenticate" };

/// The kinds of auths, as they are written.
pub(super) const KINDS: &[&str] = &["jwt", "key", "basic", "forward", "introspect"];

/// Which clauses each kind takes.
pub(super) const CLAUSES: &[(&str, &[&str])] = &[
    ("jwt", &["algorithms", "key", "jwks", "public_key", "issuer", "audience", "leeway", "from", "forward", "claims"]),
    ("key", &["from", "keys", "key", "attributes", "forward"]),
    ("basic", &["users", "forward"]),
    ("forward", &["url", "timeout", "headers", "copy", "cache", "forward"]),
    ("introspect", &["url", "client_id", "client_secret", "cache", "claims", "forward"]),
];

/// The clauses that an auth of this kind takes.
#[must_use]
pub fn clauses(kind: &str) -> &'static [&'static str] {
    CLAUSES.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, clauses)| clauses)
}

const AUTH_DECLARATION: Form = Form::new("auth", "a way for callers to prove who they are, by the name that `auth NAME` asks for it")
    .slots(&[Slot::word("kind", KINDS), Slot::name("name")])
    .children(&[
        Form::new("algorithms", "jwt: the signature algorithms that are accepted (RFC 7518 §3.1): HS256, HS384, HS512; RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA for keys that come in pairs")
            .slots(&[Slot::value("list", "a list such as `[HS256]`")]),
        Form::new(
            "key",
            "jwt: the HMAC key, at least as long as the hash, as `env(…)` or `file(…)`, or for algorithms with key pairs the private key \
             in PEM; key: one API key by its name, hashed at start, with its attributes in a block",
        )
        .slots(&[
            Slot::value("name_or_secret", "a secret such as `env(\"KEY\")`, for an API key its name before it"),
            Slot::value("its_secret", "a secret such as `env(\"KEY\")`").optional(),
        ])
        .rows(&KEY_ATTRIBUTE)
        .many(),
        Form::new("jwks", "jwt: where the issuer publishes its keys (RFC 7517)")
            .slots(&[Slot::value("url", "a URL")])
            .children(&[Form::new("refresh", "how long fetched keys are kept").slots(&[Slot::value("every", "a duration")]).default("refresh 10m")]),
        Form::new("public_key", "jwt: the issuer's public key in PEM").slots(&[Slot::value("file", "a `file(…)`")]),
        Form::new("issuer", "jwt: the only `iss` that is accepted, or a list of them (RFC 7519 §4.1.1)")
            .slots(&[Slot::value("issuer", "a string")]),
        Form::new("audience", "jwt: tokens must be meant for one of these (`aud`, RFC 7519 §4.1.3)")
            .slots(&[Slot::value("audience", "a string or a list of strings")]),
        Form::new("leeway", "jwt: how far the issuer's clock may be off when `exp` and `nbf` are judged")
            .slots(&[Slot::value("time", "a duration")])
            .default("leeway 30s"),
        Form::new("from", "jwt and key: where the credential is looked for; two that are present are a 401")
            .slots(&[Slot::value("places", "`header(\"…\")`, `cookie(\"…\")`, or a list of such")]),
        Form::new("keys", "key: lines `NAME sha256:HEX [attribute=value …]`, as `gate hash key` prints them")
            .slots(&[Slot::value("source", "a `file(…)` or `env(…)`")])
            .many(),
        Form::new("users", "basic: htpasswd lines `NAME:HASH` with argon2id or bcrypt, as `gate hash password` prints them")
            .slots(&[Slot::value("source", "a `file(…)` or `env(…)`")]),
        Form::new("claims", "jwt: what a token says of its bearer, typed: `claim.NAME` in expressions").rows(&CLAIM),
        Form::new("attributes", "key: what is known of a key's owner, typed: `key.NAME` in expressions").rows(&ATTRIBUTE),
        Form::new("forward", "the credential is sent on to the upstream").slots(&[Slot::fixed("credential")]),
        Form::new("url", "forward and introspect: the service that is asked").slots(&[Slot::value("url", "a URL")]),
        Form::new("timeout", "forward: how long the service may take").slots(&[Slot::value("time", "a duration")]).default("timeout 200ms"),
        Form::new("headers", "forward: the fields of the request that it is sent, which go no further").slots(&[Slot::value("names", "a list")])
            .default("headers [\"authorization\", \"cookie\"]"),
        Form::new("copy", "forward: the fields of its answer that go upstream; the first one is `user.name`").slots(&[Slot::value("names", "a list")]),
        Form::new("cache", "forward and introspect: how long a verdict on the same question is kept")
            .slots(&[Slot::value("time", "a duration")]),
        Form::new("client_id", "introspect: the gateway's own name there").slots(&[Slot::value("id", "a string")]),
        Form::new("client_secret", "introspect: the gateway's own secret there")
            .slots(&[Slot::value("secret", "a secret")]),
    ]);

const CLAIM: Form = Form::new("CLAIM", "one claim: its name, its type, what it is when it is missing, and where the token has it")
    .slots(&[
        Slot::value("type", "a type: `str`, `int`, `bool`, `enum(a, b)`, `set<str>`, perhaps with `?`"),
        Slot::value("default", "a value").assign().optional(),
    ])
    .children(&[Form::new("from", "the claim's literal name in the token, or a JSON pointer that begins with `/` (RFC 6901)")
        .slots(&[Slot::value("source", "a string")])]);

const ATTRIBUTE: Form = Form::new("ATTRIBUTE", "one attribute: its name, its type, and what it is when it is missing").slots(&[
    Slot::value("type", "a type: `str`, `int`, `bool`, `enum(a, b)`, `set<str>`, perhaps with `?`"),
    Slot::value("default", "a value").assign().optional(),
]);

const KEY_ATTRIBUTE: Form = Form::new("ATTRIBUTE", "an attribute of this key").slots(&[Slot::value("value", "a value of its type")]);

/// The statements of a route.
pub(super) const WORDS: &[Word] = &[
    Word {
        form: Form::new("auth", "who may come in: callers that one, any or all of these auths identify")
            .slots(&[Slot::word("mode", &["any", "all", "optional"]).optional(), Slot::declared("auths", Declared::Auth)]),
        places: &[Place::Gateway, Place::Group, Place::Route, Place::Policy],
        merge: Merge::Single,
        stage: "authenticate",
    },
    Word {
        form: Form::new("public", "everyone may come in; the reason is for those who read the policy").slots(&[Slot::value(
            "why",
            "a string with the reason",
        )
        .optional()]),
        places: &[Place::Group, Place::Route],
        merge: Merge::Single,
        stage: "authenticate",
    },
];
