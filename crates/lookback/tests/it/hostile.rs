//! Small files of a model and of a run, cut at every length and wrong at every byte: each is read or
//! refused in one sentence, and nothing panics. The weights' files have theirs in `model`.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "how many cases there were is worth reading")]

use std::{fs, path::Path};

use crate::fixture::Fixture;
use lookback::{
    model::StoredModel,
    text::{Tokenizer, dataset::Dataset},
    train::{Recipe, Snapshot},
};
use lookback_files::{Refusal, Result};

/// Reads a file that may be broken.
type Reader = fn(&Path) -> Result<()>;

/// Says nothing, as long as a refusal is a sentence.
fn is_a_sentence(refusal: &Refusal) {
    let output = refusal.to_string();
    assert!(!output.is_empty() && !output.contains('\n'), "{output:?}");
}

#[test]
fn small_files_may_be_cut_and_wrong_anywhere() {
    let fixture = Fixture::with_model();
    let run = fixture.at("good");
    let tensors =
        r#"{"metadata": {}, "weight_map": {"model.embed_tokens.weight": "a.safetensors"}}"#;
    fs::create_dir(fixture.at("shards")).unwrap();
    fs::copy(run.join("config.json"), fixture.at("shards/config.json")).unwrap();
    fs::write(fixture.at("shards/model.safetensors.index.json"), tensors).unwrap();
    let snapshot = fs::read_dir(run.join("snapshots")).unwrap().next().unwrap().unwrap().path();
    let open: Reader = |path| StoredModel::open(path.parent().unwrap()).map(drop);
    let files: [(std::path::PathBuf, Reader); 7] = [
        (run.join("config.json"), open),
        (run.join("generation_config.json"), open),
        (fixture.at("shards/model.safetensors.index.json"), open),
        (run.join("tokenizer.json"), |path| Tokenizer::open(path).map(drop)),
        (run.join("training.toml"), |path| {
            Recipe::parse(&lookback_files::read_utf8(path)?).and_then(|recipe| recipe.check())
        }),
        (run.join("tokens.bin"), |path| Dataset::open(path).map(|data| _ = data.largest())),
        (snapshot, |path| {
            let step = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            Snapshot::read(path.parent().unwrap().parent().unwrap(), step).map(drop)
        }),
    ];
    let (mut cut, mut wrong) = (0, 0);
    for (path, read) in files {
        let whole = fs::read(&path).unwrap();
        // Of a long file the beginning and the end, where its lengths and names stand.
        let places = |end: usize| (0..end.min(500)).chain(end.saturating_sub(60).max(500)..end);
        for length in places(whole.len()) {
            fs::write(&path, &whole[..length]).unwrap();
            read(&path).unwrap_or_else(|refusal| is_a_sentence(&refusal));
            cut += 1;
        }
        for at in places(whole.len()) {
            for with in [0x00, 0x22, 0x39, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = with;
                fs::write(&path, &bytes).unwrap();
                read(&path).unwrap_or_else(|refusal| is_a_sentence(&refusal));
                wrong += 1;
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    println!("{cut} files were cut and {wrong} had a wrong byte");
    assert!(cut > 1500 && wrong > 6000, "{cut} cut, {wrong} wrong");
}

#[test]
fn json_may_be_deep_long_and_huge_in_its_claims() {
    let fixture = Fixture::with_model();
    let deep = |open: &str, close: &str| open.repeat(50_000) + &close.repeat(50_000);
    let huge = r#"{"model": {"type": "BPE", "vocab": {"a": 4294967295}, "merges": []}}"#;
    let texts = [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        format!("{{\"model\": {}}}", deep("[", "]")),
        huge.to_owned(),
        "1e999999".to_owned(),
        "\"\\ud800\"".to_owned(),
        format!("{{\"vocab_size\": 1{}}}", "0".repeat(400)),
    ];
    for text in texts {
        for name in ["config.json", "tokenizer.json", "generation_config.json"] {
            let path = fixture.at("good").join(name);
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &text).unwrap();
            for line in ["generate good -p on -n 1", "eval good town.txt"] {
                // What names nothing that is known may be read as nothing.
                let output = fixture.lookback(line);
                assert!(matches!(output.code, Some(0 | 2)), "{name}, {line}: {output:?}");
                // A refusal is one line; what is taken from a file or passed over is a line each.
                let lines = output.stderr.lines().count();
                assert!(lines <= 1 || output.code == Some(0) && lines <= 2, "{output:?}");
                assert!(output.stderr.len() < 600, "{output:?}");
            }
            fs::write(&path, whole).unwrap();
        }
    }
}
