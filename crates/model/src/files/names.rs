//! What files call the weights, and how they lay them out: the form of a table. Each family has its tables in
//! its file; `places` walks over a network with one.

use super::tensors::Tensors;

/// The names of one kind of file. A weight's name is its stem and `.weight` or `.bias`.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    pub(crate) embed: &'static str,
    /// From the embedding into the residual stream, and out of it, where the embedding has another width.
    pub(crate) projections: [&'static str; 2],
    pub(crate) positions: &'static str,
    /// Rows of the table of positions before that of position 0.
    pub(crate) rows_before_positions: usize,
    pub(crate) ln_embed: &'static str,
    /// Stands before a block's number; a dot follows it.
    pub(crate) block: &'static str,
    pub(crate) ln1: &'static str,
    /// Before attention and before the MLP, where the two stand side by side and each has its own.
    pub(crate) parallel_norms: Option<[&'static str; 2]>,
    /// Three equal names are one tensor, in the order of `fused_qkv`.
    pub(crate) qkv: [&'static str; 3],
    /// How one tensor holds queries, keys and values.
    pub(crate) fused_qkv: FusedQkv,
    /// Of queries and keys.
    pub(crate) query_key_norms: [&'static str; 2],
    /// What stands between their names and a head's number, where heads have weights of their own and each in a
    /// tensor of its own; empty if those of all heads are one tensor, `[heads, head_dim]`.
    pub(crate) head_norms: &'static str,
    pub(crate) output: &'static str,
    /// Of attention sinks: the whole name within a block.
    pub(crate) sinks: &'static str,
    pub(crate) ln1_post: &'static str,
    pub(crate) ln2: &'static str,
    /// Into the activation of a gated MLP. With the name of `up`, the two are one tensor, this one first.
    pub(crate) gate: &'static str,
    /// A gated MLP's other branch; of others, the one into the activation.
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
    pub(crate) ln2_post: &'static str,
    pub(crate) experts: ExpertNames,
    pub(crate) ln_final: &'static str,
    pub(crate) head: &'static str,
    /// How a block's matrices lie.
    pub(crate) matrices: Layout,
    /// How those of queries and keys lie.
    pub(crate) rotated: Layout,
    /// Whether norm weights are stored less 1 (Gemma).
    pub(crate) norms_less_one: bool,
    /// What the names of all but the head may begin with.
    pub(crate) prefix: &'static str,
    /// What blocks of some files hold besides, and no forward pass needs.
    pub(crate) ignored: &'static [&'static str],
    /// The same of what stands outside of blocks, by how its names begin.
    pub(crate) ignored_outside: &'static [&'static str],
}

/// How files hold the matrices of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpertLayout {
    /// Each in a tensor of its own.
    Apart,
    /// Those of all experts in one, `[experts, outputs, inner]`.
    Stacked,
    /// Those of all experts in one, `[experts, outputs, inner]`, where the outputs of one branch follow those of
    /// the other; their names have no `.weight` (transformers 5, as it computes).
    StackedRows,
    /// Those of all experts in one, `[experts, inner, outputs]`, where outputs of two branches alternate; their
    /// names have no `.weight` (gpt-oss).
    StackedColumns,
}

/// What files call the parts of a mixture of experts.
#[derive(Clone, Copy)]
pub(crate) struct ExpertNames {
    pub(crate) router: &'static str,
    pub(crate) layout: ExpertLayout,
    /// Stands before an expert's number where each has tensors of its own.
    pub(crate) experts: &'static str,
    pub(crate) gate: &'static str,
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
}

impl ExpertNames {
    /// Of families without experts.
    pub(crate) const NONE: Self =
        Self { router: "", layout: ExpertLayout::Apart, experts: "", gate: "", up: "", down: "" };
}

/// What transformers 5 calls experts while it computes. It saves them apart, and reads both; programs that save a
/// state as it is write this form.
const FUSED_EXPERTS: ExpertNames = ExpertNames {
    router: "mlp.gate",
    layout: ExpertLayout::StackedRows,
    experts: "",
    gate: "mlp.experts.gate_up_proj",
    up: "mlp.experts.gate_up_proj",
    down: "mlp.experts.down_proj",
};

/// What wrappers of PyTorch put before every name: `torch.compile`, and training on several devices.
const WRAPPERS: &[&str] = &["_orig_mod.", "module."];
/// Heads that estimate values, which reinforcement learning leaves in a file.
pub(crate) const VALUE_HEADS: &[&str] = &["v_head.", "value_head."];

/// How a file lays out a matrix whose canonical form is `[outputs, inner]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `[outputs, inner]`
    Rows,
    /// `[inner, outputs]`, GPT-2's `Conv1D`.
    Columns,
    /// `[outputs, inner]`, but dimension i of the first half of a head's rotated dimensions is followed by
    /// dimension i of the second, for models and programs that rotate neighbours (GPT-J, llama.cpp).
    Pairs,
}

/// How one tensor holds queries, keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FusedQkv {
    /// All queries, then all keys, then all values.
    Parts,
    /// For each key head its query heads, its key and its value.
    KeyHeads,
}

/// llama.cpp's names, which are the same for every architecture as far as one has the weights.
pub(crate) const GGUF_NAMES: Names = Names {
    embed: "token_embd",
    projections: [""; 2],
    positions: "",
    rows_before_positions: 0,
    ln_embed: "token_embd_norm",
    block: "blk",
    ln1: "attn_norm",
    parallel_norms: None,
    qkv: ["attn_q", "attn_k", "attn_v"],
    fused_qkv: FusedQkv::Parts,
    query_key_norms: ["attn_q_norm", "attn_k_norm"],
    head_norms: "",
    output: "attn_output",
    sinks: "attn_sinks.weight",
    ln1_post: "post_attention_norm",
    ln2: "ffn_norm",
    gate: "ffn_gate",
    up: "ffn_up",
    down: "ffn_down",
    ln2_post: "post_ffw_norm",
    experts: ExpertNames {
        router: "ffn_gate_inp",
        layout: ExpertLayout::Stacked,
        experts: "",
        gate: "ffn_gate_exps",
        up: "ffn_up_exps",
        down: "ffn_down_exps",
    },
    ln_final: "output_norm",
    head: "output",
    matrices: Layout::Rows,
    rotated: Layout::Rows,
    norms_less_one: false,
    prefix: "",
    ignored: &[],
    // Factors of rotary frequencies, which are a part of the configuration.
    ignored_outside: &[
        "rope_freqs.weight",
        "rope_factors_long.weight",
        "rope_factors_short.weight",
    ],
};

impl Names {
    /// A stored name without its prefix, and without those of wrappers.
    pub(super) fn bare<'a>(&self, mut name: &'a str) -> &'a str {
        while let Some(rest) = WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
            name = rest;
        }
        // A file of the model without its head leaves out the first word of two (OPT's `decoder.`).
        let inner = self.prefix.split_once('.').map_or("", |(_, inner)| inner);
        name.strip_prefix(self.prefix).or_else(|| name.strip_prefix(inner)).unwrap_or(name)
    }

    /// The name that is written: with the prefix, which the head does not have.
    pub(super) fn full(&self, bare: &str) -> String {
        let is_head = bare.strip_suffix(".weight") == Some(self.head);
        if is_head { bare.to_owned() } else { format!("{}{bare}", self.prefix) }
    }

    /// The same names, for files that hold experts in the form in which transformers computes with them.
    pub(super) fn with_experts_of(&self, tensors: &Tensors, layers: usize) -> Self {
        let is_fused =
            |layer| tensors.find(&format!("{}.{layer}.{}", self.block, FUSED_EXPERTS.up)).is_some();
        let may_be = self.experts.layout == ExpertLayout::Apart && !self.experts.router.is_empty();
        let experts =
            if may_be && (0..layers).any(is_fused) { FUSED_EXPERTS } else { self.experts };
        Self { experts, ..*self }
    }

    /// Whether a file of a tied model stores a head that differs from the embedding table. Where it stores
    /// the head alone, that is the table.
    pub(super) fn unties(&self, tensors: &mut Tensors) -> bool {
        let [head, table] = [self.head, self.embed].map(|stem| format!("{stem}.weight"));
        match (tensors.find(&head), tensors.find(&table)) {
            (Some(head), Some(table)) => !tensors.are_same(head, table),
            (Some(head), None) => {
                tensors.also_call(head, table);
                false
            }
            (None, _) => false,
        }
    }

    /// Whether a bare name is of something that no forward pass needs.
    pub(super) fn is_ignored(&self, bare: &str) -> bool {
        if self.ignored_outside.iter().any(|begin| bare.starts_with(begin)) {
            return true;
        }
        let of_block = || bare.strip_prefix(self.block)?.strip_prefix('.')?.split_once('.');
        of_block().is_some_and(|(number, part)| {
            number.bytes().all(|c| c.is_ascii_digit()) && self.ignored.contains(&part)
        })
    }

    /// The name of a part of block 0.
    pub(super) fn of_first_block(&self, part: Part, kind: &str) -> String {
        let part = match part {
            Part::Query => self.qkv[0],
            Part::Output => self.output,
            Part::Up => self.up,
        };
        format!("{}.0.{part}.{kind}", self.block)
    }
}

/// Parts of a block whose biases a GGUF file has or has not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Query,
    Output,
    Up,
}
