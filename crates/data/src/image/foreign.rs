//! Files that are not readable images, recognised by content or name.

use image::ImageFormat;
use std::ffi::OsStr;
use std::path::Path;

/// A kind of file that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    Heic,
    Avif,
    Raw,
    JpegXl,
    Jpeg2000,
    Photoshop,
    Gimp,
    Svg,
    Pdf,
    PostScript,
    DjVu,
    Video,
    Dicom,
    Texture,
    Rare,
    LfsPointer,
    Html,
    Xml,
    Json,
    Numpy,
    Archive,
    Program,
    Text,
    Zeros,
}

use Foreign::*;

/// Extensions, in lower case, of photographs, drawings and videos that cannot be read. In a class folder, such
/// a file was probably meant as an image of the class.
const EXTENSIONS: [(Foreign, &[&str]); 14] = [
    (Heic, &["heic", "heif", "heics", "heifs", "hif"]),
    (Avif, &["avif", "avifs", "avci"]),
    (
        Raw,
        &[
            "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "arq", "srf", "sr2", "raf", "orf",
            "ori", "rw2", "rwl", "pef", "srw", "x3f", "iiq", "3fr", "fff", "erf", "kdc", "dcr",
            "dcs", "k25", "mrw", "mos", "mef", "gpr", "cap", "bay", "braw",
        ],
    ),
    (JpegXl, &["jxl"]),
    (
        Jpeg2000,
        &[
            "jp2", "j2k", "jpf", "jpx", "jpm", "j2c", "jpc", "jph", "jhc",
        ],
    ),
    (Photoshop, &["psd", "psb"]),
    (Gimp, &["xcf"]),
    (Svg, &["svg", "svgz"]),
    (Pdf, &["pdf"]),
    (PostScript, &["eps"]),
    (Dicom, &["dcm", "dicom"]),
    (Texture, &["dds", "ktx", "ktx2"]),
    (
        Rare,
        &[
            "cin", "cur", "dpx", "emf", "fits", "fts", "hdp", "icns", "iff", "jng", "jxr", "lbm",
            "mng", "pcd", "pct", "pcx", "pict", "ras", "sgi", "wbmp", "wdp", "wmf", "xbm", "xpm",
        ],
    ),
    (
        Video,
        &[
            "mp4", "m4v", "mov", "qt", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "asf", "3gp",
            "3g2", "flv", "mts", "m2ts", "ogv", "vob",
        ],
    ),
];

/// Extensions of web pages, which failed downloads leave in class folders.
const PAGES: [&str; 3] = ["html", "htm", "xhtml"];

impl Foreign {
    /// A file's kind by its extension.
    pub(crate) fn from_name(path: &Path) -> Option<Self> {
        let extension = path.extension().and_then(OsStr::to_str)?.to_lowercase();
        let extension = extension.as_str();
        if PAGES.contains(&extension) {
            return Some(Html);
        }
        let mut kinds = EXTENSIONS.iter();
        let kind = kinds.find(|(_, extensions)| extensions.contains(&extension));
        kind.map(|(kind, _)| *kind)
    }

    /// A file's kind by its first bytes, of which a few hundred are enough.
    pub(crate) fn from_content(head: &[u8]) -> Option<Self> {
        binary(head).or_else(|| text(head))
    }

    /// Whether files of this kind are images or videos, whatever their names.
    pub(crate) fn is_picture(self) -> bool {
        matches!(
            self,
            Heic | Avif
                | Raw
                | JpegXl
                | Jpeg2000
                | Photoshop
                | Gimp
                | Dicom
                | Texture
                | Rare
                | Video
        )
    }

    /// The reason why a file of this kind cannot be read, and what to do.
    pub(crate) fn reason(self) -> String {
        format!("it is {}", self.advice())
    }

    fn advice(self) -> &'static str {
        match self {
            Heic => {
                "a HEIC photo, which cannot be read; convert it, for example with `magick mogrify \
                 -format jpg *.HEIC` or `heif-convert`"
            }
            Avif => {
                "an AVIF image, which cannot be read; convert it, for example with `magick mogrify \
                 -format png *.avif` or `avifdec`"
            }
            Raw => {
                "a camera's raw photo, which cannot be read; develop it to JPEG or TIFF, for \
                 example with darktable or `magick mogrify -format jpg`"
            }
            JpegXl => "a JPEG XL image, which cannot be read; convert it, for example with `djxl`",
            Jpeg2000 => {
                "a JPEG 2000 image, which cannot be read; convert it, for example with `magick \
                 mogrify -format png *.jp2`"
            }
            Photoshop => "a Photoshop document, which cannot be read; export it as PNG or JPEG",
            Gimp => "a GIMP document, which cannot be read; export it as PNG or JPEG",
            Svg => {
                "an SVG drawing, which has no pixels; render it as PNG, for example with \
                 `rsvg-convert`"
            }
            Pdf => {
                "a PDF document, which cannot be read; render its pages, for example with \
                 `pdftoppm -png`"
            }
            PostScript => {
                "a PostScript drawing, which has no pixels; render it as PNG, for example with \
                 `magick`"
            }
            DjVu => "a DjVu document, which cannot be read; convert it, for example with `ddjvu`",
            Video => {
                "a video, which cannot be read; extract frames, for example with `ffmpeg -i VIDEO \
                 frame-%04d.png`, or move it away"
            }
            Dicom => {
                "a DICOM image, which cannot be read; convert it, for example with `dcm2img` or \
                 `magick`"
            }
            Texture => {
                "a texture (DDS or KTX), which cannot be read; convert it, for example with `magick \
                 mogrify -format png *.dds`"
            }
            Rare => {
                "an image in an unsupported format (such as PCX, SGI, XPM, JPEG XR or FITS), \
                 which cannot be read; convert it, for example with `magick mogrify -format png`"
            }
            LfsPointer => {
                "a Git LFS pointer, not the image itself; download it with `git lfs pull`"
            }
            Html => "an HTML page, probably from a failed download; download the image again",
            Xml => "an XML document, probably from a failed download; download the image again",
            Json => "JSON text, probably from a failed download; download the image again",
            Numpy => "a NumPy array; save it as an image, for example with `PIL.Image.fromarray`",
            Archive => "an archive; unpack it",
            Program => "a program, not an image; remove it",
            Text => "text, not an image; remove it, or download the image again",
            Zeros => "only zero bytes, probably from an interrupted copy; copy it again",
        }
    }
}

/// Whether a TIFF is a camera's raw photo, by its name or by tags that only raw photos have. A decoder would
/// read only its small preview.
pub(crate) fn is_raw_in_tiff(bytes: &[u8], path: &Path) -> bool {
    Foreign::from_name(path) == Some(Raw)
        || bytes.get(8..10) == Some(b"CR")
        || has_tag(bytes, DNG_VERSION)
}

const DNG_VERSION: u16 = 50_706;

/// Whether the first directory of a TIFF has a tag.
fn has_tag(bytes: &[u8], tag: u16) -> bool {
    let little = bytes.starts_with(b"II");
    let number = |at: usize, length: usize| -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(length)?)?.iter();
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(match little {
            true => bytes.rev().fold(0, add),
            false => bytes.fold(0, add),
        })
    };
    let find = || -> Option<bool> {
        let directory = usize::try_from(number(4, 4)?).ok()?;
        let entries = number(directory, 2)? as usize;
        for entry in 0..entries {
            if number(directory.checked_add(2 + entry * 12)?, 2)? == u64::from(tag) {
                return Some(true);
            }
        }
        Some(false)
    };
    find().unwrap_or(false)
}

fn binary(head: &[u8]) -> Option<Foreign> {
    const STARTS: [(&[u8], Foreign); 54] = [
        (b"\xff\x0a", JpegXl),
        (b"\0\0\0\x0cJXL \r\n\x87\n", JpegXl),
        (b"\0\0\0\x0cjP  \r\n\x87\n", Jpeg2000),
        (b"\xff\x4f\xff\x51", Jpeg2000),
        (b"8BPS", Photoshop),
        (b"gimp xcf", Gimp),
        (b"%PDF-", Pdf),
        (b"%!PS", PostScript),
        (b"\xc5\xd0\xd3\xc6", PostScript),
        (b"AT&TFORM", DjVu),
        (b"FUJIFILMCCD-RAW", Raw),
        (b"IIRO", Raw),
        (b"IIRS", Raw),
        (b"MMOR", Raw),
        (b"IIU\0", Raw),
        (b"\0MRM", Raw),
        (b"FOVb", Raw),
        (b"\x1a\x45\xdf\xa3", Video),
        (b"FLV\x01", Video),
        (b"\0\0\x01\xba", Video),
        (b"\0\0\x01\xb3", Video),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Video),
        (b"OggS", Video),
        (b"\x93NUMPY", Numpy),
        (b"PK\x03\x04", Archive),
        (b"PK\x05\x06", Archive),
        (b"II\xbc", Rare),
        (b"\x01\xda", Rare),
        (b"\x59\xa6\x6a\x95", Rare),
        (b"/* XPM", Rare),
        (b"SIMPLE  =", Rare),
        (b"\xd7\xcd\xc6\x9a", Rare),
        (b"\x8aMNG\r\n", Rare),
        (b"icns", Rare),
        (b"DDS ", Texture),
        (b"\xabKTX 11\xbb", Texture),
        (b"\xabKTX 20\xbb", Texture),
        (b"\x1f\x8b", Archive),
        (b"\x1f\x9d", Archive),
        (b"LZIP", Archive),
        (b"\x5d\0\0", Archive),
        (b"\x04\x22\x4d\x18", Archive),
        (b"MSCF", Archive),
        (b"BZh", Archive),
        (b"\xfd7zXZ\0", Archive),
        (b"\x28\xb5\x2f\xfd", Archive),
        (b"7z\xbc\xaf\x27\x1c", Archive),
        (b"Rar!\x1a\x07", Archive),
        (b"\x7fELF", Program),
        (b"MZ", Program),
        (b"\xca\xfe\xba\xbe", Program),
        (b"\xcf\xfa\xed\xfe", Program),
        (b"version https://git-lfs.github.com/spec/", LfsPointer),
        (b"version https://hawser.github.com/spec/", LfsPointer),
    ];
    if let Some((_, kind)) = STARTS.iter().find(|(start, _)| head.starts_with(start)) {
        return Some(*kind);
    }
    match (head.get(4..8), head.get(8..12)) {
        (Some(b"ftyp"), Some(brand)) => return Some(boxed(brand, head)),
        (Some(b"moov" | b"mdat" | b"wide" | b"free"), _) => return Some(Video),
        (_, Some(b"AVI ")) if head.starts_with(b"RIFF") => return Some(Video),
        _ => {}
    }
    // PCX: version, run-length encoding, bits per pixel.
    if matches!(head, [0x0a, 0 | 2..=5, 1, 1 | 2 | 4 | 8, ..]) {
        return Some(Rare);
    }
    if head.get(128..132) == Some(b"DICM") {
        return Some(Dicom);
    }
    let zeros = head.len() >= 16 && head.iter().all(|byte| *byte == 0);
    zeros.then_some(Zeros)
}

/// A file of the MP4 family, by its major and compatible brands.
fn boxed(brand: &[u8], head: &[u8]) -> Foreign {
    let length = head
        .first_chunk::<4>()
        .map_or(0, |n| u32::from_be_bytes(*n));
    let end = (length as usize).min(head.len()).max(8);
    let like = |name: &[u8; 4]| head[8..end].chunks(4).any(|brand| brand == name);
    match brand {
        b"avif" | b"avis" => Avif,
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Heic,
        b"crx " => Raw,
        b"jxl " => JpegXl,
        b"jp2 " | b"jpx " | b"jpm " => Jpeg2000,
        _ if like(b"avif") => Avif,
        _ if like(b"heic") || like(b"heix") || matches!(brand, b"mif1" | b"msf1") => Heic,
        _ => Video,
    }
}

fn text(head: &[u8]) -> Option<Foreign> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut start = head.trim_ascii_start();
    start = &start[..start.len().min(512)];
    // A character may be cut off at the end.
    let valid = match str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |c: char| !c.is_control() || c.is_ascii_whitespace();
    if valid.is_empty() || !valid.chars().all(is_text) {
        return None;
    }
    let lower = valid.to_lowercase();
    let begins = |names: &[&str]| names.iter().any(|name| lower.starts_with(name));
    Some(
        if begins(&["<svg"]) || lower.contains("<svg") && begins(&["<?xml", "<!--"]) {
            Svg
        } else if begins(&["<!doctype html", "<html", "<head", "<body"]) || lower.contains("<html")
        {
            Html
        } else if begins(&["<?xml", "<"]) {
            Xml
        } else if begins(&["{", "["]) {
            Json
        } else {
            Text
        },
    )
}

/// Whether a file's first bytes are those of a photograph or a video, whatever its name.
pub(crate) fn is_picture(head: &[u8]) -> bool {
    // Formats with signatures that hardly any other file begins with.
    let readable = matches!(
        image::guess_format(head),
        Ok(ImageFormat::Jpeg
            | ImageFormat::Png
            | ImageFormat::Gif
            | ImageFormat::WebP
            | ImageFormat::Tiff)
    );
    // Some rare formats have signatures so short that other files may begin with them.
    readable || binary(head).is_some_and(|kind| kind.is_picture() && kind != Rare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(head: impl AsRef<[u8]>) -> Option<Foreign> {
        Foreign::from_content(head.as_ref())
    }

    fn boxes(brands: &str) -> Vec<u8> {
        let (main, like) = brands.split_at(4);
        let length = (16 + like.len() as u32).to_be_bytes();
        [
            &length[..],
            b"ftyp",
            main.as_bytes(),
            &[0; 4],
            like.as_bytes(),
        ]
        .concat()
    }

    #[test]
    fn what_a_file_is_follows_from_its_first_bytes() {
        for (head, kind) in [
            (boxes("heic"), Heic),
            (boxes("mif1heic"), Heic),
            (boxes("mif1mif1avif"), Avif),
            (boxes("avifmif1"), Avif),
            (boxes("crx isom"), Raw),
            (boxes("qt  "), Video),
            (boxes("isommp42"), Video),
            (b"RIFF\x10\0\0\0AVI LIST".to_vec(), Video),
            (b"II*\0\x10\0\0\0CR\x02\0".to_vec(), Text),
            (
                b"version https://git-lfs.github.com/spec/v1\noid".to_vec(),
                LfsPointer,
            ),
            (b"\n <!DOCTYPE HTML><title>404</title>".to_vec(), Html),
            (
                b"<?xml version=\"1.0\"?><Error>AccessDenied</Error>".to_vec(),
                Xml,
            ),
            (b"<?xml version=\"1.0\"?>\n<svg>".to_vec(), Svg),
            ("{\"error\": \"über\"}".into(), Json),
            (b"404: Not Found".to_vec(), Text),
            (b"DDS \x7c\0\0\0".to_vec(), Texture),
            (b"\xabKTX 20\xbb\r\n\x1a\n".to_vec(), Texture),
            (vec![0; 64], Zeros),
        ] {
            if kind == Text && head.starts_with(b"II*") {
                continue; // a TIFF, which `is_raw_in_tiff` recognises
            }
            assert_eq!(of(&head), Some(kind), "{}", head.escape_ascii());
        }
        assert_eq!(of(b"\xff\xd8\xff\xe0\0\x10JFIF\0"), None);
        assert_eq!(of(b"\x01\x02\xff\xfe"), None);
    }

    #[test]
    fn a_raw_photo_inside_of_a_tiff_is_told_by_name_or_tag() {
        let mut tiff = b"II*\0\x08\0\0\0\x01\0".to_vec();
        tiff.extend(DNG_VERSION.to_le_bytes());
        tiff.extend([1, 0, 4, 0, 0, 0, 1, 4, 0, 0]);
        assert!(is_raw_in_tiff(&tiff, Path::new("a.tif")));
        tiff[10] = 0;
        assert!(!is_raw_in_tiff(&tiff, Path::new("a.tif")));
        assert!(is_raw_in_tiff(&tiff, Path::new("a.NEF")));
        assert!(is_raw_in_tiff(
            b"II*\0\x10\0\0\0CR\x02\0",
            Path::new("a.jpg")
        ));
        for length in 0..tiff.len() {
            is_raw_in_tiff(&tiff[..length], Path::new("a.tif")); // a truncated file must not cause a panic
        }
    }
}
