//! Scores of heads as heat maps, a square a head: layers from below, heads from left to right.

use std::fmt::Write;

use lookback::HeadsReport;

use super::kind::Kind;

/// Sizes in pixels.
const CELL: usize = 18;
const MARGIN: usize = 40;
const TITLE: usize = 34;
/// Maps beside each other.
const ACROSS: usize = 3;

/// What is drawn; what goes beyond 1 is drawn relative to the largest.
const MAPS: [Kind; 10] = [
    ("previous token", |head| head.profile.previous_token),
    ("duplicate token", |head| head.profile.duplicate_token),
    ("induction in text", |head| head.profile.induction),
    ("induction, random", |head| head.repeated_induction),
    ("first token", |head| head.profile.first_token),
    ("current token", |head| head.profile.current_token),
    ("punctuation", |head| head.profile.punctuation),
    ("mean distance", |head| head.profile.distance),
    ("entropy", |head| head.profile.entropy),
    ("copying", |head| head.copying.unwrap_or(0.0)),
];

/// All maps in one picture.
pub(super) fn heat_maps(report: &HeadsReport, heads: usize) -> String {
    let layers = report.heads.len() / heads.max(1);
    let broad = (heads * CELL).max(210) + MARGIN;
    let high = layers * CELL + TITLE + MARGIN;
    let (width, height) = (ACROSS * broad + MARGIN, MAPS.len().div_ceil(ACROSS) * high + MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (number, (title, score)) in MAPS.iter().enumerate() {
        let (left, top) = (MARGIN + number % ACROSS * broad, MARGIN + number / ACROSS * high);
        let most = report.heads.iter().fold(0.0, |most: f64, head| most.max(score(head).abs()));
        let scale = if most > 1.0 { most } else { 1.0 };
        let mut put = |line: String| {
            let _a_string_takes_all = writeln!(svg, "{line}");
        };
        put(format!(
            "<text x=\"{left}\" y=\"{}\" font-size=\"13\">{title}, at most {most:.2}</text>",
            top - 8
        ));
        for head in &report.heads {
            let (layer, index) = (head.profile.layer, head.profile.head);
            let (x, y) = (left + index * CELL, top + (layers - 1 - layer) * CELL);
            let share = score(head).abs() / scale;
            let color = if score(head) < 0.0 { "#c2402d" } else { "#1f6fb4" };
            put(format!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{0}\" height=\"{0}\" fill=\"{color}\" \
                 fill-opacity=\"{share:.3}\" stroke=\"#dddddd\"><title>{layer}.{index}: {1:.3}</title></rect>",
                CELL - 1,
                score(head)
            ));
        }
        let named = |count: usize| if count > 12 { 5 } else { 1 };
        for layer in (0..layers).step_by(named(layers)) {
            let y = top + (layers - 1 - layer) * CELL + 13;
            put(format!("<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{layer}</text>", left - 4));
        }
        for head in (0..heads).step_by(named(heads)) {
            let (x, y) = (left + head * CELL + CELL / 2, top + layers * CELL + 12);
            put(format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{head}</text>"));
        }
    }
    let _a_string_takes_all = writeln!(
        svg,
        "<text x=\"{MARGIN}\" y=\"{}\" fill=\"#555555\">a square a head: layers from below, heads from left; \
         the darker, the more; red is below 0</text>\n</svg>",
        height - 14
    );
    svg
}
