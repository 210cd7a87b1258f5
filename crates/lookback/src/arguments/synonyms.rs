//! What an option is called elsewhere, and here: names that people bring along from llama.cpp, Ollama,
//! transformers, nanoGPT and PyTorch, and slips of the finger. A suggestion means the same, or there is
//! none.

use clap::Command;

/// Names of elsewhere, then options of ours that mean the same; the first that a command has is it. The
/// settings of a run, such as `--lr`, are known to `lookback_train`.
const OPTIONS: [(&str, &str); 31] = [
    (
        "n-predict num-predict predict max-tokens max-new-tokens max-length new-tokens num-tokens gen-len",
        "tokens",
    ),
    ("temp heat", "temperature"),
    ("repetition-penalty rep-pen repeat-pen", "repeat-penalty"),
    ("freq-penalty", "frequency-penalty"),
    ("pres-penalty", "presence-penalty"),
    ("penalty-last-n rep-last-n repetition-window", "repeat-last-n"),
    ("typical-p typ-p", "typical"),
    ("nsigma top-sigma", "top-n-sigma"),
    ("mirostat-tau tau", "mirostat-ent"),
    ("mirostat-eta eta", "mirostat-lr"),
    ("sampling-seq sampler-seq sampler-order", "samplers"),
    (
        "stop-sequence stop-sequences stop-string stop-strings stop-token stop-words reverse-prompt r",
        "stop",
    ),
    ("bad-words bad-words-ids banned ban-tokens", "ban"),
    ("no-sampling do-sample deterministic argmax", "greedy"),
    ("system-prompt sys system-message instruction instructions", "system"),
    (
        "thread t num-threads n-threads nproc nthreads cpus jobs j workers num-workers threads-batch tb",
        "threads",
    ),
    (
        "ctx-size ctx n-ctx num-ctx context-size context-length max-seq-len max-model-len c",
        "context",
    ),
    ("prompt-tokens n-prompt pp", "prompt"),
    ("n-gen tg gen", "decode"),
    ("n-parallel parallel np batch-size bs", "batch"),
    ("dtype torch-dtype precision fp16 bf16 half amp mixed-precision", "compute"),
    ("outtype quantization quantize quant ftype dtype torch-dtype", "type"),
    ("random-seed rng-seed s", "seed"),
    ("output output-dir out-dir outdir save-dir save dest o", "out"),
    ("out out-file outfile save trace", "output"),
    ("max-steps max-iters iters iterations num-iterations n-steps num-steps", "steps"),
    ("time max-time time-limit minute", "minutes"),
    ("vocab-size n-vocab vocabulary vocabulary-size num-tokens", "vocab"),
    ("optim", "optimizer"),
    ("bind address listen ip hostname addr", "host"),
    ("hook hooks names-filter sites-filter activations", "sites"),
];

/// Names of elsewhere, commands that they are asked of (all where none is named), and what is done here.
const PHRASES: [(&str, &str, &str); 17] = [
    (
        "resume-from resume-from-checkpoint continue init-from load",
        "train",
        "a run goes on with --resume --out DIR",
    ),
    (
        "epochs num-epochs num-train-epochs n-epochs",
        "train",
        "the length of a run is given by --steps, --tokens or --minutes",
    ),
    (
        "dataset data data-dir data-path input i file f train-file train-data text text-file corpus",
        "train eval",
        "texts stand by themselves, as in lookback train my.txt",
    ),
    ("input i file f text", "tokenizer", "the text stands by itself; - reads standard input"),
    (
        "model m model-path model-name model-name-or-path hf hf-repo hf-file repo checkpoint ckpt",
        "generate chat look eval verify bench serve",
        "MODEL stands by itself, as in lookback generate MODEL",
    ),
    ("model m vocab-file tokenizer-file", "tokenizer", "name it with --tokenizer"),
    (
        "prompt-file file f input-file input i",
        "generate look",
        "a prompt in a file is read with -p - < FILE",
    ),
    (
        "device gpu cuda mps ngl n-gpu-layers gpu-layers num-gpu main-gpu tensor-split split-mode",
        "",
        "everything is computed on the processor; --threads says on how much of it",
    ),
    (
        "interactive interactive-first conversation cnv instruct",
        "generate",
        "lookback chat holds a conversation",
    ),
    (
        "no-stream stream",
        "",
        "text is printed as it is written, and whole with --json where there is one",
    ),
    (
        "format output-format as-json jsonl",
        "",
        "--json prints one JSON object, where a command has it",
    ),
    ("log-level debug log-verbosity lv vv", "", "--verbose says on stderr how each stage goes"),
    ("silent no-log log-disable", "", "--quiet says nothing but why it failed"),
    (
        "num-beams beams beam-size num-beam-groups",
        "",
        "there is no beam search; --greedy takes the likeliest token",
    ),
    (
        "num-return-sequences n-samples num-samples samples n",
        "generate",
        "one text is written a call; another --seed writes another",
    ),
    ("no-browser headless browser open", "serve", "--no-open leaves the browser closed"),
    ("size length chars characters", "corpus", "--bytes says how long the text is"),
];

/// Commands of elsewhere, and what is typed here.
const COMMANDS: [(&str, &str); 11] = [
    ("help", "lookback --help"),
    ("version", "lookback --version"),
    ("run infer inference complete completion sample predict write", "lookback generate"),
    ("talk ask repl conversation interactive cli", "lookback chat"),
    ("finetune fine-tune pretrain fit learn resume", "lookback train"),
    ("evaluate perplexity ppl score test benchmark-quality", "lookback eval"),
    ("server web ui page start up launch browser", "lookback serve"),
    ("inspect trace analyze analyse explain show visualize activations info", "lookback look"),
    ("benchmark speed perf llama-bench time", "lookback bench"),
    ("quantize quantise export gguf llama-quantize", "lookback convert"),
    ("tokenize tokenise encode detokenize decode", "lookback tokenizer"),
];

/// What may have been meant by an option that a command does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// This, typed in its place.
    Typed(String),
    /// Something that is done in another way.
    Phrase(String),
}

/// `--learning-rate` of `lookback train` as `--set rate=…`, and so on. `typed` begins with dashes; `path`
/// is the command's name with those above it.
pub(super) fn option(typed: &str, path: &str, command: &Command, all: &Command) -> Option<Meant> {
    let name = plain(typed);
    let words: Vec<&str> = path.split(' ').skip(1).collect();
    let has = |long: &str| command.get_arguments().any(|own| own.get_long() == Some(long));
    let typed_so = |long: &str| Some(Meant::Typed(format!("--{long}")));
    if has(&name) {
        return typed_so(&name);
    }
    if words.first() == Some(&"train")
        && let Some(key) = lookback_train::setting_synonym(&name)
    {
        let own = format!("--{key}");
        return Some(Meant::Typed(if has(key) { own } else { format!("--set {key}=…") }));
    }
    let known = |names: &str| names.split(' ').any(|other| other == name);
    if let Some((_, ours)) = OPTIONS.iter().find(|(theirs, ours)| known(theirs) && has(ours)) {
        return typed_so(ours);
    }
    let is_here = |commands: &str| {
        commands.is_empty()
            || words.first().is_some_and(|word| commands.split(' ').any(|of| of == *word))
    };
    let told = PHRASES.iter().find(|(theirs, commands, _)| known(theirs) && is_here(commands));
    if let Some((_, _, phrase)) = told {
        return Some(Meant::Phrase((*phrase).to_owned()));
    }
    let own: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    if let Some(long) = slip(&name, &own) {
        return typed_so(long);
    }
    let has = |other: &&Command| other.get_arguments().any(|own| own.get_long() == Some(&*name));
    let others: Vec<&str> = all.get_subcommands().filter(has).map(Command::get_name).collect();
    match others.as_slice() {
        [] => None,
        [one] => Some(Meant::Phrase(format!("lookback {one} has it"))),
        [firsts @ .., last] => {
            Some(Meant::Phrase(format!("lookback {} and {last} have it", firsts.join(", "))))
        }
    }
}

/// What may have been meant by a command that there is not.
pub(super) fn command(typed: &str, path: &str, command: &Command) -> Option<String> {
    let name = typed.to_lowercase().replace('_', "-");
    let own: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    if let Some(own) = slip(&name, &own) {
        return Some(own.to_owned());
    }
    let known = |names: &str| names.split(' ').any(|other| other == name);
    let ours = COMMANDS.iter().find(|(theirs, _)| path == "lookback" && known(theirs));
    ours.map(|(_, ours)| (*ours).to_owned())
}

/// `learning-rate` of `--Learning_Rate`.
fn plain(typed: &str) -> String {
    typed.trim_start_matches('-').to_lowercase().replace('_', "-")
}

/// The name that a slip of the finger was to be: two letters off at most, one in a short name, hyphens
/// aside; or what it is the only one to begin with.
fn slip<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let joined = |name: &str| name.replace('-', "");
    let typed = joined(typed);
    let most = match typed.chars().count() {
        0..=2 => return None,
        3..=6 => 1,
        _ => 2,
    };
    let off = |name: &&str| strsim::damerau_levenshtein(&joined(name), &typed);
    // The first letter is seldom wrong, and `--out` is no `--but`.
    let first = typed.chars().next()?;
    let near = known.iter().copied();
    let near = near.filter(|name| off(name) <= most && name.starts_with(first)).min_by_key(off);
    near.or_else(|| {
        let mut begun = known.iter().copied().filter(|name| joined(name).starts_with(&typed));
        begun.next().filter(|_| begun.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::program;

    /// What is answered to an option of a command.
    fn said(path: &str, typed: &str) -> Option<Meant> {
        let mut all = program();
        all.build();
        let mut of = all.clone();
        for word in path.split(' ').skip(1) {
            of = of.find_subcommand(word).unwrap().clone();
        }
        option(typed, path, &of, &all)
    }

    #[test]
    fn every_option_that_is_suggested_is_one_of_some_command() {
        let mut all = program();
        all.build();
        let mut longs: Vec<String> = Vec::new();
        fn of(command: &Command, longs: &mut Vec<String>) {
            longs.extend(
                command.get_arguments().filter_map(|own| own.get_long().map(str::to_owned)),
            );
            command.get_subcommands().for_each(|inner| of(inner, longs));
        }
        of(&all, &mut longs);
        // A row may wait for an option that only some builds have.
        let missing = OPTIONS.iter().filter(|(_, ours)| !longs.contains(&(*ours).to_owned()));
        let missing: Vec<&str> = missing.map(|(_, ours)| *ours).collect();
        assert!(missing.iter().all(|ours| ["context", "host"].contains(ours)), "{missing:?}");
        let names = |list: &'static str| list.split(' ').collect::<Vec<_>>();
        for (_, commands, _) in PHRASES {
            for name in names(commands).into_iter().filter(|name| !name.is_empty()) {
                assert!(name == "serve" || all.find_subcommand(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn names_of_elsewhere_are_answered_with_what_means_the_same() {
        for (path, typed, ours) in [
            ("lookback train", "--lr", "--set rate=…"),
            ("lookback train", "--learning-rate", "--set rate=…"),
            ("lookback train", "--learning_rate", "--set rate=…"),
            ("lookback train", "--batch_size", "--set batch=…"),
            ("lookback train", "--block_size", "--set context=…"),
            ("lookback train", "--ctx-size", "--set context=…"),
            ("lookback train", "--n_layer", "--set layers=…"),
            ("lookback train", "--weight-decay", "--set decay=…"),
            ("lookback train", "--dtype", "--compute"),
            ("lookback train", "--max_iters", "--steps"),
            ("lookback train", "--output-dir", "--out"),
            ("lookback train", "--tokeniser", "--tokenizer"),
            ("lookback generate", "--n-predict", "--tokens"),
            ("lookback generate", "--max-tokens", "--tokens"),
            ("lookback generate", "--max_new_tokens", "--tokens"),
            ("lookback generate", "--top_k", "--top-k"),
            ("lookback generate", "--topk", "--top-k"),
            ("lookback generate", "--tempreature", "--temperature"),
            ("lookback generate", "--repetition-penalty", "--repeat-penalty"),
            ("lookback generate", "--reverse-prompt", "--stop"),
            ("lookback generate", "-t", "--threads"),
            ("lookback bench", "-t", "--threads"),
            ("lookback bench", "--batch-size", "--batch"),
            ("lookback tokenizer train", "--vocab-size", "--vocab"),
            ("lookback look", "--layers", "--layer"),
            ("lookback", "--noserve", "--no-serve"),
        ] {
            assert_eq!(said(path, typed), Some(Meant::Typed(ours.to_owned())), "{path} {typed}");
        }
    }

    #[test]
    fn what_is_done_otherwise_is_told_and_what_means_nothing_is_not_guessed() {
        for (path, typed, begins) in [
            ("lookback generate", "--model", "MODEL stands by itself"),
            ("lookback generate", "-m", "MODEL stands by itself"),
            ("lookback generate", "--prompt-file", "a prompt in a file"),
            ("lookback generate", "--device", "everything is computed on the processor"),
            ("lookback train", "--epochs", "the length of a run"),
            ("lookback train", "--resume-from-checkpoint", "a run goes on"),
            ("lookback train", "--stop", "lookback generate"),
            ("lookback corpus", "--length", "--bytes"),
        ] {
            match said(path, typed) {
                Some(Meant::Phrase(phrase)) => {
                    assert!(phrase.starts_with(begins), "{typed}: {phrase}")
                }
                other => panic!("{path} {typed}: {other:?}"),
            }
        }
        for (path, typed) in [
            ("lookback generate", "--init"),
            ("lookback generate", "--colour"),
            ("lookback chat", "--luck"),
            ("lookback eval", "--x"),
            ("lookback corpus", "--zzz"),
        ] {
            assert_eq!(said(path, typed), None, "{path} {typed}");
        }
    }

    #[test]
    fn commands_of_elsewhere_are_known() {
        let all = program();
        for (typed, ours) in [
            ("serv", Some("serve")),
            ("generat", Some("generate")),
            ("run", Some("lookback generate")),
            ("perplexity", Some("lookback eval")),
            ("help", Some("lookback --help")),
            ("dance", None),
        ] {
            assert_eq!(command(typed, "lookback", &all).as_deref(), ours, "{typed}");
        }
    }
}
