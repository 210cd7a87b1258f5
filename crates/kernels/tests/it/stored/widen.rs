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

/// As `gguf.quants.dequantize` of the Python package gguf has them.
#[test]
fn q6_k_widens_to_the_bits_that_gguf_gives() {
    let mut blocks: Vec<u8> = (0..3 * 210).map(|at: u32| (at * 89 + at / 7) as u8).collect();
    for block in blocks.chunks_exact_mut(210) {
        block[209] &= 0x3b;
    }
    let mut out = [0.0; 3 * 256];
    StorageType::Q6K.widen(&blocks, &mut out);
    for (at, bits) in [
        (0, 0x8000_0000),
        (1, 0xbd0c_3d90),
        (31, 0xbc1d_ad00),
        (32, 0x3df4_1820),
        (63, 0xbc7c_4800),
        (64, 0xbd1b_4000),
        (100, 0xbc4b_c400),
        (127, 0xbb35_ef00),
        (128, 0xbcfb_1180),
        (200, 0xbc29_32c0),
        (255, 0x3b11_8c00),
        (700, 0x3b00_7000),
        (767, 0x3da1_8ce0_u32),
    ] {
        assert_eq!(out[at].to_bits(), bits, "element {at}");
    }
    // All of them, by FNV-1a.
    let bytes = out.iter().flat_map(|value| value.to_le_bytes());
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!(sum, 0x0a93_be5b_77a5_b86e);
}
