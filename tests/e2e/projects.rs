//! `/api/v1/projects`: workspaces that stay, on true machines with the true app-server.

pub mod bench;
mod files;
mod git;
mod line;
mod live;
mod many;
mod paint;
mod policy;
mod story;
mod tenants;
mod terminals;
mod tui;
