//! The events of a training, for each watcher: first those that it missed, then live.
//!
//! Training never waits for a watcher. One that reads too slowly misses steps, never the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lookback_files::Refusal;
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{error_response, events::EventSender};

/// Losses of steps that are remembered for those who come late: twice this many become this many.
const MAX_STEPS: usize = 256;
/// Events that a watcher may be behind before it misses some.
const CHANNEL_CAPACITY: usize = 256;

/// Something that happened, as the page receives it: `{"type": "step", "step": 12, …}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ProgressEvent {
    /// Nothing is being trained here.
    Idle,
    /// What is being done, before the first step.
    Phase {
        /// A few words.
        #[serde(rename = "doing")]
        description: String,
    },
    /// The first step is about to be taken.
    #[serde(rename = "begun")]
    Started {
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
    /// The model was validated.
    #[serde(rename = "judged")]
    Validation {
        /// Steps done.
        step: u64,
        /// Nats per token.
        loss: f64,
    },
    /// What the model can do by now.
    #[serde(rename = "able")]
    Abilities {
        /// Steps done.
        step: u64,
        /// The share of look-ups in the context that it answers.
        look_ups: f64,
        /// Nats per word of lists that repeat.
        repeated: f64,
    },
    /// A sample of the model at this step.
    #[serde(rename = "said")]
    Sample {
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

impl ProgressEvent {
    /// That it ended early, and why.
    pub fn failed(refusal: &Refusal) -> Self {
        Self::Failed { error: error_response::sentence(refusal), kind: refusal.kind().name() }
    }
}

/// A training that can be watched. A clone is the same training.
#[derive(Clone, Debug)]
pub struct Training(Arc<Mutex<EventLog>>);

#[derive(Debug)]
struct EventLog {
    history: Vec<ProgressEvent>,
    clients: broadcast::Sender<ProgressEvent>,
}

impl Default for Training {
    fn default() -> Self {
        let (clients, _) = broadcast::channel(CHANNEL_CAPACITY);
        Self(Arc::new(Mutex::new(EventLog { history: Vec::new(), clients })))
    }
}

impl Training {
    /// Tells everybody.
    pub fn publish(&self, event: ProgressEvent) {
        let mut log = self.log();
        // Of snapshots the newest is enough: the older ones are gone.
        if let ProgressEvent::Snapshot { .. } = event {
            log.history.retain(|old| !matches!(old, ProgressEvent::Snapshot { .. }));
        }
        log.history.push(event.clone());
        thin(&mut log.history);
        let _nobody_may_watch = log.clients.send(event);
    }

    /// Sends a watcher the past events, and then the new ones, until the training ends or the watcher
    /// goes away.
    pub(crate) async fn stream(self, client: EventSender) {
        let (history, mut live) = {
            let log = self.log();
            (log.history.clone(), log.clients.subscribe())
        };
        let history = if history.is_empty() { vec![ProgressEvent::Idle] } else { history };
        for event in history {
            if client.send(json!(event)).await.is_err() || is_last(&event) {
                return;
            }
        }
        loop {
            let event = tokio::select! {
                () = client.closed() => return,
                event = live.recv() => event,
            };
            match event {
                // The watcher was too slow, and goes on with what is newer.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
                Ok(event) => {
                    if client.send(json!(event)).await.is_err() || is_last(&event) {
                        return;
                    }
                }
            }
        }
    }

    fn log(&self) -> MutexGuard<'_, EventLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing comes after it.
fn is_last(event: &ProgressEvent) -> bool {
    matches!(event, ProgressEvent::Idle | ProgressEvent::Done { .. } | ProgressEvent::Failed { .. })
}

/// Drops every second of the steps once there are too many; the newest stays.
fn thin(history: &mut Vec<ProgressEvent>) {
    let is_step = |event: &ProgressEvent| matches!(event, ProgressEvent::Step { .. });
    let steps = history.iter().filter(|event| is_step(event)).count();
    if steps < 2 * MAX_STEPS {
        return;
    }
    let mut left = steps;
    history.retain(|event| {
        if !is_step(event) {
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

    fn step(step: u64) -> ProgressEvent {
        ProgressEvent::Step { step, loss: 1.0, tokens_per_second: 1.0, seconds_left: 1.0 }
    }

    const PHASE: &str = "beginning";

    fn phase() -> ProgressEvent {
        ProgressEvent::Phase { description: PHASE.into() }
    }

    /// Begins to watch.
    async fn watch(training: &Training) -> Receiver<Value> {
        let (sender, events) = channel(1);
        tokio::spawn(training.clone().stream(sender));
        tokio::task::yield_now().await;
        events
    }

    async fn all(mut events: Receiver<Value>) -> Vec<Value> {
        let mut all = Vec::new();
        while let Some(event) = events.recv().await {
            all.push(event);
        }
        all
    }

    #[tokio::test]
    async fn who_comes_late_is_told_what_was_and_then_what_is() {
        let training = Training::default();
        training.publish(step(1));
        training.publish(ProgressEvent::Snapshot { step: 1 });
        training.publish(ProgressEvent::Snapshot { step: 2 });
        let late = watch(&training).await;
        training.publish(step(3));
        training.publish(ProgressEvent::Done { step: 3, seconds: 1.0 });
        let done = ProgressEvent::Done { step: 3, seconds: 1.0 };
        let expected =
            [step(1), ProgressEvent::Snapshot { step: 2 }, step(3), done].map(|event| json!(event));
        assert_eq!(all(late).await, expected);
        assert_eq!(all(watch(&training).await).await, expected);
    }

    #[tokio::test]
    async fn a_long_history_is_thinned_and_keeps_its_newest_step() {
        let training = Training::default();
        for number in 1..=10_000 {
            training.publish(step(number));
        }
        training.publish(ProgressEvent::failed(&Refusal::interrupt("stopped")));
        let events = all(watch(&training).await).await;
        assert!((MAX_STEPS..=2 * MAX_STEPS).contains(&events.len()), "{}", events.len());
        assert_eq!(events[events.len() - 2], json!(step(10_000)));
    }

    #[tokio::test]
    async fn without_a_training_there_is_nothing_to_wait_for() {
        let events = all(watch(&Training::default()).await).await;
        assert_eq!(events, [json!({ "type": "idle" })]);
    }

    #[tokio::test]
    async fn a_watcher_that_does_not_read_holds_nobody_up_and_hears_the_end() {
        let training = Training::default();
        training.publish(phase());
        let slow = watch(&training).await;
        for number in 1..=10_000 {
            training.publish(step(number));
            tokio::task::yield_now().await;
        }
        training.publish(ProgressEvent::Done { step: 10_000, seconds: 1.0 });
        let events = all(slow).await;
        assert!(events.len() < 1000, "{}", events.len());
        assert_eq!(events.last().unwrap()["type"], "done");
    }

    #[tokio::test]
    async fn a_watcher_that_goes_away_is_forgotten() {
        let training = Training::default();
        training.publish(phase());
        let mut events = watch(&training).await;
        assert_eq!(events.recv().await.unwrap()["doing"], PHASE);
        assert_eq!(training.log().clients.receiver_count(), 1);
        drop(events);
        while training.log().clients.receiver_count() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
