//! The one forward pass: a decoder-only transformer, written once for every executor.

use crate::{Batch, Block, BlockSite, Execute, Index, Loss, Network, Site, Targets};

/// The logits of the wanted rows.
pub fn logits<E: Execute>(network: &Network, on: &mut E, batch: &Batch) -> E::Rows {
    let x = stream(network, on, batch);
    let logits = on.logits(x, &network.head);
    on.site(Site::Logits, logits)
}

/// The cross-entropy of the wanted rows against their targets.
pub fn loss<E: Execute>(network: &Network, on: &mut E, batch: &Batch, targets: &Targets) -> Loss {
    let x = stream(network, on, batch);
    on.loss(x, &network.head, targets)
}

/// Everything before the logits: tokens become vectors, blocks rewrite them, the last norm ends it.
pub fn stream<E: Execute>(network: &Network, on: &mut E, batch: &Batch) -> E::Rows {
    let width = network.config.width;
    let x = on.embed(network.embed, width, Index::Ids, batch);
    let mut x = on.site(Site::Embed, x);
    if let Some(table) = network.positions {
        let place = on.embed(table, width, Index::Positions, batch);
        let place = on.site(Site::PosEmbed, place);
        x = on.add(x, place);
    }
    for (layer, block) in network.blocks.iter().enumerate() {
        x = through(block, layer as u16, on, x, batch);
    }
    let x = on.select(x, batch);
    let x = on.norm(x, &network.ln_final);
    on.site(Site::LnFinal, x)
}

/// One layer on the residual stream before it: attention moves information between positions, the MLP
/// works on each.
pub fn layer<E: Execute>(
    network: &Network,
    layer: usize,
    on: &mut E,
    x: E::Rows,
    batch: &Batch,
) -> E::Rows {
    through(&network.blocks[layer], layer as u16, on, x, batch)
}

fn through<E: Execute>(
    block: &Block,
    layer: u16,
    on: &mut E,
    x: E::Rows,
    batch: &Batch,
) -> E::Rows {
    use BlockSite as B;
    let at = |site| Site::Block(layer, site);

    let x = on.site(at(B::ResidPre), x);
    let normed = on.norm(x, &block.ln1);
    let normed = on.site(at(B::Ln1), normed);
    let [q, k, v] = on.linears(normed, block.qkv.each_ref());
    let [mut q, mut k] = [on.site(at(B::Q), q), on.site(at(B::K), k)];
    let v = on.site(at(B::V), v);
    if let Some([of_q, of_k]) = &block.head_norms {
        [q, k] = [on.norm(q, of_q), on.norm(k, of_k)];
    }
    if let Some(rotary) = &block.rotary {
        [q, k] = [on.rotate(q, rotary, batch), on.rotate(k, rotary, batch)];
    }
    let [q, k] = [on.site(at(B::RotQ), q), on.site(at(B::RotK), k)];
    let z = on.attend([q, k, v], &block.attend, batch);
    let z = on.site(at(B::Z), z);
    let x = on.linear_add(z, &block.output, x, at(B::AttnOut));
    let x = on.site(at(B::ResidMid), x);

    let normed = on.norm(x, &block.ln2);
    let normed = on.site(at(B::Ln2), normed);
    let up = &block.mlp.up;
    let (pre, linear) = match &block.mlp.linear {
        Some(linear) => {
            let [pre, linear] = on.linears(normed, [up, linear]);
            (pre, Some(linear))
        }
        None => (on.linear(normed, up), None),
    };
    let pre = on.site(at(B::MlpPre), pre);
    let linear = linear.map(|linear| on.site(at(B::MlpPreLinear), linear));
    let post = on.gate(pre, linear, block.mlp.activation);
    let post = on.site(at(B::MlpPost), post);
    let x = on.linear_add(post, &block.mlp.down, x, at(B::MlpOut));
    on.site(at(B::ResidPost), x)
}
