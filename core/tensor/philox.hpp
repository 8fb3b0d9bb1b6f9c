#pragma once
#include <cstdint>
#include <string_view>

#include "core/config.hpp"

namespace aureole {

/// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
/// 1, 2, 3", SC'11). The same key and counter give the same four words on every grid, back end and restart.
struct Philox {
    std::uint32_t word[4];

    /// @param key     stream, e.g. seed mixed with an operator's identity
    /// @param counter position, e.g. a global element index; `high` e.g. the step
    AUREOLE_FUNCTION static Philox at(std::uint64_t key, std::uint64_t counter, std::uint64_t high = 0) {
        std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32U);
        Philox x{{static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32U),
                  static_cast<std::uint32_t>(high), static_cast<std::uint32_t>(high >> 32U)}};
        for (int round = 0; round < 10; ++round) {
            std::uint64_t const p0 = 0xD2511F53ULL * x.word[0], p1 = 0xCD9E8D57ULL * x.word[2];
            x = {{static_cast<std::uint32_t>(p1 >> 32U) ^ x.word[1] ^ k0, static_cast<std::uint32_t>(p1),
                  static_cast<std::uint32_t>(p0 >> 32U) ^ x.word[3] ^ k1, static_cast<std::uint32_t>(p0)}};
            k0 += 0x9E3779B9U;
            k1 += 0xBB67AE85U;
        }
        return x;
    }

    /// Uniform in [0, 1) from word i, 24 bits.
    [[nodiscard]] AUREOLE_FUNCTION float uniform(int i) const { return static_cast<float>(word[i] >> 8U) * 0x1p-24F; }
};

/// Mixes two 64-bit words into a stream key (the finaliser of splitmix64).
[[nodiscard]] AUREOLE_FUNCTION std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    std::uint64_t z = a + 0x9E3779B97F4A7C15ULL * (b + 1);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
}

/// Identity of a named operator or tensor as a stream of random numbers: FNV-1a of the name, the same in every pass, on
/// every grid and machine.
[[nodiscard]] constexpr std::uint64_t stream_of(std::string_view name) {
    std::uint64_t hash = 0xCBF29CE484222325ULL;
    for (char const letter : name) { hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001B3ULL; }
    return hash;
}

}  // namespace aureole
