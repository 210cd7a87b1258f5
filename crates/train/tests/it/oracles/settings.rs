//! Any text as settings of a run, in a file or behind `--set`: what is read is kept so that it means the
//! same again, and what passes its check can be made a model of.

use lookback_train::{Recipe, preset};

/// Holds one text against its round trip.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Recipe::parse(text) {
        Ok(recipe) => keeps(&recipe),
        Err(refusal) => super::sentence::check(&refusal),
    }
    let mut recipe = preset("tiny").expect("it is one of ours");
    for line in text.lines() {
        let before = recipe.clone();
        match recipe.set(line) {
            Ok(()) => keeps(&recipe),
            Err(refusal) => {
                super::sentence::check(&refusal);
                assert_eq!(recipe, before, "what was refused changed something");
            }
        }
        recipe = if recipe.check().is_ok() { recipe } else { before };
    }
}

fn keeps(recipe: &Recipe) {
    // Compared as text, where a number that is none is equal to itself.
    let written = recipe.to_toml().expect("settings can be written");
    let again = Recipe::parse(&written).expect("it was written here");
    assert_eq!(again.to_toml().expect("settings can be written"), written);
    if let Err(refusal) = recipe.check().and_then(|()| recipe.config(300, None).map(drop)) {
        super::sentence::check(&refusal);
    }
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let names = ["tiny", "small", "gpt2", "default", "bench-a"];
    let files = names.map(|name| preset(name).and_then(|recipe| recipe.to_toml()));
    let files = files.into_iter().map(|text| text.expect("it is one of ours").into_bytes());
    let lines =
        "rate=1\nlayers = 2\narchitecture=gpt2\nschedule=\"stable\"\nbatch=1_000\ntied=false\n";
    files.chain([lines.into()]).collect()
}
