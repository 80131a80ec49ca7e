//! The one table of diagnostic codes. A code is never reused; its explanation is what `gate explain CODE` prints.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy runs, but does likely not do what was meant.
    Warning,
}

macro_rules! codes {
    ($($variant:ident $severity:ident $name:literal $summary:literal;)*) => {
        /// Which rule a finding is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $summary] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name users see, `gate::area::name`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!("gate::", $name),)* }
            }

            /// Error or warning.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// One line on what the rule asks.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)* }
            }
        }
    };
}

codes! {
    FileUnreadable Error "file::unreadable" "a policy is a file that can be read, in UTF-8 and of at most 64 MiB";
    FilePage Error "file::page" "a page that stands for errors is there when the gateway starts";
    FileSchema Error "file::schema" "a JSON Schema is there when the gateway starts, and can be used";
    SyntaxBrace Error "syntax::brace" "every opening brace, bracket and parenthesis has its closing one";
    SyntaxUnexpected Error "syntax::unexpected" "a statement is a word, clauses and perhaps a block";
    SyntaxString Error "syntax::string" "a string ends on its line, a raw string at three quotes";
    SyntaxEscape Error "syntax::escape" "strings know the escapes \\n \\t \\\" \\\\ \\$ and \\u{…}";
    SyntaxEdition Error "syntax::edition" "the edition stands first and is one this compiler knows";
    SyntaxTooDeep Error "syntax::too-deep" "blocks and expressions nest at most 128 levels";
    NameUnknown Error "name::unknown" "a name that is used has been declared";
    NameDuplicate Error "name::duplicate" "a name is declared once";
    NameReserved Error "name::reserved" "operator words, built-in roots and labels of metrics name nothing else";
    NameImportCycle Error "name::import-cycle" "modules do not import each other in a circle";
    NameImportMissing Error "name::import-missing" "an imported file exists and can be read";
    NameUnused Warning "name::unused" "what is declared is used";
    SchemaUnknownKey Error "schema::unknown-key" "a statement's word is one of the language";
    SchemaMissingKey Error "schema::missing-key" "what a statement needs is written";
    SchemaWrongBlock Error "schema::wrong-block" "a statement stands where it has a meaning";
    SchemaArity Error "schema::arity" "a statement has the clauses it asks for, no more and no fewer";
    SchemaRepeated Error "schema::repeated" "what can be said once is said once";
    TypeMismatch Error "type::mismatch" "a value has the type its place asks for";
    TypeUnit Error "type::unit" "quantities carry a unit that exists";
    TypeEnum Error "type::enum" "a choice is one of those offered";
    TypeRange Error "type::range" "a number lies in the range its place allows";
    TypeOptional Error "type::optional" "a value that may be missing has a default where one must exist";
    TypeUnknownClaim Error "type::unknown-claim" "a claim or attribute is declared by the auth in force";
    TypeTooEarly Error "type::too-early" "a reference is used only after the stage that knows it";
    TypeUnlikelyMethod Warning "type::unlikely-method" "a method is not one letter away from a common one";
    TypeChoiceOfTypes Warning "type::choice-of-types" "a choice in a path lists words, not types";
    TypeParamUnknown Error "type::param-unknown" "a path parameter stands in the route's path";
    RouteAmbiguous Error "route::ambiguous" "of two routes that overlap, one lies inside the other or has the higher priority";
    RouteUnreachable Error "route::unreachable" "every route is reached by some request";
    RouteDuplicate Error "route::duplicate" "no two routes match the same requests";
    RouteEmpty Error "route::empty" "a route matches at least one request";
    RouteNoTarget Error "route::no-target" "a route says what answers, for every request it matches";
    RouteTwoTargets Error "route::two-targets" "a route has one target";
    RouteWhenOverlap Error "route::when-overlap" "at most one `when` arm holds for a request";
    RouteSplitSum Error "route::split-sum" "the shares of a split add up to 100%";
    RoutePathEncoding Error "route::path-encoding" "a pattern matches paths as they are after normalisation";
    RouteMatchCredential Error "route::match-credential" "routes are not chosen by credentials";
    RouteTrailingSlash Warning "route::trailing-slash" "two routes differ by a trailing slash only";
    RouteCaseTwin Warning "route::case-twin" "two routes differ by upper and lower case only";
    RoutePriorityRedundant Warning "route::priority-redundant" "a priority changes some outcome";
    AuthUncovered Error "auth::uncovered" "every route has `auth` or says `public`";
    AuthNotOverridden Error "auth::not-overridden" "a route that asks for less than its group says `override`";
    AuthPublicWithRequire Error "auth::public-with-require" "a requirement on the caller is never made public";
    AuthWeakAlgorithm Error "auth::weak-algorithm" "token algorithms are strong and bound to the key";
    AuthAlgorithmMissing Error "auth::algorithm-missing" "a jwt auth lists the algorithms it accepts";
    AuthNoAudience Warning "auth::no-audience" "tokens of an outside issuer are checked for their audience";
    AuthBasicOverPlaintext Warning "auth::basic-over-plaintext" "passwords travel over TLS";
    AuthKeyInQuery Warning "auth::key-in-query" "keys in a query end up in logs";
    RequireNever Error "require::never" "a condition can be true";
    RequireAlways Warning "require::always" "a condition can be false";
    RequireImplied Warning "require::implied" "a condition says something the others do not";
    LimitKeyNeedsAuth Error "limit::key-needs-auth" "a limit by identity stands on an authenticated route";
    LimitKeyOptional Error "limit::key-optional" "a limit's key always has a value";
    LimitSpoofableKey Warning "limit::spoofable-key" "a limit's key is not for the client to choose";
    LimitShadowed Warning "limit::shadowed" "a limit can be reached before another one stops the request";
    LimitPeriodNeedsStore Error "limit::period-needs-store" "counts of more than an hour outlive the process";
    LimitBurstBelowRate Warning "limit::burst-below-rate" "a burst holds at least one second's flow";
    TimeoutInverted Error "timeout::inverted" "a shorter step does not have the longer timeout";
    TimeoutPastDrain Warning "timeout::past-drain" "a request may finish while the gateway drains";
    RetryUnsafeMethod Error "retry::unsafe-method" "only idempotent requests are made again";
    RetryExceedsDeadline Warning "retry::exceeds-deadline" "all attempts fit into the total timeout";
    RetryAmplifies Warning "retry::amplifies" "one request makes at most ten upstream calls";
    UpstreamNoTarget Error "upstream::no-target" "an upstream has a target";
    UpstreamTargetLoop Error "upstream::target-loop" "an upstream is not the gateway itself";
    UpstreamPlainTarget Error "upstream::plain-target" "`tls` has a target to speak TLS with";
    UpstreamSingleTargetBalance Warning "upstream::single-target-balance" "balancing needs two targets";
    UpstreamBreakerWithoutTimeout Warning "upstream::breaker-without-timeout" "a breaker has a timeout to count";
    UpstreamBreakerUnreachable Warning "upstream::breaker-unreachable" "a breaker can open";
    CacheIdentity Error "cache::identity" "one caller's response is never served to another";
    CacheUnsafeMethod Error "cache::unsafe-method" "only GET and HEAD are cached";
    CacheTtlZero Warning "cache::ttl-zero" "a cache keeps something";
    CacheSetCookie Warning "cache::set-cookie" "responses with cookies are not stored";
    CorsWildcardCredentials Error "cors::wildcard-credentials" "credentials are allowed to named origins only";
    CorsOriginSyntax Error "cors::origin-syntax" "an origin is a scheme, a host and perhaps a port";
    CorsHeaderMissing Warning "cors::header-missing" "the headers that the route reads may be sent";
    HeadersHopByHop Error "headers::hop-by-hop" "fields of the connection are the gateway's own";
    HeadersInvalidName Error "headers::invalid-name" "a field name is a token";
    SecretLeak Error "secret::leak" "a secret reaches no log, reply or error";
    SecretLiteral Error "secret::literal" "a secret does not stand in the file";
    SecretUnset Error "secret::unset" "a secret has a value when the gateway starts";
    SecretBadKey Error "secret::bad-key" "a key, and a file of keys or users, is one that its auth can use";
    SecretStoreUrl Error "secret::store-url" "the URL of a store is one of a Redis";
    SecretShortHmac Warning "secret::short-hmac" "an HMAC key is as long as its hash";
    PolicyConflict Error "policy::conflict" "two policies of one level do not set the same thing";
    PolicyNothingToOverride Error "policy::nothing-to-override" "`override` replaces something";
    PolicyNothingToDrop Error "policy::nothing-to-drop" "`drop` removes something";
    PolicyUseCycle Error "policy::use-cycle" "policies do not use each other in a circle";
    PolicyArgMissing Error "policy::arg-missing" "an argument without a default is given";
    PolicyArgUnknown Error "policy::arg-unknown" "an argument that is given exists";
    TlsPortClash Error "tls::port-clash" "two listeners do not share an address";
    TlsAdminExposed Error "tls::admin-exposed" "the admin listener is on loopback or has `auth`";
    TlsListenerConflict Error "tls::listener-conflict" "what a listener is told goes together";
    TlsProxyUntrusted Error "tls::proxy-untrusted" "the PROXY protocol is spoken by peers that are trusted";
    TlsCertMissing Error "tls::cert-missing" "a certificate can be read when the gateway starts";
    HookUnregistered Error "hook::unregistered" "a hook of the embedding program is registered when the gateway starts";
    TestImpossible Error "test::impossible" "a test asks for what its requests can meet";
    TestNoAssert Warning "test::no-assert" "a test expects something";
    InvariantViolated Error "invariant::violated" "an invariant holds for every request";
    AnalysisTooComplex Warning "analysis::too-complex" "a condition is small enough to be decided";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
