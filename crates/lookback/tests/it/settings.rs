//! Settings from a file, the environment and the command line; helps for shells and for man.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{Fixture, SMALL, output};

/// What a model writes with these arguments, and under these variables.
fn written(fixture: &Fixture, more: &str, variables: &[(&str, &str)]) -> String {
    let line = format!("generate good -p on -n 12 {more}");
    let mut program = fixture.program(line.split_whitespace());
    let output = output(program.envs(variables.iter().copied()));
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{more}: {output:?}");
    output.stdout
}

#[test]
fn a_file_is_as_good_as_arguments_and_arguments_go_first() {
    let fixture = Fixture::with_model();
    fixture.write(
        "warm.toml",
        "temperature = 1.5\ntop_k = 0\nseed = 7\nsamplers = \"temperature;top_k\"\nban = [\"on\", \"e\"]\n",
    );
    let warm = "--temperature 1.5 --top-k 0 --samplers temperature;top_k --ban on --ban e";
    let by_arguments = written(&fixture, &format!("{warm} --seed 7"), &[]);
    assert_eq!(written(&fixture, "--config warm.toml", &[]), by_arguments);
    assert!(!by_arguments.contains('e'), "{by_arguments}");
    let other_seed = written(&fixture, &format!("{warm} --seed 8"), &[]);
    assert_ne!(other_seed, by_arguments);
    assert_eq!(written(&fixture, "--config warm.toml --seed 8", &[]), other_seed);
    assert_eq!(written(&fixture, "--seed=8 --config=warm.toml", &[]), other_seed);
    // The environment stands between them.
    assert_eq!(written(&fixture, "--config warm.toml", &[("LOOKBACK_SEED", "8")]), other_seed);
    let both = written(&fixture, "--config warm.toml --seed 7", &[("LOOKBACK_SEED", "8")]);
    assert_eq!(both, by_arguments);
    assert_eq!(written(&fixture, warm, &[("LOOKBACK_SEED", "7")]), by_arguments);
}

#[test]
fn a_file_with_a_mistake_is_refused_by_its_key() {
    let fixture = Fixture::with_model();
    let output: Vec<String> = [
        "tempreature = 1",
        "luck = 7",
        "temperature = \"hot\"",
        "temperature = { is = 1 }",
        "greedy = 1",
        "config = \"other.toml\"",
        "seed = ",
        "top_k = 2.5",
        "temperature = 1\ntemperature = 2",
    ]
    .iter()
    .map(|text| {
        fixture.write("mine.toml", text);
        format!("{text}\n  {}\n", fixture.refused("generate good -p on --config mine.toml"))
    })
    .chain([format!("no file\n  {}\n", fixture.refused("chat good --config none.toml"))])
    .collect();
    insta::assert_snapshot!(output.concat());
}

#[test]
fn the_printed_configuration_is_one_that_can_be_used() {
    let fixture = Fixture::new();
    let preset = "train --print-config --preset tiny --set layers=1 --set rate=0.002";
    let text = fixture.done(preset);
    fixture.write("mine.toml", &text);
    assert_eq!(fixture.done("train --print-config --config mine.toml"), text);
    assert!(text.contains("\nlayers = 1\n") && text.contains("\nrate = 0.002\n"), "{text}");
    // Every key has a line that says what it is.
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ")) {
        assert!(at > 0 && lines[at - 1].starts_with("# "), "{line} is not explained");
    }
}

#[test]
fn a_file_of_some_settings_is_laid_over_the_preset_and_flags_over_both() {
    let fixture = Fixture::new();
    fixture.write("some.toml", "rate = 0.5\nbatch = 3\n\n[model]\nlayers = 2\n");
    let printed = |line: &str| fixture.done(&format!("train --print-config {line}"));
    for preset in ["tiny", "gpt2"] {
        let sets = "--set rate=0.5 --set batch=3 --set layers=2";
        let by_sets = printed(&format!("--preset {preset} {sets}"));
        assert_eq!(printed(&format!("--preset {preset} --config some.toml")), by_sets);
    }
    let over = printed("--config some.toml --set rate=0.25 --seed 9");
    assert!(
        ["rate = 0.25", "batch = 3", "layers = 2", "seed = 9"]
            .iter()
            .all(|one| { over.lines().any(|line| line == *one) }),
        "{over}"
    );
    // Without --preset it is tiny.
    assert_eq!(printed("--config some.toml"), printed("--preset tiny --config some.toml"));
}

#[test]
fn what_the_environment_says_wrong_is_named_as_it_was_said() {
    let fixture = Fixture::with_model();
    let output: Vec<String> = [
        ("generate good -p on --top-k 3", "LOOKBACK_GREEDY", "1"),
        ("generate good -p on", "LOOKBACK_THREADS", "many"),
        ("generate good -p on", "LOOKBACK_TEMPERATURE", "hot"),
        ("eval good town.txt --verbose", "LOOKBACK_QUIET", "yes"),
        ("train town.txt --out run --minutes 1", "LOOKBACK_STEPS", "5"),
        ("train town.txt --out run", "LOOKBACK_COMPUTE", "f16"),
        ("eval good town.txt", "LOOKBACK_PATH", "sse"),
    ]
    .iter()
    .map(|(line, name, value)| {
        let mut program = fixture.program(line.split_whitespace());
        let output = fixture.refused_program(line, program.env(name, value));
        format!("$ {name}={value} lookback {line}\n{output}\n")
    })
    .collect();
    insta::assert_snapshot!(output.concat());
}

#[test]
fn a_variable_that_stands_for_nothing_is_said_and_changes_nothing() {
    let fixture = Fixture::with_model();
    let plain = written(&fixture, "", &[]);
    let with = |name: &str, more: &str| {
        let line = format!("generate good -p on -n 12 {more}");
        let output = output(fixture.program(line.split_whitespace()).env(name, "7"));
        assert_eq!((output.code, &output.stdout), (Some(0), &plain), "{name}: {output:?}");
        output.stderr
    };
    assert_eq!(
        with("LOOKBACK_TEMPRATURE", ""),
        "lookback: LOOKBACK_TEMPRATURE is set, but no option has this name, so it changes nothing; \
         did you mean LOOKBACK_TEMPERATURE?\n"
    );
    assert!(with("LOOKBACK_LUCKY_NUMBERS", "").contains("so it changes nothing"));
    assert_eq!(with("LOOKBACK_TEMPRATURE", "--quiet"), "");
    // Of another command, of the tests of this repository, and of somebody else.
    for name in ["LOOKBACK_PRESET", "LOOKBACK_SCREENSHOTS", "LOOKBACK"] {
        assert_eq!(with(name, ""), "", "{name}");
    }
}

#[test]
fn shells_and_man_get_what_the_helps_say() {
    let fixture = Fixture::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = fixture.done(&format!("completions {shell}"));
        assert!(script.contains("top-n-sigma") && script.contains("tokenizer"), "{shell}");
    }
    let page = fixture.done("manual");
    assert!(page.starts_with(".ie") && page.contains("Exit codes"), "{page}");
    let page = fixture.done("manual generate");
    assert!(page.contains("mirostat") && page.contains("lookback generate runs/mine"), "{page}");
    assert!(fixture.done("manual tokenizer train").contains("vocab"));
    assert!(
        fixture.refused("manual genrate").starts_with("manual genrate: there is no such command")
    );
}

#[test]
fn quiet_says_results_alone_verbose_says_more_and_nothing_is_coloured() {
    let fixture = Fixture::with_model();
    fixture.write(
        "good/generation_config.json",
        r#"{"do_sample": true, "temperature": 0.7, "top_k": 5}"#,
    );
    let line = "generate good -p on -n 5";
    let plain = fixture.lookback(line);
    assert_eq!(
        plain.stderr,
        "lookback: the model's generation_config.json asks for --temperature 0.7 --top-k 5; what \
         is given here goes first\n"
    );
    // What is given is not said, since it is not taken from there.
    let given = fixture.lookback(&format!("{line} --temperature 0.7 --top-k 5"));
    assert_eq!((given.stdout.as_str(), given.stderr.as_str()), (plain.stdout.as_str(), ""));
    let quiet = fixture.lookback(&format!("{line} --quiet"));
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), (plain.stdout.as_str(), ""));
    let loud = fixture.lookback(&format!("train town.txt {SMALL} --steps 3 --out loud --verbose"));
    assert!(loud.stderr.contains("parameters, ") && loud.stderr.contains("3 steps of"), "{loud:?}");
    let stages = [
        " begun ",
        " text read ",
        " merges learned ",
        " memory planned ",
        " memory of a pass planned ",
        " computing ",
        " learned ",
        " judged by what was kept back ",
        " checkpoint written ",
        " written whole ",
        " done ",
    ];
    let small = SMALL.replace("char", "bpe:300");
    let line = format!("train town.txt {small} --steps 3 --out told --verbose");
    let told = fixture.lookback(&line);
    for stage in stages {
        assert!(told.stderr.contains(stage.trim_end()), "{stage}: {}", told.stderr);
    }
    assert!(!told.stderr.contains('\u{1b}'), "{}", told.stderr);
    let told = fixture.lookback("generate told -p tom --greedy -n 5 --verbose");
    for stage in [" mapped ", " weights loaded ", " read before the next token "] {
        assert!(told.stderr.contains(stage.trim_end()), "{stage}: {}", told.stderr);
    }
    assert_eq!(told.stdout, fixture.done("generate told -p tom --greedy -n 5"));
    let both = fixture.refused("eval good town.txt --quiet --verbose");
    assert!(both.contains("--quiet cannot stand beside --verbose"), "{both}");
    for line in ["--help", "generate --help", "generat", "generate good -p on -n 3"] {
        let mut program = fixture.program(line.split(' '));
        let output = output(program.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"));
        assert!(!format!("{}{}", output.stdout, output.stderr).contains('\u{1b}'), "{line}");
    }
}

#[test]
fn every_command_takes_its_options_from_a_file_or_from_the_one_that_the_environment_names() {
    let fixture = Fixture::with_model();
    let by_file = |line: &str, text: &str| {
        fixture.write("mine.toml", text);
        let explicit = fixture.done(&format!("{line} --config mine.toml"));
        let mut program = fixture.program(line.split_whitespace());
        let output = output(program.env("LOOKBACK_CONFIG", fixture.at("mine.toml")));
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{line}: {output:?}");
        assert_eq!(output.stdout, explicit, "{line}");
        explicit
    };
    for (line, text, more) in [
        ("generate good -p on", "tokens = 5\nseed = 3", "--tokens 5 --seed 3"),
        (
            "generate good -p on -n 4",
            "stop = [\"o\", \"e\"]\nseed = 4",
            "--stop o --stop e --seed 4",
        ),
        ("corpus", "bytes = 300\nseed = 5", "--bytes 300 --seed 5"),
        ("corpus --bytes 300", "bytes = 9000\nseed = 5", "--seed 5"),
        ("eval good town.txt", "json = true\nthreads = 1", "--json --threads 1"),
        ("look good -p on", "json = true\nhead = 1", "--json --head 1"),
        ("tokenizer encode on", "tokenizer = \"good\"\njson = true", "--tokenizer good --json"),
        (
            "train --print-config",
            "preset = \"gpt2\"\nrate = 0.5\nseed = 7\nthreads = 1",
            "--preset gpt2 --set rate=0.5 --seed 7",
        ),
    ] {
        assert_eq!(by_file(line, text), fixture.done(&format!("{line} {more}")), "{line}: {text}");
    }
    // What stands beside an option keeps its line, also behind letters of several bytes.
    fixture.write("both.toml", "tokenizer = \"é\\u0020\"\nminutes = 1\nlerning_rate = 1\n");
    let refused = fixture.refused("train town.txt --out x --config both.toml");
    assert!(
        refused.starts_with("both.toml: line 3: there is no setting lerning_rate"),
        "{refused}"
    );
}

#[test]
fn a_file_of_the_environment_is_every_commands_and_an_argument_goes_before_it() {
    let fixture = Fixture::with_model();
    fixture.write("all.toml", "temperature = 0.5\nbytes = 300\nrate = 0.5\nsystem = \"hi\"\n");
    let with = |line: &str| {
        let mut program = fixture.program(line.split_whitespace());
        output(program.env("LOOKBACK_CONFIG", fixture.at("all.toml")))
    };
    let plain = fixture.done("corpus --bytes 300");
    assert_eq!(with("corpus").stdout, plain);
    assert_eq!(with("corpus --bytes 300 --seed 1").stdout, plain);
    fixture.write("none.toml", "");
    assert_eq!(with("corpus --bytes 300 --config none.toml").stdout, plain);
    let cool = fixture.done("generate good -p on -n 9 --temperature 0.5");
    assert_eq!(with("generate good -p on -n 9").stdout, cool);
    let printed = with("train --print-config").stdout;
    assert!(printed.contains("\nrate = 0.5\n"), "{printed}");
    // What no command knows is a slip, wherever it stands.
    fixture.write("slip.toml", "tempreature = 1\n");
    for line in ["generate good -p on", "corpus", "train --print-config"] {
        let mut program = fixture.program(line.split_whitespace());
        let output = fixture.refused_program(line, program.env("LOOKBACK_CONFIG", "slip.toml"));
        assert!(
            output.contains("slip.toml: ") && output.contains("no setting tempreature"),
            "{output}"
        );
    }
    let mut program = fixture.program("corpus".split(' '));
    let output = fixture.refused_program("corpus", program.env("LOOKBACK_CONFIG", "missing.toml"));
    assert_eq!(output, "missing.toml: there is no such file; check the path");
}
