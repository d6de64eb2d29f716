//! `/api/v1/projects`: workspaces that stay, on true machines with the true app-server.

mod bench;
mod many;
mod files;
mod policy;
mod story;
mod tenants;
