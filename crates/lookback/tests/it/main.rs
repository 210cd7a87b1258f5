//! The program, started as its users start it; and the repository itself.

mod arguments;
mod attacks;
mod bench;
mod bits;
mod chat;
mod continued;
mod corpora;
mod documents;
mod errors;
mod eval;
mod examples;
mod faults;
#[path = "../../../model/tests/it/world.rs"]
mod files;
mod foreign;
mod habits;
mod helps;
mod hostile;
mod page;
mod refusals;
mod refused_models;
mod replay;
mod runs;
mod scarce;
mod settings;
mod smollm2;
mod stopping;
mod stored;
mod stories;
mod terminal;
mod tidy;
mod tidy_circles;
mod tokenizer;
mod tour;
mod world;
mod wrong_ways;
