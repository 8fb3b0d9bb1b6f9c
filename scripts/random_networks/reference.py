"""A training run in PyTorch in f64, written from a deck: what the program's dump, log and checkpoint should hold.

`train` returns {key: array} with the keys of results.py, arrays in the program's layout.
"""
import math

import numpy
import torch
from torch.nn import functional

import pytorch_models
from random_networks import networks
from random_networks.data import Data, as_list


def named(value):
    """A section whose bare value is short for its key `name`."""
    return value if isinstance(value, dict) else {"name": value}


class Losses:
    """The deck's losses of one batch, whose labels say by how much the sums of its micro-batches are divided."""

    def __init__(self, deck, labels, classes):
        self.losses = [named(loss) for loss in as_list(deck["train"].get("loss", "softmax_cross_entropy"))]
        ignored = [loss["ignore_index"] for loss in self.losses if "ignore_index" in loss]
        self.ignored = deck["data"].get("ignore_label", ignored[0] if ignored else None)
        self.classes = classes
        counted = self.counted(torch.tensor(labels))
        self.labels, self.samples = int(counted.sum()), int(counted.flatten(1).any(1).sum())

    def counted(self, labels):
        return torch.ones(labels.shape, dtype=torch.bool) if self.ignored is None else labels != self.ignored

    def largest_gradient(self):
        """Of a logit, about."""
        return sum(loss.get("weight", 1.0) for loss in self.losses) / (max(self.labels, 1) * self.classes)

    def of(self, logits, labels):
        """Share of a micro-batch in the batch's loss. logits (n, d, h, w, c), labels (n, d, h, w, 1 or c)."""
        counted = self.counted(labels)
        return sum(loss.get("weight", 1.0) * getattr(self, loss.get("name", "softmax_cross_entropy"))(loss, logits, labels, counted)
                   for loss in self.losses)

    def softmax_cross_entropy(self, loss, logits, labels, counted):
        target = torch.where(counted, labels, torch.zeros_like(labels)).reshape(-1).long()
        terms = functional.cross_entropy(logits.reshape(-1, self.classes), target, reduction="none",
                                         label_smoothing=loss.get("label_smoothing", 0.0))
        return (terms * counted.reshape(-1)).sum() / max(self.labels, 1)

    def bce_with_logits(self, loss, logits, labels, counted):
        weight = torch.tensor(loss.get("positive_weight", 1.0), dtype=torch.float64)
        target = torch.where(counted, labels, torch.zeros_like(labels)).double()
        terms = functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight, reduction="none")
        return (terms * counted).sum() / max(self.labels, 1)

    def dice(self, loss, logits, labels, counted):
        smooth = loss.get("smooth", 1.0)
        if self.classes == 1:
            p, t = torch.sigmoid(logits), labels.double()
        else:
            p = torch.softmax(logits, -1)
            t = (labels == torch.arange(self.classes)).double()
        p, t = p * counted, t * counted
        both, total = ((value).flatten(1, 3).sum(1) for value in (p * t, p + t))
        occurs = (t.flatten(1, 3).sum(1) > 0) | (self.classes == 1)
        some = occurs & (total + smooth > 0)
        terms = torch.where(some, 1 - (2 * both + smooth) / torch.where(some, total + smooth, torch.ones_like(total)),
                            torch.zeros_like(total))
        return (terms.sum(1) / occurs.sum(1).clamp(min=1)).sum() / max(self.samples, 1)


def learning_rate(train, step):
    """Of update number `step`, from 0."""
    schedule = named(train.get("schedule", "constant"))
    lr, steps, warmup = train["optimizer"]["lr"], train["steps"], schedule.get("warmup_steps", 0)
    if step < warmup:
        return lr * (step + 1) / warmup
    name, final = schedule.get("name", "constant"), schedule.get("final_lr", 0.0)
    t = min(1.0, (step - warmup) / max(1, steps - 1 - warmup))
    if name == "cosine":
        return final + (lr - final) * 0.5 * (1 + math.cos(math.pi * t))
    if name == "polynomial":
        return final + (lr - final) * (1 - t) ** schedule.get("power", 1.0)
    if name == "step":
        passed = sum(step >= (milestone * steps if milestone < 1 else milestone) for milestone in schedule["milestones"])
        return lr * schedule.get("gamma", 0.1) ** passed
    return lr


def make_optimizer(train, network):
    """torch.optim's, with weight decay for the parameters that have it."""
    options = train["optimizer"]
    decay, everywhere = options.get("weight_decay", 0.0), options.get("decay_norm_and_bias", False)
    decayed = set(network.parameters) if everywhere else network.decayed()
    groups = [{"params": [p for name, p in network.parameters.items() if (name in decayed) == has], "weight_decay": decay if has else 0.0}
              for has in (True, False)]
    groups = [group for group in groups if group["params"]]
    if options.get("name", "sgd") == "adamw":
        return torch.optim.AdamW(groups, lr=1.0, betas=(options.get("beta1", 0.9), options.get("beta2", 0.999)), eps=options.get("epsilon", 1e-8))
    return torch.optim.SGD(groups, lr=1.0, momentum=options.get("momentum", 0.0), nesterov=options.get("nesterov", False))


def clip(train, network):
    """First by the joint norm, then by value."""
    gradients = [parameter.grad for parameter in network.parameters.values() if parameter.grad is not None]
    if "clip_norm" in train:
        norm = math.sqrt(sum(float((gradient ** 2).sum()) for gradient in gradients))
        for gradient in gradients:
            gradient.mul_(min(1.0, train["clip_norm"] / norm) if norm > 0 else 1.0)
    if "clip_value" in train:
        for gradient in gradients:
            gradient.clamp_(-train["clip_value"], train["clip_value"])


def slots_of(optimizer, network):
    """{"<slot>/<parameter>": tensor}."""
    names = {"momentum_buffer": "momentum", "exp_avg": "first_moment", "exp_avg_sq": "second_moment"}
    slots = {}
    for name, parameter in network.parameters.items():
        for key, value in optimizer.state.get(parameter, {}).items():
            if key in names and value is not None:
                slots["%s/%s" % (names[key], name)] = value
    return slots


class Reference:
    """One run of a deck. `fault`, see faults.py, changes it; `noise` moves the input and the parameters it begins with."""

    def __init__(self, deck, folder, parameters, fault=None, noise=None):
        self.deck, self.train, self.fault = deck, deck["train"], fault
        self.data, self.network = Data(deck, folder), networks.network_of(deck)
        self.evaluated = self.data.eval_x is not None
        self.noise = noise
        self.network.set_parameters({name: self.moved(array) for name, array in parameters.items()})
        if fault:
            fault.change_network(self.network)
        self.optimizer = make_optimizer(self.train, self.network)
        self.results, self.margin = {}, math.inf

    def moved(self, array):
        return self.noise(array) if self.noise else array

    def run(self):
        dumped = self.deck["output"]["dump"].get("step", self.train["steps"]) - 1
        for step in range(self.train["steps"]):
            loss = self.gradients(step, step == dumped)
            self.results["log/loss of step %d" % (step + 1)] = numpy.array([loss])
            if step == dumped:
                self.results["dump/loss"] = numpy.array([loss])
                self.keep("dump", gradients=True)
            clip(self.train, self.network)
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.train, step)
            self.optimizer.step()
            every, done = self.train.get("eval_every", 0), step + 1
            if self.evaluated and (done == self.train["steps"] or (every > 0 and done % every == 0)):
                self.results["log/loss of evaluation after step %d" % done] = numpy.array([self.evaluate()])
        self.keep("end", gradients=False)
        for name, slot in slots_of(self.optimizer, self.network).items():
            self.results["end/optimizer/" + name] = pytorch_models.from_pytorch(slot.numpy())
        return self.results

    def gradients(self, step, dumped):
        """Gradients of the whole batch, micro-batch by micro-batch; returns its loss."""
        self.optimizer.zero_grad(set_to_none=True)
        x, labels = self.data.samples_of(step)
        parts, total = self.train.get("micro_batches", 1), 0.0
        size, losses = len(x) // parts, None
        for part in range(parts):
            chosen = slice(part * size, (part + 1) * size)
            images = self.moved(x[chosen].astype(numpy.float64))
            activations = {} if dumped and part == parts - 1 else None
            logits = self.network.forward(torch.tensor(images).movedim(-1, 1), networks.Step(self.data.seed, step, part * size), activations)
            logits = logits.movedim(1, -1)
            losses = losses or Losses(self.deck, labels, logits.shape[-1])
            if self.noise:
                logits.register_hook(lambda gradient: self.noise.of_gradient(gradient, losses.largest_gradient()))
            loss = losses.of(logits, torch.tensor(labels[chosen]))
            total += loss.item()
            self.margin = min(self.margin, margin_of(logits.detach()))
            (loss * (self.fault.weight_of(part, parts) if self.fault else 1.0)).backward()
        if dumped:
            self.keep_values(x[chosen], labels[chosen], logits.detach(), activations)
        return total

    def evaluate(self):
        with torch.no_grad():
            logits = self.network.forward(torch.tensor(self.data.eval_x.astype(numpy.float64)).movedim(-1, 1), None).movedim(1, -1)
            self.margin = min(self.margin, margin_of(logits))
            return float(Losses(self.deck, self.data.eval_labels, logits.shape[-1]).of(logits, torch.tensor(self.data.eval_labels)))

    def keep_values(self, x, labels, logits, activations):
        self.results.update({"dump/input": x.astype(numpy.float64), "dump/labels": labels.astype(numpy.float64), "dump/output": logits.numpy()})
        for name, value in activations.items():
            self.results["dump/activations/" + name] = value.movedim(1, -1).numpy()

    def keep(self, when, gradients):
        for name, parameter in self.network.parameters.items():
            self.results["%s/parameters/%s" % (when, name)] = pytorch_models.from_pytorch(parameter.detach().numpy().copy())
            if gradients and parameter.grad is not None:  # None: no loss depends on it
                self.results["%s/gradients/%s" % (when, name)] = pytorch_models.from_pytorch(parameter.grad.numpy().copy())
        for name, value in self.network.state.items():
            self.results["%s/state/%s" % (when, name)] = value.numpy().reshape(1, 1, 1, 1, -1).copy()


def margin_of(logits):
    """How near the nearest prediction came to another one: of the two largest logits, or of a single one to 0."""
    if logits.shape[-1] == 1:
        return float(logits.abs().min())
    first, second = logits.topk(2).values.unbind(-1)
    return float((first - second).min())


def train(deck, folder, parameters, fault=None, noise=None):
    return Reference(deck, folder, parameters, fault, noise).run()
