//! Vectors of `.npy` and `.safetensors` files. Numbers are rounded once to single precision.

use lookback_files::{Kind, Refusal, Result};
use safetensors::{Dtype, SafeTensors};

/// A tensor: its shape, and its numbers in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// Reads a vector from a file's bytes; `tensor` says which of several.
pub(crate) fn read(file: &str, bytes: &[u8], tensor: Option<&str>) -> Result<Tensor> {
    let read = match file.rsplit_once('.').map(|(_, end)| end) {
        Some("npy") => npy(bytes),
        Some("safetensors") => safetensors(bytes, tensor),
        _ => Err("a vector is read from a .npy or .safetensors file".to_owned()),
    };
    let refuse = |why: String| Refusal::of(Kind::CorruptFile, format!("{file}: {why}"));
    let tensor = read.map_err(refuse)?;
    match tensor.values.iter().position(|value| !value.is_finite()) {
        None => Ok(tensor),
        Some(at) => Err(refuse(format!("number {at} of it is {}", tensor.values[at]))),
    }
}

/// The names of the tensors of a safetensors file.
pub(crate) fn names(file: &str, bytes: &[u8]) -> Result<Vec<String>> {
    let tensors = SafeTensors::deserialize(bytes);
    let tensors =
        tensors.map_err(|error| Refusal::of(Kind::CorruptFile, format!("{file}: {error}")))?;
    let mut names: Vec<String> = tensors.names().into_iter().map(|name| name.to_string()).collect();
    names.sort();
    Ok(names)
}

fn safetensors(bytes: &[u8], name: Option<&str>) -> Result<Tensor, String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut names: Vec<String> = tensors.names().into_iter().map(|name| name.to_string()).collect();
    names.sort();
    let name = match (name, &names[..]) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, _) => {
            return Err(format!(
                "it has {} tensors; name one of {}",
                names.len(),
                names.join(", ")
            ));
        }
    };
    let Ok(view) = tensors.tensor(name) else {
        let meant = lookback_files::nearest(name, names.iter().map(String::as_str));
        let meant = meant.map_or(String::new(), |name| format!("; did you mean {name:?}?"));
        return Err(format!("there is no tensor {name:?} in it{meant}"));
    };
    let kind = match view.dtype() {
        Dtype::F64 => Number::F64,
        Dtype::F32 => Number::F32,
        Dtype::F16 => Number::F16,
        Dtype::BF16 => Number::Bf16,
        other => return Err(format!("{name:?} holds {other:?}, and a vector is of floats")),
    };
    Ok(Tensor { shape: view.shape().to_vec(), values: kind.read(view.data()) })
}

/// NumPy's format: a magic, a version, the length of a header, a Python dictionary, the numbers.
fn npy(bytes: &[u8]) -> Result<Tensor, String> {
    let broken = || "it is no .npy file, or cut".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(broken)?;
    let (len, rest) = match rest {
        [1, _, low, high, rest @ ..] => (usize::from(u16::from_le_bytes([*low, *high])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return Err(broken()),
    };
    let (header, data) = rest.split_at_checked(len).ok_or_else(broken)?;
    let header = std::str::from_utf8(header).map_err(|_| broken())?;
    let value = |key: &str| {
        let from = header.find(&format!("'{key}'"))? + key.len() + 2;
        Some(header[from..].trim_start().strip_prefix(':')?.trim_start())
    };
    let quoted = value("descr").and_then(|rest| rest.strip_prefix('\'')?.split('\'').next());
    let kind = match quoted.ok_or_else(broken)? {
        "<f8" => Number::F64,
        "<f4" => Number::F32,
        "<f2" => Number::F16,
        other => return Err(format!("it holds {other}, and a vector is of little-endian floats")),
    };
    let shape = value("shape").and_then(|rest| rest.strip_prefix('(')?.split(')').next());
    let shape = shape.ok_or_else(broken)?.split(',').map(str::trim).filter(|part| !part.is_empty());
    let shape: Vec<usize> =
        shape.map(str::parse).collect::<Result<_, _>>().map_err(|_| broken())?;
    let is_fortran = value("fortran_order").is_some_and(|rest| rest.starts_with("True"));
    if is_fortran && shape.len() > 1 {
        return Err(
            "its columns stand one behind the other (Fortran's order); save rows".to_owned()
        );
    }
    let count = shape.iter().try_fold(1usize, |all, axis| all.checked_mul(*axis));
    if count.and_then(|count| count.checked_mul(kind.bytes())) != Some(data.len()) {
        return Err(broken());
    }
    Ok(Tensor { shape, values: kind.read(data) })
}

/// How a number is stored, low bytes first.
#[derive(Clone, Copy)]
enum Number {
    F64,
    F32,
    F16,
    Bf16,
}

impl Number {
    fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    fn read(self, data: &[u8]) -> Vec<f32> {
        let four = |x: &[u8; 4]| f32::from_le_bytes(*x);
        match self {
            Self::F64 => data.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x) as f32).collect(),
            Self::F32 => data.as_chunks().0.iter().map(four).collect(),
            Self::F16 => data.as_chunks().0.iter().map(|x| half(u16::from_le_bytes(*x))).collect(),
            Self::Bf16 => data.as_chunks().0.iter().map(|[a, b]| four(&[0, 0, *a, *b])).collect(),
        }
    }
}

/// An IEEE half in single precision, which holds each of them.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, (bits >> 10) & 31, bits & 1023);
    let magnitude = match exponent {
        0 => f32::from(fraction) / (1 << 24) as f32,
        31 if fraction == 0 => f32::INFINITY,
        31 => f32::NAN,
        _ => f32::from_bits((u32::from(exponent) + 112) << 23 | u32::from(fraction) << 13),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `numpy.save` writes it.
    fn saved(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let len = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn numpys_files_are_read() {
        let data: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let tensor = read("v.npy", &saved("<f4", "(2,)", &data), None).unwrap();
        assert_eq!(tensor, Tensor { shape: vec![2], values: vec![1.5, -2.0] });
        let halves = [0x3c00u16, 0xc000, 0x0001, 0x7bff].map(u16::to_le_bytes).concat();
        let tensor = read("v.npy", &saved("<f2", "(2, 2)", &halves), None).unwrap();
        assert_eq!(tensor.values, [1.0, -2.0, 2.0f32.powi(-24), 65504.0]);
        assert_eq!(tensor.shape, [2, 2]);
        // Cut anywhere, it is refused and nothing panics.
        let whole = saved("<f4", "(2,)", &data);
        for cut in 0..whole.len() {
            assert!(read("v.npy", &whole[..cut], None).is_err(), "{cut}");
        }
        for (descr, shape) in [("<i4", "(2,)"), (">f4", "(2,)"), ("<f4", "(3,)"), ("<f4", "(x,)")] {
            assert!(read("v.npy", &saved(descr, shape, &data), None).is_err(), "{descr} {shape}");
        }
    }

    #[test]
    fn a_number_that_is_none_is_refused_by_its_place() {
        let data: Vec<u8> = [1.0, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect();
        let refused = read("v.npy", &saved("<f4", "(2,)", &data), None).unwrap_err();
        assert_eq!(refused.to_string(), "v.npy: number 1 of it is NaN");
    }
}
