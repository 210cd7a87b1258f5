//! The plain report: what it lists is what closer looks list.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ids, weights};
use crate::shapes::networks;
use lookback_engine::{ThreadPool, WeightMode};
use lookback_lens::{
    NeuronOrder, NeuronQuery, ReportOptions, SiteFilter, neuron_effects, report, trace,
};
use lookback_model::{Network, NormPlacement, TokenId};

#[test]
fn units_of_a_report_have_the_indices_that_their_effects_have_also_of_experts() {
    let mut mixtures = 0;
    let has_sum = |network: &Network| {
        network.head.cap.is_none()
            && network.config.norm_placement != NormPlacement::Stream
            && network.projections.is_none()
    };
    for network in networks().into_iter().filter(|network| has_sum(network)) {
        let pool = ThreadPool::single_threaded();
        let weights = weights(&network, WeightMode::Inference, &pool);
        let trace = trace(&weights, &pool, &ids(7, 3), &SiteFilter::all()).unwrap();
        let (layer, token, units) = (1, 6, 9);
        let plain = report(&trace, &network, ReportOptions { layer, head: 0, top_k: units });
        let order = NeuronOrder::Activation;
        let query = NeuronQuery { layer, token, target: TokenId(5), order, units, tokens: 1 };
        let effects = neuron_effects(&weights, &pool, &trace, query).unwrap();
        let listed: Vec<(usize, f32)> =
            plain.neurons.iter().map(|unit| (unit.index, unit.value)).collect();
        let wanted: Vec<(usize, f32)> =
            effects.iter().map(|unit| (unit.index, unit.post)).collect();
        assert_eq!(listed, wanted);
        let mixture = network.blocks[layer].mlp.mixture();
        let experts = plain.neurons.iter().filter(|unit| unit.expert.is_some()).count();
        assert_eq!(experts, if mixture.is_some() { units } else { 0 });
        mixtures += usize::from(mixture.is_some());
    }
    assert!(mixtures > 0);
}
