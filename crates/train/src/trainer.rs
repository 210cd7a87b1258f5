//! One step of learning: windows in, gradients, the optimizer; and the loss on what was kept back.

mod saved_weights;

use std::{
    ops::Range,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use lookback_engine::{
    Gradients, Optimizer, OptimizerSettings, Shape, ThreadPool, WeightMode, Weights, Workspace,
    forward_backward,
};
use lookback_files::Result;
use lookback_model::{Batch, Loss, Network, SequenceId, Targets, TokenId, WeightId};
use lookback_text::dataset::{Dataset, Windows};

use crate::{
    best_weights::BestWeights,
    mean_loss::MeanLoss,
    recipe::{KeptWeights, Recipe},
    validator::Validator,
    weight_average::WeightAverage,
};

/// Where a step's windows come from.
#[derive(Debug)]
pub struct Source {
    /// The tokens.
    pub data: Dataset,
    /// Which of them a draw is.
    pub windows: Windows,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: u64,
    /// Nats per token, before the step.
    pub loss: f64,
    /// The mean of this loss and those before it, each of which weighs 0.95 times the next.
    pub mean_loss: f64,
    /// Length of the gradient, before it was clipped.
    pub gradient_norm: f64,
    /// Learning rate.
    pub rate: f64,
    /// Seconds that it took, those included in which its gradients were computed ahead of it.
    pub seconds: f64,
}

/// A model that learns.
#[derive(Debug)]
pub struct Trainer {
    recipe: Recipe,
    /// The settings of earlier parts of the run, each with the steps done at its end.
    earlier: Vec<(u64, Recipe)>,
    pool: Arc<ThreadPool>,
    pub(crate) weights: Weights,
    pub(crate) optimizer: Optimizer,
    /// Of the last steps, where the recipe averages weights.
    pub(crate) average: Option<WeightAverage>,
    /// Of the training losses of late.
    pub(crate) mean_loss: MeanLoss,
    /// The weights of the best validation so far, where they are to be kept.
    pub(crate) best: Option<BestWeights>,
    gradients: Gradients,
    workspace: Workspace,
    validator: Validator,
    /// For validation passes, where the workspace of training passes is too small for them.
    validation_space: Option<Workspace>,
    batch: Batch,
    targets: Targets,
    window: Vec<TokenId>,
    /// What the gradients are of, when those of the next step are there already.
    pub(crate) pending: Option<PendingStep>,
}

/// Loss and gradient norm of a step whose gradients are computed and not yet applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingStep {
    loss: f64,
    gradient_norm: f64,
    seconds: f64,
}

impl Trainer {
    /// A network with its first weights.
    pub fn new(network: Arc<Network>, recipe: &Recipe, pool: Arc<ThreadPool>) -> Result<Self> {
        let start = recipe.start();
        let weights = {
            let fill_network = network.clone();
            let compute = recipe.compute;
            let fill = |id, rows: &mut [f32]| start.fill(&fill_network, id, rows);
            Weights::new(network, WeightMode::Training, compute, &pool, fill)?
        };
        let mut trainer = Self::with_weights(weights, recipe, pool);
        trainer.earlier = recipe.earlier()?;
        Ok(trainer)
    }

    /// A network with weights that are there already, for a run of one part.
    pub fn with_weights(weights: Weights, recipe: &Recipe, pool: Arc<ThreadPool>) -> Self {
        let network = weights.network().clone();
        let (learns, validates) = shapes(recipe);
        let positions = recipe.context;
        let workspace = |shape| {
            Workspace::new(&network, shape, positions, pool.threads())
                .with_precision(&network, weights.compute())
                .touched(&pool)
        };
        let method = recipe.optimizer.method(recipe.compute);
        let optimizer = Optimizer::new(&network, method, pool.threads());
        Self {
            optimizer: optimizer.touched(&pool),
            average: (recipe.average_share > 0.0).then(|| WeightAverage::new(&network)),
            gradients: Gradients::new(&network).touched(&pool),
            mean_loss: MeanLoss::default(),
            best: None,
            workspace: workspace(learns),
            validator: Validator::new(positions),
            validation_space: validates.map(workspace),
            batch: Batch::new(),
            targets: Targets::default(),
            window: vec![TokenId(0); positions + 1],
            pending: None,
            recipe: recipe.clone(),
            earlier: Vec::new(),
            weights,
            pool,
        }
    }

    /// Bytes that a trainer of this network takes.
    pub fn bytes(network: &Network, recipe: &Recipe, threads: usize) -> usize {
        let (learns, validates) = shapes(recipe);
        let compute = recipe.compute;
        let spaces = [Some(learns), validates]
            .into_iter()
            .flatten()
            .map(|shape| Workspace::bytes(network, shape, compute, recipe.context, threads));
        Weights::bytes(network, WeightMode::Training, compute)
            + spaces.sum::<usize>()
            + Gradients::bytes(network)
            + if recipe.average_share > 0.0 { WeightAverage::bytes(network) } else { 0 }
            + if recipe.keep == KeptWeights::Best { BestWeights::bytes(network) } else { 0 }
            + Optimizer::bytes(network, recipe.optimizer.method(recipe.compute), threads)
    }

    /// The settings, of the last part of the run.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The settings by which a step is taken, counted from 0.
    pub fn recipe_at(&self, step: u64) -> &Recipe {
        let part = self.earlier.iter().find(|(until, _)| step < *until);
        part.map_or(&self.recipe, |(_, recipe)| recipe)
    }

    /// Takes up other settings for the steps to come, and which parts those before them had.
    pub fn set_recipe(&mut self, recipe: Recipe) -> Result<()> {
        self.earlier = recipe.earlier()?;
        self.recipe = recipe;
        Ok(())
    }

    /// Settles the number of steps, once it is known.
    pub fn set_steps(&mut self, steps: u64) {
        self.recipe.steps = steps;
    }

    /// The weights as they stand.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// A weight's rows as they are validated: the mean of the last steps', once it has begun.
    pub fn validated_rows(&self, id: WeightId) -> &[f32] {
        self.averaged().map_or_else(|| self.weights.rows(id), |average| average.weight(id))
    }

    /// The mean of the training losses of late; not a number before the first step.
    pub fn mean_loss(&self) -> f64 {
        self.mean_loss.mean()
    }

    /// The mean of the last steps' weights, once it has begun.
    pub(crate) fn averaged(&self) -> Option<&WeightAverage> {
        self.average.as_ref().filter(|average| average.steps() > 0)
    }

    /// Exchanges the weights and their mean, if that has begun.
    fn swap_average(&mut self) {
        if let Some(average) = self.average.as_mut().filter(|average| average.steps() > 0) {
            average.swap(&mut self.weights);
        }
    }

    /// The threads.
    pub fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// Whether a run can go on from here: all of its state is numbers, and so are the loss and the
    /// gradient of the next step, which is then half done.
    pub fn can_go_on(&mut self, source: &Source) -> bool {
        let are_numbers = |values: &[f32]| values.iter().all(|value| value.is_finite());
        let mut ids = self.weights.network().ids();
        let state_is_finite = ids.all(|id| {
            let [mean, square] = self.optimizer.moments(id);
            are_numbers(self.weights.rows(id)) && are_numbers(mean) && are_numbers(square)
        });
        state_is_finite && {
            let pending = self.pending_step(source);
            pending.loss.is_finite() && pending.gradient_norm.is_finite()
        }
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.optimizer.steps()
    }

    /// One step over windows of a source.
    pub fn step(&mut self, source: &Source) -> StepReport {
        let pending = self.pending_step(source);
        self.apply_step(pending)
    }

    /// One step over windows that `fill` writes: for each pass and sequence, a context and one more.
    pub fn step_with(&mut self, fill: impl FnMut(usize, usize, &mut [TokenId])) -> StepReport {
        let pending = self.compute_gradients(fill);
        self.apply_step(pending)
    }

    /// The next step's loss and gradients, if they are not there yet.
    fn pending_step(&mut self, source: &Source) -> PendingStep {
        if let Some(pending) = self.pending {
            return pending;
        }
        // Each step has numbers for as many draws as it may need, those with long sequences too.
        let (passes, sequences) = (self.recipe.accumulate, max_sequences(&self.recipe));
        let first_draw = self.optimizer.steps() * (passes * sequences) as u64;
        let pending = self.compute_gradients(|pass, index, window| {
            let number = first_draw + (pass * sequences + index) as u64;
            source.data.read(source.windows.draw(number), window);
        });
        self.pending = Some(pending);
        pending
    }

    /// Loss and gradients over windows that `fill` writes.
    fn compute_gradients(
        &mut self,
        mut fill: impl FnMut(usize, usize, &mut [TokenId]),
    ) -> PendingStep {
        let began = Instant::now();
        self.gradients.clear(&self.pool);
        let recipe = self.recipe_at(self.optimizer.steps());
        let tokens = recipe.tokens_per_step();
        let context = recipe.context_at(self.optimizer.steps());
        let sequences = recipe.batch * recipe.context / context;
        let (passes, z_loss) = (recipe.accumulate, recipe.z_loss as f32);
        let mut total = 0.0;
        for pass in 0..passes {
            self.batch.clear();
            self.targets.ids.clear();
            self.targets.scale = 1.0 / tokens as f32;
            self.targets.z_loss = z_loss;
            let window = &mut self.window[..context + 1];
            for index in 0..sequences {
                fill(pass, index, window);
                push_window(&mut self.batch, &mut self.targets, index, window);
            }
            self.batch.add_all_logit_rows();
            let loss = forward_backward(
                &self.weights,
                &mut self.gradients,
                &mut self.workspace,
                &self.pool,
                &self.batch,
                &self.targets,
            );
            total += loss.total;
        }
        let (loss, gradient_norm) = (total / tokens as f64, self.gradients.norm(&self.pool));
        PendingStep { loss, gradient_norm, seconds: began.elapsed().as_secs_f64() }
    }

    /// Lets the optimizer take a step down the gradients, unless they are NaN or infinite.
    fn apply_step(
        &mut self,
        PendingStep { loss, gradient_norm, seconds }: PendingStep,
    ) -> StepReport {
        let began = Instant::now();
        self.pending = None;
        let step = self.optimizer.steps();
        let recipe = self.recipe_at(step);
        let (is_averaged, rate) = (recipe.averaged_at(step) > 0, recipe.rate_at(step));
        let settings = OptimizerSettings {
            rate,
            table_share: recipe.table_share,
            head_share: recipe.head_share,
            beta1: recipe.beta1,
            beta2: recipe.beta2,
            epsilon: recipe.epsilon,
            momentum: recipe.momentum,
            decay: recipe.decay,
            // As torch.nn.utils.clip_grad_norm_ has it.
            gradient_factor: f64::min(1.0, recipe.clip / (gradient_norm + 1e-6)),
        };
        self.mean_loss.add(loss);
        if loss.is_finite() && gradient_norm.is_finite() {
            self.optimizer.step(&mut self.weights, &self.gradients, &settings, &self.pool);
        }
        match &mut self.average {
            Some(average) if is_averaged => average.add(&self.weights),
            Some(average) => average.clear(),
            None => {}
        }
        let seconds = seconds + began.elapsed().as_secs_f64();
        let (step, mean_loss) = (self.optimizer.steps(), self.mean_loss.mean());
        StepReport { step, loss, mean_loss, gradient_norm, rate, seconds }
    }

    /// The loss of the model as it stands, or of the mean of its last steps, over a range of tokens, in
    /// windows that begin where those to learn from do; none if `stop` was set before its last pass.
    pub fn validation_loss(
        &mut self,
        data: &Dataset,
        range: Range<usize>,
        stop: &AtomicBool,
    ) -> Option<Loss> {
        self.swap_average();
        let loss = self.loss_of_weights(data, range, stop);
        self.swap_average();
        loss
    }

    fn loss_of_weights(
        &mut self,
        data: &Dataset,
        range: Range<usize>,
        stop: &AtomicBool,
    ) -> Option<Loss> {
        let windows = data.windows(range, self.recipe.context, self.recipe.begin().into());
        let workspace = self.validation_space.as_mut().unwrap_or(&mut self.workspace);
        self.validator.loss_unless_stopped(
            &self.weights,
            workspace,
            &self.pool,
            data,
            windows,
            stop,
        )
    }
}

/// The shapes of training passes, and of validation passes if they need a workspace of their own.
fn shapes(recipe: &Recipe) -> (Shape, Option<Shape>) {
    let learns =
        Shape::Training { rows: recipe.batch * recipe.context, sequences: max_sequences(recipe) };
    let validates = Validator::new(recipe.context).shape();
    let fits = matches!(validates, Shape::Evaluation { rows, sequences }
        if rows <= learns.rows() && sequences <= max_sequences(recipe));
    (learns, (!fits).then_some(validates))
}

/// Sequences of a pass at most: where they are short, there are more of them.
fn max_sequences(recipe: &Recipe) -> usize {
    let shortest = if recipe.short_context > 0 { recipe.short_context } else { recipe.context };
    recipe.batch * recipe.context / shortest
}

/// Puts a window into a batch: all but its last token enter, all but its first are targets.
fn push_window(batch: &mut Batch, targets: &mut Targets, index: usize, window: &[TokenId]) {
    let tokens = window.len() - 1;
    batch.push(SequenceId(index as u32), 0, &window[..tokens]);
    targets.ids.extend(window[1..].iter().map(|id| id.0));
}
