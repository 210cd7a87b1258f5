//! A row of a matrix makes the number that stands at its site, in every family.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ids, weights};
use crate::shapes::networks;
use lookback_engine::{ThreadPool, WeightMode};
use lookback_lens::{MatrixSummary, SiteFilter, layer_matrices, matrix_row, matrix_sites, trace};
use lookback_model::Site;

const TOKENS: usize = 12;

#[test]
fn a_row_makes_the_number_at_its_site_to_the_bit() {
    let pool = ThreadPool::single_threaded();
    let (mut seen, mut without) = (0, 0);
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let trace = trace(&weights, &pool, &ids(TOKENS, 5), &SiteFilter::all()).unwrap();
        for (layer, token) in network.layers().flat_map(|layer| [(layer, 0), (layer, TOKENS - 1)]) {
            let matrices = layer_matrices(&trace, &network, layer, token).unwrap();
            for matrix in &matrices {
                for row in [0, matrix.rows / 2, matrix.rows - 1] {
                    let place = (matrix.name.as_str(), row);
                    let made =
                        matrix_row(&trace, &weights, [layer, token], &matrices, place).unwrap();
                    let last = made.sums[matrix.columns - 1];
                    assert_eq!(made.result, made.bias.map_or(last, |bias| last + bias));
                    let wanted = matrix_sites(&network.config, layer);
                    let is_wanted = |name: &str| wanted.contains(&name.parse::<Site>().unwrap());
                    assert!(is_wanted(&made.input.site));
                    let Some(output) = made.output else {
                        without += 1;
                        continue;
                    };
                    assert!(is_wanted(&output.site));
                    let capture = trace.named(&output.site).unwrap();
                    let place = output.index.split(',').map(|at| at.parse::<usize>().unwrap());
                    let at =
                        place.zip(&capture.shape).fold(0, |at, (place, size)| at * size + place);
                    assert_eq!(capture.values[at].to_bits(), output.value.to_bits());
                    let bound = network.blocks[layer].qkv_bound.unwrap_or(f32::INFINITY);
                    let result = match matrix.name.as_str() {
                        "v" => made.result.clamp(-bound, bound),
                        _ => made.result,
                    };
                    let (name, family) = (&matrix.name, network.config.family.name);
                    assert_eq!(result.to_bits(), output.value.to_bits(), "{family} {layer} {name}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 500 && without > 0);
}

/// The steps of the norm, with its gain and shift, are what the row reads.
#[test]
fn a_norm_in_its_steps_is_what_the_row_reads() {
    let pool = ThreadPool::single_threaded();
    let (mut normed, mut plain) = (0, 0);
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let trace = trace(&weights, &pool, &ids(TOKENS, 5), &SiteFilter::all()).unwrap();
        for layer in network.layers() {
            let matrices = layer_matrices(&trace, &network, layer, 3).unwrap();
            for name in ["q", "up"] {
                if !matrices.iter().any(|matrix| matrix.name == name) {
                    continue;
                }
                let made = matrix_row(&trace, &weights, [layer, 3], &matrices, (name, 0)).unwrap();
                let Some(norm) = made.norm else {
                    plain += 1;
                    continue;
                };
                normed += 1;
                for (at, read) in made.input.values.iter().enumerate() {
                    let gain = norm.gain.as_ref().map_or(1.0, |gain| f64::from(gain[at]));
                    let shift = norm.shift.as_ref().map_or(0.0, |shift| f64::from(shift[at]));
                    let exact = norm.divided[at] * gain + shift;
                    let near = 1e-5 * (exact.abs() + shift.abs() + 1e-3);
                    assert!((f64::from(*read) - exact).abs() < near, "{read} {exact}");
                }
            }
        }
    }
    assert!(normed > 0 && plain > 0);
}

#[test]
fn a_matrix_at_a_glance_counts_every_weight() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let trace = trace(&weights, &pool, &ids(3, 5), &SiteFilter::all()).unwrap();
        for matrix in layer_matrices(&trace, &network, 0, 0).unwrap() {
            let MatrixSummary { histogram, picture } = MatrixSummary::new(&weights, &matrix, 7);
            let mut values = vec![0.0; matrix.rows * matrix.columns];
            weights.read(matrix.weight(), &mut values);
            assert_eq!(histogram.counts.iter().sum::<u64>(), values.len() as u64);
            let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let least = values.iter().copied().fold(f32::INFINITY, f32::min);
            assert_eq!([histogram.from, histogram.to], [least, most]);
            assert!(histogram.counts[0] > 0 && histogram.counts[63] > 0);
            let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len() as f64;
            assert!((histogram.mean - mean).abs() < 1e-12);
            assert_eq!(
                [picture.rows, picture.columns],
                [matrix.rows, matrix.columns].map(|n| n.min(7))
            );
            let largest = picture.values.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            assert_eq!(largest, most.max(-least));
        }
    }
}

#[test]
fn a_matrix_or_row_that_is_not_there_is_refused_by_name() {
    let pool = ThreadPool::single_threaded();
    let network = &networks()[0];
    let weights = weights(network, WeightMode::Inference, &pool);
    let trace = trace(&weights, &pool, &ids(3, 5), &SiteFilter::all()).unwrap();
    let matrices = layer_matrices(&trace, network, 0, 0).unwrap();
    let refused = |name, row| {
        matrix_row(&trace, &weights, [0, 0], &matrices, (name, row)).unwrap_err().to_string()
    };
    assert!(refused("dwon", 0).contains("down"));
    assert!(refused("q", 1_000_000).contains("matrix q has no row 1000000"));
    assert!(layer_matrices(&trace, network, 99, 0).unwrap_err().to_string().contains("layer 99"));
}
