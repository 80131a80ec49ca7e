//! Chrome before the gateway: what its scripts may call and read across origins is for the browser to judge, by what `cors` says.

use crate::harness::{Answer, Browser, Origin, Program, until};
use serde_json::{Value as Json, json};
use std::sync::Arc;

const POLICY: &str = r#"
gateway { listen 127.0.0.1:0; log access json }
upstream app { target http://{app} }
upstream gone { target http://127.0.0.1:1 }
group orders {
  public "a test"
  cors {
    origins ["http://{page}"]
    methods [PUT]
    headers ["x-client", "content-type"]
    expose ["x-total"]
    credentials allow
  }
  route order GET,PUT,DELETE /orders/{id} -> app
  route broken PUT /broken -> gone
}
"#;

/// What every page does: it tries what `tries` names, and tells its own origin what came of each.
const PAGE: &str = r#"<!doctype html><title>a test</title><script>
const attempt = async ([target, init]) => {
  try {
    const reply = await fetch("http://{gate}" + target, init);
    const { status, headers } = reply;
    return { status, body: await reply.text(), total: headers.get("x-total"), secret: headers.get("x-secret") };
  } catch (error) {
    return error.name;
  }
};
(async () => {
  const seen = [];
  for (const one of {tries}) seen.push(await attempt(one));
  await fetch("/seen", { method: "POST", body: JSON.stringify(seen) });
})();
</script>"#;

/// Refused by the browser: a script is not told more than this.
const REFUSED: &str = "TypeError";

fn app() -> Origin {
    Origin::start(|received| {
        let said = format!("{} {}", received.method, received.field("cookie").unwrap_or("nobody"));
        Answer::with(200, "X-Total: 3\r\nX-Secret: 42\r\n", &said)
    })
}

/// The origin of a page. Its cookie is for all ports of the machine, so the gateway gets it wherever the browser sends it.
fn page(body: Arc<parking_lot::Mutex<String>>) -> Origin {
    Origin::start(move |received| match received.method.as_str() {
        "GET" => Answer::with(200, "Content-Type: text/html\r\nSet-Cookie: session=ann\r\n", &body.lock()),
        _ => Answer::json(200, "{}"),
    })
}

/// Opens a page in Chrome that tries all of these at the gateway: what its script saw of each. None where there is no Chrome.
#[track_caller]
fn tried(gate: &mut Program, page: &Origin, body: &parking_lot::Mutex<String>, tries: &Json) -> Option<Vec<Json>> {
    *body.lock() = PAGE.replace("{gate}", &gate.address().to_string()).replace("{tries}", &tries.to_string());
    let _browser = Browser::open(&format!("http://{}/", page.address()))?;
    page.until_begun(1);
    let told = || page.requests().into_iter().find(|received| received.target == "/seen");
    Some(serde_json::from_slice(&until("the page to tell what it saw", told).body).unwrap())
}

fn gate(app: &Origin, admitted: &Origin) -> Program {
    let policy = POLICY.replace("{app}", &app.address().to_string()).replace("{page}", &admitted.address().to_string());
    Program::run(&policy, &[], &[])
}

fn logged(gate: &Program, count: usize) -> Vec<String> {
    let line = |line: &String| serde_json::from_str::<Json>(line).unwrap();
    let shown = |line: Json| format!("{} {}", line["method"].as_str().unwrap(), line["status"]);
    gate.until_logged(count).iter().map(|text| shown(line(text))).collect()
}

#[test]
fn a_script_of_an_admitted_origin_calls_with_credentials_and_reads_what_is_exposed() {
    let body = Arc::default();
    let (app, page) = (app(), page(Arc::clone(&body)));
    let mut gate = gate(&app, &page);
    let fields = json!({"X-Client": "browser", "Content-Type": "application/json"});
    let tries = json!([
        ["/orders/7", {"method": "PUT", "credentials": "include", "headers": fields, "body": "{\"count\":1}"}],
        ["/orders/7", {"method": "PUT", "headers": fields, "body": "{}"}],
        ["/orders/7", {"method": "DELETE", "credentials": "include"}],
        ["/orders/7", {"method": "PUT", "credentials": "include", "headers": {"X-Other": "1"}}],
        ["/broken", {"method": "PUT", "credentials": "include"}],
    ]);
    let Some(seen) = tried(&mut gate, &page, &body, &tries) else { return };
    assert_eq!(seen[0], json!({"status": 200, "body": "PUT session=ann", "total": "3", "secret": null}));
    assert_eq!(seen[1]["body"], "PUT nobody", "a cookie goes along only where the script asks for it");
    assert_eq!([&seen[2], &seen[3]], [REFUSED, REFUSED], "a method and a field that are not listed");
    assert_eq!(seen[4]["status"], 502, "the gateway's own errors can be read as well");
    let received = app.requests();
    assert_eq!(received.len(), 2, "no preflight, and nothing that the browser held back: {received:?}");
    assert_eq!((received[0].field("x-client"), &*received[0].body), (Some("browser"), &b"{\"count\":1}"[..]));
    let logged = logged(&gate, 4);
    assert_eq!(logged[..2], ["OPTIONS 204", "PUT 200"], "{logged:?}");
    assert!(logged.iter().all(|line| !line.starts_with("DELETE")), "{logged:?}");
}

#[test]
fn a_script_of_a_strange_origin_changes_nothing_and_reads_nothing() {
    let body = Arc::default();
    let (app, admitted, strange) = (app(), page(Arc::default()), page(Arc::clone(&body)));
    let mut gate = gate(&app, &admitted);
    let tries = json!([
        ["/orders/7", {"method": "PUT", "credentials": "include"}],
        ["/orders/7", {"credentials": "include"}],
    ]);
    let Some(seen) = tried(&mut gate, &strange, &body, &tries) else { return };
    assert_eq!(seen, [REFUSED, REFUSED]);
    assert_eq!(app.received().method, "GET", "what needs no preflight is sent; its answer is kept from the script");
    assert_eq!(logged(&gate, 2), ["OPTIONS 204", "GET 200"]);
}
