//! candle running a Llama: the speed of a prompt and of single tokens after it, and what it says is likeliest.
//!
//! ```text
//! lookback-candle MODEL --prompt P --decode D [--rounds R] [--ids 1,2,3]
//! ```
//!
//! MODEL is a Hugging Face directory, computed in f32 whatever its weights are stored in, or a GGUF file,
//! whose blocks candle multiplies as they are. The ids are those that `lookback bench` passes, or given:
//! the first P are read at once, D more one by one, R times after one round that warms up. The last line is
//! one JSON object. RAYON_NUM_THREADS and CANDLE_NUM_THREADS say how many threads; benches/candle.py sets them.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    error::Error,
    fs::{self, File},
    path::{Path, PathBuf},
    time::Instant,
};

use candle_core::{DType, Device, Tensor, quantized::gguf_file, safetensors};
use candle_nn::VarBuilder;
use candle_transformers::models::{
    llama::{Cache, Llama, LlamaConfig},
    quantized_llama::ModelWeights,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A model and what it remembers of the ids so far.
enum Model {
    /// `empty` is what every round begins with: its angles are computed once.
    Directory { llama: Box<Llama>, empty: Cache, cache: Cache },
    /// Its cache is its own, and begins anew at position 0.
    File(Box<ModelWeights>),
}

impl Model {
    fn load(path: &Path) -> Result<(Self, Described)> {
        if path.is_dir() { Self::directory(path) } else { Self::file(path) }
    }

    fn directory(path: &Path) -> Result<(Self, Described)> {
        let config: LlamaConfig = serde_json::from_slice(&fs::read(path.join("config.json"))?)?;
        let config = config.into_config(false);
        let mut files: Vec<PathBuf> =
            fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        files.retain(|file| file.extension().is_some_and(|end| end == "safetensors"));
        let mut tensors = HashMap::new();
        for file in files {
            tensors.extend(safetensors::load(file, &Device::Cpu)?);
        }
        let kinds =
            tensors.values().map(|one| (one.dtype().as_str().to_uppercase(), one.elem_count()));
        let described = Described {
            vocabulary: config.vocab_size,
            context: config.max_position_embeddings,
            stored: most(kinds),
        };
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let llama = Box::new(Llama::load(weights, &config)?);
        let empty = Cache::new(true, DType::F32, &config, &Device::Cpu)?;
        Ok((Self::Directory { llama, cache: empty.clone(), empty }, described))
    }

    fn file(path: &Path) -> Result<(Self, Described)> {
        let mut file = File::open(path)?;
        let content = gguf_file::Content::read(&mut file)?;
        let table = content.tensor_infos.get("token_embd.weight").ok_or("no token_embd.weight")?;
        let kinds = content.tensor_infos.values();
        let kinds = kinds.map(|one| (format!("{:?}", one.ggml_dtype), one.shape.elem_count()));
        let context = content.metadata.get("llama.context_length").ok_or("no context_length")?;
        let described = Described {
            vocabulary: table.shape.dims()[0],
            context: context.to_u32()? as usize,
            stored: most(kinds),
        };
        let weights = ModelWeights::from_gguf(content, &mut file, &Device::Cpu)?;
        Ok((Self::File(Box::new(weights)), described))
    }

    fn forget(&mut self) {
        match self {
            Self::Directory { empty, cache, .. } => *cache = empty.clone(),
            Self::File(weights) => weights.clear_kv_cache(),
        }
    }

    /// The logits of the last of these ids: `[1, vocabulary]`.
    fn pass(&mut self, ids: &[u32], position: usize) -> Result<Tensor> {
        let ids = Tensor::new(ids, &Device::Cpu)?.unsqueeze(0)?;
        Ok(match self {
            Self::Directory { llama, cache, .. } => llama.forward(&ids, position, cache)?,
            Self::File(weights) => weights.forward(&ids, position)?,
        })
    }
}

/// What a model's files say.
struct Described {
    vocabulary: usize,
    context: usize,
    /// The type of most weights.
    stored: String,
}

/// The name with the largest sum.
fn most(counts: impl Iterator<Item = (String, usize)>) -> String {
    let mut sums = BTreeMap::new();
    counts.for_each(|(name, count)| *sums.entry(name).or_insert(0) += count);
    sums.into_iter().max_by_key(|(_, sum)| *sum).map(|(name, _)| name).unwrap_or_default()
}

/// What is asked for.
struct Arguments {
    model: PathBuf,
    prompt: usize,
    decode: usize,
    rounds: usize,
    ids: Option<Vec<u32>>,
}

impl Arguments {
    fn parse() -> Result<Self> {
        let mut words = env::args().skip(1);
        let model = words.next().ok_or("MODEL --prompt P --decode D [--rounds R] [--ids 1,2,3]")?;
        let (prompt, decode, rounds) = (512, 128, 3);
        let mut found = Self { model: model.into(), prompt, decode, rounds, ids: None };
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--prompt" => found.prompt = value.parse()?,
                "--decode" => found.decode = value.parse()?,
                "--rounds" => found.rounds = value.parse()?,
                "--ids" => {
                    let ids: std::result::Result<_, _> = value.split(',').map(str::parse).collect();
                    found.ids = Some(ids?);
                }
                _ => return Err(format!("there is no {word}").into()),
            }
        }
        Ok(found)
    }
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn main() -> Result<()> {
    let Arguments { model, prompt, decode, rounds, ids } = Arguments::parse()?;
    let (mut model, described) = Model::load(&model)?;
    let of_bench = |position: usize| (position * 7919 % described.vocabulary) as u32;
    let ids = ids.unwrap_or_else(|| (0..prompt + decode).map(of_bench).collect());
    if ids.len() != prompt + decode || prompt == 0 || rounds == 0 {
        return Err(format!("{} ids are not {prompt} + {decode}", ids.len()).into());
    }

    let (mut prefill, mut decoding, mut logits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..=rounds {
        model.forget();
        logits.clear();
        let start = Instant::now();
        logits.push(model.pass(&ids[..prompt], 0)?);
        prefill.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for position in prompt..ids.len() {
            logits.push(model.pass(&ids[position..=position], position)?);
        }
        decoding.push(start.elapsed().as_secs_f64());
    }
    // After the clock: of the prompt, and of every id after it.
    let likeliest = logits
        .iter()
        .map(|row| Ok(row.squeeze(0)?.argmax(0)?.to_scalar::<u32>()?))
        .collect::<Result<Vec<_>>>()?;
    let said = serde_json::json!({
        "prefill_tokens_per_second": prompt as f64 / median(prefill.split_off(1)),
        "decode_tokens_per_second": decode as f64 / median(decoding.split_off(1)),
        "likeliest": likeliest,
        "vocabulary": described.vocabulary,
        "context": described.context,
        "stored": described.stored,
        "prompt": prompt,
        "decode": decode,
        "threads": candle_core::utils::get_num_threads(),
    });
    println!("{said}");
    Ok(())
}
