//! Short forms of what is done often: a head, an MLP, a neuron switched off, and a steering vector.

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_model::{BlockSite, Site};

use crate::intervention::{
    files::InterventionFiles,
    operation::{Intervention, Operation, Scaled, Source, Vector},
    selection::{Axis, Index, Selection},
    vector_files,
};

/// What `3.1` (a head), `mlp.2`, `attn.2` and `neuron.2.117` switch off.
///
/// # Errors
/// When it is none of these.
pub fn off(name: &str) -> Result<Intervention> {
    let parts: Vec<&str> = name.split('.').collect();
    let layer = |part: &str| part.parse::<u16>().ok();
    let place = |part: &str| part.parse::<u32>().ok().map(i64::from);
    let whole = |layer: Option<u16>, site| Some((Site::Block(layer?, site), Selection::all()));
    let one = |axis: Axis, at: Option<i64>| Some(Selection::all().with(axis, vec![Index::At(at?)]));
    let found = match parts[..] {
        ["mlp", at] => whole(layer(at), BlockSite::MlpOut),
        ["attn", at] => whole(layer(at), BlockSite::AttnOut),
        ["neuron", at, neuron] => layer(at)
            .zip(one(Axis::Dimension, place(neuron)))
            .map(|(layer, one)| (Site::Block(layer, BlockSite::MlpPost), one)),
        [at, head] => layer(at)
            .zip(one(Axis::Head, place(head)))
            .map(|(layer, one)| (Site::Block(layer, BlockSite::Z), one)),
        _ => None,
    };
    let (site, selection) = found.ok_or_else(|| {
        let what = "is neither a head such as 3.1, nor mlp.2, attn.2 or neuron.2.117";
        Refusal::of(Kind::InvalidSetting, format!("{} {name:?} {what}", Setting("off")))
    })?;
    Ok(Intervention { site, selection, operation: Operation::Set(Source::Number(0.0)) })
}

/// What adds a file's vector to what a layer leaves, `FILE:layer`. Of a safetensors file without a layer, each
/// tensor is added at the site that it is named by.
///
/// # Errors
/// When the file cannot be read, or nothing says where its vector is added.
pub fn steer(
    name: &str,
    strength: f32,
    files: &dyn InterventionFiles,
) -> Result<Vec<Intervention>> {
    let added = |site: Site, file: &str, tensor: Option<String>| {
        let vector = Vector::File { file: file.to_owned(), tensor };
        let operation = Operation::Add(Scaled { factor: strength, vector });
        Intervention { site, selection: Selection::all(), operation }
    };
    if let Some((file, layer)) = name.rsplit_once(':')
        && let Ok(layer) = layer.parse::<u16>()
    {
        return Ok(vec![added(Site::Block(layer, BlockSite::ResidPost), file, None)]);
    }
    let refuse = |what: &str| {
        let sentence = format!("{} {name}: {what}", Setting("steer"));
        Err(Refusal::of(Kind::InvalidSetting, sentence))
    };
    if !name.ends_with(".safetensors") {
        return refuse("name the layer that it is added behind, such as FILE:3");
    }
    let mut all = Vec::new();
    for tensor in vector_files::names(name, &files.bytes(name)?)? {
        match tensor.parse() {
            Ok(site) => all.push(added(site, name, Some(tensor))),
            Err(_) => {
                return refuse("its tensors are not named by sites; name a layer, such as FILE:3");
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_stand_for_edits() {
        for (name, edit) in [
            ("3.1", "blocks.3.attn.z[:, 1] = 0"),
            ("mlp.2", "blocks.2.mlp_out[:] = 0"),
            ("attn.0", "blocks.0.attn_out[:] = 0"),
            ("neuron.2.117", "blocks.2.mlp.post[:, 117] = 0"),
        ] {
            assert_eq!(off(name).unwrap().to_string(), edit);
        }
        for name in ["", "3", "head.1", "3.-1", "mlp.x", "neuron.1", "1.2.3", "99999.0"] {
            assert!(off(name).is_err(), "{name}");
        }
    }
}
