//! The OV decomposition: the output of attention at one token, split by source token.
//!
//! Everything behind the pattern is linear, so what attention adds to a token is exactly a sum over
//! sources: of each head, weight × value through that head's columns of the output projection, and
//! the projection's bias apart (Kobayashi et al. 2020; Elhage et al. 2021 call it the OV circuit).
//! The parts are f64 sums over the engine's own weights, pattern and values. What is not seen gives
//! exactly nothing: its value is in no sum. Where a norm stands behind the projection, its statistics are
//! frozen at the token (see `post_norm`), and the parts are what they are behind it. Edits of z, of results or of
//! what attention adds leave some share of each part, or nothing (a head that is off), and may add one of their own.

use lookback_engine::Weights;
use lookback_files::Result;
use lookback_model::{Attend, BlockSite, Linear, Network, Site};
use serde::Serialize;

use crate::{
    Capture, Trace,
    post_norm::PostNorm,
    row_change::{RowChange, is_changed},
    source_contributions::{
        add_to, check_place, head_slice, is_visible, key_head, max_abs_difference, pattern_row,
        required_capture,
    },
};

/// The output of attention at one token of one layer, as a sum over source tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OvDecomposition {
    /// Which layer.
    pub layer: usize,
    /// The token that reads.
    pub token: usize,
    /// The term of every token, also of those that are not visible.
    pub sources: Vec<OvTerm>,
    /// The biases of the output projection and of the norm behind it, where there are some.
    pub bias: Option<OvTerm>,
    /// What edits added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<OvTerm>,
    /// Length of the residual stream before.
    pub before: f64,
    /// Length of what is added, the engine's `attn_out`.
    pub added: f64,
    /// Length of the residual stream after.
    pub after: f64,
    /// The furthest that the sum of the parts is from the engine's `attn_out`, in any dimension.
    #[serde(rename = "apart")]
    pub max_error: f64,
    /// The plane that holds before, added and after.
    pub plane: OvPlane,
}

/// A term of the sum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OvTerm {
    /// Whether it is visible; a bias always is.
    pub seen: bool,
    /// `[width]`
    #[serde(skip)]
    pub vector: Vec<f64>,
    /// Its length.
    #[serde(rename = "length")]
    pub norm: f64,
    /// Its part along `attn_out`, of `attn_out`'s length: all shares add up to 1.
    pub share: f64,
    /// Its projection onto the plane.
    pub at: [f64; 2],
}

/// The plane spanned by the residual stream before attention and what attention adds: its first axis
/// is the direction before, the second the part of the addition that is orthogonal to it. Before, added
/// and after lie in the plane; the terms are projected onto it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OvPlane {
    /// The residual stream before: on the first axis.
    pub before: [f64; 2],
    /// What attention adds.
    pub added: [f64; 2],
    /// The residual stream after.
    pub after: [f64; 2],
}

impl OvDecomposition {
    /// The sites that [`ov_decomposition`] reads.
    pub fn sites(layer: usize) -> [Site; 6] {
        use BlockSite as B;
        [B::ResidPre, B::Pattern, B::V, B::Z, B::AttnOut, B::ResidMid]
            .map(|site| Site::Block(layer as u16, site))
    }
}

/// Splits by source what attention adds to a token in one layer.
pub fn ov_decomposition(
    trace: &Trace,
    model: &Weights,
    [layer, token]: [usize; 2],
) -> Result<OvDecomposition> {
    let network: &Network = model.network();
    check_place(trace, network, layer, token)?;
    let block = &network.blocks[layer];
    let [before, pattern, v, z, added, after] =
        OvDecomposition::sites(layer).map(|s| required_capture(trace, s));
    let (before, added, after) = (before?.part(token), added?.part(token), after?.part(token));
    let attend = &trace.edits.variant().attend(&block.attend);
    let edited = EditedOutput::new(trace, model, layer, token);
    // Where a norm stands on the stream itself, or an edit changes it, what is shown is the sum before that.
    let sum: Vec<f32> = before.iter().zip(added).map(|(before, added)| before + added).collect();
    let is_mid_changed =
        is_changed(&trace.edits, Site::Block(layer as u16, BlockSite::ResidMid), token);
    let is_another = block.ln_resid_mid.is_some() || is_mid_changed;
    let after = if is_another { &sum[..] } else { after };
    let (pattern, v, z) = (pattern?, v?, z?.part(token));

    let output = OutputProjection::read(model, &block.output);
    let mut whole = edited.results(&output, &to_f64(z));
    edited.added_results(&mut whole);
    output.bias.iter().for_each(|bias| add_to(&mut whole, bias));
    let post_norm = PostNorm::new(model, block.ln1_post.as_ref(), block.residual_factor, &whole);
    let axes = PlaneAxes::new(before, added);
    let part = |vector: Vec<f64>, seen: bool| OvTerm {
        seen,
        norm: dot(&vector, &vector).sqrt(),
        share: axes.share(&vector),
        at: axes.project(&vector),
        vector,
    };
    let sources: Vec<OvTerm> = (0..trace.ids.len())
        .map(|source| {
            let seen = is_visible(attend, token, source);
            if !seen {
                return part(vec![0.0; output.width], false);
            }
            let mut values = weighted_values(attend, pattern, v, token, source);
            edited.leave_of_z(&mut values);
            let mut given = edited.results(&output, &values);
            post_norm.apply(&mut given);
            edited.leave_of_output(&mut given);
            part(given, true)
        })
        .collect();
    let bias = match (output.bias.clone(), &post_norm.bias) {
        (Some(mut bias), more) => {
            post_norm.apply(&mut bias);
            more.iter().for_each(|more| add_to(&mut bias, more));
            Some(bias)
        }
        (None, more) => more.clone(),
    };
    let bias = bias.map(|mut bias| {
        edited.leave_of_output(&mut bias);
        part(bias, true)
    });

    let mut sum = vec![0.0; output.width];
    sources.iter().chain(&bias).for_each(|part| add_to(&mut sum, &part.vector));
    let edit = edited.added(&output, &post_norm, &sum, added).map(|vector| part(vector, true));
    edit.iter().for_each(|part| add_to(&mut sum, &part.vector));
    let plane = [before, added, after].map(|vector| axes.project(&to_f64(vector)));
    Ok(OvDecomposition {
        layer,
        token,
        before: crate::norm(before),
        added: crate::norm(added),
        after: crate::norm(after),
        max_error: max_abs_difference(&sum, added),
        plane: OvPlane { before: plane[0], added: plane[1], after: plane[2] },
        sources,
        bias,
        edit,
    })
}

/// Of each head, weight × value of one source, side by side: `[heads · head_dim]`.
fn weighted_values(
    attend: &Attend,
    pattern: &Capture,
    v: &Capture,
    token: usize,
    source: usize,
) -> Vec<f64> {
    let heads = (0..attend.heads).flat_map(|head| {
        let weight = f64::from(pattern_row(pattern, head, token)[source]);
        let value = head_slice(v, source, key_head(attend, head), attend.head_dim);
        value.iter().map(move |&value| weight * f64::from(value))
    });
    heads.collect()
}

/// What edits of one token's z, of its heads' results and of what attention adds do.
struct EditedOutput {
    z: Option<RowChange>,
    /// `[heads · width]`
    results: Option<RowChange>,
    output: Option<RowChange>,
}

impl EditedOutput {
    fn new(trace: &Trace, model: &Weights, layer: usize, token: usize) -> Self {
        let block = &model.network().blocks[layer];
        let (inner, width) = (block.output.inputs, block.output.outputs);
        let change = |site, width| {
            RowChange::new(&trace.edits, Site::Block(layer as u16, site), token, width)
        };
        Self {
            z: change(BlockSite::Z, inner),
            results: change(BlockSite::Result, block.attend.heads * width),
            output: change(BlockSite::AttnOut, width),
        }
    }

    fn leave_of_z(&self, values: &mut [f64]) {
        self.z.iter().for_each(|change| change.leave(values));
    }

    fn leave_of_output(&self, part: &mut [f64]) {
        self.output.iter().for_each(|change| change.leave(part));
    }

    /// What is left of heads' results, together: `[heads · head_dim]` to `[width]`.
    fn results(&self, output: &OutputProjection, values: &[f64]) -> Vec<f64> {
        let Some(change) = &self.results else { return output.apply(values) };
        let heads = change.factors.len() / output.width;
        let head_dim = values.len() / heads;
        let mut sum = vec![0.0; output.width];
        for (head, factors) in change.factors.chunks_exact(output.width).enumerate() {
            let mut own = vec![0.0; values.len()];
            let columns = head * head_dim..(head + 1) * head_dim;
            own[columns.clone()].copy_from_slice(&values[columns]);
            let mut result = output.apply(&own);
            result.iter_mut().zip(factors).for_each(|(x, factor)| *x *= factor);
            add_to(&mut sum, &result);
        }
        sum
    }

    /// Adds what edits of results add.
    fn added_results(&self, sum: &mut [f64]) {
        let added = self.results.iter().flat_map(|change| change.added.chunks_exact(sum.len()));
        let added: Vec<&[f64]> = added.collect();
        added.iter().for_each(|added| add_to(sum, added));
    }

    /// What edits add to `sum`, all that is left of the parts; none where they only leave less of it.
    fn added(
        &self,
        output: &OutputProjection,
        post_norm: &PostNorm,
        sum: &[f64],
        whole: &[f32],
    ) -> Option<Vec<f64>> {
        let changes = [&self.z, &self.results, &self.output];
        let mut changes = changes.into_iter().flatten().filter(|change| change.adds()).peekable();
        changes.peek()?;
        // What steering adds follows from what stood there.
        if changes.any(|change| change.is_steered) {
            return Some(whole.iter().zip(sum).map(|(x, sum)| f64::from(*x) - sum).collect());
        }
        let in_z = self.z.as_ref().map(|change| self.results(output, &change.added));
        let mut added = in_z.unwrap_or_else(|| vec![0.0; output.width]);
        self.added_results(&mut added);
        post_norm.apply(&mut added);
        self.leave_of_output(&mut added);
        self.output.iter().for_each(|change| add_to(&mut added, &change.added));
        Some(added)
    }
}

/// The output projection of a block.
struct OutputProjection {
    width: usize,
    /// `[heads · head_dim, width]`, so that a sum runs over rows.
    columns: Vec<f32>,
    bias: Option<Vec<f64>>,
}

impl OutputProjection {
    fn read(model: &Weights, linear: &Linear) -> Self {
        let (width, inner) = (linear.outputs, linear.inputs);
        let mut rows = vec![0.0; width * inner];
        model.read(linear.weight, &mut rows);
        let mut columns = vec![0.0; rows.len()];
        for (output, row) in rows.chunks_exact(inner).enumerate() {
            for (input, &weight) in row.iter().enumerate() {
                columns[input * width + output] = weight;
            }
        }
        let bias = linear.bias.map(|id| {
            let mut bias = vec![0.0; width];
            model.read(id, &mut bias);
            to_f64(&bias)
        });
        Self { width, columns, bias }
    }

    /// `[heads · head_dim]` to `[width]`, without the bias.
    fn apply(&self, given: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.width];
        for (column, &given) in self.columns.chunks_exact(self.width).zip(given) {
            for (sum, &weight) in sum.iter_mut().zip(column) {
                *sum += given * f64::from(weight);
            }
        }
        sum
    }
}

/// The axes of a [`OvPlane`], and the vector that shares are taken along.
struct PlaneAxes {
    along: Vec<f64>,
    orthogonal: Vec<f64>,
    added: Vec<f64>,
}

impl PlaneAxes {
    fn new(before: &[f32], added: &[f32]) -> Self {
        let added = to_f64(added);
        let along = unit(to_f64(before));
        let ahead = dot(&added, &along);
        let orthogonal = added.iter().zip(&along).map(|(added, along)| added - ahead * along);
        Self { orthogonal: unit(orthogonal.collect()), along, added }
    }

    fn project(&self, vector: &[f64]) -> [f64; 2] {
        [dot(vector, &self.along), dot(vector, &self.orthogonal)]
    }

    fn share(&self, vector: &[f64]) -> f64 {
        let whole = dot(&self.added, &self.added);
        if whole > 0.0 { dot(vector, &self.added) / whole } else { 0.0 }
    }
}

fn to_f64(vector: &[f32]) -> Vec<f64> {
    vector.iter().map(|&x| f64::from(x)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// Of length 1, or as it is if it has none.
fn unit(vector: Vec<f64>) -> Vec<f64> {
    let norm = dot(&vector, &vector).sqrt();
    if norm > 0.0 { vector.iter().map(|x| x / norm).collect() } else { vector }
}
