//! The header of one `.safetensors` file: a length, a JSON object, then nothing but tensors.
//!
//! Bounds are checked against the file before anything is kept; values are not looked at.

use std::{collections::HashSet, fmt, path::Path};

use lookback_files::{Kind, Refusal, Result, counted, excerpt};
use lookback_kernels::naive::stored::StorageType;
use serde::{
    Deserialize,
    de::{IgnoredAny, MapAccess, Visitor},
};

use super::tensors::{Tensor, refuse_tensor};

/// The format's own limit.
const HEADER_MOST: u64 = 100_000_000;

/// The types of the format, with their bits, and those that are read.
const DTYPES: &[(&str, usize, Option<StorageType>)] = &[
    ("F32", 32, Some(StorageType::F32)),
    ("F16", 16, Some(StorageType::F16)),
    ("BF16", 16, Some(StorageType::Bf16)),
    ("F64", 64, Some(StorageType::F64)),
    ("I64", 64, None),
    ("U64", 64, None),
    ("C64", 64, None),
    ("I32", 32, None),
    ("U32", 32, None),
    ("I16", 16, None),
    ("U16", 16, None),
    ("I8", 8, None),
    ("U8", 8, None),
    ("BOOL", 8, None),
    ("F8_E4M3", 8, Some(StorageType::F8E4M3)),
    ("F8_E5M2", 8, Some(StorageType::F8E5M2)),
    ("F8_E8M0", 8, None),
    ("F6_E2M3", 6, None),
    ("F6_E3M2", 6, None),
    ("F4", 4, None),
];

#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// Lists the tensors of a file. `source` is the number that they carry.
pub(super) fn read_header(path: &Path, bytes: &[u8], source: usize) -> Result<Vec<Tensor>> {
    let refuse = |what: String| Refusal::corrupt(format!("{}: {what}", path.display()));
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(refuse(format!(
            "it ends at byte {}, inside the header's length; it is probably half downloaded, so \
             fetch it again",
            bytes.len()
        )));
    };
    let length = u64::from_le_bytes(*length);
    if length > rest.len() as u64 {
        return Err(refuse(format!(
            "the header says it is {length} bytes long, but the file ends at byte {}; it is \
             probably half downloaded, so fetch it again",
            bytes.len()
        )));
    }
    if length > HEADER_MOST {
        return Err(refuse(format!(
            "the header says it is {length} bytes long; {HEADER_MOST} is the format's limit"
        )));
    }
    let (header, data) = rest.split_at(length as usize);
    let Header(infos) = serde_json::from_slice(header).map_err(|error| {
        refuse(format!("the header is not the JSON that is needed ({error}); fetch it again"))
    })?;

    let data_at = 8 + header.len();
    let mut tensors = Vec::with_capacity(infos.len());
    let mut names = HashSet::with_capacity(infos.len());
    for (name, info) in infos {
        let refuse = |what: String| refuse_tensor(path, &name, &what);
        let Some((dtype, bits, storage)) = DTYPES.iter().find(|known| known.0 == info.dtype) else {
            return Err(refuse(format!(
                "has the unknown type {}; F32, F64, F16, BF16, F8_E4M3 and F8_E5M2 are read",
                excerpt(&info.dtype)
            ))
            .with_kind(Kind::UnsupportedFeature));
        };
        let [start, end] = info.data_offsets;
        if start > end || end > data.len() {
            return Err(refuse(format!(
                "lies at bytes {start} to {end} of the data, which is {} long; the file is \
                 probably half downloaded, so fetch it again",
                counted(data.len(), "byte")
            )));
        }
        let elements = info.shape.iter().try_fold(1usize, |all, n| all.checked_mul(*n));
        let needed = elements.and_then(|elements| elements.checked_mul(*bits));
        if needed != Some((end - start) * 8) {
            return Err(refuse(format!(
                "is {dtype} of shape {}, which does not fit its {}",
                excerpt(&format!("{:?}", info.shape)),
                counted(end - start, "byte")
            )));
        }
        if !names.insert(name.clone()) {
            return Err(refuse("is there twice".to_owned()));
        }
        tensors.push(Tensor {
            name,
            dtype: (*dtype).to_owned(),
            storage: *storage,
            shape: info.shape,
            is_without_outer_ones: false,
            source,
            bytes: data_at + start..data_at + end,
        });
    }
    check_cover(path, &tensors, data_at..bytes.len())?;
    Ok(tensors)
}

/// The tensors lie side by side and fill the data: no two share a byte, and every byte belongs to one.
fn check_cover(path: &Path, tensors: &[Tensor], data: std::ops::Range<usize>) -> Result<()> {
    let mut order: Vec<&Tensor> = tensors.iter().collect();
    order.sort_by_key(|tensor| (tensor.bytes.start, tensor.bytes.end));
    let mut at = data.start;
    for tensor in order {
        if tensor.bytes.start != at {
            let how = if tensor.bytes.start < at { "before" } else { "after" };
            let what = format!(
                "begins at byte {}, {how} byte {at}, where the tensor before it ends",
                tensor.bytes.start
            );
            return Err(refuse_tensor(path, &tensor.name, &what));
        }
        at = tensor.bytes.end;
    }
    if at != data.end {
        return Err(Refusal::corrupt(format!(
            "{}: its tensors end at byte {at}, but the file goes on to byte {}",
            path.display(),
            data.end
        )));
    }
    Ok(())
}

/// The header's entries in their order; a name may still be there twice.
struct Header(Vec<(String, Info)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Header, A::Error> {
                let mut infos = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        infos.push((name, map.next_value()?));
                    }
                }
                Ok(Header(infos))
            }
        }
        from.deserialize_map(Entries)
    }
}
