#include "core/tensor/memory_guard.hpp"

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/kernels/launch.hpp"
#include "core/tensor/alignment.hpp"

namespace aureole {

namespace {

/// A red zone, from an offset in the arena.
struct Zone {
    std::size_t begin = 0, bytes = 0;
};

Zone front_of(std::size_t offset) { return {offset - red_zone, red_zone}; }

/// The first byte behind the red zones of a block.
std::size_t end_of(std::size_t offset, std::size_t bytes) { return align_up(offset + bytes) + red_zone; }

Zone rear_of(std::size_t offset, std::size_t bytes) {
    std::size_t const end = offset + bytes;
    return {end, end_of(offset, bytes) - end};
}

/// What the byte at an offset of the arena holds in a red zone: no value that many bytes share.
KOKKOS_INLINE_FUNCTION std::uint8_t pattern_at(std::size_t offset) {
    return static_cast<std::uint8_t>(offset * 167U + 13U);
}

struct Paint {
    std::uint8_t* arena;
    std::size_t first;  ///< offset of element 0
    bool red;           ///< the pattern; otherwise 0xFF, which is NaN in every floating-point type
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) {
            std::size_t const at = first + static_cast<std::size_t>(i);
            arena[at] = red ? pattern_at(at) : std::uint8_t{0xFF};
        }
    }
};

void paint(std::byte* arena, Zone const& zone, bool red) {
    for_elements("aureole::memory_guard::paint", static_cast<Index>(zone.bytes),
                 Paint{reinterpret_cast<std::uint8_t*>(arena), zone.begin, red});
}

/// As many zones as go into the arguments of a kernel.
struct FirstChanged {
    static constexpr std::size_t most = 128;
    std::uint8_t const* arena = nullptr;
    Index longest = 1;
    Kokkos::Array<Zone, most> zones{};
    KOKKOS_INLINE_FUNCTION void operator()(Index i, Index& first) const {
        Zone const& zone = zones[static_cast<std::size_t>(i / longest)];
        auto const within = static_cast<std::size_t>(i % longest);
        std::size_t const at = zone.begin + within;
        if (within < zone.bytes && arena[at] != pattern_at(at) && static_cast<Index>(at) < first) {
            first = static_cast<Index>(at);
        }
    }
};

constexpr Index all_hold = std::numeric_limits<Index>::max();

/// Offset of the first byte that does not hold the pattern, or `all_hold`.
Index first_changed_on_device(std::byte const* arena, std::span<Zone const> zones) {
#if AUREOLE_EMULATE_DEVICE
    EmulatedAccess const access;
#endif
    FirstChanged functor;
    functor.arena = reinterpret_cast<std::uint8_t const*>(arena);
    for (std::size_t i = 0; i < zones.size(); ++i) {
        functor.zones[i] = zones[i];
        functor.longest = std::max(functor.longest, static_cast<Index>(zones[i].bytes));
    }
    Index const bytes = static_cast<Index>(zones.size()) * functor.longest;
    Index first = all_hold;
    Kokkos::parallel_reduce("aureole::memory_guard::check",
                            Kokkos::RangePolicy<Execution, Kokkos::IndexType<Index>>(0, bytes), functor,
                            Kokkos::Min<Index>(first));
    return first;
}

Index first_changed_on_host(std::byte const* arena, std::span<Zone const> zones) {
    constexpr std::size_t period = 256;
    static auto const pattern = [] {
        std::array<std::uint8_t, period + red_zone + arena_alignment> bytes{};
        for (std::size_t i = 0; i < bytes.size(); ++i) { bytes[i] = pattern_at(i); }
        return bytes;
    }();
    Index first = all_hold;
    for (Zone const& zone : zones) {
        if (std::memcmp(arena + zone.begin, pattern.data() + zone.begin % period, zone.bytes) == 0) { continue; }
        std::size_t at = zone.begin;
        while (static_cast<std::uint8_t>(arena[at]) == pattern_at(at)) { ++at; }
        first = std::min(first, static_cast<Index>(at));
    }
    return first;
}

Index first_changed(std::byte const* arena, std::span<Zone const> zones) {
    if constexpr (runs_on_host) {
        return first_changed_on_host(arena, zones);
    } else {
        Index first = all_hold;
        for (std::size_t begin = 0; begin < zones.size(); begin += FirstChanged::most) {
            std::size_t const count = std::min(FirstChanged::most, zones.size() - begin);
            first = std::min(first, first_changed_on_device(arena, zones.subspan(begin, count)));
        }
        return first;
    }
}

}  // namespace

bool guard_by_default() {
    char const* const asked = std::getenv("AUREOLE_MEMORY_GUARD");
    return asked != nullptr && std::string_view(asked) == "1";
}

void MemoryGuard::open(std::size_t offset, std::size_t bytes, std::string const& name, Contents contents) {
    if (bytes == 0) { return; }
    expect_free(offset, bytes, name);
    blocks_[offset] = {bytes, name};
    if (contents == Contents::nan) { paint(begin_, {offset, bytes}, false); }
    paint(begin_, front_of(offset), true);
    paint(begin_, rear_of(offset, bytes), true);
}

void MemoryGuard::expect_free(std::size_t offset, std::size_t bytes, std::string const& name) const {
    auto const require_apart = [&](std::size_t end, std::size_t next, std::string const& other) {
        require(next >= end + red_zone, "the memory plan gives {} and {} the same bytes", name, other);
    };
    auto const behind = blocks_.lower_bound(offset);
    if (behind != blocks_.end()) { require_apart(end_of(offset, bytes), behind->first, behind->second.name); }
    if (behind == blocks_.begin()) { return; }
    auto const& [other, block] = *std::prev(behind);
    require_apart(end_of(other, block.bytes), offset, block.name);
}

void MemoryGuard::keep(std::size_t offset, std::size_t bytes, std::string const& name) {
    auto const known = blocks_.find(offset);
    bool const again = known != blocks_.end() && known->second.bytes == bytes && known->second.name == name;
    if (!again) { open(offset, bytes, name, Contents::kept); }
}

void MemoryGuard::close(std::size_t offset) { blocks_.erase(offset); }

void MemoryGuard::check(std::function<std::string()> const& by) const {
    std::vector<Zone> zones;
    zones.reserve(2 * blocks_.size());
    for (auto const& [offset, block] : blocks_) {
        zones.push_back(front_of(offset));
        zones.push_back(rear_of(offset, block.bytes));
    }
    Index const changed = first_changed(begin_, zones);
    if (changed != all_hold) { report(static_cast<std::size_t>(changed), by()); }
}

void MemoryGuard::report(std::size_t changed, std::string const& by) const {
    auto const next = blocks_.upper_bound(changed);
    bool const in_front = next != blocks_.end() && changed >= next->first - red_zone;
    auto const& [offset, block] = in_front ? *next : *std::prev(next);
    std::size_t const distance = in_front ? offset - changed : changed - (offset + block.bytes) + 1;
    fail(
        ExitCode::internal,
        "{} wrote beyond its memory: byte {} {} {} ({} bytes) is overwritten. Nothing that this run computes from here "
        "on can be trusted",
        by, distance, in_front ? "in front of" : "behind", block.name, block.bytes);
}

}  // namespace aureole
