//! Grids as heat maps in SVG, a square a cell.

use std::fmt::Write;

use crate::why::escaped;

/// Sizes in pixels.
const CELL: usize = 18;
const MARGIN: usize = 28;
const TITLE: usize = 30;
/// Of a letter of a label.
const LETTER: usize = 7;

/// A grid of two axes with what stands beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// What is drawn.
    pub title: String,
    /// Labels of the rows, the first at the top.
    pub rows: Vec<String>,
    /// Labels of the columns.
    pub columns: Vec<String>,
    /// `[rows, columns]`
    pub values: Vec<f64>,
}

/// Maps below each other. Each has its own scale, to its largest value or to 1: blue is above 0, red below.
pub fn heat_maps_svg(maps: &[HeatMap]) -> String {
    let (mut body, mut top, mut broad) = (String::new(), MARGIN, 400);
    for map in maps {
        let left = MARGIN + LETTER * longest(&map.rows);
        broad = broad.max(left + map.columns.len() * CELL + MARGIN);
        top = draw(map, left, top, &mut body);
    }
    let note = "blue is above 0, red below; the darker, the more";
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {broad} {0}\" width=\"{broad}\" height=\"{0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        top + MARGIN
    );
    svg.push_str(&body);
    let _a_string_takes_all =
        writeln!(svg, "<text x=\"{MARGIN}\" y=\"{top}\" fill=\"#555555\">{note}</text>\n</svg>");
    svg
}

/// Draws one map, and gives where it ends.
fn draw(map: &HeatMap, left: usize, top: usize, body: &mut String) -> usize {
    let mut put = |line: String| {
        let _a_string_takes_all = writeln!(body, "{line}");
    };
    let most = map.values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let scale = if most > 1.0 { most } else { 1.0 };
    let first = top + TITLE;
    put(format!(
        "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"13\">{}, at most {most:.3}</text>",
        top + 13,
        escaped(&map.title)
    ));
    let columns = map.columns.len().max(1);
    for (place, value) in map.values.iter().enumerate() {
        let (row, column) = (place / columns, place % columns);
        let (x, y) = (left + column * CELL, first + row * CELL);
        let color = if *value < 0.0 { "#c2402d" } else { "#1f6fb4" };
        put(format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{0}\" height=\"{0}\" fill=\"{color}\" \
             fill-opacity=\"{1:.3}\" stroke=\"#dddddd\"><title>{2}, {3}: {value:.4}</title></rect>",
            CELL - 1,
            value.abs() / scale,
            escaped(&map.rows[row]),
            escaped(&map.columns[column])
        ));
    }
    for (row, label) in map.rows.iter().enumerate() {
        let y = first + row * CELL + 13;
        put(format!(
            "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
            left - 4,
            escaped(label)
        ));
    }
    let below = first + map.rows.len() * CELL;
    for (column, label) in map.columns.iter().enumerate() {
        let (x, y) = (left + column * CELL + CELL / 2 + 4, below + 6);
        put(format!(
            "<text transform=\"translate({x} {y}) rotate(-90)\" text-anchor=\"end\">{}</text>",
            escaped(label)
        ));
    }
    below + LETTER * longest(&map.columns) + MARGIN
}

fn longest(labels: &[String]) -> usize {
    labels.iter().map(|label| label.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_stands_for_each_cell_and_labels_are_no_markup() {
        let labels = |count: usize| (0..count).map(|at| format!("<{at}>")).collect::<Vec<_>>();
        let map = HeatMap {
            title: "a & b".into(),
            rows: labels(2),
            columns: labels(3),
            values: vec![0.5, -2.0, 0.0, 1.0, 0.0, 0.25],
        };
        let svg = heat_maps_svg(&[map.clone(), map]);
        assert_eq!(svg.matches("<rect x=").count(), 12);
        assert_eq!(svg.matches("#c2402d").count(), 2);
        assert!(svg.contains("a &amp; b, at most 2.000") && svg.contains("&lt;1&gt;"), "{svg}");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }
}
