//! The page for everybody: narrow windows, dark rooms, no mouse, no eyes.

use super::{POLICY, open, run};
use crate::harness::{Key, Page, until};
use serde_json::{Value as Json, json};
use std::path::Path;

/// Texts whose contrast is less than WCAG 2.2 wants (AA, 1.4.3): what they are, and the contrast.
const FAINT: &str = r#"
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (colour, below) => {
    canvas.fillStyle = below; canvas.fillRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const spelled = (colour) => `rgb(${colour.join(" ")})`;
  const behind = (node) => node === null ? "Canvas" : spelled(over(getComputedStyle(node).backgroundColor, behind(node.parentElement)));
  const light = (colour) => colour.map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    if (!node.checkVisibility() || node.closest("svg, script, noscript")) continue;
    const entered = node.matches("input, select, textarea");
    if (!entered && ![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    const [style, back] = [getComputedStyle(node), behind(node)];
    const [one, other] = [light(over(style.color, back)), light(over("transparent", back))].sort((one, other) => other - one);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${node.tagName}.${node.className} ${node.textContent.slice(0, 30)}`);
  }
  return faint;
})()"#;

/// What has the focus, and whether one sees that: it has an outline, and nothing lies over it.
const FOCUS: &str = r#"
(() => {
  const { activeElement: now } = document; const { outlineStyle, outlineWidth } = getComputedStyle(now);
  const text = now.matches("input, select") ? now.name || now.id : now.ariaLabel || now.textContent.trim();
  const { x, y, width, height } = now.getBoundingClientRect();
  const there = now.contains(document.elementFromPoint(x + width / 2, y + height / 2));
  return now === document.body ? null : { text, seen: there && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
})()"#;

fn with_everything(page: &mut Page) {
    page.until_says("#routes-rows", "order");
    page.click("#tree-part summary");
    page.write("[name=url]", "/v1/orders/7");
    page.click("#trace-form button");
    page.until_says("#stages-rows", "limit few");
    page.click("#breakers-rows button");
    page.click("#confirm-yes");
    page.until_says("#breakers-rows", "open, by hand");
}

#[test]
fn the_page_fits_every_width_and_can_be_read_in_the_light_and_in_the_dark() {
    let (app, mut gate) = run();
    for target in ["/v1/orders/1", "/v1/orders", "/broken"] {
        gate.get(target).send();
    }
    gate.write(&POLICY.replace("{app}", &app.address().to_string()).replace("few 4/h", "few 9/h"));
    gate.admin("POST", "/admin/reload").send().expect(200);
    gate.admin("POST", "/admin/rollback?to=1").send().expect(200);
    let Some(mut page) = open(&mut gate) else { return };
    with_everything(&mut page);
    page.until_says("#said", "is open");
    assert_eq!(page.evaluate(FAINT), json!([]), "faint, what was said among it");
    page.click("#notice-close");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // 640 is 1280 at 200 %, and 320 is the width at which nothing may need a second direction (WCAG 1.4.10).
    for (name, width, dark) in [
        ("light", 1280, false),
        ("dark", 1280, true),
        ("middle", 960, false),
        ("twice", 640, false),
        ("narrow", 390, false),
        ("narrow-dark", 390, true),
        ("least", 320, false),
    ] {
        page.resize(width, 900, dark);
        let over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth").as_i64().unwrap();
        assert!(over <= 0, "{name}: {over} pixels stick out");
        let within =
            "[...document.querySelectorAll('.scroll')].filter(part => part.scrollWidth > part.clientWidth).map(part => part.innerText)";
        assert_eq!(page.evaluate(within), json!([]), "{name}: to be scrolled sideways");
        assert_eq!(page.evaluate(FAINT), json!([]), "{name}: faint");
        page.picture(&folder.join(format!("page-{name}.png")));
    }
    assert_eq!(page.complaints(), [""; 0]);
}

/// Where the Tab key leads, from the first place to the last.
fn stops(page: &mut Page) -> Vec<String> {
    let mut stops: Vec<String> = Vec::new();
    loop {
        page.press(Key::Tab);
        let stop = until("the focus to be seen", || {
            let stop = page.evaluate(FOCUS);
            (stop.is_null() || stop["seen"] == true).then_some(stop)
        });
        if stop.is_null() {
            return stops;
        }
        stops.push(stop["text"].as_str().unwrap().to_owned());
        assert!(stops.len() < 200, "{stops:?}");
    }
}

#[test]
fn the_page_can_be_used_by_keyboard_alone() {
    let (_app, mut gate) = run();
    let Some(mut page) = open(&mut gate) else { return };
    page.until_says("#switches-rows", "beta");
    // The first stop leads past the head, and every other one is seen, in a narrow window too.
    page.resize(390, 900, false);
    let narrow = stops(&mut page);
    assert!(narrow.iter().any(|stop| stop == "Purge all…"), "{narrow:?}");
    page.resize(1280, 900, false);
    let stops = stops(&mut page);
    assert_eq!(stops[0], "Skip to the figures");
    let place = |wanted: &str| stops.iter().position(|stop| stop == wanted).unwrap_or_else(|| panic!("{wanted}: {stops:?}"));
    let wanted = [
        "Reload the policy…",
        "Routes",
        "search",
        "Rate",
        "Match tree",
        "Open… the breaker of orders",
        "On flag beta",
        "kind",
        "url",
        "Trace",
    ];
    // `Trace` is a part and a button: the later one is meant.
    let places: Vec<usize> = wanted[..9].iter().map(|wanted| place(wanted)).collect();
    assert!(places.is_sorted(), "{places:?} of {stops:?}");
    assert_eq!(stops.iter().rposition(|stop| stop == "Trace"), Some(stops.len() - 2), "{stops:?}");
    // What has the focus keeps it while the figures change, and does what it says.
    page.evaluate("document.querySelector('#routes th:nth-child(5) button').focus()");
    page.press(Key::Space);
    assert_eq!(page.evaluate("document.querySelector('#routes th[aria-sort]').textContent"), "Requests");
    page.evaluate("document.querySelector(\"[aria-label='On flag beta']\").focus()");
    page.press(Key::Enter);
    page.until_says("#switches-rows", "As declared");
    let rate = page.text("#facts");
    until("the next look", || (page.text("#facts") != rate).then_some(()));
    assert_eq!(page.evaluate("document.activeElement.ariaLabel"), "Off flag beta");
    page.evaluate("document.querySelector('#purge').focus()");
    page.press(Key::Enter);
    assert_eq!(page.evaluate("document.activeElement.id"), "confirm-no");
    page.press(Key::Escape);
    assert_eq!(page.evaluate("document.activeElement.id"), "purge");
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn the_page_can_be_read_aloud() {
    let (_app, mut gate) = run();
    for target in ["/v1/orders/1", "/v1/orders", "/broken"] {
        gate.get(target).send();
    }
    let Some(mut page) = open(&mut gate) else { return };
    with_everything(&mut page);
    // What can be used has a name.
    let nodes = page.call("Accessibility.getFullAXTree", json!({}));
    let text = |node: &Json, of: &str| node[of]["value"].as_str().unwrap_or_default().trim().to_owned();
    let nodes: Vec<(String, String)> =
        nodes["nodes"].as_array().unwrap().iter().map(|node| (text(node, "role"), text(node, "name"))).collect();
    for wanted in ["button", "link", "searchbox", "textbox", "table", "columnheader", "rowheader", "region", "combobox"] {
        let names: Vec<&String> = nodes.iter().filter(|(role, _)| role == wanted).map(|(_, name)| name).collect();
        assert!(!names.is_empty() && names.iter().all(|name| !name.is_empty()), "{wanted}: {names:?}");
    }
    for landmark in ["banner", "navigation", "main", "status"] {
        assert!(nodes.iter().any(|(role, _)| role == landmark), "{landmark}");
    }
    // Curves are for the eye alone, and what is told is what was done, not every figure.
    assert!(!nodes.iter().any(|(role, _)| role.starts_with("Svg") || role == "img"), "{nodes:?}");
    assert_eq!(page.text("#heard"), "The breaker of orders is open.");
    assert_eq!(page.evaluate("document.querySelectorAll('[aria-live]').length"), 1);
    let levels =
        page.evaluate("[...document.querySelectorAll('h1, h2, h3')].filter(head => head.checkVisibility()).map(head => +head.tagName[1])");
    let levels: Vec<i64> = serde_json::from_value(levels).unwrap();
    assert!(levels[0] == 1 && levels.windows(2).all(|pair| pair[1] - pair[0] <= 1), "{levels:?}");
    assert_eq!(page.complaints(), [""; 0]);
}
