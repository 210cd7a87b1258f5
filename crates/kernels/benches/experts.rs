//! A mixture's routes and weighted sums, forward and backward: 768 rows, 8 of 128 experts, 512 wide.

mod timing;

use lookback_kernels::{
    experts::{
        ExpertOutputs, ExpertWeighting, Routes, Routing, combine, combine_backward, route,
        route_backward,
    },
    naive::experts as naive,
    thread_pool::ThreadPool,
};
use timing::{numbers, report, same};

const ROWS: usize = 768;
const EXPERTS: usize = 128;
const CHOSEN: usize = 8;
const WIDTH: usize = 512;

fn main() {
    let weighting = ExpertWeighting::Softmax;
    let routing = Routing { experts: EXPERTS, chosen: CHOSEN, weighting };
    let logits = numbers(ROWS * EXPERTS);
    let [mut weights, mut slow] = [vec![0.0; ROWS * CHOSEN], vec![0.0; ROWS * CHOSEN]];
    let [mut indices, mut taken] = [vec![0; ROWS * CHOSEN], vec![0; ROWS * CHOSEN]];
    let alone = ThreadPool::single_threaded();
    route(&alone, routing, &logits, &mut weights, &mut indices);
    naive::route(routing, &logits, &mut slow, &mut taken);
    same(&weights, &slow);
    assert_eq!(indices, taken);
    report("route", 4 * logits.len(), |pool| {
        route(pool, routing, &logits, &mut slow, &mut taken);
    });

    let dweights = numbers(ROWS * CHOSEN);
    let mut dlogits = vec![0.0; logits.len()];
    report("route back", 8 * logits.len(), |pool| {
        let routes = Routes { weights: &weights, indices: &indices };
        route_backward(pool, routing, routes, &logits, &dweights, &mut dlogits);
    });

    let outputs = numbers(ROWS * CHOSEN * WIDTH);
    let [mut y, mut expected] = [vec![0.0; ROWS * WIDTH], vec![0.0; ROWS * WIDTH]];
    let made = ExpertOutputs { outputs: &outputs, weights: &weights, chosen: CHOSEN, width: WIDTH };
    combine(&alone, made, &mut y);
    naive::combine(made, &mut expected);
    same(&y, &expected);
    report("combine", 4 * outputs.len(), |pool| {
        combine(pool, made, &mut y);
    });

    let mut doutputs = vec![0.0; outputs.len()];
    report("combine back", 8 * outputs.len(), |pool| {
        combine_backward(pool, made, &expected, &mut doutputs, &mut slow);
    });
}
