//! Downloads: complete and verified, or absent.

mod agent;
mod body;
mod fetch;
mod hub;
#[cfg(test)]
mod hub_tests;
mod resume;

pub(crate) use fetch::{RemoteFile, fetch};
pub use hub::{Hub, HubFiles, HubRepository};
