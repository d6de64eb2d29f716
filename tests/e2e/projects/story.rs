//! A project from its beginning: opened, worked in, left, and found again.
