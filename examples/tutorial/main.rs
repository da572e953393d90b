//! Should end with `all 11 shapes are as computed` after two seconds.
//!
//! A convolution tutorial, step by step, on two photographs: every output size with its formula,
//! every layer's parameters, and figures in `tutorial/`: `cargo run --example tutorial`.
//! docs/tutorial.md explains each step.

mod convolution;
mod dense;
mod lines;
mod photographs;
mod pooling;
mod steps;

use burn::tensor::Device;
use receptive_train::Backend;
use std::error::Error;
use std::path::Path;
use steps::Steps;

fn main() -> Result<(), Box<dyn Error>> {
    let device = Backend::from_args(std::env::args())?.device()?;
    let out = Path::new("tutorial");
    let steps = tutorial(out, &device)?;
    println!("\nall {} shapes are as computed", steps.shapes.len());
    println!("the pictures are in {}", out.display());
    Ok(())
}

/// Runs every step and writes its figures to `out`.
fn tutorial(out: &Path, device: &Device) -> Result<Steps, Box<dyn Error>> {
    std::fs::create_dir_all(out)?;
    let mut steps = Steps::default();
    let photographs = photographs::load(&mut steps, out, device)?;
    convolution::paddings_and_strides(&mut steps, &photographs)?;
    convolution::parameters(&mut steps, device)?;
    convolution::even_kernel(&mut steps);
    lines::filters(&mut steps, &photographs, out)?;
    let maps = convolution::feature_map(&mut steps, &photographs, out)?;
    pooling::pools(&mut steps, maps, &photographs, out)?;
    dense::head(&mut steps)?;
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_that_of_the_textbook() {
        let out = tempfile::tempdir().unwrap();
        let steps = tutorial(out.path(), &Device::flex()).unwrap();
        let shape = |name: &str| {
            let found = steps.shapes.iter().find(|(what, _)| what == name);
            found
                .unwrap_or_else(|| panic!("no step {name}: {:?}", steps.shapes))
                .1
                .clone()
        };
        assert_eq!(shape("the batch"), [2, 3, 427, 640]);
        assert_eq!(shape("same, strides 1"), [2, 32, 427, 640]);
        assert_eq!(shape("valid, strides 1"), [2, 32, 425, 638]);
        assert_eq!(shape("same, strides 2"), [2, 32, 214, 320]);
        assert_eq!(shape("valid, strides 2"), [2, 32, 213, 319]);
        assert_eq!(shape("line filters"), [2, 2, 427, 640]);
        assert_eq!(shape("max pool 2x2"), [2, 32, 213, 320]);
        assert_eq!(shape("average pool 2x2"), [2, 32, 213, 320]);
        assert_eq!(shape("global average pool"), [2, 32]);
        for name in ["photographs", "lines", "feature-map", "pooling"] {
            let bytes = std::fs::read(out.path().join(format!("{name}.png"))).unwrap();
            assert!(bytes.len() > 10_000, "{name}: {} bytes", bytes.len());
        }
    }

    /// Code blocks without a language in docs/tutorial.md are lines of the program's output.
    #[test]
    fn the_documentation_shows_the_output() {
        let out = tempfile::tempdir().unwrap();
        let steps = tutorial(out.path(), &Device::flex()).unwrap();
        let printed: Vec<&str> = steps.lines.iter().flat_map(|line| line.lines()).collect();
        for name in ["tutorial.md", "tutorial.ko.md"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../docs")
                .join(name);
            let text = std::fs::read_to_string(path).unwrap();
            let mut fence = None;
            let mut compared = 0;
            for line in text.lines() {
                match (line.strip_prefix("```"), fence) {
                    (Some(_), Some(_)) => fence = None,
                    (Some(language), None) => fence = Some(language),
                    (None, Some("")) if line != "(n + 2p - f)/s + 1" => {
                        assert!(printed.contains(&line), "{name}: {line}");
                        compared += 1;
                    }
                    _ => {}
                }
            }
            assert_eq!(compared, 21, "{name}");
        }
    }
}
