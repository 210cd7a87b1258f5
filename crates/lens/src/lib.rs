//! Interpretability: traces of every site, the logit lens, logit attribution, the OV decomposition,
//! neurons, a plain report, agreement with another implementation, and the embedding table:
//! neighbours, analogies, a map.
//!
//! Has no forward pass of its own: it watches the engine's. Read `trace` first.
//!
//! ```
//! # use std::sync::Arc;
//! # use lookback_engine::{Compute, WeightMode, ThreadPool, Weights};
//! # use lookback_model::{Config, Network, Size, TokenId};
//! use lookback_lens::{SiteFilter, trace};
//!
//! # let size = Size { vocabulary: 11, width: 8, layers: 2, heads: 2, key_heads: 1, hidden: 12, context: 16 };
//! # let network = Arc::new(Network::new(&Config::llama(size)?));
//! # let pool = ThreadPool::single_threaded();
//! # let weights = Weights::new(network, WeightMode::Inference, Compute::F32, &pool, |_, weight| {
//! #     weight.fill(0.1);
//! #     Ok(())
//! # })?;
//! let ids = [3, 1, 4].map(TokenId);
//! let captures = trace(&weights, &pool, &ids, &SiteFilter::parse("blocks.*.attn.pattern")?)?;
//! let pattern = captures.named("blocks.1.attn.pattern").unwrap();
//! // `[heads, queries, keys]`: the first token can only look at itself.
//! assert_eq!((&pattern.shape[..], pattern.values[0]), (&[2, 3, 3][..], 1.0));
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

mod analogy;
mod answer_attention;
mod attention_steps;
mod capture_recorder;
mod captures;
mod firing;
mod frozen_norm;
mod heads;
mod intervention;
mod logit_attribution;
mod logit_lens;
mod matrix_row;
mod matrix_summary;
mod neurons;
mod ov;
mod pass_differences;
mod pooling;
mod position;
mod post_norm;
mod principal_axes;
mod ranges;
mod ranking;
mod received;
mod report;
mod row_change;
mod site_filter;
mod sites;
mod source_contributions;
mod sweep;
mod table;
mod thumbnails;
mod trace;
mod trace_memory;
mod verify;
mod why;

pub use analogy::{Analogy, AnalogyAnswer, Lengths, PlanePoint, analogy};
pub use answer_attention::answer_attention;
pub use attention_steps::{
    ATTENTION_STEP_SITES, HeadScores, WeightSteps, head_scores, weight_steps,
};
pub use capture_recorder::{Capture, CaptureParts, SiteCaptures, alias_of};
pub use captures::{
    Captures, edited_trace_from_layer, edited_trace_with_parts, trace_of_layer, trace_with_parts,
};
pub use firing::{Firing, LayerFiring, neuron_firing};
pub use frozen_norm::FrozenNorm;
pub use heads::{
    Composition, CompositionKind, HeadProfile, StrongestWeight, composition, copying, head_profiles,
};
pub use intervention::{
    Axis, Bounded, EditTokens, Index, Intervention, InterventionFiles, Limited, LocalFiles,
    NoFiles, Operation, OtherPrompt, PromptPasses, Resolver, Scaled, Selection, Source, Vector,
    off, steer,
};
pub use logit_attribution::{
    LogitAttribution, ResidualComponent, logit_attribution, logit_attribution_sites,
};
pub use logit_lens::{LensPoints, LensPrediction, LensReadout, logit_lens, logit_lens_sites};
pub use matrix_row::{
    LayerMatrix, MatrixRow, NormSteps, SiteNumber, SiteRow, layer_matrices, matrix_row,
    matrix_sites,
};
pub use matrix_summary::{Histogram, MatrixPicture, MatrixSummary};
pub use neurons::{
    LogitEffect, NeuronEffects, NeuronOrder, NeuronQuery, neuron_effects, neuron_sites,
};
pub use ov::{OvDecomposition, OvPlane, OvTerm, ov_decomposition};
pub use pass_differences::{
    HeadDifference, LayerDifference, PassDifferences, PositionDifference, pass_difference_sites,
    pass_differences,
};
pub use pooling::PatternThumbnails;
pub use position::{RotaryPair, Rotation, normed_queries, rotary_pairs};
pub use principal_axes::PrincipalAxes;
pub use ranking::{CurvePoint, RankedToken, Ranking, rank_of, top_k};
pub use report::{
    BlockNorms, NeuronActivation, NextToken, Report, ReportOptions, norm, report, top_k_by,
};
pub use site_filter::SiteFilter;
pub use sites::{is_on_demand, shape, shape_of_variant, sites, sites_of_variant, sites_on_demand};
pub use source_contributions::{
    RemainingSources, SourceContributions, SourceWeight, WeightedValue, source_contributions,
};
pub use sweep::{
    Ablation, Agreement, AttributionPasses, HeatMap, MetricReader, PatchedPasses, PatchingGrids,
    PatchingSweep, PathReceivers, PathSenders, PathSweep, SweepAxes, SweepGrid, SweepKind,
    SweepMetric, ablation_bytes, ablation_sweep, attribution_batches, attribution_bytes,
    heat_maps_svg, mean_rows, patching_sweep, path_sweep, path_sweep_bytes, sweep_kinds,
    write_grids,
};
pub use table::{Neighbour, Table};
pub use thumbnails::pattern_thumbnails;
pub use trace::{Trace, trace, trace_with_edits, trace_with_longer_edits};
pub use trace_memory::trace_bytes;
pub use verify::{SiteDifference, VerifyReport, verify};
pub use why::{
    Component, FaithfulnessPoint, LogitCap, LogitEdge, LogitGraph, LogitPath, MatrixCache,
    MlpNeurons, NeuronPart, PathStep, UnfoldOptions, UnfoldedPart, Unfolding, Why, WhyOptions,
    WhyPart, faithfulness, faithfulness_sites, graph_svg, paths, why, why_sites,
};
