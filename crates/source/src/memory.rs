//! Git and the store of artifacts in memory, with faults, for simulations.

mod remote;
mod store;

pub use remote::MemoryRemote;
pub use store::MemoryStore;
