//! Interventions as text: `blocks.3.attn.z[:, 1] = 0`. What is printed is read as what it was.

use std::{
    fmt::{self, Formatter},
    str::FromStr,
};

use lookback_files::{Refusal, Result};
use lookback_model::Site;

use crate::intervention::{
    operation::{Bounded, Intervention, Limited, Operation, OtherPrompt, Scaled, Source, Vector},
    parser::Parser,
    selection::{Axis, Index, Selection, range_text},
};

impl FromStr for Intervention {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser::new(text);
        let name = parser.word(|sign| sign.is_ascii_alphanumeric() || "._".contains(sign));
        let site: Site = name.parse().map_err(|why: String| parser.refuse(why))?;
        let selection = match parser.takes("[") {
            true => selection(&mut parser, site, Axis::of_site(site, false))?,
            false => Selection::all(),
        };
        let axes = Axis::of_site(site, selection.of(Axis::Expert).is_some());
        let operation = operation(&mut parser, site, axes)?;
        parser.end()?;
        let intervention = Self { site, selection, operation };
        intervention.check()?;
        Ok(intervention)
    }
}

/// What stands behind `[`, of a site whose axes are these at least: in a mixture, three choices, or one that is named
/// so, are of an expert, too.
fn selection(parser: &mut Parser<'_>, site: Site, axes: &[Axis]) -> Result<Selection> {
    let mut entries: Vec<(Option<Axis>, Vec<Index>)> = Vec::new();
    loop {
        let name = parser.word(|sign| sign.is_ascii_alphabetic() || sign == '_');
        let axis = match name {
            "" => None,
            name => {
                let axis = Axis::parse(name);
                let axis = axis.ok_or_else(|| parser.refuse(format!("{name:?} is no axis")))?;
                parser.expect("=")?;
                Some(axis)
            }
        };
        entries.push((axis, indices(parser)?));
        if !parser.takes(",") {
            break;
        }
    }
    parser.expect("]")?;
    let has_experts = axes.contains(&Axis::Expert)
        || entries.len() == 3
        || entries.iter().any(|(axis, _)| *axis == Some(Axis::Expert));
    let axes = Axis::of_site(site, has_experts);
    let mut selection = Selection::all();
    let mut chosen = Vec::new();
    for (place, (axis, indices)) in entries.into_iter().enumerate() {
        let axis = match axis {
            Some(axis) => axis,
            None => *axes.get(place).ok_or_else(|| {
                let names: Vec<&str> = axes.iter().map(|axis| axis.plural()).collect();
                parser.refuse(format!("{site} has the axes [{}]", names.join(", ")))
            })?,
        };
        if chosen.contains(&axis) {
            return Err(parser.refuse(format!("{} are chosen twice", axis.plural())));
        }
        chosen.push(axis);
        selection = selection.with(axis, indices);
    }
    Ok(selection)
}

/// A number, a range, a text, or a list of these in brackets.
fn indices(parser: &mut Parser<'_>) -> Result<Vec<Index>> {
    if !parser.takes("[") {
        return Ok(vec![index(parser)?]);
    }
    let mut all = vec![index(parser)?];
    while parser.takes(",") {
        all.push(index(parser)?);
    }
    parser.expect("]")?;
    Ok(all)
}

fn index(parser: &mut Parser<'_>) -> Result<Index> {
    if parser.begins_with("\"") {
        return parser.string().map(Index::Text);
    }
    let start = parser.integer()?;
    if parser.takes(":") {
        return Ok(Index::Range { start, end: parser.integer()? });
    }
    start.map(Index::At).ok_or_else(|| {
        parser.refuse("a number, a range such as 3:7, or a text in quotes is expected")
    })
}

fn operation(parser: &mut Parser<'_>, site: Site, axes: &[Axis]) -> Result<Operation> {
    if parser.takes("*=") {
        let factor = parser.number()?;
        return Ok(match parser.takes_word("along") {
            true => Operation::ScaleAlong(Scaled { factor, vector: vector(parser)? }),
            false => Operation::Scale(factor),
        });
    }
    if parser.takes("+=") {
        return scaled(parser).map(Operation::Add);
    }
    if parser.takes("-=") {
        let Scaled { factor, vector } = scaled(parser)?;
        return Ok(Operation::Add(Scaled { factor: -factor, vector }));
    }
    if parser.takes("=") {
        if parser.takes_word("-inf") {
            return Ok(Operation::Hide);
        }
        return source(parser, site, axes).map(Operation::Set);
    }
    let name = parser.word(|sign| sign.is_ascii_alphabetic() || sign == '_');
    match name {
        "harden" => return Ok(Operation::KeepTop(1)),
        "hide" => return Ok(Operation::Hide),
        _ => {}
    }
    let known = [
        "project_out",
        "clamp_along",
        "norm_scaled_add",
        "orthogonal_add",
        "swap",
        "keep_top",
        "harden",
        "hide",
    ];
    if !known.contains(&name) {
        let meant = lookback_files::nearest(name, known);
        let meant = meant.map_or(String::new(), |name| format!("; did you mean {name}?"));
        return Err(
            parser.refuse(format!("=, *=, +=, -=, or {} is expected{meant}", known.join(", ")))
        );
    }
    parser.expect("(")?;
    let operation = match name {
        "project_out" => Operation::ProjectOut(vector(parser)?),
        "clamp_along" => {
            let vector = vector(parser)?;
            parser.expect(",")?;
            let min = parser.bound()?;
            parser.expect(",")?;
            Operation::ClampAlong(Bounded { vector, min, max: parser.bound()? })
        }
        "norm_scaled_add" => {
            let Scaled { factor, vector } = scaled(parser)?;
            let max_fraction = if parser.takes(",") { parser.number()? } else { 1.0 };
            Operation::NormScaledAdd(Limited { factor, vector, max_fraction })
        }
        "orthogonal_add" => Operation::OrthogonalAdd(scaled(parser)?),
        "keep_top" => {
            let count = parser.integer()?.and_then(|count| usize::try_from(count).ok());
            Operation::KeepTop(
                count.ok_or_else(|| parser.refuse("how many keys are kept is expected"))?,
            )
        }
        _ => {
            let from = vector(parser)?;
            parser.expect(",")?;
            Operation::Swap { from, to: vector(parser)? }
        }
    };
    parser.expect(")")?;
    Ok(operation)
}

/// A vector, or a number times a vector.
fn scaled(parser: &mut Parser<'_>) -> Result<Scaled> {
    let Some(factor) = parser.number_if_any()? else {
        return Ok(Scaled { factor: 1.0, vector: vector(parser)? });
    };
    if !parser.takes("*") {
        return Ok(Scaled { factor: 1.0, vector: Vector::Numbers(vec![factor]) });
    }
    Ok(Scaled { factor, vector: vector(parser)? })
}

fn source(parser: &mut Parser<'_>, site: Site, axes: &[Axis]) -> Result<Source> {
    if let Some(number) = parser.number_if_any()? {
        return Ok(Source::Number(number));
    }
    if parser.takes_word("mean") {
        if !parser.takes("(") {
            return Ok(Source::Mean);
        }
        let file = parser.path()?;
        parser.expect(")")?;
        return Ok(Source::MeanOf { file, start: first_token(parser)? });
    }
    if parser.takes_word("resample") {
        parser.expect("(")?;
        let file = parser.path()?;
        parser.expect(",")?;
        let seed = parser.seed()?;
        parser.expect(")")?;
        return Ok(Source::Resample { file, seed });
    }
    if parser.takes_word("from") {
        parser.expect("(")?;
        let other = match parser.takes("[") {
            true => OtherPrompt::Ids(parser.list(|parser| {
                let id = parser.integer()?.and_then(|id| u32::try_from(id).ok());
                id.ok_or_else(|| parser.refuse("a token's id is expected"))
            })?),
            false => OtherPrompt::Prompt(parser.string()?),
        };
        parser.expect(")")?;
        let selection = if parser.takes("[") { Some(selection(parser, site, axes)?) } else { None };
        return Ok(Source::From { other, selection });
    }
    vector(parser).map(Source::Vector)
}

/// From which token of each text on: `[1:]`, or nothing for all.
fn first_token(parser: &mut Parser<'_>) -> Result<usize> {
    if !parser.takes("[") {
        return Ok(0);
    }
    let start = match index(parser)? {
        Index::Range { start: Some(start), end: None } => usize::try_from(start).ok(),
        _ => None,
    };
    let start = start
        .ok_or_else(|| parser.refuse("the first token of each text, such as [1:], is expected"))?;
    parser.expect("]")?;
    Ok(start)
}

fn vector(parser: &mut Parser<'_>) -> Result<Vector> {
    if parser.takes("[") {
        return parser.list(Parser::number).map(Vector::Numbers);
    }
    if parser.takes_word("unit") {
        parser.expect("(")?;
        let inner = vector(parser)?;
        parser.expect(")")?;
        return Ok(Vector::Unit(Box::new(inner)));
    }
    if parser.takes_word("dir") {
        parser.expect("(")?;
        let left = parser.string()?;
        parser.expect("-")?;
        let right = parser.string()?;
        parser.expect(")")?;
        return Ok(Vector::Dir([left, right]));
    }
    if parser.takes_word("file") {
        parser.expect("(")?;
        let file = parser.path()?;
        let tensor = if parser.takes(",") { Some(parser.string()?) } else { None };
        parser.expect(")")?;
        return Ok(Vector::File { file, tensor });
    }
    let file = parser.path()?;
    if file.ends_with(".npy") || file.ends_with(".safetensors") {
        return Ok(Vector::File { file, tensor: None });
    }
    let expected =
        "a vector is a .npy or .safetensors file, [numbers], dir(\"A\" - \"B\") or unit(of one)";
    Err(parser.refuse(format!("{file:?} is none: {expected}")))
}

/// A text in quotes, as it is read.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl fmt::Display for Intervention {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.site)?;
        let axes = Axis::of_site(self.site, self.selection.of(Axis::Expert).is_some());
        write_selection(to, axes, &self.selection)?;
        write_operation(to, (self.site, axes), &self.operation)
    }
}

fn write_selection(to: &mut Formatter<'_>, axes: &[Axis], selection: &Selection) -> fmt::Result {
    let last = match axes.iter().rposition(|axis| selection.of(*axis).is_some()) {
        // That there are experts is seen from the number of axes.
        Some(_) if axes.contains(&Axis::Expert) => axes.len() - 1,
        Some(last) => last,
        None => 0,
    };
    to.write_str("[")?;
    for (place, axis) in axes[..=last].iter().enumerate() {
        to.write_str(if place == 0 { "" } else { ", " })?;
        match selection.of(*axis) {
            None => to.write_str(":")?,
            Some([one]) => write_index(to, one)?,
            Some(several) => {
                for (at, index) in several.iter().enumerate() {
                    to.write_str(if at == 0 { "[" } else { ", " })?;
                    write_index(to, index)?;
                }
                to.write_str("]")?;
            }
        }
    }
    to.write_str("]")
}

fn write_index(to: &mut Formatter<'_>, index: &Index) -> fmt::Result {
    match index {
        Index::At(place) => write!(to, "{place}"),
        Index::Range { start, end } => to.write_str(&range_text(*start, *end)),
        Index::Text(text) => to.write_str(&quoted(text)),
    }
}

fn write_operation(
    to: &mut Formatter<'_>,
    at: (Site, &[Axis]),
    operation: &Operation,
) -> fmt::Result {
    match operation {
        Operation::Set(source) => {
            to.write_str(" = ")?;
            write_source(to, at, source)
        }
        Operation::Scale(factor) => write!(to, " *= {factor}"),
        Operation::Add(scaled) => write!(to, " += {scaled}"),
        Operation::ProjectOut(vector) => write!(to, " project_out({vector})"),
        Operation::ScaleAlong(Scaled { factor, vector }) => {
            write!(to, " *= {factor} along {vector}")
        }
        Operation::ClampAlong(Bounded { vector, min, max }) => {
            let bound = |bound: &Option<f32>| bound.map_or("none".to_owned(), |it| it.to_string());
            write!(to, " clamp_along({vector}, {}, {})", bound(min), bound(max))
        }
        Operation::NormScaledAdd(Limited { factor, vector, max_fraction }) => {
            write!(to, " norm_scaled_add({factor} * {vector}, {max_fraction})")
        }
        Operation::OrthogonalAdd(scaled) => write!(to, " orthogonal_add({scaled})"),
        Operation::Swap { from, to: target } => write!(to, " swap({from}, {target})"),
        Operation::KeepTop(count) => write!(to, " keep_top({count})"),
        Operation::Hide => to.write_str(" hide"),
    }
}

fn write_source(
    to: &mut Formatter<'_>,
    (site, axes): (Site, &[Axis]),
    source: &Source,
) -> fmt::Result {
    match source {
        Source::Number(number) => write!(to, "{number}"),
        Source::Mean => to.write_str("mean"),
        Source::MeanOf { file, start: 0 } => write!(to, "mean({})", quoted(file)),
        Source::MeanOf { file, start } => write!(to, "mean({})[{start}:]", quoted(file)),
        Source::Resample { file, seed } => write!(to, "resample({}, {seed})", quoted(file)),
        Source::From { other, selection } => {
            match other {
                OtherPrompt::Prompt(text) => write!(to, "from({})", quoted(text))?,
                OtherPrompt::Ids(ids) => write!(to, "from({ids:?})")?,
            }
            match selection {
                Some(selection) if selection.of(Axis::Expert).is_some() => {
                    write_selection(to, Axis::of_site(site, true), selection)
                }
                Some(selection) => write_selection(to, axes, selection),
                None => Ok(()),
            }
        }
        Source::Vector(vector) => write!(to, "{vector}"),
    }
}

impl fmt::Display for Scaled {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "{} * {}", self.factor, self.vector)
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
                write!(to, "[{}]", numbers.join(", "))
            }
            Self::File { file, tensor: None } => write!(to, "file({})", quoted(file)),
            Self::File { file, tensor: Some(tensor) } => {
                write!(to, "file({}, {})", quoted(file), quoted(tensor))
            }
            Self::Dir([left, right]) => write!(to, "dir({} - {})", quoted(left), quoted(right)),
            Self::Unit(vector) => write!(to, "unit({vector})"),
        }
    }
}
