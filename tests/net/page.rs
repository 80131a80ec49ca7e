//! The admin's page, in Chrome: it shows what runs, turns what can be turned, and takes nothing for markup.

use crate::harness::{Answer, Origin, Page, Program, until};
use serde_json::Value as Json;
use std::path::Path;

const POLICY: &str = r#"
gateway {
  listen 127.0.0.1:0
  admin 127.0.0.1:0
}
flag beta = off
upstream orders {
  target http://{app}
  timeout { attempt 2s; total 5s }
  breaker { open_after 3 failures }
  stub { GET /** 200 json "{}" }
}
route order GET /v1/orders/{id:int} -> orders {
  public "a test"
  limit few 4/h by client.ip
}
route list GET /v1/orders -> orders {
  public "a test"
  cache 1h shared
}
group elsewhere host "api.example.com" {
  route checkout POST /v1/checkout {
    public "a test"
    maintenance flag "no-such-file"
    respond 200 text "open"
  }
}
route broken GET /broken {
  public "a test"
  respond 500 text "broken"
}
"#;

/// The keys that are pressed, by the number that browsers know them by.
const TAB: (&str, u32) = ("Tab", 9);
const ESCAPE: (&str, u32) = ("Escape", 27);

fn run() -> (Origin, Program) {
    let app = Origin::start(|_| Answer::with(200, "Cache-Control: max-age=60\r\n", "{}"));
    let mut gate = Program::run(&POLICY.replace("{app}", &app.address().to_string()), &[], &[]);
    gate.admin_address();
    (app, gate)
}

fn open(gate: &mut Program) -> Option<Page> {
    let mut page = Page::open(&format!("http://{}/", gate.admin_address()))?;
    page.resize(1280, 900, false);
    page.until_says("#state", "serving");
    Some(page)
}

/// The row of a table that begins so, cell by cell.
fn row(page: &mut Page, table: &str, first: &str) -> Vec<String> {
    let script = format!("[...document.querySelectorAll('#{table}-rows tr')].map(row => [...row.cells].map(cell => cell.textContent))");
    let rows: Vec<Vec<String>> = serde_json::from_value(page.evaluate(&script)).unwrap();
    rows.iter().find(|row| row[0] == first).unwrap_or_else(|| panic!("{first}: {rows:?}")).clone()
}

#[test]
fn the_page_shows_routes_upstreams_limits_and_caches_as_they_are() {
    let (_app, mut gate) = run();
    for target in ["/v1/orders/1", "/v1/orders/1", "/v1/orders", "/v1/orders", "/broken", "/nowhere"] {
        gate.get(target).send();
    }
    (0..4).for_each(|_| drop(gate.get("/v1/orders/7").send()));
    let Some(mut page) = open(&mut gate) else { return };
    page.until_says("#routes-rows", "order");
    assert_eq!(row(&mut page, "routes", "order")[1..3], ["GET,HEAD /v1/orders/{id:int}", "-> orders"]);
    assert_eq!(row(&mut page, "routes", "order")[4..6], ["6", "0"]);
    assert_eq!(row(&mut page, "routes", "broken")[4..6], ["1", "1"]);
    assert_eq!(row(&mut page, "routes", "checkout")[1], "POST api.example.com/v1/checkout");
    assert_eq!(row(&mut page, "routes", "(no route)")[4], "1");
    assert!(row(&mut page, "routes", "order")[6].ends_with(" ms"), "p50 of the last minute");
    assert_eq!(row(&mut page, "upstreams", "orders")[1..5], ["1 of 1 healthy", "–", "5", "0"]);
    assert_eq!(row(&mut page, "breakers", "orders")[1..4], ["closed", "0", "0"]);
    assert_eq!(row(&mut page, "limits", "few")[1..3], ["4", "2"]);
    assert_eq!(row(&mut page, "switches", "beta")[1..3], ["flag", "off"]);
    page.until_says("#cache-facts", "Hits1");
    page.until_says("#hits", "50.0 %");
    page.until_says("#events-rows", "limit reached");
    // Figures go on by themselves, and rates come with the second look.
    gate.get("/broken").send();
    page.until_says("#routes-rows tr:last-child", "(no route)");
    page.until_says("#rate", "0");
    crate::harness::until("the next look", || (row(&mut page, "routes", "broken")[5] == "2").then_some(()));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn every_part_of_the_page_does_what_it_says() {
    let (_app, mut gate) = run();
    gate.get("/v1/orders").send();
    let Some(mut page) = open(&mut gate) else { return };
    page.until_says("#routes-rows", "checkout");
    for part in ["traffic", "routes", "trace", "upstreams", "breakers", "limits", "cache", "switches", "events"] {
        page.click(&format!("nav a[href='#{part}']"));
        until(&format!("the address of {part}"), || (page.evaluate("location.hash") == format!("#{part}")).then_some(()));
    }
    // Routes: the table and the tree of those that are searched for.
    page.click("#routes summary");
    page.until_says("#tree", "/{id:int}");
    page.write("#search", "CHECK");
    page.until_says("#tree", "api.example.com/v1/checkoutPOST checkout respond 200");
    assert_eq!(page.evaluate("document.querySelectorAll('#routes-rows tr').length"), 1);
    page.write("#search", "no such thing");
    page.until_says("#routes-rows-none:not([hidden])", "No route");
    page.write("#search", " ");
    // A trace; what is asked is text, whatever it looks like.
    page.write("[name=url]", "/v1/orders/7?<img src=x onerror=alert(1)>");
    page.click("#trace-form button");
    page.until_says("#trace-verdict", "400, no route takes it");
    page.write("[name=url]", "/v1/orders/7");
    page.click("#trace summary");
    page.write("[name=headers]", "Accept: application/json\nX-Test: <b>1</b>");
    page.click("#trace-form button");
    page.until_says("#sent-text", "x-test: <b>1</b>");
    assert_eq!(page.text("#trace-verdict"), "200, by route order, from upstream orders");
    page.until_says("#stages-rows", "limit few 4/h by client.ip");
    page.click("#rivals summary");
    page.until_says("#rivals-rows", "checkout");
    assert_eq!(page.evaluate("document.querySelectorAll('#trace-result :is(img, b)').length"), 0);
    // What is turned by hand; what breaks something is asked about first.
    page.click("#breakers-rows button");
    page.until_says("#confirm-title", "Open the breaker?");
    page.press(ESCAPE.0, ESCAPE.1);
    assert_eq!(page.evaluate("document.querySelector('#confirm').open"), false);
    page.click("#breakers-rows button");
    page.click("#confirm-yes");
    page.until_says("#breakers-rows", "open, by hand");
    gate.get("/v1/orders/1").send().expect(503);
    page.click("#breakers-rows button");
    page.until_says("#said", "The breaker of orders is closed.");
    gate.get("/v1/orders/1").send().expect(200);
    page.click("[aria-label='Close… route checkout']");
    page.click("#confirm-yes");
    page.until_says("#switches-rows", "closed, by hand");
    gate.post("http://api.example.com/v1/checkout").send().expect(503);
    page.click("[aria-label='As its file route checkout']");
    page.until_says("#said", "as its file says");
    page.click("[aria-label='On flag beta']");
    page.until_says("#said", "Flag beta is on.");
    page.until_says("#switches-rows", "As declared");
    page.click("[aria-label='As declared flag beta']");
    page.until_says("#said", "as it is declared: off");
    page.click("#purge");
    page.click("#confirm-yes");
    page.until_says("#said", "Responses dropped: 1.");
    page.click("#reload");
    page.click("#confirm-no");
    page.click("#reload");
    page.click("#confirm-yes");
    page.until_says("#said", "It changes nothing for requests.");
    // Events of one kind.
    page.until_says("#events-rows", "cache purged");
    page.evaluate(
        "(() => { const kind = document.querySelector('#kind'); kind.value = 'breaker'; kind.dispatchEvent(new Event('change')); })()",
    );
    assert!(!page.text("#events-rows").contains("cache purged") && page.text("#events-rows").contains("breaker"));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn a_broken_policy_is_shown_with_what_is_wrong_and_a_gateway_that_is_gone_is_said_to_be() {
    let (_app, mut gate) = run();
    let Some(mut page) = open(&mut gate) else { return };
    gate.write("gateway {");
    page.click("#reload");
    page.click("#confirm-yes");
    page.until_says("#diagnostics", "gate::syntax::brace");
    page.until_says("#said", "the one before stays");
    gate.signal("KILL");
    page.until_says("#state", "not reached");
    page.until_says("#said", "The gateway cannot be reached.");
}

#[test]
fn the_page_fits_narrow_windows_dark_rooms_and_those_who_do_not_see_it() {
    let (_app, mut gate) = run();
    for target in ["/v1/orders/1", "/v1/orders", "/broken"] {
        gate.get(target).send();
    }
    let Some(mut page) = open(&mut gate) else { return };
    page.until_says("#routes-rows", "order");
    page.click("#routes summary");
    page.write("[name=url]", "/v1/orders/7");
    page.click("#trace-form button");
    page.until_says("#stages-rows", "limit few");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, width, dark) in [("light", 1280, false), ("dark", 1280, true), ("narrow", 390, false), ("narrow-dark", 390, true)] {
        page.resize(width, 900, dark);
        let over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth").as_i64().unwrap();
        assert!(over <= 0, "{name}: {over} pixels stick out");
        page.picture(&folder.join(format!("page-{name}.png")));
    }
    // By keyboard: the first stop leads past the head.
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0); document.body.focus()");
    page.call("Page.reload", serde_json::json!({}));
    page.until_says("#routes-rows", "order");
    page.press(TAB.0, TAB.1);
    assert_eq!(page.evaluate("document.activeElement.className"), "skip");
    // What can be used has a name that is read aloud.
    let nodes = page.call("Accessibility.getFullAXTree", serde_json::json!({}));
    let role = |node: &Json| node["role"]["value"].as_str().unwrap_or_default().to_owned();
    let name = |node: &Json| node["name"]["value"].as_str().unwrap_or_default().trim().to_owned();
    let nodes: Vec<(String, String)> = nodes["nodes"].as_array().unwrap().iter().map(|node| (role(node), name(node))).collect();
    for wanted in ["button", "link", "searchbox", "table", "columnheader", "rowheader", "region", "combobox"] {
        let names: Vec<&String> = nodes.iter().filter(|(role, _)| role == wanted).map(|(_, name)| name).collect();
        assert!(!names.is_empty() && names.iter().all(|name| !name.is_empty()), "{wanted}: {names:?}");
    }
    for landmark in ["banner", "navigation", "main"] {
        assert!(nodes.iter().any(|(role, _)| role == landmark), "{landmark}");
    }
    assert_eq!(page.complaints(), [""; 0]);
}
