use receptive_plot::Tile;

/// Pixels, channels last, as a picture; `size` is height, width and channels.
pub(crate) fn tile(pixels: &[u8], [height, width, channels]: [usize; 3]) -> Tile {
    match channels {
        3 => Tile::rgb(width, height, pixels),
        1 => Tile::grey(width, height, pixels),
        // The first channel stands for pictures that no screen can show.
        more => {
            let first: Vec<u8> = pixels.iter().step_by(more).copied().collect();
            Tile::grey(width, height, &first)
        }
    }
}
