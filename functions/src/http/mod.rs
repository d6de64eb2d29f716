//! What every API family speaks: routes, bodies, replies. It knows HTTP and none of the product's
//! nouns.
#![warn(missing_docs)]

pub mod body;
pub mod guard;
pub mod reply;
pub mod route;
pub mod router;

pub use reply::{
    Accepted, Bytes, Created, Html, Json, JsonOrBytes, JsonOrSse, Redirect, Reply, Sse,
    WithCookies, WithHeaders,
};
pub use route::{
    Family, Handler, Incoming, Route, delete, forward, get, post, put, signed, upgrade, upload,
};
