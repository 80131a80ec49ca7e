//! What is taken of a JSON text, and what is set in it. Only what is looked into is taken apart; the rest is passed on letter by
//! letter, so that no number loses a digit.

use super::pointer::{Pointer, Step, Take};
use serde::de::{MapAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::fmt;

/// What is taken of a text; none when it is not JSON.
#[must_use]
pub fn taken(text: &[u8], take: &Take) -> Option<Box<RawValue>> {
    changed(text, take, Vec::new())
}

/// The same, with values set afterwards. Members that a pointer of names alone leads to are made where they are missing.
#[must_use]
pub fn changed(text: &[u8], take: &Take, set: Vec<(&Pointer, Box<RawValue>)>) -> Option<Box<RawValue>> {
    let whole: &RawValue = serde_json::from_slice(text).ok()?;
    let mut tree = Tree::Text(whole);
    if let Some(pointer) = &take.pick {
        tree = tree.at(&pointer.0).unwrap_or(Tree::Text(RawValue::NULL));
    }
    if !take.keep.is_empty() {
        let steps: Vec<&[Step]> = take.keep.iter().map(|pointer| pointer.0.as_slice()).collect();
        tree = tree.kept(&steps).unwrap_or(Tree::Text(RawValue::NULL));
    }
    for pointer in &take.drop {
        tree.each(&pointer.0, &mut Tree::remove);
    }
    for (pointer, new) in &take.rename {
        tree.each(&pointer.0, &mut |parent, step| parent.rename(step, new));
    }
    for (pointer, value) in set {
        tree.set(&pointer.0, &value);
    }
    match tree {
        Tree::Text(same) => Some(same.to_owned()),
        changed => to_raw_value(&changed).ok(),
    }
}

/// A value, taken apart as far as it was looked into. Members of one name that stand twice stay twice.
enum Tree<'t> {
    Text(&'t RawValue),
    Set(Box<RawValue>),
    Object(Vec<(String, Tree<'t>)>),
    Array(Vec<Tree<'t>>),
}

impl Tree<'_> {
    /// Takes the value itself apart, if it has parts.
    fn open(&mut self) {
        let Self::Text(raw) = *self else { return };
        match raw.get().as_bytes().first() {
            Some(b'{') => {
                if let Ok(Members(members)) = serde_json::from_str(raw.get()) {
                    *self = Self::Object(members.into_iter().map(|(name, member)| (name, Self::Text(member))).collect());
                }
            }
            Some(b'[') => {
                if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                    *self = Self::Array(items.into_iter().map(Self::Text).collect());
                }
            }
            _ => {}
        }
    }

    /// The value a pointer without `*` leads to.
    fn at(mut self, steps: &[Step]) -> Option<Self> {
        let Some((step, rest)) = steps.split_first() else { return Some(self) };
        self.open();
        match (self, step) {
            (Self::Object(members), Step::Member(name)) => {
                members.into_iter().rfind(|(known, _)| known == name).and_then(|(_, member)| member.at(rest))
            }
            (Self::Array(items), Step::Member(name)) => items.into_iter().nth(name.parse().ok()?).and_then(|item| item.at(rest)),
            (Self::Object(_) | Self::Array(_), Step::All) | (Self::Text(_) | Self::Set(_), _) => None,
        }
    }

    /// The value with only what some pointer leads to; none when none leads into it.
    fn kept(mut self, pointers: &[&[Step]]) -> Option<Self> {
        if pointers.is_empty() {
            return None;
        }
        if pointers.iter().any(|steps| steps.is_empty()) {
            return Some(self);
        }
        let into = |name: &str| -> Vec<&[Step]> {
            let matching = pointers.iter().filter_map(|steps| match steps.split_first() {
                Some((Step::All, rest)) => Some(rest),
                Some((Step::Member(wanted), rest)) if wanted == name => Some(rest),
                _ => None,
            });
            matching.collect()
        };
        self.open();
        match self {
            Self::Object(members) => {
                let kept = members.into_iter().filter_map(|(name, member)| member.kept(&into(&name)).map(|member| (name, member)));
                Some(Self::Object(kept.collect()))
            }
            Self::Array(items) => {
                let kept = items.into_iter().enumerate().filter_map(|(at, item)| item.kept(&into(&at.to_string())));
                Some(Self::Array(kept.collect()))
            }
            Self::Text(_) | Self::Set(_) => None,
        }
    }

    /// Calls back with every value that holds what the pointer's last step names.
    fn each(&mut self, steps: &[Step], visit: &mut impl FnMut(&mut Self, &Step)) {
        let Some((step, rest)) = steps.split_first() else { return };
        self.open();
        if rest.is_empty() {
            visit(self, step);
            return;
        }
        for inner in self.led_to(step) {
            inner.each(rest, visit);
        }
    }

    /// The parts that a step leads to.
    fn led_to<'s>(&'s mut self, step: &'s Step) -> Box<dyn Iterator<Item = &'s mut Self> + 's> {
        match (self, step) {
            (Self::Object(members), Step::All) => Box::new(members.iter_mut().map(|(_, member)| member)),
            (Self::Array(items), Step::All) => Box::new(items.iter_mut()),
            (Self::Object(members), Step::Member(name)) => {
                Box::new(members.iter_mut().filter(move |(known, _)| known == name).map(|(_, member)| member))
            }
            (Self::Array(items), Step::Member(name)) => Box::new(name.parse().ok().and_then(|at: usize| items.get_mut(at)).into_iter()),
            (Self::Text(_) | Self::Set(_), _) => Box::new(std::iter::empty()),
        }
    }

    fn remove(&mut self, step: &Step) {
        match (self, step) {
            (Self::Object(members), Step::Member(name)) => members.retain(|(known, _)| known != name),
            (Self::Array(items), Step::Member(name)) => {
                if let Some(at) = name.parse::<usize>().ok().filter(|at| *at < items.len()) {
                    items.remove(at);
                }
            }
            (Self::Object(members), Step::All) => members.clear(),
            (Self::Array(items), Step::All) => items.clear(),
            (Self::Text(_) | Self::Set(_), _) => {}
        }
    }

    /// The member under its new name, at its old place; a member that had that name before is gone.
    fn rename(&mut self, step: &Step, new: &str) {
        let (Self::Object(members), Step::Member(old)) = (self, step) else { return };
        if old == new || !members.iter().any(|(name, _)| name == old) {
            return;
        }
        members.retain(|(name, _)| name != new);
        for (name, _) in members {
            if name == old {
                new.clone_into(name);
            }
        }
    }

    fn set(&mut self, steps: &[Step], value: &RawValue) {
        let Some((step, rest)) = steps.split_first() else {
            *self = Self::Set(value.to_owned());
            return;
        };
        self.open();
        if let (Self::Object(members), Step::Member(name)) = (&mut *self, step)
            && !members.iter().any(|(known, _)| known == name)
            && !rest.contains(&Step::All)
        {
            members.push((name.clone(), Self::Object(Vec::new())));
        }
        for inner in self.led_to(step) {
            inner.set(rest, value);
        }
    }
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(raw) => raw.serialize(serializer),
            Self::Set(raw) => raw.serialize(serializer),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, member) in members {
                    map.serialize_entry(name, member)?;
                }
                map.end()
            }
            Self::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
        }
    }
}

/// An object's members in their order.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::{Pointer, Step, Take, changed};
    use serde_json::value::RawValue;

    fn pointer(text: &str) -> Pointer {
        let step = |part: &str| if part == "*" { Step::All } else { Step::Member(part.to_owned()) };
        Pointer(text.split('/').filter(|part| !part.is_empty()).map(step).collect())
    }

    fn set(text: &str, at: &str, value: &str) -> String {
        let value = RawValue::from_string(value.to_owned()).unwrap();
        changed(text.as_bytes(), &Take::default(), vec![(&pointer(at), value)]).unwrap().get().to_owned()
    }

    #[test]
    fn what_is_not_touched_stays_letter_by_letter() {
        assert_eq!(set(r#"{"a": 1.10, "b": [1e400,  2]}"#, "c", "true"), r#"{"a":1.10,"b":[1e400,  2],"c":true}"#);
    }

    #[test]
    fn values_are_set_where_pointers_lead() {
        assert_eq!(set(r#"{"a":{"b":1}}"#, "a/b", "2"), r#"{"a":{"b":2}}"#);
        assert_eq!(set("{}", "a/b", "2"), r#"{"a":{"b":2}}"#);
        assert_eq!(set(r#"{"a":[{"x":1},{}]}"#, "a/*/x", "0"), r#"{"a":[{"x":0},{"x":0}]}"#);
        assert_eq!(set("[1,2]", "1", "\"x\""), "[1,\"x\"]");
    }

    #[test]
    fn nothing_is_made_where_a_pointer_cannot_lead() {
        for (text, at) in [("[1]", "5"), (r#"{"a":1}"#, "a/b"), ("{}", "a/*/b"), ("1", "a")] {
            assert_eq!(set(text, at, "2"), text, "{at}");
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_met_twice() {
        let take = Take { drop: vec![pointer("s")], ..Take::default() };
        let out = changed(br#"{"s":1,"a":2,"\u0073":3}"#, &take, Vec::new()).unwrap();
        assert_eq!(out.get(), r#"{"a":2}"#);
        assert_eq!(set(r#"{"a":1,"a":2}"#, "a", "0"), r#"{"a":0,"a":0}"#);
    }
}
