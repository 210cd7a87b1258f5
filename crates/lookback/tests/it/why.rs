//! `why`, `heads` and `neurons` through the program.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::Value;

use crate::fixture::{Fixture, output};

fn json(fixture: &Fixture, arguments: &[&str]) -> Value {
    let done = output(&mut fixture.program(arguments.iter().copied()));
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{arguments:?}: {done:?}");
    serde_json::from_str(&done.stdout).unwrap()
}

fn refusal(fixture: &Fixture, arguments: &[&str]) -> String {
    let line = arguments.join(" ");
    fixture.refused_program(&line, &mut fixture.program(arguments.iter().copied()))
}

#[test]
fn a_logit_is_the_sum_that_is_printed() {
    let fixture = Fixture::with_model();
    let why =
        json(&fixture, &["why", "good", "-p", "the red", "--json", "--paths", "--check", "2"]);
    let parts = why["why"]["parts"].as_array().unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    let sum: f64 = parts.iter().map(|part| number(&part["contribution"])).sum();
    let absolute = number(&why["why"]["absolute"]);
    assert!((sum - number(&why["why"]["logit"])).abs() < 1e-5 * absolute);
    // The likeliest token, as `look` says it.
    let look = json(&fixture, &["look", "good", "-p", "the red", "--json"]);
    assert_eq!(why["target"]["id"], look["next"][0]["id"]);
    assert!(!why["paths"].as_array().unwrap().is_empty());
    assert_eq!(why["check"].as_array().unwrap().len(), 2);

    let arguments = ["why", "good", "-p", "the red", "--tree", "--paths", "--neurons"];
    let told = output(&mut fixture.program(arguments)).stdout;
    for part in
        ["logit of ", "embedding", "head 0.1", "mlp 0", "sum of all", "parts, opened", "path"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_graph_is_written_as_its_name_says() {
    let fixture = Fixture::with_model();
    for (name, begins) in [("g.svg", "<svg"), ("g.json", "{")] {
        let arguments = ["why", "good", "-p", "the red", "--graph", name];
        let done = output(&mut fixture.program(arguments));
        assert_eq!(done.code, Some(0), "{done:?}");
        let written = String::from_utf8(fixture.read(name)).unwrap();
        assert!(written.starts_with(begins), "{written}");
    }
    let arguments = ["why", "good", "-p", "the red", "--graph", "g.png"];
    assert!(refusal(&fixture, &arguments).contains("g.png: a graph is written as .svg or .json"));
}

#[test]
fn what_cannot_be_asked_is_refused_in_a_sentence() {
    let fixture = Fixture::with_model();
    let why =
        |more: &[&str]| refusal(&fixture, &[&["why", "good", "-p", "the red"], more].concat());
    let several = why(&["--token", " red house"]);
    assert!(several.contains("--token") && several.contains("near it are"), "{several}");
    assert!(why(&["--token", "é"]).contains("not in the tokenizer's vocabulary"));
    assert!(why(&["--token", ""]).contains("an empty text is no token"));
    assert!(why(&["--token", "#99999"]).contains("99999"));
    assert!(why(&["--position", "9"]).contains("--position 9: the prompt has"));
    assert!(why(&["--share", "1.5"]).contains("--share 1.5"));
    assert!(
        refusal(&fixture, &["heads", "good", "--tokens", "2"])
            .contains("--tokens 2: a sequence has at least 4 tokens")
    );
    assert!(refusal(&fixture, &["neurons", "good", "--sequences", "0"]).contains("one sequence"));
    assert!(refusal(&fixture, &["heads", "good", "--snapshots"]).contains("whole_snapshots"));
    assert!(refusal(&fixture, &["heads", "good", "--plot", "a.png"]).contains(".svg"));
    assert!(refusal(&fixture, &["neurons", "good", "--layer", "7"]).contains("--layer 7"));
    fixture.write("empty.txt", "");
    for command in ["heads", "neurons"] {
        let empty = refusal(&fixture, &[command, "good", "empty.txt"]);
        assert!(!empty.is_empty(), "{empty}");
    }
}

#[test]
fn heads_and_neurons_are_told_and_drawn() {
    let fixture = Fixture::with_model();
    let arguments = ["heads", "good", "--sequences", "6", "--tokens", "12", "--json"];
    let heads = json(&fixture, &arguments);
    assert_eq!(heads["heads"].as_array().unwrap().len(), 2);
    assert_eq!(heads["sequences"].as_array().unwrap().len(), 6);
    for head in heads["heads"].as_array().unwrap() {
        for score in ["previous_token", "first_token", "repeated_induction", "punctuation"] {
            assert!((0.0..=1.0).contains(&head[score].as_f64().unwrap()), "{head}");
        }
    }
    let arguments = ["heads", "good", "town.txt", "--sequences", "6", "--plot", "h.svg"];
    let told = output(&mut fixture.program(arguments)).stdout;
    assert!(told.contains("most in text") && told.contains("  0.1 "), "{told}");
    assert!(String::from_utf8(fixture.read("h.svg")).unwrap().contains("induction"));
    let arguments = ["neurons", "good", "town.txt", "--sequences", "6", "--top", "2"];
    let told = output(&mut fixture.program(arguments)).stdout;
    assert!(told.starts_with("layer 0: ") && told.contains(" raises "), "{told}");
    assert_eq!(told.lines().count(), 3, "{told}");
}

#[test]
fn heads_of_a_run_are_followed_through_its_whole_snapshots() {
    let fixture = Fixture::new();
    let small = crate::fixture::SMALL;
    fixture
        .done(&format!("train town.txt {small} --steps 20 --set whole_snapshots=true --out run"));
    let arguments = ["heads", "run", "--sequences", "4", "--tokens", "12", "--snapshots", "--json"];
    let formation = &json(&fixture, &arguments)["formation"];
    let steps = formation["steps"].as_array().unwrap();
    assert!(steps.len() >= 2 && steps.last().unwrap() == 20, "{formation}");
}
