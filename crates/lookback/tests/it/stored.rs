//! A model in a file of fewer bytes gives the bits of its copy in f32.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::Fixture;
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};

/// Writes `name` as the model `good` with every tensor turned into bytes of a type.
fn write_as(fixture: &Fixture, name: &str, dtype: Dtype, turn: impl Fn(f32) -> Vec<u8>) {
    fixture.copy("good", name);
    let file = fixture.read("good/model.safetensors");
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let turned: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, tensor)| {
            let numbers = tensor.data().as_chunks::<4>().0.iter();
            let bytes = numbers.flat_map(|bytes| turn(f32::from_le_bytes(*bytes))).collect();
            (name.to_owned(), tensor.shape().to_vec(), bytes)
        })
        .collect();
    let views = turned
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    fixture.write(&format!("{name}/model.safetensors"), serialize(views, None).unwrap());
}

#[test]
fn a_model_of_halves_gives_the_bits_of_its_copy_in_f32() {
    let fixture = Fixture::with_model();
    let upper = |x: f32| (x.to_bits() >> 16) as u16;
    write_as(&fixture, "bf16", Dtype::BF16, |x| upper(x).to_le_bytes().to_vec());
    write_as(&fixture, "bf16-wide", Dtype::F32, |x| {
        (u32::from(upper(x)) << 16).to_le_bytes().to_vec()
    });
    // An IEEE half with the sign, exponent and first bits of a number between 2⁻¹⁴ and 2; else zero.
    let half = |x: f32| {
        let exponent = (x.to_bits() >> 23 & 0xff) as i32 - 112;
        let sign = (x.to_bits() >> 16 & 0x8000) as u16;
        if (1..16).contains(&exponent) {
            sign | (exponent as u16) << 10 | (x.to_bits() >> 13 & 0x3ff) as u16
        } else {
            sign
        }
    };
    write_as(&fixture, "f16", Dtype::F16, |x| half(x).to_le_bytes().to_vec());
    write_as(&fixture, "f16-wide", Dtype::F32, |x| {
        let bits = x.to_bits() & if half(x) & 0x7fff == 0 { 1 << 31 } else { !0x1fff };
        bits.to_le_bytes().to_vec()
    });
    for narrow in ["bf16", "f16"] {
        let wide = format!("{narrow}-wide");
        let mut seen = Vec::new();
        for compute in ["f32", "bf16"] {
            let [found, copy] = [narrow, &wide].map(|name| {
                let trace = format!("{name}-{compute}.safetensors");
                fixture.done(&format!("look {name} -p tom --compute {compute} -o {trace}"));
                fixture.read(&trace)
            });
            assert!(found == copy, "{narrow} in {compute}");
            seen.push(found);
            let write = |name: &str| {
                let how = format!("--seed 3 --compute {compute} --json");
                fixture.done(&format!("generate {name} -p anna -n 12 {how}"))
            };
            assert_eq!(write(narrow), write(&wide), "{narrow} in {compute}");
        }
        assert!(seen[0] != seen[1], "nothing is rounded");
        // In bf16 as well, whether a weight is rounded or is bf16 already.
        let loss = |name: &str, compute: &str| {
            fixture.done(&format!("eval {name} town.txt --compute {compute} --json"))
        };
        assert_eq!(loss(narrow, "bf16"), loss(&wide, "bf16"));
        assert_ne!(loss(narrow, "bf16"), loss(narrow, "f32"), "nothing is rounded");
    }
}
