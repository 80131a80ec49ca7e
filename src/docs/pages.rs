//! Where the pages tell of a statement of routes, with examples that are run.

/// By a statement, the section of a page below `docs/`.
const SECTIONS: &[(&str, &str)] = &[
    ("allow", "access.md"),
    ("deny", "access.md"),
    ("require", "access.md"),
    ("public", "access.md"),
    ("cors", "access.md#cors-scripts-of-other-origins"),
    ("auth", "auth.md"),
    ("issue", "auth.md#issue-tokens-of-the-gateways-own"),
    ("limit", "limits.md"),
    ("cache", "caching.md"),
    ("to", "routing.md#to-one-of-several-upstreams"),
    ("query", "routing.md#paths-and-queries"),
    ("strip_prefix", "routing.md#paths-and-queries"),
    ("add_prefix", "routing.md#paths-and-queries"),
    ("rewrite", "routing.md#paths-and-queries"),
    ("redirect", "routing.md#redirect"),
    ("fallback", "routing.md#fallback-when-the-target-fails"),
    ("mirror", "routing.md#mirror-a-copy-of-the-traffic"),
    ("request", "shaping.md#json-bodies"),
    ("response", "shaping.md#json-bodies"),
    ("body", "shaping.md#body-json-what-a-requests-body-must-be"),
    ("security_headers", "shaping.md#security_headers"),
    ("compress", "shaping.md#compress"),
    ("aggregate", "shaping.md#aggregate"),
    ("respond", "shaping.md#aggregate"),
    ("error", "shaping.md#error-what-errors-look-like"),
    ("maintenance", "shaping.md#maintenance"),
    ("deprecated", "shaping.md#deprecated-and-versions-of-an-api"),
];

/// The section that tells of a statement.
#[must_use]
pub fn section_of(word: &str) -> Option<&'static str> {
    SECTIONS.iter().find(|(statement, _)| *statement == word).map(|(_, section)| *section)
}
