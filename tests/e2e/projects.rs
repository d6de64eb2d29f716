//! `/api/v1/projects`: workspaces that stay, on true machines with the true app-server.

mod bench;
mod story;
mod tenants;
