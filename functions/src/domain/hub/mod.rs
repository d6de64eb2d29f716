//! A runner as its object sees it.

pub mod command;
