//! Integration tests of receptive, one module per promise.
