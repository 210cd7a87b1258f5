//! The date that SmolLM2 gives Michael Jackson: in which layers it forms, and that it does not follow from the
//! name; and the date that it knows of Albert Einstein, which does.

use lookback::{Capture, Edit, Model, Site, TokenId, model::BlockSite};

use super::{after, assert_says, hundredths, log_probability, rank, real_model, set};

const JACKSON: &str = "Michael Jackson was born on";
const EINSTEIN: &str = "Albert Einstein was born on";
const NEWTON: &str = "Isaac Newton was born on";

/// Positions of the tokens with which these names end.
const JACKSON_ENDS: usize = 1;
const EINSTEIN_ENDS: usize = 2;

const NAMES: [&str; 14] = [
    "Michael Jordan",
    "Elvis Presley",
    "Albert Einstein",
    "Isaac Newton",
    "Bob Dylan",
    "Barack Obama",
    "Marilyn Monroe",
    "John Lennon",
    "Charles Darwin",
    "George Washington",
    "Abraham Lincoln",
    "Anna Smith",
    "Tom Baker",
    "Mary Jones",
];

const MONTHS: [&str; 12] = [
    " January",
    " February",
    " March",
    " April",
    " May",
    " June",
    " July",
    " August",
    " September",
    " October",
    " November",
    " December",
];

fn likeliest(logits: &[f32]) -> TokenId {
    let best = (0..logits.len()).fold(0, |a, b| if logits[b] > logits[a] { b } else { a });
    TokenId(best as u32)
}

/// The logits after the last token if no layer behind this one writes anything.
fn lens(model: &Model, ids: &[TokenId], layer: u16) -> Vec<f32> {
    let width = model.config().width;
    let all: Vec<usize> = (0..ids.len()).collect();
    let off = (layer + 1..model.config().layers as u16).flat_map(|layer| {
        [BlockSite::AttnOut, BlockSite::MlpOut]
            .map(|part| set(Site::Block(layer, part), &all, width, vec![0.0; width]))
    });
    after(model, ids, off.collect())
}

/// What a prompt has at a site.
fn seen(model: &Model, ids: &[TokenId], site: Site) -> Capture {
    let trace = model.look(ids).sites(site.to_string()).trace().unwrap();
    trace.at(site).unwrap().clone()
}

/// One token's row of it, put at a position.
fn put(site: Site, row: &[f32], position: usize) -> (Site, Edit) {
    set(site, &[position], row.len(), row.to_vec())
}

#[test]
#[ignore = "needs SmolLM2"]
fn the_false_date_forms_in_the_last_layers_and_for_nearly_every_name() {
    let Some(model) = real_model() else { return };
    let months = MONTHS.map(|month| model.token(month).unwrap());
    let [january, august] = [months[0], months[7]];
    let ids = model.encode(JACKSON).unwrap();
    let mut wanted = Vec::new();
    for layer in (0..24).step_by(6).chain(20..30) {
        let logits = lens(&model, &ids, layer);
        let sum: f64 = months.iter().map(|&month| log_probability(&logits, month).exp()).sum();
        wanted.push(format!(
            "| {layer} | {} | {} | {} | {} |",
            model.tokenizer().unwrap().quoted(likeliest(&logits)),
            rank(&logits, january),
            rank(&logits, august),
            hundredths(sum),
        ));
    }
    let in_january = |name: &&str| {
        let logits = after(&model, &model.encode(&format!("{name} was born on")).unwrap(), vec![]);
        months.iter().all(|&month| logits[month.0 as usize] <= logits[january.0 as usize])
    };
    let count = NAMES.iter().filter(|name| in_january(name)).count();
    wanted.push(format!("of {} other names {count} were born in January", NAMES.len()));
    assert_says("facts.md", &wanted);
}

#[test]
#[ignore = "needs SmolLM2"]
fn a_date_that_it_knows_is_moved_from_the_name_by_one_layer() {
    let Some(model) = real_model() else { return };
    let [january, march] = [" January", " March"].map(|month| model.token(month).unwrap());
    let [jackson, einstein, newton] =
        [JACKSON, EINSTEIN, NEWTON].map(|prompt| model.encode(prompt).unwrap());
    let march_less_january = |logits: &[f32]| {
        f64::from(logits[march.0 as usize]) - f64::from(logits[january.0 as usize])
    };
    let [own, other] =
        [&einstein, &newton].map(|ids| march_less_january(&after(&model, ids, vec![])));
    let row = |name: &str, part: BlockSite, layer: u16| {
        let site = Site::Block(layer, part);
        let own_at = seen(&model, &einstein, site);
        let restored = (0..einstein.len()).map(|at| {
            let edit = put(site, own_at.part(at), at);
            let logits = after(&model, &newton, vec![edit]);
            hundredths((march_less_january(&logits) - other) / (own - other))
        });
        format!("| {name} {layer} | {} |", restored.collect::<Vec<_>>().join(" | "))
    };
    let mut wanted = Vec::new();
    let stream = [0, 5, 10, 12, 16, 22, 23, 29];
    wanted.extend(stream.map(|layer| row("stream behind layer", BlockSite::ResidPost, layer)));
    wanted.extend([0, 21, 27].map(|layer| row("MLP", BlockSite::MlpOut, layer)));
    wanted.extend([1, 23].map(|layer| row("attention", BlockSite::AttnOut, layer)));
    let in_march = |&layer: &u16| {
        let site = Site::Block(layer, BlockSite::ResidPost);
        let edit = put(site, seen(&model, &einstein, site).part(EINSTEIN_ENDS), JACKSON_ENDS);
        likeliest(&after(&model, &jackson, vec![edit])) == march
    };
    let layers: Vec<u16> = (0..30).filter(in_march).collect();
    assert!(layers.iter().copied().eq(0..layers.len() as u16), "{layers:?}");
    wanted.push(format!("From layer 0 to {} it says March", layers.len() - 1));
    assert_says("facts.md", &wanted);
}
