//! Whether a route is closed: by hand, or else while its flag file exists.

use parking_lot::Mutex;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};

/// A route's maintenance. Requests read one flag; whoever turns it works that out.
#[derive(Debug)]
pub struct Switch {
    route: String,
    flag: Option<String>,
    on: AtomicBool,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    by_hand: Option<bool>,
    by_file: bool,
    /// Why nobody can tell whether the file is there.
    hidden: Option<ErrorKind>,
}

impl Switch {
    /// A route that is open.
    #[must_use]
    pub fn new(route: &str, flag: Option<&str>) -> Self {
        Self { route: route.to_owned(), flag: flag.map(str::to_owned), on: AtomicBool::new(false), said: Mutex::default() }
    }

    /// The route's name.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The file to look for.
    #[must_use]
    pub fn flag(&self) -> Option<&str> {
        self.flag.as_deref()
    }

    /// True while the route is closed.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// What was said by hand, if that still stands.
    #[must_use]
    pub fn by_hand(&self) -> Option<bool> {
        self.said.lock().by_hand
    }

    /// Closes or opens the route by hand, whatever its file says; `None` leaves it to the file again.
    pub fn turn(&self, on: Option<bool>) {
        self.say(|said| said.by_hand = on);
    }

    /// What has become of the file. One that cannot be looked for counts as missing: that, and its end, is said once.
    pub fn saw(&self, exists: io::Result<bool>) {
        let hidden = exists.as_ref().err().map(io::Error::kind);
        self.say(|said| {
            if said.hidden != hidden {
                let (route, flag) = (&self.route, self.flag.as_deref().unwrap_or_default());
                match &exists {
                    Err(error) => tracing::warn!(route, flag, %error, "the flag file cannot be looked for: the route counts as open"),
                    Ok(_) => tracing::info!(route, flag, "the flag file can be looked for again"),
                }
            }
            said.hidden = hidden;
            said.by_file = exists.unwrap_or(false);
        });
    }

    fn say(&self, what: impl FnOnce(&mut Said)) {
        let mut said = self.said.lock();
        what(&mut said);
        let on = said.by_hand.unwrap_or(said.by_file);
        if self.on.swap(on, Ordering::Relaxed) != on {
            tracing::info!(route = self.route, on, "maintenance");
        }
    }
}
