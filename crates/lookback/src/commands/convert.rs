//! `lookback convert`: a model as a GGUF file, or as a Hugging Face directory.

use std::{path::PathBuf, time::Instant};

use clap::{Args, builder::PossibleValuesParser};
use indicatif::HumanBytes;
use lookback::{convert, find};
use lookback_files::{Result, counted};
use lookback_model::GgufType;
use serde_json::{Map, json};

use super::progress_bar::ProgressOfTensors;
use crate::{
    options::{Machine, OutputFormat},
    print::Print,
};

const EXAMPLES: &str = "\
OUT is a GGUF file if its name ends in .gguf, for llama.cpp and what is built on it; else a directory that \
transformers loads. Tokenizer, special tokens and chat templates go along.

Types of a GGUF file: f32, f16, bf16, q8_0, and the smaller the more is lost: q6_k, q5_1, q5_0, q4_1, q4_0; or one \
of llama.cpp's mixtures: q5_k_m, q4_k_m, q4_k_s, which give the tensors that matter more bits. Norms, biases, routers \
and learned positions stay f32. Rows that are not whole blocks have a type of shorter blocks, which -v says. Types \
of a directory: f32, f16, bf16.

Keys of --json: type, tensors, bytes, seconds, types (tensors by the type in which they are stored).

Examples:
  lookback convert default default.gguf
  lookback convert runs/mine mine-q4.gguf --type q4_k_m
  lookback convert model.gguf model --type bf16";

/// Writes a model as a GGUF file or as a Hugging Face directory
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Convert {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// The file or the directory to write; it must not be there yet.
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// How weights are stored [default: as in MODEL where that is f32, f16 or bf16, else f32].
    #[arg(
        short,
        long = "type",
        value_name = "TYPE",
        ignore_case = true,
        hide_possible_values = true
    )]
    #[arg(value_parser = PossibleValuesParser::new(GgufType::ALL.iter().map(|known| known.name)))]
    file_type: Option<String>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
}

impl Convert {
    /// Writes it, and prints what was written.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let model = find(&self.model)?;
        let file_type = self.file_type.as_deref().and_then(GgufType::from_name);
        let pool = self.machine.pool()?;
        let began = Instant::now();
        let progress = ProgressOfTensors::new(print)?;
        let done =
            convert(&model, &self.out, file_type, &pool, &mut |tensor| progress.show(&tensor))?;
        drop(progress);
        let seconds = began.elapsed().as_secs_f64();
        done.remarks.iter().for_each(|remark| print.warn(remark));
        if self.output_format.json {
            let types = done.types.iter().map(|(storage, n)| (storage.name().to_owned(), json!(n)));
            return print.json(&json!({
                "type": done.file_type,
                "tensors": done.tensors,
                "bytes": done.bytes,
                "seconds": seconds,
                "types": types.collect::<Map<_, _>>(),
            }));
        }
        let types = done.types.iter().map(|(storage, n)| format!("{n} in {}", storage.name()));
        print.line(&format!(
            "{}: {}, {} ({}), written in {seconds:.1} s",
            self.out.display(),
            counted(done.tensors, "tensor"),
            HumanBytes(done.bytes as u64),
            types.collect::<Vec<_>>().join(", ")
        ))
    }
}
