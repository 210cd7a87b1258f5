//! Hugging Face directories: written, read back, in every layout and type that is understood.

use std::{collections::BTreeMap, fs};

use half::{bf16, f16};
use lookback_model::{
    Activation, Config, FAMILIES, Network, NormPlacement, Positions, QueryKeyNorm, RotaryConfig,
    Size, StorageType, StoredModel, StoredTokenizer, save,
};
use lookback_text::TokenId;

use crate::fixture;

#[test]
fn what_is_saved_is_read_back_bit_for_bit() {
    for network in [fixture::gpt2(), fixture::llama(), fixture::qwen3()] {
        let folder = tempfile::tempdir().expect("a place");
        fixture::write_directory(folder.path(), &network);
        let stored = StoredModel::open(folder.path()).expect("it was just written");
        fixture::assert_same(&stored, &network);
        assert_eq!(*stored.tokenizer(), StoredTokenizer::Directory(folder.path().to_owned()));
    }
}

#[test]
fn every_setting_of_a_configuration_survives_its_file() {
    let gpt2 = fixture::gpt2().config.with(|config| {
        config.activation = Activation::Relu2;
        config.tied = false;
        config.scale = 1.0;
        config.epsilon = 3e-7;
        config.bos = Some(TokenId(0));
        config.eos = vec![TokenId(5), TokenId(36)];
    });
    let llama = fixture::llama().config.with(|config| {
        config.head_dim = 24;
        config.positions = Positions::Rotary(RotaryConfig::plain(500_000.0, 24));
        config.scale = lookback_model::config::default_scale(24);
        config.attention_bias = true;
        config.output_bias = true;
        config.mlp_bias = true;
        config.activation = Activation::Gelu;
        config.tied = true;
        config.eos = vec![TokenId(5)];
    });
    for config in [gpt2.expect("valid"), llama.expect("valid")] {
        let network = Network::new(&config);
        let folder = tempfile::tempdir().expect("a place");
        fixture::write_directory(folder.path(), &network);
        fixture::assert_same(
            &StoredModel::open(folder.path()).expect("it was just written"),
            &network,
        );
    }
}

#[test]
fn head_norms_stand_in_files_of_qwen3_alone() {
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &fixture::qwen3());
    let names: Vec<_> = fixture::tensors_of(&folder.path().join("model.safetensors"))
        .into_iter()
        .filter(|(name, ..)| name.starts_with("model.layers.1.self_attn.") && name.contains("norm"))
        .map(|(name, _, shape, _)| (name, shape))
        .collect();
    let name = |part: &str| format!("model.layers.1.self_attn.{part}.weight");
    let wanted = ["q_norm", "k_norm"].map(|part| (name(part), vec![16]));
    assert!(names.iter().all(|found| wanted.contains(found)) && names.len() == 2, "{names:?}");
    let llama = fixture::llama()
        .config
        .with(|config| config.query_key_norm = Some(QueryKeyNorm::Heads))
        .expect("valid");
    let said = llama.to_hugging_face().expect_err("no word for it").to_string();
    assert!(said.starts_with("Llama's config.json has no words for this model"), "{said}");
}

#[test]
fn a_cap_of_logits_makes_a_file_of_its_own_kind() {
    let capped =
        fixture::qwen3().config.with(|config| config.logit_cap = Some(30.0)).expect("valid");
    let text = capped.to_hugging_face().expect("a file of its own");
    assert!(text.contains("\"model_type\": \"capped_qwen3\""), "{text}");
    assert_eq!(lookback_model::Config::from_hugging_face(&text).expect("read"), capped);
    let plain = text.replace("capped_qwen3", "qwen3");
    let said = lookback_model::Config::from_hugging_face(&plain).expect_err("meant otherwise");
    assert!(said.to_string().starts_with("final_logit_softcapping = 30.0 is not"), "{said}");
}

#[test]
fn gpt2_is_written_with_its_transposed_and_fused_matrices() {
    let network = fixture::gpt2();
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &network);
    let tensors: BTreeMap<_, _> = fixture::tensors_of(&folder.path().join("model.safetensors"))
        .into_iter()
        .map(|(name, _, shape, bytes)| (name, (shape, fixture::floats(&bytes))))
        .collect();
    let value = |id| fixture::values(&network, id);
    let block = &network.blocks[1];
    let (shape, fused) = &tensors["transformer.h.1.attn.c_attn.weight"];
    assert_eq!(*shape, [64, 192]);
    for (part, linear) in block.qkv.iter().enumerate() {
        let weight = value(linear.weight);
        for (output, input) in [(0, 0), (63, 0), (0, 63), (17, 40)] {
            assert_eq!(fused[input * 192 + part * 64 + output], weight[output * 64 + input]);
        }
    }
    let (shape, up) = &tensors["transformer.h.1.mlp.c_fc.weight"];
    assert_eq!(*shape, [64, 96]);
    assert_eq!(up[5 * 96 + 90], value(block.mlp.mlps()[0].up.weight)[90 * 64 + 5]);
    let bias = &tensors["transformer.h.1.attn.c_attn.bias"].1;
    assert_eq!(bias[64..128], value(block.qkv[1].bias.expect("gpt2 has biases")));
    assert!(!tensors.contains_key("lm_head.weight"), "the tied head stands once");
}

#[test]
fn half_types_widen_exactly_and_names_need_no_prefix() {
    let network = fixture::llama();
    for is_bf16 in [false, true] {
        let folder = tempfile::tempdir().expect("a place");
        fixture::write_directory(folder.path(), &network);
        let path = folder.path().join("model.safetensors");
        let narrow = |four: f32| {
            if is_bf16 {
                bf16::from_f32(four).to_le_bytes()
            } else {
                f16::from_f32(four).to_le_bytes()
            }
        };
        let mut tensors = fixture::tensors_of(&path);
        for (name, dtype, _, bytes) in &mut tensors {
            *name = name.trim_start_matches("model.").to_owned();
            *dtype = if is_bf16 { "BF16" } else { "F16" };
            *bytes = fixture::floats(bytes).into_iter().flat_map(narrow).collect();
        }
        fs::write(&path, fixture::safetensors(&tensors)).expect("written");
        let stored = StoredModel::open(folder.path()).expect("understood");
        for id in network.ids() {
            let wanted = fixture::values(&network, id).into_iter().map(|value| {
                let two = narrow(value);
                if is_bf16 {
                    bf16::from_le_bytes(two).to_f32()
                } else {
                    f16::from_le_bytes(two).to_f32()
                }
            });
            assert_eq!(fixture::read(&stored, id), wanted.collect::<Vec<_>>());
            let storage = if is_bf16 { StorageType::Bf16 } else { StorageType::F16 };
            assert_eq!(stored.storage_type(id), storage);
        }
    }
}

#[test]
fn f8_is_multiplied_with_the_scales_that_stand_beside_it_and_f64_is_rounded() {
    let network = fixture::llama();
    let down = network.blocks[0].mlp.mlps()[0].down;
    let (rows, columns) = (down.outputs, down.inputs);
    let name = "model.layers.0.mlp.down_proj.weight";
    let scale = |row: usize| 0.5 + row as f32 / 7.0;
    let shapes: [(&str, Vec<usize>); 4] = [
        ("_scale_inv", vec![1, 1]),
        ("_scale", vec![rows]),
        ("_scale", vec![rows, 1]),
        ("_scale", vec![rows + 1]),
    ];
    for (suffix, shape) in shapes {
        let folder = tempfile::tempdir().expect("a place");
        fixture::write_directory(folder.path(), &network);
        let path = folder.path().join("model.safetensors");
        let mut tensors = fixture::tensors_of(&path);
        let bytes: Vec<u8> = (0..rows * columns).map(|at| (at * 37 % 120) as u8).collect();
        for (stored, dtype, _, data) in &mut tensors {
            if stored == name {
                (*dtype, *data) = ("F8_E4M3", bytes.clone());
            } else if stored.ends_with("o_proj.weight") {
                *dtype = "F64";
                *data = fixture::floats(data)
                    .into_iter()
                    .flat_map(|value| f64::from(value).to_le_bytes())
                    .collect();
            }
        }
        let scales: Vec<f32> = (0..shape.iter().product()).map(scale).collect();
        tensors.push((format!("{name}{suffix}"), "F32", shape.clone(), fixture::bytes(&scales)));
        fs::write(&path, fixture::safetensors(&tensors)).expect("written");
        let stored = match StoredModel::open(folder.path()) {
            Ok(stored) if shape != [rows + 1] => stored,
            Ok(_) => panic!("too many scales"),
            Err(refusal) => {
                assert!(refusal.to_string().contains("neither one scale, nor one for each row"));
                continue;
            }
        };
        let mut wanted = vec![0.0; rows * columns];
        StorageType::F8E4M3.widen(&bytes, &mut wanted);
        for (row, wanted) in wanted.chunks_exact_mut(columns).enumerate() {
            let row = if scales.len() == 1 { 0 } else { row };
            wanted.iter_mut().for_each(|wanted| *wanted *= scale(row));
        }
        assert_eq!(fixture::read(&stored, down.weight), wanted);
        let mut some = vec![0.0; columns];
        stored.read_rows(down.weight, 1..2, &mut some);
        assert_eq!(some, wanted[columns..2 * columns]);
        for id in network.ids().filter(|id| *id != down.weight) {
            assert_eq!(fixture::read(&stored, id), fixture::values(&network, id));
        }
    }
}

#[test]
fn buffers_of_older_files_are_harmless_and_a_stored_head_is_what_transformers_takes() {
    let network = fixture::gpt2();
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &network);
    let path = folder.path().join("model.safetensors");
    let mut tensors = fixture::tensors_of(&path);
    let table = tensors.iter().find(|tensor| tensor.0.ends_with("wte.weight")).cloned();
    let table = table.expect("a table");
    let head = ("lm_head.weight".to_owned(), "F32", table.2.clone(), table.3.clone());
    tensors.push(head);
    tensors.push((
        "transformer.h.0.attn.bias".to_owned(),
        "U8",
        vec![1, 1, 2, 2],
        vec![1, 0, 1, 1],
    ));
    tensors.push(("h.1.attn.masked_bias".to_owned(), "F32", vec![], vec![0; 4]));
    fs::write(&path, fixture::safetensors(&tensors)).expect("written");
    fixture::assert_same(&StoredModel::open(folder.path()).expect("understood"), &network);

    // One that differs is a head of its own, as transformers 5 takes it.
    let head = tensors.iter_mut().find(|tensor| tensor.0 == "lm_head.weight").expect("a head");
    head.3[9] ^= 1;
    let wanted = fixture::floats(&head.3);
    fs::write(&path, fixture::safetensors(&tensors)).expect("written");
    let stored = StoredModel::open(folder.path()).expect("understood");
    assert!(!stored.config().tied);
    assert_eq!(fixture::read(&stored, stored.network().head.linear.weight), wanted);
    assert_eq!(fixture::read(&stored, stored.network().embed), fixture::floats(&table.3));
    assert!(stored.remarks()[0].starts_with("lm_head.weight differs from the embedding table"));

    // And one without the table is the table.
    tensors.retain(|tensor| !tensor.0.ends_with("wte.weight"));
    fs::write(&path, fixture::safetensors(&tensors)).expect("written");
    let stored = StoredModel::open(folder.path()).expect("understood");
    assert!(stored.config().tied && stored.remarks().is_empty());
    assert_eq!(fixture::read(&stored, stored.network().embed), wanted);
}

#[test]
fn names_in_wrappers_and_tensors_that_no_pass_needs_are_passed_over() {
    let folder = tempfile::tempdir().expect("a place");
    let path = folder.path().join("model.safetensors");
    for network in [fixture::gpt2(), fixture::llama(), fixture::qwen3()] {
        fixture::write_directory(folder.path(), &network);
        let plain = fixture::tensors_of(&path);
        let extra = |name: &str| (name.to_owned(), "F32", vec![2], vec![0; 8]);
        for wrapper in ["_orig_mod.", "module.", "module._orig_mod."] {
            let mut tensors: Vec<_> = plain
                .iter()
                .map(|(name, dtype, shape, bytes)| {
                    (format!("{wrapper}{name}"), *dtype, shape.clone(), bytes.clone())
                })
                .collect();
            tensors.push(extra("v_head.summary.weight"));
            if network.config.family.model_type != "gpt2" {
                tensors.push(extra("model.rotary_emb.inv_freq"));
                tensors.push(extra("model.layers.1.self_attn.rotary_emb.inv_freq"));
            }
            fs::write(&path, fixture::safetensors(&tensors)).expect("written");
            fixture::assert_same(&StoredModel::open(folder.path()).expect("understood"), &network);
        }
        for refused in
            ["lm_head.bias", "model.layers.0.self_attn.q_proj.lora_A.weight", "score.weight"]
        {
            let mut tensors = plain.clone();
            tensors.push(extra(refused));
            fs::write(&path, fixture::safetensors(&tensors)).expect("written");
            let sentence = fixture::refusal(folder.path());
            assert!(
                sentence.contains(&format!("tensor {refused} is not part of the model")),
                "{sentence}"
            );
        }
    }
}

#[test]
fn keys_that_change_nothing_are_passed_over_and_others_refused_by_name() {
    let folder = tempfile::tempdir().expect("a place");
    for network in [fixture::gpt2(), fixture::llama(), fixture::qwen3()] {
        fixture::write_directory(folder.path(), &network);
        let path = folder.path().join("config.json");
        let text = fs::read_to_string(&path).expect("written");
        let with = |key: &str, value: &str| {
            let text = text.replacen('{', &format!("{{\"{key}\": {value},"), 1);
            fs::write(&path, text).expect("written");
            StoredModel::open(folder.path())
        };
        for (key, value) in [
            ("unsloth_version", "\"2025.1\""),
            ("unsloth_fixed", "true"),
            ("auto_map", r#"{"AutoModel": "x.Y"}"#),
            ("_name_or_path", "\"org/name\""),
            ("_attn_implementation_autoset", "true"),
            ("quantization_config", "null"),
            ("output_hidden_states", "true"),
            ("forced_eos_token_id", "2"),
            ("min_length", "0"),
            ("num_beam_groups", "1"),
            ("prefix", "\"\""),
            ("torchscript", "false"),
            ("is_llama_config", "true"),
            ("max_sequence_length", "2048"),
            ("loss_type", "\"ForCausalLM\""),
        ] {
            assert!(with(key, value).is_ok(), "{key}");
        }
        for (key, value) in [
            ("quantization_config", r#"{"bits": 4}"#),
            ("n_shared_experts", "8"),
            ("residual_multiplier", "0.5"),
        ] {
            let refused = with(key, value).err().expect("a refusal").to_string();
            assert!(refused.contains(&format!("{key} = ")), "{refused}");
        }
    }
}

#[test]
fn ends_come_from_the_generation_config_where_it_names_some() {
    let folder = tempfile::tempdir().expect("a place");
    let config = fixture::llama().config.with(|config| config.eos = vec![TokenId(3)]);
    fixture::write_directory(folder.path(), &Network::new(&config.expect("valid")));
    let path = folder.path().join("generation_config.json");
    for (text, ends) in [
        ("{}", vec![TokenId(3)]),
        ("{\"eos_token_id\": null}", vec![TokenId(3)]),
        ("{\"eos_token_id\": 4}", vec![TokenId(4)]),
        ("{\"eos_token_id\": [4, 9, 50256], \"temperature\": 0.6}", vec![TokenId(4), TokenId(9)]),
    ] {
        fs::write(&path, text).expect("written");
        assert_eq!(
            StoredModel::open(folder.path()).expect("understood").config().eos,
            ends,
            "{text}"
        );
    }
}

#[test]
fn chat_templates_are_found_where_transformers_finds_them() {
    let folder = tempfile::tempdir().expect("a place");
    let tokenizer = StoredTokenizer::Directory(folder.path().to_owned());
    let choose = |name: Option<&str>| {
        let templates = tokenizer.chat_templates().expect("readable");
        templates.choose(name).map(str::to_owned).map_err(|refusal| refusal.to_string())
    };
    let write =
        |file: &str, text: &str| fs::write(folder.path().join(file), text).expect("written");
    assert!(choose(None).unwrap_err().starts_with("it has no chat template, so"));
    write("chat_template.json", "{\"chat_template\": \"p\"}");
    assert_eq!(choose(None).as_deref(), Ok("p"));
    write("tokenizer_config.json", "{\"chat_template\": \"a\"}");
    assert_eq!(choose(None).as_deref(), Ok("a"));
    let tools = "{\"name\": \"tools\", \"template\": \"t\"}";
    write("tokenizer_config.json", &format!("{{\"chat_template\": [{tools}]}}"));
    assert_eq!(
        choose(None).unwrap_err(),
        "none of its chat templates is its default; choose one of tools"
    );
    let default = "{\"name\": \"default\", \"template\": \"d\"}";
    write("tokenizer_config.json", &format!("{{\"chat_template\": [{tools}, {default}]}}"));
    assert_eq!(choose(None).as_deref(), Ok("d"));
    assert_eq!(choose(Some("tools")).as_deref(), Ok("t"));
    assert_eq!(
        choose(Some("rag")).unwrap_err(),
        "it has no chat template \"rag\"; it has default, tools"
    );
    write("chat_template.jinja", "j");
    assert_eq!(choose(None).as_deref(), Ok("j"));
    fs::create_dir(folder.path().join("additional_chat_templates")).expect("made");
    write("additional_chat_templates/rag.jinja", "r");
    write("additional_chat_templates/notes.txt", "n");
    assert_eq!(choose(Some("rag")).as_deref(), Ok("r"));
    assert!(choose(Some("tools")).is_err() && choose(Some("notes")).is_err());
    fs::remove_dir_all(folder.path().join("additional_chat_templates")).expect("removed");
    fs::remove_file(folder.path().join("chat_template.jinja")).expect("removed");
    write("tokenizer_config.json", "{\"chat_template\": [{\"name\": \"default\"}]}");
    assert!(tokenizer.chat_templates().unwrap_err().to_string().contains("without a name or"));
}

#[test]
fn a_model_that_its_family_has_no_words_for_is_not_written() {
    let config: Config =
        fixture::llama().config.with(|config| config.window = Some(4)).expect("valid");
    let folder = tempfile::tempdir().expect("a place");
    let inside = folder.path().join("model");
    let refusal = save(&inside, &Network::new(&config), |_, _| {}).expect_err("no words");
    assert!(refusal.to_string().contains("no words for this model"), "{refusal}");
    assert!(!inside.exists(), "nothing is left behind");
}

#[test]
fn a_gpt2_without_biases_is_written_with_zeros_in_their_place() {
    let whole = fixture::gpt2();
    let config = whole.config.clone().with(|config| {
        config.norm_bias = false;
        config.attention_bias = false;
        config.output_bias = false;
        config.mlp_bias = false;
    });
    let plain = Network::new(&config.expect("valid"));
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &plain);
    let stored = StoredModel::open(folder.path()).expect("it was just written");
    assert_eq!(stored.config(), &whole.config);
    let network = stored.network();
    let mut biases = 0;
    for id in network.ids() {
        let spec = network.weight(id);
        let mut values = vec![f32::NAN; spec.len()];
        stored.read(id, &mut values).expect("it is there");
        let is_zero = values.iter().all(|value| value.to_bits() == 0);
        assert_eq!(is_zero, plain.find(&spec.name).is_none(), "{}", spec.name);
        biases += usize::from(is_zero);
    }
    // Two norms, queries, keys, values, output and both of the MLP in each block, and the last norm.
    assert_eq!(biases, 8 * whole.blocks.len() + 1);
}

/// text-generation-inference 1060: OPT 350M was published without the head's `model.` before its names.
#[test]
fn a_file_of_the_model_without_its_head_may_leave_out_the_first_word_of_its_names() {
    let family = FAMILIES.iter().find(|family| family.model_type == "opt").expect("a family");
    let size = Size { key_heads: fixture::SIZE.heads, ..fixture::SIZE };
    let config = family.config(size).and_then(|config| {
        config.with(|config| {
            config.embedding_width = Some(24);
            config.norm_placement = NormPlacement::Stream;
        })
    });
    let network = Network::new(&config.expect("valid"));
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &network);
    let path = folder.path().join("model.safetensors");
    let tensors = fixture::tensors_of(&path);
    assert!(tensors.iter().any(|(name, ..)| name == "model.decoder.project_in.weight"));
    let last = "model.decoder.layers.1.final_layer_norm.weight";
    assert!(tensors.iter().any(|(name, ..)| name == last), "the last block's norm");
    for prefix in ["decoder.", ""] {
        let renamed = tensors.iter().map(|(name, dtype, shape, bytes)| {
            let bare = name.strip_prefix("model.decoder.").expect("its prefix");
            (format!("{prefix}{bare}"), *dtype, shape.clone(), bytes.clone())
        });
        fs::write(&path, fixture::safetensors(&renamed.collect::<Vec<_>>())).expect("written");
        fixture::assert_same(&StoredModel::open(folder.path()).expect("read"), &network);
    }
    // transformers 17389, 17790: a head that is stored although it is the table has the table's width.
    let mut with_head = tensors.clone();
    let (_, dtype, shape, bytes) = tensors
        .iter()
        .find(|(name, ..)| name == "model.decoder.embed_tokens.weight")
        .expect("a table");
    with_head.push(("lm_head.weight".to_owned(), *dtype, shape.clone(), bytes.clone()));
    fs::write(&path, fixture::safetensors(&with_head)).expect("written");
    fixture::assert_same(&StoredModel::open(folder.path()).expect("read"), &network);
}
