//! Every statement of the language, by name and place.

use crate::lang::form::{Form, Merge, Place, Word};
use std::collections::HashMap;

/// Every statement of the language.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    words: Vec<&'static Word>,
    by_name: HashMap<&'static str, Vec<&'static Word>>,
}

impl Schema {
    /// The schema made of these words.
    #[must_use]
    pub fn new(words: Vec<&'static Word>) -> Self {
        let mut by_name: HashMap<&'static str, Vec<&'static Word>> = HashMap::new();
        for word in &words {
            by_name.entry(word.form.word).or_default().push(word);
        }
        Self { words, by_name }
    }

    /// The statement of a name at a place.
    #[must_use]
    pub fn word(&self, name: &str, place: Place) -> Option<&'static Word> {
        self.by_name.get(name)?.iter().find(|word| word.places.contains(&place)).copied()
    }

    /// How a statement that routes inherit is brought together.
    #[must_use]
    pub fn merge(&self, name: &str) -> Option<Merge> {
        let words = self.by_name.get(name)?;
        words.iter().find(|word| word.places.contains(&Place::Policy) || word.places.contains(&Place::Route)).map(|word| word.merge)
    }

    /// All statements.
    pub fn words(&self) -> impl Iterator<Item = &'static Word> + '_ {
        self.words.iter().copied()
    }

    /// Where a word has a meaning, in words: `in a `route``.
    #[must_use]
    pub fn homes(&self, name: &str) -> Vec<String> {
        let mut homes: Vec<String> = Vec::new();
        let mut add = |home: String| {
            if !homes.contains(&home) {
                homes.push(home);
            }
        };
        for word in &self.words {
            if word.form.word == name {
                word.places.iter().for_each(|place| add(place.within().to_owned()));
            } else {
                parents(&word.form, name, &mut add);
            }
        }
        homes
    }
}

/// The forms at some depth of this one of which the word is a clause.
fn parents(form: &Form, name: &str, add: &mut impl FnMut(String)) {
    if form.children.iter().any(|child| child.word == name) {
        add(format!("in `{}`", form.word));
    }
    form.children.iter().for_each(|child| parents(child, name, add));
}
