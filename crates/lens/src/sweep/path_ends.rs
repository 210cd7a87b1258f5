//! What senders and receivers are of a model and a prompt: sites, columns of heads, positions. Read `path_patching`
//! next.

use std::ops::Range;

use lookback_files::{Result, counted};
use lookback_model::{BlockSite, Config, Site};

use crate::{
    sites::shape,
    sweep::{
        kind::{Place, SweepAxes, SweepKind},
        path::{Named, Part, PathReceivers, PathSenders, refuse},
    },
};

/// Some columns of a site at some positions, which send or receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathEnd {
    /// As it was written; empty of a set.
    pub name: String,
    pub site: Site,
    pub place: Place,
}

/// The cells of one grid of senders, in its order.
pub(crate) struct SenderGrid {
    pub name: String,
    pub axes: Vec<&'static str>,
    pub shape: Vec<usize>,
    pub senders: Vec<PathEnd>,
}

/// Refuses a number of something that there is not.
fn check_number(
    setting: &'static str,
    named: &Named,
    number: usize,
    of: (usize, &str),
) -> Result<()> {
    let (count, what) = of;
    if number < count {
        return Ok(());
    }
    refuse(
        setting,
        format!("{}: this model has {}, counted from 0", named.text, counted(count, what)),
    )
}

/// The chosen positions.
fn positions(setting: &'static str, named: &Named, tokens: usize) -> Result<Range<usize>> {
    let Some(position) = named.position else { return Ok(0..tokens) };
    let from_start = if position < 0 { position + tokens as i64 } else { position };
    match usize::try_from(from_start).ok().filter(|position| *position < tokens) {
        Some(position) => Ok(position..position + 1),
        None => {
            refuse(setting, format!("{}: the prompt has {}", named.text, counted(tokens, "token")))
        }
    }
}

/// The columns of a head of a site, or all of them.
fn columns(config: &Config, site: Site, head: Option<usize>) -> Range<usize> {
    match (&shape(config, site, 1)[..], head) {
        (&[_, _, head_dim], Some(head)) => head * head_dim..(head + 1) * head_dim,
        (all, _) => 0..all[1..].iter().product(),
    }
}

impl PathSenders {
    /// The grids, a set each, and one of all that are named alone.
    pub(crate) fn grids(&self, config: &Config, tokens: usize) -> Result<Vec<SenderGrid>> {
        let (mut grids, mut alone) = (Vec::new(), Vec::new());
        for sender in &self.0 {
            let positions = positions("senders", sender, tokens)?;
            let (site, axes) = match (sender.part, sender.is_by_position) {
                (Part::Heads, false) => (BlockSite::Z, SweepAxes::LayerHead),
                (Part::Heads, true) => (BlockSite::Z, SweepAxes::LayerPositionHead),
                (Part::Attention(None), false) => (BlockSite::AttnOut, SweepAxes::Layer),
                (Part::Attention(None), true) => (BlockSite::AttnOut, SweepAxes::LayerPosition),
                (Part::Mlp(None), false) => (BlockSite::MlpOut, SweepAxes::Layer),
                (Part::Mlp(None), true) => (BlockSite::MlpOut, SweepAxes::LayerPosition),
                _ => {
                    let (site, head) = alone_site(sender);
                    let Site::Block(layer, _) = site else { continue };
                    check_number("senders", sender, layer.into(), (config.layers, "layer"))?;
                    check_number("senders", sender, head.unwrap_or(0), (config.heads, "head"))?;
                    let columns = columns(config, site, head);
                    let place = Place { positions, columns };
                    alone.push(PathEnd { name: sender.text.clone(), site, place });
                    continue;
                }
            };
            let kind = SweepKind { site, axes };
            let mut senders = Vec::new();
            for layer in 0..config.layers {
                senders.extend(kind.places(config, tokens).into_iter().map(|mut place| {
                    place.positions.start = place.positions.start.max(positions.start);
                    place.positions.end = place.positions.end.min(positions.end);
                    PathEnd { name: String::new(), site: kind.row_site(layer), place }
                }));
            }
            let (axes, shape) = (kind.axis_names(), kind.shape(config, tokens));
            grids.push(SenderGrid { name: sender.text.clone(), axes, shape, senders });
        }
        if !alone.is_empty() {
            grids.push(SenderGrid {
                name: String::from("senders"),
                axes: vec!["sender"],
                shape: vec![alone.len()],
                senders: alone,
            });
        }
        Ok(grids)
    }

    /// How many cells the grids have.
    pub fn cells(&self, config: &Config, tokens: usize) -> usize {
        let grids = self.grids(config, tokens).unwrap_or_default();
        grids.iter().map(|grid| grid.senders.len()).sum()
    }
}

/// The site of a part that is named alone, and its head.
fn alone_site(sender: &Named) -> (Site, Option<usize>) {
    match sender.part {
        Part::Head(layer, head, _) => (Site::Block(layer, BlockSite::Z), Some(head)),
        Part::Attention(Some(layer)) => (Site::Block(layer, BlockSite::AttnOut), None),
        Part::Mlp(Some(layer)) => (Site::Block(layer, BlockSite::MlpOut), None),
        _ => (Site::Logits, None),
    }
}

impl PathReceivers {
    /// What receives, place by place; none where the logits do.
    pub(crate) fn ends(&self, config: &Config, tokens: usize) -> Result<Option<Vec<PathEnd>>> {
        const SITES: [BlockSite; 3] = [BlockSite::Q, BlockSite::K, BlockSite::V];
        let mut ends = Vec::new();
        for receiver in &self.0 {
            let positions = positions("receivers", receiver, tokens)?;
            let layers = |layer: Option<u16>| match layer {
                Some(layer) => layer..layer + 1,
                None => 0..config.layers as u16,
            };
            let mut add = |layer: u16, of_block, head| {
                let site = Site::Block(layer, of_block);
                let columns = columns(config, site, head);
                let place = Place { positions: positions.clone(), columns };
                ends.push(PathEnd { name: receiver.text.clone(), site, place });
            };
            match receiver.part {
                Part::Logits => return Ok(None),
                Part::Heads | Part::Attention(None) => layers(None)
                    .for_each(|layer| SITES.iter().for_each(|site| add(layer, *site, None))),
                Part::Attention(Some(layer)) => {
                    check_number("receivers", receiver, layer.into(), (config.layers, "layer"))?;
                    SITES.iter().for_each(|site| add(layer, *site, None));
                }
                Part::Mlp(layer) => {
                    let last = layer.map_or(0, usize::from);
                    check_number("receivers", receiver, last, (config.layers, "layer"))?;
                    layers(layer).for_each(|layer| add(layer, BlockSite::Ln2, None));
                }
                Part::Head(layer, head, part) => {
                    check_number("receivers", receiver, layer.into(), (config.layers, "layer"))?;
                    // Of a head alone: its query, and the key and the value that it reads.
                    let key_head = head / (config.heads / config.key_heads);
                    let (count, what) = match part {
                        Some(BlockSite::K | BlockSite::V) => (config.key_heads, "key head"),
                        _ => (config.heads, "head"),
                    };
                    check_number("receivers", receiver, head, (count, what))?;
                    match part {
                        Some(site) => add(layer, site, Some(head)),
                        None => {
                            add(layer, BlockSite::Q, Some(head));
                            add(layer, BlockSite::K, Some(key_head));
                            add(layer, BlockSite::V, Some(key_head));
                        }
                    }
                }
            }
        }
        Ok(Some(ends))
    }
}

#[cfg(test)]
mod tests {
    use lookback_model::Size;

    use super::*;

    fn config() -> Config {
        let size = Size {
            vocabulary: 5,
            width: 8,
            layers: 3,
            heads: 4,
            key_heads: 2,
            hidden: 8,
            context: 8,
        };
        Config::llama(size).unwrap()
    }

    fn ends(text: &str) -> Vec<PathEnd> {
        text.parse::<PathReceivers>().unwrap().ends(&config(), 5).unwrap().unwrap()
    }

    #[test]
    fn senders_are_grids_and_those_named_alone_are_one() {
        let senders: PathSenders = "heads, 2.1, mlp-by-position,mlp.0[-1]".parse().unwrap();
        assert_eq!(senders.to_string(), "heads, 2.1, mlp-by-position, mlp.0[-1]");
        let grids = senders.grids(&config(), 5).unwrap();
        let shapes: Vec<_> = grids.iter().map(|grid| grid.shape.clone()).collect();
        assert_eq!(shapes, [vec![3, 4], vec![3, 5], vec![2]]);
        for grid in &grids {
            assert_eq!(grid.senders.len(), grid.shape.iter().product::<usize>(), "{}", grid.name);
            assert_eq!(grid.axes.len(), grid.shape.len());
        }
        assert_eq!(senders.cells(&config(), 5), 12 + 15 + 2);
        let last = &grids[2].senders;
        assert_eq!((last[0].place.columns.clone(), last[0].place.positions.clone()), (2..4, 0..5));
        assert_eq!((last[1].place.columns.clone(), last[1].place.positions.clone()), (0..8, 4..5));
    }

    #[test]
    fn a_head_receives_by_its_query_and_by_the_key_head_that_it_reads() {
        let columns = |text| ends(text).into_iter().map(|end| (end.site, end.place.columns));
        let at = |site| Site::Block(1, site);
        let (q, k, v) = (at(BlockSite::Q), at(BlockSite::K), at(BlockSite::V));
        assert!(columns("1.3").eq([(q, 6..8), (k, 2..4), (v, 2..4)]));
        assert!(columns("1.1.k").eq([(k, 2..4)]));
        assert_eq!(ends("1.3.q[-2]")[0].place.positions, 3..4);
        assert_eq!(ends("attn.1").len(), 3);
        assert_eq!((ends("heads").len(), ends("mlp").len()), (9, 3));
        assert!("logits".parse::<PathReceivers>().unwrap().ends(&config(), 5).unwrap().is_none());
    }

    #[test]
    fn numbers_that_the_model_does_not_have_are_refused_by_name() {
        for text in ["3.0", "0.4", "mlp.3", "attn.9", "0.1[5]", "0.1[-6]"] {
            let senders = text.parse::<PathSenders>().unwrap().grids(&config(), 5);
            assert!(senders.err().unwrap().to_string().contains(text));
            let receivers = text.parse::<PathReceivers>().unwrap().ends(&config(), 5);
            assert!(receivers.err().unwrap().to_string().contains(text));
        }
        let refused = "1.2.k".parse::<PathReceivers>().unwrap().ends(&config(), 5).unwrap_err();
        assert!(refused.to_string().contains("2 key heads"), "{refused}");
    }
}
