//! The tour's numbers are those that `lookback look -o` writes: each is looked up there and must stand
//! in the tour as it is printed.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{Fixture, output};
use lookback::{Model, TokenId, Tokenizer};
use serde_json::Value;

const LAYERS: usize = 2;
const HEADS: usize = 2;
const MODEL: &str = "--tokenizer bpe:700 --set layers=2 --set heads=2 --set key_heads=2 \
                     --set width=32 --set hidden=48 --set context=32 --set batch=8 --steps 40";

/// What `lookback look -o` wrote.
struct Looked(Value);

impl Looked {
    fn at(fixture: &Fixture, prompt: &[&str]) -> Self {
        let line = ["look", "default", "-o", "trace.json"];
        let done = output(&mut fixture.program(line.into_iter().chain(prompt.iter().copied())));
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
        Self(serde_json::from_slice(&fixture.read("trace.json")).unwrap())
    }

    fn ids(&self) -> Vec<u32> {
        serde_json::from_value(self.0["input_ids"].clone()).unwrap()
    }

    /// The values of one index of a site's first axis.
    fn part(&self, site: &str, index: usize) -> Vec<f32> {
        let site = &self.0["sites"][site];
        let shape: Vec<usize> = serde_json::from_value(site["shape"].clone()).unwrap();
        let values: Vec<f32> = serde_json::from_value(site["values"].clone()).unwrap();
        values.chunks(shape.iter().skip(1).product()).nth(index).unwrap().to_vec()
    }
}

/// The tour of a small model of Tinytown, the fixture it was trained in, and its tokenizer.
fn toured() -> (Fixture, String, Tokenizer) {
    let fixture = Fixture::new();
    fixture.write("stories.txt", fixture.done("corpus --bytes 150000"));
    fixture.done(&format!("train stories.txt {MODEL} --out home/default"));
    let tour = fixture.done("--no-serve");
    let model = Model::open(fixture.at("home/default")).unwrap();
    let tokenizer = (**model.tokenizer().unwrap()).clone();
    (fixture, tour, tokenizer)
}

#[test]
fn every_number_of_the_tour_is_one_that_look_writes() {
    let (fixture, tour, tokenizer) = toured();
    let looked = Looked::at(&fixture, &["-p", "the bird is red"]);
    let piece = |id: u32| tokenizer.quoted(TokenId(id));
    let has = |line: String| assert!(tour.contains(&line), "{line:?} is not in the tour:\n{tour}");
    let ids = looked.ids();
    assert_eq!(ids.len(), 4, "the words of the tour are tokens of this model");
    let last = LAYERS - 1;

    for (token, &id) in ids.iter().enumerate() {
        let length = length(&looked.part("embed", token));
        has(format!("{id:>6}  {:<16} {length:.3}\n", piece(id)));
    }

    let pattern = looked.part(&format!("blocks.{last}.attn.pattern"), 0);
    for (query, weights) in pattern.chunks(ids.len()).enumerate() {
        let (key, weight) = largest(weights, |weight| weight)[0];
        assert!(key <= query);
        has(format!("  most: {weight:.3} from {}\n", piece(ids[key])));
    }

    let post = looked.part(&format!("blocks.{last}.mlp.post"), ids.len() - 1);
    let units: Vec<String> = largest(&post, f32::abs)[..10]
        .iter()
        .map(|(index, value)| format!("{index} ({value:+.3})"))
        .collect();
    has(format!("  {}\n", units.join("  ")));

    let probabilities = looked.part("probabilities", ids.len() - 1);
    for &(id, probability) in &largest(&probabilities, |probability| probability)[..10] {
        has(format!("{id:>6}  {:<16} {probability:.4}  ", piece(id as u32)));
    }

    let turned = Looked::at(&fixture, &["-p", "the red bird"]);
    assert_eq!(turned.ids().len(), 3);
    let (bird, red) = (2, 1);
    let mut taken = 0.0;
    for (layer, head) in (0..LAYERS).flat_map(|layer| (0..HEADS).map(move |head| (layer, head))) {
        let weight = turned.part(&format!("blocks.{layer}.attn.pattern"), head)[bird * 3 + red];
        taken = if weight > taken { weight } else { taken };
    }
    assert!(taken > 0.0);
    has(format!(": {taken:.3} of its attention\n"));
    has("\"the bird is red\", bird takes exactly 0 from red in every head".to_owned());
}

#[test]
fn the_neighbours_and_the_greedy_line_are_the_models_own() {
    let (fixture, tour, tokenizer) = toured();
    let all = 0..tokenizer.vocabulary() as u32;
    for word in [" bird", " red"] {
        let begins = format!("{word:>9}  after:  ");
        let line = tour.lines().find_map(|line| line.strip_prefix(&begins)).unwrap();
        let id = tokenizer.id_of(&word.replace(' ', "Ġ")).unwrap().0;
        let near = all.clone().find(|&near| {
            let begins = format!("{} ", tokenizer.quoted(TokenId(near)));
            near != id && line.starts_with(&begins)
        });
        let near = near.unwrap();
        let looked = Looked::at(&fixture, &["--ids", &format!("{id},{near}")]);
        let (row, other) = (looked.part("embed", 0), looked.part("embed", 1));
        let dot =
            row.iter().zip(&other).fold(0.0, |sum, (a, b)| sum + f64::from(*a) * f64::from(*b));
        let cosine = dot / (length(&row) * length(&other));
        let output = format!("{} {cosine:.2}  ", tokenizer.quoted(TokenId(near)));
        assert!(line.starts_with(&output), "{output} is not what begins {line}");
    }

    let line = ["generate", "default", "-p", "the bird is red", "--greedy", "-n", "28"];
    let written = output(&mut fixture.program(line));
    assert_eq!(written.code, Some(0), "{written:?}");
    let greedy = format!("        greedy: the bird is red{}", written.stdout);
    assert!(tour.contains(&greedy), "{greedy:?} is not in the tour:\n{tour}");
}

fn length(vector: &[f32]) -> f64 {
    f64::sqrt(vector.iter().fold(0.0, |sum, &x| sum + f64::from(x) * f64::from(x)))
}

/// Indices and values, the largest by a measure first; of equal ones the first.
fn largest(values: &[f32], by: impl Fn(f32) -> f32) -> Vec<(usize, f32)> {
    let mut all: Vec<(usize, f32)> = values.iter().copied().enumerate().collect();
    all.sort_by(|a, b| by(b.1).total_cmp(&by(a.1)));
    all
}
