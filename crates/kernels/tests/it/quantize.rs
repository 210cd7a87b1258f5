//! Numbers as files store them: with the bits of ggml where a type has one scale, as near as can be where scales are
//! searched for.

use lookback_kernels::{
    naive::stored as naive,
    quantize::{half, is_written, quantize},
    stored::StorageType,
};

use crate::inputs::{Kind as Numbers, bits, numbers};

/// Written by `scripts/quantize.py` with gguf 0.17 or later, whose bits are those of ggml's reference.
const GGML: &str = include_str!("quantize/ggml.txt");

fn stored(storage: StorageType, values: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; storage.bytes(values.len())];
    assert_eq!(quantize(storage, values, &mut bytes), Ok(()), "{storage:?}");
    bytes
}

fn widened(storage: StorageType, bytes: &[u8], len: usize) -> Vec<f32> {
    let mut values = vec![0.0; len];
    storage.widen(bytes, &mut values);
    values
}

/// Numbers that are spread as the sum of twelve uniform ones, nearly normally.
fn normal(len: usize, seed: u64) -> Vec<f32> {
    let twelve = numbers(Numbers::Scale(1.0), 12 * len, seed);
    twelve.chunks_exact(12).map(|twelve| twelve.iter().sum()).collect()
}

/// The share that ggml's own quantisers lose of such numbers: root mean square errors by `ggml_quantize_chunk` of
/// llama.cpp (llama-cpp-python 0.3.36) of a million of them.
const LOSSES: &[(&str, f64)] = &[
    ("q8_0", 0.005277),
    ("q5_1", 0.037470),
    ("q5_0", 0.042087),
    ("q4_1", 0.077430),
    ("q4_0", 0.084775),
    ("q6_k", 0.017529),
    ("q5_k", 0.035742),
    ("q4_k", 0.070582),
];

/// The root of the mean squared error of what is stored.
fn error(storage: StorageType, values: &[f32]) -> f64 {
    let read = widened(storage, &stored(storage, values), values.len());
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    (values.iter().zip(&read).map(square).sum::<f64>() / values.len() as f64).sqrt()
}

#[test]
fn blocks_of_one_scale_have_the_bits_of_ggml() {
    let mut seen = Vec::new();
    for line in GGML.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, values @ .., wanted] = &*words else { panic!("{line}") };
        let storage = StorageType::ALL.into_iter().find(|known| known.name() == *name).unwrap();
        let values: Vec<f32> = values
            .iter()
            .map(|bits| f32::from_bits(u32::from_str_radix(bits, 16).unwrap()))
            .collect();
        let found: String =
            stored(storage, &values).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, **wanted, "{name} of {values:?}");
        seen.push(storage);
    }
    assert!(seen.len() >= 75, "{}", seen.len());
}

#[test]
fn halves_are_the_nearest_and_ties_are_even() {
    for bits in 0..=u16::MAX {
        let value = naive::half(bits);
        if !value.is_nan() {
            assert_eq!(half(value), bits, "{value}");
        }
    }
    assert_eq!(half(f32::NAN) & 0x7fff, 0x7e00);
    assert_eq!((half(65519.0), half(65520.0), half(-1e9)), (0x7bff, 0x7c00, 0xfc00));
    for bits in (0..0x7bff).step_by(7) {
        let (low, high) = (f64::from(naive::half(bits)), f64::from(naive::half(bits + 1)));
        let middle = ((low + high) / 2.0) as f32;
        assert_eq!(half(middle), bits + (bits & 1), "{middle}");
        assert_eq!(half(middle.next_down()), bits, "below {middle}");
        assert_eq!(half(middle.next_up()), bits + 1, "above {middle}");
    }
}

#[test]
fn plain_numbers_come_back_with_their_bits() {
    let values = normal(4096, 3);
    for storage in [StorageType::F32, StorageType::F16, StorageType::Bf16] {
        let first = widened(storage, &stored(storage, &values), values.len());
        let second = widened(storage, &stored(storage, &first), values.len());
        assert_eq!(bits(&first), bits(&second), "{storage:?}");
        assert!(storage != StorageType::F32 || bits(&first) == bits(&values));
    }
}

/// Sixteen values of equal steps, the furthest below 0, are stored without a loss where the scale meets the step.
#[test]
fn what_a_type_can_say_is_said_exactly() {
    for storage in StorageType::ALL.into_iter().filter(|known| is_written(*known)) {
        let len = 512usize.next_multiple_of(storage.block_len());
        let values: Vec<f32> = (0..len).map(|i| ((i * 7 % 16) as f32 - 8.0) * 0.125).collect();
        // Of those that do not meet it half a step of their own, or the rounding of a half.
        let bound = match storage {
            StorageType::Q8_0 => 0.5 / 127.0,
            StorageType::Q5_1 => 0.5 * 1.875 / 31.0,
            StorageType::Q4K | StorageType::Q5K => 2e-3,
            _ => 0.0,
        };
        let lost = error(storage, &values);
        assert!(lost <= bound, "{storage:?} errs by {lost}");
    }
}

#[test]
fn no_more_is_lost_than_ggml_loses() {
    let values = normal(1 << 17, 5);
    let spread = {
        let square = |value: &f32| f64::from(*value).powi(2);
        (values.iter().map(square).sum::<f64>() / values.len() as f64).sqrt()
    };
    for (name, share) in LOSSES {
        let storage = StorageType::ALL.into_iter().find(|known| known.name() == *name).unwrap();
        let lost = error(storage, &values) / spread;
        assert!(lost < share * 1.01, "{name} loses {lost:.5}, ggml {share}");
        assert!(lost > share * 0.9, "{name} loses {lost:.5}: too little to be true of {share}");
    }
}

#[test]
fn what_has_no_finite_form_is_named_by_its_block() {
    for storage in StorageType::ALL.into_iter().filter(|known| is_written(*known)) {
        let block = storage.block_len();
        let mut bytes = vec![0; storage.bytes(3 * block)];
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
            let mut values = vec![0.5; 3 * block];
            values[2 * block] = wrong;
            let is_plain =
                storage == StorageType::F32 || storage == StorageType::Bf16 && wrong.is_finite();
            let wanted = if is_plain { Ok(()) } else { Err(2) };
            assert_eq!(quantize(storage, &values, &mut bytes), wanted, "{storage:?} of {wrong}");
        }
    }
}
