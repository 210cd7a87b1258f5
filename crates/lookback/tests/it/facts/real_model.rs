//! Fifty-two facts that SmolLM2 ranks first: the outputs of which parts they need, and which bring them back.

use lookback::{Edit, Model, Site, model::BlockSite};
use serde::Deserialize;

use super::{
    PARTS, Read, as_far_at_random, assert_says, cells, mean_behind_first, real_model, set,
};

const FACTS: &str = include_str!("smollm2_facts.jsonl");
const CONTROLS: &str = include_str!("smollm2_controls.jsonl");
const LAYERS: u16 = 30;
/// Layers whose outputs are put back together.
const TOGETHER: u16 = 6;

#[derive(Deserialize)]
struct Line {
    kind: String,
    prompt: String,
    answer: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    other: String,
}

/// All prompts: facts first, then lists, then sentences.
struct Prompts {
    model: Model,
    read: Vec<Read>,
    facts: usize,
    lists: usize,
    /// Of each fact the position of its subject, and the fact about the other name.
    pairs: Vec<(usize, usize)>,
}

/// Where outputs are put back.
#[derive(Clone, Copy)]
enum Place {
    Subject,
    Between,
    Last,
}

impl Prompts {
    fn new(model: Model) -> Self {
        let line = |line: &str| -> Line { serde_json::from_str(line).unwrap() };
        let facts: Vec<Line> = FACTS.lines().map(line).collect();
        let controls: Vec<Line> = CONTROLS.lines().map(line).collect();
        let read = facts.iter().chain(&controls).map(|line| {
            let (ids, answer) = (model.encode(&line.prompt).unwrap(), model.token(&line.answer));
            Read::new(&model, ids, answer.unwrap())
        });
        let pairs = facts.iter().map(|fact| {
            let (before, _) = fact.prompt.split_once(&fact.subject).unwrap();
            let subject = model.encode(before.trim_end()).unwrap().len();
            let other = fact.prompt.replace(&fact.subject, &fact.other);
            (subject, facts.iter().position(|fact| fact.prompt == other).unwrap())
        });
        let (read, pairs) = (read.collect(), pairs.collect());
        let lists = controls.iter().filter(|line| line.kind == "list").count();
        Self { facts: facts.len(), lists, read, pairs, model }
    }

    /// A part's output behind the first token is its mean, or as far away in a random direction.
    fn changed(&self, part: usize, layer: u16, is_random: bool) -> Vec<(f64, bool)> {
        let site = Site::Block(layer, PARTS[part]);
        let mean = mean_behind_first(&self.read, site);
        let seeds = (usize::from(layer) * 2 + part) * 1000..;
        let changed = self.read.iter().zip(seeds).map(|(read, seed)| {
            let positions: Vec<usize> = (1..read.ids.len()).collect();
            let numbers = match is_random {
                true => as_far_at_random(read, site, &mean, seed as u64),
                false => mean.clone(),
            };
            read.fall(&self.model, vec![set(site, &positions, mean.len(), numbers)])
        });
        changed.collect()
    }

    /// A row of the tables of falls.
    fn falls(&self, part: usize, layer: u16) -> String {
        let sentences = self.facts + self.lists;
        let mean = self.changed(part, layer, false);
        let random = self.changed(part, layer, true);
        format!(
            "| {layer} | {} | {} | {} | {} | {} |",
            cells(&mean[..self.facts]),
            cells(&mean[self.facts..sentences]),
            cells(&mean[sentences..]),
            cells(&random[..self.facts]),
            cells(&random[self.facts..]),
        )
    }

    /// What comes back of each fact where the other name is read, and a part's outputs over these layers are
    /// those of the fact.
    fn restored(
        &self,
        part: BlockSite,
        place: Place,
        layers: std::ops::Range<u16>,
    ) -> Vec<(f64, bool)> {
        let of_fact = |(fact, &(subject, other)): (usize, &(usize, usize))| {
            let read = &self.read[fact];
            let positions: Vec<usize> = match place {
                Place::Subject => vec![subject],
                Place::Between => (subject + 1..read.last()).collect(),
                Place::Last => vec![read.last()],
            };
            let put = |layer| read.put(Site::Block(layer, part), &positions);
            let edits: Vec<(Site, Edit)> = layers.clone().map(put).collect();
            read.restored(&self.model, &self.read[other], edits)
        };
        self.pairs.iter().enumerate().map(of_fact).collect()
    }

    /// A row of the table of what comes back.
    fn comes_back(&self, name: &str, part: BlockSite, place: Place) -> String {
        let all = cells(&self.restored(part, place, 0..LAYERS));
        if matches!(place, Place::Between) {
            return format!("| {name} | {all} |");
        }
        let some = (0..LAYERS).step_by(usize::from(TOGETHER)).map(|from| {
            let restored = self.restored(part, place, from..from + TOGETHER);
            super::Spread(restored.into_iter().map(|(share, _)| share).collect()).to_string()
        });
        format!("| {name} | {all} | {} |", some.collect::<Vec<_>>().join(" | "))
    }

    fn first(&self) -> String {
        let is_first = |read: &&Read| super::rank(read.logits(), read.answer) == 1;
        let first = |reads: &[Read]| reads.iter().filter(is_first).count();
        let sentences = self.facts + self.lists;
        format!(
            "ranks the answers of all {} facts, {} lists and {} sentences first",
            first(&self.read[..self.facts]),
            first(&self.read[self.facts..sentences]),
            first(&self.read[sentences..]),
        )
    }
}

const MLP: usize = 0;
const ATTENTION: usize = 1;

#[test]
#[ignore = "needs SmolLM2"]
fn smollm2_ranks_them_first_and_the_strongest_rows_are_those_of_the_document() {
    let Some(model) = real_model() else { return };
    let prompts = Prompts::new(model);
    let wanted = [
        prompts.first(),
        prompts.falls(MLP, 0),
        format!(
            "| attention, last token | {} |",
            cells(&prompts.restored(BlockSite::AttnOut, Place::Last, 0..LAYERS))
        ),
    ];
    assert_says("facts.md", &wanted);
}

#[test]
#[ignore = "needs SmolLM2, and minutes"]
fn all_rows_of_smollm2_are_those_of_the_document() {
    let Some(model) = real_model() else { return };
    let prompts = Prompts::new(model);
    let mut wanted = Vec::new();
    for part in [MLP, ATTENTION] {
        wanted.extend((0..LAYERS).map(|layer| prompts.falls(part, layer)));
    }
    for (name, part) in [("MLPs", BlockSite::MlpOut), ("attention", BlockSite::AttnOut)] {
        for (of, place) in
            [("the name", Place::Subject), ("between", Place::Between), ("last token", Place::Last)]
        {
            wanted.push(prompts.comes_back(&format!("{name}, {of}"), part, place));
        }
    }
    assert_says("facts.md", &wanted);
}
