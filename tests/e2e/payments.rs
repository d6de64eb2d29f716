//! Payments, from the wish to the end of every dispute, against the stand-in for Stripe.

mod checkout;
mod confirm;
mod crash;
mod offers;
mod plans;
mod reconciliation;
mod refunds;
mod shop;
mod steps;
mod storm;
mod sweeper;
mod webhook;
