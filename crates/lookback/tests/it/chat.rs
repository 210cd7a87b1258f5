//! `lookback chat`, the context and what a model's files ask for: templates that attack are refused, Ctrl-C
//! ends an answer, what is cut is said, no key of `generation_config.json` is passed over in silence.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs::File;

use crate::fixture::{Fixture, ProgramOutput, SMALL, output};
use serde_json::{Value, json};

/// A model with this chat template.
fn chatting(template: &str) -> Fixture {
    let fixture = Fixture::with_model();
    let config = json!({ "chat_template": template });
    fixture.write("good/tokenizer_config.json", config.to_string());
    fixture
}

/// What the program says to who types this.
fn told(fixture: &Fixture, line: &str, typed: &str) -> ProgramOutput {
    fixture.write("typed.txt", typed);
    let mut program = fixture.program(line.split_whitespace());
    output(program.stdin(File::open(fixture.at("typed.txt")).unwrap()))
}

#[test]
fn hostile_templates_are_refused_in_a_sentence() {
    let chain = |one: &str, times: usize| format!("{{{{ {}1 }}}}", one.repeat(times));
    let fixture = chatting("");
    for template in [
        chain("not ", 32_000),
        chain("1+", 32_000),
        chain("[", 5_000),
        "{% if 1 %}".repeat(10_000),
        "{% if 1 %}".to_owned() + &"{% elif 1 %}".repeat(10_000),
        "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}".to_owned(),
        "{% for i in range(10**9) %}{{ i }}{% endfor %}".to_owned(),
        "{{ 'x' * 10**9 }}".to_owned(),
        "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}\
         {% endfor %}{{ ns.s }}"
            .to_owned(),
        "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}\
         {{ ns.l }}"
            .to_owned(),
        "{{ raise_exception('\u{1b}[31mred') }}".to_owned(),
        "x".repeat(2 << 20),
    ] {
        let config = json!({ "chat_template": template });
        fixture.write("good/tokenizer_config.json", config.to_string());
        let output = told(&fixture, "chat good -n 1", "hi\n");
        let begin: String = template.chars().take(60).collect();
        assert_eq!(output.code, Some(2), "{begin}: {output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{begin}: {output:?}");
        assert!(output.stderr.contains("chat template"), "{begin}: {output:?}");
    }
}

/// Shells and editors of Windows put one before UTF-8.
#[test]
fn a_byte_order_mark_before_what_is_typed_is_no_part_of_it() {
    let fixture = chatting("{{ messages[-1].content }}");
    let line = "chat good --greedy -n 4";
    let plain = told(&fixture, line, "tom\nanna\n");
    assert_eq!((plain.code, plain.stdout.lines().count()), (Some(0), 2), "{plain:?}");
    assert_eq!(told(&fixture, line, "\u{feff}tom\r\n\u{feff}anna\r\n"), plain);
    let nothing = told(&fixture, line, "");
    for typed in ["\u{feff}", "\u{feff}\n", "\u{feff}/quit\n", "\u{feff} \n/quit\ntom\n"] {
        assert_eq!(told(&fixture, line, typed), nothing, "{typed:?}");
    }
    let line = "generate good -p - --greedy -n 4";
    let plain = told(&fixture, line, "tom");
    assert_eq!(plain.code, Some(0), "{plain:?}");
    assert_eq!(told(&fixture, line, "\u{feff}tom"), plain);
    let line = "look good -p - --json";
    assert_eq!(told(&fixture, line, "\u{feff}tom"), told(&fixture, line, "tom"));
}

/// As deep as is let through: parsed, run and dropped, with whatever it makes.
#[test]
fn the_deepest_templates_are_run_to_their_end() {
    let chain = |one: &str, times: usize| format!("{{{{ {}1 }}}}", one.repeat(times));
    let fixture = chatting("");
    let after = |one: &str, times: usize| format!("{{{{ 1{} }}}}", one.repeat(times));
    for template in [
        chain("not ", 9_000),
        chain("1+", 4_900),
        chain("1~", 4_900),
        chain("-", 9_000),
        chain("1 if 1 else ", 2_400),
        chain("1 and ", 4_900),
        chain("0 or ", 4_900),
        chain("1 < ", 4_900),
        after("|string", 4_900),
        after("|default(1)", 1_900),
        after(" is defined", 4_900),
        after("[0]", 3_300),
        after(".a", 4_900),
        after("()", 4_900),
        chain("(", 90) + "",
        "{{ ".to_owned() + &"(".repeat(90) + "1" + &")".repeat(90) + " }}",
        "{{ ".to_owned() + &"[".repeat(90) + "1" + &"]".repeat(90) + " }}",
        "{% if 1 %}".repeat(400) + &"{% endif %}".repeat(400),
        "{% for i in [1] %}".repeat(140) + &"{% endfor %}".repeat(140),
        "{% if 0 %}".to_owned() + &"{% elif 0 %}".repeat(450) + "{% endif %}",
        "\n".repeat(1 << 20),
        "{% set ns = namespace(l=[]) %}{% for i in range(30000) %}{% set ns.l = [ns.l] %}{% endfor %}"
            .to_owned(),
        "{% set ns = namespace(l=[]) %}{% for i in range(30000) %}{% set ns.l = {'a': ns.l} %}\
         {% endfor %}{{ ns.l == ns.l }}"
            .to_owned(),
        "{% set ns = namespace(l=[]) %}{% for i in range(20000) %}{% set ns.l = [ns.l] %}{% endfor %}\
         {{ ns.l | tojson }}"
            .to_owned(),
    ] {
        let config = json!({ "chat_template": template.clone() + "on" });
        fixture.write("good/tokenizer_config.json", config.to_string());
        let output = told(&fixture, "chat good -n 1 -q", "hi\n");
        let begin: String = template.chars().take(60).collect();
        assert!(matches!(output.code, Some(0 | 2)), "{begin}: {output:?}");
        assert!(output.stderr.lines().count() < 2, "{begin}: {output:?}");
    }
}

#[test]
fn a_template_is_chosen_by_its_name() {
    let fixture = Fixture::with_model();
    let config = json!({ "chat_template": [{ "name": "rag", "template": "on" }] });
    fixture.write("good/tokenizer_config.json", config.to_string());
    let refused = told(&fixture, "chat good", "hi\n");
    assert_eq!(
        refused.stderr,
        "lookback: good: none of its chat templates is its default; choose one of rag\n"
    );
    let output = told(&fixture, "chat good --template rag -n 1", "hi\n");
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn what_the_context_leaves_out_is_said_and_counted() {
    let fixture = Fixture::with_model();
    let ids = |count: usize| {
        let ids: Vec<String> = (0..count).map(|id| (id % 9).to_string()).collect();
        ids.join(",")
    };
    let counted = |line: &str| {
        let output = fixture.lookback(line);
        let json: Value = serde_json::from_str(&output.stdout).unwrap();
        let count = |key: &str| json[key].as_u64().unwrap();
        ([count("context"), count("prompt_forgotten"), count("forgotten")], output.stderr)
    };
    let (counts, output) = counted(&format!("generate good --ids {} -n 2 --json", ids(4)));
    assert_eq!((counts, output.as_str()), ([16, 0, 0], ""));
    let (counts, output) = counted(&format!("generate good --ids {} -n 2 --json", ids(20)));
    assert_eq!(counts, [16, 8, 8]);
    assert_eq!(
        output,
        "lookback: the prompt has 20 tokens, and 16 are read at once: its first 8 are left out\n"
    );
    let (counts, output) =
        counted(&format!("generate good --ids {} -n 21 --ignore-eos --json", ids(4)));
    assert_eq!(counts, [16, 0, 8]);
    assert_eq!(
        output,
        "lookback: after 12 more tokens the context of 16 was full, and its older half was left out; \
         the last token was written without the first 8 of the text\n"
    );
    let (counts, output) =
        counted(&format!("generate good --ids {} -n 1 --context 4 --json", ids(5)));
    assert_eq!((counts, output.lines().count()), ([4, 2, 2], 1));
    assert_eq!(
        fixture.refused("generate good --ids 1 --context 17"),
        "--context 17: this model reads 16 tokens at once at most"
    );
    fixture.write("good/chat_template.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}");
    let output = told(&fixture, "chat good -n 40 --ignore-eos", "on day on day on day on day\n");
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert!(lines[0].starts_with("lookback: the prompt has 27 tokens, and 16 are"), "{output:?}");
    assert!(lines[1].contains("the context of 16 was full"), "{output:?}");
    assert!(
        lines[2].contains("the answer was ended after 40 tokens; -n allows more"),
        "{output:?}"
    );
}

#[test]
fn a_cache_that_does_not_fit_is_refused_with_its_size() {
    let fixture = Fixture::new();
    // Half a terabyte of keys and values.
    let wide = "--set layers=32 --set width=128 --set hidden=32";
    fixture.done(&format!("train town.txt {SMALL} {wide} --steps 1 --out good"));
    fixture.replace(
        "good/config.json",
        "good/config.json",
        "\"max_position_embeddings\": 16",
        "\"max_position_embeddings\": 16777216",
    );
    let refused = fixture.refused("generate good -p on -n 16777216");
    assert!(refused.starts_with("the cache of 16777216 tokens needs "), "{refused}");
    assert!(fixture.lookback("generate good -p on -n 2").code == Some(0));
}

#[test]
fn generation_config_is_obeyed_or_named() {
    let fixture = Fixture::with_model();
    let write = |text: &str| fixture.write("good/generation_config.json", text);
    let line = "generate good -p on -n 12 --json --ignore-end";
    let written = |line: &str| -> (Vec<u64>, String) {
        let output = fixture.lookback(line);
        let json: Value =
            serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (serde_json::from_value(json["ids"].clone()).unwrap(), output.stderr)
    };
    write(r#"{"do_sample": true}"#);
    let greedy = written(&format!("{line} --greedy"));
    assert_eq!(greedy.1, "");
    write("{}");
    let (ids, output) = written(line);
    assert_eq!(ids, greedy.0);
    assert!(output.contains("generation_config.json asks for --temperature 0;"), "{output}");
    let first = ids[0];
    write(&format!(r#"{{"suppress_tokens": [{first}]}}"#));
    assert!(!written(line).0.contains(&first));
    write(&format!(r#"{{"begin_suppress_tokens": [{first}]}}"#));
    assert_ne!(written(line).0[0], first);
    write(r#"{"no_repeat_ngram_size": 1}"#);
    let (ids, _) = written(line);
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len());
    write(r#"{"forced_eos_token_id": 3, "max_new_tokens": 5}"#);
    let (ids, _) = written("generate good -p on --json --ignore-end");
    assert_eq!((ids.len(), ids[4]), (5, 3));
    write(r#"{"max_length": 7}"#);
    assert_eq!(written("generate good -p on --json --ignore-end").0.len(), 5);
    write(r#"{"num_beams": 4, "penalty_alpha": 0.6}"#);
    let (_, output) = written(&format!("{line} --greedy"));
    assert_eq!(
        output,
        "lookback: the model's generation_config.json names num_beams, penalty_alpha, which are \
         passed over\n"
    );
    for id in ["4294967295", "-1"] {
        write(&format!(r#"{{"bos_token_id": {id}}}"#));
        let refused = fixture.refused(line);
        assert!(refused.contains(&format!("bos_token_id is {id}; a token id or a")), "{refused}");
    }
}

/// On a system that has signals.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_answer_and_at_the_prompt_the_chat() {
    use std::{
        io::{Read, Write},
        process::{Command, Stdio},
    };

    let fixture = chatting("on");
    // Of one letter alone: a line feed is then the end of an answer.
    let line = "chat good -n 1000000000 --ignore-eos --only-ids 5";
    let interrupt = |id: u32| {
        Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap();
    };
    let begun = || {
        let mut program = fixture.program(line.split_whitespace());
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        program.spawn().unwrap()
    };
    let mut chat = begun();
    let mut typed = chat.stdin.take().unwrap();
    let mut answers = chat.stdout.take().unwrap();
    for _ in 0..2 {
        writeln!(typed, "on").unwrap();
        let mut some = [0; 16];
        answers.read_exact(&mut some).unwrap();
        interrupt(chat.id());
        let mut byte = [0];
        while byte[0] != b'\n' {
            answers.read_exact(&mut byte).unwrap();
        }
    }
    writeln!(typed, "/quit").unwrap();
    assert_eq!(chat.wait().unwrap().code(), Some(0));

    let mut chat = begun();
    let mut typed = chat.stdin.take().unwrap();
    writeln!(typed, "on").unwrap();
    let mut answers = chat.stdout.take().unwrap();
    answers.read_exact(&mut [0; 16]).unwrap();
    interrupt(chat.id());
    std::thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
    loop {
        std::thread::sleep(std::time::Duration::from_millis(50));
        interrupt(chat.id());
        if chat.try_wait().unwrap().is_some() {
            break;
        }
    }
    assert_eq!(chat.wait().unwrap().code(), Some(130));
}
