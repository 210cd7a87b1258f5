//! Which heads attend to an answer: how much of its attention each head of the last token has on the token
//! that is to be copied, where that stands in the text (a prefix-matching score as in Olsson et al. 2022,
//! *In-context learning and induction heads*, for one known answer).

use lookback_files::Result;
use lookback_model::{BlockSite, Config, Site, TokenId};

use crate::{logit_attribution::not_captured, trace::Trace};

/// The last token's weight on all places of `answer`, head by head: `[layers · heads]`.
pub fn answer_attention(trace: &Trace, config: &Config, answer: TokenId) -> Result<Vec<f64>> {
    let last = trace.ids.len() - 1;
    let mut weights = Vec::with_capacity(config.layers * config.heads);
    for layer in 0..config.layers {
        let site = Site::Block(layer as u16, BlockSite::Pattern);
        let pattern = trace.at(site).ok_or_else(|| not_captured(site))?;
        for head in 0..config.heads {
            let row = &pattern.part(head)[last * trace.ids.len()..];
            let on_answer = row.iter().zip(&trace.ids).filter(|(_, id)| **id == answer);
            weights.push(on_answer.map(|(weight, _)| f64::from(*weight)).sum());
        }
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lookback_model::Size;

    use super::*;
    use crate::capture::Capture;

    #[test]
    fn the_last_row_is_added_up_over_all_places_of_the_answer() {
        let size = Size {
            vocabulary: 9,
            width: 4,
            layers: 1,
            heads: 2,
            key_heads: 2,
            hidden: 4,
            context: 8,
        };
        let config = Config::llama(size).unwrap();
        #[rustfmt::skip]
        let values = vec![
            1.0, 0.0, 0.0,   0.5, 0.5, 0.0,   0.25, 0.5, 0.25,
            1.0, 0.0, 0.0,   0.0, 1.0, 0.0,   0.125, 0.75, 0.125,
        ];
        let seen = Arc::new(Capture { shape: vec![2, 3, 3], values });
        let site = Site::Block(0, BlockSite::Pattern);
        let trace = Trace {
            ids: [7, 5, 7].map(TokenId).to_vec(),
            sites: [(site, seen)].into(),
            ..Trace::default()
        };
        assert_eq!(answer_attention(&trace, &config, TokenId(7)).unwrap(), [0.5, 0.25]);
        assert_eq!(answer_attention(&trace, &config, TokenId(5)).unwrap(), [0.5, 0.75]);
        assert_eq!(answer_attention(&trace, &config, TokenId(1)).unwrap(), [0.0, 0.0]);
    }
}
