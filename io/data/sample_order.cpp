#include "io/data/sample_order.hpp"

#include <bit>

#include "core/tensor/philox.hpp"

namespace aureole {

Permutation::Permutation(std::uint64_t key, std::int64_t count) : key_(key), count_(static_cast<std::uint64_t>(count)) {
    unsigned const bits = count_ > 1 ? static_cast<unsigned>(std::bit_width(count_ - 1)) : 1;
    half_bits_ = (bits + 1) / 2;
}

std::int64_t Permutation::operator()(std::int64_t index) const {
    constexpr std::uint64_t rounds = 6;
    std::uint64_t const mask = (std::uint64_t{1} << half_bits_) - 1;
    auto value = static_cast<std::uint64_t>(index);
    do {  // the domain is at most four times count_, so a walk takes few steps
        std::uint64_t left = value >> half_bits_, right = value & mask;
        for (std::uint64_t round = 0; round < rounds; ++round) {
            std::uint64_t const mixed = (mix(mix(key_, round), right) & mask) ^ left;
            left = right;
            right = mixed;
        }
        value = left << half_bits_ | right;
    } while (value >= count_);
    return static_cast<std::int64_t>(value);
}

SampleOrder::Visit SampleOrder::at(std::int64_t position) const {
    std::int64_t const epoch = position / samples_, index = position % samples_;
    if (!shuffle_) { return {index, epoch}; }
    constexpr std::uint64_t order_stream = 0x4F52444552ULL;
    std::uint64_t const key = mix(mix(seed_, order_stream), static_cast<std::uint64_t>(epoch));
    return {Permutation(key, samples_)(index), epoch};
}

}  // namespace aureole
