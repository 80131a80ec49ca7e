//! A gateway inside another program, with hooks written in Rust, over a real socket.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use gatewright::embed::{Gateway, Running};
use gatewright::hook::{Answer, Failure, Hook, Question, Said};
use parking_lot::Mutex;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

const POLICY: &str = r#"
gateway { listen 127.0.0.1:0 }
hook audit embedded { on [startup, request, response, error, shutdown]; on_failure refuse }
route hello GET /hello/{name} {
  public "a greeting"
  use audit
  respond 200 text "hello"
}
"#;

/// Notes what it is asked about.
#[derive(Clone, Default)]
struct Audit(Arc<Mutex<Vec<String>>>);

impl Audit {
    fn note(&self, what: impl Into<String>) -> Said<'static> {
        self.0.lock().push(what.into());
        Said::Nothing
    }
}

impl Hook for Audit {
    fn on_startup(&self) -> Said<'_> {
        self.note("startup")
    }

    fn on_request<'a>(&'a self, question: Question<'a>) -> Said<'a> {
        self.note(format!("request {} {} {}", question.route, question.method, question.target));
        match question.target.path() {
            "/hello/nobody" => Said::Answer(Answer::default().status(404).text("nobody")),
            "/hello/broken" => Said::Failed(Failure::Unreachable("no database".to_owned())),
            _ => Said::Wait(Box::pin(async move {
                tokio::task::yield_now().await;
                Ok(Answer::default())
            })),
        }
    }

    fn on_response<'a>(&'a self, question: Question<'a>) -> Said<'a> {
        let status = question.response.map(|response| response.status.as_u16()).unwrap();
        self.note(format!("response {status}"));
        Said::Answer(Answer::default().set("x-audited", "yes"))
    }

    fn on_error<'a>(&'a self, _: Question<'a>) -> Said<'a> {
        self.note("error")
    }

    fn on_shutdown(&self) -> Said<'_> {
        self.note("shutdown")
    }
}

fn get(gateway: &Running, path: &str) -> String {
    let mut stream = TcpStream::connect(gateway.addresses()[0].tcp().unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn a_program_hears_of_every_request_and_answers_some() {
    let audit = Audit::default();
    let gateway = Gateway::text(POLICY).hook("audit", audit.clone()).log(std::io::sink()).start().unwrap();
    let reply = get(&gateway, "/hello/ann?a=b");
    assert!(reply.starts_with("HTTP/1.1 200 ") && reply.contains("x-audited: yes\r\n") && reply.ends_with("hello"), "{reply}");
    let reply = get(&gateway, "/hello/nobody");
    assert!(reply.starts_with("HTTP/1.1 404 ") && reply.ends_with("nobody"), "{reply}");
    // Who could not be asked is not asked about the refusal.
    let reply = get(&gateway, "/hello/broken");
    assert!(reply.starts_with("HTTP/1.1 503 ") && !reply.contains("database"), "{reply}");
    gateway.shutdown().unwrap();
    let heard = audit.0.lock().clone();
    let wanted = [
        "startup",
        "request hello GET /hello/ann?a=b",
        "response 200",
        "request hello GET /hello/nobody",
        "response 404",
        "request hello GET /hello/broken",
        "shutdown",
    ];
    assert_eq!(heard, wanted);
}

#[test]
fn a_reload_keeps_hooks_and_says_nothing_of_a_start_again() {
    let audit = Audit::default();
    let mut gateway = Gateway::text(POLICY).hook("audit", audit.clone()).log(std::io::sink()).start().unwrap();
    gateway.reload().unwrap();
    assert!(get(&gateway, "/hello/ann").starts_with("HTTP/1.1 200 "));
    assert_eq!(audit.0.lock().iter().filter(|heard| *heard == "startup").count(), 1);
    gateway.shutdown().unwrap();
}

#[test]
fn names_that_do_not_meet_are_told() {
    let unregistered = Gateway::text(POLICY).start().map(|_| ()).unwrap_err();
    assert!(unregistered.0.contains("no hook is registered under the name `audit`"), "{unregistered}");
    let stray = Gateway::text(POLICY).hook("audit", Audit::default()).hook("audti", Audit::default()).start().map(|_| ()).unwrap_err();
    assert!(stray.0.contains("`audti`"), "{stray}");
    let wrong = Gateway::text("route r GET /r {}").start().map(|_| ()).unwrap_err();
    assert!(wrong.0.contains("gate::auth::uncovered"), "{wrong}");
}
