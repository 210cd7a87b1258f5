//! `lookback train --print-config`: the settings of a run, each with what it is.

use lookback_files::Result;
use lookback_train::Recipe;

/// What each setting is, in a line.
const ABOUT: [(&str, &str); 47] = [
    ("seed", "Seed of the first weights and of the order of data."),
    ("steps", "Optimizer steps; 0 leaves them to --steps, --tokens or --minutes."),
    ("batch", "Sequences of a pass."),
    ("accumulate", "Passes whose gradients make one step."),
    ("context", "Tokens of a sequence, and of the model's context."),
    (
        "at_documents",
        "Whether sequences begin where a document does, and in long ones a context further on each time.",
    ),
    ("rate", "Highest learning rate."),
    ("final_share", "Share of the rate at the end."),
    ("warmup_share", "Steps over which the rate rises, as a share of all."),
    ("schedule", "How the rate goes after that: cosine, or stable until it falls in a line."),
    ("cooldown_share", "The last share of the steps, over which a stable rate falls."),
    ("optimizer", "adamw, or muon: the matrices of the blocks take orthogonal steps."),
    ("table_share", "Tables learn at this share of the rate, a tied head with them."),
    ("head_share", "A head of its own learns at this share of the rate."),
    ("momentum", "Muon's decay of the mean of gradients."),
    ("beta1", "AdamW's decay of the mean of gradients."),
    ("beta2", "AdamW's decay of the mean of their squares."),
    ("epsilon", "AdamW's addition to the root."),
    ("decay", "Weight decay of matrices and tables."),
    ("clip", "Longest gradient; a longer one is shortened to it."),
    ("z_loss", "What the square of the logits' log-total weighs in the gradient; 0 for nothing."),
    (
        "average_share",
        "The model is the mean of the weights over this last share of the steps; 0 for the last.",
    ),
    (
        "short_context",
        "Tokens of the first sequences; it divides context; 0 for none that are shorter.",
    ),
    ("short_share", "The first share of the steps, whose sequences are short."),
    ("start_tables", "Standard deviation of the first tables."),
    ("start_matrices", "Standard deviation of the first matrices."),
    ("start_heads", "How attention starts: plain, or mimetic (near the identity)."),
    ("compute", "Precision of matrix products: f32 or bf16."),
    ("validate_every", "Steps between validations; 0 for twenty over the run."),
    ("checkpoint_every", "Steps between checkpoints; 0 for ten over the run."),
    ("keep", "Which weights become the model: best, of the lowest validation loss, or last."),
    ("checkpoints", "Checkpoints that stay, the newest included."),
    (
        "snapshots",
        "Embedding tables kept over the run; from 20 on also where the loss changes suddenly.",
    ),
    ("whole_snapshots", "Whether snapshots are whole models, beside the embedding tables."),
    ("data", "SHA-256 of the tokens that a run learned from."),
    ("architecture", "Whose form the model has: gpt2, llama, or nanogpt (a gpt2 without biases)."),
    ("layers", "Blocks."),
    ("heads", "Query heads."),
    ("key_heads", "Key and value heads; fewer than heads is grouped-query attention."),
    ("width", "Width of the residual stream."),
    ("hidden", "Width of the MLP."),
    ("theta", "Base of the rotary frequencies, in a llama."),
    ("activation", "Of a llama's gated MLP: silu, gelu or relu2."),
    ("tied", "Whether a llama's head is its table."),
    ("head_norm", "Whether a llama's queries and keys pass a norm of each head."),
    (
        "logit_cap",
        "Of a llama: logits stay within it, softly, by tanh; 0 for none. Not for transformers.",
    ),
    ("model", "The model's shape."),
];

/// `training.toml` with a line above each setting.
pub(super) fn commented(recipe: &Recipe) -> Result<String> {
    let mut commented = String::from(
        "# Settings of a run of lookback: lookback train TEXT --config THIS.toml --out DIR\n",
    );
    for line in recipe.to_toml()?.lines() {
        let key = line.split('=').next().unwrap_or_default().trim();
        let key = key.trim_start_matches('[').trim_end_matches(']');
        if let Some((_, about)) = ABOUT.iter().find(|(known, _)| *known == key) {
            commented += &format!("\n# {about}");
        }
        if !line.is_empty() {
            commented += &format!("\n{line}\n");
        }
    }
    Ok(commented)
}
