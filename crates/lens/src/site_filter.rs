//! Which sites of a pass to capture: all, some by name, or those that a pattern matches.

use std::collections::BTreeSet;

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_model::{Config, Site, unhooked};

use crate::sites::{is_on_demand, sites, sites_on_demand};

/// Which sites to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFilter(Selection);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Selection {
    All,
    Patterns(Vec<String>),
    Sites(BTreeSet<Site>),
}

impl SiteFilter {
    /// Every site.
    pub fn all() -> Self {
        Self(Selection::All)
    }

    /// These sites.
    pub fn only(sites: impl IntoIterator<Item = Site>) -> Self {
        Self(Selection::Sites(sites.into_iter().collect()))
    }

    /// Sites that match any of the comma-separated patterns, in which `*` stands for anything.
    pub fn parse(patterns: &str) -> Result<Self> {
        let patterns: Vec<String> = patterns.split(',').map(|part| unhooked(part.trim())).collect();
        if patterns.iter().any(String::is_empty) {
            let why = "an empty pattern matches nothing; give names such as blocks.*.attn.pattern";
            return Err(Refusal::of(Kind::InvalidSetting, format!("{}: {why}", Setting("sites"))));
        }
        Ok(Self(Selection::Patterns(patterns)))
    }

    /// Refuses a pattern that no site of a model matches.
    ///
    /// # Errors
    /// The pattern is named.
    pub fn check(&self, config: &Config) -> Result<()> {
        let Selection::Patterns(patterns) = &self.0 else { return Ok(()) };
        let names: Vec<String> =
            sites(config).iter().chain(&sites_on_demand(config)).map(Site::to_string).collect();
        let is_nowhere = |pattern: &&String| !names.iter().any(|name| matches(pattern, name));
        match patterns.iter().find(is_nowhere) {
            None => Ok(()),
            Some(pattern) => Err(Refusal::of(
                Kind::InvalidSetting,
                format!("{} {pattern}: this model has no such site", Setting("sites")),
            )),
        }
    }

    /// Whether a site is captured.
    pub fn contains(&self, site: Site) -> bool {
        match &self.0 {
            Selection::All => !is_on_demand(site),
            Selection::Sites(sites) => sites.contains(&site),
            Selection::Patterns(patterns) => {
                let name = site.to_string();
                // What is only there on demand is asked for by the end of its name.
                let is_asked =
                    |pattern: &&String| !is_on_demand(site) || pattern.ends_with("result");
                patterns.iter().filter(is_asked).any(|pattern| matches(pattern, &name))
            }
        }
    }
}

/// Whether a name has a pattern's form; `*` stands for any letters, also none.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len())
                .filter(|&at| tail.is_char_boundary(at))
                .any(|at| matches(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        let filter = SiteFilter::parse("blocks.*.attn.pattern, logits").unwrap();
        let has = |name: &str| filter.contains(name.parse().unwrap());
        assert!(has("blocks.0.attn.pattern") && has("blocks.12.attn.pattern") && has("logits"));
        assert!(!has("blocks.0.attn.scores") && !has("probabilities"));
        let hooked = SiteFilter::parse("blocks.*.attn.hook_pattern, logits").unwrap();
        assert_eq!(hooked, filter);
    }

    #[test]
    fn an_empty_pattern_is_refused() {
        assert!(SiteFilter::parse("logits,,embed").is_err());
    }
}
