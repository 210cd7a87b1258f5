//! What the words of Tinytown are about: the fields that the map of a model's embeddings colours.
//!
//! A word may be in several (an orange is a fruit and a thing); the first in the order of [`Field`]
//! counts. Small words such as *the* and *and* are in none.

use super::{
    deeds::DEEDS,
    lexicon::words,
    words::{
        CAPITALS, COLORED, COLORS, FOODS, GENDERS, JOBS, MONTHS, OPPOSITES, PASTS, PLURALS,
        RESIDENTS, SURNAMES, TOWNS, VISITORS,
    },
};

/// What a word is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// *tom*, *anna*, *smith*
    Names,
    /// *king*, *queen*, *baker*
    People,
    /// *bird*, *sheep*
    Animals,
    /// *red*, *blue*
    Colors,
    /// *bread*, *onions*, *tea*
    Food,
    /// *paris*, *school*, *river*
    Places,
    /// *monday*, *winter*, *seven*
    Times,
    /// *big*, *happy*, *rainy*, *slowly*
    Qualities,
    /// *paint*, *painted*, *painting*
    Deeds,
    /// *lamp*, *violin*, *table*
    Things,
}

impl Field {
    /// All, in the order in which they count.
    pub const ALL: [Self; 10] = [
        Self::Names,
        Self::People,
        Self::Animals,
        Self::Colors,
        Self::Food,
        Self::Places,
        Self::Times,
        Self::Qualities,
        Self::Deeds,
        Self::Things,
    ];

    /// In plain words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::People => "people",
            Self::Animals => "animals",
            Self::Colors => "colors",
            Self::Food => "food and drink",
            Self::Places => "places",
            Self::Times => "times and numbers",
            Self::Qualities => "qualities",
            Self::Deeds => "deeds",
            Self::Things => "things",
        }
    }

    /// The field of a word without spaces, if it is in one.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.has(word))
    }

    fn has(self, word: &str) -> bool {
        let in_slots = |slots: &[&str]| {
            slots.iter().flat_map(|slot| words(slot)).any(|phrase| last_word(phrase) == word)
        };
        match self {
            Self::Names => [&RESIDENTS[..], &VISITORS, &SURNAMES].concat().contains(&word),
            Self::People => {
                GENDERS.iter().any(|(man, woman, ..)| [*man, *woman].contains(&word))
                    || JOBS.contains(&word)
                    || ["child", "children"].contains(&word)
                    || in_slots(&["crowd", "someone"])
            }
            Self::Animals => {
                let is_animal = |one: &str| COLORED[..10].contains(&one) || HOUSE.contains(&one);
                let mut plurals = PLURALS.iter();
                is_animal(word)
                    || plurals.any(|(one, many)| *many == word && is_animal(one))
                    || in_slots(&["beast", "beasts"])
            }
            Self::Colors => COLORS.contains(&word),
            Self::Food => {
                FOODS.contains(&word)
                    || words("berries")[..9].contains(&word)
                    || in_slots(&["vegetables", "pastries", "drink"])
            }
            Self::Places => {
                TOWNS.contains(&word)
                    || CAPITALS.iter().any(|(land, city)| [*land, *city].contains(&word))
                    || in_slots(&["building", "place", "path", "water", "slope"])
            }
            Self::Times => {
                MONTHS.contains(&word)
                    || ["day", "night", "today", "yesterday", "tomorrow"].contains(&word)
                    || in_slots(&["weekday", "season", "hour", "number", "clock"])
            }
            Self::Qualities => {
                OPPOSITES.iter().any(|(one, other)| [*one, *other].contains(&word))
                    || in_slots(&["adj", "feeling", "weather", "broken", "hard", "how"])
            }
            Self::Deeds => {
                let first = |deed: &str| deed.split(' ').next() == Some(word);
                DEEDS.iter().any(|(base, past, ing, _)| [*base, *past, *ing].into_iter().any(first))
                    || PASTS.iter().any(|(now, then)| [*now, *then].contains(&word))
                    || in_slots(&["went", "answered", "ruined", "shook"])
            }
            Self::Things => {
                COLORED.contains(&word)
                    || PLURALS.iter().any(|(one, many)| [*one, *many].contains(&word))
                    || in_slots(&THINGS)
            }
        }
    }
}

/// Animals that have a plural in the stories and no color.
const HOUSE: [&str; 2] = ["mouse", "goose"];

/// The slots of the grammar that hold what can be touched.
const THINGS: [&str; 20] = [
    "treasure",
    "toy",
    "furniture",
    "seat",
    "garment",
    "hook",
    "vessel",
    "vehicle",
    "instrument",
    "dishes",
    "stuff",
    "fence",
    "floor",
    "message",
    "picture",
    "plant",
    "leaves",
    "flame",
    "sky",
    "berries",
];

/// What a phrase such as *the old captain* is about.
fn last_word(phrase: &str) -> &str {
    phrase.rsplit(' ').next().unwrap_or(phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_one_kind_are_in_one_field() {
        let told = [
            ("tom anna smith", Field::Names),
            ("king queen baker captain villagers", Field::People),
            ("bird birds horse sheep geese mice", Field::Animals),
            ("red golden", Field::Colors),
            ("bread tea onions berries", Field::Food),
            ("paris norwick france school river", Field::Places),
            ("monday winter seven morning", Field::Times),
            ("big slowly rainy happy rusty", Field::Qualities),
            ("paint painted hunting went saw", Field::Deeds),
            ("lamp violin table boxes feathers", Field::Things),
        ];
        for (words, field) in told {
            for word in words.split(' ') {
                assert_eq!(Field::of(word), Some(field), "{word}");
            }
        }
    }

    #[test]
    fn small_words_and_pieces_of_words_are_in_none() {
        for word in ["the", "and", "of", "is", "qu", "", "{fence}"] {
            assert_eq!(Field::of(word), None, "{word}");
        }
    }

    #[test]
    fn the_fields_are_in_the_order_in_which_they_count() {
        assert!(Field::ALL.is_sorted());
    }
}
