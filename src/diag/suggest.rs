//! Did-you-mean: the nearest known word to an unknown one.

/// A known word that may be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near<'a> {
    /// The word.
    pub word: &'a str,
    /// How many letters differ.
    pub distance: usize,
    /// True when no other word is as near, and no more than a third of the letters of either differ: then a word of the language
    /// may be put in place of the unknown one.
    pub sure: bool,
}

/// The known word that is nearest to `unknown`, see [`near`].
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(unknown, known).map(|near| near.word)
}

/// The known word that is nearest to `unknown`, if one is near enough to be meant: at most a third of the
/// letters of either differ, rounded up (Damerau-Levenshtein). Of words as near, one that goes on where `unknown` ends is preferred.
pub fn near<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<Near<'a>> {
    let all = by_distance(unknown, known);
    let (distance, word) = *all.first()?;
    let alone = all.get(1).is_none_or(|(second, _)| *second > distance);
    Some(Near { word, distance, sure: alone && distance * 3 <= shorter(unknown, word) })
}

/// All known words that are near enough to be meant, the nearest first.
pub fn all_near<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    by_distance(unknown, known).into_iter().map(|(_, word)| word).collect()
}

/// Letters of the shorter one.
fn shorter(unknown: &str, word: &str) -> usize {
    unknown.chars().count().min(word.chars().count())
}

fn by_distance<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<(usize, &'a str)> {
    let lower = unknown.to_ascii_lowercase();
    let mut all: Vec<(usize, &str)> = known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_ascii_lowercase()), word))
        .filter(|(distance, word)| *distance <= shorter(unknown, word).div_ceil(3) && *distance < word.chars().count())
        .collect();
    all.sort_unstable_by_key(|(distance, word)| (*distance, !word.starts_with(&lower), word.len().abs_diff(unknown.len()), *word));
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::{Near, near, nearest};

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let words = ["timeout", "retry", "require", "route", "limit"];
        assert_eq!(nearest("timout", words), Some("timeout"));
        assert_eq!(nearest("reqiure", words), Some("require"));
        assert_eq!(nearest("Limits", words), Some("limit"));
        assert_eq!(nearest("respons", ["respond", "response"]), Some("response"));
        assert_eq!(nearest("lmit", ["let"]), None);
        assert_eq!(nearest("zzz", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn of_two_equally_near_words_the_first_by_the_alphabet_is_suggested() {
        assert_eq!(nearest("oster", ["uster", "aster"]), Some("aster"));
        assert_eq!(near("oster", ["uster", "aster"]), Some(Near { word: "aster", distance: 1, sure: false }));
        assert_eq!(near("send", ["kind"]), Some(Near { word: "kind", distance: 2, sure: false }));
        assert_eq!(near("oster", ["aster", "aster", "roster's"]), Some(Near { word: "aster", distance: 1, sure: true }));
    }
}
