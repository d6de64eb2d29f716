//! The high-water mark of each conversation: the most input that one of its calls had.

use schema::Error;

use super::Inner;

/// Marks kept in memory; beyond it they are read again.
const WATERS_MAX: usize = 1_024;

impl Inner {
    /// The most input that a conversation had before.
    pub(super) fn high_water(&self, conversation: Option<&str>) -> schema::Result<u64> {
        let Some(conversation) = conversation else { return Ok(0) };
        if let Some(water) = self.waters.borrow().get(conversation) {
            return Ok(*water);
        }
        let water = self.rows.high_water(conversation).map_err(Error::unavailable)?;
        self.raise_water(conversation, water);
        Ok(water)
    }

    pub(super) fn raise_water(&self, conversation: &str, to: u64) {
        let mut waters = self.waters.borrow_mut();
        // The rows know them all, once they are stored.
        if waters.len() >= WATERS_MAX && self.live.borrow().ledger.unstored().is_empty() {
            waters.clear();
        }
        let water = waters.entry(conversation.to_owned()).or_default();
        *water = to.max(*water);
    }
}
