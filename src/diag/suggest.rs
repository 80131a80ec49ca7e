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
