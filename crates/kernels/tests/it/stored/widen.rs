//! The values of stored blocks, counted by hand or as other programs have them.

use lookback_kernels::{naive::stored::half, stored::StorageType};

#[test]
fn nibbles_of_q4_0_are_centred_on_eight_and_split_in_halves() {
    let mut block = [0u8; 18];
    block[..2].copy_from_slice(&0x3800_u16.to_le_bytes()); // 0.5
    block[2] = 0xf0; // element 0 is 0, element 16 is 15
    block[3] = 0x18; // element 1 is 8, element 17 is 1
    let mut out = [0.0; 32];
    StorageType::Q4_0.widen(&block, &mut out);
    assert_eq!((out[0], out[16], out[1], out[17]), (-4.0, 3.5, 0.0, -3.5));
}

#[test]
fn q4_1_adds_its_minimum_and_rounds_once() {
    let (d, m) = (0x2e66_u16, 0xdcb0_u16); // 0.1, about, and -300
    let mut block = [0u8; 20];
    block[..2].copy_from_slice(&d.to_le_bytes());
    block[2..4].copy_from_slice(&m.to_le_bytes());
    block[4] = 0x7f;
    let mut out = [0.0; 32];
    StorageType::Q4_1.widen(&block, &mut out);
    assert_eq!(out[0].to_bits(), 15f32.mul_add(half(d), -300.0).to_bits());
    assert_eq!(out[16].to_bits(), 7f32.mul_add(half(d), -300.0).to_bits());
    assert_eq!(out[1], -300.0);
}

#[test]
fn bytes_of_q8_0_are_signed() {
    let mut block = [0u8; 34];
    block[..2].copy_from_slice(&0x4000_u16.to_le_bytes()); // 2
    (block[2], block[33]) = (0x80, 0x7f);
    let mut out = [0.0; 32];
    StorageType::Q8_0.widen(&block, &mut out);
    assert_eq!((out[0], out[31]), (-256.0, 254.0));
}

/// Random blocks, ten of each type, and the values that `gguf.quants.dequantize` of the Python package gguf makes of them.
/// Their halves are also denormal, infinite and NaN.
const VECTORS: [(StorageType, &[u8]); 13] = [
    (StorageType::Q8_0, include_bytes!("vectors/q8_0.bin")),
    (StorageType::Q4_0, include_bytes!("vectors/q4_0.bin")),
    (StorageType::Q4_1, include_bytes!("vectors/q4_1.bin")),
    (StorageType::Q5_0, include_bytes!("vectors/q5_0.bin")),
    (StorageType::Q5_1, include_bytes!("vectors/q5_1.bin")),
    (StorageType::Q2K, include_bytes!("vectors/q2_k.bin")),
    (StorageType::Q3K, include_bytes!("vectors/q3_k.bin")),
    (StorageType::Q4K, include_bytes!("vectors/q4_k.bin")),
    (StorageType::Q5K, include_bytes!("vectors/q5_k.bin")),
    (StorageType::Q6K, include_bytes!("vectors/q6_k.bin")),
    (StorageType::Iq4Nl, include_bytes!("vectors/iq4_nl.bin")),
    (StorageType::Iq4Xs, include_bytes!("vectors/iq4_xs.bin")),
    (StorageType::Mxfp4, include_bytes!("vectors/mxfp4.bin")),
];

fn widen(storage: StorageType, bytes: &[u8]) -> Vec<u32> {
    let mut out = vec![f32::NAN; bytes.len() / storage.block_bytes() * storage.block_len()];
    storage.widen(bytes, &mut out);
    out.iter().map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect()
}

#[test]
fn every_quantised_type_widens_to_the_bits_that_gguf_gives() {
    let quantised = StorageType::ALL.into_iter().filter(|storage| storage.is_quantised());
    let tested: Vec<StorageType> = VECTORS.iter().map(|(storage, _)| *storage).collect();
    assert!(quantised.clone().all(|storage| tested.contains(&storage)));
    for (storage, vector) in VECTORS {
        let (blocks, values) = vector.split_at(10 * storage.block_bytes());
        let values = values.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let expected: Vec<u32> =
            values.map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect();
        assert_eq!(widen(storage, blocks), expected, "{storage:?}");
    }
}

/// A reader that took any bit for another, or left it out, would be told apart: each bit of ten blocks shows in its own
/// way.
#[test]
fn every_bit_of_a_block_counts() {
    for (storage, vector) in VECTORS {
        let bytes = storage.block_bytes();
        let mut blocks = vector[..10 * bytes].to_vec();
        for block in blocks.chunks_exact_mut(bytes) {
            for (at, half) in storage.halves_at().iter().zip([0x2e66_u16, 0xb123]) {
                block[*at..at + 2].copy_from_slice(&half.to_le_bytes());
            }
        }
        let mut changed = std::collections::HashSet::from([widen(storage, &blocks)]);
        for bit in 0..8 * bytes {
            let flip = |blocks: &mut [u8]| {
                blocks.chunks_exact_mut(bytes).for_each(|block| block[bit / 8] ^= 1 << (bit % 8));
            };
            flip(&mut blocks);
            assert!(changed.insert(widen(storage, &blocks)), "{storage:?}, bit {bit}");
            flip(&mut blocks);
        }
    }
}

#[test]
fn f8_and_f64_are_what_they_are_called() {
    let mut out = [0.0; 8];
    StorageType::F8E4M3.widen(&[0x38, 0xb8, 0x7e, 0x01, 0x80, 0x08, 0x07, 0x7f], &mut out);
    assert_eq!(out[..4], [1.0, -1.0, 448.0, 0.001953125]);
    assert_eq!(out[4].to_bits(), (-0.0f32).to_bits());
    assert_eq!(out[5..7], [0.015625, 0.013671875]);
    assert!(out[7].is_nan());
    StorageType::F8E5M2.widen(&[0x3c, 0xbc, 0x7b, 0x01, 0x80, 0x7c, 0x04, 0x7d], &mut out);
    assert_eq!(out[..4], [1.0, -1.0, 57344.0, 2f32.powi(-16)]);
    assert_eq!(out[5..7], [f32::INFINITY, 2f32.powi(-14)]);
    assert!(out[7].is_nan());
    let bytes: Vec<u8> = [0.1, 1e300, 1e-310].iter().flat_map(|x: &f64| x.to_le_bytes()).collect();
    StorageType::F64.widen(&bytes, &mut out[..3]);
    assert_eq!(out[..3], [0.1, f32::INFINITY, 0.0]);
}
