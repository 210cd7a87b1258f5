//! A model, opened: weights, tokenizer, templates and threads in one owned value, which many threads may
//! share. A clone shares all of it.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use lookback_engine::{Compute, Session, ThreadPool, WeightMode, Weights};
use lookback_files::{Blame, Kind, Refusal, Result, Setting};
use lookback_generate::chat::Template;
use lookback_lens::{EditTokens, Intervention, InterventionFiles, PromptPasses, Resolver};
use lookback_model::{ChatTemplates, Config, Edits, Network, StoredModel, TokenId};
use lookback_text::{Specials, Tokenizer};

use crate::{
    find::find,
    generation_defaults::{self, GenerationDefaults},
    run_checkpoint,
    tokenizer::stored_tokenizer,
};

/// A model, ready to run.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where it was found.
    pub path: PathBuf,
    /// Its weights.
    pub weights: Arc<Weights>,
    /// The threads that compute with them.
    pub pool: Arc<ThreadPool>,
    /// Bytes of the files that the weights were read from; none of weights that no file holds.
    pub file_bytes: Option<usize>,
    /// Warnings about how its files were read, one sentence each.
    pub remarks: Vec<String>,
    /// A model without one reads ids only.
    tokenizer: Option<Arc<Tokenizer>>,
    chat_templates: ChatTemplates,
    /// A mistake in it matters to those alone who sample.
    defaults: Result<GenerationDefaults>,
    admission: Admission,
    weights_id: WeightsId,
}

/// Tells one set of weights from another, also of the same path: a number that is given once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeightsId(u64);

impl WeightsId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What is asked before memory is taken: what for, and how many bytes.
type Admit = dyn Fn(&str, usize) -> Result<()> + Send + Sync;

/// The check that admits or refuses memory before it is taken; by default all is admitted.
#[derive(Clone)]
struct Admission(Arc<Admit>);

impl Default for Admission {
    fn default() -> Self {
        Self(Arc::new(|_, _| Ok(())))
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Admission")
    }
}

/// How a model is opened.
///
/// ```no_run
/// use lookback_open::{Compute, Model};
///
/// let model = Model::options().compute(Compute::Bf16).threads(2).open("runs/mine")?;
/// # Ok::<(), lookback_files::Refusal>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    compute: Compute,
    threads: Option<usize>,
    context: Option<usize>,
    pool: Option<Arc<ThreadPool>>,
    admission: Admission,
}

impl OpenOptions {
    /// The precision of matrix products: f32 unless another is asked for.
    #[must_use]
    pub fn compute(mut self, compute: Compute) -> Self {
        self.compute = compute;
        self
    }

    /// How many threads compute: by default as many as there are cores. No result
    /// depends on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// How many positions the model is opened for. It matters only where more of them have other rotary
    /// frequencies (LongRoPE, dynamic NTK): the frequencies are chosen here, once, and never in the middle
    /// of a text.
    #[must_use]
    pub fn context(mut self, tokens: usize) -> Self {
        self.context = Some(tokens);
        self
    }

    /// Computes with these threads, which other models may use too.
    #[must_use]
    pub fn pool(mut self, pool: Arc<ThreadPool>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Asks before memory is taken for weights or for a cache: what for, and how many bytes. What this
    /// refuses is not done.
    #[must_use]
    pub fn admit(
        mut self,
        admit: impl Fn(&str, usize) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.admission = Admission(Arc::new(admit));
        self
    }

    /// Finds and loads a model, as [`find`] finds it.
    ///
    /// # Errors
    /// When there is none; when a file is damaged, or holds what lookback does not compute.
    pub fn open(self, model: impl AsRef<Path>) -> Result<Model> {
        let path = model.as_ref();
        let model = path.to_string_lossy();
        let advised = |refusal: Refusal| match &*model {
            "default" if refusal.blame() == Blame::User => {
                refusal.then("lookback without a command makes the default model again")
            }
            _ => refusal,
        };
        // A name that is no Unicode is still the name of a file that is there.
        let path = if path.exists() { path.to_owned() } else { find(&model)? };
        let pool = match &self.pool {
            Some(pool) => pool.clone(),
            None => Arc::new(threads(self.threads)?),
        };
        self.open_found(&model, path, pool).map_err(advised)
    }

    fn open_found(self, name: &str, path: PathBuf, pool: Arc<ThreadPool>) -> Result<Model> {
        let Self { compute, admission, context, .. } = self;
        let admit = |bytes| (admission.0)(&format!("{name}: holding its weights"), bytes);
        if run_checkpoint::is_run_without_model(&path) {
            let read = run_checkpoint::read(&path, compute, &pool, &admit)?;
            let model = Model::new(path, read.weights, Some(read.tokenizer), pool);
            return Ok(Model { remarks: vec![read.remark], admission, ..model });
        }
        let mut stored = StoredModel::open_for(&path, context)?;
        let has_tokenizer = !path.is_dir() || Tokenizer::is_in(&path);
        let tokenizer =
            has_tokenizer.then(|| stored_tokenizer(stored.tokenizer(), &path)).transpose()?;
        // Tokens beyond the table (a `<pad>` that was added without resizing) are refused where they are used.
        let rows = stored.config().vocabulary;
        let tokenizer = tokenizer.map(|tokenizer| tokenizer.for_table(rows));
        admit(Weights::stored_bytes(&stored, WeightMode::Inference, compute))?;
        let remark = |remark: &String| format!("{}: {remark}", path.display());
        let chat_templates = stored.tokenizer().chat_templates()?;
        let defaults = generation_defaults::from_files(&stored, &path);
        let remarks = stored.remarks().iter().map(remark).collect();
        // The peak of memory is where the weights are loaded; what was read by then is not needed there.
        stored.release_tokenizer();
        let weights = Weights::load(&stored, WeightMode::Inference, compute, &pool)?;
        let file_bytes = Some(stored.file_bytes());
        let model = Model::new(path, weights, tokenizer, pool);
        Ok(Model { chat_templates, defaults, remarks, file_bytes, admission, ..model })
    }
}

/// So many threads, or as many as there are cores, with the instructions that this processor has or
/// `LOOKBACK_PATH` names.
///
/// # Errors
/// When `LOOKBACK_PATH` names instructions that are not there.
pub fn threads(threads: Option<usize>) -> Result<ThreadPool> {
    let path = lookback_engine::Isa::from_env().map_err(Refusal::user)?;
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = threads.unwrap_or_else(cores);
    tracing::debug!(threads, instructions = ?path, "computing");
    Ok(ThreadPool::new(threads, path))
}

impl Model {
    /// Opens a directory, a GGUF file, an id in the local Hugging Face cache, or `default`, the model that
    /// lookback makes itself; on all cores, in f32. [`Model::options`] has more to choose from.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub fn open(model: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(model)
    }

    /// Opens a model as it is asked to.
    pub fn options() -> OpenOptions {
        OpenOptions::default()
    }

    /// A model of weights that are there already, such as those in training. It has no chat template.
    pub fn new(
        path: PathBuf,
        weights: impl Into<Arc<Weights>>,
        tokenizer: Option<Tokenizer>,
        pool: Arc<ThreadPool>,
    ) -> Self {
        Self {
            path,
            weights: weights.into(),
            pool,
            file_bytes: None,
            remarks: Vec::new(),
            tokenizer: tokenizer.map(Arc::new),
            chat_templates: ChatTemplates::default(),
            defaults: Ok(GenerationDefaults::default()),
            admission: Admission::default(),
            weights_id: WeightsId::next(),
        }
    }

    /// The same model with other weights, as training makes them.
    #[must_use]
    pub fn with_weights(&self, weights: impl Into<Arc<Weights>>) -> Self {
        // The bytes of the file are no longer those of the weights.
        let (weights, weights_id) = (weights.into(), WeightsId::next());
        Self { weights, weights_id, file_bytes: None, ..self.clone() }
    }

    /// The same model with another chat template, in Jinja: for one that has none, or a wrong one.
    #[must_use]
    pub fn with_chat_template(&self, template: impl Into<String>) -> Self {
        Self { chat_templates: ChatTemplates::single(template), ..self.clone() }
    }

    /// Tells these weights from all others.
    pub fn weights_id(&self) -> WeightsId {
        self.weights_id
    }

    /// Its network.
    pub fn network(&self) -> &Arc<Network> {
        self.weights.network()
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.network().config
    }

    /// Its tokenizer; a model without one is refused.
    pub fn tokenizer(&self) -> Result<&Arc<Tokenizer>> {
        self.tokenizer.as_ref().ok_or_else(|| {
            Refusal::user(format!(
                "{}: there is no tokenizer.json in it, so it cannot read a text; give {}",
                self.path.display(),
                Setting("ids")
            ))
            .with_kind(Kind::NotFound)
        })
    }

    /// The ids of a text, with the tokens around it that the model was trained with. Special tokens that it
    /// spells are text.
    pub fn encode(&self, text: &str) -> Result<Vec<TokenId>> {
        self.encode_with(text, Specials::Text)
    }

    /// The same, where special tokens that the text spells are tokens or text.
    ///
    /// ```no_run
    /// use lookback_text::Specials;
    ///
    /// let model = lookback_open::Model::open("model.gguf")?;
    /// let ids = model.encode_with("<|im_start|>user\nHello<|im_end|>\n", Specials::Allowed)?;
    /// let answer = model.generate(ids).text()?;
    /// # Ok::<(), lookback_files::Refusal>(())
    /// ```
    pub fn encode_with(&self, text: &str, specials: Specials) -> Result<Vec<TokenId>> {
        self.tokenizer()?.encode(text, specials)
    }

    /// The text of some ids, control tokens left out.
    pub fn decode(&self, ids: &[TokenId]) -> Result<String> {
        Ok(self.tokenizer()?.decode_plain(ids))
    }

    /// Its chat templates.
    pub fn chat_templates(&self) -> &ChatTemplates {
        &self.chat_templates
    }

    /// Its chat template: that of a name, or the usual one. A model without one is refused.
    pub fn template(&self, name: Option<&str>) -> Result<Template> {
        let tokenizer = self.tokenizer()?;
        let source = self.chat_templates.choose(name);
        let source = source.map_err(|refusal| refusal.at(self.path.display()))?;
        let spelled = |id: Option<TokenId>| id.map_or("", |id| tokenizer.spelled(id));
        Template::parse(source, spelled(tokenizer.bos()), spelled(tokenizer.eos()))
    }

    /// A sequence of at most so many tokens, for which memory is taken.
    ///
    /// # Errors
    /// When the memory that it takes is not admitted.
    pub fn session(&self, tokens: usize) -> Result<Session> {
        let bytes = Session::bytes(&self.weights, tokens, self.pool.threads());
        (self.admission.0)(&format!("the cache of {tokens} tokens"), bytes)?;
        Ok(Session::new(self.weights.clone(), self.pool.clone(), tokens))
    }

    /// The same, of passes with edits.
    ///
    /// # Errors
    /// When an edit does not fit the pass, or the memory that it takes is not admitted.
    pub fn edited_session(&self, tokens: usize, edits: &Edits) -> Result<Session> {
        if edits.is_empty() {
            return self.session(tokens);
        }
        let bytes = Session::edited_bytes(&self.weights, edits, tokens, self.pool.threads())?;
        (self.admission.0)(&format!("the cache of {tokens} tokens with edits"), bytes)?;
        Session::new(self.weights.clone(), self.pool.clone(), tokens).with_edits(edits)
    }

    /// Refuses work that does not fit into memory, before any of it is done.
    pub(crate) fn admit(&self, what: &str, bytes: usize) -> Result<()> {
        (self.admission.0)(what, bytes)
    }

    /// The edits that interventions stand for, over a prompt and what is generated behind it, of at most
    /// `positions` tokens together.
    ///
    /// # Errors
    /// As [`Resolver::resolve`].
    pub fn edits(
        &self,
        interventions: &[Intervention],
        files: &dyn InterventionFiles,
        prompt: Option<&[TokenId]>,
        positions: usize,
        tokens: EditTokens,
    ) -> Result<Edits> {
        let tokenizer = self.tokenizer.as_deref();
        let (weights, pool) = (&*self.weights, &*self.pool);
        let passes = &PromptPasses::default();
        let resolver =
            Resolver { weights, pool, tokenizer, files, prompt, positions, tokens, passes };
        resolver.resolve(interventions)
    }

    /// A refusal with its cause, if that is a weight that is NaN or infinite: from
    /// the logits alone the cause cannot be seen.
    pub fn with_cause(&self, refusal: Refusal) -> Refusal {
        if refusal.blame() != Blame::User {
            return refusal;
        }
        let mut values = Vec::new();
        let damaged = self.network().ids().find(|&id| {
            values.resize(self.network().weight(id).len(), 0.0);
            self.weights.read(id, &mut values);
            values.iter().any(|value| !value.is_finite())
        });
        match damaged {
            None => refusal,
            Some(id) => Refusal::of(
                Kind::CorruptFile,
                format!(
                    "{}: the weight {} holds NaN or infinity; the file is damaged, so \
                     fetch the model again",
                    self.path.display(),
                    self.network().weight(id).name
                ),
            ),
        }
    }

    /// What its files suggest about sampling.
    pub fn generation_defaults(&self) -> Result<GenerationDefaults> {
        self.defaults.clone()
    }

    /// Ids that a user gave, each within the vocabulary.
    pub fn ids(&self, ids: &[u32]) -> Result<Vec<TokenId>> {
        self.ids_of("ids", ids)
    }

    /// The same, given with this setting.
    pub fn ids_of(&self, setting: &str, ids: &[u32]) -> Result<Vec<TokenId>> {
        self.config().check_ids(Setting(setting), ids.iter().copied())?;
        Ok(ids.iter().copied().map(TokenId).collect())
    }

    /// The token that texts begin with: the tokenizer's, or else the configuration's.
    pub fn bos(&self) -> Option<TokenId> {
        let tokenizer = self.tokenizer.as_ref();
        tokenizer.and_then(|tokenizer| tokenizer.bos()).or(self.config().bos)
    }

    /// The tokens that end a text: those of the model's files, and the tokenizer's.
    pub fn eos(&self) -> Vec<TokenId> {
        let mut ends = self.config().eos.clone();
        ends.extend(self.tokenizer.as_ref().and_then(|tokenizer| tokenizer.eos()));
        ends.sort();
        ends.dedup();
        ends
    }
}
