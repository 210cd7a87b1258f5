//! A weight multiplied as a file stores it gives the bits of its copy in f32, for every form, on every
//! path and any number of threads.

use crate::inputs::{Kind as Numbers, bits, numbers, pools};
use lookback_kernels::{
    bf16,
    embed::{Table, gather},
    matmul::{Accumulate, Epilogue},
    naive,
    stored::{self, Panels, StorageType},
    thread_pool::ThreadPool,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

mod widen;

/// A weight whose bytes are arbitrary, but for halves, which are mostly ordinary numbers.
fn file(storage: StorageType, outputs: usize, inner: usize, seed: u64) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut bytes = vec![0; outputs * storage.bytes(inner)];
    random.fill_bytes(&mut bytes);
    let mut half = |at: usize, bytes: &mut [u8]| {
        let bits = random.next_u32();
        let half = match bits % 16 {
            // A denormal, or zero of either sign.
            0 => bits >> 16 & 0x83ff,
            1 => bits >> 16 & 0x8000,
            2 if seed.is_multiple_of(3) => 0x7c00 | bits >> 16 & 0x8201,
            // From 2⁻⁷ to 4.
            _ => (bits >> 16 & 0x83ff) | (8 + bits % 9) << 10,
        };
        bytes[at..at + 2].copy_from_slice(&(half as u16).to_le_bytes());
    };
    if storage == StorageType::Bf16 {
        return bytes;
    }
    if storage == StorageType::F16 {
        (0..bytes.len()).step_by(2).for_each(|at| half(at, &mut bytes));
    }
    for first in (0..bytes.len()).step_by(storage.block_bytes()) {
        storage.halves_at().iter().for_each(|at| half(first + at, &mut bytes));
        if storage == StorageType::Mxfp4 {
            // Also where a scale is denormal, or a number infinite.
            let exponent = &mut bytes[first];
            *exponent = match *exponent % 8 {
                0 => *exponent % 3,
                1 if seed.is_multiple_of(3) => 255,
                _ => 120 + *exponent % 12,
            };
        }
    }
    bytes
}

/// A weight as its bytes, its copy in f32, and its panels.
struct Weight {
    bytes: Vec<u8>,
    wide: Vec<f32>,
    panels: Vec<u32>,
}

impl Weight {
    fn new(storage: StorageType, outputs: usize, inner: usize, seed: u64) -> Self {
        let (bytes, len) = (file(storage, outputs, inner, seed), storage.bytes(inner));
        let mut wide = vec![0.0; outputs * inner];
        for (output, wide) in wide.chunks_exact_mut(inner.max(1)).enumerate() {
            storage.widen(&bytes[output * len..][..len], wide);
        }
        let mut panels = vec![7; stored::panels_len(storage, outputs, inner)];
        let row = |output: usize| &bytes[output * len..][..len];
        let pool = ThreadPool::single_threaded();
        stored::pack(&pool, storage, &row, outputs, inner, &mut panels);
        Self { bytes, wide, panels }
    }
}

#[test]
fn panels_are_those_of_the_definition() {
    let pools = pools();
    // Every number of columns in a last panel, after none, one or two whole ones.
    for outputs in 0..=130 {
        for storage in StorageType::WITH_PANELS {
            let inners: &[usize] = match storage.block_len() {
                256 => &[0, 256, 768],
                32 => &[0, 32, 64, 96, 352],
                _ => &[0, 1, 2, 3, 7, 8, 9, 15, 31, 32, 33, 47, 64, 71, 131],
            };
            for &inner in inners {
                let mut bytes = vec![0; outputs * storage.bytes(inner)];
                ChaCha8Rng::seed_from_u64(outputs as u64).fill_bytes(&mut bytes);
                let row =
                    |output: usize| &bytes[output * storage.bytes(inner)..][..storage.bytes(inner)];
                let mut twin = vec![3; stored::panels_len(storage, outputs, inner)];
                naive::stored::pack(storage, &row, outputs, inner, &mut twin);
                for pool in &pools {
                    let mut panels = vec![7; twin.len() + 1];
                    stored::pack(pool, storage, &row, outputs, inner, &mut panels);
                    let (isa, threads) = (pool.isa(), pool.threads());
                    assert!(
                        panels[..twin.len()] == twin && panels[twin.len()] == 7,
                        "{storage:?}, {outputs} × {inner}, {isa:?}, {threads} threads"
                    );
                }
            }
        }
    }
}

fn equals_its_copy(storage: StorageType, rows: usize, outputs: usize, inner: usize, seed: u64) {
    let Weight { wide, panels, .. } = Weight::new(storage, outputs, inner, seed);
    let numbers_kind = if seed.is_multiple_of(2) { Numbers::Hard } else { Numbers::Scale(1.0) };
    let some = |len: usize, part: u64| numbers(numbers_kind, len, 10 * seed + part);
    let (x, bias, residual) = (some(rows * inner, 1), some(outputs, 2), some(rows * outputs, 3));
    for (bias, residual) in [(None, None), (Some(&bias[..]), Some(&residual[..]))] {
        let epilogue = Epilogue { bias, residual };
        let mut copy = vec![0.0; rows * outputs];
        naive::matmul::forward(&x, &wide, outputs, inner, epilogue, &mut copy);
        for pool in &pools() {
            let mut y = vec![f32::NAN; rows * outputs];
            let weight = Panels { storage, data: &panels, outputs, inner };
            stored::forward(pool, &x, weight, epilogue, &mut y);
            assert_eq!(
                bits(&y),
                bits(&copy),
                "{storage:?}, {rows} × {outputs} × {inner}, seed {seed}, {:?}, {} threads",
                pool.isa(),
                pool.threads()
            );
            let (mut y, mut second) = (vec![f32::NAN; y.len()], vec![f32::NAN; y.len()]);
            let both = [&mut y[..], &mut second];
            stored::forward_several(pool, &x, [weight; 2], [bias; 2], both);
            if residual.is_none() {
                assert_eq!(bits(&y), bits(&copy), "the first of several: {storage:?}");
            }
            assert_eq!(bits(&y), bits(&second), "the second of several: {storage:?}");
        }
    }
    let (dy, stands) = (some(rows * outputs, 4), some(rows * inner, 5));
    for start in [Accumulate::FromZero, Accumulate::FromOutput] {
        let mut copy = stands.clone();
        naive::matmul::input_gradient(&dy, &wide, outputs, inner, start, &mut copy);
        for pool in &pools() {
            let mut dx = stands.clone();
            let weight = Panels { storage, data: &panels, outputs, inner };
            stored::input_gradient(pool, &dy, weight, start, &mut dx);
            assert_eq!(
                bits(&dx),
                bits(&copy),
                "input gradient, {start:?}: {storage:?}, {rows} × {outputs} × {inner}, seed {seed}, {:?}, {} threads",
                pool.isa(),
                pool.threads()
            );
        }
    }
}

#[test]
fn a_stored_weight_gives_the_bits_of_its_copy_in_f32() {
    let shapes: [[usize; 3]; 9] = [
        [1, 1, 32],
        [1, 64, 64],
        [1, 130, 160],
        [2, 65, 96],
        [3, 63, 32],
        [4, 80, 288],
        [5, 64, 160],
        [7, 129, 128],
        [98, 70, 352],
    ];
    for storage in StorageType::WITH_PANELS {
        for (seed, [rows, outputs, inner]) in shapes.into_iter().enumerate() {
            let inner = inner.next_multiple_of(storage.block_len());
            equals_its_copy(storage, rows, outputs, inner, seed as u64);
        }
    }
    // Halves do not come in blocks.
    for (seed, inner) in [1, 2, 31, 33, 65, 131].into_iter().enumerate() {
        for storage in [StorageType::Bf16, StorageType::F16] {
            for rows in [1, 4, 5] {
                equals_its_copy(storage, rows, 67, inner, 20 + seed as u64);
            }
        }
    }
}

#[test]
fn a_quantised_weight_times_rounded_rows_equals_the_twin() {
    let shapes: [[usize; 3]; 7] = [
        [1, 1, 32],
        [2, 65, 96],
        [3, 64, 64],
        [4, 130, 160],
        [5, 70, 128],
        [7, 80, 96],
        [98, 70, 288],
    ];
    for storage in StorageType::WITH_PANELS.into_iter().filter(|storage| storage.is_quantised()) {
        for (seed, [rows, outputs, inner]) in shapes.into_iter().enumerate() {
            let (seed, inner) = (40 + seed as u64, inner.next_multiple_of(storage.block_len()));
            let Weight { bytes, panels, .. } = Weight::new(storage, outputs, inner, seed);
            let numbers_kind = [Numbers::Hard, Numbers::Scale(1.0), Numbers::Scale(1e-37)];
            let numbers_kind = numbers_kind[seed as usize % 3];
            let some = |len: usize, part: u64| numbers(numbers_kind, len, 10 * seed + part);
            let (x, bias) = (some(rows * inner, 1), some(outputs, 2));
            let residual = some(rows * outputs, 3);
            let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual) };
            let row =
                |output: usize| &bytes[output * storage.bytes(inner)..][..storage.bytes(inner)];
            let mut twin = vec![0.0; rows * outputs];
            naive::stored::forward_rounded(storage, &row, &x, outputs, inner, epilogue, &mut twin);
            for pool in &pools() {
                let mut pairs = vec![7; rows * inner / 2];
                bf16::round_rows(pool, &x, inner, 0..inner, &mut pairs);
                let mut y = vec![f32::NAN; rows * outputs];
                let weight = Panels { storage, data: &panels, outputs, inner };
                let sub_block_len = storage.sub_block_len();
                let mut ones = vec![f32::NAN; rows * inner / sub_block_len];
                stored::block_sums(pool, &pairs, sub_block_len, &mut ones);
                let ones = if storage.has_min() { &ones[..] } else { &[] };
                stored::forward_rounded(pool, &pairs, ones, weight, epilogue, &mut y);
                assert_eq!(
                    bits(&y),
                    bits(&twin),
                    "{storage:?}, {rows} × {outputs} × {inner}, seed {seed}, {:?}, {} threads",
                    pool.isa(),
                    pool.threads()
                );
            }
        }
    }
}

#[test]
fn rows_of_a_stored_table_are_those_of_its_copy() {
    for storage in StorageType::WITH_PANELS {
        let (outputs, inner) = (131, 96usize.next_multiple_of(storage.block_len()));
        let Weight { wide, panels, .. } = Weight::new(storage, outputs, inner, 5);
        let indices = [0, 130, 64, 63, 17, 130];
        let (mut found, mut copy) = (vec![0.0; 6 * inner], vec![0.0; 6 * inner]);
        let pool = ThreadPool::single_threaded();
        let table = Panels { storage, data: &panels, outputs, inner };
        gather(&pool, Table::Stored(table), inner, &indices, &mut found);
        gather(&pool, Table::Rows(&wide), inner, &indices, &mut copy);
        assert_eq!(bits(&found), bits(&copy), "{storage:?}");
    }
}

#[test]
fn whole_panels_and_parts_of_them_are_read_as_single_rows_are() {
    for storage in StorageType::WITH_PANELS {
        for inner in [32, 96, 160, 288usize] {
            let (outputs, inner) = (200, inner.next_multiple_of(storage.block_len()));
            let Weight { wide, panels, .. } = Weight::new(storage, outputs, inner, 7);
            let table = Panels { storage, data: &panels, outputs, inner };
            for pool in pools() {
                for rows in [0..200, 0..64, 63..129, 64..192, 70..75, 130..200, 5..5] {
                    let mut found = vec![f32::NAN; rows.len() * inner];
                    stored::read_rows(pool.isa(), table, rows.clone(), &mut found);
                    let copy = &wide[rows.start * inner..rows.end * inner];
                    assert_eq!(bits(&found), bits(copy), "{storage:?}, {inner}, {rows:?}");
                }
            }
        }
    }
}

#[test]
fn halves_are_those_of_ieee() {
    let half = |bits: u16| naive::stored::half(bits);
    assert_eq!([half(0x3c00), half(0xc000), half(0x7bff)], [1.0, -2.0, 65504.0]);
    assert_eq!([half(0x0001), half(0x03ff)], [2f32.powf(-24.0), 1023.0 * 2f32.powf(-24.0)]);
    assert_eq!(half(0x8000).to_bits(), (-0.0f32).to_bits());
    assert_eq!(half(0xfc00), f32::NEG_INFINITY);
    // A NaN that signals is widened to one that does not, as processors do.
    assert_eq!([half(0x7c01), half(0xfe00)].map(f32::to_bits), [0x7fc0_2000, 0xffc0_0000]);
}

#[test]
fn types_have_panels_or_are_refused_by_name() {
    for storage in StorageType::ALL {
        assert_eq!(
            storage.has_panels(),
            StorageType::WITH_PANELS.contains(&storage),
            "{storage:?}"
        );
        let len = std::panic::catch_unwind(|| stored::panels_len(storage, 1, 256));
        let said = len.err().map(|said| said.downcast::<String>().unwrap());
        let expected = format!("{} is not packed as it is stored", storage.name());
        assert_eq!(said.map(|said| *said), (!storage.has_panels()).then_some(expected));
    }
}

#[test]
fn the_first_scale_that_is_not_finite_is_said() {
    for storage in
        StorageType::WITH_PANELS.into_iter().filter(|storage| !storage.halves_at().is_empty())
    {
        let (outputs, inner) = (130, 3 * storage.block_len());
        let mut bytes = vec![0; outputs * storage.bytes(inner)];
        let len = storage.bytes(inner);
        let packed = |bytes: &[u8], pool: &ThreadPool| {
            let mut panels = vec![0; stored::panels_len(storage, outputs, inner)];
            let row = |output: usize| &bytes[output * len..][..len];
            stored::pack(pool, storage, &row, outputs, inner, &mut panels)
        };
        for pool in &pools() {
            assert_eq!(packed(&bytes, pool), None);
        }
        for (output, block, half) in [(129, 0, 0xfc00_u16), (70, 2, 0x7c01), (64, 1, 0x7c00)] {
            let at = *storage.halves_at().last().unwrap();
            let at = output * len + block * storage.block_bytes() + at;
            bytes[at..at + 2].copy_from_slice(&half.to_le_bytes());
            for pool in &pools() {
                let found = packed(&bytes, pool).map(|found| (found.output, found.block));
                assert_eq!(found, Some((output, block)), "{storage:?}");
            }
        }
    }
}

#[test]
fn panels_have_at_most_a_twentieth_more_bytes_than_the_file() {
    for storage in StorageType::WITH_PANELS {
        let panels = 4 * stored::panels_len(storage, 128, 1024);
        let file = 128 * storage.bytes(1024);
        assert!(panels >= file && 20 * panels <= 21 * file, "{storage:?}: {panels}, {file}");
    }
}

#[test]
fn what_only_resembles_a_form_is_told_apart() {
    // Of each block of 32 numbers: a scale of 0.5, a least of 3, and quants that count.
    let quants: Vec<u8> = (0..32u8).map(|i| i.wrapping_mul(37) ^ 0x5a).collect();
    let mut file = vec![0x00, 0x38, 0x00, 0x42];
    file.extend(&quants);
    let q = |i: usize| quants[i % 16] >> (4 * (i / 16)) & 15;
    let mut found = vec![0.0; 32];
    StorageType::Q4_1.widen(&file[..20], &mut found);
    let expected: Vec<f32> = (0..32).map(|i| f32::from(q(i)) * 0.5 + 3.0).collect();
    assert_eq!(found, expected);
    let neighbours: Vec<f32> =
        (0..32).map(|i| f32::from(quants[i / 2] >> (4 * (i % 2)) & 15) * 0.5 + 3.0).collect();
    assert_ne!(found, neighbours, "nibbles of one byte lie side by side");
    file.drain(2..4);
    StorageType::Q4_0.widen(&file[..18], &mut found);
    let expected: Vec<f32> = (0..32).map(|i| (f32::from(q(i)) - 8.0) * 0.5).collect();
    assert_eq!(found, expected);
    StorageType::Q8_0.widen(&file, &mut found);
    let expected: Vec<f32> = quants.iter().map(|&q| f32::from(q as i8) * 0.5).collect();
    assert_eq!(found, expected);
    let unsigned: Vec<f32> = quants.iter().map(|&q| f32::from(q) * 0.5).collect();
    assert_ne!(found, unsigned, "bytes have no sign");
}
