//! The Worker: its doors, and the rooms behind them (see `ARCHITECTURE.md`).

pub mod api;
pub mod config;
pub mod cx;
pub mod domain;
pub mod http;
pub mod js;
pub mod objects;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod pages;
pub mod remote;
pub mod serve;
pub mod services;
pub mod store;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use worker::{Env, worker_sys};

/// A request from outside. Takes and gives the platform's own types: the cheapest form.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context) -> Promise {
    js::promise(async move { serve::serve(request, env, context).await.map(JsValue::from) })
}

/// The timer, every minute.
#[wasm_bindgen]
pub fn scheduled(_event: JsValue, env: Env, _context: worker_sys::Context) -> Promise {
    js::promise(async move {
        let done = services::upkeep::every_minute(env).await;
        done.map(|()| JsValue::UNDEFINED).map_err(|error| JsValue::from_str(&error.to_string()))
    })
}
