//! The contract: every type that crosses a wire, and nothing that does anything.
