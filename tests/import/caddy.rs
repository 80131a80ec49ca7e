//! Caddyfiles.

use super::{imported, list, route};
use gatewright::import::{Kind, guess};

const SHOP: &str = include_str!("shop.Caddyfile");

#[test]
fn a_shop_becomes_a_policy() {
    assert_eq!(guess(SHOP), Some(Kind::Caddy));
    let shop = imported(Kind::Caddy, SHOP);
    insta::assert_snapshot!("caddy_policy", shop.policy);
    insta::assert_snapshot!("caddy_left_out", list(&shop));
}

#[test]
fn one_site_needs_no_braces() {
    let found = imported(Kind::Caddy, ":8080\n\nreverse_proxy /api/* localhost:9000\nrespond \"hello\"\n");
    assert_eq!(
        list(&found),
        "3: `reverse_proxy /api/* localhost:9000`: no request reaches it: directives that go before it take them all\n"
    );
    assert_eq!(
        route(&found, "root"),
        "route root ANY /** {\npublic \"the Caddyfile asks for no password\"\nrespond 200 text \"hello\"\n}\n"
    );
}

#[test]
fn a_password_for_a_part_of_the_paths_is_asked_for_there() {
    let found = imported(Kind::Caddy, ":80 {\n\tbasic_auth /staff/* {\n\t\tbob hash\n\t}\n\treverse_proxy localhost:9000\n}\n");
    assert!(route(&found, "staff").contains("auth people\n"));
    assert!(route(&found, "root").contains("public "));
}

#[test]
fn what_cannot_be_asked_opens_no_door() {
    let whom = "remote_host_is_odd x";
    let guarded = format!(":80 {{\n\t@odd {whom}\n\trespond @odd 403\n\treverse_proxy localhost:9000\n}}\n");
    assert!(!imported(Kind::Caddy, &guarded).policy.contains("-> "), "a refusal that cannot be said");
    let forward = ":80 {\n\tforward_auth /staff/* localhost:1 {\n\t\turi /check\n\t}\n\treverse_proxy localhost:9000\n}\n";
    assert!(route(&imported(Kind::Caddy, forward), "staff").contains("respond 404"));
    let nobody = ":80 {\n\tbasic_auth /staff/*\n\treverse_proxy localhost:9000\n}\n";
    assert!(route(&imported(Kind::Caddy, nobody), "staff").contains("respond 403"));
}

#[test]
fn matchers_become_methods_paths_and_conditions() {
    let text = ":80 {\n\t@new {\n\t\tmethod POST\n\t\tpath /a/* /b\n\t\theader X-Kind new*\n\t\tquery v=2\n\t\tnot remote_ip private_ranges\n\t}\n\treverse_proxy @new localhost:1\n}\n";
    let found = imported(Kind::Caddy, text);
    assert!(
        route(&found, "a")
            .starts_with("route a POST /a/** -> local_1 {\nmatch header(\"X-Kind\") matches re\"new.*\" and query(\"v\") == \"2\"")
    );
    assert!(route(&found, "b").starts_with("route b POST /b -> local_1 {\n"));
}

#[test]
fn snippets_stand_where_they_are_imported() {
    let text = "(safe) {\n\theader X-Frame-Options DENY\n}\n:80 {\n\timport safe\n\trespond 204\n}\n";
    assert!(imported(Kind::Caddy, text).policy.contains("set \"X-Frame-Options\" \"DENY\""));
    let found = imported(Kind::Caddy, &text.replace("import safe", "import other"));
    assert!(
        list(&found).starts_with(
            "5: `import other`: no snippet of this file is called so, and other files are not read, and it could keep callers out"
        ),
        "{}",
        list(&found)
    );
}

#[test]
fn what_could_keep_callers_out_and_is_not_carried_over_refuses_everyone() {
    let guards = [
        "jwtauth {\nsign_key x\n}",
        "authorize with mypolicy",
        "forward_auth 127.0.0.1:9091 {\nuri /verify\n}",
        "tls {\nclient_auth {\nmode require_and_verify\n}\n}",
        "import auth.caddy",
        "route {\nphp_fastcgi unix//run/php.sock\nreverse_proxy 127.0.0.1:2\n}",
        "@bad not header X-Key s3cret\nredir @bad /login",
        "@bad expression true\nhandle @bad {\nrespond 403\n}",
    ];
    for guard in guards {
        let found = imported(Kind::Caddy, &format!(":8080 {{\n{guard}\nreverse_proxy 127.0.0.1:1\n}}\n"));
        assert!(!found.policy.contains("-> "), "{guard}\n{}", found.policy);
        assert!(!found.policy.contains("s3cret"), "{}", found.policy);
        assert_ne!(list(&found), "", "{guard}");
    }
}

#[test]
fn a_credential_for_an_upstream_moves_to_the_environment() {
    let found = imported(Kind::Caddy, ":8080 {\nreverse_proxy 127.0.0.1:1 {\nheader_up X-Api-Key s3cret\n}\n}\n");
    assert!(found.policy.contains("set \"X-Api-Key\" env(\"X_API_KEY\")"), "{}", found.policy);
}

#[test]
fn what_no_url_holds_is_encoded_where_callers_are_sent() {
    let found = imported(Kind::Caddy, ":8080 {\nredir /old \"/a b|{host}\" permanent\n}\n");
    assert!(found.policy.contains("redirect 301 \"/a%20b%7C${request.host}\""), "{}", found.policy);
}
