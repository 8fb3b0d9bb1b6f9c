"""Departures that rounding explains, each class with a bound that is measured on the network in question."""
import numpy
import torch
from torch.overrides import TorchFunctionMode

from random_networks import reference, results

ROUNDED = {"conv2d", "conv3d", "conv_transpose2d", "conv_transpose3d", "batch_norm", "instance_norm", "group_norm", "layer_norm", "linear",
           "avg_pool2d", "avg_pool3d", "interpolate", "gelu", "sigmoid", "softmax", "mean", "add"}
DRAWS = 4
MORE = 16     # times the largest change of so few draws
TIE = 16      # units in the last place, of the largest value: what is as near is decided by rounding
MOVED = {"f64": 1e-3, "f32": 1e-3, "bf16": 0.3}  # relative, of images: a tie is not met again
SATURATED = 1e-6  # norm of the whole gradient

DECIDED = "a sign or a maximum that rounding decides"


class Explanation:
    """class, bound and what was measured: the share of the bound that is used."""

    def __init__(self, name, bound, share, detail):
        self.name, self.bound, self.share, self.detail = name, bound, share, detail


class Noise:
    """Moves arrays and results of PyTorch's operators up or down by about a unit in the last place."""

    def __init__(self, unit, seed):
        self.unit, self.rng = unit, numpy.random.default_rng(seed)

    def __call__(self, values):
        return values * (1 + self.unit * self.rng.integers(-1, 2, values.shape))

    def of_gradient(self, gradient, largest):
        """A softmax minus 1 is exact to a unit of 1, however small it is."""
        return gradient + self.unit * largest * torch.tensor(self.rng.integers(-1, 2, tuple(gradient.shape)))


class NoisyOperators(TorchFunctionMode):
    """Moves results of operators, and the gradients that come back to them."""

    def __init__(self, noise):
        super().__init__()
        self.noise = noise

    def __torch_function__(self, function, types, arguments=(), options=None):
        y = function(*arguments, **(options or {}))
        if getattr(function, "__name__", "") in ROUNDED and isinstance(y, torch.Tensor) and y.is_floating_point():
            y = self.moved(y)
            if y.requires_grad:
                y.register_hook(self.moved)
        return y

    def moved(self, tensor):
        return tensor * torch.tensor(1 + self.noise.unit * self.noise.rng.integers(-1, 2, tuple(tensor.shape)))


class TieWatch(TorchFunctionMode):
    """How near, relative to the largest value, a ReLU's argument came to 0, or the second of a window to its maximum."""

    def __init__(self):
        super().__init__()
        self.nearest = float("inf")

    def __torch_function__(self, function, types, arguments=(), options=None):
        name = getattr(function, "__name__", "")
        with torch.no_grad():
            if name in ("relu", "leaky_relu", "relu_"):
                self.note(arguments[0].abs(), arguments[0].abs().max())
            elif name in ("max_pool2d", "max_pool3d"):
                by_name = {key: value for key, value in (options or {}).items() if key in ("stride", "padding")}
                self.windows(*arguments[:4], **by_name)
            elif name == "max" and len(arguments) == 2:
                self.gaps(arguments[0])
        return function(*arguments, **(options or {}))

    def note(self, distances, largest):
        distances = distances[distances > 0]
        if distances.numel() and largest > 0:
            self.nearest = min(self.nearest, float(distances.min() / largest))

    def gaps(self, values):
        """Of the two largest along the last axis."""
        if values.shape[-1] < 2:
            return
        first, second = values.topk(2).values.unbind(-1)
        finite = values[values.isfinite()].abs().max()
        self.note((first - second)[(first != 0) & second.isfinite()], finite)

    def windows(self, x, size, stride=None, padding=0):
        axes = x.ndim - 2
        size, stride, padding = (value if isinstance(value, (tuple, list)) else (value,) * axes for value in (size, stride or size, padding))
        sides = [side for pad in reversed(padding) for side in (pad, pad)]
        x = torch.nn.functional.pad(x, sides, value=-float("inf"))
        for axis in range(axes):
            x = x.unfold(2 + axis, size[axis], stride[axis])
        self.gaps(x.flatten(2 + axes))


def spreads(deck, folder, parameters, want, precision, fault):
    """{key: largest relative change of the reference under noise}."""
    found = {}
    for seed in range(DRAWS):
        noise = Noise(results.UNIT[precision], seed)
        with NoisyOperators(noise):
            noisy = reference.train(deck, folder, parameters, fault, noise)
        for key, value in results.differences(noisy, want).items():
            found[key] = max(found.get(key, 0.0), value)
    return found if precision == "f64" else of_kinds(found)


def of_kinds(spread):
    """The largest of a kind: sums that cancel are rounded in f32, whose terms PyTorch's f64 does not show."""
    largest = {}
    for key, value in spread.items():
        largest[results.family(key)] = max(largest.get(results.family(key), 0.0), value)
    return {key: largest[results.family(key)] for key in spread}


def gradient_norm(want, name=""):
    """Of the dumped step: of one parameter, or of all."""
    prefix = "dump/gradients/" + name
    return sum(results.norm(array) ** 2 for key, array in want.items() if key == prefix or (not name and key.startswith(prefix))) ** 0.5


def gradient_is_rounding(key, want, precision):
    """Whether an updated parameter, or its slot, is one whose gradient is nothing beside the whole (a bias before a norm)."""
    if not key.startswith(("end/", "dump/parameters/")):
        return False
    name = key.split("/", 3 if "/optimizer/" in key else 2)[-1]
    return gradient_norm(want, name) <= 1e4 * results.UNIT[precision] * gradient_norm(want)


def class_of(departures, deck, want, precision):
    adam = deck["train"]["optimizer"].get("name") == "adamw"
    if adam and all(gradient_is_rounding(key, want, precision) for key in departures):
        return "AdamW's step along a gradient that is rounding"
    if max(departures.values()) > 1e6 * results.TOLERANCE[precision]:
        return DECIDED
    if gradient_norm(want) < SATURATED:
        return "a saturated loss, whose gradient is a difference of equal numbers"
    return "rounding magnified by the network"


def by_noise(departures, deck, folder, parameters, want, precision, fault):
    """Every departure is at most MORE times what rounding makes of the same value in PyTorch."""
    spread = spreads(deck, folder, parameters, want, precision, fault)
    share = max(value / max(MORE * spread.get(key, 0.0), 1e-300) for key, value in departures.items())
    if not share <= 1:
        return None
    worst = max(departures.items(), key=lambda item: item[1])
    name = class_of(departures, deck, want, precision)
    return Explanation(name, "%d x the change under noise of 1 ulp" % MORE, share, "%s %.1e" % worst)


def nearest_tie(deck, folder, parameters, fault):
    watch = TieWatch()
    with watch:
        reference.train(deck, folder, parameters, fault)
    return watch.nearest


def by_tie(deck, folder, parameters, precision, fault, run_moved):
    """A ReLU or a maximum within rounding of turning, and no departure with moved images; `run_moved()` gives those."""
    nearest, bound = nearest_tie(deck, folder, parameters, fault), TIE * results.UNIT[precision]
    if nearest > bound or run_moved():
        return None
    return Explanation("a ReLU or a maximum turned by rounding", "distance %.0e of the largest value, and none with moved images" % bound,
                       nearest / bound, "distance %.1e" % nearest)


def by_margin(deck, folder, parameters, precision, fault):
    """For metrics: a prediction within rounding of another one."""
    run = reference.Reference(deck, folder, parameters, fault)
    run.run()
    bound = TIE * results.UNIT[precision]
    if run.margin > bound:
        return None
    return Explanation(DECIDED, "metrics: two logits within %.0e" % bound, run.margin / bound, "margin %.1e" % run.margin)


def explain(departures, situation, want, precision, fault, run_moved):
    """An Explanation that holds for all of `departures`, or None. `situation`: deck, folder, parameters."""
    metrics = by_margin(*situation, precision, fault) if any(key.startswith("metrics/") for key in departures) else None
    values = {key: value for key, value in departures.items() if not key.startswith("metrics/")}
    if len(values) < len(departures) and metrics is None:
        return None
    if not values:
        return metrics
    return by_noise(values, *situation, want, precision, fault) or by_tie(*situation, precision, fault, run_moved)
