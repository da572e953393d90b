//! The verdict on maps whose answer is known: without noise, and with the noise of 100 and of 1,000
//! samples.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use receptive_erf::gaussian::{Evidence, Judgement, Reason, Verdict, judge};
use receptive_erf::theory::chain_kernel;
use receptive_erf::{Map, Region};

/// Independent groups, as a measurement has them.
const GROUPS: usize = 20;

/// What is averaged, which says how noisy a sample is.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mean {
    /// Of `g^2`: one sample's relative variance is 2 (chi-square with one degree of freedom).
    Square,
    /// Of `|g|`: pi / 2 - 1 (half-normal).
    Abs,
}

struct Control {
    name: &'static str,
    mean: Mean,
    map: Map,
    verdict: Verdict,
    reason: Option<Reason>,
}

fn outer(line: &[f64]) -> Map {
    let side = line.len();
    Map::from_fn(Region::image(side, side), |r, c| {
        line[r as usize] * line[c as usize]
    })
}

fn chain(layers: &[(usize, usize, usize)]) -> Map {
    outer(&chain_kernel(layers))
}

fn plain(kernel: usize, n: usize) -> Map {
    chain(&vec![(kernel, 1, 1); n])
}

/// A function of the offset from the middle of a square.
fn radial(side: usize, value: impl Fn(f64, f64) -> f64) -> Map {
    let middle = (side / 2) as f64;
    Map::from_fn(Region::image(side, side), |r, c| {
        value(r as f64 - middle, c as f64 - middle)
    })
}

fn bell(y: f64, x: f64, sigma: f64) -> f64 {
    (-(y * y + x * x) / (2.0 * sigma * sigma)).exp()
}

/// `n` blocks of (1 - w) identity + w 3x3 box.
fn residual(n: usize, w: f64) -> Map {
    let side = 2 * n + 1;
    let region = Region::image(side, side);
    let middle = n as i64;
    let mut map = Map::from_fn(region, |r, c| {
        f64::from(u8::from(r == middle && c == middle))
    });
    for _ in 0..n {
        map = Map::from_fn(region, |r, c| {
            let mut sum = 0.0;
            for dr in -1..=1 {
                for dc in -1..=1 {
                    sum += map.at(r + dr, c + dc);
                }
            }
            (1.0 - w) * map.at(r, c) + w * sum / 9.0
        });
    }
    map
}

fn vgg16(conv5_3: bool) -> Vec<(usize, usize, usize)> {
    let mut layers = Vec::new();
    for (stage, convolutions) in [2, 2, 3, 3, 3].into_iter().enumerate() {
        layers.extend(vec![(3, 1, 1); convolutions]);
        if stage < 4 || !conv5_3 {
            layers.push((2, 2, 1));
        }
    }
    layers
}

fn controls() -> Vec<Control> {
    use Mean::{Abs, Square};
    let mut all = Vec::new();
    let mut add = |name, mean, map, verdict, reason| {
        all.push(Control {
            name,
            mean,
            map,
            verdict,
            reason,
        });
    };
    let mut pass = |name, mean, map| add(name, mean, map, Verdict::Gaussian, None);
    pass("uniform 3x3 n=3", Square, plain(3, 3));
    pass("uniform 3x3 n=5", Square, plain(3, 5));
    pass("uniform 3x3 n=10", Square, plain(3, 10));
    pass("uniform 3x3 n=20", Square, plain(3, 20));
    pass("abs n=5", Abs, plain(3, 5).map(f64::sqrt));
    pass("abs n=10", Abs, plain(3, 10).map(f64::sqrt));
    pass("abs n=20", Abs, plain(3, 20).map(f64::sqrt));
    pass("7x7 n=3", Square, plain(7, 3));
    let strided = |n: usize| {
        (1..=n)
            .map(|i| (3, if i % 4 == 0 { 2 } else { 1 }, 1))
            .collect::<Vec<_>>()
    };
    pass("15 layers, 3 with stride 2", Square, chain(&strided(15)));
    pass("VGG-16 conv5_3, average pools", Square, chain(&vgg16(true)));
    let pooled: Vec<_> = [(3, 1, 1), (3, 1, 1), (2, 2, 1)].repeat(3);
    pass("(conv, conv, pool) x 3", Square, chain(&pooled));
    pass("residual n=10 w=.5", Square, residual(10, 0.5));
    let mut near = |name, mean, map| add(name, mean, map, Verdict::Borderline, None);
    near("abs n=3", Abs, plain(3, 3).map(f64::sqrt));
    near("uniform n=2", Square, plain(3, 2));
    let mut dilated = vec![(3, 1, 1); 12];
    dilated.extend([(3, 1, 2), (3, 1, 4), (3, 1, 8)]);
    near("12 dense + dilation 2, 4, 8", Square, chain(&dilated));
    near("residual w=.2", Square, residual(10, 0.2));
    let mut fail = |name, mean, map, reason| {
        add(name, mean, map, Verdict::NotGaussian, Some(reason));
    };
    fail("residual w=.1", Square, residual(10, 0.1), Reason::Peaked);
    fail("residual w=.05", Square, residual(10, 0.05), Reason::Peaked);
    fail("one 3x3", Square, plain(3, 1), Reason::Box);
    fail("one 7x7", Square, plain(7, 1), Reason::Box);
    fail("one 11x11", Square, plain(11, 1), Reason::Box);
    fail(
        "dilation 1, 3, 9",
        Square,
        chain(&[(3, 1, 1), (3, 1, 3), (3, 1, 9)]),
        Reason::Box,
    );
    fail(
        "dilation 1, 2, 4",
        Square,
        chain(&[(3, 1, 1), (3, 1, 2), (3, 1, 4)]),
        Reason::Grid,
    );
    fail(
        "dilation 2 x 4",
        Square,
        chain(&[(3, 1, 2); 4]),
        Reason::Grid,
    );
    fail("stride 2 x 2", Square, chain(&[(3, 2, 1); 2]), Reason::Grid);
    fail("stride 2 x 4", Square, chain(&[(3, 2, 1); 4]), Reason::Grid);
    let disc = radial(41, |y, x| f64::from(u8::from(y.hypot(x) <= 18.0)));
    fail("flat disc", Abs, disc, Reason::Box);
    fail(
        "radial exponential",
        Abs,
        radial(121, |y, x| (-y.hypot(x) / 6.0).exp()),
        Reason::Peaked,
    );
    let laplace = radial(121, |y, x| (-(y.abs() + x.abs()) / 6.0).exp());
    fail("Laplace", Abs, laplace, Reason::Peaked);
    let cauchy = radial(121, |y, x| (1.0 + (y * y + x * x) / 100.0).powf(-1.5));
    fail("Cauchy", Abs, cauchy, Reason::Peaked);
    let board = radial(61, |y, x| {
        bell(y, x, 7.0)
            * if (y + x).rem_euclid(2.0) == 0.0 {
                1.0
            } else {
                0.2
            }
    });
    fail("Gaussian x checkerboard", Abs, board, Reason::Grid);
    let blobs = radial(81, |y, x| bell(y, x - 12.0, 6.0) + bell(y, x + 12.0, 6.0));
    fail("two blobs", Abs, blobs, Reason::Blobs);
    let floor = radial(41, |y, x| bell(y, x, 4.0) + 0.02);
    fail("Gaussian + 2 % floor", Abs, floor, Reason::Floor);
    all
}

fn judged(map: &Map, groups: &[Map], samples: u64) -> Judgement {
    judge(&Evidence {
        map,
        groups,
        trf: map.region(),
        image: None,
        dead: 0.0,
        outside: 0.0,
        samples,
        is_rounding: false,
    })
}

#[test]
fn without_noise_every_control_gets_its_verdict_and_its_reason() {
    let mut wrong = Vec::new();
    for control in controls() {
        let found = judged(&control.map, &[], 0);
        println!(
            "{:<32} {:>13} {:<16} kurtosis {:6.3} TV {:.3} hole {:.2} Mardia {:6.2} ratio {:.2} \
             R2 {:.3}",
            control.name,
            found.verdict.to_string(),
            found
                .reason
                .map_or(String::new(), |reason| format!("{reason:?}")),
            found.kurtosis[0].value,
            found.tv.value,
            found.hole.value,
            found.mardia.value,
            found.sigma_ratio.unwrap_or(f64::NAN),
            found.r_squared.unwrap_or(f64::NAN),
        );
        let is_reason = control.reason.is_none() || control.reason == found.reason;
        if found.verdict != control.verdict || !is_reason {
            wrong.push(format!(
                "{}: {} {:?}, expected {} {:?}",
                control.name, found.verdict, found.reason, control.verdict, control.reason
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Means over groups of `samples / GROUPS` samples each, every pixel with its own noise.
fn noisy(control: &Control, samples: usize, generator: &mut ChaCha8Rng) -> (Map, Vec<Map>) {
    let each = samples / GROUPS;
    let chi_squares = Gamma::new(each as f64 / 2.0, 2.0).unwrap();
    let groups: Vec<Map> = (0..GROUPS)
        .map(|_| {
            let mut map = control.map.clone();
            for value in map.values_mut().iter_mut().filter(|value| **value > 0.0) {
                *value *= match control.mean {
                    Mean::Square => chi_squares.sample(generator) / each as f64,
                    Mean::Abs => {
                        let sum: f64 = (0..each)
                            .map(|_| {
                                let normal: f64 = StandardNormal.sample(generator);
                                normal.abs()
                            })
                            .sum();
                        sum / each as f64 * (std::f64::consts::PI / 2.0).sqrt()
                    }
                };
            }
            map
        })
        .collect();
    let mut sum = Map::zeros(control.map.region());
    for group in &groups {
        sum.add(group);
    }
    (sum.map(|value| value / GROUPS as f64), groups)
}

/// Wrong, opposite and inconclusive verdicts of 1,000 trials spread over all controls.
fn trials(samples: usize) -> [usize; 3] {
    const TRIALS: usize = 1_000;
    let controls = controls();
    let (mut wrong, mut opposite, mut inconclusive) = (0, 0, 0);
    let mut named: Vec<String> = Vec::new();
    for trial in 0..TRIALS {
        let control = &controls[trial % controls.len()];
        let mut generator = ChaCha8Rng::seed_from_u64((samples * TRIALS + trial) as u64);
        let (map, groups) = noisy(control, samples, &mut generator);
        let found = judged(&map, &groups, samples as u64);
        match (found.verdict, control.verdict) {
            (Verdict::Inconclusive, _) => {
                inconclusive += 1;
                named.push(format!("{} inconclusive", control.name));
            }
            (found, expected) if found == expected => {}
            (found, expected) => {
                wrong += 1;
                named.push(format!("{} {found}", control.name));
                opposite +=
                    usize::from(found != Verdict::Borderline && expected != Verdict::Borderline);
            }
        }
    }
    named.sort();
    let mut counted: Vec<(String, usize)> = Vec::new();
    for name in named {
        match counted.last_mut() {
            Some((last, count)) if *last == name => *count += 1,
            _ => counted.push((name, 1)),
        }
    }
    println!(
        "N = {samples}: {wrong} wrong of {TRIALS} ({opposite} opposite), {inconclusive} \
         inconclusive; {counted:?}"
    );
    [wrong, opposite, inconclusive]
}

#[test]
fn with_the_noise_of_100_samples_few_verdicts_are_wrong() {
    let [wrong, opposite, _] = trials(100);
    assert!(
        wrong <= 10 && opposite == 0,
        "{wrong} wrong, {opposite} opposite"
    );
}

#[test]
fn with_the_noise_of_1000_samples_few_verdicts_are_wrong_and_most_are_made() {
    let [wrong, opposite, inconclusive] = trials(1_000);
    assert!(
        wrong <= 10 && opposite == 0,
        "{wrong} wrong, {opposite} opposite"
    );
    assert!(inconclusive <= 100, "{inconclusive} inconclusive");
}

#[test]
fn strange_maps_are_inconclusive_and_finite() {
    let one = Region::image(1, 1);
    let strange = [
        ("empty", Map::zeros(Region::image(0, 0))),
        ("zeros", Map::zeros(Region::image(9, 9))),
        ("one pixel", Map::from_fn(one, |_, _| 1.0)),
        (
            "one row",
            Map::from_fn(Region::image(1, 9), |_, c| (c + 1) as f64),
        ),
        ("two pixels", Map::from_fn(Region::image(1, 2), |_, _| 1.0)),
        (
            "NaN",
            Map::from_fn(
                Region::image(5, 5),
                |r, _| if r == 2 { f64::NAN } else { 1.0 },
            ),
        ),
        (
            "infinite",
            Map::from_fn(Region::image(5, 5), |r, _| 1.0 / r as f64),
        ),
        (
            "negative",
            Map::from_fn(Region::image(5, 5), |r, c| (r - c) as f64),
        ),
        ("tiny", Map::from_fn(Region::image(5, 5), |_, _| 1e-320)),
    ];
    for (name, map) in strange {
        for groups in [Vec::new(), vec![map.clone(); 3]] {
            let found = judged(&map, &groups, groups.len() as u64);
            let numbers = [
                found.tv.value,
                found.tv.low,
                found.tv.high,
                found.kurtosis[0].value,
                found.kurtosis[1].value,
                found.mardia.value,
                found.hole.value,
                found.sigma[0].value,
                found.sigma[1].value,
                found.anisotropy,
                found.off_centre,
            ];
            assert!(
                numbers.iter().all(|number| number.is_finite()),
                "{name}: {found:?}"
            );
            if name != "tiny" {
                assert_eq!(found.verdict, Verdict::Inconclusive, "{name}");
            }
        }
    }
    // A constant map is a box, whatever its size.
    let flat = Map::from_fn(Region::image(8, 8), |_, _| 3.0);
    assert_eq!(judged(&flat, &[], 0).reason, Some(Reason::Box));
    // One sample has no error bar, whatever it looks like.
    for map in [plain(3, 5), plain(11, 1)] {
        assert_eq!(
            judged(&map, std::slice::from_ref(&map), 1).reason,
            Some(Reason::Noise)
        );
    }
}
