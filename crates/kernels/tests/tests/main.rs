//! What the kernels promise, each in a file of its own.

mod against_burn;
mod bits;
mod derivatives;
mod random;
mod strange_values;
