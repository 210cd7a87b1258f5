//! Who searches for a word of the field finds the part that it names: each term below leads to one public item
//! of a crate, and words that only this project would understand name nothing.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeMap, fs, path::Path};

/// A term as people search for it; the file and the public item that it must find. A `-` in place of an item
/// stands for the file itself.
const TERMS: [(&str, &str, &str); 77] = [
    // Arithmetic.
    ("gelu", "kernels/src/naive/activate.rs", "Gelu"),
    ("silu", "kernels/src/naive/activate.rs", "Silu"),
    ("rms", "kernels/src/norm.rs", "rms"),
    ("layer_norm", "kernels/src/norm.rs", "-"),
    ("rotary", "model/src/config/positions.rs", "RotaryConfig"),
    ("rotary_angles", "engine/src/rotary.rs", "rotary_angles"),
    ("attention", "kernels/src/attend.rs", "AttentionParams"),
    ("alibi", "kernels/src/attend/alibi.rs", "Alibi"),
    ("sinks", "model/src/network.rs", "sinks"),
    ("softmax", "kernels/src/loss.rs", "softmax"),
    ("log_sum_exp", "kernels/src/attend.rs", "-"),
    ("mixture_of_experts", "kernels/src/experts.rs", "-"),
    ("cross_entropy", "kernels/src/loss.rs", "cross_entropy"),
    ("matmul", "kernels/src/matmul.rs", "-"),
    ("panels", "kernels/src/matmul.rs", "Panels"),
    ("tile", "kernels/src/tile.rs", "-"),
    ("ragged_tile", "kernels/src/ragged_tile.rs", "-"),
    ("transpose", "kernels/src/transpose.rs", "-"),
    ("epilogue", "kernels/src/naive/matmul.rs", "Epilogue"),
    ("bf16", "kernels/src/bf16.rs", "-"),
    ("storage_type", "kernels/src/naive/stored.rs", "StorageType"),
    ("thread_pool", "kernels/src/thread_pool.rs", "ThreadPool"),
    ("aligned_buffer", "kernels/src/aligned_buffer.rs", "AlignedBuffer"),
    ("isa", "kernels/src/isa.rs", "Isa"),
    ("lanes", "kernels/src/lanes.rs", "Lanes"),
    ("adamw", "kernels/src/optimize.rs", "adamw"),
    ("muon", "kernels/src/muon.rs", "muon"),
    ("newton_schulz", "kernels/src/muon.rs", "newton_schulz_coefficients"),
    // The model and its files.
    ("config", "model/src/config.rs", "Config"),
    ("family", "model/src/config.rs", "Family"),
    ("mixture_config", "model/src/config/mixture.rs", "MixtureConfig"),
    ("unigram", "text/src/unigram.rs", "-"),
    ("head_dim", "model/src/config.rs", "head_dim"),
    ("gguf", "model/src/files/gguf.rs", "-"),
    ("safetensors", "model/src/files/safetensors.rs", "-"),
    ("chat_template", "model/src/files/template.rs", "ChatTemplates"),
    ("program", "model/src/program.rs", "Program"),
    ("site", "model/src/sites.rs", "Site"),
    ("edit", "model/src/edit.rs", "Edit"),
    ("batch", "model/src/batch.rs", "Batch"),
    // Computing it.
    ("kv_cache", "engine/src/cache.rs", "KvCache"),
    ("kv_pages", "kernels/src/attend.rs", "KvPages"),
    ("logit_rows", "model/src/batch.rs", "logit_rows"),
    ("session", "engine/src/session.rs", "Session"),
    ("weights", "engine/src/weights.rs", "Weights"),
    ("gradients", "engine/src/gradients.rs", "Gradients"),
    ("backward", "engine/src/backward.rs", "-"),
    ("fuse", "engine/src/fuse.rs", "-"),
    ("interpreter", "engine/src/interpreter.rs", "-"),
    ("unembed", "engine/src/unembed.rs", "unembed"),
    ("optimizer", "engine/src/optimize.rs", "Optimizer"),
    ("workspace", "engine/src/workspace.rs", "Workspace"),
    // Text.
    ("tokenizer", "text/src/tokenizer.rs", "Tokenizer"),
    ("bpe", "text/src/bpe.rs", "-"),
    ("bos", "text/src/tokenizer.rs", "bos"),
    ("eos", "text/src/tokenizer.rs", "eos"),
    ("dataset", "text/src/dataset.rs", "Dataset"),
    // Writing.
    ("sampler_chain", "generate/src/sample.rs", "SamplerChain"),
    ("top_p", "open/src/generate.rs", "top_p"),
    ("min_p", "open/src/generate.rs", "min_p"),
    ("temperature", "open/src/generate.rs", "temperature"),
    ("mirostat", "generate/src/sample/entropy.rs", "Mirostat"),
    ("logit_bias", "generate/src/sample/logit_bias.rs", "LogitBias"),
    ("stop_sequences", "generate/src/stop_sequences.rs", "StopSequences"),
    ("prefix_cache", "generate/src/prefix_cache.rs", "PrefixCache"),
    ("context_window", "generate/src/context_window.rs", "ContextWindow"),
    ("decode_step", "generate/src/decode_step.rs", "DecodeStep"),
    ("max_tokens", "generate/src/repeat.rs", "max_tokens"),
    ("finish_reason", "generate/src/repeat.rs", "FinishReason"),
    // Learning.
    ("checkpoint", "train/src/checkpoint.rs", "Checkpoint"),
    ("validation_loss", "train/src/trainer.rs", "validation_loss"),
    ("schedule", "train/src/recipe/choices.rs", "Schedule"),
    // Looking inside.
    ("logit_lens", "lens/src/logit_lens.rs", "logit_lens"),
    ("ov_decomposition", "lens/src/ov.rs", "OvDecomposition"),
    ("attention_steps", "lens/src/attention_steps.rs", "-"),
    ("pattern_thumbnails", "lens/src/pooling.rs", "PatternThumbnails"),
    ("logit_attribution", "lens/src/logit_attribution.rs", "LogitAttribution"),
];

/// Words of this project alone, which name no public item, and no file of sources, tests or the page.
const PRIVATE_WORDS: [&str; 24] = [
    "room", "turn", "turns", "stairs", "said", "surprise", "glance", "exchange", "depths", "bend",
    "course", "judge", "aside", "wish", "news", "told", "asked", "wanted", "harmless", "team",
    "tally", "rove", "ahead", "again",
];

/// How many public functions of a crate may share a bare verb.
const FEW: usize = 3;
const BARE_VERBS: [&str; 8] = ["run", "read", "add", "of", "get", "set", "do", "make"];

/// Of each file of the crates' sources, by its path within `crates`, the names of its public items, and of
/// variants and fields.
fn items() -> BTreeMap<String, Vec<(String, String)>> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<(String, String)>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, text.lines().filter_map(item).collect());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&root).unwrap() {
        walk(&entry.unwrap().path().join("src"), &root, &mut found);
    }
    found
}

/// The kind and the name of what a line declares, if that is public or a variant.
fn item(line: &str) -> Option<(String, String)> {
    let line = line.trim_start();
    let name = |rest: &str| {
        let end = rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_');
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    let Some(declared) = line.strip_prefix("pub ") else {
        // A variant: `Name,`, `Name {` or `Name(`.
        let is_variant = line.starts_with(|sign: char| sign.is_ascii_uppercase());
        return is_variant.then(|| ("variant".to_owned(), name(line)));
    };
    let declared = declared.trim_start_matches("const ").trim_start_matches("unsafe ");
    for kind in ["fn", "struct", "enum", "trait", "type", "static", "mod"] {
        if let Some(rest) = declared.strip_prefix(kind).and_then(|rest| rest.strip_prefix(' ')) {
            return Some((kind.to_owned(), name(rest)));
        }
    }
    Some(("field".to_owned(), name(declared)))
}

/// `TopP`, `top-p` and `top_p` are one word to whoever searches.
fn searched(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

#[test]
fn each_term_of_the_field_finds_its_part() {
    let (items, mut lost) = (items(), Vec::new());
    for (term, file, item) in TERMS {
        let Some(there) = items.get(file) else {
            lost.push(format!("{term}: there is no crates/{file}"));
            continue;
        };
        if item == "-" {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
            let text = fs::read_to_string(root).unwrap().to_lowercase();
            let plain = term.replace('_', "-");
            let is_told = [term.to_owned(), plain, term.replace('_', " ")]
                .iter()
                .any(|term| text.contains(term) || searched(file).contains(&searched(term)));
            if !is_told {
                lost.push(format!("crates/{file} does not say {term}"));
            }
            continue;
        }
        let is_found = searched(item).contains(&searched(term))
            || searched(file).contains(&searched(term))
            || there.iter().any(|(_, name)| searched(name).contains(&searched(term)));
        if !(is_found && there.iter().any(|(_, name)| name == item)) {
            lost.push(format!("a search for {term} does not find {item} in crates/{file}"));
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn no_public_item_has_a_name_of_this_project_alone() {
    let mut named = Vec::new();
    for (file, items) in items() {
        for (kind, name) in items {
            let mut words = String::new();
            for sign in name.chars() {
                if sign.is_ascii_uppercase() {
                    words.push('_');
                }
                words.push(sign.to_ascii_lowercase());
            }
            let is_public = kind != "variant" && kind != "field";
            if is_public && words.split('_').any(|word| PRIVATE_WORDS.contains(&word)) {
                named.push(format!("crates/{file}: {name}"));
            }
        }
    }
    assert!(named.is_empty(), "name these by the field's words:\n{}", named.join("\n"));
}

#[test]
fn no_file_has_a_name_of_this_project_alone() {
    fn walk(path: &Path, named: &mut Vec<String>) {
        let stem = path.file_stem().unwrap().to_string_lossy().to_lowercase();
        if ["node_modules", "snapshots", "target"].contains(&&*stem) {
            return;
        }
        if stem.split(['_', '-', '.']).any(|word| PRIVATE_WORDS.contains(&word)) {
            named.push(path.display().to_string());
        }
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                walk(&entry.unwrap().path(), named);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut named = Vec::new();
    for folder in ["crates", "tests", "benches", "docs", "examples", "scripts"] {
        walk(&root.join(folder), &mut named);
    }
    assert!(named.is_empty(), "name these by the field's words:\n{}", named.join("\n"));
}

/// Values, threads and requests are no persons: comments say what acts. Tinytown's people are left out.
#[test]
fn comments_name_what_acts() {
    const PERSONS: [&str; 4] = ["nobody", "somebody", "anybody", "whoever"];
    /// So many are left, of users and of what no step reads.
    const LEFT: usize = 3;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for file in items().into_keys().filter(|file| !file.contains("tinytown")) {
        for line in fs::read_to_string(root.join(&file)).unwrap().lines() {
            let Some(comment) = line.trim_start().strip_prefix("//") else { continue };
            let comment = comment.to_lowercase();
            if comment.split(|sign: char| !sign.is_alphabetic()).any(|word| PERSONS.contains(&word))
            {
                found.push(format!("crates/{file}: {}", line.trim()));
            }
        }
    }
    assert!(found.len() <= LEFT, "say what acts:\n{}", found.join("\n"));
}

#[test]
fn few_functions_of_a_crate_share_a_bare_verb() {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (file, items) in items() {
        let of = file.split('/').next().unwrap_or_default().to_owned();
        for (kind, name) in items {
            if kind == "fn" && BARE_VERBS.contains(&name.as_str()) {
                *counts.entry((of.clone(), name)).or_default() += 1;
            }
        }
    }
    let many: Vec<_> = counts.iter().filter(|(_, count)| **count > FEW).collect();
    assert!(many.is_empty(), "say what each of these does: {many:?}");
}
