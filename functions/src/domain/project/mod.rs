//! A project, as its own object sees it: what is stored of it, and what it decides.

pub mod feed;
pub mod meter;
