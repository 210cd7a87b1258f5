//! `--edit` and its short forms change what follows, hold for the tokens that they are asked for, and are refused
//! in one sentence.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::Fixture;
use serde_json::Value;

#[test]
fn edits_and_their_short_forms_change_what_is_looked_at_written_and_judged() {
    let fixture = Fixture::with_model();
    let look = |more: &str| fixture.done(&format!("look good -p tom --json {more}"));
    let plain = look("");
    let off = look("--off 0.1");
    assert_ne!(off, plain);
    assert_eq!(look("--edit blocks.0.attn.z[:,1]=0"), off);
    assert_eq!(look("--edit blocks.0.attn.hook_z[head=1]*=0"), off);
    assert_eq!(look("--edit blocks.0.attn.z[:,1]*=1"), plain);
    // The last token that covers the text is all that is changed.
    let edited = look("--edit blocks.0.mlp_out[\"m\"]=0");
    assert_eq!(edited, look("--edit blocks.0.mlp_out[-1]=0"));
    assert_ne!(edited, plain);
    assert_eq!(
        look("--off attn.0 --off mlp.0"),
        look("--edit blocks.0.attn_out=0 --edit blocks.0.mlp_out=0")
    );

    let written = |more: &str| {
        let line = format!("generate good -p tom --greedy --ignore-end -n 9 --json {more}");
        let object: Value = serde_json::from_str(&fixture.done(&line)).unwrap();
        object["ids"].as_array().unwrap().clone()
    };
    let edit = "--edit blocks.0.resid_post[:,0:9]+=5";
    let plain = written("");
    let [all, prompt, generated] = ["all", "prompt", "generated"]
        .map(|tokens| written(&format!("{edit} --edit-tokens {tokens}")));
    assert_eq!(all, written(edit));
    assert_ne!(all, plain);
    // What is written first follows from the prompt alone.
    assert_eq!((generated[0].clone(), prompt[0].clone()), (plain[0].clone(), all[0].clone()));

    let loss = |more: &str| {
        let object = fixture.done(&format!("eval good town.txt --json {more}"));
        let object: Value = serde_json::from_str(&object).unwrap();
        object["loss"].as_f64().unwrap()
    };
    assert_ne!(loss("--off mlp.0"), loss(""));
    assert_eq!(loss("--edit blocks.0.mlp.post[:,3]*=1"), loss(""));
    fixture.write("texts.txt", "tom sees\nanna hears\n");
    assert_ne!(loss("--edit blocks.0.attn.z[:,0]=mean(texts.txt)"), loss(""));
    assert_ne!(loss("--edit blocks.0.attn.z[:,0]=resample(texts.txt,7)"), loss(""));
}

#[test]
fn variants_of_a_pass_and_edits_of_attention_are_looked_at_written_and_judged() {
    let fixture = Fixture::with_model();
    let look = |more: &str| fixture.done(&format!("look good -p tom --json {more}"));
    let plain = look("");
    let flags =
        ["--no-mask", "--no-scale", "--no-position", "--uniform-attention", "--plain-attention"];
    let mut seen = vec![plain.clone()];
    for more in flags.into_iter().chain([
        "--edit blocks.0.attn.scores[0,-1,\"m\"]hide",
        "--edit blocks.0.attn.scores[:]harden",
        "--edit blocks.0.attn.pattern[:,:,0]*=0.5",
    ]) {
        let now = look(more);
        assert!(!seen.contains(&now), "{more}");
        seen.push(now);
    }
    assert_eq!(look("--edit blocks.0.attn.scores[:]*=1"), plain);
    // Uniform weights are those of scores that are all the same.
    assert_eq!(look("--uniform-attention"), look("--edit blocks.0.attn.scores=0"));
    let loss = |more: &str| fixture.done(&format!("eval good town.txt --json {more}"));
    assert_ne!(loss("--no-mask"), loss(""));
    let parts = |more: &str| fixture.done(&format!("why good -p tom --json {more}"));
    assert_ne!(parts("--no-position"), parts(""));
    let written = |more: &str| {
        fixture.done(&format!(
            "generate good -p tom --temperature 2 --seed 4 --ignore-end -n 12 --json {more}"
        ))
    };
    assert_ne!(written("--no-position --uniform-attention"), written(""));
    let refused = fixture.refused("generate good -p tom --no-mask");
    assert!(refused.contains("--no-mask: without a mask"), "{refused}");
    let refused = fixture.refused("why good -p tom --plain-attention --tree");
    assert!(refused.contains("no projection of values"), "{refused}");
}

#[test]
fn what_cannot_be_edited_is_said_in_one_sentence() {
    let fixture = Fixture::with_model();
    fixture.write("v.npy", "no vector");
    for (line, why) in [
        ("look good -p tom --edit blocks.1.attn.z=0", "this model has 1 layer, counted from 0"),
        ("look good -p tom --edit blocks.0.attn.z[:,2]=0", "head 2 is not there"),
        ("look good -p tom --edit blocks.0.attn.zz=0", "is no site"),
        ("look good -p tom --edit embed[\"anna\"]=0", "does not contain \"anna\""),
        ("look good -p tom --edit embed=missing.npy", "missing.npy: there is no such file"),
        ("look good -p tom --edit embed=v.npy", "v.npy: it is no .npy file, or cut"),
        ("look good -p tom --edit embed=from(\"anna\")", "tokens of the other prompt do not fit"),
        ("look good -p tom --off 7", "--off \"7\" is neither a head"),
        ("look good -p tom --steer v.npy", "--steer v.npy: name the layer"),
        ("eval good town.txt --edit embed[-1]=0", "there is none here"),
        ("eval good town.txt --edit embed=mean", "there is no prompt to take the mean of"),
        ("eval good town.txt --edit logits=0", "this model does not have the site"),
        ("generate good -p tom --edit embed[\"zz\"]=0", "does not contain \"zz\""),
    ] {
        let sentence = fixture.refused(line);
        assert!(sentence.contains(why), "{line}: {sentence}");
    }
}
