//! Interventions beside PyTorch's hooks (`scripts/interventions.py` writes the numbers), against themselves, and
//! what is refused of them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeMap, fs, path::Path};

use lookback_lens::{
    Capture, EditTokens, Intervention, LocalFiles, NoFiles, Trace, shape, sites, sites_on_demand,
};
use lookback_model::{BlockSite, Edits, PassEdit, Site, TokenId};
use lookback_open::{Compute, Model};
use serde::Deserialize;

use crate::goldens::{names, opened};

/// An edit, and the logits after the last token.
#[derive(Deserialize)]
struct Golden {
    edit: String,
    logits: Vec<f32>,
}

fn bits(logits: &Capture) -> Vec<u32> {
    logits.values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn edits_give_the_numbers_of_pytorchs_hooks() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interventions.json");
    let goldens: BTreeMap<String, Vec<Golden>> =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(goldens.len(), 5);
    for (family, edits) in goldens {
        let (model, ids) = opened(&family);
        for Golden { edit, logits } in edits {
            let ours = model.look(&ids).intervene(&edit).logits().unwrap();
            let largest = logits.iter().fold(0.0f32, |a, b| a.max(b.abs()));
            let pairs = ours.part(ids.len() - 1).iter().zip(&logits);
            let furthest = pairs.fold(0.0f32, |a, (x, y)| a.max((x - y).abs() / largest));
            assert!(furthest < 2e-5, "{family}: {edit}: {furthest:e} from PyTorch");
            // As JSON it is the same.
            let read: Intervention = edit.parse().unwrap();
            assert_eq!(Intervention::from_json(&read.to_json()).unwrap(), read, "{edit}");
            let again: Intervention = read.to_string().parse().unwrap();
            assert_eq!(again, read, "{edit}");
        }
    }
}

/// Sites of rows of numbers that can be edited.
fn editable(model: &Model, ids: &[TokenId]) -> Vec<Site> {
    let is_read = |site: &Site| {
        let edit = format!("{site}[:] *= 1").parse().unwrap();
        model.look(ids).interventions(&[edit], &NoFiles).logits().is_ok()
    };
    let on_demand = sites_on_demand(model.config());
    sites(model.config()).into_iter().chain(on_demand).filter(is_read).collect()
}

#[test]
fn edits_that_write_what_was_there_keep_every_bit_at_every_site() {
    for name in ["gpt2", "qwen3", "gemma2", "gpt_neox", "mixtral", "granite", "opt"] {
        let (model, ids) = opened(name);
        let plain = model.logits(&ids).unwrap();
        assert_eq!(
            bits(&model.look(&ids).interventions(&[], &NoFiles).logits().unwrap()),
            bits(&plain)
        );
        let list: Vec<u32> = ids.iter().map(|id| id.0).collect();
        let sites = editable(&model, &ids);
        // In parallel blocks nothing reads resid_mid; which experts are chosen is not edited.
        assert!(sites.len() > 15 * model.config().layers, "{name}: {} sites", sites.len());
        for site in sites {
            let width: usize = shape(model.config(), site, 1)[1..].iter().product();
            let is_attention =
                matches!(site, Site::Block(_, BlockSite::Scores | BlockSite::Pattern));
            for edit in [
                // The run patched with itself.
                format!("{site}[:] = from({list:?})"),
                format!("{site}[:] *= 1"),
                // No row is as long as this.
                format!("{site}[2:] clamp_along([{}], none, 1000000)", vec!["1"; width].join(", ")),
            ] {
                if is_attention && edit.contains("clamp") {
                    continue;
                }
                let same = model.look(&ids).intervene(&edit).logits().unwrap();
                assert!(bits(&same) == bits(&plain), "{name}: {edit}");
            }
        }
    }
}

#[test]
fn what_attention_or_the_mlp_reads_is_changed_alone() {
    use BlockSite as B;
    let site = |of| Site::Block(0, of);
    // In GPT-J, Phi and Falcon the MLP reads attention's norm; in OLMo 2 no norms stand before them.
    for (name, reads) in [
        ("gptj", vec![(B::Ln2, B::MlpOut, B::Ln1)]),
        ("phi", vec![(B::Ln2, B::MlpOut, B::Ln1)]),
        ("falcon", vec![(B::Ln2, B::MlpOut, B::Ln1)]),
        ("olmo2", vec![(B::Ln1, B::AttnOut, B::ResidPre), (B::Ln2, B::MlpOut, B::ResidMid)]),
    ] {
        let (model, ids) = opened(name);
        let of = |trace: &Trace, of_block: BlockSite| bits(trace.at(site(of_block)).unwrap());
        let plain = model.look(&ids).trace().unwrap();
        for (read, made, other) in reads {
            assert_eq!(of(&plain, read), of(&plain, other), "{name}");
            let edit = format!("{}[:, 3:20] *= -2", site(read));
            let edited = model.look(&ids).intervene(&edit).trace().unwrap();
            assert_ne!(of(&edited, read), of(&plain, read), "{name}: {edit}");
            assert_ne!(of(&edited, made), of(&plain, made), "{name}: {edit}");
            assert_eq!(of(&edited, other), of(&plain, other), "{name}: {edit}");
            if made == B::MlpOut {
                assert_eq!(of(&edited, B::AttnOut), of(&plain, B::AttnOut), "{name}: {edit}");
            }
            // The stream is what it was and what is added.
            let sums = edited.at(site(B::ResidMid)).unwrap().values.iter();
            let sums = sums.zip(&edited.at(site(B::MlpOut)).unwrap().values);
            let sums: Vec<u32> = sums.map(|(a, b)| (a + b).to_bits()).collect();
            assert_eq!(sums, of(&edited, B::ResidPost), "{name}: {edit}");
            // By the first of the names, both are changed.
            let edited = model
                .look(&ids)
                .intervene(&edit.replace(&site(read).to_string(), &site(other).to_string()));
            let edited = edited.trace().unwrap();
            assert_eq!(of(&edited, read), of(&edited, other), "{name}: {edit}");
            assert_ne!(of(&edited, read), of(&plain, read), "{name}: {edit}");
        }
    }
}

#[test]
fn without_attention_tokens_do_not_know_of_each_other() {
    for name in ["gpt2", "llama", "gemma2", "gpt_neox"] {
        let (model, ids) = opened(name);
        let off = |look: lookback_open::Look| {
            (0..model.config().layers)
                .fold(look, |look, layer| look.intervene(&format!("blocks.{layer}.attn_out = 0")))
        };
        let whole = off(model.look(&ids)).logits().unwrap();
        // Other tokens before and behind: only position and id of the token itself count.
        let mut others: Vec<TokenId> = ids.iter().map(|id| TokenId((id.0 + 17) % 61)).collect();
        for at in [0, 5, ids.len() - 1] {
            others[at] = ids[at];
            let alone = off(model.look(&others)).logits().unwrap();
            assert_eq!(alone.part(at), whole.part(at), "{name}: {at}");
        }
    }
}

/// Edits of each kind, that fit these families.
const MIXED: [&str; 7] = [
    "blocks.0.attn.z[:, 1] = 0",
    "blocks.0.attn.v[2:, 0] = mean",
    "blocks.1.attn.k[[1, 3], -1] *= 0.5",
    "blocks.0.mlp.post[:, 3:20] *= -1",
    "blocks.0.resid_post[:] *= 0.2 along [1, -1, 2, 0, 0, 0, 0, 3, 1, 1, 1, 1, 0, 0, 0, 1, 1, -1, 2, 0, 0, 0, \
     0, 3, 1, 1, 1, 1, 0, 0, 0, 1]",
    "blocks.1.resid_pre[-3:] orthogonal_add(0.5 * [1])",
    "logits[:, 7] = -3",
];

#[test]
fn edited_texts_have_the_same_bits_with_a_cache_in_chunks_and_on_any_threads() {
    for (name, compute) in ["gpt2", "llama", "gemma2", "gpt_neox"]
        .into_iter()
        .flat_map(|name| [(name, Compute::F32), (name, Compute::Bf16)])
    {
        let (model, ids) = opened(name);
        let folder = tempfile::tempdir().unwrap();
        let weights = &model.weights;
        lookback_model::save(folder.path(), weights.network(), |id, out| weights.read(id, out))
            .unwrap();
        let of = |threads: usize| {
            Model::options().compute(compute).threads(threads).open(folder.path()).unwrap()
        };
        let width = model.config().width;
        let interventions: Vec<Intervention> = MIXED
            .iter()
            .filter(|edit| !edit.contains("along") || width == 32)
            .map(|edit| edit.replace("[1])", &format!("[{}])", vec!["1"; width].join(", "))))
            .map(|edit| edit.parse().unwrap())
            .collect();
        let edits = |model: &Model| {
            model.edits(&interventions, &NoFiles, Some(&ids), 24, EditTokens::All).unwrap()
        };
        let one = of(1);
        let look = |model: &Model| -> Trace {
            let look = model.look(&ids).sites("logits").interventions(&interventions, &NoFiles);
            look.trace().unwrap()
        };
        let whole = look(&one);
        let whole = whole.at(Site::Logits).unwrap();
        assert!(bits(whole) != bits(&one.logits(&ids).unwrap()));
        for threads in [2, 3] {
            assert!(bits(look(&of(threads)).at(Site::Logits).unwrap()) == bits(whole), "{name}");
        }
        for chunk in [1, 7, 64] {
            let session = one.session(24).unwrap();
            let mut session = session.with_edits(&edits(&one)).unwrap();
            for (at, part) in ids.chunks(chunk).enumerate() {
                let last = at * chunk + part.len() - 1;
                let read: Vec<u32> =
                    session.read(part).unwrap().iter().map(|x| x.to_bits()).collect();
                let expected: Vec<u32> = whole.part(last).iter().map(|x| x.to_bits()).collect();
                assert!(read == expected, "{name}, {compute:?}, {chunk}");
            }
        }
    }
}

#[test]
fn edits_hold_for_the_tokens_that_they_are_asked_for() {
    let (model, ids) = opened("llama");
    let edit = "blocks.0.resid_post[:, 0:8] += 2";
    let edits = |tokens| {
        let list = [edit.parse().unwrap()];
        model.edits(&list, &NoFiles, Some(&ids), 20, tokens).unwrap()
    };
    let positions = |edits: Edits| {
        edits.iter().next().and_then(|edit| match edit {
            PassEdit::Value(_, edit) => edit.positions.as_deref().map(<[u32]>::to_vec),
            PassEdit::Attention(..) => None,
        })
    };
    assert_eq!(positions(edits(EditTokens::All)), None);
    assert_eq!(positions(edits(EditTokens::Prompt)), Some((0..13).collect()));
    assert_eq!(positions(edits(EditTokens::Generated)), Some((13..20).collect()));
    let written = |tokens: EditTokens, intervened: bool| {
        let mut text = model.generate(ids.clone()).greedy().ignore_eos().max_tokens(8);
        if intervened {
            text = text.intervene(edit).edit_tokens(tokens);
        }
        let mut pieces = text.pieces().unwrap();
        pieces.by_ref().for_each(|piece| drop(piece.unwrap()));
        pieces.ids().to_vec()
    };
    let plain = written(EditTokens::All, false);
    let [all, prompt, generated] = [EditTokens::All, EditTokens::Prompt, EditTokens::Generated]
        .map(|tokens| written(tokens, true));
    // The first token follows from the prompt alone.
    assert_eq!(generated[0], plain[0]);
    assert_eq!(prompt[0], all[0]);
    assert!(all != plain && all.len() == 8);
    // A text whose tokens are named ends with the context.
    assert_eq!(model.config().context, 32);
    let text = model.generate(ids.clone()).greedy().ignore_eos().max_tokens(100);
    let mut pieces = text.intervene("blocks.0.mlp_out[-1] = 0").pieces().unwrap();
    pieces.by_ref().for_each(|piece| drop(piece.unwrap()));
    assert_eq!(pieces.ids().len(), 32 - 13 + 1);
}

#[test]
fn a_constant_may_come_from_another_text_or_another_token() {
    let (model, ids) = opened("gpt2");
    let list: Vec<u32> = ids.iter().map(|id| id.0).collect();
    let site = Site::Block(0, BlockSite::Z);
    let captured = model.look(&ids).sites(site.to_string()).trace().unwrap();
    let captured = captured.at(site).unwrap();
    let head_dim = model.config().head_dim;
    let edited = |edit: &str| {
        let trace = model.look(&ids).sites(site.to_string()).intervene(edit).trace().unwrap();
        trace.at(site).unwrap().clone()
    };
    // Head 2 of the last token becomes head 0 of the first.
    let made = edited(&format!("{site}[-1, 2] = from({list:?})[0, 0]"));
    let last = made.part(ids.len() - 1);
    assert_eq!(last[2 * head_dim..3 * head_dim], captured.part(0)[..head_dim]);
    assert_eq!(last[..2 * head_dim], captured.part(ids.len() - 1)[..2 * head_dim]);
    // The mean over the prompt's tokens, the same for each.
    let made = edited("blocks.0.attn.z[:, 3, 2:5] = mean");
    let column = 3 * head_dim + 2;
    let sum = (0..ids.len()).fold(0.0, |sum, at| sum + f64::from(captured.part(at)[column]));
    for at in 0..ids.len() {
        assert_eq!(made.part(at)[column], (sum / ids.len() as f64) as f32);
        assert_eq!(made.part(at)[column - 1], captured.part(at)[column - 1]);
    }
}

#[test]
fn a_head_is_off_by_its_z_or_by_its_result() {
    for name in ["gpt2", "llama", "gpt_neox"] {
        let (model, ids) = opened(name);
        let off = |edit: &str| model.look(&ids).intervene(edit).logits().unwrap();
        let (z, result) =
            (off("blocks.0.attn.z[:, 1] = 0"), off("blocks.0.attn.hook_result[:, 1] = 0"));
        let largest = z.values.iter().fold(0.0f32, |a, x| a.max(x.abs()));
        let pairs = z.values.iter().zip(&result.values);
        assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-5 * largest), "{name}");
        assert!(bits(&z) != bits(&model.logits(&ids).unwrap()), "{name}");
        // Each head's results change along a vector by themselves.
        let width = vec!["1"; model.config().width].join(", ");
        off(&format!("blocks.1.attn.result[2:, [0, 2]] project_out([{width}])"));
        let refused = model.look(&ids).intervene("blocks.0.attn.result[:, 9] = 0").logits();
        assert!(refused.unwrap_err().to_string().contains("head 9 is not there"), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused_in_one_sentence() {
    let (model, ids) = opened("qwen3");
    let why = |edit: &str| {
        let refused = model.look(&ids).intervene(edit).logits();
        refused.map(|_| ()).unwrap_err().to_string()
    };
    for (edit, part) in [
        ("blocks.9.attn.z[:, 0] = 0", "this model has 2 layers, counted from 0"),
        ("blocks.0.attn.x = 0", "\"blocks.0.attn.x\" is no site"),
        ("blocks.0.attn.z[:, 4] = 0", "head 4 is not there: there are 4 heads, counted from 0"),
        ("blocks.0.attn.k[:, 2] = 0", "key_head 2 is not there: there are 2 key_heads"),
        ("blocks.0.attn.k[head=1] = 0", "query heads may share key heads"),
        ("blocks.0.mlp.post[:, 48] = 0", "dimension 48 is not there"),
        ("blocks.0.mlp.post[13] = 0", "token 13 is not there: there are 13 tokens"),
        ("blocks.0.mlp.post[4:40] = 0", "tokens 4:40 of 13 tokens: it ends behind them"),
        ("blocks.0.resid_pre[\"bird\"] = 0", "no tokenizer"),
        ("blocks.0.resid_pre = [1, 2]", "a vector of shape [2] does not fit 32 dimensions"),
        ("blocks.0.resid_pre project_out([1, 2])", "a vector of 2 numbers does not fit 32"),
        ("blocks.0.resid_pre += 1e39", "too large"),
        (
            "blocks.0.resid_pre = from([1, 2, 3])",
            "3 tokens of the other prompt do not fit where 13",
        ),
        ("blocks.0.resid_pre = from([1, 99])", "99"),
        ("blocks.0.resid_pre = v.npy", "no files are read here"),
        ("blocks.0.resid_pre = dir(\"a\" - \"b\")", "no tokenizer"),
        ("blocks.0.attn.pattern[0, 2, 5] = 1", "which the query at position 2 does not see"),
        ("blocks.0.attn.pattern[0, 13] = 1", "query 13 is not there: there are 13 queries"),
        ("blocks.0.attn.pattern[:, :, 2] = mean", "scores and patterns are changed by"),
        ("blocks.0.attn.scores project_out([1])", "scores and patterns are changed by"),
        ("blocks.0.attn.pattern harden", "write it at attn.scores"),
        ("blocks.0.attn.z keep_top(2)", "at attn.scores alone"),
        ("blocks.0.attn.scores keep_top(0)", "at least one key is kept"),
        ("blocks.0.attn.scores keep_top(-1)", "how many keys are kept is expected"),
        (
            "blocks.0.attn.scores[0, 3] = [1, 2, 3]",
            "3 numbers do not fit 1 head, 1 query and 13 keys",
        ),
        ("blocks.0.attn.pattern[0] = from([1, 2])", "1 head, 2 queries and 2 keys of the other"),
        ("blocks.0.attn.scores[0] = unit([1])", "have no directions"),
        ("blocks.0.attn.scores[\"bird\"] = 1", "heads are chosen by number"),
        ("probabilities = 0", "follow from the logits"),
        ("blocks.0.resid_pre[:, 0] swap([0], [1])", "a vector of zeros has no direction"),
        ("blocks.0.resid_pre clamp_along([1], 2, 1)", "the lower bound is above the upper one"),
        ("blocks.0.resid_pre[:, 0:9:2] = 0", "] is expected"),
        ("blocks.0.resid_pre projectout([1])", "did you mean project_out?"),
        ("blocks.0.resid_pre = 0 0", "nothing more is expected"),
        ("blocks.0.resid_pre[5:2] = 0", "it is empty"),
        ("", "is no site"),
    ] {
        let sentence = why(edit);
        assert!(sentence.contains(part), "{edit}: {sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn a_vector_is_read_from_files_where_these_may_be_read() {
    let (model, ids) = opened("gpt2");
    let folder = tempfile::tempdir().unwrap();
    let numbers: Vec<f32> = (0..32).map(|at| at as f32 / 8.0 - 2.0).collect();
    let data: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (32,), }\n";
    let len = (header.len() as u16).to_le_bytes();
    let file = folder.path().join("v.npy");
    fs::write(&file, [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), &data].concat()).unwrap();
    let shown = file.display().to_string();
    let from_file: Intervention = format!("blocks.1.resid_pre[-1] -= 3 * {shown}").parse().unwrap();
    let inline = format!("blocks.1.resid_pre[-1] += -3 * {numbers:?}");
    let read = model
        .look(&ids)
        .interventions(std::slice::from_ref(&from_file), &LocalFiles)
        .logits()
        .unwrap();
    let given = model.look(&ids).intervene(&inline).logits().unwrap();
    assert_eq!(bits(&read), bits(&given));
    assert!(model.look(&ids).interventions(&[from_file], &NoFiles).logits().is_err());
    let steered = lookback_lens::steer(&format!("{shown}:0"), -3.0, &LocalFiles).unwrap();
    let all = model.look(&ids).interventions(&steered, &LocalFiles).logits().unwrap();
    // What block 0 leaves is what block 1 reads.
    let inline = format!("blocks.1.hook_resid_pre += -3 * {numbers:?}");
    assert_eq!(bits(&all), bits(&model.look(&ids).intervene(&inline).logits().unwrap()));
    assert!(lookback_lens::steer(&shown, 1.0, &LocalFiles).is_err());
}

#[test]
fn every_family_has_sites_that_can_be_edited() {
    for name in names() {
        let (model, ids) = opened(&name);
        let plain = model.logits(&ids).unwrap();
        let off = model.look(&ids).intervene("blocks.0.mlp_out = 0").logits().unwrap();
        assert!(bits(&off) != bits(&plain), "{name}");
    }
}
