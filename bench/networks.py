"""The networks of README.md in PyTorch: those that are described there, and those of timm and torchvision."""

from torch import nn

# The beginnings of the names of modules that do not enlarge a receptive field.
SAME_FIELD = ("BatchNorm", "Dropout", "GELU", "Hardswish", "Identity", "ReLU", "SiLU")


def conv(inputs, filters, norm=False):
    layers = [nn.Conv2d(inputs, filters, 3, padding="same", bias=not norm)]
    if norm:
        layers.append(nn.BatchNorm2d(filters))
    return [*layers, nn.ReLU()]


def fashion():
    return nn.Sequential(
        *conv(1, 32),
        nn.MaxPool2d(2),
        *conv(32, 64),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 49, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def vgg():
    layers, inputs = [], 3
    for filters in (64, 128, 256):
        layers += conv(inputs, filters, True) + conv(filters, filters, True) + [nn.MaxPool2d(2)]
        inputs = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


def photo():
    return nn.Sequential(*conv(3, 32), nn.MaxPool2d(2))


def erf():
    return nn.Sequential(*(layer for i in range(20) for layer in conv(32 if i else 3, 32)))


# A name, what makes it, the shape of an image and the usual batch.
NETWORKS = {
    "fashion": (fashion, (1, 28, 28), 64),
    "vgg": (vgg, (3, 32, 32), 64),
    "photo": (photo, (3, 427, 640), 2),
    "erf": (erf, (3, 128, 128), 1),
}


def chosen(name, size=None):
    """The network with this name, the shape of its images, the usual batch."""
    if name in NETWORKS:
        make, shape, usual = NETWORKS[name]
        return make(), shape, usual
    return published(name, size)


def stages(network):
    """The network up to each convolution, pool or block with feature maps, as `receptive erf --layer all` has them."""
    modules = []

    def flatten(module):
        for child in module.children():
            if type(child) is nn.Sequential:
                flatten(child)
            else:
                modules.append(child)

    flatten(network)
    ends = []
    for end, module in enumerate(modules, 1):
        # The layers after the last maps are not a chain of their modules.
        if "Adaptive" in type(module).__name__ or isinstance(module, (nn.Flatten, nn.Linear)):
            break
        if not type(module).__name__.startswith(SAME_FIELD):
            ends.append(end)
    return [nn.Sequential(*modules[:end]) for end in ends]


def published(name, size=None):
    """A network of `receptive networks` with random weights, the shape of its images, the usual batch."""
    import timm
    import torchvision

    if timm.is_model(name):
        network = timm.create_model(name, pretrained=False)
        shape = network.default_cfg["input_size"]
    else:
        network, shape = torchvision.models.get_model(name, weights=None), (3, 224, 224)
    return network, (3, size, size) if size else shape, 32
