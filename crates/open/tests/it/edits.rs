//! Edits through the front door, on a model whose query heads share key heads.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use lookback_files::Refusal;
use lookback_lens::Capture;
use lookback_model::{BlockSite, Change, Edit, Site, TokenId};
use lookback_open::{Model, Pieces};

use crate::goldens::{opened, opened_with};

fn bits(logits: &Capture) -> Vec<u32> {
    logits.values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn what_is_set_to_what_stands_there_changes_no_bit_and_what_is_scaled_does() {
    let (model, ids) = opened("llama");
    let plain = model.logits(&ids).unwrap();
    let positions: Vec<u32> = (0..ids.len() as u32).collect();
    for site in [BlockSite::Q, BlockSite::K, BlockSite::V, BlockSite::Z, BlockSite::MlpPost] {
        let site = Site::Block(1, site);
        let captured = model.look(&ids).sites(site.to_string()).trace().unwrap();
        let captured = captured.at(site).unwrap();
        let width = captured.part(0).len();
        // The last head, or the last neurons.
        let columns = width - captured.shape.last().unwrap().min(&8)..width;
        let rows = positions.iter().map(|&row| &captured.part(row as usize)[columns.clone()]);
        let edit = Edit {
            change: Change::Set,
            positions: Some(positions.clone().into()),
            columns: columns.clone(),
            numbers: rows.flatten().copied().collect(),
        };
        let same = model.look(&ids).edit(site, edit).logits().unwrap();
        assert!(bits(&same) == bits(&plain), "{site}");
        let doubled =
            Edit { change: Change::Scale, positions: None, columns, numbers: [2.0].into() };
        let other = model.look(&ids).edit(site, doubled.clone()).logits().unwrap();
        assert!(bits(&other) != bits(&plain), "{site}");
        // The future is not changed backwards: an edit of the last token leaves all before it.
        let last = Edit { positions: Some([ids.len() as u32 - 1].into()), ..doubled };
        let other = model.look(&ids).edit(site, last).logits().unwrap();
        let before = ids.len() - 1;
        assert_eq!(other.values[..before * 61], plain.values[..before * 61], "{site}");
    }
}

#[test]
fn an_edit_that_is_refused_leaves_nothing_behind() {
    let (model, ids) = opened("gpt2");
    let plain = bits(&model.logits(&ids).unwrap());
    let wide =
        Edit { change: Change::Set, positions: None, columns: 0..999, numbers: [0.0].into() };
    let look = model.look(&ids);
    assert!(look.clone().edit(Site::Block(0, BlockSite::ResidPre), wide).logits().is_err());
    assert!(bits(&look.logits().unwrap()) == plain && bits(&model.logits(&ids).unwrap()) == plain);
}

#[test]
fn a_model_and_a_text_on_its_way_may_go_to_another_thread() {
    fn goes<T: Send + 'static>(_: &T) {}
    fn is_shared<T: Sync>(_: &T) {}
    let (model, ids) = opened("qwen3");
    let mut text: Pieces =
        model.generate(ids).greedy().ignore_eos().max_tokens(6).pieces().unwrap();
    goes::<Model>(&model);
    is_shared::<Model>(&model);
    let first = text.next().unwrap().unwrap().token;
    let there = std::thread::spawn(move || text.map(|piece| piece.unwrap().token).collect());
    let rest: Vec<Option<TokenId>> = there.join().unwrap();
    assert_eq!((first.is_some(), rest.len()), (true, 5));
}

#[test]
fn a_pass_that_would_not_fit_memory_is_refused_before_it_begins() {
    let limit = Arc::new(AtomicUsize::new(usize::MAX));
    let asked = Arc::new(AtomicUsize::new(0));
    let (admitted, last) = (limit.clone(), asked.clone());
    let options = Model::options().admit(move |what, bytes| {
        last.store(bytes, Relaxed);
        match bytes <= admitted.load(Relaxed) {
            true => Ok(()),
            false => Err(Refusal::user(format!("{what} needs {bytes} bytes"))),
        }
    });
    let (model, ids) = opened_with("llama", options);
    let look = |edit: &str, sites: &str| {
        let look = model.look(&ids).sites(sites);
        if edit.is_empty() { look } else { look.intervene(edit) }
    };
    let bytes = |edit: &str, sites: &str| {
        look(edit, sites).trace().unwrap();
        asked.load(Relaxed)
    };
    let off = "blocks.0.attn.z[:, 1] = 0";
    for (edit, sites) in
        [("", "*"), (off, "*"), (off, "blocks.0.attn.z"), (off, "blocks.0.attn.result")]
    {
        let needed = bytes(edit, sites);
        limit.store(needed - 1, Relaxed);
        let refused = look(edit, sites).trace().unwrap_err().to_string();
        let tokens = ids.len();
        assert_eq!(refused, format!("looking at {tokens} tokens needs {needed} bytes"));
        limit.store(needed, Relaxed);
        assert!(look(edit, sites).trace().is_ok());
        limit.store(usize::MAX, Relaxed);
    }
    // What is kept counts, and what an edit needs besides.
    assert!(bytes(off, "*") > bytes(off, "blocks.0.attn.z"));
    assert!(bytes("blocks.0.attn.result[:, 1] = 0", "embed") > bytes(off, "embed"));
}
