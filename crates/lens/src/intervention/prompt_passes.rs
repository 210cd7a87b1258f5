//! Passes over other prompts and over texts of files, each made once for all edits of a pass that take something
//! from it, with the sites of all of them. Read `constants` next.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use lookback_files::Result;
use lookback_model::{Site, TokenId};

use crate::{site_filter::SiteFilter, trace::Trace};

/// The tokens of the texts of a file, of each from a position on.
pub(super) type TextTokens = (String, usize);

/// Passes that were made for edits.
#[derive(Debug, Default)]
pub struct PromptPasses {
    sites: RefCell<BTreeMap<Vec<TokenId>, BTreeSet<Site>>>,
    traces: RefCell<BTreeMap<Vec<TokenId>, Rc<Trace>>>,
    sites_of_means: RefCell<BTreeMap<TextTokens, BTreeSet<Site>>>,
    means: RefCell<BTreeMap<(TextTokens, Site), Vec<f64>>>,
    texts: RefCell<BTreeMap<String, Rc<Vec<Vec<TokenId>>>>>,
    made: Cell<usize>,
}

impl PromptPasses {
    /// How many passes were made.
    pub fn made(&self) -> usize {
        self.made.get()
    }

    /// Counts a pass.
    pub(super) fn count(&self) {
        self.made.set(self.made.get() + 1);
    }

    /// Says that a site of a pass over these tokens will be read.
    pub(super) fn expect(&self, ids: Vec<TokenId>, site: Site) {
        self.sites.borrow_mut().entry(ids).or_default().insert(site);
    }

    /// Says that the mean of a site over the texts of a file will be taken.
    pub(super) fn expect_mean(&self, texts: TextTokens, site: Site) {
        self.sites_of_means.borrow_mut().entry(texts).or_default().insert(site);
    }

    /// The pass over some tokens, which is made where none is there that has the site.
    pub(super) fn trace(
        &self,
        ids: &[TokenId],
        site: Site,
        make: impl FnOnce(&SiteFilter) -> Result<Trace>,
    ) -> Result<Rc<Trace>> {
        let made = self.traces.borrow().get(ids).cloned();
        if let Some(trace) = made.filter(|trace| trace.at(site).is_some()) {
            return Ok(trace);
        }
        let sites = self.sites.borrow().get(ids).cloned().unwrap_or_default();
        let trace = Rc::new(make(&SiteFilter::only(sites.into_iter().chain([site])))?);
        self.count();
        self.traces.borrow_mut().insert(ids.to_vec(), trace.clone());
        Ok(trace)
    }

    /// The tokens of the texts of a file, which is read the first time.
    pub(super) fn texts(
        &self,
        file: &str,
        read: impl FnOnce() -> Result<Vec<Vec<TokenId>>>,
    ) -> Result<Rc<Vec<Vec<TokenId>>>> {
        if let Some(texts) = self.texts.borrow().get(file) {
            return Ok(texts.clone());
        }
        let texts = Rc::new(read()?);
        self.texts.borrow_mut().insert(file.to_owned(), texts.clone());
        Ok(texts)
    }

    /// The mean of a site over the texts of a file, made with those of all sites that are expected.
    pub(super) fn mean(
        &self,
        texts: &TextTokens,
        site: Site,
        make: impl FnOnce(&BTreeSet<Site>) -> Result<BTreeMap<Site, Vec<f64>>>,
    ) -> Result<Vec<f64>> {
        let key = (texts.clone(), site);
        if let Some(mean) = self.means.borrow().get(&key) {
            return Ok(mean.clone());
        }
        let mut sites = self.sites_of_means.borrow().get(texts).cloned().unwrap_or_default();
        sites.insert(site);
        let made = make(&sites)?;
        let mut means = self.means.borrow_mut();
        means.extend(made.into_iter().map(|(site, mean)| ((texts.clone(), site), mean)));
        Ok(means.get(&key).cloned().unwrap_or_default())
    }
}
