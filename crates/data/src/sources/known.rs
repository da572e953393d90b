//! The data sets known by name: their files, URLs, checksums and classes.

use crate::download::RemoteFile;
use crate::sources::cifar::CifarKind;

/// The format of a known data set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    Idx { classes: &'static [&'static str] },
    Cifar(CifarKind),
}

/// A data set known by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownDataSet {
    pub(crate) name: &'static str,
    /// The address of the files' folder, with a slash at the end.
    pub(crate) url: &'static str,
    pub(crate) files: &'static [RemoteFile],
    pub(crate) format: Format,
    /// Numbers of training and test images; a copy with fewer is not the data set.
    pub(crate) images: (usize, usize),
}

/// The name of the built-in data set.
pub(crate) const MINI: &str = "fashion-mini";

pub(crate) const FASHION: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const fn remote(file: &'static str, size: u64, sha256: &'static str) -> RemoteFile {
    RemoteFile { file, size, sha256 }
}

pub(crate) const KNOWN: [KnownDataSet; 4] = [
    KnownDataSet {
        name: "fashion-mnist",
        // The publisher's server does not support TLS; the checksums below ensure the files' integrity.
        url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        files: &[
            remote(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            remote(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            remote(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            remote(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ],
        format: Format::Idx { classes: &FASHION },
        images: (60_000, 10_000),
    },
    KnownDataSet {
        name: "mnist",
        url: "https://ossci-datasets.s3.amazonaws.com/mnist/",
        files: &[
            remote(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            remote(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            remote(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            remote(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ],
        format: Format::Idx { classes: &DIGITS },
        images: (60_000, 10_000),
    },
    KnownDataSet {
        name: "cifar10",
        url: "https://www.cs.toronto.edu/~kriz/",
        files: &[remote(
            "cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        )],
        format: Format::Cifar(CifarKind::Cifar10),
        images: (50_000, 10_000),
    },
    KnownDataSet {
        name: "cifar100",
        url: "https://www.cs.toronto.edu/~kriz/",
        files: &[remote(
            "cifar-100-binary.tar.gz",
            168_513_733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        )],
        format: Format::Cifar(CifarKind::Cifar100),
        images: (50_000, 10_000),
    },
];

/// The names that [`open`](crate::open) knows, beginning with the built-in default.
pub const KNOWN_NAMES: [&str; 5] = [MINI, "fashion-mnist", "mnist", "cifar10", "cifar100"];
