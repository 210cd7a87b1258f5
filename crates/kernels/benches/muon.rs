//! Muon over the matrices of a block of the presets, in f32 and with products in bf16.

mod timing;

use lookback_kernels::{
    muon::{Matrix, Muon, muon, scratch_len},
    naive::{self, bf16::Compute},
    sums,
    thread_pool::ThreadPool,
};
use timing::{numbers, report, same};

fn main() {
    for products in [Compute::F32, Compute::Bf16] {
        all_shapes(&Muon { rate: 1e-3, momentum: 0.95, decay: 0.1, products });
    }
}

fn all_shapes(settings: &Muon) {
    for shape in [[128, 128], [344, 128], [128, 344], [384, 384], [1024, 384]] {
        let len = shape[0] * shape[1];
        let gradient = numbers(len);
        let start = || (gradient.clone(), vec![0.0; len]);
        let (mut fast, mut slow) = (start(), start());
        let (mut blocks, mut scratch) =
            (vec![0.0; sums::blocks_len(len)], vec![0.0; scratch_len(shape, 2, settings.products)]);
        let mut step = |pool: &ThreadPool| {
            let (blocks, scratch) = (&mut blocks[..], &mut scratch[..]);
            let (weight, momentum) = (&mut fast.0[..], &mut fast.1[..]);
            let matrix = Matrix { shape, weight, gradient: &gradient, momentum };
            muon(pool, settings, 1.0, matrix, blocks, scratch);
            fast.0.clone()
        };
        naive::muon::muon(settings, 1.0, shape, &mut slow.0, &gradient, &mut slow.1);
        same(&step(&ThreadPool::single_threaded()), &slow.0);
        report(&format!("muon {:?} {shape:?}", settings.products), 20 * len, |pool| {
            step(pool);
        });
    }
}
