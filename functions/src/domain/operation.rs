//! Operations that their callers name: the same name is the same operation, however often it comes.

use schema::{AccountId, OpId};
use sha2::{Digest, Sha256};

/// The operation that a caller's `Idempotency-Key` names. A request may need several calls, of
/// different methods; each is an operation of its own.
pub fn named(account: AccountId, method: &str, key: &str) -> OpId {
    let mut digest = Sha256::new();
    for part in [account.to_string().as_str(), method, key] {
        // With its length before it, no part can pass for the end of another.
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    let bits = digest.finalize().first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
    OpId::from_bits(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_operation_of_one_account() {
        let (one, two) = (AccountId::from_bits(1), AccountId::from_bits(2));
        assert_eq!(named(one, "turn/start", "a"), named(one, "turn/start", "a"));
        let others =
            [named(two, "turn/start", "a"), named(one, "thread/start", "a"), named(one, "t", "b")];
        assert!(!others.contains(&named(one, "turn/start", "a")));
        assert_ne!(named(one, "ab", "c"), named(one, "a", "bc"));
    }
}
