//! The admin's page, in Chrome: it shows what runs, turns what can be turned, and takes nothing for markup.

mod access;
mod bounds;
mod generations;
mod watching;

use crate::harness::{Answer, Key, Origin, Page, Program, until};

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

fn run() -> (Origin, Program) {
    let app = Origin::start(|_| Answer::with(200, "Cache-Control: max-age=60\r\n", "{}"));
    let mut gate = Program::run_keeping(&POLICY.replace("{app}", &app.address().to_string()), &[]);
    gate.admin_address();
    (app, gate)
}

fn open(gate: &mut Program) -> Option<Page> {
    let at = gate.admin_address().to_string();
    open_at(&at)
}

fn open_at(authority: &str) -> Option<Page> {
    let mut page = Page::open(&format!("http://{authority}/"))?;
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
    let orders = row(&mut page, "upstreams", "orders");
    assert_eq!((&*orders[1], &orders[3..6]), ("1 of 1 healthy", &["5", "0", "0"].map(str::to_owned)[..]));
    assert_eq!(row(&mut page, "breakers", "orders")[1..4], ["closed", "0", "0"]);
    assert_eq!(row(&mut page, "limits", "few4/h by client.ip")[1..3], ["4", "2"]);
    assert_eq!(row(&mut page, "switches", "beta")[1..3], ["flag", "off"]);
    page.until_says("#cache-facts", "Hits1");
    page.until_says("#hits", "50.0 %");
    page.until_says("#events-rows", "limit reached");
    // Figures go on by themselves, and rates come with the second look.
    gate.get("/broken").send();
    page.until_says("#routes-rows tr:last-child", "(no route)");
    page.until_says("#rate", "0");
    until("the next look", || (row(&mut page, "routes", "broken")[5] == "2").then_some(()));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn every_part_of_the_page_does_what_it_says() {
    let (_app, mut gate) = run();
    gate.get("/v1/orders").send();
    let Some(mut page) = open(&mut gate) else { return };
    page.until_says("#routes-rows", "checkout");
    for part in ["traffic", "routes", "upstreams", "breakers", "limits", "cache", "switches", "generations", "events", "trace"] {
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
    // Sorted by a number: the largest first, and again as they are tried.
    let first = "document.querySelector('#routes-rows th').textContent";
    page.until_says("#routes-rows", "checkout");
    assert_eq!(page.evaluate(first), "checkout");
    page.click("#routes th:nth-child(5) button");
    assert_eq!(page.evaluate("document.querySelector('#routes th:nth-child(5)').ariaSort"), "descending");
    assert_eq!(page.evaluate(first), "list");
    page.click("#routes th:nth-child(5) button");
    assert_eq!(page.evaluate(first), "checkout");
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
    page.press(Key::Escape);
    assert_eq!(page.evaluate("document.querySelector('#confirm').open"), false);
    page.click("#breakers-rows button");
    page.click("#confirm-yes");
    page.until_says("#breakers-rows", "open, by hand");
    page.until_says("#upstreams-rows", "breaker open");
    page.until_says("nav a[href='#breakers']", "1 open");
    gate.get("/v1/orders/1").send().expect(503);
    page.click("#breakers-rows button");
    page.until_says("#said", "The breaker of orders is closed.");
    gate.get("/v1/orders/1").send().expect(200);
    page.click("[aria-label='Close… route checkout']");
    page.click("#confirm-yes");
    page.until_says("#switches-rows", "closed, by hand");
    page.until_says("nav a[href='#switches']", "1 closed");
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
    page.click("#notice-close");
    assert_eq!(page.evaluate("document.querySelector('#notice').hidden"), true);
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
