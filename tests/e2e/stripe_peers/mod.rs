//! The stand-in for Stripe: what it does is what Stripe's own clients and description say.

mod calls;
mod clients;
mod events;
mod money;
