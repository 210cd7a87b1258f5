//! What docs/why.md and docs/interventions.md find in the default model, found again.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::Path};

use lookback::{Edit, Model, Site, model::BlockSite};
use lookback_model::{Change, TokenId};
use lookback_text::{
    Specials,
    tinytown::{Kind, Question, questions},
};

/// The layer whose heads look up.
const LAYER: u16 = 1;

fn z() -> Site {
    Site::Block(LAYER, BlockSite::Z)
}

/// All of a layer's heads at one token.
fn at_last(model: &Model, ids: &[TokenId], numbers: Vec<f32>) -> Edit {
    let columns = 0..model.config().heads * model.config().head_dim;
    let positions = Some([ids.len() as u32 - 1].into());
    Edit { change: Change::Set, positions, columns, numbers: numbers.into() }
}

/// The likeliest next token, with edits of the heads' z.
fn likeliest(model: &Model, ids: &[TokenId], edit: Option<Edit>) -> TokenId {
    let look = edit.into_iter().fold(model.look(ids), |look, edit| look.edit(z(), edit));
    let logits = look.logits().unwrap();
    let row = logits.part(ids.len() - 1);
    let best = (0..row.len()).fold(0, |a, b| if row[b] > row[a] { b } else { a });
    TokenId(best as u32)
}

/// What the heads made at the last token.
fn made(model: &Model, ids: &[TokenId]) -> Vec<f32> {
    let trace = model.look(ids).sites(z().to_string()).trace().unwrap();
    trace.at(z()).unwrap().part(ids.len() - 1).to_vec()
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/why.md");
    let text = fs::read_to_string(path).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
#[ignore = "needs the default model in LOOKBACK_HOME"]
fn the_look_up_heads_of_the_default_are_those_of_the_document() {
    let model = Model::open("default").unwrap();
    let report = model.heads().patterns_alone().report(&mut |_, _| Ok(())).unwrap();
    let mut best: Vec<_> = report.heads.iter().map(|head| &head.profile).collect();
    best.sort_by(|a, b| b.induction.total_cmp(&a.induction));
    let layers: Vec<usize> = best.iter().take(4).map(|head| head.layer).collect();
    assert_eq!(layers, [usize::from(LAYER); 4]);
    let sentence = format!(
        "the four heads of layer 1 stand first, with {:.3} to {:.3}; the next has {:.3}",
        best[3].induction, best[0].induction, best[4].induction
    );
    assert!(document().contains(&sentence), "docs/why.md does not say {sentence:?}");
}

#[test]
#[ignore = "needs the default model in LOOKBACK_HOME"]
fn without_its_look_up_heads_the_default_looks_nothing_up_and_with_them_again_it_does() {
    let model = Model::open("default").unwrap();
    let lists: Vec<Question> =
        questions(1, 100).into_iter().filter(|of| of.kind == Kind::List).collect();
    let [mut right, mut off, mut mean, mut other, mut back, mut taken] = [0; 6];
    let ids = |question: &Question| model.encode(&question.prompt).unwrap();
    // The first token of a word of several.
    let tokenizer = model.tokenizer().unwrap();
    let answer =
        |question: &Question| tokenizer.encode_bare(&question.answer, Specials::Text).unwrap()[0];
    let all: Vec<Vec<f32>> = lists.iter().map(|question| made(&model, &ids(question))).collect();
    let width = all[0].len();
    let means: Vec<f32> =
        (0..width).map(|at| all.iter().map(|z| z[at]).sum::<f32>() / all.len() as f32).collect();
    for (at, question) in lists.iter().enumerate() {
        let (prompt, wanted) = (ids(question), answer(question));
        let next = (at + 1) % lists.len();
        let with =
            |numbers: Vec<f32>| likeliest(&model, &prompt, Some(at_last(&model, &prompt, numbers)));
        right += usize::from(likeliest(&model, &prompt, None) == wanted);
        off += usize::from(with(vec![0.0; width]) == wanted);
        mean += usize::from(with(means.clone()) == wanted);
        let patched = with(all[next].clone());
        other += usize::from(patched == wanted);
        taken += usize::from(patched == answer(&lists[next]));
        back += usize::from(with(all[at].clone()) == wanted);
    }
    assert_eq!(right, back, "what is put back is what was there");
    let sentence = format!(
        "Of {} lists the model continues {right} rightly. With the four heads off at the last token it is \
         {off}, with their mean over all lists in place {mean}. With what they made in another list in place it \
         is {other}, and {taken} times the model then says the other list's word. With their own put back it is \
         {back} again",
        lists.len()
    );
    assert!(document().contains(&sentence), "docs/why.md does not say {sentence:?}");
}

/// A row of docs/interventions.md: of all questions of a kind those that the model answers, as it is and with
/// other outputs of the heads at the last token.
fn row(model: &Model, name: &str, kind: Kind) -> String {
    let asked: Vec<Question> =
        questions(1, 100).into_iter().filter(|question| question.kind == kind).collect();
    let tokenizer = model.tokenizer().unwrap();
    let read = |question: &Question| {
        let ids = model.encode(&question.prompt).unwrap();
        let answer = tokenizer.encode_bare(&question.answer, Specials::Text).unwrap()[0];
        let z = made(model, &ids);
        (ids, answer, z)
    };
    let all: Vec<_> = asked.iter().map(read).collect();
    let (count, width) = (all.len(), all[0].2.len());
    let sum = |at: usize| all.iter().map(|(.., z)| f64::from(z[at])).sum::<f64>();
    let means: Vec<f32> = (0..width).map(|at| (sum(at) / count as f64) as f32).collect();
    // Answers of the question itself, or of the next one, where the heads make these numbers.
    let right = |numbers: &dyn Fn(usize) -> Vec<f32>, answer: usize| {
        let is_right = |&at: &usize| {
            let (ids, ..) = &all[at];
            let next = likeliest(model, ids, Some(at_last(model, ids, numbers(at))));
            next == all[(at + answer) % count].1
        };
        (0..count).filter(is_right).count()
    };
    let own = |at: usize| all[at].2.clone();
    let others = |at: usize| own((at + 1) % count);
    let head_dim = model.config().head_dim;
    let alone = |head: usize| {
        let numbers = |at: usize| {
            let of_head = head * head_dim..(head + 1) * head_dim;
            let number = |column| if of_head.contains(&column) { &all[at].2 } else { &means };
            (0..width).map(|column| number(column)[column]).collect()
        };
        right(&numbers, 0).to_string()
    };
    let as_it_is = all.iter().filter(|(ids, answer, _)| likeliest(model, ids, None) == *answer);
    format!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} |",
        as_it_is.count(),
        right(&|_| vec![0.0; width], 0),
        right(&|_| means.clone(), 0),
        right(&others, 0),
        right(&others, 1),
        right(&own, 0),
        (0..width / head_dim).map(alone).collect::<Vec<_>>().join(" | ")
    )
}

#[test]
#[ignore = "needs the default model in LOOKBACK_HOME"]
fn without_its_look_up_heads_no_question_of_context_is_answered_and_with_them_again_all_are() {
    let model = Model::open("default").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/interventions.md");
    let document = fs::read_to_string(path).unwrap();
    for (name, kind) in [
        ("value right after its key", Kind::LookupEasy),
        ("value two words after its key", Kind::LookupHard),
        ("list that repeats", Kind::List),
    ] {
        let row = row(&model, name, kind);
        assert!(document.contains(&row), "docs/interventions.md does not say {row:?}");
    }
}
