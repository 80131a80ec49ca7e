//! Directives that are not carried over: which of them could keep somebody out.
//!
//! Modules add directives of their own, so the list is of those that are known to keep nobody out; any other one closes what it
//! stands over.

use super::super::draft::Draft;
use super::level::{Level, reason};
use super::tokens::Directive;

/// Directives that keep nobody out, nor let anybody in.
const HARMLESS: &[&str] = &[
    "absolute_redirect",
    "access_log",
    "add_header",
    "add_trailer",
    "aio",
    "alias",
    "auth_request_set",
    "autoindex",
    "break",
    "charset",
    "chunked_transfer_encoding",
    "daemon",
    "default_type",
    "directio",
    "env",
    "error_log",
    "error_page",
    "etag",
    "expires",
    "geo",
    "geoip_city",
    "geoip_country",
    "ignore_invalid_headers",
    "if_modified_since",
    "index",
    "keepalive_requests",
    "keepalive_timeout",
    "large_client_header_buffers",
    "load_module",
    "log_format",
    "log_not_found",
    "log_subrequest",
    "map",
    "max_ranges",
    "merge_slashes",
    "mirror",
    "mirror_request_body",
    "more_clear_headers",
    "more_set_headers",
    "output_buffers",
    "pcre_jit",
    "pid",
    "port_in_redirect",
    "postpone_output",
    "rewrite_log",
    "read_ahead",
    "real_ip_header",
    "real_ip_recursive",
    "recursive_error_pages",
    "reset_timedout_connection",
    "resolver",
    "resolver_timeout",
    "root",
    "satisfy",
    "send_timeout",
    "sendfile",
    "sendfile_max_chunk",
    "server_name_in_redirect",
    "server_names_hash_bucket_size",
    "server_names_hash_max_size",
    "set",
    "set_real_ip_from",
    "split_clients",
    "ssl",
    "ssl_buffer_size",
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_ciphers",
    "ssl_client_certificate",
    "ssl_conf_command",
    "ssl_crl",
    "ssl_dhparam",
    "ssl_early_data",
    "ssl_ecdh_curve",
    "ssl_password_file",
    "ssl_prefer_server_ciphers",
    "ssl_protocols",
    "ssl_trusted_certificate",
    "ssl_verify_depth",
    "sub_filter",
    "sub_filter_once",
    "sub_filter_types",
    "tcp_nodelay",
    "tcp_nopush",
    "thread_pool",
    "try_files",
    "types",
    "types_hash_bucket_size",
    "types_hash_max_size",
    "underscores_in_headers",
    "user",
    "variables_hash_bucket_size",
    "variables_hash_max_size",
];
/// What families of such directives begin with.
const HARMLESS_BEGIN: &[&str] = &[
    "body_filter_by_lua",
    "brotli",
    "client_",
    "fastcgi_",
    "grpc_",
    "gzip_",
    "header_filter_by_lua",
    "http2",
    "http3",
    "limit_conn",
    "limit_rate",
    "limit_req",
    "lingering_",
    "log_by_lua",
    "lua_",
    "open_file_cache",
    "proxy_",
    "quic_",
    "scgi_",
    "ssl_session",
    "ssl_stapling",
    "uwsgi_",
    "worker_",
];
/// Files with parameters for upstreams and types of files, which come with nginx.
const HARMLESS_FILES: &[&str] = &["mime.types", "proxy_params", "fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params"];
/// Variables that say what is asked for, not who asks.
const ASKED: &[&str] =
    &["$scheme", "$https", "$host", "$http_host", "$server_port", "$request_uri", "$uri", "$args", "$is_args", "$request_method"];

/// True for a directive that could keep callers out.
fn guards(directive: &Directive) -> bool {
    let name = directive.name.as_str();
    match name {
        "include" => {
            let file = directive.word(0).rsplit('/').next().unwrap_or_default();
            !HARMLESS_FILES.contains(&file)
        }
        // Whether a certificate that may be missing is asked for is up to an `if`.
        "ssl_verify_client" => directive.word(0) == "on",
        "ssl_reject_handshake" => directive.word(0) != "off",
        "if" => turns_away(directive),
        _ => !HARMLESS.contains(&name) && !HARMLESS_BEGIN.iter().any(|begin| name.starts_with(begin)),
    }
}

/// True for an `if` that may turn callers away: more than a redirect of what asks for something in another place.
pub(super) fn turns_away(directive: &Directive) -> bool {
    let asked = directive.words.first().map(|word| word.trim_start_matches('(')).is_some_and(|word| ASKED.contains(&word));
    directive.inner().iter().any(|inner| {
        let leads_on = inner.name == "return" && (inner.word(0).starts_with("30") || inner.word(0).parse::<u16>().is_err());
        guards(inner) && !(asked && leads_on)
    })
}

/// True when it is asked before a `return` answers.
fn goes_first(name: &str) -> bool {
    !(name.starts_with("auth_") || name.starts_with("access_by_") || name == "limit_except")
}

/// Lists what is not carried over; what could keep callers out closes the level.
pub(super) fn leave(left: &Directive, level: &mut Level, draft: &mut Draft) {
    let switchable = left.name.starts_with("auth_") || left.name == "ssl_verify_client";
    if switchable && left.word(0) == "off" {
        level.guards.remove(&left.name);
    } else if guards(left) {
        draft.leave_out(
            left.line,
            left.text(),
            format!("{}, and it could keep callers out: what it guards refuses everyone", reason(&left.name)),
        );
        level.guards.insert(left.name.clone(), goes_first(&left.name));
    } else {
        draft.leave_out(left.line, left.text(), reason(&left.name));
    }
}

/// Lists an `if` that is not carried over; one that could turn callers away closes the level.
pub(super) fn leave_if(left: &Directive, why: &str, level: &mut Level, draft: &mut Draft) {
    if turns_away(left) {
        level.guards.insert("if".to_owned(), true);
        draft.leave_out(left.line, left.text(), format!("{why}; it could keep callers out: what it guards refuses everyone"));
    } else {
        draft.leave_out(left.line, left.text(), why);
    }
}
