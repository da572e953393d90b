//! What opening and loading data promises, through the public interface only.

// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod archive_ends;
mod archives;
mod bytes;
mod cifar;
mod damaged;
mod equal_pixels;
mod fashion_mini;
mod folder;
mod folds;
mod foreign;
mod formats;
mod goldens;
mod groups;
mod idx;
mod labels;
mod layout;
mod listed;
mod loader;
mod loose_names;
mod lost_classes;
mod make;
mod mutated;
mod nested;
mod parts;
mod passed_over;
mod pillow;
mod strange_files;
mod thousands;
mod tiff_kinds;
