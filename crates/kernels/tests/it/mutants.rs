//! What only resembles the reference is told apart: each mutant breaks the property that the reference
//! keeps. A mutant that lived would be a hole in the inputs or a bound too wide.
//!
//! The mutants stand by the file of the yardstick that has the property.

mod attend;
mod products;
mod rows;
mod steps;

use crate::yardstick::Agrees;

/// Fails for every mutant that lives.
fn all_die(mutants: impl IntoIterator<Item = (&'static str, Agrees)>) {
    let living: Vec<_> = mutants.into_iter().filter(|(_, agrees)| agrees.is_ok()).collect();
    assert!(living.is_empty(), "told apart from the reference by nothing: {living:?}");
}
