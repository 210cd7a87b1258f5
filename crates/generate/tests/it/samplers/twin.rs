//! The naive twins of the chain's samplers: what each keeps, by its definition.

use lookback_generate::sample::Settings;
use lookback_text::TokenId;

/// Candidates by ascending id.
pub type Row = Vec<(u32, f64)>;

fn largest(row: &Row) -> f64 {
    row.iter().fold(f64::NEG_INFINITY, |a, b| if b.1 > a { b.1 } else { a })
}

/// exp(logit − largest) of each, and their total.
pub fn compute_weights(row: &Row) -> (Vec<f64>, f64) {
    let weights: Vec<f64> = row.iter().map(|x| libm::exp(x.1 - largest(row))).collect();
    let total = weights.iter().fold(0.0, |total, weight| total + weight);
    (weights, total)
}

/// The surprisal of each, in nats.
fn surprisals(row: &Row) -> Vec<f64> {
    let logarithm = libm::log(compute_weights(row).1);
    row.iter().map(|x| logarithm - (x.1 - largest(row))).collect()
}

pub fn entropy(row: &Row) -> f64 {
    let (weights, total) = compute_weights(row);
    weights.iter().zip(surprisals(row)).fold(0.0, |sum, (weight, bits)| sum + weight / total * bits)
}

/// The places of a row, the best first: by this measure, then by logit, then by id.
fn ranked(row: &Row, badness: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..row.len()).collect();
    places.sort_by(|&a, &b| {
        let by_badness = badness(a).partial_cmp(&badness(b)).unwrap();
        by_badness.then(row[b].1.partial_cmp(&row[a].1).unwrap()).then(row[a].0.cmp(&row[b].0))
    });
    places
}

fn only(row: &Row, places: &[usize]) -> Row {
    row.iter().enumerate().filter(|(at, _)| places.contains(at)).map(|(_, x)| *x).collect()
}

fn last(past: &[TokenId], n: i64) -> &[TokenId] {
    if n < 0 { past } else { &past[past.len().saturating_sub(n as usize)..] }
}

fn penalties(row: &mut Row, past: &[TokenId], settings: &Settings) {
    for (id, logit) in row {
        let said = last(past, settings.repeat_last_n).iter().filter(|past| past.0 == *id).count();
        if said > 0 {
            let penalty = settings.repeat_penalty;
            *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
            *logit -= said as f64 * settings.frequency_penalty + settings.presence_penalty;
        }
    }
}

/// By the definition: the longest ending of the text that stood before this token already. What
/// the text begins with followed nothing, not even the empty ending.
fn dry(row: &mut Row, past: &[TokenId], settings: &Settings) {
    let past = last(past, settings.dry_penalty_last_n);
    let breaks = |id: &TokenId| settings.dry_sequence_breakers.contains(id);
    for (id, logit) in row {
        let stood = |ending: &[TokenId]| {
            (1..past.len()).any(|at| past[at].0 == *id && past[..at].ends_with(ending))
        };
        let mut endings = (0..past.len()).map(|length| &past[past.len() - length..]);
        let repeated = endings.rfind(|ending| !ending.iter().any(breaks) && stood(ending));
        let length = repeated.map(<[TokenId]>::len);
        let enough = length.filter(|length| *length >= settings.dry_allowed_length);
        if let (Some(length), false) = (enough, breaks(&TokenId(*id))) {
            let over = (length - settings.dry_allowed_length) as f64;
            *logit -= settings.dry_multiplier * libm::pow(settings.dry_base, over);
        }
    }
}

/// The fewest of these, the first first, that have this share of the total or more than it.
fn reach(row: &Row, places: &[usize], is_reached: impl Fn(f64, f64) -> bool) -> Row {
    let (weights, total) = compute_weights(row);
    let mut reached = 0.0;
    let mut keep = 0;
    for &place in places {
        reached += weights[place];
        keep += 1;
        if is_reached(reached, total) {
            break;
        }
    }
    only(row, &places[..keep])
}

/// The usual chain up to the temperature, one blackboard line after another.
pub fn keep(logits: &[f32], past: &[TokenId], settings: &Settings) -> Row {
    let mut row: Row = (0..).zip(logits.iter().map(|x| f64::from(*x) + 0.0)).collect();
    row.retain(|x| x.1 > f64::NEG_INFINITY);
    penalties(&mut row, past, settings);
    if settings.dry_multiplier > 0.0 {
        dry(&mut row, past, settings);
    }
    if settings.top_n_sigma > 0.0 {
        let count = row.len() as f64;
        let mean = row.iter().fold(0.0, |sum, x| sum + x.1) / count;
        let squares = row.iter().fold(0.0, |sum, x| sum + (x.1 - mean) * (x.1 - mean));
        let least = largest(&row) - settings.top_n_sigma * libm::sqrt(squares / count);
        row.retain(|x| x.1 >= least);
    }
    if settings.top_k > 0 {
        let places = ranked(&row, |_| 0.0);
        row = only(&row, &places[..settings.top_k.min(row.len())]);
    }
    if settings.typical < 1.0 {
        let (surprisals, expected) = (surprisals(&row), entropy(&row));
        let places = ranked(&row, |at| libm::fabs(surprisals[at] - expected));
        let (weights, total) = compute_weights(&row);
        let mut reached = 0.0;
        let enough = places.iter().position(|at| {
            reached += weights[*at] / total;
            reached > settings.typical
        });
        row = only(&row, &places[..enough.map_or(places.len(), |at| at + 1)]);
    }
    if settings.top_p < 1.0 {
        let places = ranked(&row, |_| 0.0);
        row = reach(&row, &places, |reached, total| reached >= settings.top_p * total);
    }
    let weights = compute_weights(&row).0;
    let places: Vec<usize> = (0..row.len()).filter(|at| weights[*at] >= settings.min_p).collect();
    row = only(&row, &places);
    if settings.xtc_probability > 0.0 {
        let (weights, total) = compute_weights(&row);
        let places = ranked(&row, |_| 0.0);
        let top = places.iter().filter(|at| weights[**at] / total >= settings.xtc_threshold);
        row = only(&row, &places[top.count().max(1) - 1..]);
    }
    row
}
