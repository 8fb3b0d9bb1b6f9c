"""The program's random numbers (core/tensor/philox.hpp, io/data/sample_order.hpp) in numpy: dropout masks, sample orders."""
import numpy

MASK = 2 ** 64 - 1


def mix(a, b):
    """The finaliser of splitmix64."""
    z = (a + 0x9E3779B97F4A7C15 * (b + 1)) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def stream_of(name):
    """FNV-1a of a layer's name."""
    value = 0xCBF29CE484222325
    for letter in name.encode():
        value = ((value ^ letter) * 0x100000001B3) & MASK
    return value


def philox(key, counters, high):
    """Philox4x32-10 (Salmon et al., SC'11): the four words of every counter, (counters, 4)."""
    low32, shift = numpy.uint64(0xFFFFFFFF), numpy.uint64(32)
    counters = counters.astype(numpy.uint64)
    words = [counters & low32, counters >> shift] + [numpy.full_like(counters, part) for part in (high & 0xFFFFFFFF, high >> 32)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = numpy.uint64(0xD2511F53) * words[0], numpy.uint64(0xCD9E8D57) * words[2]
        words = [(p1 >> shift) ^ words[1] ^ numpy.uint64(k0), p1 & low32, (p0 >> shift) ^ words[3] ^ numpy.uint64(k1), p0 & low32]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return numpy.stack(words, -1)


def dropout_kept(name, rate, seed, step, shape, first_sample):
    """Which elements of (n, d, h, w, c) a dropout layer keeps; `first_sample`: place of sample 0 in the batch."""
    per_sample = int(numpy.prod(shape[1:]))
    elements = numpy.arange(shape[0] * per_sample) + first_sample * per_sample
    words = philox(mix(seed, stream_of(name)), elements // 4, step)
    word = words[numpy.arange(len(elements)), elements % 4]
    return ((word >> numpy.uint64(8)) >= int(rate * 2.0 ** 24 + 0.5)).reshape(shape)


def shuffled(index, key, count):
    """Place `index` of a random order of `count` samples: a Feistel network of six rounds, walked until it is inside."""
    half = (max((count - 1).bit_length(), 1) + 1) // 2
    low = (1 << half) - 1
    value = index
    while True:
        left, right = value >> half, value & low
        for number in range(6):
            left, right = right, (mix(mix(key, number), right) & low) ^ left
        value = left << half | right
        if value < count:
            return value


def sample_at(position, samples, seed, shuffle):
    """(sample, epoch) at a position of the training order."""
    epoch, index = divmod(position, samples)
    return (shuffled(index, mix(mix(seed, 0x4F52444552), epoch), samples) if shuffle else index), epoch
