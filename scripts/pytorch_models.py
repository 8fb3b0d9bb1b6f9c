"""The networks that Aureole builds, in plain PyTorch: the same names of parameters, channels first.

`build(...)` makes a network; `to_pytorch` and `from_pytorch` change between Aureole's layout of a parameter and PyTorch's;
`load` fills a network with Aureole's parameters. Used by compare_pytorch.py, the golden values of the unit tests and the
benchmarks.
"""
import numpy
import torch
from torch import nn

RESNET_BLOCKS = {18: (False, (2, 2, 2, 2)), 34: (False, (3, 4, 6, 3)), 50: (True, (3, 4, 6, 3)),
                 101: (True, (3, 4, 23, 3)), 152: (True, (3, 8, 36, 3))}


def conv2d(channels, filters, size, stride=1, bias=False):
    return nn.Conv2d(channels, filters, size, stride, (size - 1) // 2, bias=bias)


class BasicBlock(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv2d(channels, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv2d(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = project(channels, width, stride)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + (self.downsample(x) if self.downsample else x))


class Bottleneck(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv2d(channels, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv2d(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv2d(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.downsample = project(channels, 4 * width, stride)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + (self.downsample(x) if self.downsample else x))


def project(channels, out, stride):
    if stride == 1 and channels == out:
        return None
    return nn.Sequential(conv2d(channels, out, 1, stride), nn.BatchNorm2d(out))


class ResNet(nn.Module):
    """ResNet-18 ... 152."""

    def __init__(self, depth, classes, channels=3):
        super().__init__()
        bottleneck, blocks = RESNET_BLOCKS[depth]
        self.conv1, self.bn1 = conv2d(channels, 64, 7, 2), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        for stage, count in enumerate(blocks):
            layer, width = [], 64 << stage
            for block in range(count):
                layer.append((Bottleneck if bottleneck else BasicBlock)(channels, width, 2 if stage and not block else 1))
                channels = 4 * width if bottleneck else width
            setattr(self, "layer%d" % (stage + 1), nn.Sequential(*layer))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        y = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        return self.fc(y.mean((2, 3)))


class CifarBlock(nn.Module):
    """Version 1: where the channels grow, the shortcut is a bare 1 x 1 convolution."""

    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv2d(channels, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv2d(width, width, 3), nn.BatchNorm2d(width)
        self.shortcut = conv2d(channels, width, 1, stride) if channels != width else None

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + (self.shortcut(x) if self.shortcut else x))


class PreactivationCell(nn.Module):
    """Version 2: norm and ReLU before each convolution, two 3 x 3 and a 1 x 1 one, all with bias."""

    def __init__(self, channels, inner, outer, stride, first_of_network, first_of_stage):
        super().__init__()
        self.bn1 = None if first_of_network else nn.BatchNorm2d(channels)
        self.conv1 = conv2d(channels, inner, 3, stride, bias=True)
        self.bn2, self.conv2 = nn.BatchNorm2d(inner), conv2d(inner, inner, 3, bias=True)
        self.bn3, self.conv3 = nn.BatchNorm2d(inner), conv2d(inner, outer, 1, bias=True)
        self.shortcut = conv2d(channels, outer, 1, stride, bias=True) if first_of_stage else None

    def forward(self, x):
        y = torch.relu(self.bn1(x)) if self.bn1 else x
        y = self.conv2(torch.relu(self.bn2(self.conv1(y))))
        y = self.conv3(torch.relu(self.bn3(y)))
        return y + (self.shortcut(x) if self.shortcut else x)


class ResNetCifar(nn.Module):
    """The CIFAR family: version 1, depth 6n + 2; version 2, depth 9n + 2. `size` (h, w) fixes version 2's head."""

    def __init__(self, depth, classes, channels=3, version=1, width=16, size=(32, 32)):
        super().__init__()
        self.version = version
        blocks = (depth - 2) // (6 if version == 1 else 9)
        self.conv1, self.bn1 = conv2d(channels, width, 3, bias=version == 2), nn.BatchNorm2d(width)
        channels, inner, outer = width, width, 4 * width
        for stage in range(3):
            layer = []
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                if version == 1:
                    layer.append(CifarBlock(channels, width << stage, stride))
                    channels = width << stage
                else:
                    layer.append(PreactivationCell(channels, inner, outer, stride, not stage and not block, not block))
                    channels = outer
            inner, outer = outer, 2 * outer
            setattr(self, "layer%d" % (stage + 1), nn.Sequential(*layer))
        if version == 2:
            self.bn2 = nn.BatchNorm2d(channels)
            channels *= (-(-size[0] // 4) // 8) * (-(-size[1] // 4) // 8)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.layer3(self.layer2(self.layer1(y)))
        if self.version == 1:
            return self.fc(y.mean((2, 3)))
        y = nn.functional.avg_pool2d(torch.relu(self.bn2(y)), 8)
        return self.fc(y.permute(0, 2, 3, 1).flatten(1))  # features in the order (h, w, c), as Aureole has them


class DoubleConv(nn.Module):
    def __init__(self, axes, channels, filters, norm, groups):
        super().__init__()
        conv = nn.Conv3d if axes == 3 else nn.Conv2d
        self.conv1 = conv(channels, filters, 3, padding=1, bias=norm == "none")
        self.norm1 = make_norm(axes, norm, groups, filters)
        self.conv2 = conv(filters, filters, 3, padding=1, bias=norm == "none")
        self.norm2 = make_norm(axes, norm, groups, filters)

    def forward(self, x):
        return torch.relu(self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x))))))


def make_norm(axes, norm, groups, filters):
    if norm == "batch":
        return (nn.BatchNorm3d if axes == 3 else nn.BatchNorm2d)(filters)
    if norm == "instance":
        return (nn.InstanceNorm3d if axes == 3 else nn.InstanceNorm2d)(filters, affine=True)
    return nn.GroupNorm(groups, filters) if norm == "group" else nn.Identity()


class Decoder(DoubleConv):
    """A level of the decoder; `up` is the transposed convolution, or `up.conv` the 1 x 1 one before interpolation."""

    def __init__(self, axes, filters, norm, groups, up):
        super().__init__(axes, 2 * filters, filters, norm, groups)
        self.mode = {"nearest": "nearest", "linear": "trilinear" if axes == 3 else "bilinear"}.get(up)
        if up == "transposed":
            self.up = (nn.ConvTranspose3d if axes == 3 else nn.ConvTranspose2d)(2 * filters, filters, 2, 2)
        else:
            self.up = nn.ModuleDict({"conv": (nn.Conv3d if axes == 3 else nn.Conv2d)(2 * filters, filters, 1)})

    def forward(self, x, skip):
        if self.mode is None:
            x = self.up(x)
        else:
            corners = {} if self.mode == "nearest" else {"align_corners": False}
            x = nn.functional.interpolate(self.up["conv"](x), scale_factor=2, mode=self.mode, **corners)
        return super().forward(torch.cat([x, skip], 1))


class UNet(nn.Module):
    def __init__(self, classes, channels=1, axes=2, base=32, levels=4, norm="batch", groups=8, up="transposed"):
        super().__init__()
        self.pool = nn.MaxPool3d(2) if axes == 3 else nn.MaxPool2d(2)
        widths = [base << level for level in range(levels + 1)]
        self.encoder = nn.ModuleList(DoubleConv(axes, channels if not level else widths[level - 1], widths[level], norm, groups)
                                     for level in range(levels))
        self.bottleneck = DoubleConv(axes, widths[levels - 1], widths[levels], norm, groups)
        self.decoder = nn.ModuleList(Decoder(axes, widths[level], norm, groups, up) for level in range(levels))
        self.head = (nn.Conv3d if axes == 3 else nn.Conv2d)(base, classes, 1)

    def forward(self, x):
        skips = []
        for level in self.encoder:
            skips.append(level(x))
            x = self.pool(skips[-1])
        x = self.bottleneck(x)
        for level in reversed(range(len(skips))):
            x = self.decoder[level](x, skips[level])
        return self.head(x)


class ReluConvNorm(nn.Module):
    def __init__(self, channels, filters, size=1, stride=1):
        super().__init__()
        self.conv, self.bn = conv2d(channels, filters, size, stride), nn.BatchNorm2d(filters)

    def forward(self, x):
        return self.bn(self.conv(torch.relu(x)))


class FactorizedReduction(nn.Module):
    """Two 1 x 1 convolutions of stride 2, the second over the image moved by one pixel, with zeros from beyond its border."""

    def __init__(self, channels, filters):
        super().__init__()
        self.conv1, self.conv2 = conv2d(channels, filters // 2, 1, 2), conv2d(channels, filters // 2, 1, 2)
        self.bn = nn.BatchNorm2d(filters)

    def forward(self, x):
        x = torch.relu(x)
        moved = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.bn(torch.cat([self.conv1(x), self.conv2(moved)], 1))


class NarrowConvs(nn.Module):
    """Convolutions with a quarter of the channels between two 1 x 1 ones; each after ReLU and before batch norm."""

    def __init__(self, channels, kernels, strides):
        super().__init__()
        narrow = channels // 4
        kernels, strides = [(1, 1), *kernels, (1, 1)], [(1, 1), *strides, (1, 1)]
        widths = [channels] + [narrow] * (len(kernels) - 1) + [channels]
        self.count = len(kernels)
        for i, (kernel, stride) in enumerate(zip(kernels, strides)):
            padding = tuple((size - 1) // 2 for size in kernel)
            setattr(self, "conv%d" % (i + 1), nn.Conv2d(widths[i], widths[i + 1], kernel, stride, padding, bias=False))
            setattr(self, "bn%d" % (i + 1), nn.BatchNorm2d(widths[i + 1]))

    def forward(self, x):
        for i in range(1, self.count + 1):
            x = getattr(self, "bn%d" % i)(getattr(self, "conv%d" % i)(torch.relu(x)))
        return x


AMOEBANET_OPERATIONS = {
    "id": lambda c, stride: nn.Identity(),
    "max2": lambda c, stride: nn.MaxPool2d(2, stride, ceil_mode=True),
    "max3": lambda c, stride: nn.MaxPool2d(3, stride, padding=1),
    "avg3": lambda c, stride: nn.AvgPool2d(3, stride, padding=1, count_include_pad=False),
    "1x1": lambda c, stride: ReluConvNorm(c, c, 1, stride),
    "3x3": lambda c, stride: NarrowConvs(c, [(3, 3)], [(stride, stride)]),
    "7x7": lambda c, stride: NarrowConvs(c, [(1, 7), (7, 1)], [(1, stride), (stride, 1)]),
}
# pairs of (state, operation) that add up to states 2, 3 ...; states that are joined
AMOEBANET_NORMAL = ([((1, "1x1"), (1, "max3")), ((1, "id"), (0, "7x7")), ((0, "1x1"), (0, "7x7")), ((2, "max3"), (2, "id")),
                     ((1, "avg3"), (5, "1x1"))], [0, 3, 4, 6])
AMOEBANET_REDUCTION = ([((0, "max2"), (0, "max3")), ((2, "id"), (1, "3x3")), ((2, "7x7"), (2, "max3")),
                        ((3, "id"), (1, "max2")), ((2, "avg3"), (3, "1x1"))], [4, 5, 6])


class AmoebaNetCell(nn.Module):
    def __init__(self, plan, before, previous, channels, after_reduction):
        """before, previous: channels of the results of the last cell but one and of the last."""
        super().__init__()
        self.pairs, self.joined = plan
        self.reduce1 = ReluConvNorm(previous, channels)
        self.reduce2 = (FactorizedReduction if after_reduction else ReluConvNorm)(before, channels)
        for i, (state, operation) in enumerate(pair for both in self.pairs for pair in both):
            stride = 2 if plan is AMOEBANET_REDUCTION and state < 2 else 1
            setattr(self, "op%d" % i, AMOEBANET_OPERATIONS[operation](channels, stride))

    def forward(self, before, previous):
        states = [self.reduce1(previous), self.reduce2(before)]
        for i, (a, b) in enumerate(self.pairs):
            states.append(getattr(self, "op%d" % (2 * i))(states[a[0]]) + getattr(self, "op%d" % (2 * i + 1))(states[b[0]]))
        return torch.cat([states[i] for i in self.joined], 1)


class AmoebaNet(nn.Module):
    """AmoebaNet-D: `cells` normal cells, a multiple of 3; the stem has filters / 4 channels."""

    def __init__(self, cells, filters, classes, channels=3):
        super().__init__()
        width = filters // 4
        self.stem1 = ReluConvNorm(channels, width, 3, 2)
        state = dict(before=width, previous=width, width=width, reduced=False)

        def cell(plan):
            reduction = plan is AMOEBANET_REDUCTION
            state["width"] *= 2 if reduction else 1
            made = AmoebaNetCell(plan, state["before"], state["previous"], state["width"], state["reduced"])
            state.update(before=state["previous"], previous=state["width"] * len(plan[1]), reduced=reduction)
            return made

        self.stem2, self.stem3 = cell(AMOEBANET_REDUCTION), cell(AMOEBANET_REDUCTION)
        for section in range(1, 6):
            made = (cell(AMOEBANET_REDUCTION) if section % 2 == 0 else
                    nn.ModuleList(cell(AMOEBANET_NORMAL) for _ in range(cells // 3)))
            setattr(self, "cell%d" % section, made)
        self.fc = nn.Linear(state["previous"], classes)

    def forward(self, x):
        before = previous = self.stem1(x)
        cells = [self.stem2, self.stem3, *self.cell1, self.cell2, *self.cell3, self.cell4, *self.cell5]
        for cell in cells:
            before, previous = previous, cell(before, previous)
        return self.fc(previous.mean((2, 3)))


def build(name, **options):
    """A network by the deck's model.name: resnet, resnet_cifar, amoebanet or unet."""
    return {"resnet": ResNet, "resnet_cifar": ResNetCifar, "amoebanet": AmoebaNet, "unet": UNet}[name](**options)


def to_pytorch(array, like):
    """Aureole's (t, r, s, c, k) or (1, 1, 1, c, k) weights, or (1, 1, 1, 1, c) vectors, in the shape of `like`."""
    array = numpy.asarray(array)
    if len(like.shape) >= 2:  # (k, c, t, r, s); (k, c) of linear layers; transposed convolutions have (c, k, t, r, s)
        array = array.transpose(4, 3, 0, 1, 2)
    return numpy.ascontiguousarray(array).reshape(tuple(like.shape))


def from_pytorch(array):
    """The inverse of to_pytorch: always five axes."""
    array = numpy.asarray(array)
    if array.ndim < 2:
        return array.reshape(1, 1, 1, 1, -1)
    array = array.reshape(array.shape[:2] + (1,) * (5 - array.ndim) + array.shape[2:])
    return numpy.ascontiguousarray(array.transpose(2, 3, 4, 1, 0))


def images_to_pytorch(array, axes=2):
    """(n, d, h, w, c) to (n, c, h, w) or (n, c, d, h, w)."""
    array = numpy.asarray(array).transpose(0, 4, 1, 2, 3)
    return numpy.ascontiguousarray(array[:, :, 0] if axes == 2 else array)


def images_from_pytorch(array):
    """(n, c), (n, c, h, w) or (n, c, d, h, w) to (n, d, h, w, c)."""
    array = numpy.asarray(array)
    array = array.reshape(array.shape[:2] + (1,) * (5 - array.ndim) + array.shape[2:])
    return numpy.ascontiguousarray(array.transpose(0, 2, 3, 4, 1))


def load(network, parameter):
    """Fills every parameter of the network; `parameter(name)` gives Aureole's array of that name."""
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            tensor.copy_(torch.from_numpy(to_pytorch(parameter(name), tensor)))
