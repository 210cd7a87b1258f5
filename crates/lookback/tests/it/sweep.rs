//! `sweep` and `diff` through the program.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use safetensors::SafeTensors;
use serde_json::Value;

use crate::fixture::{Fixture, SMALL, output};

const CLEAN: [&str; 6] = ["sweep", "good", "-p", "the red", "--corrupt", "the bed"];

fn json(fixture: &Fixture, arguments: &[&str]) -> Value {
    let done = output(&mut fixture.program(arguments.iter().copied()));
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{arguments:?}: {done:?}");
    serde_json::from_str(&done.stdout).unwrap()
}

fn refusal(fixture: &Fixture, arguments: &[&str]) -> String {
    let line = arguments.join(" ");
    fixture.refused_program(&line, &mut fixture.program(arguments.iter().copied()))
}

#[test]
fn a_sweep_is_printed_written_and_drawn() {
    let fixture = Fixture::with_model();
    let more = ["--over", "z", "--over", "resid_pre", "--out", "s.safetensors", "--plot", "s.svg"];
    let told = output(&mut fixture.program([&CLEAN[..], &more].concat()));
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in ["clean", "corrupted", "z by layer and head", "resid_pre by layer and position"] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    assert!(String::from_utf8(fixture.read("s.svg")).unwrap().starts_with("<svg"));
    let swept = json(&fixture, &[&CLEAN[..], &["--over", "z", "--json"]].concat());
    let written = fixture.read("s.safetensors");
    let grid = SafeTensors::deserialize(&written).unwrap();
    let numbers: Vec<f64> = grid
        .tensor("z")
        .unwrap()
        .data()
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let printed: Vec<f64> = swept["grids"][0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect();
    assert_eq!(numbers, printed);
    let ablated = ["sweep", "good", "-p", "the red", "--ablate", "mean", "--json"];
    assert_eq!(json(&fixture, &ablated)["grids"].as_array().unwrap().len(), 2);
    let predicted = json(&fixture, &[&CLEAN[..], &["--agree", "--json"]].concat());
    assert!(predicted["grids"][0]["agreement"]["max_error"].is_number(), "{predicted}");
    fixture.write(
        "pairs.jsonl",
        "{\"clean\": \"the red\", \"corrupt\": \"the bed\", \"answer\": \" \"}\n\
         {\"clean\": \"bed red\", \"corrupt\": \"red bed\", \"answer\": \"s\"}\n",
    );
    let pairs = ["sweep", "good", "--pairs", "pairs.jsonl", "--metric", "loss", "--json"];
    assert_eq!(json(&fixture, &pairs)["pairs"], 2);
}

/// A folder whose model `good` has a layer behind another.
fn with_two_layers() -> Fixture {
    let fixture = Fixture::new();
    let two = SMALL.replace("layers=1", "layers=2");
    fixture.done(&format!("train town.txt {two} --steps 5 --out good"));
    fixture
}

#[test]
fn paths_are_patched_printed_written_and_drawn() {
    let fixture = with_two_layers();
    let path = [&CLEAN[..], &["--over", "path", "--senders", "heads,0.1,mlp-by-position"]].concat();
    let path = [&path[..], &["--receivers", "1.0.q", "--recompute-mlps", "--answer", "d"]].concat();
    let files = ["--out", "s.safetensors", "--plot", "s.svg"];
    let told = output(&mut fixture.program([&path[..], &files].concat()));
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in
        ["heads to 1.0.q by layer and head", "0 clean, 1 corrupted", "senders to 1.0.q by sender"]
    {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    assert!(String::from_utf8(fixture.read("s.svg")).unwrap().contains("0 clean, 1 corrupted"));
    let swept = json(&fixture, &[&path[..], &["--json"]].concat());
    assert_eq!(swept["changed"], "clean");
    let grids = swept["grids"].as_array().unwrap();
    assert_eq!(grids.len(), 3);
    assert_eq!(grids[2]["senders"], serde_json::json!(["0.1"]));
    assert_eq!(grids[2]["values"][0], grids[0]["values"][1]);
    let written = fixture.read("s.safetensors");
    let file = SafeTensors::deserialize(&written).unwrap();
    assert_eq!(file.tensor("heads_to_1.0.q").unwrap().shape(), [2, 2]);
    // A head that is off in both passes sends nothing.
    let off = json(&fixture, &[&path[..], &["--off", "0.1", "--no-position", "--json"]].concat());
    assert_eq!(off["grids"][0]["values"][1], off["clean"]);
    assert_ne!(off["clean"], swept["clean"]);
    let ablated = ["sweep", "good", "-p", "the red", "--ablate", "zero", "--off", "1.0", "--json"];
    let ablated = json(&fixture, &ablated);
    assert_eq!(ablated["grids"][0]["values"][2], ablated["unchanged"]);
}

#[test]
fn differences_are_printed() {
    let fixture = Fixture::with_model();
    let with_edit = ["diff", "good", "-p", "the red", "--off", "0.1", "--json"];
    let found = &json(&fixture, &with_edit)["differences"];
    let kl = |of: &Value| of["kl"].as_f64().unwrap();
    assert!(kl(&found["last"]) > 0.0);
    // The lens after the last layer is the prediction.
    let depths = found["depth_kl"].as_array().unwrap();
    assert_eq!(depths[0].as_f64(), Some(0.0));
    assert_eq!(depths.last().unwrap().as_f64(), found["last"]["kl"].as_f64());
    // With itself there is no difference.
    let same = ["diff", "good", "-p", "the red", "--with", "good", "--json"];
    let found = &json(&fixture, &same)["differences"];
    assert!(found["positions"].as_array().unwrap().iter().all(|at| kl(at) == 0.0));
    assert!(found["heads"].as_array().unwrap().iter().all(|head| head["distance"] == 0.0));
    let told =
        output(&mut fixture.program(["diff", "good", "-p", "the red", "--other", "the bed red"]));
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in ["position", "lens kl", "last", "head distance"] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
}

#[test]
fn what_cannot_be_swept_is_refused_in_a_sentence() {
    let fixture = with_two_layers();
    let sweep = |more: &[&str]| refusal(&fixture, &[&CLEAN[..], more].concat());
    assert!(sweep(&["--over", "resid"]).contains("--over: there is no kind \"resid\""));
    assert!(sweep(&["--metric", "logit"]).contains("--metric: there is no \"logit\""));
    assert!(sweep(&["--metric", "rank"]).contains("--answer"));
    assert!(sweep(&["--answer", "the red house"]).contains("--answer"));
    assert!(sweep(&["--over", "pattern", "--layer", "0", "--head", "9"]).contains("--head 9"));
    assert!(sweep(&["--layer", "0", "--head", "0"]).contains("--over pattern"));
    assert!(sweep(&["--plot", "a.png"]).contains("a.png: a heat map is written as .svg"));
    assert!(sweep(&["--out", "a.npz"]).contains("a.npz: grids are written as .safetensors"));
    let path = |senders: &str, receivers: &str| {
        sweep(&["--over", "path", "--senders", senders, "--receivers", receivers])
    };
    assert!(path("z", "logits").contains("--senders: there is no \"z\""));
    assert!(path("heads", "1.0.z").contains("--receivers: there is no \"1.0.z\""));
    assert!(path("1.0", "1.0.q").contains("no direct path from 1.0 to 1.0.q"));
    assert!(path("", "logits").contains("--senders: there is none in it"));
    assert!(sweep(&["--over", "z", "--senders", "heads"]).contains("belong to --over path"));
    assert!(sweep(&["--over", "z", "--over", "path"]).contains("by themselves"));
    assert!(sweep(&["--over", "path", "--agree"]).contains("by themselves"));
    assert!(sweep(&["--edit", "blocks.0.attn.z[:, 9] = 0"]).contains("--edit"));
    assert!(sweep(&["--off", "7.0"]).contains("2 layers"));
    let of = |corrupt: &str| {
        refusal(&fixture, &["sweep", "good", "-p", "the red", "--corrupt", corrupt])
    };
    assert!(of("the red").contains("same tokens"));
    assert!(of("the reddest").contains("tokens"));
    assert!(refusal(&fixture, &["sweep", "good", "-p", "the red"]).contains("--ablate"));
    fixture.write("bad.jsonl", "{\"clean\": \"the red\"}\n");
    let pairs = refusal(&fixture, &["sweep", "good", "--pairs", "bad.jsonl"]);
    assert!(pairs.contains("bad.jsonl") && pairs.contains("line 1"), "{pairs}");
    assert!(refusal(&fixture, &["diff", "good", "-p", "the red"]).contains("--other"));
}
