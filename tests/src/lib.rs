//! The proof: real parts on free ports, torn down when a test ends.
