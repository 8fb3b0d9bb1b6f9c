"""Faults planted into the reference: the comparison must report them, or it could not report those of the program."""
from random_networks import networks


class Fault:
    """`applies(deck)`: whether the deck has a place for it."""

    def change_network(self, network):
        pass

    def weight_of(self, part, parts):
        return 1.0


class WrongPad(Fault):
    """The first padded window lies one pixel off."""

    @staticmethod
    def applies(deck):
        return WrongPad.place(deck) is not None

    @staticmethod
    def place(deck):
        axes = len(deck["image"]["size"])
        for number, layer in enumerate(deck["model"].get("layers", [])):
            kind, attributes = networks.kind_of(layer)
            if kind not in networks.WINDOWED or (kind == "transposed_conv" and attributes.get("padding") == "same"):
                continue
            sides = networks.pads(attributes, axes, "same" if kind == "conv" else "valid")
            for axis in range(3 - axes, 3):
                if sides[axis][0] > 0 and triple_of(attributes, axes)[axis] > 1:
                    return number, axis
        return None

    def change_network(self, network):
        number, axis = WrongPad.place(network.deck)
        kind, attributes, name = network.layers[number]
        sides = [list(side) for side in networks.pads(attributes, network.axes, "same" if kind == "conv" else "valid")]
        sides[axis] = [sides[axis][0] - 1, sides[axis][1] + 1]
        network.layers[number] = (kind, dict(attributes, padding=sides[3 - network.axes:]), name)


def triple_of(attributes, axes):
    return networks.triple(attributes["kernel"], axes)


class DroppedGradient(Fault):
    """The gradient of the last convolution's or linear layer's input loses a row of pixels, if parameters are behind it."""

    @staticmethod
    def applies(deck):
        return DroppedGradient.place(deck) is not None

    @staticmethod
    def place(deck):
        kinds = [networks.kind_of(layer)[0] for layer in deck["model"].get("layers", [])]
        places = [number for number, kind in enumerate(kinds) if kind in ("conv", "transposed_conv", "linear")]
        return places[-1] if len(places) > 1 else None

    def change_network(self, network):
        network.gradient_dropped_at = DroppedGradient.place(network.deck)


class WrongWeight(Fault):
    """The last micro-batch has a tenth more weight in the gradient."""

    @staticmethod
    def applies(deck):
        return deck["train"].get("micro_batches", 1) > 1

    def weight_of(self, part, parts):
        return 1.1 if part == parts - 1 else 1.0


KINDS = {"pad": WrongPad, "gradient": DroppedGradient, "weight": WrongWeight}
