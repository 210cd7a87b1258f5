//! What is written of an intervention is read as it was, as text and as JSON, and nothing that is written panics.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use lookback_engine::{ThreadPool, WeightMode};
use lookback_lens::{
    Axis, Bounded, EditTokens, Index, Intervention, InterventionFiles, Limited, NoFiles, Operation,
    OtherPrompt, PromptPasses, Resolver, Scaled, Selection, SiteFilter, Source, Vector, trace,
};
use lookback_model::{BlockSite, Edits, PassEdit, Site};
use lookback_text::{Specials, Tokenizer};
use proptest::{collection::vec, option, prelude::*};

const SITES: [&str; 9] = [
    "embed",
    "blocks.0.resid_pre",
    "blocks.3.attn.z",
    "blocks.1.attn.k",
    "blocks.12.mlp.post",
    "blocks.0.attn.pattern",
    "blocks.2.attn.scores",
    "ln_final",
    "logits",
];

fn number() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("finite", |x| x.is_finite())
}

fn index() -> impl Strategy<Value = Index> {
    let small = -9i64..9;
    prop_oneof![
        any::<i64>().prop_map(Index::At),
        (option::of(small.clone()), option::of(small))
            .prop_map(|(start, end)| Index::Range { start, end }),
        any::<String>().prop_map(Index::Text),
    ]
}

fn selection(site: Site) -> impl Strategy<Value = Selection> {
    let chosen = vec(option::of(vec(index(), 1..4)), 3);
    (chosen, any::<bool>()).prop_map(move |(chosen, has_experts)| {
        let axes = Axis::of_site(site, has_experts);
        let chosen = axes.iter().zip(chosen).filter_map(|(axis, chosen)| Some((*axis, chosen?)));
        chosen.fold(Selection::all(), |all, (axis, chosen)| all.with(axis, chosen))
    })
}

fn vector() -> impl Strategy<Value = Vector> {
    let simple = prop_oneof![
        vec(number(), 1..5).prop_map(Vector::Numbers),
        (any::<String>(), option::of(any::<String>()))
            .prop_map(|(file, tensor)| Vector::File { file, tensor }),
        [any::<String>(), any::<String>()].prop_map(Vector::Dir),
    ];
    simple.prop_recursive(2, 4, 1, |inner| inner.prop_map(|of| Vector::Unit(Box::new(of))))
}

fn source(site: Site) -> impl Strategy<Value = Source> {
    let other = prop_oneof![
        any::<String>().prop_map(OtherPrompt::Prompt),
        vec(any::<u32>(), 1..5).prop_map(OtherPrompt::Ids),
    ];
    prop_oneof![
        number().prop_map(Source::Number),
        Just(Source::Mean),
        (any::<String>(), 0usize..3).prop_map(|(file, start)| Source::MeanOf { file, start }),
        (any::<String>(), any::<u64>()).prop_map(|(file, seed)| Source::Resample { file, seed }),
        (other, option::of(selection(site)))
            .prop_map(|(other, selection)| Source::From { other, selection }),
        vector().prop_map(Source::Vector),
    ]
}

fn operation(site: Site) -> BoxedStrategy<Operation> {
    match site {
        Site::Block(_, BlockSite::Scores | BlockSite::Pattern) => {
            operation_on_attention(site).boxed()
        }
        _ => operation_on_rows(site).boxed(),
    }
}

/// What can happen to scores, and all but the last of it to patterns.
fn operation_on_attention(site: Site) -> impl Strategy<Value = Operation> {
    let other = vec(any::<u32>(), 1..5).prop_map(OtherPrompt::Ids);
    let count = 1usize..if matches!(site, Site::Block(_, BlockSite::Scores)) { 9 } else { 2 };
    let of_scores = count.prop_map(|count| match count {
        1 => Operation::Scale(0.5),
        2 => Operation::Hide,
        _ => Operation::KeepTop(count),
    });
    prop_oneof![
        number().prop_map(|number| Operation::Set(Source::Number(number))),
        vector().prop_map(|vector| Operation::Set(Source::Vector(vector))),
        (other, option::of(selection(site)))
            .prop_map(|(other, selection)| Operation::Set(Source::From { other, selection })),
        number().prop_map(Operation::Scale),
        (number(), vector()).prop_map(|(factor, vector)| Operation::Add(Scaled { factor, vector })),
        of_scores,
    ]
}

fn operation_on_rows(site: Site) -> impl Strategy<Value = Operation> {
    let scaled = || (number(), vector()).prop_map(|(factor, vector)| Scaled { factor, vector });
    let bounds = (option::of(number()), option::of(number()));
    prop_oneof![
        source(site).prop_map(Operation::Set),
        number().prop_map(Operation::Scale),
        scaled().prop_map(Operation::Add),
        vector().prop_map(Operation::ProjectOut),
        scaled().prop_map(Operation::ScaleAlong),
        (vector(), bounds).prop_map(|(vector, (min, max))| {
            let is_ordered = min.zip(max).is_none_or(|(min, max)| min <= max);
            let (min, max) = if is_ordered { (min, max) } else { (max, min) };
            Operation::ClampAlong(Bounded { vector, min, max })
        }),
        (scaled(), number()).prop_map(|(Scaled { factor, vector }, limit)| {
            Operation::NormScaledAdd(Limited { factor, vector, max_fraction: limit.abs() })
        }),
        scaled().prop_map(Operation::OrthogonalAdd),
        (vector(), vector()).prop_map(|(from, to)| Operation::Swap { from, to }),
    ]
}

fn intervention() -> impl Strategy<Value = Intervention> {
    (0..SITES.len()).prop_flat_map(|at| {
        let site: Site = SITES[at].parse().unwrap();
        (selection(site), operation(site)).prop_map(move |(selection, operation)| Intervention {
            site,
            selection,
            operation,
        })
    })
}

proptest! {
    #[test]
    fn text_and_json_follow_from_each_other(intervention in intervention()) {
        let text = intervention.to_string();
        let read: Intervention = text.parse().unwrap();
        prop_assert_eq!(&read, &intervention, "{}", text);
        let json = intervention.to_json();
        // Through the bytes that go over the wire.
        let json = serde_json::from_str(&json.to_string()).unwrap();
        let read = Intervention::from_json(&json).unwrap();
        prop_assert_eq!(&read, &intervention, "{}", json);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn nothing_that_is_written_panics(text in any::<String>(), cut in 0usize..80, with in any::<char>()) {
        drop(text.parse::<Intervention>());
        for known in [
            "blocks.3.attn.z[head=1, token=[\"a\", -3:]] = from(\"x\")[0, :]",
            "blocks.0.resid_post[:] clamp_along(dir(\"a\" - \"b\"), none, 3e-2)",
            "ln_final += -4.5 * unit(file(\"v.npy\", \"t\"))",
        ] {
            let at = known.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(known.len());
            drop(known[..at].parse::<Intervention>());
            drop(format!("{}{with}{}", &known[..at], &known[at..]).parse::<Intervention>());
        }
    }
}

#[test]
fn what_people_write_is_read() {
    for (text, canonical) in [
        ("blocks.3.attn.z[:,1]=0", "blocks.3.attn.z[:, 1] = 0"),
        ("blocks.3.attn.hook_z[head=1]=0", "blocks.3.attn.z[:, 1] = 0"),
        (
            "blocks.0.hook_resid_pre[token=3:7, dimension=5] *= .5",
            "blocks.0.resid_pre[3:7, 5] *= 0.5",
        ),
        ("blocks.0.mlp.post[neuron=[1, 4:6]] = mean", "blocks.0.mlp.post[:, [1, 4:6]] = mean"),
        ("blocks.0.resid_post -= v.npy", "blocks.0.resid_post[:] += -1 * file(\"v.npy\")"),
        ("blocks.0.resid_post += 2", "blocks.0.resid_post[:] += 1 * [2]"),
        ("blocks.1.mlp.post[0, 1, 2] = 0", "blocks.1.mlp.post[0, 1, 2] = 0"),
        ("blocks.1.attn.hook_attn_scores[head=1, query=-1] = 0", "blocks.1.attn.scores[1, -1] = 0"),
        ("embed[\"bird\"] = mean(texts/a.txt)", "embed[\"bird\"] = mean(\"texts/a.txt\")"),
        (
            "blocks.0.mlp.pre[:, 1, :] = from([1, 2])[:, 0]",
            "blocks.0.mlp.pre[:, 1, :] = from([1, 2])[:, 0, :]",
        ),
        (
            "blocks.0.mlp.pre[:, 1] = from([1, 2])[:, 0]",
            "blocks.0.mlp.pre[:, 1] = from([1, 2])[:, 0]",
        ),
        ("embed = mean(a.txt)[1:]", "embed[:] = mean(\"a.txt\")[1:]"),
        ("blocks.0.attn.scores[0,1] = -inf", "blocks.0.attn.scores[0, 1] hide"),
        ("logits norm_scaled_add(0.3 * [1, 2])", "logits[:] norm_scaled_add(0.3 * [1, 2], 1)"),
    ] {
        assert_eq!(text.parse::<Intervention>().unwrap().to_string(), canonical, "{text}");
    }
}

#[test]
fn json_that_is_no_edit_is_refused() {
    for (json, why) in [
        (r#"3"#, "an edit is a string or an object"),
        (r#"{"op": "set", "value": 0}"#, "\"site\" is missing"),
        (r#"{"site": "blocks.0.attn.y", "op": "set", "value": 0}"#, "is no site"),
        (
            r#"{"site": "blocks.0.resid_pst", "op": "set", "value": 0}"#,
            "did you mean blocks.0.resid_post?",
        ),
        (r#"{"site": "logit", "op": "set", "value": 0}"#, "did you mean logits?"),
        (r#"{"site": "blocks.x.attn.z", "op": "set", "value": 0}"#, "is no site; docs"),
        (r#"{"site": "embed", "tokns": 1, "op": "set", "value": 0}"#, "did you mean \"tokens\"?"),
        (r#"{"site": "embed", "heads": 1, "op": "set", "value": 0}"#, "embed has no heads"),
        (r#"{"site": "embed", "tokens": 1.5, "op": "set", "value": 0}"#, "tokens are chosen by"),
        (r#"{"site": "embed", "tokens": [], "op": "set", "value": 0}"#, "tokens are chosen by"),
        (r#"{"site": "embed", "op": "sett", "value": 0}"#, "sett"),
        (r#"{"site": "embed", "op": "set", "value": 1e40}"#, "not finite"),
        (r#"{"site": "embed", "op": "set"}"#, "value"),
        (
            r#"{"site": "embed", "op": "set", "value": {"form": 1}}"#,
            "the value is a number, a list",
        ),
    ] {
        let refused = Intervention::from_json(&serde_json::from_str(json).unwrap());
        let sentence = refused.unwrap_err().to_string();
        assert!(sentence.contains(why), "{json}: {sentence}");
    }
}

#[test]
fn edits_that_take_from_the_same_prompt_share_one_pass() {
    let pool = ThreadPool::single_threaded();
    let network = &crate::fixture::networks()[0];
    let weights = crate::fixture::weights(network, WeightMode::Inference, &pool);
    let prompt = crate::fixture::ids(6, 3);
    let resolved = |edits: &[&str]| -> (Edits, usize) {
        let parsed: Vec<Intervention> = edits.iter().map(|edit| edit.parse().unwrap()).collect();
        let passes = PromptPasses::default();
        let resolver = Resolver {
            weights: &weights,
            pool: &pool,
            tokenizer: None,
            files: &NoFiles,
            prompt: Some(&prompt),
            positions: prompt.len(),
            tokens: EditTokens::All,
            passes: &passes,
        };
        (resolver.resolve(&parsed).unwrap(), passes.made())
    };
    let from_one = [
        "blocks.0.attn.z[:, 1] = from([1, 2, 3, 4, 5, 6])",
        "blocks.1.resid_pre[-1] = from([1, 2, 3, 4, 5, 6])[0]",
        "blocks.1.attn.pattern[0] = from([1, 2, 3, 4, 5, 6])",
        "blocks.0.attn.scores[1, -1, :] = from([1, 2, 3, 4, 5, 6])",
        "blocks.1.mlp_out[2] = from([1, 2, 3, 4, 5, 6])[3]",
    ];
    let (edits, made) = resolved(&from_one);
    assert_eq!(made, 1);
    // Together they take what each takes alone.
    let alone = from_one.iter().map(|edit| resolved(&[edit]).0);
    let alone: Vec<_> = alone.flat_map(|edits| edits.iter().cloned().collect::<Vec<_>>()).collect();
    assert_eq!(edits, Edits::new(alone));
    let own = "blocks.0.mlp_out[:] = mean";
    assert_eq!(resolved(&[&from_one[..], &[own, "blocks.1.mlp_out[:] = mean"]].concat()).1, 2);
    let other = "blocks.1.mlp_out[2] = from([7, 8, 9])[1]";
    assert_eq!(resolved(&[from_one[0], other, from_one[1], other]).1, 2);
    assert_eq!(resolved(&["blocks.0.mlp_out[:] *= 2"]).1, 0);
}

/// Five texts of letters, whatever file is asked for, and how often it was read.
#[derive(Default)]
struct FiveTexts(std::cell::Cell<usize>);

const TEXTS: [&str; 5] = ["abcab", "ca", "bbbbcaa", "acbacbac", "cbc"];

impl InterventionFiles for FiveTexts {
    fn bytes(&self, _: &str) -> lookback_files::Result<Vec<u8>> {
        self.0.set(self.0.get() + 1);
        Ok(TEXTS.join("\n").into_bytes())
    }
}

#[test]
fn edits_that_are_resampled_from_the_same_file_share_the_passes_over_its_texts() {
    let pool = ThreadPool::single_threaded();
    let network = &crate::fixture::networks()[0];
    let weights = crate::fixture::weights(network, WeightMode::Inference, &pool);
    let tokenizer = Tokenizer::characters(&["abc"], &[]).unwrap();
    let prompt = crate::fixture::ids(12, 3);
    let resolved = |edits: &[&str]| -> (Edits, usize, usize) {
        let parsed: Vec<Intervention> = edits.iter().map(|edit| edit.parse().unwrap()).collect();
        let (passes, files) = (PromptPasses::default(), FiveTexts::default());
        let resolver = Resolver {
            weights: &weights,
            pool: &pool,
            tokenizer: Some(&tokenizer),
            files: &files,
            prompt: Some(&prompt),
            positions: prompt.len(),
            tokens: EditTokens::All,
            passes: &passes,
        };
        (resolver.resolve(&parsed).unwrap(), passes.made(), files.0.get())
    };
    let edits = [
        "blocks.0.attn.z[:, 1] = resample(texts.txt, 7)",
        "blocks.1.resid_pre = resample(texts.txt, 7)",
        "blocks.1.mlp_out[:, 2:5] = resample(texts.txt, 7)",
    ];
    let (together, made, read) = resolved(&edits);
    let alone: Vec<_> = edits.iter().map(|edit| resolved(&[edit])).collect();
    let all: Vec<_> = alone.iter().flat_map(|(edits, ..)| edits.iter().cloned()).collect();
    assert_eq!(together, Edits::new(all));
    // Twelve draws come from at most five texts, each read once for all sites.
    assert!((2..=TEXTS.len()).contains(&made) && read == 1, "{made} {read}");
    assert_eq!(alone[0].1, made);
    // Another seed draws other rows, of texts that were read already.
    let other = "blocks.0.mlp_out = resample(texts.txt, 8)";
    let (_, more, read) = resolved(&[&edits[..], &[other]].concat());
    assert!(more <= TEXTS.len() && read == 1, "{more} {read}");
    // What is drawn is a row of a text: the embedding of one of its letters.
    let (drawn, ..) = resolved(&["embed = resample(texts.txt, 7)"]);
    let width = network.config.width;
    let row = |letter: &str| {
        let ids = tokenizer.encode(letter, Specials::Text).unwrap();
        let filter = SiteFilter::only([Site::Embed]);
        trace(&weights, &pool, &ids, &filter).unwrap().at(Site::Embed).unwrap().values.clone()
    };
    let rows = ["a", "b", "c"].map(row);
    let Some(PassEdit::Value(_, edit)) = drawn.iter().next() else { panic!("an edit of rows") };
    let numbers: Vec<&[f32]> = edit.numbers.chunks(width).collect();
    assert_eq!(numbers.len(), prompt.len());
    assert!(numbers.iter().all(|drawn| rows.iter().any(|row| row == drawn)));
    assert!(rows.iter().all(|row| numbers.iter().any(|drawn| row == drawn)));
}
