//! The repository checks itself: no files of a crate need each other in a circle.
//!
//! A file needs another whose items it names: by a `use`, or by a path that begins with `crate`, `super` or
//! `self`. Names are followed through `pub use` to where they are defined. A file may take what it likes
//! from the modules that it declares itself, by their bare names: that is how a folder shows what is in it.
//! Comments, strings and tests need nothing. This is no compiler: a name that a macro puts together, or
//! that is found by a method, is not seen.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod code;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use code::{is_name, without_comments_and_strings, words};

/// A crate's files: a path within `src` such as `run/pages.rs`, and its text.
type Files = BTreeMap<String, String>;

/// The names of a path: `["run", "pages", "Page"]`.
type Names = Vec<String>;

/// What stands in a file, as far as it is about others.
#[derive(Default)]
struct Module {
    /// Names that begin at the root of the crate.
    needed: BTreeSet<Names>,
    /// What `pub use` gives a second name: that name, and the path it stands for.
    renamed: Vec<(Names, Names)>,
    /// Files that are compiled for tests only.
    tests: Vec<Names>,
}

#[test]
fn no_files_of_a_crate_need_each_other_in_a_circle() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for entry in fs::read_dir(crates).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut files = Files::new();
        read(&folder.join("src"), "", &mut files);
        assert!(files.contains_key("lib.rs"), "crates/{name} has no src/lib.rs");
        for (file, text) in &files {
            assert!(!has_glob(file, text), "crates/{name}/src/{file}: list what is given on");
        }
        found.extend(circles(&files).iter().map(|circle| format!("{name}: {}", circle.join(", "))));
    }
    assert!(
        found.is_empty(),
        "files that need each other; put what they share into the lower of them, or into one below:\n{}",
        found.join("\n")
    );
}

fn read(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else if name.ends_with(".rs") {
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

/// Whether a file gives on names without naming them, so that they cannot be followed.
fn has_glob(file: &str, text: &str) -> bool {
    let module = Module::read(&place(file), text);
    module.renamed.iter().any(|(name, _)| name.last().is_some_and(|last| last == "*"))
}

/// The circles of a crate's files, each in order.
fn circles(files: &Files) -> Vec<Vec<String>> {
    let mut modules: BTreeMap<&str, Module> = BTreeMap::new();
    // `main.rs` and `lib.rs` are both the root; in a crate that has both, nobody can name `main.rs`.
    let mut file_of: BTreeMap<Names, &str> = BTreeMap::new();
    for file in files.keys() {
        file_of.entry(place(file)).or_insert(file);
    }
    for (file, text) in files {
        modules.insert(file, Module::read(&place(file), text));
    }
    let tests: Vec<Names> = modules.values().flat_map(|module| module.tests.clone()).collect();
    let is_test = |file: &str| tests.iter().any(|test| place(file).starts_with(test));
    let renamed: BTreeMap<Names, Names> =
        modules.values().flat_map(|module| module.renamed.clone()).collect();

    let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, module) in modules.iter().filter(|(file, _)| !is_test(file)) {
        let others = module.needed.iter().filter_map(|names| owner(names, &file_of, &renamed));
        reached.insert(file, others.filter(|other| other != file).collect());
    }
    // Whatever is needed by what a file needs, it needs as well.
    loop {
        let before: usize = reached.values().map(BTreeSet::len).sum();
        for file in reached.keys().copied().collect::<Vec<_>>() {
            let further = reached[file].iter().filter_map(|other| reached.get(other)).flatten();
            let further: Vec<&str> = further.copied().collect();
            reached.entry(file).or_default().extend(further);
        }
        if reached.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    let mut all = BTreeSet::new();
    for (file, others) in &reached {
        let back = |other: &&&str| reached.get(**other).is_some_and(|far| far.contains(file));
        let circle: BTreeSet<&str> = others.iter().filter(back).copied().collect();
        if !circle.is_empty() {
            all.insert(circle);
        }
    }
    let to_owned = |circle: BTreeSet<&str>| circle.into_iter().map(str::to_owned).collect();
    all.into_iter().map(to_owned).collect()
}

/// The module that a file is: `["run", "pages"]`.
fn place(file: &str) -> Names {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if ["lib", "main"].contains(&stem) {
        return Names::new();
    }
    stem.split('/').map(str::to_owned).collect()
}

/// The file that defines what a path names.
fn owner<'a>(
    names: &[String],
    file_of: &BTreeMap<Names, &'a str>,
    renamed: &BTreeMap<Names, Names>,
) -> Option<&'a str> {
    let mut names = names.to_vec();
    // A name may be given on several times, but not without end.
    for _ in 0..16 {
        let given_on = (1..=names.len()).rev().find_map(|end| {
            let first = renamed.get(&names[..end])?;
            Some([first, &names[end..]].concat())
        });
        match given_on {
            Some(further) if further != names => names = further,
            _ => break,
        }
    }
    (0..=names.len()).rev().find_map(|end| file_of.get(&names[..end]).copied())
}

impl Module {
    /// Reads a file that stands `at` some module.
    fn read(at: &[String], text: &str) -> Self {
        let text = without_comments_and_strings(text);
        let (words, mut module) = (words(&text), Self::default());
        // Modules within this file: their names, and how many braces are open around them.
        let (mut inner, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
        let mut next = 0;
        while next < words.len() {
            let here =
                || [at, &inner.iter().map(|(name, _)| name.clone()).collect::<Names>()].concat();
            match &words[next..] {
                ["#", "[", "cfg", "(", "test", ")", "]", rest @ ..] => {
                    if let Some(name) = declared(rest) {
                        module.tests.push([&here()[..], &[name]].concat());
                    }
                    next += 7 + item(rest);
                    continue;
                }
                ["pub", "(", "crate" | "super" | "self" | "in", ..] => {
                    next += words[next..].iter().position(|word| *word == ")").unwrap_or(0);
                }
                ["mod", name, "{", ..] => {
                    inner.push(((*name).to_owned(), depth));
                    next += 1;
                }
                ["use", ..] => {
                    let end = words[next..].iter().position(|word| *word == ";");
                    let end = next + end.unwrap_or(words.len() - next);
                    let is_public = next > 0 && ["pub", ")"].contains(&words[next - 1]);
                    for (path, name) in used(&words[next + 1..end]) {
                        module.add(&here(), &path, is_public.then_some(name));
                    }
                    next = end;
                }
                ["crate" | "super" | "self", "::", ..] => {
                    let path = words[next..].chunks(2).take_while(|pair| is_name(pair[0]));
                    let (mut names, mut goes_on) = (Vec::new(), true);
                    for pair in path {
                        if !goes_on {
                            break;
                        }
                        names.push(pair[0]);
                        goes_on = pair.get(1) == Some(&"::");
                    }
                    next += 2 * names.len() - 2;
                    module.add(&here(), &names, None);
                }
                ["{", ..] => depth += 1,
                ["}", ..] => {
                    depth = depth.saturating_sub(1);
                    inner.retain(|(_, around)| *around < depth);
                }
                _ => (),
            }
            next += 1;
        }
        module
    }

    /// Takes up a path as it stands in the module `here`, and the name that it is given on by.
    fn add(&mut self, here: &[String], path: &[&str], given_on: Option<&str>) {
        let mut from = here.to_vec();
        let mut path = path;
        let is_bare = !matches!(path, ["crate" | "super" | "self", ..]);
        while let [first @ ("crate" | "super" | "self"), rest @ ..] = path {
            match *first {
                "crate" => from.clear(),
                "super" => drop(from.pop()),
                _ => (),
            }
            path = rest;
        }
        from.extend(path.iter().map(|&name| name.to_owned()));
        if let Some(name) = given_on {
            self.renamed.push(([here, &[name.to_owned()]].concat(), from.clone()));
        }
        // A bare name is another crate's, or a module's that is declared here.
        if !is_bare {
            self.needed.insert(from);
        }
    }
}

/// The paths of a `use`, and the name that each has from then on.
fn used<'a>(words: &[&'a str]) -> Vec<(Vec<&'a str>, &'a str)> {
    let (mut all, mut prefix, mut next) = (Vec::new(), Vec::new(), 0);
    while next < words.len() {
        match words[next] {
            "{" => {
                for part in parts(inside(&words[next..])) {
                    for (path, name) in used(part) {
                        // `a::{self}` is `a`.
                        let path: Vec<_> = match path.as_slice() {
                            ["self"] if !prefix.is_empty() => prefix.clone(),
                            path => [&prefix, path].concat(),
                        };
                        let own = if name == "self" { path.last() } else { None };
                        all.push((path.clone(), own.copied().unwrap_or(name)));
                    }
                }
                return all;
            }
            "as" => {
                let name = words.get(next + 1).copied().unwrap_or_default();
                return vec![(prefix, name)];
            }
            "::" => (),
            name => prefix.push(name),
        }
        next += 1;
    }
    let name = prefix.last().copied().unwrap_or_default();
    vec![(prefix, name)]
}

/// What stands between the brace that these words begin with and the one that closes it.
fn inside<'w, 'a>(words: &'w [&'a str]) -> &'w [&'a str] {
    &words[1..item(words).max(2) - 1]
}

/// Cuts a list at the commas that stand in no braces.
fn parts<'w, 'a>(words: &'w [&'a str]) -> Vec<&'w [&'a str]> {
    let mut depth = 0;
    let split = words.split(|word| {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => (),
        }
        depth == 0 && *word == ","
    });
    split.filter(|part| !part.is_empty()).collect()
}

/// How many words an item has: up to a semicolon or the end of its braces.
fn item(words: &[&str]) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate() {
        match *word {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => (),
        }
        let ends = *word == "}" && words.get(at + 1) != Some(&";") || *word == ";";
        if depth == 0 && ends {
            return at + 1;
        }
    }
    words.len()
}

/// The module that an item declares and that stands in a file of its own.
fn declared(item: &[&str]) -> Option<String> {
    let at = item.iter().take(6).position(|word| *word == "mod")?;
    (item.get(at + 2) == Some(&";")).then(|| item[at + 1].to_owned())
}

#[test]
fn names_that_are_given_on_unnamed_are_found() {
    for (text, has) in [
        ("mod low; pub use low::*;", true),
        ("mod low; pub(crate) use low::{X, deep::*};", true),
        ("mod low; pub use low::{X, deep::Y};", false),
        ("use super::*;", false),
        ("#[cfg(test)] mod tests { pub use super::*; }", false),
    ] {
        assert_eq!(has_glob("high.rs", text), has, "{text}");
    }
}

/// A crate of files with these texts.
fn made_up(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let owned = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
    circles(&owned.collect())
}

#[test]
fn a_circle_of_made_up_files_is_found_by_every_way_of_naming() {
    let ways = [
        "use crate::low::X;",
        "use crate::{low, other::{self, Y}};",
        "use crate::{other::{Y as Z, W}, low::{deep::{A, B}, *}};",
        "use super::low as below;",
        "fn f() -> crate::low::X { todo() }",
        "fn f() { super::low::g() }",
        "mod inner { use super::super::low::X; }",
        "use self::super::low::X;",
        "use crate::X;",
        "use crate::renamed::g;",
        "#[cfg(test)] mod tests { use crate::other; } use crate::low::X;",
        "#[cfg(test)] use crate::{other}; fn f() { let quote = '\"'; crate::low::g(&\"\\\"\") }",
        "pub(in crate::other) fn f<'a>(x: &'a crate::low::X) {}",
    ];
    for way in ways {
        let root = "mod high; mod low; mod other; pub use low::X; pub use low as renamed;";
        let low = "use crate::high::f;";
        let found =
            made_up(&[("lib.rs", root), ("high.rs", way), ("low.rs", low), ("other.rs", "")]);
        assert_eq!(found, [["high.rs", "low.rs"]], "{way}");
    }
}

#[test]
fn circles_are_told_apart_and_long_ones_are_whole() {
    let found = made_up(&[
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e; mod folder;"),
        ("a.rs", "use crate::b;"),
        ("b.rs", "use crate::c;"),
        ("c.rs", "use crate::{a, d};"),
        ("d.rs", "use crate::e;"),
        ("e.rs", ""),
        ("folder/mod.rs", "mod inner; use crate::folder::inner::X; use crate::a;"),
        ("folder/inner.rs", "use super::Y;"),
    ]);
    let long = vec!["a.rs", "b.rs", "c.rs"];
    assert_eq!(found, [long, vec!["folder/inner.rs", "folder/mod.rs"]]);
}

#[test]
fn what_needs_nothing_closes_no_circle() {
    let ways = [
        "// use crate::low::X;",
        "/* use crate::low; /* nested */ use crate::low; */ fn f() {}",
        "//! [`g`](crate::low::g)",
        "const SAID: &str = \"crate::low::g\";",
        "const SAID: &str = r#\"a \" crate::low::g\"#;",
        "#[cfg(test)] mod tests { use crate::low::X; }",
        "#[cfg(test)] use crate::low::{X, Y};",
        "#[cfg(test)] mod tests;",
        "use std::low::X;",
        "pub(in crate::low) fn f() {}",
        "mod inner { use super::X; } struct X;",
        "use crate::given;",
    ];
    for way in ways {
        let found = made_up(&[
            ("lib.rs", "mod high; mod low; pub use high::f; pub use other::given;"),
            ("high.rs", way),
            ("high/tests.rs", "use crate::low::X;"),
            ("low.rs", "use crate::{high::f, f};"),
            ("other.rs", ""),
        ]);
        assert_eq!(found, [[""; 0]; 0], "{way}");
    }
}
