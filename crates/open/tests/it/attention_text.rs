//! Edits of scores and patterns as they are written, and variants of a pass: beside the same of a program, in chunks,
//! where tokens are generated, and what is refused of them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use lookback_lens::{Capture, EditTokens, Intervention, NoFiles};
use lookback_model::{AttentionChange, BlockSite, Edits, PassVariant, Site, TokenId};
use lookback_open::{Compute, Model};

use crate::{
    attention::{Case, FAMILIES, Golden, Written, golden},
    goldens::opened,
};

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// A change of the goldens as a line of text; none of the results of heads.
fn line(written: &Written, layer: usize) -> Option<String> {
    let site = match &written.what[..] {
        "scores" | "top" => "scores",
        "pattern" => "pattern",
        _ => return None,
    };
    let list =
        |list: &Option<Vec<u32>>| list.as_ref().map_or(":".to_owned(), |it| format!("{it:?}"));
    let [heads, queries, keys] = [&written.heads, &written.queries, &written.keys].map(list);
    let numbers = written.numbers();
    let operation = match (&written.what[..], &written.change[..]) {
        ("top", count) => format!("keep_top({count})"),
        (_, "set") if *numbers == [f32::NEG_INFINITY] => "hide".to_owned(),
        (_, "set") => format!("= {numbers:?}"),
        (_, "add") => format!("+= {numbers:?}"),
        _ => format!("*= {}", numbers[0]),
    };
    Some(format!("blocks.{layer}.attn.{site}[{heads}, {queries}, {keys}] {operation}"))
}

#[test]
fn a_line_of_text_is_the_edit_of_a_program() {
    let mut tried = 0;
    for family in FAMILIES {
        let Golden { layer, cases, .. } = golden(family);
        let (model, ids) = opened(family);
        for Case { about, edits, .. } in cases {
            let Some(lines) =
                edits.iter().map(|edit| line(edit, layer)).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            let given =
                edits.iter().fold(model.look(&ids), |look, edit| edit.apply(look, &model, layer));
            let written = lines.iter().fold(model.look(&ids), |look, line| look.intervene(line));
            let [given, written] = [given, written].map(|look| look.logits().unwrap());
            assert_eq!(bits(&written.values), bits(&given.values), "{family}, {about}: {lines:?}");
            tried += 1;
        }
    }
    assert!(tried >= 4 * FAMILIES.len(), "{tried}");
}

#[test]
fn another_prompt_is_patched_in_with_scores_or_weights() {
    let (model, ids) = opened("llama");
    let other: Vec<u32> = ids.iter().rev().map(|id| id.0).collect();
    let others: Vec<TokenId> = other.iter().copied().map(TokenId).collect();
    for block_site in [BlockSite::Scores, BlockSite::Pattern] {
        let site = Site::Block(1, block_site);
        let seen = |ids: &[TokenId], edits: &[String]| {
            let look = edits.iter().fold(model.look(ids), |look, edit| look.intervene(edit));
            look.sites(site.to_string()).trace().unwrap().at(site).unwrap().clone()
        };
        let row = |of: &Capture, head: usize, query: usize| {
            bits(&of.part(head)[query * ids.len()..(query + 1) * ids.len()])
        };
        let (plain, donor) = (seen(&ids, &[]), seen(&others, &[]));
        let made = seen(&ids, &[format!("{site}[2, -1] = from({other:?})")]);
        let last = ids.len() - 1;
        assert_eq!(row(&made, 2, last), row(&donor, 2, last));
        assert_eq!(row(&made, 2, last - 1), row(&plain, 2, last - 1));
        assert_eq!(row(&made, 1, last), row(&plain, 1, last));
        // Head 0 of query 5, in place of head 3 of the last.
        let made = seen(&ids, &[format!("{site}[3, -1, :6] = from({other:?})[0, 5, :6]")]);
        assert_eq!(row(&made, 3, last)[..6], row(&donor, 0, 5)[..6]);
        assert_eq!(row(&made, 3, last)[6..], row(&plain, 3, last)[6..]);
    }
}

/// Edits of each kind; the tokens are those of a prompt of 13.
const EDITS: [&str; 6] = [
    "blocks.0.attn.scores[0, :, 3] += [1.5]",
    "blocks.0.attn.scores[1] keep_top(3)",
    "blocks.1.attn.pattern[2, :, 1:4] *= -0.5",
    "blocks.1.attn.pattern[3, -1, 9:13] = [0.25, 0, -1, 0.5]",
    "blocks.1.attn.scores[0, 6:13, [0, 4]] hide",
    "blocks.0.attn.z[:, 1] *= 0.5",
];

fn variants() -> [PassVariant; 4] {
    let none = PassVariant::default();
    [
        PassVariant { no_scale: true, ..none },
        PassVariant { no_position: true, ..none },
        PassVariant { uniform_attention: true, ..none },
        PassVariant { plain_attention: true, ..none },
    ]
}

#[test]
fn changed_attention_has_the_same_bits_with_a_cache_and_in_chunks() {
    for (name, compute) in ["gpt2", "llama", "gemma2", "bloom"]
        .into_iter()
        .flat_map(|name| [(name, Compute::F32), (name, Compute::Bf16)])
    {
        let (stored, ids) = opened(name);
        let folder = tempfile::tempdir().unwrap();
        let weights = &stored.weights;
        lookback_model::save(folder.path(), weights.network(), |id, out| weights.read(id, out))
            .unwrap();
        let model = Model::options().compute(compute).threads(2).open(folder.path()).unwrap();
        let written: Vec<Intervention> = EDITS.iter().map(|edit| edit.parse().unwrap()).collect();
        let resolved = |list: &[Intervention]| {
            model.edits(list, &NoFiles, Some(&ids), 24, EditTokens::All).unwrap()
        };
        let config = model.config();
        let of_variants = variants().map(|variant| resolved(&written[..3]).of_variant(variant));
        let mut tried = of_variants.to_vec();
        tried.push(resolved(&written));
        tried.extend(variants().map(|variant| Edits::default().of_variant(variant)));
        for edits in tried {
            let is_plain = edits.variant().plain_attention;
            if is_plain && config.heads * config.head_dim != config.width {
                continue;
            }
            let look = edits.iter().fold(model.look(&ids), |look, edit| match edit.clone() {
                lookback_model::PassEdit::Value(site, edit) => look.edit(site, edit),
                lookback_model::PassEdit::Attention(layer, edit) => {
                    look.edit_attention(layer, edit)
                }
            });
            let whole = look.variant(edits.variant()).logits().unwrap();
            for chunk in [1, 7, 64] {
                let mut session = model.session(24).unwrap().with_edits(&edits).unwrap();
                for (at, part) in ids.chunks(chunk).enumerate() {
                    let last = at * chunk + part.len() - 1;
                    let read = bits(session.read(part).unwrap());
                    assert!(
                        read == bits(whole.part(last)),
                        "{name}, {compute:?}, {chunk}: {edits:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn changed_attention_holds_for_the_tokens_that_it_is_asked_for() {
    let (model, ids) = opened("llama");
    let written = |tokens: EditTokens, edit: &str| {
        let text = model.generate(ids.clone()).greedy().ignore_eos().max_tokens(8);
        let mut pieces = text.intervene(edit).edit_tokens(tokens).pieces().unwrap();
        pieces.by_ref().for_each(|piece| drop(piece.unwrap()));
        pieces.ids().to_vec()
    };
    for edit in ["blocks.0.attn.scores[:, :, 2:5] = 30", "blocks.0.attn.pattern[:, :, 1] = 4"] {
        let plain = written(EditTokens::All, "blocks.0.attn.z *= 1");
        let [all, prompt, generated] = [EditTokens::All, EditTokens::Prompt, EditTokens::Generated]
            .map(|tokens| written(tokens, edit));
        assert_eq!(generated[0], plain[0], "{edit}");
        assert_eq!(prompt[0], all[0], "{edit}");
        assert_ne!(all, plain, "{edit}");
    }
}

/// However long a text may become: lists of all its queries and keys would fill the memory.
#[test]
fn one_number_for_generated_tokens_stays_one_number() {
    let (model, ids) = opened("llama");
    let edits = |edit: &str, tokens| {
        let list = [edit.parse().unwrap()];
        let edits = model.edits(&list, &NoFiles, Some(&ids), 30, tokens).unwrap();
        let attention = edits.iter().map(|edit| match edit {
            lookback_model::PassEdit::Attention(_, edit) => edit.clone(),
            lookback_model::PassEdit::Value(..) => unreachable!("an edit of attention"),
        });
        attention.collect::<Vec<_>>()
    };
    let numbers = |change: &AttentionChange| match change {
        AttentionChange::Scores(_, numbers) | AttentionChange::Pattern(_, numbers) => numbers.len(),
        AttentionChange::KeepTop(_) => 0,
    };
    for edit in [
        "blocks.0.attn.scores *= 0.5",
        "blocks.0.attn.pattern[:, :, [1, 4]] = 2",
        "blocks.0.attn.scores[:, :, 3:9] hide",
        "blocks.0.attn.pattern[1] = 0.25",
    ] {
        let generated = edits(edit, EditTokens::Generated);
        assert_eq!((generated.len(), numbers(&generated[0].change)), (1, 1), "{edit}");
        assert_eq!(generated[0].queries.as_deref(), Some(&(13..30).collect::<Vec<u32>>()[..]));
    }
    // Of the prompt, each query has those of the keys that it sees.
    let prompt = edits("blocks.0.attn.pattern[:, :, [1, 4]] = 2", EditTokens::Prompt);
    let lists = prompt.iter().map(|edit| (edit.queries.as_deref(), edit.keys.as_deref()));
    let late: Vec<u32> = (4..13).collect();
    assert_eq!(
        lists.collect::<Vec<_>>(),
        [(Some(&[1, 2, 3][..]), Some(&[1][..])), (Some(&late[..]), Some(&[1, 4][..]))]
    );
}

#[test]
fn without_a_mask_there_are_whole_texts_only() {
    let (model, ids) = opened("gpt2");
    let variant = PassVariant { no_mask: true, ..PassVariant::default() };
    let refused = model.generate(ids.clone()).greedy().variant(variant).text().unwrap_err();
    assert!(refused.to_string().contains("without a mask"), "{refused}");
    // The first token sees the last one.
    let last = |id: u32| {
        let mut ids = ids.clone();
        *ids.last_mut().unwrap() = TokenId(id);
        model.look(&ids).variant(variant).logits().unwrap().part(0).to_vec()
    };
    assert_ne!(bits(&last(3)), bits(&last(4)));
}

#[test]
fn a_variant_of_a_pass_is_taken_apart_into_its_parts() {
    for name in ["gpt2", "llama", "gpt_neox", "bloom"] {
        let (model, ids) = opened(name);
        let none = PassVariant::default();
        for variant in variants().into_iter().chain([PassVariant { no_mask: true, ..none }]) {
            let opens = !variant.plain_attention;
            let query = model.why(&ids).position(6).variant(variant);
            let options = lookback_lens::UnfoldOptions { share: 0.9, ..Default::default() };
            let query = if opens { query.unfold(options) } else { query };
            let why = query.sum().unwrap();
            let logits = model.look(&ids).variant(variant).logits().unwrap();
            assert_eq!(why.logit, f64::from(logits.part(6)[why.target as usize]), "{name}");
            assert!(why.rounding.abs() <= 1e-5 * why.absolute, "{name}, {variant:?}: {why:?}");
            if variant.no_mask {
                let opened = why.unfolding.as_ref().unwrap();
                assert!(opened.parts.iter().any(|part| part.token > 6), "{name}");
            }
        }
    }
}
