//! Settings from a file, the environment and the command line; helps for shells and for man.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::world::{SMALL, World, said};

/// What a model writes with these arguments, and under these variables.
fn written(world: &World, more: &str, variables: &[(&str, &str)]) -> String {
    let line = format!("generate good -p on -n 12 {more}");
    let mut program = world.program(line.split_whitespace());
    let said = said(program.envs(variables.iter().copied()));
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{more}: {said:?}");
    said.stdout
}

#[test]
fn a_file_is_as_good_as_arguments_and_arguments_go_first() {
    let world = World::with_model();
    world.write(
        "warm.toml",
        "temperature = 1.5\ntop_k = 0\nseed = 7\nsamplers = \"temperature;top_k\"\nban = [\"on\", \"e\"]\n",
    );
    let warm = "--temperature 1.5 --top-k 0 --samplers temperature;top_k --ban on --ban e";
    let by_arguments = written(&world, &format!("{warm} --seed 7"), &[]);
    assert_eq!(written(&world, "--config warm.toml", &[]), by_arguments);
    assert!(!by_arguments.contains('e'), "{by_arguments}");
    let other_seed = written(&world, &format!("{warm} --seed 8"), &[]);
    assert_ne!(other_seed, by_arguments);
    assert_eq!(written(&world, "--config warm.toml --seed 8", &[]), other_seed);
    assert_eq!(written(&world, "--seed=8 --config=warm.toml", &[]), other_seed);
    // The environment stands between them.
    assert_eq!(written(&world, "--config warm.toml", &[("LOOKBACK_SEED", "8")]), other_seed);
    let both = written(&world, "--config warm.toml --seed 7", &[("LOOKBACK_SEED", "8")]);
    assert_eq!(both, by_arguments);
    assert_eq!(written(&world, warm, &[("LOOKBACK_SEED", "7")]), by_arguments);
}

#[test]
fn a_file_with_a_mistake_is_refused_by_its_key() {
    let world = World::with_model();
    let said: Vec<String> = [
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
        world.write("mine.toml", text);
        format!("{text}\n  {}\n", world.refused("generate good -p on --config mine.toml"))
    })
    .chain([format!("no file\n  {}\n", world.refused("chat good --config none.toml"))])
    .collect();
    insta::assert_snapshot!(said.concat());
}

#[test]
fn the_printed_configuration_is_one_that_can_be_used() {
    let world = World::new();
    let preset = "train --print-config --preset tiny --set layers=1 --set rate=0.002";
    let text = world.done(preset);
    world.write("mine.toml", &text);
    assert_eq!(world.done("train --print-config --config mine.toml"), text);
    assert!(text.contains("\nlayers = 1\n") && text.contains("\nrate = 0.002\n"), "{text}");
    // Every key has a line that says what it is.
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ")) {
        assert!(at > 0 && lines[at - 1].starts_with("# "), "{line} is not explained");
    }
}

#[test]
fn a_file_of_some_settings_is_laid_over_the_preset_and_flags_over_both() {
    let world = World::new();
    world.write("some.toml", "rate = 0.5\nbatch = 3\n\n[model]\nlayers = 2\n");
    let printed = |line: &str| world.done(&format!("train --print-config {line}"));
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
    let world = World::with_model();
    let said: Vec<String> = [
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
        let mut program = world.program(line.split_whitespace());
        let said = world.refused_program(line, program.env(name, value));
        format!("$ {name}={value} lookback {line}\n{said}\n")
    })
    .collect();
    insta::assert_snapshot!(said.concat());
}

#[test]
fn a_variable_that_stands_for_nothing_is_said_and_changes_nothing() {
    let world = World::with_model();
    let plain = written(&world, "", &[]);
    let with = |name: &str, more: &str| {
        let line = format!("generate good -p on -n 12 {more}");
        let said = said(world.program(line.split_whitespace()).env(name, "7"));
        assert_eq!((said.code, &said.stdout), (Some(0), &plain), "{name}: {said:?}");
        said.stderr
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
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = world.done(&format!("completions {shell}"));
        assert!(script.contains("top-n-sigma") && script.contains("tokenizer"), "{shell}");
    }
    let page = world.done("manual");
    assert!(page.starts_with(".ie") && page.contains("Exit codes"), "{page}");
    let page = world.done("manual generate");
    assert!(page.contains("mirostat") && page.contains("lookback generate runs/mine"), "{page}");
    assert!(world.done("manual tokenizer train").contains("vocab"));
    assert!(
        world.refused("manual genrate").starts_with("manual genrate: there is no such command")
    );
}

#[test]
fn quiet_says_results_alone_verbose_says_more_and_nothing_is_coloured() {
    let world = World::with_model();
    world.write(
        "good/generation_config.json",
        r#"{"do_sample": true, "temperature": 0.7, "top_k": 5}"#,
    );
    let line = "generate good -p on -n 5";
    let plain = world.lookback(line);
    assert_eq!(
        plain.stderr,
        "lookback: the model's generation_config.json asks for --temperature 0.7 --top-k 5; what \
         is given here goes first\n"
    );
    // What is given is not said, since it is not taken from there.
    let given = world.lookback(&format!("{line} --temperature 0.7 --top-k 5"));
    assert_eq!((given.stdout.as_str(), given.stderr.as_str()), (plain.stdout.as_str(), ""));
    let quiet = world.lookback(&format!("{line} --quiet"));
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), (plain.stdout.as_str(), ""));
    let loud = world.lookback(&format!("train town.txt {SMALL} --steps 3 --out loud --verbose"));
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
    let told = world.lookback(&line);
    for stage in stages {
        assert!(told.stderr.contains(stage.trim_end()), "{stage}: {}", told.stderr);
    }
    assert!(!told.stderr.contains('\u{1b}'), "{}", told.stderr);
    let told = world.lookback("generate told -p tom --greedy -n 5 --verbose");
    for stage in [" mapped ", " weights loaded ", " read before the next token "] {
        assert!(told.stderr.contains(stage.trim_end()), "{stage}: {}", told.stderr);
    }
    assert_eq!(told.stdout, world.done("generate told -p tom --greedy -n 5"));
    let both = world.refused("eval good town.txt --quiet --verbose");
    assert!(both.contains("--quiet cannot stand beside --verbose"), "{both}");
    for line in ["--help", "generate --help", "generat", "generate good -p on -n 3"] {
        let mut program = world.program(line.split(' '));
        let said = said(program.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"));
        assert!(!format!("{}{}", said.stdout, said.stderr).contains('\u{1b}'), "{line}");
    }
}

#[test]
fn every_command_takes_its_options_from_a_file_or_from_the_one_that_the_environment_names() {
    let world = World::with_model();
    let by_file = |line: &str, text: &str| {
        world.write("mine.toml", text);
        let explicit = world.done(&format!("{line} --config mine.toml"));
        let mut program = world.program(line.split_whitespace());
        let said = said(program.env("LOOKBACK_CONFIG", world.at("mine.toml")));
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{line}: {said:?}");
        assert_eq!(said.stdout, explicit, "{line}");
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
        assert_eq!(by_file(line, text), world.done(&format!("{line} {more}")), "{line}: {text}");
    }
    // What stands beside an option keeps its line, also behind letters of several bytes.
    world.write("both.toml", "tokenizer = \"é\\u0020\"\nminutes = 1\nlerning_rate = 1\n");
    let refused = world.refused("train town.txt --out x --config both.toml");
    assert!(
        refused.starts_with("both.toml: line 3: there is no setting lerning_rate"),
        "{refused}"
    );
}

#[test]
fn a_file_of_the_environment_is_every_commands_and_an_argument_goes_before_it() {
    let world = World::with_model();
    world.write("all.toml", "temperature = 0.5\nbytes = 300\nrate = 0.5\nsystem = \"hi\"\n");
    let with = |line: &str| {
        let mut program = world.program(line.split_whitespace());
        said(program.env("LOOKBACK_CONFIG", world.at("all.toml")))
    };
    let plain = world.done("corpus --bytes 300");
    assert_eq!(with("corpus").stdout, plain);
    assert_eq!(with("corpus --bytes 300 --seed 1").stdout, plain);
    world.write("none.toml", "");
    assert_eq!(with("corpus --bytes 300 --config none.toml").stdout, plain);
    let cool = world.done("generate good -p on -n 9 --temperature 0.5");
    assert_eq!(with("generate good -p on -n 9").stdout, cool);
    let printed = with("train --print-config").stdout;
    assert!(printed.contains("\nrate = 0.5\n"), "{printed}");
    // What no command knows is a slip, wherever it stands.
    world.write("slip.toml", "tempreature = 1\n");
    for line in ["generate good -p on", "corpus", "train --print-config"] {
        let mut program = world.program(line.split_whitespace());
        let said = world.refused_program(line, program.env("LOOKBACK_CONFIG", "slip.toml"));
        assert!(said.contains("slip.toml: ") && said.contains("no setting tempreature"), "{said}");
    }
    let mut program = world.program("corpus".split(' '));
    let said = world.refused_program("corpus", program.env("LOOKBACK_CONFIG", "missing.toml"));
    assert_eq!(said, "missing.toml: there is no such file; check the path");
}
