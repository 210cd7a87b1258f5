//! What a training tells whoever watches it: live, and to those who come late its history.
//!
//! Nobody is waited for. A watcher that reads too slowly misses steps, never the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lookback_files::Refusal;
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{events::Tell, refuse};

/// Losses of steps that are remembered for those who come late: twice this many become this many.
const POINTS: usize = 256;
/// Events that a watcher may be behind before it misses some.
const BEHIND: usize = 256;

/// Something that happened, as the page receives it: `{"type": "step", "step": 12, …}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum News {
    /// Nothing is being trained here.
    Idle,
    /// What is being done, before the first step.
    Phase {
        /// A few words.
        doing: String,
    },
    /// The first step is about to be taken.
    Begun {
        /// The model's name.
        model: String,
        /// Steps that will be taken.
        steps: u64,
        /// Tokens that a step learns from.
        tokens_per_step: u64,
        /// Tokens of the whole text.
        tokens: u64,
        /// Elements of all weights.
        parameters: u64,
    },
    /// Steps were taken.
    Step {
        /// Steps done.
        step: u64,
        /// Nats per token, averaged over the steps since the last such event.
        loss: f64,
        /// Learned from in a second of late.
        tokens_per_second: f64,
        /// Until the last step.
        seconds_left: f64,
    },
    /// The model was judged by what was kept back.
    Judged {
        /// Steps done.
        step: u64,
        /// Nats per token.
        loss: f64,
    },
    /// What the model can do by now.
    Able {
        /// Steps done.
        step: u64,
        /// The share of look-ups in the context that it answers.
        look_ups: f64,
        /// Nats per word of lists that repeat.
        repeated: f64,
    },
    /// What the model says by now.
    Said {
        /// Steps done.
        step: u64,
        /// A line of text.
        text: String,
    },
    /// Newer weights can be looked at.
    Snapshot {
        /// Steps done.
        step: u64,
    },
    /// All steps were taken, and the model is kept.
    Done {
        /// Steps done.
        step: u64,
        /// Seconds that it took.
        seconds: f64,
    },
    /// It ended early.
    Failed {
        /// Why, in one sentence.
        error: String,
        /// What went wrong, for a program.
        kind: &'static str,
    },
}

impl News {
    /// That it ended early, and why.
    pub fn failed(refusal: &Refusal) -> Self {
        Self::Failed { error: refuse::sentence(refusal), kind: refusal.kind().name() }
    }
}

/// A training that can be watched. A clone is the same training.
#[derive(Clone, Debug)]
pub struct Training(Arc<Mutex<Told>>);

#[derive(Debug)]
struct Told {
    history: Vec<News>,
    watchers: broadcast::Sender<News>,
}

impl Default for Training {
    fn default() -> Self {
        let (watchers, _) = broadcast::channel(BEHIND);
        Self(Arc::new(Mutex::new(Told { history: Vec::new(), watchers })))
    }
}

impl Training {
    /// Tells everybody.
    pub fn tell(&self, news: News) {
        let mut told = self.told();
        // Of snapshots the newest is enough: the older ones are gone.
        if let News::Snapshot { .. } = news {
            told.history.retain(|old| !matches!(old, News::Snapshot { .. }));
        }
        told.history.push(news.clone());
        thin(&mut told.history);
        let _nobody_may_watch = told.watchers.send(news);
    }

    /// Tells a watcher what was told, and then what is told, until the training ends or the watcher
    /// goes away.
    pub(crate) async fn watch(self, watcher: Tell) {
        let (history, mut live) = {
            let told = self.told();
            (told.history.clone(), told.watchers.subscribe())
        };
        let history = if history.is_empty() { vec![News::Idle] } else { history };
        for news in history {
            if watcher.send(json!(news)).await.is_err() || is_last(&news) {
                return;
            }
        }
        loop {
            let news = tokio::select! {
                () = watcher.closed() => return,
                news = live.recv() => news,
            };
            match news {
                // The watcher was too slow, and goes on with what is newer.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
                Ok(news) => {
                    if watcher.send(json!(news)).await.is_err() || is_last(&news) {
                        return;
                    }
                }
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing comes after it.
fn is_last(news: &News) -> bool {
    matches!(news, News::Idle | News::Done { .. } | News::Failed { .. })
}

/// Drops every second of the steps once there are too many; the newest stays.
fn thin(history: &mut Vec<News>) {
    let is_step = |news: &News| matches!(news, News::Step { .. });
    let steps = history.iter().filter(|news| is_step(news)).count();
    if steps < 2 * POINTS {
        return;
    }
    let mut left = steps;
    history.retain(|news| {
        if !is_step(news) {
            return true;
        }
        left -= 1;
        left % 2 == 0
    });
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tokio::sync::mpsc::{Receiver, channel};

    use super::*;

    fn step(step: u64) -> News {
        News::Step { step, loss: 1.0, tokens_per_second: 1.0, seconds_left: 1.0 }
    }

    const PHASE: &str = "beginning";

    fn phase() -> News {
        News::Phase { doing: PHASE.into() }
    }

    /// Begins to watch.
    async fn watch(training: &Training) -> Receiver<Value> {
        let (tell, told) = channel(1);
        tokio::spawn(training.clone().watch(tell));
        tokio::task::yield_now().await;
        told
    }

    async fn all(mut told: Receiver<Value>) -> Vec<Value> {
        let mut all = Vec::new();
        while let Some(news) = told.recv().await {
            all.push(news);
        }
        all
    }

    #[tokio::test]
    async fn who_comes_late_is_told_what_was_and_then_what_is() {
        let training = Training::default();
        training.tell(step(1));
        training.tell(News::Snapshot { step: 1 });
        training.tell(News::Snapshot { step: 2 });
        let late = watch(&training).await;
        training.tell(step(3));
        training.tell(News::Done { step: 3, seconds: 1.0 });
        let done = News::Done { step: 3, seconds: 1.0 };
        let expected = [step(1), News::Snapshot { step: 2 }, step(3), done].map(|news| json!(news));
        assert_eq!(all(late).await, expected);
        assert_eq!(all(watch(&training).await).await, expected);
    }

    #[tokio::test]
    async fn a_long_history_is_thinned_and_keeps_its_newest_step() {
        let training = Training::default();
        for number in 1..=10_000 {
            training.tell(step(number));
        }
        training.tell(News::failed(&Refusal::interrupt("stopped")));
        let told = all(watch(&training).await).await;
        assert!((POINTS..=2 * POINTS).contains(&told.len()), "{}", told.len());
        assert_eq!(told[told.len() - 2], json!(step(10_000)));
    }

    #[tokio::test]
    async fn without_a_training_there_is_nothing_to_wait_for() {
        let told = all(watch(&Training::default()).await).await;
        assert_eq!(told, [json!({ "type": "idle" })]);
    }

    #[tokio::test]
    async fn a_watcher_that_does_not_read_holds_nobody_up_and_hears_the_end() {
        let training = Training::default();
        training.tell(phase());
        let slow = watch(&training).await;
        for number in 1..=10_000 {
            training.tell(step(number));
            tokio::task::yield_now().await;
        }
        training.tell(News::Done { step: 10_000, seconds: 1.0 });
        let told = all(slow).await;
        assert!(told.len() < 1000, "{}", told.len());
        assert_eq!(told.last().unwrap()["type"], "done");
    }

    #[tokio::test]
    async fn a_watcher_that_goes_away_is_forgotten() {
        let training = Training::default();
        training.tell(phase());
        let mut told = watch(&training).await;
        assert_eq!(told.recv().await.unwrap()["doing"], PHASE);
        assert_eq!(training.told().watchers.receiver_count(), 1);
        drop(told);
        while training.told().watchers.receiver_count() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
