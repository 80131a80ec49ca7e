//! The policies that are kept, on the page: what they are, and the way back to one of them.

use super::{POLICY, open, row, run};
use crate::harness::{Key, until};

#[test]
fn an_operator_goes_back_to_an_earlier_policy_once_it_was_said_what_that_changes() {
    let (app, mut gate) = run();
    gate.write(&POLICY.replace("{app}", &app.address().to_string()).replace("few 4/h", "few 9/h"));
    gate.reload(" reloaded");
    let Some(mut page) = open(&mut gate) else { return };
    page.until_says("#generations-rows", "signal");
    assert_eq!(row(&mut page, "generations", "2")[2..], ["signal", "1 LOOSER", "in force"]);
    assert_eq!(row(&mut page, "generations", "1")[2..], ["start", "", "Roll back…"]);
    for key in [Key::Escape, Key::Enter] {
        page.click("[aria-label='Roll back… to generation 1']");
        page.until_says("#confirm[open] h2", "Go back to generation 1?");
        page.until_says("#confirm-text", "It changes for requests:\nTIGHTER limit `few` is 4/h, was 9/h\n");
        // What has the focus is the way out.
        page.press(key);
        until("the question to be gone", || (page.evaluate("document.querySelector('#confirm').open") == false).then_some(()));
    }
    assert_eq!(gate.admin("GET", "/admin/status").send().json()["generation"], 2);
    page.click("[aria-label='Roll back… to generation 1']");
    page.until_says("#confirm[open] h2", "Go back to generation 1?");
    page.click("#confirm-yes");
    page.until_says("#said", "Generation 3 is in force. It changes TIGHTER limit `few` is 4/h, was 9/h.");
    page.until_says("#generations-rows", "admin, back to 1");
    assert_eq!(row(&mut page, "generations", "3")[2..], ["admin, back to 1", "1 TIGHTER", "in force"]);
    assert_eq!(row(&mut page, "generations", "2")[4], "Roll back…");
    assert_eq!(page.complaints(), [""; 0]);
    // One that is there no more is said to be gone.
    let kept = std::fs::read_dir(gate.folder().join("state")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(kept.join("1.json")).unwrap();
    page.click("[aria-label='Roll back… to generation 1']");
    page.until_says("#said", "There is no policy 1; kept in ");
    assert_eq!(page.complaints().len(), 1, "Chrome tells of the answer 404");
}
