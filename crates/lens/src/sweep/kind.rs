//! What a sweep goes over: a site of every block, by layer and position, by layer and head, or both.

use std::{collections::BTreeSet, ops::Range};

use lookback_files::{Kind, Refusal, Result, Setting, counted};
use lookback_model::{BlockSite, Config, Site};

use crate::sites::shape;

/// The axes of a sweep's grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SweepAxes {
    /// `[layers]`: all of a site at once.
    Layer,
    /// `[layers, tokens]`
    LayerPosition,
    /// `[layers, heads]`: at all positions.
    LayerHead,
    /// `[layers, tokens, heads]`
    LayerPositionHead,
    /// `[queries, keys]` of the pattern of one head.
    DestinationSource {
        /// Its layer.
        layer: usize,
        /// Its place in the layer.
        head: usize,
    },
}

/// A site of every block, and how its grid goes over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SweepKind {
    /// What is replaced.
    pub site: BlockSite,
    /// A pass for each cell of these.
    pub axes: SweepAxes,
}

/// Some columns of a site at some positions: what one pass replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub positions: Range<usize>,
    pub columns: Range<usize>,
}

/// Kinds that are swept by layer and position.
const STREAMS: [(&str, BlockSite); 4] = [
    ("resid_pre", BlockSite::ResidPre),
    ("resid_mid", BlockSite::ResidMid),
    ("attn_out", BlockSite::AttnOut),
    ("mlp_out", BlockSite::MlpOut),
];

/// Kinds that are swept by layer and head.
const HEADS: [(&str, BlockSite); 5] = [
    ("z", BlockSite::Z),
    ("q", BlockSite::Q),
    ("k", BlockSite::K),
    ("v", BlockSite::V),
    ("pattern", BlockSite::Pattern),
];

/// What makes a kind of heads one by position, too.
const BY_POSITION: &str = "-by-position";

/// The kinds that a name stands for: one, or all of `everything`.
///
/// # Errors
/// When there is none; those that there are are listed.
pub fn sweep_kinds(name: &str) -> Result<Vec<SweepKind>> {
    let find = |list: &[(&str, BlockSite)], name: &str| {
        list.iter().find(|(known, _)| *known == name).map(|(_, site)| *site)
    };
    let of = |site, axes| vec![SweepKind { site, axes }];
    if name == "everything" {
        let streams = STREAMS.map(|(_, site)| of(site, SweepAxes::LayerPosition));
        let heads = HEADS.map(|(_, site)| of(site, SweepAxes::LayerHead));
        return Ok(streams.into_iter().chain(heads).flatten().collect());
    }
    if let Some(site) = find(&STREAMS, name) {
        return Ok(of(site, SweepAxes::LayerPosition));
    }
    if let Some(site) = find(&HEADS, name) {
        return Ok(of(site, SweepAxes::LayerHead));
    }
    if let Some(site) = name.strip_suffix(BY_POSITION).and_then(|name| find(&HEADS, name)) {
        return Ok(of(site, SweepAxes::LayerPositionHead));
    }
    let names = STREAMS.iter().chain(&HEADS).map(|(name, _)| *name);
    let heads: Vec<String> = HEADS.iter().map(|(name, _)| format!("{name}{BY_POSITION}")).collect();
    Err(Refusal::of(
        Kind::InvalidSetting,
        format!(
            "{}: there is no kind {name:?}; there are {}, {} and everything",
            Setting("over"),
            names.collect::<Vec<_>>().join(", "),
            heads.join(", ")
        ),
    ))
}

impl SweepKind {
    /// The destinations × sources of one head's pattern.
    ///
    /// # Errors
    /// When the model has no such layer or head.
    pub fn destination_source(config: &Config, layer: usize, head: usize) -> Result<Self> {
        for (name, given, count) in [("layer", layer, config.layers), ("head", head, config.heads)]
        {
            if given >= count {
                return Err(Refusal::of(
                    Kind::InvalidSetting,
                    format!(
                        "{} {given}: this model has {}, counted from 0",
                        Setting(name),
                        counted(count, name)
                    ),
                ));
            }
        }
        let axes = SweepAxes::DestinationSource { layer, head };
        Ok(Self { site: BlockSite::Pattern, axes })
    }

    /// Its name.
    pub fn name(&self) -> String {
        let known = STREAMS.iter().chain(&HEADS).find(|(_, site)| *site == self.site);
        let name = known.map_or("", |(name, _)| name);
        match self.axes {
            SweepAxes::LayerPositionHead => format!("{name}{BY_POSITION}"),
            SweepAxes::DestinationSource { layer, head } => {
                format!("{name} of head {layer}.{head}")
            }
            _ => name.to_owned(),
        }
    }

    /// What the axes of its grid are called.
    pub fn axis_names(&self) -> Vec<&'static str> {
        let head = match self.site {
            BlockSite::K | BlockSite::V => "key_head",
            _ => "head",
        };
        match self.axes {
            SweepAxes::Layer => vec!["layer"],
            SweepAxes::LayerPosition => vec!["layer", "position"],
            SweepAxes::LayerHead => vec!["layer", head],
            SweepAxes::LayerPositionHead => vec!["layer", "position", head],
            SweepAxes::DestinationSource { .. } => vec!["destination", "source"],
        }
    }

    /// The shape of its grid over so many tokens.
    pub fn shape(&self, config: &Config, tokens: usize) -> Vec<usize> {
        let layers = config.layers;
        match self.axes {
            SweepAxes::Layer => vec![layers],
            SweepAxes::LayerPosition => vec![layers, tokens],
            SweepAxes::LayerHead => vec![layers, self.heads(config).0],
            SweepAxes::LayerPositionHead => vec![layers, tokens, self.heads(config).0],
            SweepAxes::DestinationSource { .. } => vec![tokens, tokens],
        }
    }

    /// The site in whose rows something is replaced: instead of a pattern, what it makes of the values.
    pub(crate) fn row_site(&self, layer: usize) -> Site {
        let site = if self.site == BlockSite::Pattern { BlockSite::Z } else { self.site };
        Site::Block(layer as u16, site)
    }

    /// Heads of a row, and the columns of each; one of all columns where a row has none.
    pub(crate) fn heads(&self, config: &Config) -> (usize, usize) {
        match shape(config, self.row_site(0), 1)[..] {
            [_, heads, head_dim] => (heads, head_dim),
            [.., width] => (1, width),
            [] => (1, 0),
        }
    }

    /// What the cells of one layer replace, in the order of the grid.
    pub(crate) fn places(&self, config: &Config, tokens: usize) -> Vec<Place> {
        let (heads, columns) = self.heads(config);
        let of_head = |positions: Range<usize>| {
            (0..heads).map(move |head| Place {
                positions: positions.clone(),
                columns: head * columns..(head + 1) * columns,
            })
        };
        match self.axes {
            SweepAxes::Layer => {
                vec![Place { positions: 0..tokens, columns: 0..heads * columns }]
            }
            SweepAxes::LayerHead => of_head(0..tokens).collect(),
            SweepAxes::LayerPosition | SweepAxes::LayerPositionHead => {
                (0..tokens).flat_map(|position| of_head(position..position + 1)).collect()
            }
            SweepAxes::DestinationSource { head, .. } => (0..tokens)
                .map(|query| Place {
                    positions: query..query + 1,
                    columns: head * columns..(head + 1) * columns,
                })
                .collect(),
        }
    }
}

/// The sites in whose rows something is replaced.
pub(crate) fn block_sites(kinds: &[SweepKind]) -> Vec<BlockSite> {
    let site = |kind: &SweepKind| match kind.row_site(0) {
        Site::Block(_, site) => Some(site),
        _ => None,
    };
    let sites: BTreeSet<BlockSite> = kinds.iter().filter_map(site).collect();
    sites.into_iter().collect()
}

/// Whether a site is one of these of some block.
pub(crate) fn is_of(sites: &[BlockSite], site: Site) -> bool {
    matches!(site, Site::Block(_, site) if sites.contains(&site))
}

#[cfg(test)]
mod tests {
    use lookback_model::Size;

    use super::*;

    #[test]
    fn kinds_have_their_names_back() {
        for (name, _) in STREAMS.iter().chain(&HEADS) {
            assert_eq!(sweep_kinds(name).unwrap()[0].name(), *name);
        }
        let kinds = sweep_kinds("k-by-position").unwrap();
        assert_eq!((kinds[0].name(), kinds.len()), ("k-by-position".to_owned(), 1));
        assert_eq!(sweep_kinds("everything").unwrap().len(), 9);
        let refused = sweep_kinds("resid").unwrap_err().to_string();
        assert!(refused.contains("resid_pre") && refused.contains("everything"), "{refused}");
        assert!(sweep_kinds("resid_pre-by-position").is_err());
    }

    #[test]
    fn the_cells_of_a_layer_are_as_many_as_its_shape_says() {
        let size = Size {
            vocabulary: 5,
            width: 8,
            layers: 3,
            heads: 4,
            key_heads: 2,
            hidden: 8,
            context: 8,
        };
        let config = Config::llama(size).unwrap();
        for name in ["resid_pre", "z", "k", "pattern", "v-by-position", "q-by-position"] {
            let kind = sweep_kinds(name).unwrap()[0];
            let cells: usize = kind.shape(&config, 5).iter().product();
            assert_eq!(3 * kind.places(&config, 5).len(), cells, "{name}");
            assert_eq!(kind.axis_names().len(), kind.shape(&config, 5).len());
        }
    }
}
