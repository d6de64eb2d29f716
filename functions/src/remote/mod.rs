//! Outbound HTTP, one file for each stranger: how to speak to them, and what their answers mean to
//! us.

pub mod http;
pub mod releases;
pub mod responses;
pub mod stripe;
