//! Small random models, and the files of them that other programs would write.

#![allow(dead_code, reason = "each test file uses its part of the fixture")]

use std::{fs, path::Path};

use lookback_model::{
    Config, FAMILIES, Network, NormKind, Positions, Size, StorageType, StoredModel, WeightId, save,
};

/// Three layers would show no more than two.
pub const SIZE: Size =
    Size { vocabulary: 37, width: 64, layers: 2, heads: 4, key_heads: 2, hidden: 96, context: 32 };

/// A small GPT-2.
pub fn gpt2() -> Network {
    Network::new(&Config::gpt2(Size { key_heads: SIZE.heads, ..SIZE }).expect("valid"))
}

/// A small Llama with an untied head and grouped heads.
pub fn llama() -> Network {
    Network::new(&Config::llama(SIZE).expect("valid"))
}

/// A small Qwen3: a llama with norms of its heads.
pub fn qwen3() -> Network {
    Network::new(&Config::qwen3(SIZE).expect("valid"))
}

/// One small network of each family whose files can say one of this size, with grouped heads where they can
/// say that, too.
pub fn families() -> Vec<Network> {
    let of_size = |family: &'static lookback_model::Family, size| {
        family.config(size).ok().filter(|config| config.to_hugging_face().is_ok())
    };
    let plain = Size { key_heads: SIZE.heads, ..SIZE };
    let config = |family| of_size(family, SIZE).or_else(|| of_size(family, plain));
    FAMILIES.iter().filter_map(|family| Some(Network::new(&config(family)?))).collect()
}

/// A llama of one block whose matrices are stored in a type of ggml, by its number.
pub fn quantised_gguf(kind: u32) -> Vec<u8> {
    let mut gguf = one_block_keys();
    one_block_tensors(&mut gguf, kind);
    gguf.finish()
}

/// What its file says beside its tensors.
pub fn one_block_keys() -> Gguf {
    let size = Size {
        vocabulary: 3,
        width: 32,
        layers: 1,
        heads: 2,
        key_heads: 1,
        hidden: 32,
        context: 4,
    };
    let mut gguf = gguf_keys(&Network::new(&Config::llama(size).expect("valid")));
    gguf.text("tokenizer.ggml.pre", "llama-bpe").number("general.alignment", 32);
    gguf
}

/// Its tensors.
pub fn one_block_tensors(gguf: &mut Gguf, kind: u32) {
    let mut add = |name: &str, shape: &[usize], kind: u32| {
        let elements: usize = shape.iter().product();
        let length = match kind {
            0 => 4 * elements,
            8 => elements / 32 * 34,
            2 => elements / 32 * 18,
            3 => elements / 32 * 20,
            _ => 2 * elements,
        };
        // Arbitrary bytes, but small exponents.
        let bytes: Vec<u8> = (0..length).map(|at| (at * 37 % 251) as u8 & 0x3b).collect();
        gguf.tensor(name, kind, shape, &bytes);
    };
    add("token_embd.weight", &[3, 32], kind);
    add("output_norm.weight", &[32], 0);
    for (name, rows) in [("attn_q", 32), ("attn_k", 16), ("attn_v", 16), ("attn_output", 32)] {
        add(&format!("blk.0.{name}.weight"), &[rows, 32], kind);
    }
    for name in ["ffn_gate", "ffn_up", "ffn_down"] {
        add(&format!("blk.0.{name}.weight"), &[32, 32], kind);
    }
    add("blk.0.attn_norm.weight", &[32], 0);
    add("blk.0.ffn_norm.weight", &[32], 0);
}

/// A weight's values: random ones between -2 and 2, others for every weight.
pub fn values(network: &Network, id: WeightId) -> Vec<f32> {
    let mut state = u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    let next = |state: &mut u64| {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 40) as i32 as f32
    };
    (0..network.weight(id).len()).map(|_| next(&mut state) / 4_194_304.0 - 2.0).collect()
}

/// Writes a network's random values as a directory.
pub fn write_directory(folder: &Path, network: &Network) {
    save(folder, network, |id, out| out.copy_from_slice(&values(network, id))).expect("written");
}

/// A weight's values.
pub fn read(stored: &StoredModel, id: WeightId) -> Vec<f32> {
    let mut out = vec![f32::NAN; stored.network().weight(id).len()];
    stored.read(id, &mut out).expect("it was checked on opening");
    out
}

/// Asserts that a stored model has exactly the fixture's values.
pub fn assert_same(stored: &StoredModel, network: &Network) {
    assert_eq!(stored.network(), network);
    for id in network.ids() {
        let (read, meant) = (read(stored, id), values(network, id));
        let is_same = read.iter().zip(&meant).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(is_same, "{}", network.weight(id).name);
        // Where a row can be had as it is stored, it is the row.
        let [outputs, inner] = network.weight(id).shape;
        for output in 0..outputs {
            let Some(row) = stored.row(id, output) else { continue };
            if stored.storage_type(id) == StorageType::F32 {
                let meant = &meant[output * inner..][..inner];
                assert_eq!(row, bytes(meant), "{}, row {output}", network.weight(id).name);
            }
        }
    }
}

/// Why a model was refused.
pub fn refusal(path: &Path) -> String {
    let refusal = StoredModel::open(path).err().expect("a refusal");
    assert_eq!(refusal.blame(), lookback_files::Blame::User, "{refusal}");
    let sentence = refusal.to_string();
    assert!(!sentence.ends_with('.') && !sentence.contains('\n'), "{sentence}");
    sentence
}

/// One tensor of a safetensors file that a test makes: name, type, shape, bytes.
pub type Raw = (String, &'static str, Vec<usize>, Vec<u8>);

/// A safetensors file of these tensors side by side.
pub fn safetensors(tensors: &[Raw]) -> Vec<u8> {
    let (mut header, mut data) = (String::from("{"), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let comma = if header.len() > 1 { "," } else { "" };
        let (start, end) = (data.len(), data.len() + bytes.len());
        header += &format!(
            "{comma}\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\
             \"data_offsets\":[{start},{end}]}}"
        );
        data.extend_from_slice(bytes);
    }
    header.push('}');
    with_header(&header, &data)
}

/// A safetensors file with any header.
pub fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(data);
    file
}

/// The tensors of a safetensors file, read by the format's own crate.
pub fn tensors_of(path: &Path) -> Vec<Raw> {
    let bytes = fs::read(path).expect("a file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let tensors = file.iter().map(|(name, tensor)| {
        (name.to_owned(), "F32", tensor.shape().to_vec(), tensor.data().to_vec())
    });
    tensors.collect()
}

/// The floats of little-endian bytes.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

/// The little-endian bytes of floats.
pub fn bytes(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|float| float.to_le_bytes()).collect()
}

/// Writes GGUF files, also wrong ones.
pub struct Gguf {
    pub version: u32,
    pub keys: Vec<u8>,
    pub key_count: u64,
    pub infos: Vec<u8>,
    pub info_count: u64,
    pub data: Vec<u8>,
}

impl Gguf {
    /// A file without keys and tensors.
    pub fn new() -> Self {
        Self { version: 3, keys: vec![], key_count: 0, infos: vec![], info_count: 0, data: vec![] }
    }

    /// A key of any type with its bytes.
    pub fn key(&mut self, name: &str, kind: u32, value: &[u8]) -> &mut Self {
        self.keys.extend(text(name));
        self.keys.extend(kind.to_le_bytes());
        self.keys.extend_from_slice(value);
        self.key_count += 1;
        self
    }

    pub fn number(&mut self, name: &str, value: usize) -> &mut Self {
        self.key(name, 4, &(value as u32).to_le_bytes())
    }

    pub fn real(&mut self, name: &str, value: f32) -> &mut Self {
        self.key(name, 6, &value.to_le_bytes())
    }

    pub fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.key(name, 7, &[value.into()])
    }

    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.key(name, 8, &text(value))
    }

    pub fn texts(&mut self, name: &str, values: &[String]) -> &mut Self {
        let mut list = 8u32.to_le_bytes().to_vec();
        list.extend((values.len() as u64).to_le_bytes());
        list.extend(values.iter().flat_map(|value| text(value)));
        self.key(name, 9, &list)
    }

    /// A tensor, its sizes outermost first.
    pub fn tensor(&mut self, name: &str, kind: u32, shape: &[usize], bytes: &[u8]) -> &mut Self {
        self.data.resize(self.data.len().next_multiple_of(32), 0);
        let offset = self.data.len() as u64;
        self.info(name, kind, shape, offset);
        self.data.extend_from_slice(bytes);
        self
    }

    /// A tensor's entry alone.
    pub fn info(&mut self, name: &str, kind: u32, shape: &[usize], offset: u64) -> &mut Self {
        self.infos.extend(text(name));
        self.infos.extend((shape.len() as u32).to_le_bytes());
        for size in shape.iter().rev() {
            self.infos.extend((*size as u64).to_le_bytes());
        }
        self.infos.extend(kind.to_le_bytes());
        self.infos.extend(offset.to_le_bytes());
        self.info_count += 1;
        self
    }

    /// The file.
    pub fn finish(&self) -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(self.version.to_le_bytes());
        file.extend(self.info_count.to_le_bytes());
        file.extend(self.key_count.to_le_bytes());
        file.extend_from_slice(&self.keys);
        file.extend_from_slice(&self.infos);
        file.resize(file.len().next_multiple_of(32), 0);
        file.extend_from_slice(&self.data);
        file
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// The metadata of a small model.
pub fn gguf_keys(network: &Network) -> Gguf {
    let config = &network.config;
    let tokens: Vec<String> = (0..config.vocabulary).map(|id| format!("t{id}")).collect();
    let mut gguf = Gguf::new();
    gguf_shape(&mut gguf, config);
    gguf.text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", &tokens)
        .number("tokenizer.ggml.bos_token_id", 1)
        .number("tokenizer.ggml.eos_token_id", 2);
    gguf
}

/// The part of it that says nothing of a tokenizer.
pub fn gguf_shape(gguf: &mut Gguf, config: &Config) {
    let family = config.family.gguf;
    let key = |part: &str| format!("{family}.{part}");
    gguf.text("general.architecture", family)
        .number(&key("block_count"), config.layers)
        .number(&key("context_length"), config.context)
        .number(&key("embedding_length"), config.width)
        .number(&key("feed_forward_length"), config.hidden)
        .number(&key("attention.head_count"), config.heads);
    if let Positions::Rotary(rotary) = &config.positions {
        gguf.number(&key("attention.head_count_kv"), config.key_heads)
            .number(&key("rope.dimension_count"), rotary.rotary_dim)
            .real(&key("rope.freq_base"), rotary.theta);
    }
    match config.norm {
        NormKind::Layer => gguf.real(&key("attention.layer_norm_epsilon"), config.epsilon),
        NormKind::Rms => gguf.real(&key("attention.layer_norm_rms_epsilon"), config.epsilon),
    };
}

/// The rows of queries or keys as llama.cpp's converter orders them: within each head, the halves
/// are interleaved.
pub fn interleave(rows: &[f32], inner: usize, head_dim: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.len());
    for head in rows.chunks(inner * head_dim) {
        for i in 0..head_dim / 2 {
            for half in [0, head_dim / 2] {
                out.extend_from_slice(&head[(half + i) * inner..][..inner]);
            }
        }
    }
    out
}
