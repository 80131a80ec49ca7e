//! nginx configurations.

use super::{imported, list, route};
use gatewright::import::{Kind, guess, import};

const SHOP: &str = include_str!("shop.nginx.conf");

/// A server around some text.
fn server(inside: &str) -> String {
    format!("http {{\n  server {{\n    listen 8080;\n{inside}\n  }}\n}}\n")
}

#[test]
fn a_shop_becomes_a_policy() {
    assert_eq!(guess(SHOP), Some(Kind::Nginx));
    let shop = imported(Kind::Nginx, SHOP);
    insta::assert_snapshot!("nginx_policy", shop.policy);
    insta::assert_snapshot!("nginx_left_out", list(&shop));
}

#[test]
fn the_path_behind_an_address_replaces_the_locations_own() {
    let found = imported(Kind::Nginx, &server("location /a/b/ { proxy_pass http://127.0.0.1:9000/c/; }"));
    assert!(route(&found, "a_b").contains("strip_prefix /a/b\nadd_prefix /c\n"), "{}", found.policy);
    let same = imported(Kind::Nginx, &server("location /a/ { proxy_pass http://127.0.0.1:9000/a/; }"));
    assert!(!same.policy.contains("prefix"), "{}", same.policy);
}

#[test]
fn regular_expressions_go_before_longer_prefixes_as_they_do_in_nginx() {
    let text = "location ~ ^/api/ { proxy_pass http://127.0.0.1:1; }\nlocation /api/v1/ { proxy_pass http://127.0.0.1:2; }";
    let found = imported(Kind::Nginx, &server(text));
    assert_eq!(list(&found), "5: `location /api/v1/`: no request reaches it: `api` goes first\n");
    let first = imported(Kind::Nginx, &server(&text.replace("location /api/v1/", "location ^~ /api/v1/")));
    assert_eq!(list(&first), "");
    assert!(route(&first, "api_v1").starts_with("route api_v1 ANY /api/v1/** -> local_2 {"), "{}", first.policy);
}

#[test]
fn what_is_not_carried_over_is_refused_where_a_wider_location_would_take_it() {
    let text = "location / { proxy_pass http://127.0.0.1:9000; }\nlocation /private/ { internal; root /srv; }";
    let found = imported(Kind::Nginx, &server(text));
    assert!(route(&found, "private").contains("respond 404"), "{}", found.policy);
    let alone = imported(Kind::Nginx, &server("location /private/ { root /srv; }\nlocation /a/ { return 204; }"));
    assert_eq!(route(&alone, "private"), "");
}

#[test]
fn a_password_without_its_file_opens_no_door() {
    let text = "location / { return 204; }\nlocation /staff/ { auth_basic \"staff\"; proxy_pass http://127.0.0.1:9000; }";
    let found = imported(Kind::Nginx, &server(text));
    assert!(route(&found, "staff").contains("respond 403"), "{}", found.policy);
}

#[test]
fn addresses_are_let_in_and_kept_out_in_the_order_of_the_rules() {
    let rules = |rules: &str| {
        let found = imported(Kind::Nginx, &server(&format!("location /x/ {{ {rules} proxy_pass http://127.0.0.1:9000; }}")));
        let lines: Vec<String> = route(&found, "x").lines().filter(|line| line.contains("client.ip")).map(str::to_owned).collect();
        lines.join(" / ")
    };
    assert_eq!(rules("deny 10.0.0.1; allow all;"), "deny client.ip in [10.0.0.1]");
    assert_eq!(rules("allow 10.0.0.0/8; deny all;"), "allow client.ip in [10.0.0.0/8]");
    assert_eq!(rules("deny 10.0.0.1; allow 10.0.0.0/8; deny all;"), "deny client.ip in [10.0.0.1] / allow client.ip in [10.0.0.0/8]");
    assert_eq!(rules("allow 10.0.0.1; deny 10.0.0.0/8; allow all;"), "allow client.ip in [10.0.0.1] or not client.ip in [10.0.0.0/8]");
}

#[test]
fn servers_on_different_ports_stay_apart() {
    let text =
        "server { listen 80; location / { return 204; } }\nserver { listen 9000; location / { proxy_pass http://127.0.0.1:9001; } }\n";
    let found = imported(Kind::Nginx, text);
    assert!(found.policy.contains("listen :80 as port_80") && found.policy.contains("match request.listener == \"port_9000\""));
}

#[test]
fn what_is_no_configuration_is_said_with_its_line() {
    let fault = |text: &str| import(Kind::Nginx, text).unwrap_err();
    assert_eq!((fault("server {\n  listen 80;\n").line, fault("server {\n  listen 80\n}\n").line), (1, 2));
    assert_eq!(fault("a \"b").message, "a string that does not end");
}

#[test]
fn what_a_guarded_prefix_takes_beside_whole_segments_is_not_opened() {
    let text = "location / { proxy_pass http://127.0.0.1:9000; }\nlocation /admin { deny 10.0.0.1; proxy_pass http://127.0.0.1:9000; }";
    let found = imported(Kind::Nginx, &server(text));
    let beside = route(&found, "admin_beside");
    assert!(beside.contains("re\"/admin[^/]+(?:/.*)?\"") && beside.contains("respond 403"), "{}", found.policy);
    let open = imported(Kind::Nginx, &server(&text.replace("deny 10.0.0.1; ", "")));
    assert_eq!(route(&open, "admin_beside"), "");
}

#[test]
fn alternatives_of_a_whole_expression_are_each_over_whole_paths() {
    let text = "location / { return 204; }\nlocation ~ ^/a|[|]b$ { deny all; }";
    let found = imported(Kind::Nginx, &server(text));
    assert!(found.policy.contains("re\"(?:/a.*|/.*[|]b)\""), "{}\n{}", found.policy, list(&found));
}

#[test]
fn what_begins_like_a_location_that_cannot_be_read_is_refused() {
    let text = "location / { proxy_pass http://127.0.0.1:9000; }\nlocation ~ ^/staff/b?(?=x) { deny all; }";
    let found = imported(Kind::Nginx, &server(text));
    assert!(found.policy.contains("ANY re\"/staff/.*\" {\n"), "{}", found.policy);
    assert!(route(&found, "root").contains("-> local_9000"), "{}", found.policy);
    let anywhere = imported(Kind::Nginx, &server(&text.replace('^', "")));
    assert!(!anywhere.policy.contains("-> local"), "{}", anywhere.policy);
}

#[test]
fn an_if_that_returns_is_a_route_with_its_condition() {
    let text = "if ($host = www.example.com) { return 301 https://example.com$request_uri; }\n\
                location /api/ {\n  if ($request_method = DELETE) { return 405; }\n  if ($http_x_beta != \"on\") { return 404; }\n\
                proxy_pass http://127.0.0.1:9000;\n}";
    let found = imported(Kind::Nginx, &server(text));
    assert_eq!(list(&found), "");
    let policy: String = found.policy.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "match request.host == \"www.example.com\"",
        "match request.method == \"DELETE\"",
        "match not (header(\"x-beta\") == \"on\")",
        "respond 405",
        "respond 404",
        "redirect 301 \"https://example.com${request.path}\"",
    ] {
        assert!(policy.contains(part), "{part}: {}", found.policy);
    }
}

#[test]
fn an_if_of_more_than_a_comparison_is_listed() {
    for condition in ["$http_user_agent ~* bot", "-f $request_filename", "$http_a = $http_b", "$args"] {
        let found = imported(Kind::Nginx, &server(&format!("location /a/ {{ if ({condition}) {{ return 403; }} return 204; }}")));
        assert!(list(&found).contains("of `if` only"), "{condition}: {}", list(&found));
    }
    let after = imported(Kind::Nginx, &server("location /a/ { return 204; if ($host = a.example.com) { return 403; } }"));
    assert!(list(&after).contains("a `return` stands before it"), "{}", list(&after));
}

#[test]
fn what_could_keep_callers_out_and_is_not_carried_over_refuses_everyone() {
    let guards = [
        "auth_request /auth;",
        "limit_except GET { deny all; }",
        "internal;",
        "auth_jwt \"x\";",
        "auth_ldap \"x\";",
        "secure_link $arg_md5;",
        "access_by_lua_file auth.lua;",
        "access_by_lua_block { x; }",
        "include snippets/auth.conf;",
        "some_module_of_ours on;",
        "if ($ok = 0) { return 403; }",
        "if ($http_x_key != \"s3cret\") { return 403; }",
        "location ~ secret { deny all; }",
    ];
    for guard in guards {
        let found = imported(Kind::Nginx, &server(&format!("location /x/ {{ {guard} proxy_pass http://127.0.0.1:9000; }}")));
        assert!(!found.policy.contains("-> "), "{guard}\n{}", found.policy);
        assert!(!found.policy.contains("s3cret"), "{}", found.policy);
        assert!(list(&found).contains("callers out") || list(&found).contains("is refused"), "{guard}\n{}", list(&found));
    }
    for guard in ["auth_request /auth;", "ssl_verify_client on;", "include auth.conf;", "if ($ok = 0) { return 403; }"] {
        let found = imported(Kind::Nginx, &server(&format!("{guard} location /x/ {{ proxy_pass http://127.0.0.1:9000; }}")));
        assert!(!found.policy.contains("-> "), "{guard}\n{}", found.policy);
    }
    let text = "location / { return 204; } location /x/ { auth_request /auth; proxy_pass http://127.0.0.1:9000; }";
    assert!(route(&imported(Kind::Nginx, &server(text)), "x").contains("respond 403"));
    let text = "auth_request /auth; location /x/ { auth_request off; proxy_pass http://127.0.0.1:9000; }";
    assert!(route(&imported(Kind::Nginx, &server(text)), "x").contains("-> local_9000"));
}

#[test]
fn what_keeps_nobody_out_closes_nothing() {
    let text = "sendfile on; error_page 502 /x; ssl_verify_client optional; if ($scheme = http) { return 301 https://$host$request_uri; }\n\
                location /x/ { include proxy_params; proxy_buffering off; proxy_pass http://127.0.0.1:9000; }";
    let found = imported(Kind::Nginx, &server(text));
    assert!(route(&found, "x").contains("-> local_9000"), "{}", found.policy);
}

#[test]
fn a_credential_for_an_upstream_moves_to_the_environment() {
    let text = "location /x/ { proxy_set_header X-Api-Key s3cret; proxy_pass http://127.0.0.1:9000; }";
    let found = imported(Kind::Nginx, &server(text));
    assert!(route(&found, "x").contains("set \"X-Api-Key\" env(\"X_API_KEY\")"), "{}", found.policy);
}

#[test]
fn what_no_url_holds_is_encoded_where_callers_are_sent() {
    let found = imported(Kind::Nginx, &server("location = /old { return 301 \"/a b|$host\"; }"));
    assert!(found.policy.contains("redirect 301 \"/a%20b%7C${request.host}\""), "{}", found.policy);
}
