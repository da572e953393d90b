//! Resizing against Pillow 13.0 and torchvision 0.29's `Resize` and `CenterCrop`, as published weights
//! were prepared: no value differs by more than 1 of 255.

use receptive_data::{Fit, ImageSize, Interpolation, Picture, Resize, fit};

/// Smooth slopes in a chequerboard with sharp edges, so that a wrong filter or offset shows.
fn picture(width: usize, height: usize) -> Picture {
    let value = |x: usize, y: usize, channel: usize| match (x / 5 + y / 4) % 2 {
        0 => (x * 5 + y * 3) % 256,
        _ => (x * x * 3 + y * 7 * (channel + 1)) % 256,
    };
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            pixels.extend((0..3).map(|channel| value(x, y, channel) as u8));
        }
    }
    Picture {
        width,
        height,
        channels: 3,
        pixels,
    }
}

struct Case {
    from: [usize; 2],
    side: usize,
    fraction: f64,
    interpolation: Interpolation,
    /// The second channel, row by row.
    green: &'static [u8],
}

/// `T.CenterCrop(side)(T.Resize(int(side / fraction), interpolation)(image))`.
const CASES: [Case; 4] = [
    Case {
        from: [37, 29],
        side: 8,
        fraction: 0.875,
        interpolation: Interpolation::Bicubic,
        green: &[
            146, 57, 96, 128, 110, 124, 139, 170, 78, 121, 107, 119, 136, 122, 149, 137, 74, 101,
            97, 121, 106, 131, 155, 157, 90, 95, 112, 153, 147, 158, 134, 178, 93, 126, 113, 127,
            157, 156, 162, 133, 159, 120, 141, 130, 150, 146, 138, 210, 118, 129, 120, 155, 152,
            179, 193, 143, 113, 135, 130, 140, 177, 163, 170, 179,
        ],
    },
    Case {
        from: [37, 29],
        side: 8,
        fraction: 0.875,
        interpolation: Interpolation::Bilinear,
        green: &[
            133, 66, 96, 128, 111, 125, 139, 164, 84, 115, 107, 121, 132, 126, 146, 141, 78, 101,
            100, 119, 113, 133, 153, 157, 91, 97, 113, 145, 146, 154, 142, 173, 101, 119, 115, 130,
            156, 155, 158, 142, 146, 123, 135, 135, 150, 148, 144, 198, 117, 128, 124, 151, 154,
            176, 185, 153, 114, 135, 133, 140, 172, 166, 170, 179,
        ],
    },
    // A picture that becomes larger.
    Case {
        from: [9, 7],
        side: 12,
        fraction: 0.875,
        interpolation: Interpolation::Bicubic,
        green: &[
            4, 7, 10, 13, 15, 15, 31, 66, 89, 106, 127, 150, 5, 8, 11, 14, 16, 15, 33, 70, 93, 110,
            131, 154, 6, 9, 12, 15, 17, 17, 37, 78, 102, 119, 140, 163, 8, 11, 14, 17, 19, 18, 40,
            85, 110, 126, 147, 170, 10, 13, 16, 19, 21, 19, 44, 92, 118, 134, 155, 178, 9, 12, 15,
            17, 19, 16, 44, 103, 133, 148, 170, 195, 13, 16, 19, 22, 24, 22, 49, 105, 134, 149,
            170, 193, 37, 40, 45, 51, 58, 66, 71, 72, 80, 91, 102, 114, 60, 64, 70, 78, 90, 107,
            92, 42, 31, 39, 41, 43, 68, 72, 78, 86, 98, 116, 98, 44, 31, 39, 41, 43, 74, 78, 84,
            92, 103, 122, 103, 50, 36, 46, 49, 52, 83, 87, 93, 101, 112, 131, 110, 52, 38, 47, 50,
            53,
        ],
    },
    // Nothing is cut off.
    Case {
        from: [30, 30],
        side: 7,
        fraction: 1.0,
        interpolation: Interpolation::Bicubic,
        green: &[
            19, 109, 90, 97, 126, 123, 132, 76, 75, 101, 107, 116, 118, 143, 84, 110, 88, 108, 144,
            149, 141, 159, 96, 125, 120, 136, 153, 158, 51, 105, 137, 129, 142, 158, 162, 72, 117,
            122, 130, 155, 170, 174, 120, 142, 124, 136, 149, 167, 165,
        ],
    },
];

#[test]
fn a_crop_fraction_and_interpolation_give_pillow_s_pixels() {
    for case in CASES {
        let [width, height] = case.from;
        let prepared = fit(
            &picture(width, height),
            &ImageSize::new(3, case.side, case.side),
            Fit {
                resize: Resize::Crop,
                interpolation: case.interpolation,
                crop_fraction: Some(case.fraction),
            },
        )
        .unwrap();
        let green: Vec<u8> = prepared.iter().skip(1).step_by(3).copied().collect();
        assert_eq!(green.len(), case.green.len());
        for (at, (ours, theirs)) in green.iter().zip(case.green).enumerate() {
            let place = format!("{:?} to {}, value {at}", case.from, case.side);
            assert!(
                ours.abs_diff(*theirs) <= 1,
                "{place}: {ours}, Pillow {theirs}"
            );
        }
    }
}

#[test]
fn a_fraction_cuts_a_picture_that_has_the_size_already() {
    let size = ImageSize::new(3, 8, 8);
    let with = |fraction| Fit {
        crop_fraction: fraction,
        ..Fit::from(Resize::Crop)
    };
    let whole = picture(8, 8);
    for unchanged in [None, Some(1.0)] {
        assert_eq!(fit(&whole, &size, with(unchanged)).unwrap(), whole.pixels);
    }
    assert_ne!(fit(&whole, &size, with(Some(0.5))).unwrap(), whole.pixels);
    let error = fit(&whole, &size, with(Some(0.0))).unwrap_err().to_string();
    assert!(error.contains("above 0 and at most 1"), "{error}");
}

#[test]
fn a_strip_is_no_way_to_take_all_memory() {
    let strip = Picture {
        width: 30_000,
        height: 1,
        channels: 1,
        pixels: vec![7; 30_000],
    };
    let size = ImageSize::new(1, 1000, 1000);
    let fraction = Fit {
        crop_fraction: Some(0.875),
        ..Fit::from(Resize::Crop)
    };
    let error = fit(&strip, &size, fraction).unwrap_err().to_string();
    assert!(error.contains("the longer one would be"), "{error}");
}

/// Black and white at random: between the two passes of a bicubic filter much is cut off, so that a pass
/// along columns before the one along rows gives other values, by up to 11.
#[test]
fn the_passes_are_in_pillow_s_order() {
    let pixel = |x: u32, y: u32| {
        let mut k = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).wrapping_mul(65_537);
        k ^= k >> 15;
        k = k.wrapping_mul(2_246_822_519);
        k ^= k >> 13;
        255 * (k & 1) as u8
    };
    let (width, height) = (64, 48);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| pixel(x, y)));
    let noise = Picture {
        width: width as usize,
        height: height as usize,
        channels: 1,
        pixels: pixels.collect(),
    };
    let bicubic = Fit {
        interpolation: Interpolation::Bicubic,
        ..Fit::from(Resize::Stretch)
    };
    let ours = fit(&noise, &ImageSize::new(1, 25, 33), bicubic).unwrap();
    // The first 12 columns of the first 10 rows of `image.resize((33, 25), BICUBIC)`.
    let pillow = [
        75, 113, 32, 178, 143, 187, 122, 185, 135, 152, 67, 147, 132, 233, 118, 161, 161, 200, 91,
        196, 153, 105, 103, 47, 80, 124, 149, 184, 63, 176, 157, 133, 154, 166, 97, 29, 178, 74,
        163, 159, 128, 243, 201, 71, 69, 212, 56, 100, 222, 105, 131, 224, 155, 125, 135, 118, 98,
        188, 146, 74, 78, 99, 76, 129, 196, 126, 137, 146, 163, 155, 194, 172, 162, 89, 134, 79,
        58, 103, 58, 91, 181, 156, 161, 102, 138, 227, 108, 214, 195, 158, 174, 138, 121, 118, 104,
        205, 214, 87, 78, 188, 152, 178, 130, 103, 76, 141, 94, 159, 162, 111, 158, 172, 60, 79,
        78, 122, 145, 119, 185, 78,
    ];
    for (at, theirs) in pillow.into_iter().enumerate() {
        let (row, column) = (at / 12, at % 12);
        let ours: u8 = ours[33 * row + column];
        assert!(
            ours.abs_diff(theirs) <= 1,
            "({row}, {column}): {ours}, Pillow {theirs}"
        );
    }
}
