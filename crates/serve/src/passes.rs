//! Forward passes over prompts, remembered, so that the figures of one page cost one pass.
//!
//! 1. A pass keeps more sites than were asked for, as long as they are cheap to keep: the next figure
//!    asks for others of the same prompt.
//! 2. One pass runs at a time; who waits for it is in a queue, and leaves the queue when the client
//!    goes away. What several ask of the same prompt while they wait is read in one pass.
//! 3. The pass that was not looked at for longest is forgotten first.

use std::{
    collections::BTreeSet,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Instant,
};

use axum::http::StatusCode;
use lookback_engine::Team;
use lookback_lens::{Trace, Wanted, sites, trace};
use lookback_model::{BlockSite, Config, Site, TokenId};

use crate::{
    models::Serial,
    prompt::Asked,
    refuse::{Refused, Result},
};

/// Bytes of all passes that are remembered.
const REMEMBERED: usize = 256 << 20;
/// Bytes that a pass may keep unasked.
const UNASKED: usize = 96 << 20;

/// The sites of one prompt, and how long the pass took that read them.
#[derive(Debug)]
pub(crate) struct Pass {
    trace: Trace,
    pub(crate) milliseconds: f64,
}

impl Deref for Pass {
    type Target = Trace;

    fn deref(&self) -> &Trace {
        &self.trace
    }
}

impl Pass {
    fn has(&self, wanted: &[Site]) -> bool {
        wanted.iter().all(|site| self.trace.at(*site).is_some())
    }

    fn bytes(&self) -> usize {
        self.trace.sites.values().map(|seen| 4 * seen.values.len()).sum()
    }
}

/// Which weights read which tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key(Serial, Vec<TokenId>);

/// Runs passes and remembers them. A clone shares all.
#[derive(Clone, Debug)]
pub(crate) struct Passes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    team: RwLock<Arc<Team>>,
    /// Held by whoever computes.
    turn: Arc<tokio::sync::Mutex<()>>,
    remembered: Mutex<Remembered>,
    /// What those in the queue want.
    wanted: Mutex<Vec<(Key, Vec<Site>)>>,
}

/// The newest last.
#[derive(Debug, Default)]
struct Remembered(Vec<(Key, Arc<Pass>)>);

impl Passes {
    /// Passes that this team computes.
    pub(crate) fn new(team: Arc<Team>) -> Self {
        Self(Arc::new(Inner {
            team: RwLock::new(team),
            turn: Arc::default(),
            remembered: Mutex::default(),
            wanted: Mutex::default(),
        }))
    }

    /// Threads that compute.
    pub(crate) fn threads(&self) -> usize {
        self.team().threads()
    }

    /// From now on another team computes.
    pub(crate) fn let_compute(&self, team: Arc<Team>) {
        *self.0.team.write().unwrap_or_else(PoisonError::into_inner) = team;
    }

    fn team(&self) -> Arc<Team> {
        self.0.team.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Computes in turn with all others, on a thread for slow work. The turn lasts as long as the
    /// work, also where nobody waits for its result any more; so let it be short.
    pub(crate) async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Team) -> T + Send + 'static,
    ) -> Result<T> {
        let turn = self.0.turn.clone().lock_owned().await;
        let team = self.team();
        let done = tokio::task::spawn_blocking(move || {
            let _until_it_is_done = turn;
            work(&team)
        });
        done.await.map_err(|_| {
            Refused::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the pass failed, which is a mistake of the program; its terminal says where",
            )
        })
    }

    /// A pass that holds at least these sites. One that the model does not have is refused.
    pub(crate) async fn sites(&self, asked: &Asked, wanted: &[Site]) -> Result<Arc<Pass>> {
        let config = asked.open.config();
        let there = sites(config);
        if let Some(site) = wanted.iter().find(|site| !there.contains(site)) {
            return Err(Refused::asked(format!("{} has no site {site}", asked.open.name)));
        }
        let key = Key(asked.open.serial(), asked.ids.clone());
        if let Some(pass) = self.remembered().find(&key, wanted) {
            return Ok(pass);
        }
        let _while_waiting = self.want(&key, wanted);
        let (passes, asked, wanted) = (self.clone(), asked.clone(), wanted.to_vec());
        self.in_turn(move |team| {
            // Whoever had the turn before may have read it.
            if let Some(pass) = passes.remembered().find(&key, &wanted) {
                return Ok(pass);
            }
            let mut all: BTreeSet<Site> = wanted.into_iter().collect();
            all.extend(cheap(asked.open.config(), asked.ids.len()));
            all.extend(passes.waiting(&key));
            all.extend(passes.remembered().forget(&key));
            let began = Instant::now();
            let trace = trace(&asked.open.weights, team, &asked.ids, &Wanted::these(all))?;
            let milliseconds = 1e3 * began.elapsed().as_secs_f64();
            let pass = Arc::new(Pass { trace, milliseconds });
            passes.remembered().add(key, pass.clone());
            Ok(pass)
        })
        .await?
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a wish for as long as the result lives.
    fn want(&self, key: &Key, sites: &[Site]) -> Wish {
        let wish = (key.clone(), sites.to_vec());
        self.0.wanted.lock().unwrap_or_else(PoisonError::into_inner).push(wish.clone());
        Wish { of: self.clone(), wish }
    }

    /// Sites that anybody in the queue wants of a prompt.
    fn waiting(&self, key: &Key) -> Vec<Site> {
        let wanted = self.0.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().filter(|(of, _)| of == key).flat_map(|(_, sites)| sites.clone()).collect()
    }
}

/// A wish in the queue; dropped, it is withdrawn.
struct Wish {
    of: Passes,
    wish: (Key, Vec<Site>),
}

impl Drop for Wish {
    fn drop(&mut self) {
        let mut wanted = self.of.0.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = wanted.iter().position(|wish| *wish == self.wish) {
            wanted.swap_remove(at);
        }
    }
}

impl Remembered {
    /// A pass that has all these sites; it counts as looked at.
    fn find(&mut self, key: &Key, wanted: &[Site]) -> Option<Arc<Pass>> {
        let at = self.0.iter().rposition(|(of, pass)| of == key && pass.has(wanted))?;
        let found = self.0.remove(at);
        let pass = found.1.clone();
        self.0.push(found);
        Some(pass)
    }

    /// Forgets a pass, and tells which sites it had.
    fn forget(&mut self, key: &Key) -> Vec<Site> {
        let Some(at) = self.0.iter().position(|(of, _)| of == key) else { return Vec::new() };
        let (_, pass) = self.0.remove(at);
        pass.trace.sites.keys().copied().collect()
    }

    /// Remembers a pass, and forgets the oldest until all fit; the new one stays.
    fn add(&mut self, key: Key, pass: Arc<Pass>) {
        self.0.push((key, pass));
        let mut bytes: usize = self.0.iter().map(|(_, pass)| pass.bytes()).sum();
        while bytes > REMEMBERED && self.0.len() > 1 {
            bytes -= self.0.remove(0).1.bytes();
        }
    }
}

/// Sites that are cheap enough to keep unasked, those that figures ask for most first.
fn cheap(config: &Config, tokens: usize) -> Vec<Site> {
    let mut all = sites(config);
    all.sort_by_key(|site| rank(*site));
    let mut left = UNASKED;
    let fits = |site: &Site| {
        let bytes = 4 * elements(config, *site, tokens);
        let fits = bytes <= left;
        left = if fits { left - bytes } else { 0 };
        fits
    };
    all.into_iter().take_while(fits).collect()
}

/// 0 for what most figures show, more for what few do.
fn rank(site: Site) -> u8 {
    use BlockSite as B;
    match site {
        Site::Embed | Site::PosEmbed | Site::LnFinal => 0,
        Site::Block(_, B::ResidPre | B::AttnOut | B::ResidMid | B::MlpOut | B::ResidPost) => 0,
        Site::Block(_, B::Q | B::K | B::V | B::RotQ | B::RotK | B::Z) => 1,
        Site::Block(_, B::Pattern) => 2,
        Site::Logits | Site::Probabilities => 3,
        Site::Block(_, B::Scores) => 4,
        Site::Block(_, B::MlpPost | B::MlpPre | B::MlpPreLinear) => 5,
        Site::Block(_, B::Ln1 | B::Ln2) => 6,
    }
}

fn elements(config: &Config, site: Site, tokens: usize) -> usize {
    use BlockSite as B;
    match site {
        Site::Block(_, B::Scores | B::Pattern) => config.heads * tokens * tokens,
        Site::Block(_, B::Q | B::RotQ | B::Z) => tokens * config.heads * config.head_dim,
        Site::Block(_, B::K | B::V | B::RotK) => tokens * config.key_heads * config.head_dim,
        Site::Block(_, B::MlpPre | B::MlpPreLinear | B::MlpPost) => tokens * config.hidden,
        Site::Logits | Site::Probabilities => tokens * config.vocabulary,
        _ => tokens * config.width,
    }
}
