//! Photos of any size and format, some of them damaged.

use crate::run_in;
use burn::tensor::Device;
use image::{DynamicImage, Rgb, RgbImage};
use receptive_data::BadImages;
use receptive_model::{Artifact, presets};
use receptive_train::{RunConfig, RunDirectory, Stop, predict_file};
use std::fs;
use std::path::Path;

/// Red and blue images of many sizes, as JPEG and PNG: in colour, grey, with alpha and with 16
/// bits.
fn photos(root: &Path) {
    for (class, colour) in [("red", [220, 40, 30]), ("blue", [20, 40, 210])] {
        let folder = root.join(class);
        fs::create_dir_all(&folder).unwrap();
        for i in 0..20u32 {
            let (width, height) = (20 + 7 * i, 90 - 3 * i);
            let picture = RgbImage::from_fn(width, height, |x, y| {
                let shade = ((x * 3 + y * 5 + i * 11) % 40) as u8;
                Rgb(colour.map(|value: u8| value.saturating_sub(shade)))
            });
            let picture = DynamicImage::from(picture);
            match i % 5 {
                0 | 1 => picture.save(folder.join(format!("{i}.jpg"))).unwrap(),
                2 => picture.save(folder.join(format!("{i}.png"))).unwrap(),
                3 => DynamicImage::from(picture.to_rgba8())
                    .save(folder.join(format!("{i}.png")))
                    .unwrap(),
                _ => DynamicImage::from(picture.to_rgb16())
                    .save(folder.join(format!("{i}.png")))
                    .unwrap(),
            }
        }
        let grey = DynamicImage::from(RgbImage::from_pixel(33, 44, Rgb(colour)).clone());
        DynamicImage::from(grey.to_luma8())
            .save(folder.join("grey.png"))
            .unwrap();
    }
    let whole = fs::read(root.join("red/0.jpg")).unwrap();
    fs::write(root.join("red/cut.jpg"), &whole[..whole.len() / 2]).unwrap();
    let whole = fs::read(root.join("blue/2.png")).unwrap();
    fs::write(root.join("blue/cut.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(root.join("blue/text.jpg"), "this is no picture").unwrap();
}

fn config(root: &Path) -> RunConfig {
    let name = "tutorial";
    let model = presets::preset(name, presets::default_input(name)).unwrap();
    let mut config = RunConfig::new(model);
    config.data.source = root.display().to_string();
    config.data.image_size = Some(16.into());
    config.train.epochs = 8;
    config.train.batch_size = 8;
    config.machine.threads = 2;
    config
}

#[test]
fn damaged_photos_are_an_error_by_name_or_skipped_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("photos");
    photos(&root);
    let device = Device::flex();
    let path = directory.path().join("run");
    let error = run_in(&path, config(&root), &device, &mut [], &Stop::default())
        .unwrap_err()
        .to_string();
    for name in ["cut.jpg", "cut.png", "text.jpg"] {
        assert!(error.contains(name), "{name} is not in: {error}");
    }

    let mut skipping = config(&root);
    skipping.data.bad_images = BadImages::Skip;
    let again = directory.path().join("again");
    let trained = run_in(&again, skipping, &device, &mut [], &Stop::default()).unwrap();
    let test = trained.test.unwrap();
    assert!(
        test.top1 >= 0.75,
        "red and blue are distinguished: {}",
        test.top1
    );

    let model = RunDirectory::open(&again).unwrap().model();
    let artifact = Artifact::load(&model, &device).unwrap();
    let top = predict_file(&artifact, &root.join("red/1.jpg"), 5, &device).unwrap();
    assert_eq!(top.len(), 2, "there are two classes");
    assert_eq!(top[0].class, "red");
    assert!((top.iter().map(|answer| answer.probability).sum::<f64>() - 1.0).abs() < 1e-9);
    let error = predict_file(&artifact, &root.join("red/cut.jpg"), 5, &device).unwrap_err();
    assert!(error.to_string().contains("cut.jpg"), "{error}");
}

/// `small` halves its maps until they are small. Planned for 28x28 and then given photos, it used
/// to end in a dense layer of eight million weights that did not learn.
#[test]
fn a_preset_is_laid_out_for_the_size_of_the_photos() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("photos");
    photos(&root);
    for (size, maps) in [(None, 4), (Some(96), 6)] {
        let model = presets::preset("small", presets::default_input("small")).unwrap();
        let mut config = RunConfig::new(model);
        config.data.source = root.display().to_string();
        config.data.bad_images = BadImages::Skip;
        config.data.image_size = size.map(|side: usize| side.into());
        let prepared = crate::prepared(config).unwrap();
        let mut layers = prepared.plan.layers.iter();
        let last = layers.rfind(|layer| layer.kind == "max_pool2d").unwrap();
        assert_eq!(last.output.map_size(), [maps; 2], "{size:?}");
        assert!(
            prepared.plan.total.params < 1_000_000,
            "{}",
            prepared.plan.total.params
        );
    }
}
