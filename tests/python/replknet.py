"""RepLKNet-31B as its authors' code names its layers (Ding et al. 2022): neither timm nor torchvision has
it. `structural_reparam` is not called: the small kernels stand beside the large ones, as in training."""

from torch import nn

WIDTHS, BLOCKS, KERNELS = [128, 256, 512, 1024], [2, 2, 18, 2], [31, 29, 27, 13]


def conv_bn(inputs, filters, kernel, stride=1, groups=1, relu=False):
    layers = nn.Sequential()
    conv = nn.Conv2d(inputs, filters, kernel, stride, kernel // 2, groups=groups, bias=False)
    layers.add_module("conv", conv)
    layers.add_module("bn", nn.BatchNorm2d(filters))
    if relu:
        layers.add_module("nonlinear", nn.ReLU())
    return layers


class LargeKernel(nn.Module):
    def __init__(self, width, kernel):
        super().__init__()
        self.lkb_origin = conv_bn(width, width, kernel, groups=width)
        self.small_conv = conv_bn(width, width, 5, groups=width)

    def forward(self, x):
        return self.lkb_origin(x) + self.small_conv(x)


class LargeBlock(nn.Module):
    def __init__(self, width, kernel):
        super().__init__()
        self.prelkb_bn = nn.BatchNorm2d(width)
        self.pw1 = conv_bn(width, width, 1, relu=True)
        self.large_kernel = LargeKernel(width, kernel)
        self.pw2 = conv_bn(width, width, 1)

    def forward(self, x):
        return x + self.pw2(self.large_kernel(self.pw1(self.prelkb_bn(x))).relu())


class DenseBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.preffn_bn = nn.BatchNorm2d(width)
        self.pw1 = conv_bn(width, 4 * width, 1)
        self.pw2 = conv_bn(4 * width, width, 1)

    def forward(self, x):
        return x + self.pw2(nn.functional.gelu(self.pw1(self.preffn_bn(x))))


class Stage(nn.Module):
    def __init__(self, width, blocks, kernel):
        super().__init__()
        pairs = [(LargeBlock(width, kernel), DenseBlock(width)) for _ in range(blocks)]
        self.blocks = nn.Sequential(*[block for pair in pairs for block in pair])

    def forward(self, x):
        return self.blocks(x)


class RepLKNet31B(nn.Module):
    def __init__(self, classes=1000):
        super().__init__()
        first = WIDTHS[0]
        self.stem = nn.Sequential(
            conv_bn(3, first, 3, 2, relu=True),
            conv_bn(first, first, 3, groups=first, relu=True),
            conv_bn(first, first, 1, relu=True),
            conv_bn(first, first, 3, 2, first, relu=True),
        )
        stages = zip(WIDTHS, BLOCKS, KERNELS, strict=True)
        self.stages = nn.ModuleList([Stage(*stage) for stage in stages])
        self.transitions = nn.ModuleList(
            [
                nn.Sequential(
                    conv_bn(before, after, 1, relu=True),
                    conv_bn(after, after, 3, 2, after, relu=True),
                )
                for before, after in zip(WIDTHS, WIDTHS[1:])
            ]
        )
        self.norm = nn.BatchNorm2d(WIDTHS[-1])
        self.head = nn.Linear(WIDTHS[-1], classes)

    def forward(self, x):
        x = self.stem(x)
        for place, stage in enumerate(self.stages):
            x = stage(x)
            if place < len(self.transitions):
                x = self.transitions[place](x)
        return self.head(self.norm(x).mean((2, 3)))
