//! Moments at which a test kills the runtime. A request arms a place by naming it in a header, and
//! whoever comes to that place next, in whichever part of the system, stops there for ever and
//! lets nobody else on: what is safe by then is what the next process finds. No deployment allows
//! it but one that says so, and production cannot.

use std::cell::RefCell;

use crate::config::Config;

/// The header that arms a place.
pub const HEADER: &str = "x-gantry-freeze";

thread_local! {
    static ARMED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Arms a place, where faults are allowed.
pub fn arm(config: &Config, place: String) {
    if config.faults && !place.is_empty() {
        ARMED.set(Some(place));
    }
}

/// Comes to a place.
pub fn at(place: &str) {
    if ARMED.with_borrow(|armed| armed.as_deref() == Some(place)) {
        worker::console_log!("frozen at {place}");
        loop {
            std::hint::spin_loop();
        }
    }
}
