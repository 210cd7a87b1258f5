//! A graph of paths as a picture: tokens from left to right, layers from below, the logit above. What raises
//! it is blue, what lowers it is red, and as broad as it is strong.

use std::collections::BTreeMap;

use super::{
    component::Component,
    graph::{LogitEdge, LogitGraph},
    paths::PathStep,
};

/// Sizes in pixels.
const NODE: [f64; 2] = [46.0, 22.0];
const GAP: f64 = 8.0;
const ROW: f64 = 74.0;
const MARGIN: f64 = 28.0;
const TITLE: f64 = 52.0;
/// The broadest edge.
const BROADEST: f64 = 9.0;

/// Where nodes stand.
struct Layout {
    /// Left edge and width of each token's column that has nodes.
    columns: BTreeMap<usize, (f64, f64)>,
    /// Middles of nodes.
    middles: Vec<[f64; 2]>,
    logit: [f64; 2],
    size: [f64; 2],
}

/// Draws a graph. `tokens` are the prompt's, `title` says what the logit is of.
pub fn graph_svg(graph: &LogitGraph, tokens: &[String], title: &str) -> String {
    let layout = Layout::new(graph, title);
    let [width, height] = layout.size;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"14\">{}</text>\n",
        escaped(title)
    );
    let mut put = |line: String| {
        svg.push_str(&line);
        svg.push('\n');
    };
    put(format!(
        "<text x=\"{MARGIN}\" y=\"42\" fill=\"#555555\">blue raises, red lowers; breadth: how much</text>"
    ));
    for (&token, &(left, broad)) in &layout.columns {
        let (x, y) = (left + broad / 2.0, height - MARGIN + 8.0);
        put(format!(
            "<rect x=\"{left:.1}\" y=\"{TITLE}\" width=\"{broad:.1}\" height=\"{:.1}\" fill=\"#f6f6f4\"/>",
            height - TITLE - MARGIN - 12.0
        ));
        let text = tokens.get(token).map_or("", String::as_str);
        put(format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
            escaped(text)
        ));
    }
    let largest = graph.edges.iter().fold(0.0, |most: f64, edge| most.max(edge.contribution.abs()));
    // The weakest first, so that the strongest lie on top.
    for edge in graph.edges.iter().rev() {
        put(edge_line(&layout, edge, largest));
    }
    for (node, [x, y]) in graph.nodes.iter().zip(&layout.middles) {
        put(box_with(&name(node), [*x, *y], "#ffffff"));
    }
    put(box_with("logit", layout.logit, "#fff3c4"));
    svg.push_str("</svg>\n");
    svg
}

impl Layout {
    fn new(graph: &LogitGraph, title: &str) -> Self {
        let mut cells: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (index, node) in graph.nodes.iter().enumerate() {
            cells.entry((node.token, row(node))).or_default().push(index);
        }
        let mut broadest: BTreeMap<usize, usize> = [(graph.position, 1)].into();
        for ((token, _), nodes) in &cells {
            let most = broadest.entry(*token).or_default();
            *most = nodes.len().max(*most);
        }
        // Rows without nodes take no place.
        let mut rows: Vec<usize> = cells.keys().map(|(_, row)| *row).collect();
        rows.sort_unstable();
        rows.dedup();
        let (mut columns, mut x) = (BTreeMap::new(), MARGIN);
        for (token, count) in broadest {
            let broad = (count as f64 * (NODE[0] + GAP) + GAP).max(70.0);
            columns.insert(token, (x, broad));
            x += broad + 2.0 * GAP;
        }
        let height = TITLE + (rows.len() + 1) as f64 * ROW + MARGIN;
        let width = (x + MARGIN).max(MARGIN * 2.0 + 8.0 * title.chars().count() as f64);
        let mut middles = vec![[0.0; 2]; graph.nodes.len()];
        for ((token, row), nodes) in &cells {
            let (left, broad) = columns[token];
            let all = nodes.len() as f64 * (NODE[0] + GAP) - GAP;
            let level = rows.binary_search(row).unwrap_or_default() as f64;
            let y = height - MARGIN - 12.0 - ROW * (level + 0.4);
            for (at, &node) in nodes.iter().enumerate() {
                let start = left + (broad - all) / 2.0 + NODE[0] / 2.0;
                middles[node] = [start + at as f64 * (NODE[0] + GAP), y];
            }
        }
        let (left, broad) = columns[&graph.position];
        let logit = [left + broad / 2.0, TITLE + ROW * 0.4];
        Self { columns, middles, logit, size: [width, height] }
    }
}

/// The row of a node: what begins the stream below, then attention and MLP of each layer.
fn row(node: &PathStep) -> usize {
    match node.component {
        Component::Embedding | Component::Position => 0,
        Component::Mlp { layer } => 2 * layer + 2,
        component => component.layer().map_or(0, |layer| 2 * layer + 1),
    }
}

fn name(node: &PathStep) -> String {
    match node.component {
        Component::Embedding => "embed".to_owned(),
        Component::Position => "pos".to_owned(),
        Component::Head { layer, head } => format!("{layer}.{head}"),
        Component::Mlp { layer } => format!("mlp {layer}"),
        component => component.name(),
    }
}

fn edge_line(layout: &Layout, edge: &LogitEdge, largest: f64) -> String {
    let [x0, y0] = layout.middles[edge.from];
    let [x1, y1] = edge.to.map_or(layout.logit, |to| layout.middles[to]);
    let (y0, y1) = (y0 - NODE[1] / 2.0, y1 + NODE[1] / 2.0);
    let share = if largest > 0.0 { edge.contribution.abs() / largest } else { 0.0 };
    let color = if edge.contribution >= 0.0 { "#1f6fb4" } else { "#c2402d" };
    let bend = 0.5 * (y0 - y1);
    // Past the boxes between them, not behind these.
    let is_straight = (x0 - x1).abs() < NODE[0] / 2.0 && y0 - y1 > ROW;
    let side = if edge.from.is_multiple_of(2) { 1.0 } else { -1.0 };
    let aside = if is_straight { side * NODE[0] } else { 0.0 };
    let (c0, c1) = (x0 + aside, x1 + aside);
    format!(
        "<path d=\"M{x0:.1} {y0:.1} C{c0:.1} {:.1} {c1:.1} {:.1} {x1:.1} {y1:.1}\" fill=\"none\" \
         stroke=\"{color}\" stroke-opacity=\"{:.2}\" stroke-width=\"{:.2}\"><title>{:+.3}</title></path>",
        y0 - bend,
        y1 + bend,
        0.35 + 0.5 * share,
        0.7 + (BROADEST - 0.7) * share,
        edge.contribution
    )
}

fn box_with(text: &str, [x, y]: [f64; 2], fill: &str) -> String {
    format!(
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"{fill}\" \
         stroke=\"#333333\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        x - NODE[0] / 2.0,
        y - NODE[1] / 2.0,
        NODE[0],
        NODE[1],
        y + 4.0,
        escaped(text)
    )
}

/// A text inside of XML; what XML cannot hold becomes U+FFFD.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            sign if sign.is_control() => escaped.push('\u{fffd}'),
            sign => escaped.push(sign),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_reads_as_markup_is_text() {
        let nodes = vec![PathStep { component: Component::Embedding, token: 0 }];
        let edges = vec![LogitEdge { from: 0, to: None, contribution: -1.0 }];
        let graph = LogitGraph { position: 0, nodes, edges, left_out: 0.0 };
        let svg = graph_svg(&graph, &["</text><script>\u{0}".to_owned()], "\"&\"");
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;\u{fffd}<"), "{svg}");
        assert!(svg.contains("&quot;&amp;&quot;") && svg.contains("#c2402d"), "{svg}");
    }
}
