//! `/api/v1/projects`: workspaces that stay, on true machines with the true app-server.

mod story;
mod tenants;
