#pragma once
#include <span>

#include "core/graph/graph.hpp"
#include "core/tensor/alignment.hpp"

namespace aureole {

/// Something that needs bytes at the same place from node `first` to node `last`, both included.
struct Lifetime {
    std::size_t bytes = 0;
    NodeId first = 0, last = 0;
};

struct Packing {
    std::vector<std::size_t> offsets;  ///< one per lifetime
    std::size_t total = 0;             ///< highest byte in use
    std::size_t lower_bound = 0;       ///< largest sum of bytes that live at one time
};

/// Offsets such that no two lifetimes that meet overlap: largest first, each at the lowest place that is free
/// ("greedy by size", Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020); also tried
/// in order of size x length and of first use, the best is taken.
[[nodiscard]] Packing pack(std::span<Lifetime const> lifetimes);

/// What lives at the node where the most bytes do.
struct LiveSet {
    std::size_t node = 0;
    std::vector<ValueId> values;  ///< one for each piece of memory: MemoryPlan::storage
    std::size_t workspace = 0;    ///< bytes
    std::size_t red_zones = 0;    ///< bytes
};

/// Where the values of a graph lie: in the transient part of an arena, or in the frame of a micro-batch.
struct MemoryPlan {
    std::vector<std::size_t> value_offset;      ///< by value; `unplaced` for persistent ones
    std::vector<bool> framed;                   ///< by value: the offset is one in the frame
    std::vector<std::size_t> workspace_offset;  ///< by node
    std::vector<ValueId> storage;    ///< by value: the value whose memory it shares (views, in-place), or itself
    std::vector<Lifetime> lifetime;  ///< by value that is `storage` of itself: of all that share its memory
    std::vector<bool> arrives;       ///< by such a value: something in its memory is filled from elsewhere
    std::size_t total = 0;           ///< bytes of the transient part
    std::size_t frame_bytes = 0;     ///< of what one micro-batch keeps from one segment to another
    std::size_t lower_bound = 0;     ///< largest sum of bytes that live at one time, frame included
    std::size_t peak_node = 0;       ///< node at which the most bytes live
    LiveSet transient_peak, frame_peak;
    static constexpr std::size_t unplaced = static_cast<std::size_t>(-1);
};

/// A value that is a contiguous part of another one's memory.
struct Inside {
    ValueId value = none, host = none;
    std::size_t offset = 0;  ///< bytes from the beginning of the host
};

struct MemoryRequest {
    static constexpr int made_here = -1;
    std::vector<std::size_t> value_bytes;      ///< by value: bytes of the local part
    std::vector<std::size_t> workspace_bytes;  ///< by node
    std::vector<bool> persistent;              ///< by value: lives elsewhere (parameters, state, kept gradients)
    std::vector<bool> until_end;   ///< by value: must be readable after the last node (losses, gradients, dumps)
    std::vector<int> arrives;      ///< by value: the segment before whose first node it is filled from elsewhere (the
                                   ///< loader, other stages); `made_here` for what nodes make
    std::vector<Inside> inside{};  ///< values whose place in another one's memory is given; a host may itself be one
    /// By node, ascending: which of the parts that run on their own it belongs to (forward pass, backward pass). Other
    /// micro-batches run between them, so what lives longer than a segment has a place in the frame of its micro-batch.
    /// Empty: one segment, no frame.
    std::vector<int> segment{};
    std::size_t red_zone = 0;  ///< bytes that nobody uses in front of every block, and behind it

    [[nodiscard]] bool comes_from_elsewhere(ValueId id) const {
        return arrives[static_cast<std::size_t>(id)] != made_here;
    }
};

/// Lifetimes from the node order, memory shared by views and in-place operators, then `pack`.
[[nodiscard]] MemoryPlan plan_memory(Graph const& graph, MemoryRequest const& request);

}  // namespace aureole
