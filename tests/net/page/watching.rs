//! What the page does when the gateway is not as it was: gone, begun anew, changed by others; and when nobody looks.

use super::{POLICY, open, open_at, row, run};
use crate::harness::{Key, Program, password_line, until};

#[test]
fn a_broken_policy_is_shown_with_what_is_wrong_and_a_gateway_that_is_gone_is_said_to_be() {
    let (app, mut gate) = run();
    let Some(mut page) = open(&mut gate) else { return };
    gate.write("gateway {");
    page.click("#reload");
    page.click("#confirm-yes");
    page.until_says("#said", "the one before stays");
    page.until_says("#diagnostics", "gate::syntax::brace");
    page.until_says("#refused-at", "was refused; generation 1 stays in force.");
    page.press(Key::Escape);
    assert_eq!(page.evaluate("document.querySelector('#notice').hidden"), true);
    assert_eq!(page.complaints().len(), 1, "Chrome tells of the answer 422");
    let admin = gate.admin_address();
    gate.signal("KILL");
    page.until_says("#state", "not reached");
    page.until_says("#said", "The gateway cannot be reached. The figures are those of ");
    assert_eq!(page.evaluate("document.body.className"), "stale");
    // Another process at the same place counts anew.
    gate.until_gone();
    let text = POLICY.replace("{app}", &app.address().to_string()).replace("admin 127.0.0.1:0", &format!("admin {admin}"));
    gate.write(&text.replace("route broken", "route mended"));
    let mut gate = gate.run_again(&[]);
    gate.admin_address();
    page.until_says("#state", "serving");
    page.until_says("#routes-rows", "mended");
    page.until_says("#said", "The gateway answers again.");
    assert_eq!(page.evaluate("document.body.className"), "");
    assert_eq!(page.evaluate("document.querySelector('#refused').hidden"), true);
    assert_eq!(row(&mut page, "routes", "mended")[4], "0");
    let wrong: Vec<String> = page.complaints().into_iter().filter(|said| !said.contains("net::ERR_")).collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_reload_that_somebody_else_has_asked_for_is_seen() {
    let (app, mut gate) = run();
    let Some(mut page) = open(&mut gate) else { return };
    gate.write("gateway {");
    gate.reload("the old policy stays");
    page.until_says("#refused-at", "was refused");
    let text = POLICY.replace("{app}", &app.address().to_string());
    gate.write(&format!("{text}route another GET /another {{ public \"a test\"; respond 204 }}\n"));
    gate.signal("HUP");
    page.until_says("#routes-rows", "another");
    page.until_says("#facts", "Generation2");
    assert_eq!(page.evaluate("document.querySelector('#refused').hidden"), true);
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn nothing_is_asked_while_nobody_looks() {
    let (_app, mut gate) = run();
    let Some(mut page) = open(&mut gate) else { return };
    // Looks that are planned, and answers that are waited for.
    page.evaluate(
        "(() => {
           const [later, never, ask] = [setTimeout, clearTimeout, fetch]; window.planned = new Set(); window.waiting = 0; window.asked = 0;
           window.setTimeout = (act, after) => { const id = later(() => { planned.delete(id); act(); }, after); planned.add(id); return id; };
           window.clearTimeout = (id) => { planned.delete(id); never(id); };
           window.fetch = async (...all) => {
             waiting++; asked++; const reply = await ask(...all); const json = reply.json.bind(reply);
             reply.json = () => json().finally(() => later(() => waiting--, 0)); return reply; };
           Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });
           window.turn = (away) => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); };
         })()",
    );
    page.evaluate("turn(false)");
    until("the next look to be planned", || (page.evaluate("planned.size === 1 && asked >= 8") == true).then_some(()));
    page.evaluate("turn(true)");
    until("no look to be planned", || (page.evaluate("planned.size === 0 && waiting === 0") == true).then_some(()));
    let asked = page.evaluate("asked").as_u64().unwrap();
    // Nor when something was turned meanwhile: that is looked at once.
    page.evaluate("document.dispatchEvent(new Event('acted'))");
    until("one look", || (page.evaluate("planned.size === 0 && waiting === 0 && asked") == asked + 8).then_some(()));
    page.evaluate("turn(false)");
    until("looks again", || (page.evaluate("planned.size === 1 && asked") == asked + 16).then_some(()));
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn whoever_has_a_password_can_use_the_page_and_nobody_else() {
    let text = POLICY.replace("{app}", "127.0.0.1:9").replace("admin 127.0.0.1:0", "admin 127.0.0.1:0 { auth operators }");
    let text = format!("auth basic operators {{ users env(\"OPERATORS\") }}\n{text}");
    let mut gate = Program::run(&text, &[], &[("OPERATORS", &password_line("ann", "wonderland"))]);
    gate.admin("GET", "/page/watch.js").send().expect(401);
    let at = gate.admin_address();
    let Some(mut page) = open_at(&format!("ann:wonderland@{at}")) else { return };
    page.until_says("#routes-rows", "order");
    page.click("#purge");
    page.click("#confirm-yes");
    page.until_says("#said", "Responses dropped: 0.");
    assert_eq!(page.complaints(), [""; 0]);
}
