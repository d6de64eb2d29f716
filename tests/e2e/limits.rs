//! How fast a credential may be, what each kind of credential is for, and what guessing comes to.

mod credential;
mod guess;
mod hour;
mod quota;
