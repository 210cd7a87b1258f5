//! The article in the terminal, with the numbers of one model: each is a number that `lookback look`
//! shows as well.

use lookback::Model;
use lookback_files::{Refusal, Result, counted};
use lookback_generate::sample::{SamplerChain, Settings};
use lookback_lens::{Neighbour, Report, ReportOptions, Table, report};
use lookback_model::{BlockSite, Edits, TokenId};
use lookback_text::{Specials, Tokenizer};
use lookback_train::{Snapshot, snapshots};

use crate::{print::Print, questions::Scores, stages};

/// What the tour looks at.
const PROMPT: &str = "the bird is red";
/// The same words the other way round: now `bird` comes after `red`.
const TURNED: &str = "the red bird";
/// Seed of the questions: those of `lookback eval default --questions`.
const QUESTIONS: u64 = 1;
/// Words whose neighbourhoods are shown.
const WORDS: [&str; 4] = [" bird", " red", " queen", " monday"];

/// Prints all stages.
pub(crate) fn print(model: &Model, print: &mut Print) -> Result<()> {
    let tokenizer = model.tokenizer()?;
    let config = model.config();
    print.line(&format!(
        "lookback: a tour of {} ({} parameters, {} of {}, {} wide, {} tokens)\n",
        model.path.display(),
        model.network().parameters(),
        counted(config.layers, "layer"),
        counted(config.heads, "head"),
        config.width,
        config.vocabulary
    ))?;
    let piece = |id: u32| tokenizer.quoted(TokenId(id));
    let ids = tokenizer.encode(PROMPT, Specials::Text)?;
    let seen = model.look(&ids).trace()?;
    let layer = config.layers - 1;
    let report = report(&seen, model.network(), ReportOptions { layer, head: 0, top_k: 10 });

    print.line(&format!("1. Text becomes tokens: \"{PROMPT}\"\n"))?;
    stages::tokens(&report, &piece, print)?;
    print
        .line("2. Tokens that are used alike stand near each other: cosines, before and after\n")?;
    neighbourhoods(model, tokenizer, print)?;
    print.line("3. Attention: compare tokens, make weights, mix values\n")?;
    stages::pattern(&report, &piece, print)?;
    print.line("4. What bird and red exchange\n")?;
    exchange(model, tokenizer, print)?;
    print.line("5. The MLP works on each token alone\n")?;
    stages::neurons(&report, print)?;
    print.line("6. Logits become probabilities\n")?;
    stages::next(&report, &piece, print)?;
    print.line("\n7. Sample, append, repeat\n")?;
    continuations(model, &ids, print)?;
    print.line("\n8. What it knows of Tinytown, beside five that understand nothing\n")?;
    for line in Scores::ask(model, QUESTIONS, |_| Ok(Edits::default()))?.lines()? {
        print.line(&line)?;
    }
    check(&report)
}

/// An empty tour would be a bug of ours.
fn check(report: &Report) -> Result<()> {
    if report.next.is_empty() || report.pattern.is_empty() {
        return Err(Refusal::ours("the tour found no numbers to show"));
    }
    Ok(())
}

/// The nearest rows of the embedding table, in the first snapshot and now.
fn neighbourhoods(model: &Model, tokenizer: &Tokenizer, print: &mut Print) -> Result<()> {
    let network = model.network();
    let [rows, width] = network.weight(network.embed).shape;
    let now = Table::of_model(&model.weights);
    let first = snapshots(&model.path).first().map(|&step| Snapshot::read(&model.path, step));
    let before = first.transpose()?.filter(|before| before.rows == rows && before.width == width);
    for word in WORDS {
        let ids = tokenizer.encode_bare(word, Specials::Text)?;
        let [id] = ids.as_slice() else { continue };
        let near = |table: Table<'_>| {
            let near = table.nearest(&table.row(id.index()), 5, |row| row != id.index());
            let say = |Neighbour { row, cosine }: &Neighbour| {
                format!("{} {cosine:.2}", tokenizer.quoted(TokenId(*row as u32)))
            };
            near.iter().map(say).collect::<Vec<_>>().join("  ")
        };
        if let Some(before) = &before {
            print.line(&format!(
                "{word:>9}  before: {}",
                near(Table::of_values(&before.values, width))
            ))?;
        }
        print.line(&format!("{word:>9}  after:  {}", near(now)))?;
    }
    print.line("")
}

/// Over all heads, how much of its attention one word gives to the other, both ways round.
fn exchange(model: &Model, tokenizer: &Tokenizer, print: &mut Print) -> Result<()> {
    for text in [PROMPT, TURNED] {
        let ids = tokenizer.encode(text, Specials::Text)?;
        let place = |word: &str| {
            let wanted = tokenizer.encode_bare(word, Specials::Text).ok()?;
            ids.iter().position(|id| wanted.first() == Some(id))
        };
        let (Some(bird), Some(red)) = (place(" bird"), place(" red")) else { continue };
        let seen = model.look(&ids).trace()?;
        let tokens = ids.len();
        let mut most = (0.0f32, 0, 0);
        for layer in model.network().layers() {
            let Some(pattern) = seen.block(layer, BlockSite::Pattern) else { continue };
            for head in 0..pattern.shape[0] {
                let weight = pattern.part(head)[bird * tokens + red];
                if weight > most.0 {
                    most = (weight, layer, head);
                }
            }
        }
        let said = match red > bird {
            true => format!(
                "in \"{text}\", bird takes exactly {} from red in every head: red comes later, and \
                 the future does not exist yet",
                most.0
            ),
            false => format!(
                "in \"{text}\", bird takes most from red in layer {}, head {}: {:.3} of its attention",
                most.1, most.2, most.0
            ),
        };
        print.line(&said)?;
    }
    print.line("")
}

/// Greedy and three other strategies.
fn continuations(model: &Model, ids: &[TokenId], print: &mut Print) -> Result<()> {
    let plain = Settings::plain(1);
    let strategies = [
        ("greedy", Settings::greedy()),
        ("temperature 1", plain.clone()),
        ("top-k 5", Settings { top_k: 5, ..plain.clone() }),
        ("top-p 0.8", Settings { top_p: 0.8, ..plain }),
    ];
    let tokens = model.config().context.saturating_sub(ids.len()).min(40);
    for (name, settings) in strategies {
        let sampler = SamplerChain::new(&settings)?;
        let text = model.generate(ids).sampler(sampler).max_tokens(tokens).text()?;
        print.line(&format!("{name:>14}: {PROMPT}{text}"))?;
    }
    Ok(())
}
