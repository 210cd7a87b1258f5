//! Mean and zero ablation: each head and each MLP in turn adds its mean over other tokens, or nothing.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, Edits, Site, TokenId};

use crate::{
    SiteFilter,
    sweep::{
        grid::SweepGrid,
        kind::{SweepAxes, SweepKind},
        metric::{MetricReader, SweepMetric},
        patched_passes::PatchedPasses,
    },
    trace::trace_with_edits,
};

/// What stands in the place of an output that is taken out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ablation<'a> {
    /// Its mean over all tokens of some texts, or of the prompt where there are none.
    Mean(&'a [Vec<TokenId>]),
    /// 0
    Zero,
}

/// What is taken out.
pub(crate) const ABLATED: [SweepKind; 2] = [
    SweepKind { site: BlockSite::Z, axes: SweepAxes::LayerHead },
    SweepKind { site: BlockSite::MlpOut, axes: SweepAxes::Layer },
];

/// Takes the z of each head out, and the output of each MLP, at all positions of a prompt: the metric of the
/// unchanged pass, and a grid of each. All passes have these edits.
///
/// # Errors
/// When the metric needs an answer that is not given; as of a trace; what `each` says.
pub fn ablation_sweep(
    weights: &Weights,
    pool: &ThreadPool,
    (ids, edits): (&[TokenId], &Edits),
    ablation: Ablation<'_>,
    (metric, answers): (SweepMetric, [Option<TokenId>; 2]),
    each: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<(f64, Vec<SweepGrid>)> {
    let config = &weights.network().config;
    let kinds = ABLATED;
    let sites = kinds.map(|kind| kind.site);
    let mut passes = PatchedPasses::new(weights, pool, (ids, edits), &sites)?;
    let reader = MetricReader::new(metric, answers, passes.base_logits())?;
    let own = [ids.to_vec()];
    let rows = match ablation {
        Ablation::Zero => None,
        Ablation::Mean([]) => Some(mean_rows(weights, pool, (&own, edits), &sites)?),
        Ablation::Mean(texts) => Some(mean_rows(weights, pool, (texts, edits), &sites)?),
    };
    let all: usize = kinds.iter().map(|kind| kind.shape(config, 1).iter().product::<usize>()).sum();
    let (mut done, mut grids) = (0, Vec::new());
    for kind in kinds {
        let places = kind.places(config, ids.len());
        let mut values = Vec::new();
        for layer in 0..config.layers {
            let (heads, columns) = kind.heads(config);
            let zeros = vec![0.0; heads * columns];
            let site = kind.row_site(layer);
            let means = rows.iter().flatten().find(|(of, _)| *of == site);
            let row = means.map_or(&zeros, |(_, row)| row);
            let other = row.repeat(ids.len());
            let first = values.len();
            values.resize(first + places.len(), 0.0);
            passes.run(site, &other, &places, &mut |cell, logits| {
                values[first + cell] = reader.value(logits);
                done += 1;
                each(done, all)
            })?;
        }
        let (axes, shape) = (kind.axis_names(), kind.shape(config, ids.len()));
        grids.push(SweepGrid { kind: kind.name(), axes, shape, values, ..SweepGrid::default() });
    }
    Ok((reader.value(passes.base_logits()), grids))
}

/// The mean row of sites of every block over all tokens of some texts, summed in f64 ascending and rounded once.
///
/// # Errors
/// As of a trace.
pub fn mean_rows(
    weights: &Weights,
    pool: &ThreadPool,
    (texts, edits): (&[Vec<TokenId>], &Edits),
    sites: &[BlockSite],
) -> Result<Vec<(Site, Vec<f32>)>> {
    let layers = 0..weights.network().config.layers as u16;
    let all: Vec<Site> =
        layers.flat_map(|layer| sites.iter().map(move |site| Site::Block(layer, *site))).collect();
    let mut sums: Vec<Vec<f64>> = vec![Vec::new(); all.len()];
    let mut count = 0;
    for ids in texts {
        let filter = SiteFilter::only(all.iter().copied());
        let captured = trace_with_edits(weights, pool, ids, &filter, edits)?;
        for (site, sums) in all.iter().zip(&mut sums) {
            let Some(capture) = captured.at(*site) else { continue };
            let width = capture.values.len() / ids.len().max(1);
            sums.resize(width, 0.0);
            for row in capture.values.chunks_exact(width.max(1)) {
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
            }
        }
        count += ids.len();
    }
    let mean = |sums: Vec<f64>| sums.iter().map(|sum| (sum / count as f64) as f32).collect();
    Ok(all.into_iter().zip(sums.into_iter().map(mean)).collect())
}
