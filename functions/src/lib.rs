//! The Worker.

pub mod domain;
