//! Changed attention beside transformers: scores, pattern and results of heads, on tiny models of five families.
//! `scripts/attention_goldens.py` writes what transformers computes.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::Path, sync::Arc};

use lookback_lens::Capture;
use lookback_model::{
    AttentionChange, AttentionEdit, BlockSite, Change, Edit, ElementChange, PassVariant, Site,
};
use lookback_open::{Look, Model};
use serde::Deserialize;
use serde_json::Value;

use crate::goldens::opened;

pub(crate) const FAMILIES: [&str; 5] = ["gpt2", "llama", "gemma2", "bloom", "gpt_oss"];

/// The largest difference, relative to the largest number: both sum in f32, each in its own order.
const BOUND: f32 = 1e-5;

#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) layer: usize,
    rows: Vec<usize>,
    pub(crate) cases: Vec<Case>,
    results: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) about: String,
    pub(crate) edits: Vec<Written>,
    logits: Vec<Vec<f32>>,
}

/// One change as the script writes it.
#[derive(Deserialize)]
pub(crate) struct Written {
    pub(crate) what: String,
    pub(crate) change: String,
    numbers: Vec<Value>,
    pub(crate) heads: Option<Vec<u32>>,
    pub(crate) queries: Option<Vec<u32>>,
    pub(crate) keys: Option<Vec<u32>>,
}

pub(crate) fn golden(family: &str) -> Golden {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attention_goldens");
    serde_json::from_str(&fs::read_to_string(folder.join(format!("{family}.json"))).unwrap())
        .unwrap()
}

impl Written {
    pub(crate) fn numbers(&self) -> Arc<[f32]> {
        let number = |value: &Value| match value {
            Value::String(_) => f32::NEG_INFINITY,
            value => value.as_f64().unwrap() as f32,
        };
        self.numbers.iter().map(number).collect()
    }

    /// A look with this change.
    pub(crate) fn apply(&self, look: Look, model: &Model, layer: usize) -> Look {
        let element = match &self.change[..] {
            "set" => ElementChange::Set,
            "add" => ElementChange::Add,
            _ => ElementChange::Scale,
        };
        let change = match &self.what[..] {
            "scores" => AttentionChange::Scores(element, self.numbers()),
            "pattern" => AttentionChange::Pattern(element, self.numbers()),
            "top" => AttentionChange::KeepTop(self.change.parse().unwrap()),
            _ => return self.apply_to_results(look, model, layer, element),
        };
        let list = |list: &Option<Vec<u32>>| list.clone().map(Arc::from);
        let (heads, queries, keys) = (list(&self.heads), list(&self.queries), list(&self.keys));
        look.edit_attention(layer, AttentionEdit { heads, queries, keys, change })
    }

    fn apply_to_results(
        &self,
        look: Look,
        model: &Model,
        layer: usize,
        element: ElementChange,
    ) -> Look {
        let width = model.config().width;
        let change = match element {
            ElementChange::Set => Change::Set,
            ElementChange::Add => Change::Add,
            ElementChange::Scale => Change::Scale,
        };
        self.heads.iter().flatten().fold(look, |look, &head| {
            let edit = Edit {
                change,
                positions: self.queries.clone().map(Arc::from),
                columns: head as usize * width..(head as usize + 1) * width,
                numbers: self.numbers(),
            };
            look.edit(Site::Block(layer as u16, BlockSite::Result), edit)
        })
    }
}

/// How far numbers are apart, relative to the largest of theirs.
fn distance(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(0.0, |a: f32, b| a.max(b.abs()));
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f32::max)
}

#[test]
fn changed_attention_computes_what_transformers_computes() {
    for family in FAMILIES {
        let Golden { layer, rows, cases, results } = golden(family);
        let (model, ids) = opened(family);
        let plain = model.logits(&ids).unwrap();
        for Case { about, edits, logits } in cases {
            let look =
                edits.iter().fold(model.look(&ids), |look, edit| edit.apply(look, &model, layer));
            let ours = look.logits().unwrap();
            assert_ne!(ours, plain, "{family}, {about}");
            for (row, theirs) in rows.iter().zip(&logits) {
                let off = distance(ours.part(*row), theirs);
                assert!(off <= BOUND, "{family}, {about}, token {row}: {off:e} apart");
            }
        }
        let site = Site::Block(layer as u16, BlockSite::Result);
        let trace = model.look(&ids).sites(site.to_string()).trace().unwrap();
        let ours = trace.at(site).unwrap();
        assert_eq!(ours.shape, [ids.len(), model.config().heads, model.config().width]);
        let off = distance(ours.part(ids.len() - 1), &results.concat());
        assert!(off <= BOUND, "{family}: results are {off:e} apart");
    }
}

/// The changed sites of a look, of one layer.
fn sites_of(look: &Look, layer: usize) -> [Capture; 4] {
    use BlockSite as B;
    let names =
        [B::Scores, B::Pattern, B::Z, B::Result].map(|site| Site::Block(layer as u16, site));
    let trace = look.clone().sites(names.map(|site| site.to_string()).join(",")).trace().unwrap();
    names.map(|site| trace.at(site).unwrap().clone())
}

#[test]
fn sites_show_the_changed_numbers() {
    let (model, ids) = opened("gemma2");
    let tokens = ids.len();
    let edit = |change| AttentionEdit {
        heads: Some([2].into()),
        queries: Some([7].into()),
        keys: Some([5, 6].into()),
        change,
    };
    let score = AttentionChange::Scores(ElementChange::Set, [0.5, -1.5].into());
    let weight = AttentionChange::Pattern(ElementChange::Set, [0.25, 0.5].into());
    let plain = sites_of(&model.look(&ids), 1);
    let look = model.look(&ids).edit_attention(1, edit(weight)).edit_attention(1, edit(score));
    let [scores, pattern, z, _] = sites_of(&look, 1);
    let at = (2 * tokens + 7) * tokens + 5;
    assert_eq!(scores.values[at..at + 2], [0.5, -1.5]);
    assert_eq!(pattern.values[at..at + 2], [0.25, 0.5]);
    let differ = |ours: &Capture, before: &Capture| {
        let pairs = ours.values.iter().zip(&before.values).enumerate();
        pairs.filter(|(_, (a, b))| a.to_bits() != b.to_bits()).map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert_eq!(differ(&scores, &plain[0]), [at, at + 1]);
    // The row's other weights follow from the changed scores; those of no other row change.
    assert!(differ(&pattern, &plain[1]).iter().all(|at| at / tokens == 2 * tokens + 7));
    let dim = model.config().head_dim;
    let first = (7 * model.config().heads + 2) * dim;
    assert_eq!(differ(&z, &plain[2]), (first..first + dim).collect::<Vec<_>>());
}

#[test]
fn variants_leave_out_what_they_say() {
    let variant = |change: fn(&mut PassVariant)| {
        let mut variant = PassVariant::default();
        change(&mut variant);
        variant
    };
    for family in FAMILIES {
        let (model, ids) = opened(family);
        let plain = model.logits(&ids).unwrap();
        let none = model.look(&ids).variant(PassVariant::default()).logits().unwrap();
        assert_eq!(none, plain);
        let uniform = model.look(&ids).variant(variant(|v| v.uniform_attention = true));
        let [_, pattern, ..] = sites_of(&uniform, 1);
        let tokens = ids.len();
        for (at, weight) in pattern.values.iter().enumerate() {
            let (query, key) = (at / tokens % tokens, at % tokens);
            let expected = if key <= query { 1.0 / (query + 1) as f32 } else { 0.0 };
            assert!((weight - expected).abs() < 1e-6, "{family}: {weight}, {expected}");
        }
        let open = model.look(&ids).variant(variant(|v| v.no_mask = true));
        let [scores, pattern, ..] = sites_of(&open, 1);
        assert!(scores.values.iter().all(|score| score.is_finite()), "{family}");
        let total: f32 = pattern.values[..tokens].iter().sum();
        assert!(total < 1.0001 && (total > 0.999 || model.config().attention_sinks), "{total}");
        let changes: [fn(&mut PassVariant); 2] = [|v| v.no_scale = true, |v| v.no_position = true];
        for change in changes {
            let logits = model.look(&ids).variant(variant(change)).logits().unwrap();
            assert_ne!(logits, plain, "{family}");
        }
        let plain_attention = model.look(&ids).variant(variant(|v| v.plain_attention = true));
        let config = model.config();
        match plain_attention.logits() {
            Ok(logits) => {
                assert!(logits != plain && config.heads * config.head_dim == config.width)
            }
            Err(refusal) => {
                assert!(refusal.to_string().starts_with("plain attention splits"), "{refusal}");
                assert_ne!(config.heads * config.head_dim, config.width);
            }
        }
    }
}

#[test]
fn what_does_not_fit_an_attention_is_refused_by_name() {
    let (model, ids) = opened("gpt2");
    let list = |list: &[u32]| Some(Arc::from(list));
    let set = |numbers: &[f32]| AttentionChange::Pattern(ElementChange::Set, numbers.into());
    let edit = |heads, queries, keys, change| AttentionEdit { heads, queries, keys, change };
    let cases = [
        (
            7,
            edit(None, None, None, set(&[0.5])),
            "blocks.7.attn.pattern: this model has no such layer",
        ),
        (0, edit(list(&[4]), None, None, set(&[0.5])), "there is no head 4 among 4"),
        (0, edit(list(&[1, 1]), None, None, set(&[0.5])), "heads are listed in ascending order"),
        (0, edit(None, list(&[]), None, set(&[0.5])), "no queries are chosen"),
        (
            0,
            edit(None, list(&[3]), list(&[4]), set(&[0.5])),
            "key 4, which the query at position 3",
        ),
        (
            0,
            edit(None, list(&[3]), list(&[1, 2]), set(&[0.5; 3])),
            "3 numbers are given for 4 heads",
        ),
        (0, edit(None, None, list(&[1, 2]), set(&[0.5; 2])), "need the positions of queries"),
        (0, edit(None, None, None, set(&[f32::NAN])), "NaN cannot be written there"),
        (0, edit(None, None, None, AttentionChange::KeepTop(0)), "at least one key is kept"),
        (0, edit(None, list(&[77]), None, set(&[0.5])), "there is no position 77 among 13 tokens"),
    ];
    for (layer, edit, why) in cases {
        let refusal = model.look(&ids).edit_attention(layer, edit).logits().unwrap_err();
        assert!(refusal.to_string().contains(why), "{refusal}");
    }
    // The weight that stands at a hidden key may be written there.
    let same = edit(None, list(&[3]), list(&[4]), set(&[0.0]));
    let logits = model.look(&ids).edit_attention(0, same).logits().unwrap();
    assert_eq!(logits, model.logits(&ids).unwrap());
}
