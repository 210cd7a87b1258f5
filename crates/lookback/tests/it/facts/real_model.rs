//! Fifty-two facts that SmolLM2 ranks first: the outputs of which parts they need, and which bring them back.

use std::ops::Range;

use lookback::{Edit, Model, Site, model::BlockSite};
use serde::Deserialize;

use super::{
    PARTS, Read, Spread, after, as_far_at_random, assert_says, cells, mean_behind_first,
    real_model, set,
};

const FACTS: &str = include_str!("smollm2_facts.jsonl");
const CONTROLS: &str = include_str!("smollm2_controls.jsonl");
const LAYERS: u16 = 30;
/// Layers whose outputs the document takes away one at a time.
const SHOWN: [u16; 9] = [0, 1, 3, 6, 10, 14, 18, 21, 23];
/// Layers whose outputs are put back together.
const TOGETHER: [Range<u16>; 6] = [0..1, 1..6, 6..12, 12..18, 18..24, 24..30];

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
        let count = if is_random { self.facts } else { self.read.len() };
        let changed = self.read[..count].iter().zip(seeds).map(|(read, seed)| {
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
            "| {layer} | {} | {} | {} | {} |",
            cells(&mean[..self.facts]),
            cells(&mean[self.facts..sentences]),
            cells(&mean[sentences..]),
            cells(&random),
        )
    }

    /// What comes back of each fact where the other name is read, and a part's outputs over these layers are
    /// those of the fact.
    fn restored(&self, part: BlockSite, place: Place, layers: Range<u16>) -> Vec<(f64, bool)> {
        let of_fact = |(fact, &(subject, other)): (usize, &(usize, usize))| {
            let read = &self.read[fact];
            let positions: Vec<usize> = match place {
                Place::Subject => vec![subject],
                Place::Between => (subject + 1..read.last()).collect(),
                Place::Last => vec![read.last()],
            };
            // Nothing stands between a name and the last token behind it.
            if positions.is_empty() {
                return read.restored(&self.model, &self.read[other], Vec::new());
            }
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
        let some = TOGETHER.map(|layers| {
            let restored = self.restored(part, place, layers);
            Spread(restored.into_iter().map(|(share, _)| share).collect()).to_string()
        });
        format!("| {name} | {all} | {} |", some.join(" | "))
    }

    /// Rows of the table that asks what of the name MLP 0 holds: into the pass over the other name, or, where
    /// it says so, into the fact's own.
    fn held(&self) -> Vec<String> {
        let mlps = |layers: Range<u16>, of: &Read, at: usize| -> Vec<(Site, Edit)> {
            layers.map(|layer| of.put(Site::Block(layer, BlockSite::MlpOut), &[at])).collect()
        };
        let row = |name: &str, results: &dyn Fn(usize) -> (f64, bool)| {
            let results: Vec<(f64, bool)> = (0..self.facts).map(results).collect();
            format!("| {name} | {} |", cells(&results))
        };
        let of_fact = |fact: usize| {
            let (name, other) = self.pairs[fact];
            (&self.read[fact], &self.read[other], name)
        };
        let other = |edits: &dyn Fn(usize) -> Vec<(Site, Edit)>, fact: usize| {
            let (own, other, _) = of_fact(fact);
            own.restored(&self.model, other, edits(fact))
        };
        // What is left of the fact is what would have come back.
        let own = |edits: Vec<(Site, Edit)>, fact: usize| {
            let (own, other, _) = of_fact(fact);
            own.share(other, &after(&self.model, &own.ids, edits))
        };
        vec![
            row("MLP 0 at the name, from *We talked about* and the name", &|fact| {
                other(&|fact| self.named(fact), fact)
            }),
            row("embedding of the name, MLP 0 there stays the other's", &|fact| {
                let edits = |fact| {
                    let (own, other, name) = of_fact(fact);
                    let mut edits = mlps(0..1, other, name);
                    let trace = self.model.look(&own.ids).sites("embed").trace().unwrap();
                    let row = trace.at(Site::Embed).unwrap().part(name).to_vec();
                    edits.push(set(Site::Embed, &[name], row.len(), row));
                    edits
                };
                other(&edits, fact)
            }),
            row("MLPs 1 to 29 at the name", &|fact| {
                let edits = |fact| {
                    let (own, _, name) = of_fact(fact);
                    mlps(1..LAYERS, own, name)
                };
                other(&edits, fact)
            }),
            row("own pass: MLPs 1 to 29 at the name are the other's", &|fact| {
                let (_, other, name) = of_fact(fact);
                own(mlps(1..LAYERS, other, name), fact)
            }),
            row("own pass: all MLPs at the last token are the other's", &|fact| {
                let (read, other, _) = of_fact(fact);
                own(mlps(0..LAYERS, other, read.last()), fact)
            }),
        ]
    }

    /// What MLP 0 makes of a fact's name in a prompt that asks nothing.
    fn named(&self, fact: usize) -> Vec<(Site, Edit)> {
        let (site, name) = (Site::Block(0, BlockSite::MlpOut), self.pairs[fact].0);
        let mut ids = self.model.encode("We talked about").unwrap();
        ids.push(self.read[fact].ids[name]);
        let trace = self.model.look(&ids).sites(site.to_string()).trace().unwrap();
        let row = trace.at(site).unwrap().part(ids.len() - 1).to_vec();
        vec![set(site, &[name], row.len(), row)]
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

/// Why means leave first tokens out.
fn first_tokens(prompts: &Prompts) -> String {
    let site = Site::Block(11, BlockSite::MlpOut);
    let length = |row: &[f32]| row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let of = |read: &Read, at: usize| length(read.output(site).part(at));
    let first: Vec<f64> = prompts.read.iter().map(|read| of(read, 0)).collect();
    let others =
        prompts.read.iter().flat_map(|read| (1..read.ids.len()).map(move |at| of(read, at)));
    format!(
        "the output of MLP 11 is {:.0} long there on average, and {:.0} at other tokens at the median",
        first.iter().sum::<f64>() / first.len() as f64,
        Spread(others.collect()).quantile(0.5)
    )
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
        first_tokens(&prompts),
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
fn all_rows_of_smollm2_that_say_what_is_needed_are_those_of_the_document() {
    let Some(model) = real_model() else { return };
    let prompts = Prompts::new(model);
    let parts = [MLP, ATTENTION].into_iter();
    let rows = parts.flat_map(|part| SHOWN.map(|layer| prompts.falls(part, layer)));
    assert_says("facts.md", &rows.collect::<Vec<_>>());
}

#[test]
#[ignore = "needs SmolLM2, and minutes"]
fn all_rows_of_smollm2_that_say_what_brings_facts_back_are_those_of_the_document() {
    let Some(model) = real_model() else { return };
    let prompts = Prompts::new(model);
    let mut wanted = Vec::new();
    for (name, part) in [("MLPs", BlockSite::MlpOut), ("attention", BlockSite::AttnOut)] {
        for (of, place) in
            [("the name", Place::Subject), ("between", Place::Between), ("last token", Place::Last)]
        {
            wanted.push(prompts.comes_back(&format!("{name}, {of}"), part, place));
        }
    }
    assert_says("facts.md", &wanted);
}

#[test]
#[ignore = "needs SmolLM2, and a minute"]
fn all_rows_of_smollm2_that_say_what_its_first_mlp_holds_are_those_of_the_document() {
    let Some(model) = real_model() else { return };
    assert_says("facts.md", &Prompts::new(model).held());
}
