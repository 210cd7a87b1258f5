//! `model.why(ids)`: one logit as the sum that it is, and opened further.

use std::sync::Arc;

use lookback_files::{Kind, Refusal, Result, Setting, counted};
use lookback_lens::{
    EditTokens, FaithfulnessPoint, Intervention, InterventionFiles, MatrixCache, SiteFilter, Trace,
    UnfoldOptions, Why, WhyOptions, faithfulness, faithfulness_sites, trace_with_longer_edits, why,
    why_sites,
};
use lookback_model::{BlockSite, Edits, PassVariant, Site, TokenId};
use lookback_text::Specials;

use crate::model::Model;

/// Bytes that the patterns of a pass may take that are kept because its sources are asked for.
const KEPT_PATTERNS: usize = 64 << 20;

/// The same where nothing else tells the sources: without a mask.
const MAX_PATTERNS: usize = 2 << 30;

/// Bytes of projections that a question keeps which shares none with others.
const MAX_MATRICES: usize = 512 << 20;

/// Near texts that are offered instead of one that is no token.
const OFFERED: usize = 3;

impl Model {
    /// Asks why a token follows.
    ///
    /// ```no_run
    /// let model = lookback_open::Model::open("default")?;
    /// let ids = model.encode("the bird is red. the cat is blue. the bird is")?;
    /// let why = model.why(&ids).token(model.token(" red")?).sum()?;
    /// for part in &why.parts {
    ///     println!("{:+.3} {}", part.contribution, part.component.name());
    /// }
    /// # Ok::<(), lookback_files::Refusal>(())
    /// ```
    pub fn why(&self, ids: &[TokenId]) -> WhyQuery {
        WhyQuery {
            model: self.clone(),
            ids: ids.to_vec(),
            token: None,
            against: None,
            position: -1,
            neurons: 0,
            unfold: None,
            edits: Edits::default(),
            matrices: Arc::new(MatrixCache::new(MAX_MATRICES)),
            failed: None,
        }
    }

    /// The one token that a text is. `#412` is the token 412.
    ///
    /// # Errors
    /// When the text is empty or several tokens; near tokens are then offered.
    pub fn token(&self, text: &str) -> Result<TokenId> {
        let refused = |what: String| Err(Refusal::of(Kind::InvalidSetting, what));
        if text.is_empty() {
            return refused("an empty text is no token; give one, such as \" red\"".to_owned());
        }
        if let Some(number) = text.strip_prefix('#').and_then(|id| id.parse::<u32>().ok()) {
            self.config().check_ids("token", [number])?;
            return Ok(TokenId(number));
        }
        let tokenizer = self.tokenizer()?;
        let ids = tokenizer.encode_bare(text, Specials::Allowed)?;
        if let [id] = ids[..] {
            return Ok(id);
        }
        let all = (0..tokenizer.vocabulary() as u32).map(TokenId);
        if let Some(id) = all.clone().find(|&id| tokenizer.bytes_of(id) == text.as_bytes()) {
            return Ok(id);
        }
        let mut near: Vec<(f64, TokenId)> = all
            .filter_map(|id| {
                let piece = std::str::from_utf8(tokenizer.bytes_of(id)).ok()?;
                Some((strsim::jaro_winkler(piece, text), id))
            })
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let offered: Vec<String> =
            near.iter().take(OFFERED).map(|(_, id)| tokenizer.quoted(*id)).collect();
        let parts: Vec<String> = ids.iter().map(|&id| tokenizer.quoted(id)).collect();
        refused(format!(
            "{text:?} is {} tokens ({}), and a logit is of one; near it are {}",
            ids.len(),
            parts.join(" "),
            offered.join(", ")
        ))
    }
}

/// A logit that is to be taken apart. [`WhyQuery::sum`] does it.
#[derive(Clone, Debug)]
pub struct WhyQuery {
    model: Model,
    ids: Vec<TokenId>,
    token: Option<TokenId>,
    against: Option<TokenId>,
    position: isize,
    neurons: usize,
    unfold: Option<UnfoldOptions>,
    edits: Edits,
    matrices: Arc<MatrixCache>,
    failed: Option<Refusal>,
}

impl WhyQuery {
    /// Of this next token; by default of the likeliest.
    #[must_use]
    pub fn token(mut self, id: TokenId) -> Self {
        self.token = Some(id);
        self
    }

    /// Less the logit of this one.
    #[must_use]
    pub fn against(mut self, id: TokenId) -> Self {
        self.against = Some(id);
        self
    }

    /// After this token of the prompt; −1, the default, is the last.
    #[must_use]
    pub fn position(mut self, position: isize) -> Self {
        self.position = position;
        self
    }

    /// Names so many neurons of each MLP.
    #[must_use]
    pub fn neurons(mut self, count: usize) -> Self {
        self.neurons = count;
        self
    }

    /// Opens the parts: heads into their source tokens, these into what wrote them.
    #[must_use]
    pub fn unfold(mut self, options: UnfoldOptions) -> Self {
        self.unfold = Some(options);
        self
    }

    /// Of a variant of the pass, such as one without positions.
    #[must_use]
    pub fn variant(mut self, variant: PassVariant) -> Self {
        self.edits = self.edits.of_variant(variant);
        self
    }

    /// Of a pass with these edits, and of their variant of it.
    #[must_use]
    pub fn edits(mut self, edits: Edits) -> Self {
        self.edits = edits;
        self
    }

    /// Keeps what it reads of the model's matrices here, and finds there what other questions read of the same model.
    #[must_use]
    pub fn matrices(mut self, matrices: Arc<MatrixCache>) -> Self {
        self.matrices = matrices;
        self
    }

    /// Of a pass that is changed so. A variant is named behind it.
    #[must_use]
    pub fn interventions(
        mut self,
        interventions: &[Intervention],
        files: &dyn InterventionFiles,
    ) -> Self {
        let positions = self.ids.len();
        let edits =
            self.model.edits(interventions, files, Some(&self.ids), positions, EditTokens::All);
        match edits {
            Ok(edits) => self.edits = edits.of_variant(self.edits.variant()),
            Err(refusal) => self.failed = Some(refusal),
        }
        self
    }

    /// Takes it apart.
    ///
    /// # Errors
    /// When there are no tokens, or more than the model's context; when the position or a token is not there.
    pub fn sum(&self) -> Result<Why> {
        let trace = self.trace(self.sites()?.into_iter().chain([Site::Logits]))?;
        let position = self.index()?;
        let logits = trace.at(Site::Logits).map(|logits| logits.part(position));
        self.sum_of(&trace, logits.unwrap_or_default())
    }

    /// The pass with the edits.
    fn trace(&self, sites: impl IntoIterator<Item = Site>) -> Result<Trace> {
        let Model { weights, pool, .. } = &self.model;
        trace_with_longer_edits(weights, pool, &self.ids, &SiteFilter::only(sites), &self.edits)
    }

    /// The position, counted from the start.
    ///
    /// # Errors
    /// When it is not there.
    pub fn index(&self) -> Result<usize> {
        place(self.position, self.ids.len())
    }

    /// The sites of the pass that are read, beside the logits after the position.
    ///
    /// # Errors
    /// As [`WhyQuery::sum`].
    pub fn sites(&self) -> Result<Vec<Site>> {
        if let Some(refusal) = &self.failed {
            return Err(refusal.clone());
        }
        self.index()?;
        let given = self.token.iter().chain(&self.against).map(|id| id.0);
        self.model.config().check_ids("token", given)?;
        let patterns = self.unfold.map_or(0, |_| self.pattern_bytes());
        if self.edits.variant().no_mask {
            self.check_patterns(patterns)?;
        }
        if self.unfold.is_some() && self.edits.variant().plain_attention {
            let what = "plain attention has no projection of values to open heads by; ask for the sum alone";
            return Err(Refusal::of(Kind::InvalidSetting, what));
        }
        let mut sites = why_sites(self.model.config(), &self.edits, &self.options()?);
        // Rows of a larger one are made when they are read.
        if 0 < patterns && patterns <= KEPT_PATTERNS {
            let layers = 0..self.model.config().layers as u16;
            sites.extend(layers.map(|layer| Site::Block(layer, BlockSite::Pattern)));
        }
        Ok(sites)
    }

    /// Takes it apart in a pass that was made already, with the same edits, and of which [`WhyQuery::sites`] and the
    /// logits after the position, `[vocabulary]`, were kept.
    ///
    /// # Errors
    /// As [`WhyQuery::sum`].
    pub fn sum_of(&self, trace: &Trace, logits: &[f32]) -> Result<Why> {
        let Model { weights, pool, .. } = &self.model;
        let mut options = self.options()?;
        if self.token.is_none() {
            let better = |a, b| if logits[b] > logits[a] { b } else { a };
            options.target = TokenId((0..logits.len()).fold(0, better) as u32);
        }
        why(weights, pool, (trace, logits), &options, &self.matrices)
    }

    /// What is asked, of the token 0 where none was named.
    fn options(&self) -> Result<WhyOptions> {
        let (position, target) = (self.index()?, self.token.unwrap_or(TokenId(0)));
        let (against, neurons, unfold) = (self.against, self.neurons, self.unfold);
        Ok(WhyOptions { position, target, against, neurons, unfold })
    }

    /// Switches off the heads and MLPs through which most of an unfolded logit goes, 1, 2, 4 … `max_off` of
    /// them, and says what the parts predict of it and what happens.
    ///
    /// # Errors
    /// As [`WhyQuery::sum`].
    pub fn faithfulness(&self, why: &Why, max_off: usize) -> Result<Vec<FaithfulnessPoint>> {
        let trace = self.trace(faithfulness_sites(self.model.config()))?;
        self.faithfulness_in(&trace, why, max_off)
    }

    /// The same, of a pass that was made already, with the same edits, and of which
    /// [`faithfulness_sites`] were kept.
    ///
    /// # Errors
    /// As [`WhyQuery::sum`].
    pub fn faithfulness_in(
        &self,
        trace: &Trace,
        why: &Why,
        max_off: usize,
    ) -> Result<Vec<FaithfulnessPoint>> {
        let Model { weights, pool, .. } = &self.model;
        faithfulness(weights, pool, trace, why, max_off)
    }

    fn pattern_bytes(&self) -> usize {
        let (config, tokens) = (self.model.config(), self.ids.len());
        4 * tokens * tokens * config.heads * config.layers
    }

    fn check_patterns(&self, bytes: usize) -> Result<()> {
        if bytes <= MAX_PATTERNS {
            return Ok(());
        }
        let tokens = self.ids.len();
        Err(Refusal::user(format!(
            "{}: the patterns of {tokens} tokens take {} MiB, more than {} MiB; shorten the prompt",
            Site::Block(0, BlockSite::Pattern),
            bytes >> 20,
            MAX_PATTERNS >> 20
        )))
    }
}

/// A position counted from the end where it is negative.
fn place(position: isize, tokens: usize) -> Result<usize> {
    // No token at all is refused by the pass.
    if tokens == 0 {
        return Ok(0);
    }
    let from_start = if position < 0 { position + tokens as isize } else { position };
    let place = usize::try_from(from_start).ok().filter(|&place| place < tokens);
    place.ok_or_else(|| {
        Refusal::of(
            Kind::InvalidSetting,
            format!(
                "{} {position}: the prompt has {}, 0 to {}, or -1 to -{tokens} from the end",
                Setting("position"),
                counted(tokens, "token"),
                tokens - 1
            ),
        )
    })
}
