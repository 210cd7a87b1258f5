//! A report in the terminal: the stages of a pass in the order in which they happen.

use lookback_files::Result;
use lookback_lens::Report;

use crate::print::Print;

/// Tokens whose weights fit side by side.
const WIDEST: usize = 24;

/// Prints all stages. `piece` says how a token looks, quotes and all.
pub(crate) fn print(
    report: &Report,
    piece: &dyn Fn(u32) -> String,
    print: &mut Print,
) -> Result<()> {
    tokens(report, piece, print)?;
    pattern(report, piece, print)?;
    stream(report, print)?;
    neurons(report, print)?;
    next(report, piece, print)
}

/// The tokens with their ids and the lengths of their vectors.
pub(crate) fn tokens(
    report: &Report,
    piece: &dyn Fn(u32) -> String,
    print: &mut Print,
) -> Result<()> {
    print.line("tokens become vectors")?;
    print.line("    id  token            length of its vector")?;
    for (id, norm) in report.ids.iter().zip(&report.embedding_norms) {
        print.line(&format!("{id:>6}  {:<16} {norm:.3}", piece(*id)))?;
    }
    print.line("")
}

/// One head's weights as a shaded triangle: the future is not dark, it is not there.
pub(crate) fn pattern(
    report: &Report,
    piece: &dyn Fn(u32) -> String,
    print: &mut Print,
) -> Result<()> {
    let (layer, head) = (report.layer, report.head);
    print.line(&format!(
        "attention of layer {layer}, head {head}: each row says how much a token takes from those \
         before it"
    ))?;
    let first = report.ids.len().saturating_sub(WIDEST);
    if first > 0 {
        print.line(&format!("(the last {WIDEST} of {} tokens)", report.ids.len()))?;
    }
    for (query, weights) in report.pattern.iter().enumerate().skip(first) {
        let label = piece(report.ids[query]);
        let cells: String =
            (first..=query).map(|key| format!(" {}", shade(weights[key]))).collect();
        let most = (0..=query).fold(0, |a, b| if weights[b] > weights[a] { b } else { a });
        print.line(&format!(
            "{label:>14} {cells}{:>blank$}  most: {:.3} from {}",
            "",
            weights[most],
            piece(report.ids[most]),
            blank = 3 * (report.ids.len() - 1 - query),
        ))?;
    }
    print.line("               shades: · below 0.05, ░ to 0.25, ▒ to 0.5, ▓ to 0.75, █ to 1")?;
    print.line("")
}

/// Two letters as dark as a weight.
fn shade(weight: f32) -> &'static str {
    match weight {
        weight if weight < 0.05 => "··",
        weight if weight < 0.25 => "░░",
        weight if weight < 0.5 => "▒▒",
        weight if weight < 0.75 => "▓▓",
        _ => "██",
    }
}

/// Who wrote how much into the residual stream of the last token.
fn stream(report: &Report, print: &mut Print) -> Result<()> {
    print.line("the last token's residual stream: lengths of what stands and of what is added")?;
    print.line(" layer    before  attention       MLP     after")?;
    for written in &report.stream {
        print.line(&format!(
            "{:>6} {:>9.3} {:>10.3} {:>9.3} {:>9.3}",
            written.layer, written.before, written.attention, written.mlp, written.after
        ))?;
    }
    print.line("")
}

/// The most active hidden units.
pub(crate) fn neurons(report: &Report, print: &mut Print) -> Result<()> {
    print
        .line(&format!("the MLP of layer {}: the last token's most active units", report.layer))?;
    let units = report.neurons.iter().map(|unit| match unit.expert {
        Some(expert) => format!("{} in expert {expert} ({:+.3})", unit.index, unit.value),
        None => format!("{} ({:+.3})", unit.index, unit.value),
    });
    let units: Vec<String> = units.collect();
    print.line(&format!("  {}", units.join("  ")))?;
    print.line("")
}

/// The likeliest next tokens.
pub(crate) fn next(
    report: &Report,
    piece: &dyn Fn(u32) -> String,
    print: &mut Print,
) -> Result<()> {
    print.line("what comes next")?;
    for next in &report.next {
        let bar = "█".repeat((next.probability * 40.0).round() as usize);
        let label = piece(next.id);
        print.line(&format!("{:>6}  {label:<16} {:.4}  {bar}", next.id, next.probability))?;
    }
    Ok(())
}
