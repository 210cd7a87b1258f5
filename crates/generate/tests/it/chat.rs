//! Chats become the prompts that their models were trained on.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use lookback_generate::chat::{GenerationPrompt, Message, Template};
use serde_json::Value;

/// As SmolLM2-135M-Instruct has it.
const SMOLLM2: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

fn rendered(source: &str, messages: &[Message], end: GenerationPrompt) -> String {
    Template::parse(source, "<s>", "</s>").unwrap().render(messages, end).unwrap()
}

fn refused(source: &str) -> String {
    let messages = [Message::new("user", "hi")];
    match Template::parse(source, "", "") {
        Ok(template) => {
            template.render(&messages, GenerationPrompt::Added).unwrap_err().to_string()
        }
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn smollm2_gets_its_default_system_message() {
    let chat = [Message::new("user", "What day was Michael Jackson born?")];
    assert_eq!(
        rendered(SMOLLM2, &chat, GenerationPrompt::Added),
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging \
         Face<|im_end|>\n<|im_start|>user\nWhat day was Michael Jackson born?<|im_end|>\n\
         <|im_start|>assistant\n"
    );
}

#[test]
fn smollm2_keeps_a_system_message_that_is_given() {
    let chat = [
        Message::new("system", "Answer <b>briefly</b> & well."),
        Message::new("user", "Why?"),
        Message::new("assistant", "Because."),
    ];
    assert_eq!(
        rendered(SMOLLM2, &chat, GenerationPrompt::Omitted),
        "<|im_start|>system\nAnswer <b>briefly</b> & well.<|im_end|>\n<|im_start|>user\nWhy?\
         <|im_end|>\n<|im_start|>assistant\nBecause.<|im_end|>\n"
    );
}

#[test]
fn blocks_on_their_own_lines_leave_no_lines() {
    let source = "{{ bos_token }}\n{% for m in messages %}\n    {% if true %}\n{{ m.content.strip() | upper }}\n    {% endif %}\n{% endfor %}\n{{ eos_token }}";
    let chat = [Message::new("user", "  hi ")];
    assert_eq!(rendered(source, &chat, GenerationPrompt::Omitted), "<s>\nHI\n</s>");
}

#[test]
fn python_methods_slices_namespaces_and_loop_controls_work() {
    let source = "{%- set ns = namespace(n=0) -%}{%- for m in messages[1:] -%}{%- if m['role'].startswith('sys') -%}{%- continue -%}{%- endif -%}{%- set ns.n = ns.n + 1 -%}{{ m.content.split(',')[0] }};{%- endfor -%}{{ ns.n }}{{ tools is none }}{{ messages[-1] | tojson }}";
    let chat = [
        Message::new("user", "skipped"),
        Message::new("system", "skipped"),
        Message::new("user", "a,b"),
        Message::new("assistant", "<c> 'd' é"),
    ];
    assert_eq!(
        rendered(source, &chat, GenerationPrompt::Omitted),
        "a;<c> 'd' é;2True{\"role\": \"assistant\", \"content\": \"<c> 'd' é\"}"
    );
}

/// Templates in the manner of those in use, and others that try one part of the language each, with what
/// transformers 5.24 (jinja2 3.1.6) makes of them; null where it refuses the chat.
const TEMPLATES: &str = include_str!("templates.json");

#[test]
fn templates_give_what_transformers_gives() {
    let all: Value = serde_json::from_str(TEMPLATES).unwrap();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for template in all["templates"].as_array().unwrap() {
        for expected in template["expected"].as_array().unwrap() {
            let said = all["chats"][expected["chat"].as_str().unwrap()].as_array().unwrap();
            let said: Vec<Message> = said
                .iter()
                .map(|said| Message::new(said[0].as_str().unwrap(), said[1].as_str().unwrap()))
                .collect();
            let end = if expected["generation"] == true {
                GenerationPrompt::Added
            } else {
                GenerationPrompt::Omitted
            };
            let parsed = Template::parse(template["template"].as_str().unwrap(), "<s>", "</s>");
            let got = parsed.and_then(|parsed| parsed.render(&said, end));
            tried += 1;
            if got.as_ref().ok().map(String::as_str) != expected["text"].as_str() {
                let name = &template["name"];
                wrong.push(format!("{name}, {expected}:\n{got:?}\n"));
            }
        }
    }
    assert!(wrong.is_empty() && tried > 80, "{tried} tried:\n{}", wrong.join("\n"));
}

/// Expressions that templates have, and what jinja2 3.1.6, set up as transformers sets it up, makes of each
/// over the same chat; null where it refuses.
const EXPRESSIONS: &str = include_str!("expressions.json");

/// What jinja2 reads and this program refuses by name.
const REFUSED: &[(&str, &str)] = &[
    ("{{ '%s' % 'a' }}", "% operator on unsupported types string and string"),
    ("{{ '%s of %d' % ('a', 3) }}", "% operator on unsupported types string and sequence"),
    ("{{ '%r' | format('a') }}", "invalid conversion type 'r'"),
    ("{{ '1'.isdecimal() }}", "the method isdecimal of a string is not understood"),
    ("{{ 'a'.isidentifier() }}", "the method isidentifier of a string is not understood"),
    ("{{ 'one two three' | wordcount }}", "filter wordcount is unknown"),
    ("{{ 'hello world foo' | truncate(8) }}", "filter truncate is unknown"),
    ("{{ 'x' | center(5) }}", "filter center is unknown"),
    ("{{ '<a href=\"x\">b</a>' | striptags }}", "filter striptags is unknown"),
    ("{{ 'http://a.b' | urlize }}", "filter urlize is unknown"),
    ("{{ 'a b&c' | urlencode }}", "filter urlencode is unknown"),
    ("{{ [1, 2, 3] | random in [1, 2, 3] }}", "filter random is unknown"),
    ("{{ 1000000 | filesizeformat }}", "filter filesizeformat is unknown"),
    ("{{ ['x', 'y'] | pprint }}", "filter pprint is unknown"),
    ("{{ {'a': 1} | xmlattr }}", "filter xmlattr is unknown"),
    ("{{ 'a' | forceescape }}", "filter forceescape is unknown"),
    ("{{ 'foo bar' | wordwrap(3) }}", "filter wordwrap is unknown"),
    ("{% set j = joiner(', ') %}{{ j() }}a{{ j() }}b", "joiner is not understood"),
    (r#"{{ "\N{BULLET}" }}"#, r"the escape \N of a string is not understood"),
    (r"{{ '\U0001f600' }}", r"the escape \U of a string is not understood"),
    (
        "{% macro f(a, b='q') -%}[{{ a }}{{ b }}{{ varargs }}{{ kwargs }}]{%- endmacro %}{{ f(1) }}{{ f(1, b=2) }}",
        "varargs of a macro is not understood",
    ),
];

#[test]
fn expressions_give_what_jinja2_gives_or_are_refused_by_name() {
    let all: Vec<(String, Option<String>)> = serde_json::from_str(EXPRESSIONS).unwrap();
    let chat = [
        Message::new("user", " Hi <b>there</b> "),
        Message::new("assistant", "<think>\nhm\n</think>\n\nYes"),
        Message::new("user", "sure?"),
    ];
    let mut wrong = Vec::new();
    for (source, expected) in &all {
        let parsed = Template::parse(source, "<s>", "</s>");
        let got = parsed.and_then(|parsed| parsed.render(&chat, GenerationPrompt::Added));
        let says = REFUSED.iter().find(|(refused, _)| refused == source).map(|(_, says)| says);
        let is_right = match (&got, says) {
            (Err(refusal), Some(says)) => refusal.to_string().contains(says),
            (got, None) => got.as_ref().ok() == expected.as_ref(),
            (Ok(_), Some(_)) => false,
        };
        if !is_right {
            wrong.push(format!("{source}\n  expected {expected:?}\n  got {got:?}"));
        }
    }
    assert!(wrong.is_empty() && all.len() > 380, "{} tried:\n{}", all.len(), wrong.join("\n"));
}

#[test]
fn the_date_is_there_when_asked_for() {
    let text = rendered("{{ strftime_now('%d %b %Y') }}", &[], GenerationPrompt::Omitted);
    assert_eq!(text.len(), "01 Jan 2026".len(), "{text}");
}

#[test]
fn templates_that_break_or_refuse_or_never_end_are_refused() {
    let broken = refused("{% for %}");
    assert!(broken.starts_with("the model's chat template cannot be read: "), "{broken}");
    assert_eq!(
        refused("{{ raise_exception('roles must alternate') }}"),
        "the model's chat template refuses this chat: roles must alternate (line 1)"
    );
    let endless =
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
    assert!(refused(endless).ends_with("so it probably loops for ever"), "{}", refused(endless));
    assert!(refused("{% include 'other' %}").starts_with("the model's chat template refuses"));
}
