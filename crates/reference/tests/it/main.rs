//! The article, tested from outside.

mod article;
