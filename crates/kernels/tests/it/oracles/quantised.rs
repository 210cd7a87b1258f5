//! Any bytes as a stored weight and rows to multiply it with: on every path, the products are those of
//! its copy in f32, bit for bit, and those of its twin where rows are rounded.
//!
//! Of a case, four bytes say how a weight is stored, how many rows and outputs there are, and how long
//! they are; the weight's bytes and the rows' follow, and begin again where there are too few.

use std::cell::RefCell;

use lookback_kernels::{
    bf16,
    isa::Isa,
    matmul::Epilogue,
    naive,
    stored::{self, Panels, StorageType},
    thread_pool::ThreadPool,
};

thread_local! {
    static TEAMS: RefCell<Vec<ThreadPool>> =
        RefCell::new(Isa::available().map(|isa| ThreadPool::new(1, isa)).collect());
}

/// Bits, in which all NaNs are equal.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect()
}

/// Holds one case on every path.
pub fn check(bytes: &[u8]) {
    let Some((&[storage, rows, outputs, inner], rest)) = bytes.split_first_chunk() else { return };
    if rest.is_empty() {
        return;
    }
    let storage = StorageType::WITH_PANELS[usize::from(storage) % StorageType::WITH_PANELS.len()];
    let (rows, outputs) = (usize::from(rows) % 9 + 1, usize::from(outputs) % 140 + 1);
    let inner = match storage.block_len() {
        256 => 256 * (usize::from(inner) % 3 + 1),
        32 => 32 * (usize::from(inner) % 6 + 1),
        _ => usize::from(inner) % 150 + 1,
    };
    let mut more = rest.iter().copied().cycle();
    let len = storage.bytes(inner);
    let weight: Vec<u8> = more.by_ref().take(outputs * len).collect();
    let mut number = || f32::from_le_bytes([(); 4].map(|()| more.next().unwrap_or_default()));
    let x: Vec<f32> = (0..rows * inner).map(|_| number()).collect();
    let bias: Vec<f32> = (0..outputs).map(|_| number()).collect();
    let residual: Vec<f32> = (0..rows * outputs).map(|_| number()).collect();
    let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual) };

    let row = |output: usize| &weight[output * len..][..len];
    let mut wide = vec![0.0; outputs * inner];
    for (output, wide) in wide.chunks_exact_mut(inner).enumerate() {
        storage.widen(row(output), wide);
    }
    let mut panels = vec![7; stored::panels_len(storage, outputs, inner)];
    stored::pack(&ThreadPool::single_threaded(), storage, &row, outputs, inner, &mut panels);
    let mut copy = vec![0.0; rows * outputs];
    naive::matmul::forward(&x, &wide, outputs, inner, epilogue, &mut copy);
    let mut twin = vec![0.0; rows * outputs];
    if storage.is_quantised() {
        naive::stored::forward_rounded(storage, &row, &x, outputs, inner, epilogue, &mut twin);
    }
    TEAMS.with_borrow(|pools| {
        for pool in pools {
            let weight = || Panels { storage, data: &panels, outputs, inner };
            let mut y = vec![f32::NAN; rows * outputs];
            stored::forward(pool, &x, weight(), epilogue, &mut y);
            let place = format!("{storage:?}, {rows} × {outputs} × {inner}, {:?}", pool.isa());
            assert_eq!(bits(&y), bits(&copy), "{place}");
            if storage.is_quantised() {
                let mut pairs = vec![7; rows * inner / 2];
                bf16::round_rows(pool, &x, inner, 0..inner, &mut pairs);
                let sub_block_len = storage.sub_block_len();
                let mut ones = vec![f32::NAN; rows * inner / sub_block_len];
                stored::block_sums(pool, &pairs, sub_block_len, &mut ones);
                let ones = if storage.has_min() { &ones[..] } else { &[] };
                y.fill(f32::NAN);
                stored::forward_rounded(pool, &pairs, ones, weight(), epilogue, &mut y);
                assert_eq!(bits(&y), bits(&twin), "rounded, {place}");
            }
        }
    });
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let noise = |seed: usize| (0..400).map(move |at| (at * 167 + seed * 59) as u8 & 0x3f);
    let shapes = [[0, 0, 0, 0], [0, 63, 31, 3], [4, 64, 32, 2], [8, 129, 149, 5]];
    let of_type = |storage: u8| {
        shapes.map(|[rows, outputs, inner, seed]| {
            [storage, rows, outputs, inner].into_iter().chain(noise(seed.into())).collect()
        })
    };
    (0..StorageType::WITH_PANELS.len() as u8).flat_map(of_type).collect()
}
