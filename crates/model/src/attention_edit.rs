//! Edits of attention as steps of a program: of scores, of the pattern, and of the results of heads.
//!
//! An edit of scores or of the pattern makes the attention a step with edits; an edit of results makes the output
//! projection a step for each head and one that sums. What they do to numbers is in the kernels.

use std::{ops::Range, sync::Arc};

use lookback_files::{Kind, Refusal, Result};
use lookback_kernels::attend::edits::{AttentionChange, AttentionEdit, ElementChange};

use crate::{Attend, BlockSite, Op, OutputProjection, Program, RowKind, Site, Step, ValueId};

impl Program {
    /// Puts an edit of scores or of the pattern into the attention of a layer, behind the edits that it has.
    /// Scores are edited before the pattern, whichever edit came first.
    ///
    /// # Errors
    /// Where the layer, a head or a key is not there, lists do not ascend, numbers do not fit them, or a weight or
    /// a score would be written at a key that its query does not see.
    pub fn edit_attention(&mut self, layer: usize, edit: AttentionEdit) -> Result<()> {
        let is_of_layer = |step: &Step| match &step.op {
            Op::Attend(attend) | Op::AttendEdited(attend, _) => attend.layer == layer,
            _ => false,
        };
        let site = if edit.is_of_scores() { BlockSite::Scores } else { BlockSite::Pattern };
        let site = Site::Block(layer as u16, site);
        let refused = |why: String| Refusal::of(Kind::InvalidSetting, format!("{site}: {why}"));
        let Some(step) = self.steps.iter_mut().find(|step| is_of_layer(step)) else {
            return Err(refused("this model has no such layer".to_owned()));
        };
        let (attend, edits) = match &step.op {
            Op::Attend(attend) => (*attend, Vec::new()),
            Op::AttendEdited(_, edits) if edits.is_empty() => {
                return Err(refused("each sequence has edits of its own there".to_owned()));
            }
            Op::AttendEdited(attend, edits) => (*attend, edits.to_vec()),
            _ => return Err(refused("this model has no such layer".to_owned())),
        };
        check(&attend, &edit).map_err(refused)?;
        let edits: Arc<[AttentionEdit]> = edits.into_iter().chain([edit]).collect();
        step.op = Op::AttendEdited(attend, edits.clone());
        // What shows scores and pattern shows the changed ones.
        for step in &mut self.steps {
            match &mut step.op {
                Op::Scores(of, shown) | Op::Pattern(of, shown) if of.layer == layer => {
                    *shown = edits.clone();
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the attention of a layer one whose scores and pattern each sequence may edit.
    pub(crate) fn open_attention(&mut self, layer: usize) {
        for step in &mut self.steps {
            match &step.op {
                Op::Attend(attend) if attend.layer == layer => {
                    step.op = Op::AttendEdited(*attend, Arc::from([]));
                }
                _ => {}
            }
        }
    }

    /// Whether no row of an attention sees a key behind its own position.
    pub fn is_causal(&self) -> bool {
        self.attentions().all(|attend| attend.is_causal)
    }

    /// Every attention, in the order of a pass.
    pub fn attentions(&self) -> impl Iterator<Item = &Attend> + '_ {
        self.steps.iter().filter_map(|step| match &step.op {
            Op::Attend(attend) | Op::AttendEdited(attend, _) => Some(attend),
            _ => None,
        })
    }

    /// The step of attention's output projection in a layer, and its heads.
    pub(crate) fn output_projection(&self, layer: u16) -> Option<(usize, OutputProjection)> {
        let z = self.at(Site::Block(layer, BlockSite::Z))?;
        let attend = self.attentions().find(|attend| attend.layer == usize::from(layer))?;
        let reads = |step: &Step| step.inputs == [z] && matches!(step.op, Op::Linear(_));
        let at = self.steps.iter().position(reads)?;
        match &self.steps[at].op {
            Op::Linear(layers) => match layers[..] {
                [linear] => Some((at, OutputProjection { linear, heads: attend.heads })),
                _ => None,
            },
            _ => None,
        }
    }

    /// Makes the output projection of a layer one of each head, so that the results of heads are a value that can
    /// be changed, and a sum: gives that value. None if this program has no such layer.
    pub(crate) fn split_results(&mut self, layer: u16) -> Option<ValueId> {
        let (at, projection) = self.output_projection(layer)?;
        let site = Site::Block(layer, BlockSite::Result);
        let (z, out) = (self.steps[at].inputs[0], self.steps[at].outputs[0]);
        let results = self.new_value(projection.width(), RowKind::Tokens);
        let split =
            Step { op: Op::SplitHeads(projection), inputs: vec![z], outputs: vec![results] };
        let sum = Step {
            op: Op::SumHeads(projection),
            inputs: vec![z, results, results],
            outputs: vec![out],
        };
        self.steps.splice(at..=at, [split, sum]);
        // It may have been there to be read only.
        self.remove_derived(site);
        self.insert_site(site, results, Site::Block(layer, BlockSite::AttnOut));
        Some(results)
    }

    /// Where a site is that of heads' results, makes them a value that can be edited.
    pub(crate) fn provide_results(&mut self, site: Site) {
        if let Site::Block(layer, BlockSite::Result) = site
            && !self.keeps_results(layer)
        {
            self.split_results(layer);
        }
    }

    /// Whether the results of a layer's heads are a value that steps read.
    pub(crate) fn keeps_results(&self, layer: u16) -> bool {
        let value = self.at(Site::Block(layer, BlockSite::Result));
        let producer = value.and_then(|value| self.producer(value));
        producer.is_some_and(|producer| !self.steps[producer].op.is_derived())
    }

    /// Adds the steps that show the results of heads where they are wanted.
    pub(crate) fn derive_results(&mut self, wants: impl Fn(Site) -> bool) {
        let layers: Vec<u16> = self.attentions().map(|attend| attend.layer as u16).collect();
        for layer in layers {
            let site = Site::Block(layer, BlockSite::Result);
            if !wants(site) || self.at(site).is_some() {
                continue;
            }
            let Some((at, projection)) = self.output_projection(layer) else { continue };
            let z = self.steps[at].inputs[0];
            let results = self.new_value(projection.width(), RowKind::Tokens);
            let step =
                Step { op: Op::Results(projection), inputs: vec![z], outputs: vec![results] };
            self.steps.insert(at, step);
            self.insert_site(site, results, Site::Block(layer, BlockSite::AttnOut));
        }
    }

    /// Names a value, before another site in the order of a pass.
    pub(crate) fn insert_site(&mut self, site: Site, value: ValueId, before: Site) {
        let place = self.sites.iter().position(|(named, _)| *named == before);
        self.sites.insert(place.unwrap_or(self.sites.len()), (site, value));
    }

    fn remove_derived(&mut self, site: Site) {
        if let Some(value) = self.at(site) {
            self.steps.retain(|step| !(step.op.is_derived() && step.outputs == [value]));
            self.sites.retain(|(named, _)| *named != site);
        }
    }
}

/// The keys that a query at a position sees, of all that there ever are.
fn seen(attend: &Attend, position: usize) -> Range<usize> {
    if !attend.is_causal {
        return 0..usize::MAX;
    }
    let end = position + 1;
    end.saturating_sub(attend.window.unwrap_or(end))..end
}

/// Why an edit does not fit an attention.
fn check(attend: &Attend, edit: &AttentionEdit) -> std::result::Result<(), String> {
    let AttentionEdit { heads, queries, keys, change } = edit;
    for (list, what) in [(heads, "heads"), (queries, "queries"), (keys, "keys")] {
        let Some(list) = list else { continue };
        if list.is_empty() {
            return Err(format!("no {what} are chosen"));
        }
        if !list.windows(2).all(|two| two[0] < two[1]) {
            return Err(format!("{what} are listed in ascending order, each once"));
        }
    }
    let beyond =
        heads.iter().flat_map(|heads| heads.iter()).find(|&&at| at as usize >= attend.heads);
    if let Some(head) = beyond {
        return Err(format!("there is no head {head} among {}", attend.heads));
    }
    let (numbers, hidden, element) = match change {
        AttentionChange::KeepTop(0) => return Err("at least one key is kept".to_owned()),
        AttentionChange::KeepTop(_) => return Ok(()),
        AttentionChange::Scores(element, numbers) => (numbers, f32::NEG_INFINITY, element),
        AttentionChange::Pattern(element, numbers) => (numbers, 0.0, element),
    };
    let is_wrong = |number: &&f32| !number.is_finite() && **number != hidden;
    if let Some(number) = numbers.iter().find(is_wrong) {
        return Err(format!("{number} cannot be written there"));
    }
    let head_count = heads.as_ref().map_or(attend.heads, |heads| heads.len());
    let (Some(queries), Some(keys)) = (queries, keys) else {
        return match numbers.len() {
            1 => Ok(()),
            len => Err(format!("{len} numbers need the positions of queries and keys listed")),
        };
    };
    let all = head_count * queries.len() * keys.len();
    if ![1, all].contains(&numbers.len()) {
        return Err(format!(
            "{} numbers are given for {head_count} heads, {} queries and {} keys",
            numbers.len(),
            queries.len(),
            keys.len()
        ));
    }
    if *element != ElementChange::Set {
        return Ok(());
    }
    // What stands at a hidden key may be written there again.
    for (at, number) in numbers.iter().enumerate().filter(|(_, number)| **number != hidden) {
        let place = |at: usize| (queries[at / keys.len() % queries.len()], keys[at % keys.len()]);
        let mut places =
            if numbers.len() == 1 { 0..queries.len() * keys.len() } else { at..at + 1 };
        let is_hidden = |at: &usize| {
            let (query, key) = place(*at);
            !seen(attend, query as usize).contains(&(key as usize))
        };
        if let Some((query, key)) = places.find(is_hidden).map(place) {
            return Err(format!(
                "{number} would be written at key {key}, which the query at position {query} does not see"
            ));
        }
    }
    Ok(())
}
