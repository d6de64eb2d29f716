//! Runners: enrolled, connected, asked to work, cut off. The other end is a peer that says what a
//! real runner would not.

mod admin;
mod asks;
mod calls;
mod enrolment;
mod feed;
mod files;
mod life;
mod policy;
mod stage;
mod tunnel;
mod viewers;
