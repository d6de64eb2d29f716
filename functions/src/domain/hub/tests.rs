//! The machine under random weather.
