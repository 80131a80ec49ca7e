use super::endpoints::{ENDPOINTS, find};
use super::entry::from_here;
use super::query::Query;
use http::request::Parts;
use http::{Method, Request};
use std::collections::HashSet;

#[test]
fn every_endpoint_is_found_by_its_own_path_and_no_two_are_one() {
    let mut seen = HashSet::new();
    for endpoint in ENDPOINTS {
        let path = endpoint.path.replace("NAME", "x%20y");
        let (found, name) = find(&endpoint.method, &path).unwrap();
        assert_eq!((found.path, found.method.clone()), (endpoint.path, endpoint.method.clone()));
        assert_eq!(name, if endpoint.path.contains("NAME") { "x y" } else { "" });
        assert!(seen.insert((endpoint.method.clone(), endpoint.path)), "{}", endpoint.path);
    }
}

#[test]
fn head_is_a_get_and_other_methods_are_told_what_is_taken() {
    assert_eq!(find(&Method::HEAD, "/admin/status").unwrap().0.path, "/admin/status");
    for (method, path, allow) in [
        (Method::POST, "/admin/status", "GET, HEAD"),
        (Method::GET, "/admin/reload", "POST"),
        (Method::DELETE, "/admin/maintenance", "GET, HEAD, POST"),
    ] {
        let problem = find(&method, path).err().unwrap();
        assert_eq!((problem.status.as_u16(), problem.headers[0].1.to_str().unwrap()), (405, allow));
    }
}

#[test]
fn what_is_nowhere_is_not_found() {
    for path in ["", "/page", "/admin/", "/admin/routes/", "/admin/routes/a/b", "/admin/breakers//open", "/adminx", "/admin/NAME"] {
        assert_eq!(find(&Method::GET, path).err().unwrap().status.as_u16(), 404, "{path}");
    }
}

#[test]
fn a_parameter_is_known_and_stands_there_once() {
    let query = Query::read("path=/a%3Fb&route=x+y&", &["route", "path"]).unwrap();
    assert_eq!((query.get("path"), query.get("route"), query.get("tag")), (Some("/a?b"), Some("x+y"), None));
    for (text, says) in [
        ("rout=x", "there is no parameter `rout`; there are `route`, `path`"),
        ("route=x&route=y", "`route` stands there twice"),
        ("route=%ff", "`%ff` is not UTF-8"),
    ] {
        let problem = Query::read(text, &["route", "path"]).unwrap_err();
        assert_eq!((problem.status.as_u16(), &*problem.detail), (400, says));
    }
    assert_eq!(Query::read("x=1", &[]).unwrap_err().detail, "there is no parameter `x`: none is taken here");
}

fn head(method: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri("/admin/reload");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn a_name_that_somebody_else_may_own_does_not_lead_here_unless_callers_prove_who_they_are() {
    for host in ["localhost", "LOCALHOST:9901", "127.0.0.1", "127.0.0.1:9901", "[::1]:9901", "10.0.0.7"] {
        assert!(from_here(&head("GET", &[("host", host)]), true).is_ok(), "{host}");
    }
    for host in ["evil.example", "localhost.evil.example:9901", "127.0.0.1.evil.example", "\u{e9}"] {
        assert_eq!(from_here(&head("GET", &[("host", host)]), true).unwrap_err().status.as_u16(), 403, "{host}");
        assert!(from_here(&head("GET", &[("host", host)]), false).is_ok(), "{host}");
    }
    assert!(from_here(&head("GET", &[]), true).is_ok(), "no browser leaves it out");
    assert_eq!(from_here(&head("GET", &[("host", "localhost"), ("host", "evil.example")]), true).unwrap_err().status.as_u16(), 400);
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let host = ("host", "localhost:9901");
    for fields in
        [[host, ("origin", "http://localhost:9901")], [host, ("sec-fetch-site", "same-origin")], [host, ("sec-fetch-site", "none")]]
    {
        assert!(from_here(&head("POST", &fields), true).is_ok(), "{fields:?}");
    }
    for fields in [
        [host, ("origin", "https://evil.example")],
        [host, ("origin", "http://localhost:3000")],
        [host, ("origin", "null")],
        [host, ("sec-fetch-site", "cross-site")],
        [host, ("sec-fetch-site", "same-site")],
        [("x-no-host", ""), ("origin", "http://localhost:9901")],
    ] {
        for asks_nobody in [true, false] {
            assert_eq!(from_here(&head("POST", &fields), asks_nobody).unwrap_err().status.as_u16(), 403, "{fields:?}");
        }
        assert!(from_here(&head("GET", &fields), true).is_ok(), "what is read, a browser keeps from the page");
    }
}
