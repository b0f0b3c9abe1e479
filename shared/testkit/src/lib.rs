//! In-memory ports, fault modes and the contract that every adapter passes..
