//! Models of every family as GGUF files and as directories again: the logits keep their bits, and what a file has no
//! words for is refused by name before one is written.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::Path};

use lookback_engine::ThreadPool;
use lookback_model::{GgufType, StorageType, TensorWritten, TokenId};
use lookback_open::{Converted, Model, convert};
use lookback_text::Tokenizer;

use crate::goldens::{names, written};

/// Goldens that a GGUF file has no words for, with what the refusal names.
const REFUSED: &[(&str, &str)] = &[
    ("falcon-alibi", "its positions must be Falcon's"),
    ("gemma2", "its block, its factors and its activation"),
    ("gemma3_text", "its sliding window must be"),
    ("gpt2-layers", "its block, its factors and its activation"),
    ("gpt_neo", "cannot be written of GPT-Neo"),
    ("gpt_oss", "its positions must be"),
    ("gptj", "cannot be written of GPT-J"),
    ("llama-dynamic", "its positions must be"),
    ("mistral", "llama.attention.sliding_window"),
    ("mixtral-window", "llama.attention.sliding_window"),
    ("olmo3", "its sliding window must be OLMo 2's"),
    ("olmoe-bound", "olmoe.attention.clamp_kqv"),
    ("olmoe-normalized", "its experts must be"),
    ("opt", "cannot be written of OPT"),
    ("opt-plain", "cannot be written of OPT"),
    ("opt-stream", "cannot be written of OPT"),
    ("phi-norms", "its norms must be Phi's"),
    ("qwen2-window", "qwen2.attention.sliding_window"),
    ("qwen3_moe-dense", "its experts must be"),
    ("smollm3", "its positions must be"),
];

fn converted(model: &Path, out: &Path, kind: Option<&str>) -> lookback_files::Result<Converted> {
    let kind = kind.map(|kind| GgufType::from_name(kind).unwrap());
    convert(model, out, kind, &ThreadPool::single_threaded(), &mut |_| Ok(()))
}

fn logits(model: &Path, ids: &[TokenId]) -> Vec<u32> {
    let model = Model::options().threads(1).open(model).unwrap();
    model.logits(ids).unwrap().values.iter().map(|logit| logit.to_bits()).collect()
}

/// A tokenizer of single characters, as many as the model has tokens or fewer.
fn write_tokenizer(folder: &Path) {
    let text: String = ('a'..='j').collect();
    Tokenizer::characters(&[&text], &["<|endoftext|>"]).unwrap().write(folder).unwrap();
}

#[test]
fn every_family_keeps_its_bits_as_a_file_and_as_a_directory_again() {
    let (mut refused, mut kept) = (Vec::new(), 0);
    for name in names() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model");
        fs::create_dir(&model).unwrap();
        let ids = written(&name, &model);
        write_tokenizer(&model);
        let (file, back) = (folder.path().join("model.gguf"), folder.path().join("back"));
        if let Err(refusal) = converted(&model, &file, None) {
            assert!(!file.exists(), "{name}");
            refused.push((name, refusal.without(&model).to_string()));
            continue;
        }
        let wanted = logits(&model, &ids);
        assert!(logits(&file, &ids) == wanted, "{name}: other bits from the file");
        converted(&file, &back, None).unwrap();
        assert!(logits(&back, &ids) == wanted, "{name}: other bits after the way back");
        let again = folder.path().join("again.gguf");
        converted(&back, &again, None).unwrap();
        assert!(logits(&again, &ids) == wanted, "{name}: other bits from the second file");
        kept += 1;
    }
    let names: Vec<&str> = refused.iter().map(|(name, _)| name.as_str()).collect();
    let expected: Vec<&str> = REFUSED.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, expected, "{refused:#?}");
    for ((name, said), (_, what)) in refused.iter().zip(REFUSED) {
        assert!(said.contains(what), "{name}: {said}");
    }
    assert!(kept >= 27, "{kept}");
}

#[test]
fn each_type_is_what_its_tensors_are_stored_as() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    let ids = written("llama", &model);
    write_tokenizer(&model);
    let exact = logits(&model, &ids);
    for kind in GgufType::ALL {
        let out = folder.path().join(format!("{}.gguf", kind.name));
        let done = converted(&model, &out, Some(kind.name)).unwrap();
        assert_eq!(done.file_type, kind.name);
        let bits = logits(&out, &ids);
        assert_eq!(bits == exact, kind.base == StorageType::F32, "{}", kind.name);
        // What is stored already as it is to be is copied.
        let copy = folder.path().join(format!("{}-copy.gguf", kind.name));
        converted(&out, &copy, Some(kind.name)).unwrap();
        assert!(fs::read(&out).unwrap() == fs::read(&copy).unwrap(), "{}", kind.name);
        if kind.base.is_quantised() {
            // A directory holds it in f32, with the same bits.
            let back = folder.path().join(format!("{}-back", kind.name));
            assert_eq!(converted(&out, &back, None).unwrap().file_type, "f32");
            assert!(logits(&back, &ids) == bits, "{}", kind.name);
        }
    }
}

#[test]
fn a_directory_is_stored_in_16_bits_where_it_is_asked_for_or_was() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    let ids = written("gpt2", &model);
    write_tokenizer(&model);
    for kind in ["bf16", "f16"] {
        let [one, file, other] =
            ["", ".gguf", "-again"].map(|end| folder.path().join(format!("{kind}{end}")));
        assert_eq!(converted(&model, &one, Some(kind)).unwrap().file_type, kind);
        assert_eq!(converted(&one, &file, None).unwrap().file_type, kind);
        assert_eq!(converted(&file, &other, None).unwrap().file_type, kind);
        let bits = logits(&one, &ids);
        assert!(logits(&file, &ids) == bits && logits(&other, &ids) == bits, "{kind}");
        let [a, b] = [&one, &other].map(|path| fs::read(path.join("model.safetensors")).unwrap());
        assert!(a == b, "{kind}: other bytes after the way back");
    }
    let refused = converted(&model, &folder.path().join("small"), Some("q8_0")).unwrap_err();
    assert!(refused.to_string().contains("f32, f16 or bf16"), "{refused}");
    assert!(!folder.path().join("small").exists());
}

#[test]
fn nothing_is_left_of_what_was_stopped_or_cannot_be_stored() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    written("llama", &model);
    let without = converted(&model, &folder.path().join("a.gguf"), None).unwrap_err();
    assert!(without.to_string().contains("there is no tokenizer in it"), "{without}");
    write_tokenizer(&model);
    let names = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let stop = |tensor: TensorWritten<'_>| match tensor.done * 2 > tensor.all {
        true => Err(lookback_files::Refusal::interrupt("stopped")),
        false => Ok(()),
    };
    for out in ["a.gguf", "a"] {
        let pool = ThreadPool::single_threaded();
        let out = folder.path().join(out);
        let refused = convert(&model, &out, None, &pool, &mut { stop }).unwrap_err();
        assert!(refused.to_string().ends_with("stopped"), "{refused}");
        assert_eq!(names(), before);
    }
    // A weight that is no number, in the third block of a tensor.
    let path = model.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let list: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let name = "model.layers.0.mlp.up_proj.weight";
    let at = list[name]["data_offsets"][0].as_u64().unwrap() as usize + 8 + header;
    bytes[at + 4 * 70..][..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    for (out, kind, what) in [
        ("a.gguf", "q8_0", "tensor blk.0.ffn_up.weight: "),
        ("a.gguf", "f16", "tensor blk.0.ffn_up.weight: value 70 is no finite number in f16"),
        (
            "a",
            "bf16",
            "tensor model.layers.0.mlp.up_proj.weight: value 70 is no finite number in bf16",
        ),
    ] {
        let refused = converted(&model, &folder.path().join(out), Some(kind)).unwrap_err();
        assert!(refused.to_string().contains(what), "{refused}");
        assert_eq!(names(), before);
    }
}

/// Changes the object in a JSON file.
fn change(path: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let text = fs::read_to_string(path).unwrap_or_else(|_| "{}".to_owned());
    let mut object = serde_json::from_str(&text).unwrap();
    change(&mut object);
    fs::write(path, object.to_string()).unwrap();
}

#[test]
fn what_stands_beside_the_weights_goes_along() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    written("llama", &model);
    write_tokenizer(&model);
    change(&model.join("tokenizer_config.json"), |settings| settings["pad_token"] = "c".into());
    let tokenizer = Tokenizer::open(&model).unwrap();
    let [end, padding] = ["<|endoftext|>", "c"].map(|piece| tokenizer.id_of(piece).unwrap());
    let suggested = serde_json::json!({
        "do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.9, "repetition_penalty": 1.1,
        "eos_token_id": [end.0, 20, 21, 22],
    });
    change(&model.join("generation_config.json"), |config| *config = suggested.clone());
    let others = model.join("additional_chat_templates");
    fs::create_dir(&others).unwrap();
    fs::write(others.join("tools.jinja"), "{{ tools }}").unwrap();
    let [copy, file, again, back] =
        ["copy", "a.gguf", "b.gguf", "back"].map(|name| folder.path().join(name));
    assert!(converted(&model, &copy, None).unwrap().remarks.is_empty());
    // Of four ends three have a key.
    let done = converted(&model, &file, None).unwrap();
    assert!(done.remarks.iter().any(|said| said.contains("; 22 will not end")), "{done:?}");
    converted(&file, &again, None).unwrap();
    converted(&again, &back, None).unwrap();
    let defaults = |model: &Path| {
        let model = Model::options().threads(1).open(model).unwrap();
        let mut numbers = model.generation_defaults().unwrap().numbers;
        numbers.sort_by_key(|(name, _)| *name);
        numbers
    };
    let wanted = defaults(&model);
    assert_eq!(wanted.len(), 5);
    for (path, ends) in [(&copy, 4), (&file, 3), (&again, 3), (&back, 3)] {
        assert_eq!(defaults(path), wanted, "{path:?}");
        let stored = lookback_model::StoredModel::open(path).unwrap();
        assert_eq!(stored.config().eos.len(), ends, "{path:?}");
        let templates = stored.tokenizer().chat_templates().unwrap();
        assert_eq!(templates.choose(Some("tools")).unwrap(), "{{ tools }}", "{path:?}");
        if let lookback_model::StoredTokenizer::Gguf(tokenizer) = stored.tokenizer() {
            assert_eq!(tokenizer.padding, Some(padding));
        }
    }
    for path in [&copy, &back] {
        let settings = fs::read_to_string(path.join("tokenizer_config.json")).unwrap();
        let settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
        assert_eq!(settings["pad_token"], "c", "{path:?}");
    }
}

#[test]
fn an_olmo_2_with_windows_becomes_the_directory_of_an_olmo_3() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    let ids = written("olmo3", &model);
    write_tokenizer(&model);
    // The pattern of layers that a file has words for.
    change(&model.join("config.json"), |config| {
        config["layer_types"] = vec!["sliding_attention"; 3].into();
    });
    let [file, back] = ["a.gguf", "back"].map(|name| folder.path().join(name));
    converted(&model, &file, None).unwrap();
    converted(&file, &back, None).unwrap();
    assert_eq!(Model::open(&back).unwrap().config().family.model_type, "olmo3");
    let wanted = logits(&model, &ids);
    assert!(logits(&file, &ids) == wanted && logits(&back, &ids) == wanted);
}
