//! Tinytown's 82 facts that are stated and never asked, in the default model; its look-ups are the control.

use lookback::{Edit, Model, Site, model::BlockSite};
use lookback_text::{
    Specials,
    tinytown::{Kind, Question, questions},
};

use super::{PARTS, Read, as_far_at_random, assert_says, cells, mean_behind_first, set};

const LAYERS: u16 = 3;
const MLP_0: Site = Site::Block(0, BlockSite::MlpOut);

/// What stands before and behind the name in the questions' words, the more special first.
const WORDINGS: [(&str, &str); 5] = [
    ("when was ", " born?"),
    ("where does ", " come from?"),
    ("what is the capital of ", "? it is"),
    ("what does ", " like?"),
    ("what is ", "? a"),
];

struct Fact {
    wording: usize,
    /// Wherever the name stands: where food is asked for, twice.
    name: Vec<usize>,
    /// Behind the name, without the name and the last token.
    between: Vec<usize>,
}

struct Prompts {
    model: Model,
    /// Facts, then look-ups.
    read: Vec<Read>,
    facts: Vec<Fact>,
}

impl Prompts {
    fn new(model: Model) -> Self {
        let asked = questions(1, 100);
        let of_kind = |kind| asked.iter().filter(move |question| question.kind == kind);
        let tokenizer = model.tokenizer().unwrap();
        let read = |question: &Question| {
            let answer = tokenizer.encode_bare(&question.answer, Specials::Text).unwrap()[0];
            Read::new(&model, model.encode(&question.prompt).unwrap(), answer)
        };
        let facts = of_kind(Kind::FactStated).map(|question| Fact::new(&model, &question.prompt));
        let reads = of_kind(Kind::FactStated).chain(of_kind(Kind::LookupEasy)).map(read);
        let (facts, read) = (facts.collect(), reads.collect());
        Self { facts, read, model }
    }

    /// The next fact in the same words, with as many tokens and another answer.
    fn other(&self, fact: usize) -> &Read {
        let count = self.facts.len();
        let fits = |&other: &usize| {
            let [one, two] = [fact, other].map(|at| &self.read[at]);
            self.facts[fact].wording == self.facts[other].wording
                && one.ids.len() == two.ids.len()
                && one.answer != two.answer
        };
        &self.read[(1..count).map(|step| (fact + step) % count).find(fits).unwrap()]
    }

    /// A row of falls where a part's output behind the first token is nothing, its mean, or as far away as
    /// that in a random direction.
    fn falls(&self, part: usize, layer: u16) -> String {
        let site = Site::Block(layer, PARTS[part]);
        let mean = mean_behind_first(&self.read, site);
        let width = mean.len();
        let changed = |numbers: &dyn Fn(usize) -> Vec<f32>| {
            let results = self.read.iter().enumerate().map(|(at, read)| {
                let positions: Vec<usize> = (1..read.ids.len()).collect();
                read.fall(&self.model, vec![set(site, &positions, width, numbers(at))])
            });
            let results: Vec<(f64, bool)> = results.collect();
            let (facts, look_ups) = results.split_at(self.facts.len());
            format!("{} | {}", cells(facts), cells(look_ups))
        };
        let seed = (usize::from(layer) * 2 + part) * 1000;
        let random = |at: usize| as_far_at_random(&self.read[at], site, &mean, (seed + at) as u64);
        format!(
            "| {} {layer} | {} | {} | {} |",
            ["MLP", "attention"][part],
            changed(&|_| vec![0.0; width]),
            changed(&|_| mean.clone()),
            changed(&random),
        )
    }

    /// A row of falls of the facts where a part's output is nothing at the name, between, at the last token.
    fn by_position(&self, part: usize, layer: u16) -> String {
        let site = Site::Block(layer, PARTS[part]);
        let width = self.model.config().width;
        let places: [&dyn Fn(usize) -> Vec<usize>; 3] = [
            &|fact| self.facts[fact].name.clone(),
            &|fact| self.facts[fact].between.clone(),
            &|fact| vec![self.read[fact].last()],
        ];
        let row = places.map(|place| {
            let fall = |fact: usize| {
                let edit = set(site, &place(fact), width, vec![0.0; width]);
                self.read[fact].fall(&self.model, vec![edit])
            };
            cells(&(0..self.facts.len()).map(fall).collect::<Vec<_>>())
        });
        format!("| {} {layer} | {} |", ["MLP", "attention"][part], row.join(" | "))
    }

    /// A row of what comes back where the other name is read and these edits are made.
    fn comes_back(&self, name: &str, edits: impl Fn(&Put) -> Vec<(Site, Edit)>) -> String {
        let restored = |at: usize| {
            let (own, other) = (&self.read[at], self.other(at));
            let put = Put { model: &self.model, own, other, fact: &self.facts[at] };
            own.restored(&self.model, other, edits(&put))
        };
        let results: Vec<(f64, bool)> = (0..self.facts.len()).map(restored).collect();
        format!("| {name} | {} |", cells(&results))
    }
}

impl Fact {
    fn new(model: &Model, prompt: &str) -> Self {
        let fits = |(before, behind): &(&str, &str)| {
            prompt.strip_prefix(before).is_some_and(|rest| rest.contains(behind))
        };
        let wording = WORDINGS.iter().position(fits).unwrap();
        let ids = model.encode(prompt).unwrap();
        let first = model.encode(WORDINGS[wording].0.trim_end()).unwrap().len();
        let (name, last) = (ids[first], ids.len() - 1);
        Self {
            wording,
            name: (0..=last).filter(|&at| ids[at] == name).collect(),
            between: (first + 1..last).filter(|&at| ids[at] != name).collect(),
        }
    }
}

/// What can be put into the pass over the other name.
struct Put<'a> {
    model: &'a Model,
    own: &'a Read,
    other: &'a Read,
    fact: &'a Fact,
}

impl Put<'_> {
    /// What this name's pass has at a site.
    fn site(&self, site: Site, positions: &[usize]) -> (Site, Edit) {
        let trace = self.model.look(&self.own.ids).sites(site.to_string()).trace().unwrap();
        let seen = trace.at(site).unwrap();
        let rows = positions.iter().flat_map(|&at| seen.part(at)).copied();
        set(site, positions, seen.part(0).len(), rows.collect())
    }

    fn mlps(&self, of: &Read, positions: &[usize]) -> Vec<(Site, Edit)> {
        let put = |layer| of.put(Site::Block(layer, BlockSite::MlpOut), positions);
        (0..LAYERS).map(put).collect()
    }

    fn all(&self) -> Vec<usize> {
        (0..self.own.ids.len()).collect()
    }

    fn last(&self) -> [usize; 1] {
        [self.own.last()]
    }

    /// One head of layer 1 at the last token.
    fn head(&self, head: usize) -> (Site, Edit) {
        let (site, mut edit) = self.site(Site::Block(1, BlockSite::Z), &self.last());
        let width = self.model.config().head_dim;
        edit.columns = head * width..(head + 1) * width;
        edit.numbers = edit.numbers[edit.columns.clone()].into();
        (site, edit)
    }
}

#[test]
#[ignore = "needs the default model in LOOKBACK_HOME"]
fn the_default_models_facts_need_and_follow_what_the_document_says() {
    let prompts = Prompts::new(Model::open("default").unwrap());
    let mut wanted = Vec::new();
    let parts = [0, 1].into_iter().flat_map(|part| (0..LAYERS).map(move |layer| (part, layer)));
    wanted.extend(parts.map(|(part, layer)| prompts.falls(part, layer)));
    wanted.extend([(0, 0), (0, 2), (1, 1)].map(|(part, layer)| prompts.by_position(part, layer)));
    let values = Site::Block(1, BlockSite::V);
    let attention = Site::Block(1, BlockSite::AttnOut);
    let embedding = |put: &Put| put.site(Site::Embed, &put.fact.name);
    wanted.extend([
        prompts.comes_back("embedding of the name, all else follows", |put| vec![embedding(put)]),
        prompts.comes_back("embedding of the name, each MLP's output stays the other's", |put| {
            let mut edits = put.mlps(put.other, &put.all());
            edits.push(embedding(put));
            edits
        }),
        prompts.comes_back("MLP 0, the name", |put| vec![put.own.put(MLP_0, &put.fact.name)]),
        prompts.comes_back("MLP 0, last token", |put| vec![put.own.put(MLP_0, &put.last())]),
        prompts.comes_back("MLPs, the name", |put| put.mlps(put.own, &put.fact.name)),
        prompts.comes_back("MLPs, last token", |put| put.mlps(put.own, &put.last())),
        prompts.comes_back("MLPs, all tokens", |put| put.mlps(put.own, &put.all())),
        prompts.comes_back("values of layer 1, the name", |put| {
            vec![put.site(values, &put.fact.name)]
        }),
        prompts
            .comes_back("attention 1, last token", |put| vec![put.own.put(attention, &put.last())]),
    ]);
    wanted.extend((0..4).map(|head| {
        prompts.comes_back(&format!("head 1.{head}, last token"), |put| vec![put.head(head)])
    }));
    assert_says("facts.md", &wanted);
}

#[test]
#[ignore = "needs the default model in LOOKBACK_HOME"]
fn the_default_model_knows_all_stated_facts() {
    let prompts = Prompts::new(Model::open("default").unwrap());
    let first = |read: &&Read| super::rank(read.logits(), read.answer) == 1;
    let (facts, look_ups) = prompts.read.split_at(prompts.facts.len());
    let sentence = format!(
        "answers {} of the {} stated facts and {} of {} look-ups",
        facts.iter().filter(first).count(),
        facts.len(),
        look_ups.iter().filter(first).count(),
        look_ups.len()
    );
    assert_says("facts.md", &[sentence]);
}
