//! Examples of receptive: see the files beside this one.
