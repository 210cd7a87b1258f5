//! Joins steps whose intermediate results no other step reads. Each fusion equals its parts bit for bit.

use lookback_model::{Op, Program, Site, Step, ValueId};

/// The same program with sums fused into the linear layers before them, where the layer's own result
/// is neither read by another step nor visible at a site.
pub(crate) fn fuse(program: Program, is_visible: impl Fn(Site) -> bool) -> Program {
    let mut readers = vec![0; program.values.len()];
    for read in program.steps.iter().flat_map(|step| &step.inputs) {
        readers[read.index()] += 1;
    }
    let is_observed = |value: ValueId| program.sites_of(value).any(&is_visible);
    let mut steps: Vec<Step> = Vec::with_capacity(program.steps.len());
    let mut gone = Vec::new();
    for step in &program.steps {
        if let Some(fused) = steps.last().and_then(|last| linear_add(last, step)) {
            let between = steps[steps.len() - 1].outputs[0];
            if readers[between.index()] == 1 && !is_observed(between) {
                gone.push(between);
                steps.pop();
                steps.push(fused);
                continue;
            }
        }
        steps.push(step.clone());
    }
    let Program { values, mut sites, .. } = program;
    sites.retain(|(_, value)| !gone.contains(value));
    Program { steps, values, sites }
}

/// A linear layer and the sum that adds its result to something else.
fn linear_add(linear: &Step, add: &Step) -> Option<Step> {
    let (Op::Linear(layers), Op::Add) = (&linear.op, &add.op) else { return None };
    let (&[layer], &[residual, added]) = (&layers[..], &add.inputs[..]) else { return None };
    (added == linear.outputs[0] && residual != added).then(|| Step {
        op: Op::LinearAdd(layer),
        inputs: vec![linear.inputs[0], residual],
        outputs: add.outputs.clone(),
    })
}

#[cfg(test)]
mod tests {
    use lookback_model::{BlockSite, Config, Network, Size, forward};

    use super::*;

    #[test]
    fn what_is_visible_stays_apart() {
        let size = Size {
            vocabulary: 5,
            width: 8,
            layers: 2,
            heads: 2,
            key_heads: 1,
            hidden: 8,
            context: 4,
        };
        let network = Network::new(&Config::llama(size).unwrap());
        let program = forward::logits(&network, forward::Rows::All);
        let observed = Site::Block(1, BlockSite::MlpOut);
        let fused = fuse(program.clone(), |site| site == observed);
        let sums = |program: &Program, is: fn(&Op) -> bool| {
            program.steps.iter().filter(|step| is(&step.op)).count()
        };
        assert_eq!(sums(&fused, |op| matches!(op, Op::LinearAdd(_))), 3);
        assert_eq!(sums(&fused, |op| matches!(op, Op::Add)), 1);
        assert_eq!(fused.at(observed), program.at(observed));
        assert_eq!(fused.at(Site::Block(0, BlockSite::MlpOut)), None);
        assert_eq!(fuse(program.clone(), |_| true), program);
    }
}
