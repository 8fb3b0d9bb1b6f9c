#pragma once
#include <cstdint>

namespace aureole {

/// A permutation of [0, count) that is computed entry by entry from a key: a Feistel network with cycle walking (Black,
/// Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). No memory, no state; any entry at any time.
class Permutation {
  public:
    Permutation(std::uint64_t key, std::int64_t count);
    [[nodiscard]] std::int64_t operator()(std::int64_t index) const;

  private:
    std::uint64_t key_, count_;
    unsigned half_bits_ = 1;
};

/// The order in which training visits samples: a new permutation for every epoch, by (seed, epoch). Positions go on
/// across epochs, so that no sample is dropped at an epoch's end.
class SampleOrder {
  public:
    struct Visit {
        std::int64_t sample = 0, epoch = 0;
    };
    SampleOrder(std::uint64_t seed, std::int64_t samples, bool shuffle)
        : seed_(seed), samples_(samples), shuffle_(shuffle) {}
    [[nodiscard]] Visit at(std::int64_t position) const;

  private:
    std::uint64_t seed_;
    std::int64_t samples_;
    bool shuffle_;
};

}  // namespace aureole
