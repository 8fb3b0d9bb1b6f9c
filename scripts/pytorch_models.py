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


def build(name, **options):
    """A network by the deck's model.name: resnet, resnet_cifar or unet."""
    return {"resnet": ResNet, "resnet_cifar": ResNetCifar, "unet": UNet}[name](**options)


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
