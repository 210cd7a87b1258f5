//! Sentences from templates: a slot in braces becomes a word, or a phrase that holds slots itself.

use super::{deeds::DEEDS, draw::Draw, lexicon::words, world::World};

/// Whom and what a text is about.
pub(super) struct Scene {
    /// Residents, by number.
    pub(super) people: [usize; 2],
    pub(super) thing: String,
    pub(super) here: &'static str,
    pub(super) there: &'static str,
}

/// Appends a template with its slots filled. A slot that nobody knows stays as it is; a test looks
/// for braces.
pub(super) fn fill(template: &str, scene: &Scene, draw: &mut Draw, out: &mut String) {
    let mut rest = template;
    while let Some((before, (slot, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        out.push_str(before);
        fill_slot(slot, scene, draw, out);
        rest = after;
    }
    out.push_str(rest);
}

fn fill_slot(slot: &str, scene: &Scene, draw: &mut Draw, out: &mut String) {
    if let Some(person) = slot.strip_prefix(['0', '1']) {
        let who = scene.people[usize::from(slot.starts_with('1'))];
        out.push_str(match person {
            "" => World::name(who),
            pronoun => World::pronoun(who, pronoun),
        });
        return;
    }
    match slot {
        "thing" => out.push_str(&scene.thing),
        "here" => out.push_str(scene.here),
        "there" => out.push_str(scene.there),
        "do" | "did" | "doing" | "done" => {
            let (base, past, ing, rest) = draw.pick(&DEEDS);
            out.push_str(match slot {
                "do" => base,
                "doing" => ing,
                "did" => past,
                _ => participle(past),
            });
            out.push(' ');
            fill(rest, scene, draw, out);
        }
        _ => match words(slot) {
            [] => out.extend(["{", slot, "}"]),
            words => fill(draw.pick(words), scene, draw, out),
        },
    }
}

/// What stands after *had*: most are like the past.
fn participle(past: &str) -> &str {
    match past {
        "wrote" => "written",
        "sang" => "sung",
        "drew" => "drawn",
        "hid" => "hidden",
        "drove" => "driven",
        "ran" => "run",
        "shook" => "shaken",
        "swam" => "swum",
        "sewed" => "sewn",
        past => past,
    }
}

/// `a` before a vowel becomes `an`, as in `an old lamp`.
pub(super) fn agree(text: &str) -> String {
    let mut agreed = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut at_start = true;
    while let Some(at) = rest.find("a ") {
        let (before, after) = rest.split_at(at);
        agreed.push_str(before);
        let alone = before.chars().next_back().map_or(at_start, |last| !last.is_alphabetic());
        agreed.push_str(if alone && takes_an(&after[2..]) { "an " } else { "a " });
        at_start = false;
        rest = &after[2..];
    }
    agreed.push_str(rest);
    agreed
}

/// Whether a word begins with the sound of a vowel.
fn takes_an(word: &str) -> bool {
    word.starts_with(['a', 'e', 'i', 'o', 'u'])
        && !["uni", "use", "one"].iter().any(|y| word.starts_with(y))
        || word.starts_with("hour")
        || word.starts_with("honest")
}
