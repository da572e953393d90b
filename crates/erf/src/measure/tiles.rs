//! Several units in one backward pass.

use super::Probe;
use crate::Region;

/// The units that may be seeded together with the probe's: their theoretical receptive fields lie
/// inside the image and do not touch. The probe's own comes first; each comes with the pixels that
/// its gradient is read at.
pub(super) fn tiles(probe: &Probe, units: [usize; 2], image: &Region) -> Vec<([usize; 2], Region)> {
    let whole = vec![(probe.unit, own(probe, image))];
    let Some((fields, trf)) = probe.fields.zip(probe.trf()) else {
        return whole;
    };
    // Units near the border see less than those inside, so they are no equals.
    if trf.intersection(image) != trf {
        return whole;
    }
    let along = |axis: usize| -> Vec<usize> {
        let field = &fields[axis];
        let apart = (field.size().max(1) as usize).div_ceil(field.stride.max(1) as usize);
        let first = probe.unit[axis] % apart;
        let size = [image.height, image.width][axis] as i64;
        (first..units[axis])
            .step_by(apart)
            .filter(|unit| {
                let shift = field.stride * *unit as i64;
                field.first + shift >= 0 && field.last + shift < size
            })
            .collect()
    };
    let columns = along(1);
    let mut all: Vec<([usize; 2], Region)> = along(0)
        .into_iter()
        .flat_map(|row| columns.iter().map(move |column| [row, *column]))
        .map(|unit| (unit, own(&probe.clone().with_unit(unit), image)))
        .collect();
    all.sort_by_key(|(unit, _)| *unit != probe.unit);
    all
}

/// The pixels of the image that a probe can depend on.
pub(super) fn own(probe: &Probe, image: &Region) -> Region {
    probe.trf().map_or(*image, |trf| trf.intersection(image))
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::Field;

    #[test]
    fn tiles_do_not_overlap_and_lie_inside() {
        let field = Field {
            first: -20,
            last: 20,
            stride: 1,
        };
        let probe = Probe {
            fields: Some([field; 2]),
            ..Probe::at([64, 64])
        };
        let image = Region::image(128, 128);
        let tiles = tiles(&probe, [128, 128], &image);
        assert_eq!(tiles.len(), 9);
        assert_eq!(tiles[0].0, [64, 64]);
        for (index, (_, a)) in tiles.iter().enumerate() {
            assert_eq!((a.height, a.width, a.intersection(&image)), (41, 41, *a));
            for (_, b) in &tiles[index + 1..] {
                assert_eq!(a.intersection(b).area(), 0);
            }
        }
    }

    #[test]
    fn a_unit_at_the_border_stays_alone() {
        let field = Field {
            first: -2,
            last: 2,
            stride: 1,
        };
        let probe = Probe {
            fields: Some([field; 2]),
            ..Probe::at([1, 10])
        };
        let tiles = tiles(&probe, [20, 20], &Region::image(20, 20));
        assert_eq!(tiles.len(), 1);
        assert_eq!((tiles[0].1.top, tiles[0].1.height), (0, 4));
    }
}
