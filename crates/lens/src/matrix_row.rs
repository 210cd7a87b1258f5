//! One row of one matrix at work: what it reads at a token, column by column, and the number that it makes.
//!
//! ```text
//! result = x[0]·w[0] + x[1]·w[1] + … + bias
//! ```
//! The sums are those of the engine in f32: one chain of fused multiply-adds, columns ascending (see
//! `docs/arithmetic.md`), so that the result is the number at the site, bit for bit, where the engine computes in f32.
//! Before it stands the norm that made what the row reads.

use lookback_engine::Weights;
use lookback_files::{Refusal, Result, nearest};
use lookback_model::{
    BlockOrder, BlockSite, Config, Linear, Network, Norm, NormKind, Site, WeightId,
};
use serde::Serialize;

use crate::{Capture, Trace, logit_attribution::not_captured};

/// A matrix of a layer, with what it reads and where what it makes is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerMatrix {
    /// `q`, `k`, `v`, `o`, `gate`, `up`, `down`, `router`, `experts.3.up` …
    pub name: String,
    /// Its outputs.
    pub rows: usize,
    /// Its inputs.
    pub columns: usize,
    #[serde(skip)]
    linear: Linear,
    #[serde(skip)]
    input: BlockSite,
    /// None where nothing but a norm, a factor or a weighted sum reads what it makes.
    #[serde(skip)]
    output: Option<BlockSite>,
    /// Where its expert stands among those that work on the token.
    #[serde(skip)]
    slot: usize,
}

/// A row at work at one token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatrixRow {
    /// The matrix's name, as in [`LayerMatrix::name`].
    pub matrix: String,
    /// Which row: which output.
    pub row: usize,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub columns: usize,
    /// The norm that made what it reads, where one did.
    pub norm: Option<NormSteps>,
    /// What it reads, `[columns]`.
    pub input: SiteRow,
    /// The row's weights, `[columns]`.
    pub weights: Vec<f32>,
    /// Input times weight, `[columns]`.
    pub products: Vec<f32>,
    /// The chain up to and with each column, `[columns]`.
    pub sums: Vec<f32>,
    /// What is added at the end.
    pub bias: Option<f32>,
    /// The last sum and the bias.
    pub result: f32,
    /// Where the engine's number stands, if at a site.
    pub output: Option<SiteNumber>,
}

/// A row of a site, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteRow {
    /// The site's name.
    pub site: String,
    /// Where in the token's row it begins.
    pub from: usize,
    /// The numbers.
    pub values: Vec<f32>,
}

/// One number of a site.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteNumber {
    /// The site's name.
    pub site: String,
    /// Its place there, all axes, separated by commas.
    pub index: String,
    /// The engine's number.
    pub value: f32,
}

/// A norm in its steps, in f64.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NormSteps {
    /// `layer` or `rms`.
    pub kind: &'static str,
    /// What enters it.
    pub before: SiteRow,
    /// What a layer norm takes off first.
    pub mean: Option<f64>,
    /// What it then divides by: the root of the mean square, with epsilon under the root.
    pub divisor: f64,
    /// The numbers once they are divided, `[width]`.
    pub divided: Vec<f64>,
    /// What each is multiplied with, `[width]`; none where the norm has learned nothing.
    pub gain: Option<Vec<f32>>,
    /// What is added to each, `[width]`.
    pub shift: Option<Vec<f32>>,
}

impl LayerMatrix {
    /// The weight, `[rows, columns]`.
    pub fn weight(&self) -> WeightId {
        self.linear.weight
    }
}

/// The sites that [`layer_matrices`] and [`matrix_row`] read.
pub fn matrix_sites(config: &Config, layer: usize) -> Vec<Site> {
    use BlockSite as B;
    let mut sites = vec![
        B::ResidPre,
        B::Ln1,
        B::Q,
        B::K,
        B::V,
        B::Z,
        B::AttnOut,
        B::ResidMid,
        B::Ln2,
        B::MlpPre,
        B::MlpPost,
        B::MlpOut,
    ];
    sites.extend(config.gated.then_some(B::MlpPreLinear));
    if config.layer_mixture(layer).is_some() {
        sites.extend([B::RouterLogits, B::ExpertIndices]);
    }
    sites.into_iter().map(|site| Site::Block(layer as u16, site)).collect()
}

/// The matrices of a layer that work on a token: of a mixture, those of the experts chosen for it.
///
/// # Errors
/// A layer that is not there, or a trace without the sites of [`matrix_sites`].
pub fn layer_matrices(
    trace: &Trace,
    network: &Network,
    layer: usize,
    token: usize,
) -> Result<Vec<LayerMatrix>> {
    use BlockSite as B;
    let block = network.blocks.get(layer).ok_or_else(|| {
        let layers = network.blocks.len();
        Refusal::user(format!(
            "there is no layer {layer}; this model's layers are 0 to {}",
            layers - 1
        ))
    })?;
    let is_sum = block.residual_factor == 1.0;
    let mut matrices = Vec::new();
    let mut add = |name: String, linear: &Linear, input, output, slot| {
        let (rows, columns) = (linear.outputs, linear.inputs);
        matrices.push(LayerMatrix { name, rows, columns, linear: *linear, input, output, slot });
    };
    if !trace.edits.variant().plain_attention {
        for (name, linear, output) in
            [("q", &block.qkv[0], B::Q), ("k", &block.qkv[1], B::K), ("v", &block.qkv[2], B::V)]
        {
            add(name.to_owned(), linear, B::Ln1, Some(output), 0);
        }
    }
    let output = (is_sum && block.ln1_post.is_none()).then_some(B::AttnOut);
    add("o".to_owned(), &block.output, B::Z, output, 0);
    let mlps = block.mlp.mlps();
    let worked: Vec<usize> = match block.mlp.mixture() {
        Some(mixture) => {
            add("router".to_owned(), &mixture.router, B::Ln2, Some(B::RouterLogits), 0);
            let indices = token_row(trace, layer, B::ExpertIndices, token)?;
            indices.iter().map(|index| *index as usize).collect()
        }
        None => vec![0],
    };
    let is_mixture = block.mlp.mixture().is_some();
    for (slot, &expert) in worked.iter().enumerate() {
        let named = |name: &str| match is_mixture {
            true => format!("experts.{expert}.{name}"),
            false => name.to_owned(),
        };
        let mlp = &mlps[expert];
        if let Some(gate) = &mlp.gate {
            add(named("gate"), gate, B::Ln2, Some(B::MlpPre), slot);
        }
        let up = if mlp.gate.is_some() { B::MlpPreLinear } else { B::MlpPre };
        add(named("up"), &mlp.up, B::Ln2, Some(up), slot);
        let output = (is_sum && !is_mixture && block.ln2_post.is_none()).then_some(B::MlpOut);
        add(named("down"), &mlp.down, B::MlpPost, output, slot);
    }
    Ok(matrices)
}

/// A row of a matrix of [`layer_matrices`] at work at a token.
///
/// # Errors
/// A matrix or a row that is not there, with the nearest name.
pub fn matrix_row(
    trace: &Trace,
    weights: &Weights,
    [layer, token]: [usize; 2],
    matrices: &[LayerMatrix],
    (name, row): (&str, usize),
) -> Result<MatrixRow> {
    let network = weights.network();
    let matrix = matrices.iter().find(|matrix| matrix.name == name).ok_or_else(|| {
        let names = || matrices.iter().map(|matrix| matrix.name.as_str());
        let meant = nearest(name, names()).map(|meant| format!("; is {meant} meant?"));
        Refusal::user(format!(
            "layer {layer} has no matrix {name:?} at token {token}{}",
            meant.unwrap_or_else(|| format!("; it has {}", names().collect::<Vec<_>>().join(", ")))
        ))
    })?;
    if row >= matrix.rows {
        return Err(Refusal::user(format!(
            "matrix {name} has no row {row}; its rows are 0 to {}",
            matrix.rows - 1
        )));
    }
    let LayerMatrix { linear, input, output, slot, columns, rows, .. } = *matrix;
    let whole = token_row(trace, layer, input, token)?;
    // What an expert reads behind its activation is its own part of the row.
    let from = if input == BlockSite::MlpPost { slot * columns } else { 0 };
    let x = &whole[from..from + columns];
    let mut own = vec![0.0; columns];
    weights.read_rows(linear.weight, row..row + 1, &mut own);
    let products = x.iter().zip(&own).map(|(x, w)| x * w).collect();
    let mut sum = 0.0f32;
    let sums: Vec<f32> = x
        .iter()
        .zip(&own)
        .map(|(x, w)| {
            sum = x.mul_add(*w, sum);
            sum
        })
        .collect();
    let bias = linear.bias.map(|id| weights.rows(id)[row]);
    let output = output.map(|site| number_at(trace, layer, site, [token, slot * rows + row]));
    Ok(MatrixRow {
        matrix: matrix.name.clone(),
        row,
        rows,
        columns,
        norm: norm_steps(trace, weights, network, [layer, token], input)?,
        input: SiteRow { site: site_name(layer, input), from, values: x.to_vec() },
        weights: own,
        products,
        sums,
        bias,
        result: bias.map_or(sum, |bias| sum + bias),
        output: output.transpose()?,
    })
}

/// The norm that made what a matrix reads there, if one did.
fn norm_steps(
    trace: &Trace,
    weights: &Weights,
    network: &Network,
    [layer, token]: [usize; 2],
    input: BlockSite,
) -> Result<Option<NormSteps>> {
    let block = &network.blocks[layer];
    let (norm, before) = match (input, block.order) {
        (BlockSite::Ln1, _) | (BlockSite::Ln2, BlockOrder::ParallelSharedNorm) => {
            (&block.ln1, BlockSite::ResidPre)
        }
        (BlockSite::Ln2, BlockOrder::Sequential) => (&block.ln2, BlockSite::ResidMid),
        (BlockSite::Ln2, BlockOrder::Parallel) => (&block.ln2, BlockSite::ResidPre),
        _ => return Ok(None),
    };
    let Some(norm) = norm else { return Ok(None) };
    let values = token_row(trace, layer, before, token)?;
    let (mean, divisor, divided) = divide(norm, values);
    let learned = |id| weights.rows(id).to_vec();
    Ok(Some(NormSteps {
        kind: if norm.kind == NormKind::Layer { "layer" } else { "rms" },
        before: SiteRow { site: site_name(layer, before), from: 0, values: values.to_vec() },
        mean,
        divisor,
        divided,
        gain: network.config.has_norm_weights.then(|| learned(norm.weight)),
        shift: norm.bias.map(learned),
    }))
}

/// The mean that is taken off, what is divided by, and what is left.
fn divide(norm: &Norm, values: &[f32]) -> (Option<f64>, f64, Vec<f64>) {
    let count = values.len() as f64;
    let total = values.iter().fold(0.0, |total, x| total + f64::from(*x));
    let mean = (norm.kind == NormKind::Layer).then_some(total / count);
    let centered = values.iter().map(|x| f64::from(*x) - mean.unwrap_or(0.0));
    let squares = centered.clone().fold(0.0, |squares, x| squares + x * x);
    let divisor = (squares / count + f64::from(norm.epsilon)).sqrt();
    (mean, divisor, centered.map(|x| x / divisor).collect())
}

fn number_at(
    trace: &Trace,
    layer: usize,
    site: BlockSite,
    [token, at]: [usize; 2],
) -> Result<SiteNumber> {
    let capture = captured(trace, layer, site)?;
    // The place in the token's row along each of its axes.
    let mut place = Vec::new();
    let mut rest = at;
    for &size in capture.shape[1..].iter().rev() {
        place.push((rest % size).to_string());
        rest /= size;
    }
    place.push(token.to_string());
    place.reverse();
    let value = capture.part(token)[at];
    Ok(SiteNumber { site: site_name(layer, site), index: place.join(","), value })
}

fn token_row(trace: &Trace, layer: usize, site: BlockSite, token: usize) -> Result<&[f32]> {
    let capture = captured(trace, layer, site)?;
    if token >= trace.ids.len() {
        return Err(Refusal::user(format!(
            "there is no token {token}; the prompt's tokens are 0 to {}",
            trace.ids.len().saturating_sub(1)
        )));
    }
    Ok(capture.part(token))
}

fn captured(trace: &Trace, layer: usize, site: BlockSite) -> Result<&Capture> {
    let site = Site::Block(layer as u16, site);
    trace.at(site).ok_or_else(|| not_captured(site))
}

fn site_name(layer: usize, site: BlockSite) -> String {
    Site::Block(layer as u16, site).to_string()
}
