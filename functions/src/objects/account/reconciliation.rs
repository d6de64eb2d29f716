//! What the account's books say, for whoever lays them beside others'. Nothing is changed.

use schema::{Error, Result};

use super::rows::Rows;
use crate::domain::{
    admission::Live,
    payment,
    reconciliation::{Command, Outcome},
};

/// Answers from storage, into which memory is written first.
pub fn run(live: &mut Live, rows: &Rows, command: Command) -> Result<Outcome> {
    rows.store(live).map_err(Error::unavailable)?;
    match command {
        Command::Books { from, until } => {
            let paid = rows.paid(from, until).map_err(Error::unavailable)?;
            let named = |source: String| payment::intent_of(&source).map(str::to_owned);
            let intents = paid.into_iter().filter_map(named).collect();
            let usage = rows.summed(from, until).map_err(Error::unavailable)?;
            Ok(Outcome::Books { intents, usage })
        }
        Command::Payment { intent, payment } => {
            let booked = rows.booked_for(&intent).map_err(Error::unavailable)?;
            let wish = match payment {
                Some(id) => rows.payment(id).map_err(Error::unavailable)?.map(Box::new),
                None => None,
            };
            Ok(Outcome::Payment { wish, rows: booked })
        }
    }
}
