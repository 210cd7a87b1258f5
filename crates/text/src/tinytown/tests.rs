//! Holds Tinytown to its promises: its bytes, its English, its truth, and its questions.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use super::{
    Town, corpus, facts,
    grammar::agree,
    lexicon::words,
    questions::{Kind, Question, questions},
    words::*,
    world::{Seen, World},
};

/// Fowler, Noll and Vo's hash, 64 bits, variant 1a.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn of(kind: Kind) -> Vec<Question> {
    questions(5, 200).into_iter().filter(|question| question.kind == kind).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_everywhere() {
    assert_eq!(fnv(&corpus(100_000, 1)), PINNED, "{:#x}", fnv(&corpus(100_000, 1)));
}

#[test]
fn other_seeds_tell_other_stories_and_few_twice() {
    let [one, two] = [1, 2].map(|seed| Town::new(seed).take(2000).collect::<BTreeSet<_>>());
    assert!(one.len() > 1980, "{}", one.len());
    assert!(one.intersection(&two).count() < 10, "{:?}", one.intersection(&two).take(20));
}

#[test]
fn a_story_does_not_depend_on_those_before_it() {
    let town = Town::new(9);
    let stories: Vec<String> = Town::new(9).take(50).collect();
    assert!((0..50).rev().all(|number| town.story(number) == stories[number as usize]));
}

#[test]
fn a_corpus_is_whole_stories_with_an_empty_line_between_them() {
    assert_eq!(corpus(0, 1), "");
    let text = corpus(10_000, 1);
    assert!((10_000..11_500).contains(&text.len()));
    let stories: Vec<&str> = text.strip_suffix('\n').unwrap().split("\n\n").collect();
    assert!(stories.iter().copied().eq(Town::new(1).take(stories.len())));
}

#[test]
fn every_story_is_clean_lower_case_english() {
    for story in Town::new(3).take(20_000) {
        let first = story.chars().next().unwrap();
        assert!(first.is_ascii_lowercase() || first == '"', "{story}");
        assert!(story.ends_with(['.', '?', '!', '"']), "{story}");
        let fine = |letter: char| letter.is_ascii_lowercase() || " .,?!'\"→".contains(letter);
        assert!(story.chars().all(fine), "{story}");
        for broken in ["  ", " .", " ,", " ?", ",,", "..", ".,", " the the ", " the a ", " a the "]
        {
            assert!(!story.contains(broken), "{broken:?}: {story}");
        }
        assert_eq!(story.matches('"').count() % 2, 0, "{story}");
        assert_eq!(story, agree(&story));
        for (many, verb) in [("crowd", "was"), ("someone", "were")] {
            for who in words(many) {
                let wrong = story.contains(&format!("{who} {verb}"));
                assert!(!wrong || story.contains("as if"), "{story}");
            }
        }
        let said: Vec<&str> = story.split(' ').collect();
        for pair in said.windows(2) {
            let vowel = pair[1].trim_start_matches('"').starts_with(['a', 'e', 'i', 'o', 'u']);
            assert!(pair[0] != "a" || !vowel, "{pair:?}: {story}");
            assert!(pair[0] != "an" || vowel, "{pair:?}: {story}");
        }
    }
}

#[test]
fn articles_agree_with_what_follows() {
    assert_eq!(agree("a apple, a pear and a old lamp"), "an apple, a pear and an old lamp");
    assert_eq!(agree("\"a owl!\" the sea owl"), "\"an owl!\" the sea owl");
    assert_eq!(agree("anna ate"), "anna ate");
}

#[test]
fn the_town_speaks_some_two_thousand_words() {
    let text = corpus(4_000_000, 1);
    let words: BTreeSet<&str> = text
        .split(|letter: char| !letter.is_ascii_alphabetic())
        .filter(|w| !w.is_empty())
        .collect();
    assert!((1500..=2500).contains(&words.len()), "{}", words.len());
}

#[test]
fn what_is_held_out_stands_nowhere_and_what_is_stated_is_not_asked() {
    let text = corpus(4_000_000, 1);
    let world = World::new();
    for fact in &world.facts {
        let [said @ .., _, _, _] = &facts::every_statement(fact)[..] else { unreachable!() };
        let stated = said.iter().any(|said| text.contains(said));
        assert_eq!(stated, fact.seen != Seen::HeldOut, "{fact:?}");
        for (wording, template) in facts::wordings(fact.about).iter().enumerate() {
            let asked = text.contains(&facts::put(&format!("{template} {{v}}."), fact));
            let may = fact.seen == Seen::Asked && fact.wordings.contains(&wording);
            assert_eq!(asked, may, "{fact:?} {wording}");
        }
    }
}

#[test]
fn every_kind_is_asked_and_every_answer_is_among_its_choices() {
    let all = questions(5, 20);
    let kinds: BTreeSet<Kind> = all.iter().map(|question| question.kind).collect();
    assert_eq!(kinds.len(), 10);
    for question in all {
        assert!(question.choices.contains(&question.answer), "{question:?}");
        assert!(question.answer.starts_with(' '), "{question:?}");
        assert!(!question.prompt.ends_with(' ') && !question.prompt.contains('{'), "{question:?}");
    }
}

#[test]
fn a_fact_is_answered_as_the_world_has_it() {
    let world = World::new();
    for question in questions(5, 0).iter().filter(|question| question.kind < Kind::LookupEasy) {
        let answer = &question.answer[1..];
        let known = world.facts.iter().any(|fact| {
            fact.value == answer
                && facts::wordings(fact.about)
                    .iter()
                    .any(|wording| facts::put(wording, fact) == question.prompt)
        });
        assert!(known, "{question:?}");
    }
}

#[test]
fn the_answer_to_an_easy_look_up_stands_right_after_its_key() {
    for question in of(Kind::LookupEasy) {
        let key = question.prompt.rsplit(' ').next().unwrap();
        let bound = format!(" {key}{}", question.answer);
        assert!(format!(" {}", question.prompt).contains(&bound), "{question:?}");
    }
}

#[test]
fn the_answer_to_a_hard_look_up_stands_two_words_after_its_key() {
    for question in of(Kind::LookupHard) {
        let words: Vec<&str> = question.prompt.rsplit(' ').collect();
        assert_eq!(words[0], "is");
        let bound = format!("the {} is{}.", words[1], question.answer);
        assert!(question.prompt.contains(&bound), "{question:?}");
    }
}

#[test]
fn a_list_goes_on_as_it_began() {
    for question in of(Kind::List) {
        let words: Vec<&str> = question.prompt.split(' ').collect();
        let period = question.choices.len();
        assert!((period..words.len()).all(|at| words[at] == words[at - period]), "{question:?}");
        assert_eq!(words[words.len() - period], &question.answer[1..]);
        assert!(words.len() > period, "{question:?}");
    }
}

#[test]
fn a_pair_that_is_asked_for_is_never_shown_among_pairs() {
    let text = corpus(2_000_000, 1);
    for question in of(Kind::FewShot) {
        let half = question.prompt.rsplit(", ").next().unwrap();
        assert!(!text.contains(&format!(" {half}")), "{question:?}");
    }
}

#[test]
fn what_is_held_out_of_pairs_is_told_in_sentences() {
    let text = corpus(2_000_000, 1);
    let all = OPPOSITES.iter().chain(&PLURALS).chain(&PASTS).copied();
    for (one, other) in all.chain(GENDERS.map(|(man, woman, ..)| (man, woman))) {
        let together =
            text.lines().any(|line| has(line, one) && has(line, other) && !line.contains('→'));
        assert!(together, "{one} {other}");
    }
}

#[test]
fn names_and_things_are_single_tokens_among_two_thousand() {
    let text = corpus(1_000_000, 1);
    let tokenizer = crate::Tokenizer::train_bpe(&[&text], 2048, &["<|endoftext|>"]).unwrap();
    let pairs = CAPITALS.iter().flat_map(|&(one, other)| [one, other]);
    let genders = GENDERS.iter().flat_map(|&(man, woman, ..)| [man, woman]);
    let lists: [&[&str]; 9] =
        [&RESIDENTS, &VISITORS, &SURNAMES, &COLORS, &COLORED, &LISTED, &MONTHS, &JOBS, &FOODS];
    let all = lists.concat().into_iter().chain(TOWNS).chain(pairs).chain(genders);
    let split: BTreeSet<&str> = all
        .filter(|word| {
            let ids = tokenizer.encode_bare(&format!(" {word}"), crate::Specials::Text).unwrap();
            ids.len() != 1
        })
        .collect();
    assert!(split.is_empty(), "{split:?}");
}

fn has(line: &str, word: &str) -> bool {
    line.split(|letter: char| !letter.is_ascii_alphabetic()).any(|other| other == word)
}

#[test]
fn no_question_was_ever_a_story() {
    let stories: BTreeSet<String> = Town::new(5).take(20_000).collect();
    for question in of(Kind::LookupEasy) {
        let told = format!("{}{}.", question.prompt, question.answer);
        assert!(!stories.contains(&told), "{told}");
    }
}

#[test]
fn questions_print_as_one_line_of_json() {
    let line = serde_json::to_string(&of(Kind::Analogy)[1]).unwrap();
    assert!(
        line.starts_with(
            r#"{"kind":"analogy","prompt":"man woman king","answer":" queen","seen":"held-out""#
        ),
        "{line}"
    );
}

const PINNED: u64 = 0x51e7_a9b5_895c_729b;
