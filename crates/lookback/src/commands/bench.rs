//! `lookback bench`: tokens a second, beside what this machine can do at most.

mod capture_times;
mod limits;
mod throughput;

use clap::Args;
use lookback_files::{Refusal, Result, counted};
use serde_json::json;

use capture_times::CaptureTimes;
use limits::{CACHES, Limits, MEMORY};
use throughput::{Lengths, Throughput};

use crate::{
    memory,
    options::{Compute, Machine, OutputFormat},
    print::Print,
};

const EXAMPLES: &str = "\
A prompt is read (prefill) and further tokens pass one by one (decode), three times; medians are told. \
Before, between and after, this machine's limits are measured, and the best of them count: how fast all \
threads read as many bytes as a step of decoding does, and how many multiply-adds they do in registers. \
Decoding reads every weight once a token, so reading is its limit: from the caches where they hold the \
model, else from memory. A prompt's tokens share what was read, so arithmetic is theirs. With --look the \
prompt also passes whole, all logits wanted, without and with every site read and kept, and both times \
are told.

Keys of --json: prefill_tokens_per_second, decode_tokens_per_second, decode_gb_per_second, \
read_gb_per_second, read_bytes (of a step of decoding), read_from (caches, caches and memory, or memory), \
gemm_gflops_per_second (in the precision computed in), f32_gflops_per_second, bf16_gflops_per_second, \
prefill_gflops_per_second, prefill_share, decode_share, threads, compute, prompt, decode, batch, \
peak_memory_mb (without what the limits are measured with); with --look plain_seconds, look_seconds, \
look_bytes.

Examples:
  lookback bench runs/mine
  lookback bench model.gguf --prompt 512 --decode 128 --batch 8 --json
  lookback bench model.gguf --prompt 128 --look";

/// Measures tokens per second against this machine's own limits
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bench {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// Tokens of the prompt [default: 512, or what the model's context leaves].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    prompt: Option<u32>,
    /// Tokens that pass one by one [default: 128, or what the model's context leaves].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    decode: Option<u32>,
    /// Sequences that are decoded side by side.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    /// Times a pass whose every site is read, too.
    #[arg(long)]
    look: bool,
    /// The precision of matrix products.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    compute: Compute,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output_format: OutputFormat,
}

impl Bench {
    /// Prints the limits, then what was reached.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let model = super::open_model(&self.model, self.compute, self.machine, print)?;
        let pool = model.pool.clone();
        let lengths = self.lengths(model.config().context)?;
        let (network, compute) = (model.network(), model.weights.compute());
        let bytes = Throughput::bytes(network, compute, lengths, pool.threads());
        memory::check_free("bench", bytes)?;
        let bytes_a_step = Throughput::bytes_a_step(&model.weights, lengths);
        let mut limits = Limits::new(bytes_a_step as usize, &pool);
        let throughput =
            Throughput::measure(&model.weights, lengths, &pool, &mut || limits.measure())?;
        let capture_times = self
            .look
            .then(|| CaptureTimes::measure(&model.weights, lengths.prompt, &pool))
            .transpose()?;
        limits.measure();
        let decode_gb_per_second =
            bytes_a_step * f64::from(lengths.decode as u32) / throughput.decode_seconds / 1e9;
        let prefill_gflops_per_second =
            throughput.prefill_flops(model.network()) / throughput.prefill_seconds / 1e9;
        limits.raise_to(decode_gb_per_second, prefill_gflops_per_second, self.compute);
        let gemm_gflops_per_second = limits.gflops_per_second(self.compute);
        let prefill_share = prefill_gflops_per_second / gemm_gflops_per_second;
        let decode_share = decode_gb_per_second / limits.read_gb_per_second;
        let Lengths { prompt, decode, batch } = lengths;
        if self.output_format.json {
            let mut object = json!({
                "prefill_tokens_per_second": throughput.prefill_tokens_per_second(),
                "decode_tokens_per_second": throughput.decode_tokens_per_second(),
                "decode_gb_per_second": decode_gb_per_second,
                "read_gb_per_second": limits.read_gb_per_second,
                "read_bytes": bytes_a_step,
                "read_from": limits.source(),
                "gemm_gflops_per_second": gemm_gflops_per_second,
                "f32_gflops_per_second": limits.f32_gflops_per_second,
                "bf16_gflops_per_second": limits.bf16_gflops_per_second,
                "prefill_gflops_per_second": prefill_gflops_per_second,
                "prefill_share": prefill_share,
                "decode_share": decode_share,
                "threads": pool.threads(),
                "compute": self.compute.name(),
                "prompt": prompt,
                "decode": decode,
                "batch": batch,
                "peak_memory_mb": limits.peak_memory_mb,
            });
            if let Some(capture_times) = capture_times {
                object["plain_seconds"] = capture_times.plain_seconds.into();
                object["look_seconds"] = capture_times.look_seconds.into();
                object["look_bytes"] = capture_times.bytes.into();
            }
            return print.json(&object);
        }
        print.line(&format!(
            "limits   {:.1} GB/s read from {}, {:.0} GFLOP/s in f32, {:.0} in bf16, {}",
            limits.read_gb_per_second,
            limits.source(),
            limits.f32_gflops_per_second,
            limits.bf16_gflops_per_second,
            counted(pool.threads(), "thread"),
        ))?;
        print.line(&format!(
            "prefill  {:.1} tokens/s, {prefill_gflops_per_second:.0} GFLOP/s ({:.0} %), {batch} × {}",
            throughput.prefill_tokens_per_second(),
            100.0 * prefill_share,
            counted(prompt, "token"),
        ))?;
        print.line(&format!(
            "decode   {:.1} tokens/s, {decode_gb_per_second:.1} GB/s ({:.0} %), {batch} × {}",
            throughput.decode_tokens_per_second(),
            100.0 * decode_share,
            counted(decode, "token"),
        ))?;
        if limits.source() != MEMORY {
            print.line(&format!(
                "caches   {:.1} MB hold {} of the {:.1} MB that a step of decoding reads, so its limit \
                 is theirs",
                limits.cache_bytes as f64 / 1e6,
                if limits.source() == CACHES { "all" } else { "much" },
                bytes_a_step / 1e6,
            ))?;
        }
        match capture_times {
            None => Ok(()),
            Some(capture_times) => print.line(&format!(
                "look     {:.3} s with every site of {} read, {} MB; {:.3} s without",
                capture_times.look_seconds,
                counted(prompt, "token"),
                capture_times.bytes >> 20,
                capture_times.plain_seconds,
            )),
        }
    }

    /// What was asked for, within the model's context.
    fn lengths(&self, context: usize) -> Result<Lengths> {
        let asked = |tokens: Option<u32>| tokens.map(|tokens| tokens as usize);
        let (prompt, decode) = match (asked(self.prompt), asked(self.decode)) {
            (Some(prompt), decode) => {
                (prompt, decode.unwrap_or(context.saturating_sub(prompt).clamp(1, 128)))
            }
            (None, Some(decode)) => (context.saturating_sub(decode).clamp(1, 512), decode),
            (None, None) => {
                let prompt = (context * 4 / 5).clamp(1, 512);
                (prompt, context.saturating_sub(prompt).clamp(1, 128))
            }
        };
        if prompt + decode > context {
            return Err(Refusal::user(format!(
                "--prompt {prompt} and --decode {decode}: this model's context is {}; ask for fewer",
                counted(context, "token")
            )));
        }
        Ok(Lengths { prompt, decode, batch: usize::from(self.batch) })
    }
}
