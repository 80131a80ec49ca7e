//! What may be long stays short on the page, and what may be hostile stays text.

use super::open;
use crate::harness::{Origin, Program, until};
use std::fmt::Write as _;

#[test]
fn of_a_thousand_routes_the_page_shows_some_and_finds_all() {
    let mut text = "gateway { listen 127.0.0.1:0; admin 127.0.0.1:0 }\n".to_owned();
    for nth in 0..1000 {
        writeln!(text, "route item_{nth:03} GET /catalogue/part{}/item{nth} {{ public \"a test\"; respond 204 }}", nth % 40).unwrap();
    }
    let mut gate = Program::run(&text, &[], &[]);
    (0..3).for_each(|_| drop(gate.get("/catalogue/part27/item987").send().expect(204)));
    let Some(mut page) = open(&mut gate) else { return };
    let rows = "document.querySelectorAll('#routes-rows tr').length";
    page.until_says("#routes .more", "20 of 1,000");
    assert_eq!(page.evaluate(rows), 20);
    // The busiest are found without a search, however late they are tried.
    page.click("#routes th:nth-child(5) button");
    assert_eq!(page.evaluate("document.querySelector('#routes-rows th').textContent"), "item_987");
    for shown in [100, 180, 260, 340, 420, 500] {
        page.click("#routes .more button");
        assert_eq!(page.evaluate(rows), shown);
    }
    assert_eq!(page.text("#routes .more span"), "500 of 1,000 are shown");
    assert_eq!(page.evaluate("document.querySelector('#routes .more button').checkVisibility()"), false);
    page.click("#tree-part summary");
    page.until_says("#tree-more", "The first 300 of 1,000");
    let nodes = page.evaluate("document.querySelectorAll('*').length").as_u64().unwrap();
    assert!(nodes < 20_000, "{nodes} elements");
    page.write("#search", "PART27/");
    page.until_says("#routes-found", "25 of 1,000 found.");
    assert_eq!(page.evaluate(rows), 25);
    page.until_says("#tree", "/catalogue/part27");
    // What keeps a trace from other routes is shown in part as well.
    page.write("[name=url]", "/catalogue/part0/item0");
    page.click("#trace-form button");
    page.until_says("#trace-verdict", "204, by route item_000");
    page.click("#rivals summary");
    assert_eq!(page.evaluate("document.querySelectorAll('#rivals-rows tr').length"), 20);
    page.click("#rivals .more button");
    assert_eq!(page.evaluate("document.querySelectorAll('#rivals-rows tr').length"), 100);
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn what_looks_like_markup_is_text_wherever_it_comes_from() {
    let app = Origin::json("{}");
    let text = r#"
gateway { listen 127.0.0.1:0; admin 127.0.0.1:0 }
upstream constructor { target http://{app}; timeout { attempt 2s; total 5s }; breaker { open_after 3 failures } }
route marked GET "/<img src=x onerror=document.title=1>" -> constructor { public "a test" }
route constructor GET /plain/{id} -> constructor {
  public "<img src=x onerror=document.title=2>"
  limit hasOwnProperty 1/h by client.ip
  maintenance flag "<script>document.title=3</script>"
}
"#;
    let mut gate = Program::run(&text.replace("{app}", &app.address().to_string()), &[], &[]);
    let Some(mut page) = open(&mut gate) else { return };
    page.until_says("#routes-rows", "constructor");
    page.click("#tree-part summary");
    page.until_says("#tree", "<img src=x");
    page.write("#search", "<img");
    page.until_says("#routes-found", "1 of 2 found.");
    page.write("[name=url]", "/plain/%3Cb%3E");
    page.click("#trace summary");
    page.write("[name=headers]", "X-Turned: \u{202e}<svg onload=document.title=4>");
    page.click("#trace-form button");
    page.until_says("#stages-rows", "<img src=x onerror=document.title=2>");
    page.until_says("#sent-text", "<svg onload");
    page.click("[aria-label='Close… route constructor']");
    page.click("#confirm-yes");
    until("the route to be closed", || page.text("#switches-rows").contains("closed, by hand").then_some(()));
    page.until_says("#events-rows", "maintenance turned");
    assert_eq!(page.evaluate("document.querySelectorAll('img, b:not(.tree b), main svg:not(.curve), body script').length"), 0);
    assert_eq!(page.evaluate("document.title"), "policy.gate · Gatewright");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn nothing_from_elsewhere_gets_into_the_page() {
    let mut gate =
        Program::run("gateway { listen 127.0.0.1:0; admin 127.0.0.1:0 }\nroute all ANY /** { public \"a test\"; respond 204 }", &[], &[]);
    let Some(mut page) = open(&mut gate) else { return };
    // What is empty says so.
    for (part, says) in [
        ("upstreams-rows", "no upstream"),
        ("breakers-rows", "No upstream"),
        ("limits-rows", "no limit"),
        ("switches-rows", "No route"),
        ("generations-rows", "No policy is kept"),
    ] {
        page.until_says(&format!("#{part}-none:not([hidden])"), says);
    }
    page.until_says("#cache-none:not([hidden])", "No route");
    assert_eq!(page.complaints(), [""; 0]);
    for forbidden in [
        "document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/x.png' }))",
        "document.body.append(Object.assign(document.createElement('script'), { text: 'document.title = 1' }))",
        "document.body.setAttribute('style', 'color: red')",
        "fetch('http://127.0.0.1:9/').catch(() => 0)",
    ] {
        page.evaluate(&format!("void ({forbidden})"));
        until(forbidden, || page.complaints().iter().any(|said| said.contains("Content Security Policy")).then_some(()));
    }
    assert_eq!(page.evaluate("document.title"), "policy.gate · Gatewright");
}
