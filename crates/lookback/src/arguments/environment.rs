//! Variables of the environment whose names begin as ours do and stand for nothing, such as a misspelt
//! one: what it was to change stays as it was, with a warning.
//!
//! They are no reason to end. They were not typed for this command: an environment is handed down by a
//! profile, a service or a job, may be meant for a newer version, and `LOOKBACK_DAYS` is a likely name in
//! programs that have nothing to do with this one.

use clap::Command;
use lookback_files::nearest;

const PREFIX: &str = "LOOKBACK_";

/// Those that are no option, without what all begin with.
const OTHERS: [&str; 2] = ["HOME", "PATH"];

/// Those of this repository's tests and measurements, which may run the program beside them.
const OF_DEVELOPMENT: [&str; 6] =
    ["LANES", "MODELS", "PEERS", "PEERS_PYTHON", "SCREENSHOTS", "SHARED"];

/// A sentence for each of these variables that is ours by its name and known to no command.
pub(super) fn unknown(program: &Command, variables: impl Iterator<Item = String>) -> Vec<String> {
    let mut ours: Vec<String> =
        variables.filter_map(|name| name.strip_prefix(PREFIX).map(str::to_owned)).collect();
    ours.retain(|name| !OTHERS.contains(&&**name) && !OF_DEVELOPMENT.contains(&&**name));
    if ours.is_empty() {
        return Vec::new();
    }
    let mut known: Vec<(String, String)> =
        OTHERS.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
    add_options(program, &mut known);
    ours.retain(|name| !known.iter().any(|(_, meant)| meant == name));
    ours.sort();
    let sentence = |name: &String| {
        let upper = name.to_uppercase();
        let spellings = || known.iter().map(|(spelled, _)| &**spelled);
        // TOPK is TOP_K, though TOP is as near.
        let joined = |name: &str| name.replace('_', "");
        let same = spellings().find(|spelled| joined(spelled) == joined(&upper));
        let spelled = same.or_else(|| nearest(&upper, spellings()));
        let meant = known.iter().find(|(known, _)| Some(&**known) == spelled);
        let hint = match meant {
            Some((_, meant)) => format!("did you mean {PREFIX}{meant}?"),
            None => "lookback --help says what such a variable can be".to_owned(),
        };
        format!("{PREFIX}{name} is set, but no option has this name, so it changes nothing; {hint}")
    };
    ours.iter().map(sentence).collect()
}

/// Of each option's names, and of their other spellings, what its variable is called.
fn add_options(command: &Command, known: &mut Vec<(String, String)>) {
    for argument in command.get_arguments() {
        let variable = argument.get_env().and_then(|name| name.to_str()?.strip_prefix(PREFIX));
        let Some(variable) = variable else { continue };
        let aliases = argument.get_all_aliases().unwrap_or_default();
        let aliases = aliases.iter().map(|alias| alias.replace('-', "_").to_uppercase());
        known.extend(aliases.map(|alias| (alias, variable.to_owned())));
        known.push((variable.to_owned(), variable.to_owned()));
    }
    command.get_subcommands().for_each(|inner| add_options(inner, known));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::program;

    /// The warning about these.
    fn said(names: &[&str]) -> Vec<String> {
        unknown(&program(), names.iter().map(|name| format!("LOOKBACK_{name}")))
    }

    #[test]
    fn every_option_of_every_command_is_known() {
        let mut known = Vec::new();
        add_options(&program(), &mut known);
        assert!(known.len() > 60, "{}", known.len());
        let names: Vec<&str> = known.iter().map(|(_, name)| &**name).collect();
        assert_eq!(said(&names), Vec::<String>::new());
        assert_eq!(said(&OTHERS), Vec::<String>::new());
        assert_eq!(said(&OF_DEVELOPMENT), Vec::<String>::new());
    }

    #[test]
    fn other_programs_variables_are_theirs() {
        let names = ["LOOKBACK", "lookback_seed", "MY_LOOKBACK_SEED", "HOME"];
        let names = names.iter().map(|name| (*name).to_owned());
        assert_eq!(unknown(&program(), names), Vec::<String>::new());
    }

    #[test]
    fn a_misspelt_name_is_said_with_the_nearest_and_another_spelling_with_ours() {
        for (wrong, meant) in [
            ("TEMPRATURE", "TEMPERATURE"),
            ("TEMP", "TEMPERATURE"),
            ("THREAD", "THREADS"),
            ("TOPK", "TOP_K"),
            ("HOMES", "HOME"),
            ("seed", "SEED"),
        ] {
            let said = said(&[wrong]);
            let end = format!("; did you mean LOOKBACK_{meant}?");
            assert!(said.len() == 1 && said[0].ends_with(&end), "{wrong}: {said:?}");
        }
        let said = said(&["LUCKY_NUMBERS"]);
        assert!(said[0].ends_with("lookback --help says what such a variable can be"), "{said:?}");
    }
}
