//! Outbound calls, one file for each stranger: how to speak to them, and what their answers mean to
//! us.

pub mod courier;
pub mod google;
pub mod http;
mod mail_http;
pub mod releases;
pub mod responses;
mod smtp;
pub mod stripe;
mod whatsapp;
