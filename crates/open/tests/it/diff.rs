//! Two passes side by side, on every family.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use lookback_lens::PassDifferences;
use lookback_model::TokenId;

use crate::goldens::{names, opened};

fn is_none(found: &PassDifferences) -> bool {
    found.positions.iter().all(|at| at.kl == 0.0 && at.stream == Some(0.0))
        && found.depth_kl.iter().all(|kl| *kl == 0.0)
        && found.layers.iter().all(|at| at.attn_out + at.mlp_out + at.resid_post == 0.0)
        && found.heads.iter().all(|head| head.distance == 0.0)
}

#[test]
fn a_pass_does_not_differ_from_itself_and_does_from_another() {
    for name in names() {
        let (model, ids) = opened(&name);
        let config = model.config();
        assert!(is_none(&model.diff(&ids).report().unwrap()), "{name}");
        let other: Vec<TokenId> = ids.iter().map(|id| TokenId(60 - id.0)).collect();
        let found = model.diff(&ids).with(&model, &other).unwrap().report().unwrap();
        assert!(!is_none(&found), "{name}");
        assert_eq!(found.positions.len(), ids.len(), "{name}");
        assert_eq!(found.heads.len(), config.layers * config.heads, "{name}");
        // The lens after the last layer is the prediction.
        assert_eq!(found.depth_kl.len(), config.layers + 1, "{name}");
        assert_eq!(found.depth_kl[config.layers], found.last.kl, "{name}");
        assert_eq!(found.last, *found.positions.last().unwrap(), "{name}");
    }
}

#[test]
fn a_head_that_is_off_is_as_far_away_as_it_was_large() {
    let (model, ids) = opened("llama");
    let found = model.diff(&ids).intervene("blocks.0.attn.z[:, 1] = 0").report().unwrap();
    let distances: Vec<f64> = found.heads.iter().map(|head| head.distance).collect();
    assert_eq!((distances[0], distances[1]), (0.0, 1.0));
    assert!(found.layers[0].attn_out > 0.0 && found.last.kl > 0.0);
    assert!(model.diff(&ids).intervene("blocks.9.attn.z = 0").report().is_err());
}

#[test]
fn prompts_of_other_lengths_and_models_of_other_shapes_are_compared_where_they_can_be() {
    let (model, ids) = opened("llama");
    let found = model.diff(&ids).with(&model, &ids[..3]).unwrap().report().unwrap();
    assert_eq!(found.positions.len(), 3);
    // What stands before is the same, so that only the last tokens differ.
    assert!(found.positions.iter().all(|at| at.kl == 0.0) && found.last.kl > 0.0);
    for name in names() {
        let (other, _) = opened(&name);
        let compared = model.diff(&ids).with(&other, &ids);
        match other.config().vocabulary == model.config().vocabulary {
            true => assert!(compared.unwrap().report().is_ok(), "{name}"),
            false => assert!(compared.unwrap_err().to_string().contains("same tokenizer")),
        }
    }
}
