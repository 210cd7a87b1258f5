//! `lookback bench`: tokens a second, beside what this machine can do at most.

mod looked;
mod timed;

use clap::Args;
use lookback_engine::{Team, limits};
use lookback_files::{Refusal, Result};
use serde_json::json;

use looked::Looked;
use timed::{Lengths, Timed};

use crate::{
    arguments::{Compute, Form, Machine},
    memory,
    print::Print,
};

const EXAMPLES: &str = "\
A prompt is read (prefill) and further tokens pass one by one (decode), three times. Then this machine's
limits are measured: how fast all threads read more memory than the caches hold, and how many
multiply-adds they do in registers. Medians are told, and what share they are of the limits. Decoding
reads every weight once a token, so memory is its limit; a prompt's tokens share what was read, so
arithmetic is. With --look the prompt also passes whole, all logits wanted, without and with every site
read and kept, and both times are told.

Keys of --json: prefill_tokens_per_second, decode_tokens_per_second, decode_gb_per_second,
read_gb_per_second, gemm_gflops_per_second (in the precision computed in), f32_gflops_per_second,
bf16_gflops_per_second, prefill_gflops_per_second, prefill_share, decode_share, threads, compute,
prompt, decode, batch, peak_memory_mb (before the limits are measured); with --look plain_seconds,
look_seconds, look_bytes.

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
    form: Form,
}

/// What this machine can do at most.
struct Limits {
    read_gb_per_second: f64,
    f32_gflops_per_second: f64,
    bf16_gflops_per_second: f64,
}

impl Limits {
    fn measure(team: &Team) -> Self {
        // Written, so that every page is there.
        let memory = vec![1.0; memory::beyond_caches() / 4];
        Self {
            read_gb_per_second: limits::read_gb_per_second(team, &memory),
            f32_gflops_per_second: limits::f32_gflops_per_second(team),
            bf16_gflops_per_second: limits::bf16_gflops_per_second(team),
        }
    }
}

impl Bench {
    /// Prints the limits, then what was reached.
    pub(crate) fn run(self, print: &mut Print) -> Result<()> {
        let team = self.machine.team()?;
        let model = super::open(&self.model, self.compute, &team, print)?;
        let lengths = self.lengths(model.config().context)?;
        let (network, compute) = (model.network(), model.weights.compute());
        let bytes = Timed::bytes(network, compute, lengths, team.threads());
        memory::refuse_beyond("bench", bytes)?;
        let timed = Timed::measure(&model.weights, lengths, &team)?;
        let looked = self
            .look
            .then(|| Looked::measure(&model.weights, lengths.prompt, &team))
            .transpose()?;
        let peak_memory_mb = memory::peak_mb();
        let limits = Limits::measure(&team);
        let prefill_gflops_per_second =
            timed.prefill_flops(model.network()) / timed.prefill_seconds / 1e9;
        let decode_gb_per_second = timed.decode_bytes(&model.weights) / timed.decode_seconds / 1e9;
        let gemm_gflops_per_second = match self.compute {
            Compute::F32 => limits.f32_gflops_per_second,
            Compute::Bf16 => limits.bf16_gflops_per_second,
        };
        let prefill_share = prefill_gflops_per_second / gemm_gflops_per_second;
        let decode_share = decode_gb_per_second / limits.read_gb_per_second;
        let Lengths { prompt, decode, batch } = lengths;
        if self.form.json {
            let mut said = json!({
                "prefill_tokens_per_second": timed.prefill_tokens_per_second(),
                "decode_tokens_per_second": timed.decode_tokens_per_second(),
                "decode_gb_per_second": decode_gb_per_second,
                "read_gb_per_second": limits.read_gb_per_second,
                "gemm_gflops_per_second": gemm_gflops_per_second,
                "f32_gflops_per_second": limits.f32_gflops_per_second,
                "bf16_gflops_per_second": limits.bf16_gflops_per_second,
                "prefill_gflops_per_second": prefill_gflops_per_second,
                "prefill_share": prefill_share,
                "decode_share": decode_share,
                "threads": team.threads(),
                "compute": self.compute.name(),
                "prompt": prompt,
                "decode": decode,
                "batch": batch,
                "peak_memory_mb": peak_memory_mb,
            });
            if let Some(looked) = looked {
                said["plain_seconds"] = looked.plain_seconds.into();
                said["look_seconds"] = looked.look_seconds.into();
                said["look_bytes"] = looked.bytes.into();
            }
            return print.json(&said);
        }
        print.line(&format!(
            "limits   {:.1} GB/s read, {:.0} GFLOP/s in f32, {:.0} in bf16, {} threads",
            limits.read_gb_per_second,
            limits.f32_gflops_per_second,
            limits.bf16_gflops_per_second,
            team.threads()
        ))?;
        print.line(&format!(
            "prefill  {:.1} tokens/s, {prefill_gflops_per_second:.0} GFLOP/s ({:.0} %), {batch} × \
             {prompt} tokens",
            timed.prefill_tokens_per_second(),
            100.0 * prefill_share,
        ))?;
        print.line(&format!(
            "decode   {:.1} tokens/s, {decode_gb_per_second:.1} GB/s ({:.0} %), {batch} × {decode} \
             tokens",
            timed.decode_tokens_per_second(),
            100.0 * decode_share,
        ))?;
        match looked {
            None => Ok(()),
            Some(looked) => print.line(&format!(
                "look     {:.3} s with every site of {prompt} tokens read, {} MB; {:.3} s without",
                looked.look_seconds,
                looked.bytes >> 20,
                looked.plain_seconds,
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
                "--prompt {prompt} and --decode {decode}: this model's context is {context} tokens; \
                 ask for fewer"
            )));
        }
        Ok(Lengths { prompt, decode, batch: usize::from(self.batch) })
    }
}
