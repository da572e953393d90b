//! A TrueType font made for a test: a bar of its own height for each character.

fn number(value: i32) -> [u8; 2] {
    (value as u16).to_be_bytes()
}

fn words(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| number(*value)).collect()
}

/// A rectangle from the baseline.
fn bar(height: i32) -> Vec<u8> {
    let mut glyph = words(&[1, 100, 0, 800, height, 3, 0]);
    glyph.extend([1; 4]); // four points on the outline
    glyph.extend(words(&[100, 700, 0, -700])); // their steps to the right
    glyph.extend(words(&[0, 0, height, 0])); // and upwards
    glyph
}

/// A font that has these characters alone.
pub(crate) fn font(characters: &[char]) -> Vec<u8> {
    let glyphs = characters.len() as i32 + 1;
    let (mut glyf, mut loca, mut hmtx) = (Vec::new(), vec![0; 4], words(&[900, 0]));
    loca.extend([0; 4]); // glyph 0 is empty
    for index in 1..glyphs {
        glyf.extend(bar(100 * index));
        loca.extend((glyf.len() as u32).to_be_bytes());
        hmtx.extend(words(&[900, 100]));
    }
    let mut sorted: Vec<u32> = characters.iter().map(|c| u32::from(*c)).collect();
    sorted.sort_unstable();
    let mut cmap = words(&[0, 1, 3, 10, 0, 12, 12, 0]);
    for value in [16 + 12 * sorted.len() as u32, 0, sorted.len() as u32] {
        cmap.extend(value.to_be_bytes());
    }
    for (glyph, c) in (1_u32..).zip(&sorted) {
        [*c, *c, glyph]
            .iter()
            .for_each(|value| cmap.extend(value.to_be_bytes()));
    }
    let text: Vec<u8> = "Bars".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut name = words(&[0, 2, 30]);
    for id in [1, 6] {
        name.extend(words(&[3, 1, 0x409, id, text.len() as i32, 0]));
    }
    name.extend(text);
    let mut head = words(&[1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 0, 1000]);
    head.extend([0; 16]); // when it was made and changed
    head.extend(words(&[0, 0, 900, 1000, 0, 8, 2, 1, 0]));
    let mut hhea = words(&[1, 0, 900, -200, 0, 900]);
    hhea.extend([0; 22]);
    hhea.extend(number(glyphs));
    let tables = [
        ("cmap", cmap),
        ("glyf", glyf),
        ("head", head),
        ("hhea", hhea),
        ("hmtx", hmtx),
        ("loca", loca),
        ("maxp", words(&[0, 0x5000, glyphs])),
        ("name", name),
    ];
    let mut file = words(&[1, 0, tables.len() as i32, 128, 3, 0]);
    let mut offset = file.len() + 16 * tables.len();
    for (tag, table) in &tables {
        file.extend(tag.as_bytes());
        for value in [0, offset as u32, table.len() as u32] {
            file.extend(value.to_be_bytes());
        }
        offset += table.len().next_multiple_of(4);
    }
    for (_, table) in &tables {
        file.extend(table);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    file
}
