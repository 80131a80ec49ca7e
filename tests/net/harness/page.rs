//! A page in Chrome that a test looks at, clicks on and types into, by Chrome's DevTools protocol over pipes.

use super::browser::SWITCHES;
use super::{PATIENCE, is_there, until};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use command_fds::{CommandFdExt, FdMapping};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// Where Chrome reads commands and writes what happens.
const PIPES: [i32; 2] = [3, 4];

/// A key that tests press.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// To what comes next.
    Tab,
    /// Away from here.
    Escape,
    /// Does it.
    Enter,
    /// Does it, on a button.
    Space,
}

/// A page that is open. Chrome ends when it is dropped.
pub struct Page {
    child: Child,
    commands: PipeWriter,
    told: Receiver<Json>,
    session: Option<String>,
    sent: u64,
    complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Page {
    /// Opens one. None where there is no browser: that is said, and fails under CI.
    #[track_caller]
    pub fn open(address: &str) -> Option<Self> {
        if !is_there("chromium") {
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let ((commands_read, commands), (told, told_write)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
        let ends = [OwnedFd::from(commands_read), OwnedFd::from(told_write)];
        let mappings = ends.into_iter().zip(PIPES).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
        let mut command = Command::new("chromium");
        command.args(SWITCHES).arg("--remote-debugging-pipe").arg(format!("--user-data-dir={}", profile.path().display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).fd_mappings(mappings.collect()).unwrap();
        let child = command.spawn().unwrap();
        // The command holds the ends that are Chrome's.
        drop(command);
        let told = collect(told);
        let mut page = Self { child, commands, told, session: None, sent: 0, complaints: Vec::new(), _profile: profile };
        let target = page.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = page.call("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for part in ["Runtime.enable", "Log.enable", "Page.enable", "Accessibility.enable"] {
            page.call(part, json!({}));
        }
        page.call("Page.navigate", json!({ "url": address }));
        Some(page)
    }

    /// Sends a command: what comes of it.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: Json) -> Json {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let mut told = self.told.recv_timeout(PATIENCE).unwrap();
            match told["method"].as_str() {
                None if told["id"] == self.sent => {
                    assert!(told["error"].is_null(), "{method}: {told}");
                    return told["result"].take();
                }
                Some("Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled") => {
                    self.complaints.push(told["params"].to_string());
                }
                Some(_) | None => {}
            }
        }
    }

    /// What an expression of JavaScript comes to.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Json {
        let done = self.call("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }));
        assert!(done["exceptionDetails"].is_null(), "{expression}: {done}");
        done["result"]["value"].clone()
    }

    /// The text of the element that a selector finds.
    #[track_caller]
    pub fn text(&mut self, selector: &str) -> String {
        self.evaluate(&format!("document.querySelector({}).textContent", Json::from(selector))).as_str().unwrap().to_owned()
    }

    /// Waits until a text stands in an element.
    #[track_caller]
    pub fn until_says(&mut self, selector: &str, text: &str) {
        let script = format!("document.querySelector({})?.textContent ?? ''", Json::from(selector));
        until(&format!("`{text}` in {selector}"), || self.evaluate(&script).as_str().unwrap().contains(text).then_some(()));
    }

    /// Clicks with the mouse in the middle of an element, which has to be what is there, once the page scrolls no more.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let place = self.evaluate(&format!(
            "(async () => {{ const frame = () => new Promise(requestAnimationFrame); let before;
               for (let looks = 0; ; looks++) {{
                 const found = document.querySelector({}); found.scrollIntoView({{ behavior: 'instant', block: 'center' }});
                 await frame(); await frame();
                 const {{ x, y, width, height }} = found.getBoundingClientRect(); const at = {{ x: x + width / 2, y: y + height / 2 }};
                 const top = document.elementFromPoint(at.x, at.y); const rests = before?.x === at.x && before?.y === at.y;
                 if (rests || looks > 99) return {{ ...at, there: rests && found.contains(top) }};
                 before = at;
               }} }})()",
            Json::from(selector)
        ));
        assert_eq!(place["there"], true, "something lies over {selector}, or it is not to be seen");
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Clicks on an element of a form and puts a text in the place of its own.
    #[track_caller]
    pub fn write(&mut self, selector: &str, text: &str) {
        self.click(selector);
        self.evaluate(&format!("document.querySelector({}).select()", Json::from(selector)));
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key.
    pub fn press(&mut self, key: Key) {
        let (name, code, text) = match key {
            Key::Tab => ("Tab", 9, ""),
            Key::Escape => ("Escape", 27, ""),
            Key::Enter => ("Enter", 13, "\r"),
            Key::Space => (" ", 32, " "),
        };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Makes the window so large, and the colours those of people who like it dark.
    pub fn resize(&mut self, width: u32, height: u32, dark: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
        // Pictures of the whole page have none either.
        self.call("Emulation.setScrollbarsHidden", json!({ "hidden": true }));
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", features);
    }

    /// Keeps a picture of the whole page, from its top.
    pub fn picture(&mut self, file: &Path) {
        self.evaluate(
            "new Promise(done => { scrollTo({ top: 0, behavior: 'instant' }); requestAnimationFrame(() => requestAnimationFrame(done)); })",
        );
        let taken = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        std::fs::write(file, STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// What the browser complained of: errors of scripts, what they log, what the policy of content forbids, what cannot be loaded.
    pub fn complaints(&mut self) -> Vec<String> {
        // What was told before this answer has been read with it.
        self.evaluate("0");
        std::mem::take(&mut self.complaints)
    }
}

/// Reads messages as they come.
fn collect(pipe: PipeReader) -> Receiver<Json> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(pipe).split(0) {
            let Ok(message) = message else { return };
            if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended by itself; the processes it has started end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
