//! A small simulation of the town: people meet, and things change hands. What is told has happened.

use super::{
    draw::Draw,
    facts,
    grammar::{Scene, fill},
    lexicon::words,
    phrases::phrases,
    words::{COLORS, RESIDENTS},
    world::World,
};

/// Where the thing of the tale is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    Unfound,
    With(usize),
    Lost,
}

/// Two residents, a place and a thing, for some four to nine sentences.
pub(super) fn tale(world: &World, draw: &mut Draw) -> String {
    let first = draw.below(RESIDENTS.len());
    // Mostly a man and a woman, so that the pronouns are clear.
    let half = RESIDENTS.len() / 2;
    let second = if draw.chance(80) {
        (first / half * half + half) % RESIDENTS.len() + draw.below(half)
    } else {
        (first + 1 + draw.below(RESIDENTS.len() - 1)) % RESIDENTS.len()
    };
    let places = draw.several(2, words("place"));
    let thing = format!("{} {}", draw.pick(&COLORS), draw.pick(words("treasure")));
    let scene = Scene { people: [first, second], thing, here: places[0], there: places[1] };
    let mut told = Tale { text: String::new(), scene, said: Vec::new() };
    told.say("opening", draw);
    if draw.chance(50) {
        told.say("scene", draw);
    }
    let mut thing = Thing::Unfound;
    if draw.chance(60) {
        told.say("find", draw);
        thing = Thing::With(0);
    }
    told.say("meet", draw);
    if draw.chance(15)
        && let Some(remark) = facts::remark(world, told.scene.people[draw.below(2)], draw)
    {
        told.add(&remark);
    }
    if draw.chance(60) {
        told.say("greet", draw);
    }
    for _ in 0..draw.between(1, 4) {
        thing = told.happen(thing, draw);
    }
    if thing != Thing::Unfound && draw.chance(60) {
        told.ask_for_the_thing(thing, draw);
    } else {
        told.say("closing", draw);
    }
    told.text
}

struct Tale {
    text: String,
    scene: Scene,
    /// The templates of its sentences: nothing is said twice. A list has more than a tale has sentences.
    said: Vec<&'static str>,
}

impl Tale {
    fn add(&mut self, sentence: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(sentence);
    }

    fn say(&mut self, what: &str, draw: &mut Draw) {
        let mut template = draw.pick(phrases(what));
        while self.said.contains(&template) {
            template = draw.pick(phrases(what));
        }
        self.said.push(template);
        self.add("");
        fill(template, &self.scene, draw, &mut self.text);
    }

    /// One thing that happens, and where the thing is then.
    fn happen(&mut self, thing: Thing, draw: &mut Draw) -> Thing {
        match (draw.below(100), thing) {
            (0..40, Thing::With(0)) => {
                self.say("give", draw);
                Thing::With(1)
            }
            (0..25, Thing::With(_)) => {
                self.say("back", draw);
                Thing::With(0)
            }
            (40..50, Thing::With(0)) => {
                self.say("drop", draw);
                Thing::Lost
            }
            (50..58, _) => {
                self.say("trouble", draw);
                thing
            }
            (58..66, _) => {
                self.say("feel", draw);
                thing
            }
            (66..76, _) if !self.scene.there.is_empty() => {
                self.say("move", draw);
                self.scene.here = std::mem::take(&mut self.scene.there);
                thing
            }
            (76..88, _) => {
                self.say("ask", draw);
                thing
            }
            _ => {
                self.say("deed", draw);
                thing
            }
        }
    }

    fn ask_for_the_thing(&mut self, thing: Thing, draw: &mut Draw) {
        let asked = [
            "who has the {thing} now?",
            "and where is the {thing}?",
            "\"where is the {thing}?\" asked {folk}.",
        ];
        self.add("");
        fill(draw.pick(&asked), &self.scene, draw, &mut self.text);
        self.add(match thing {
            Thing::With(0) => "{0} has it.",
            Thing::With(_) => "{1} has it.",
            Thing::Unfound | Thing::Lost => "nobody knows.",
        });
        let text = std::mem::take(&mut self.text);
        fill(&text, &self.scene, draw, &mut self.text);
    }
}
