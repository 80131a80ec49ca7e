//! A diff as text for people.

use super::{Change, Class, Diff, Pair, Place};
use std::fmt::{self, Write};

/// The most routes that a change names in full.
const ROUTES_SHOWN_MAX: usize = 3;

impl Diff {
    /// How many changes are of the class.
    #[must_use]
    pub fn count(&self, class: Class) -> usize {
        self.changes.iter().filter(|change| change.class == class).count()
    }

    /// True when no request can tell.
    #[must_use]
    pub fn is_cosmetic(&self) -> bool {
        self.complete && self.changes.iter().all(|change| change.class == Class::Cosmetic)
    }

    /// The number of changes of each class that has some: `1 BREAKING, 2 TUNED`.
    #[must_use]
    pub fn summary(&self) -> String {
        let counts = Class::ALL.iter().map(|class| (self.count(*class), class.name())).filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, name)| format!("{count} {name}")).collect();
        let mut text = if self.is_cosmetic() { "no change a request could tell".to_owned() } else { counts.join(", ") };
        if !self.complete {
            text.push_str("; too many routes overlap to compare them all");
        }
        text
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for class in Class::ALL {
            let mut changes = self.changes.iter().filter(|change| change.class == class).peekable();
            if changes.peek().is_some() {
                writeln!(out, "{}", class.name())?;
            }
            for change in changes {
                write!(out, "{change}")?;
            }
        }
        writeln!(out, "{}", self.summary())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "  {}", self.says)?;
        match &self.witness {
            Some(witness) => writeln!(out, "    e.g.  {witness}")?,
            None if self.class != Class::Cosmetic && !self.routes.is_empty() => {
                writeln!(out, "    an example is too complex to find")?;
            }
            None => {}
        }
        for pair in self.routes.iter().take(ROUTES_SHOWN_MAX) {
            writeln!(out, "    {pair}")?;
        }
        let more: Vec<&str> = self.routes.iter().skip(ROUTES_SHOWN_MAX).map(Pair::name).collect();
        if !more.is_empty() {
            let named = more.iter().take(ROUTES_SHOWN_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let mut line = format!("    and {} more routes: {named}", more.len());
            if more.len() > ROUTES_SHOWN_MAX {
                let _ = write!(line, ", …");
            }
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

impl Pair {
    fn name(&self) -> &str {
        self.new.as_ref().or(self.old.as_ref()).map_or("", |place| place.route.as_str())
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) if old.route == new.route => write!(out, "was   {old}, is {}", new.place),
            (Some(old), Some(new)) => write!(out, "was   {old}, is {new}"),
            (Some(old), None) => write!(out, "was   {old}"),
            (None, Some(new)) => write!(out, "is    {new}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` at {}", self.route, self.place)
    }
}
