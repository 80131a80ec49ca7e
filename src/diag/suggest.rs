//! Did-you-mean: the nearest known word to an unknown one.

/// The known word that is nearest to `unknown`, if one is near enough to be meant: at most a third of its
/// letters differ (Damerau-Levenshtein), or one is a prefix of the other.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = unknown.to_ascii_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_ascii_lowercase()), word))
        .filter(|(distance, word)| {
            let allowed = unknown.chars().count().max(word.chars().count()).div_ceil(3);
            *distance <= allowed && *distance < word.chars().count()
        })
        .min_by_key(|(distance, word)| (*distance, word.len().abs_diff(unknown.len()), *word))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let words = ["timeout", "retry", "require", "route", "limit"];
        assert_eq!(nearest("timout", words), Some("timeout"));
        assert_eq!(nearest("reqiure", words), Some("require"));
        assert_eq!(nearest("Limits", words), Some("limit"));
        assert_eq!(nearest("zzz", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn of_two_equally_near_words_the_first_by_the_alphabet_is_suggested() {
        assert_eq!(nearest("oster", ["uster", "aster"]), Some("aster"));
    }
}
