#include "core/graph/memory_plan.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.hpp"

namespace aureole {

namespace {

std::size_t as_index(std::int32_t id) { return static_cast<std::size_t>(id); }

bool meet(Lifetime const& a, Lifetime const& b) { return a.first <= b.last && b.first <= a.last; }

/// Places lifetimes in the given order, each at the lowest gap between those already placed that it meets.
Packing pack_in_order(std::span<Lifetime const> lifetimes, std::vector<std::size_t> const& order) {
    Packing packing;
    packing.offsets.assign(lifetimes.size(), 0);
    std::vector<std::size_t> placed;  // sorted by offset
    for (std::size_t const id : order) {
        std::size_t const bytes = align_up(lifetimes[id].bytes);
        if (bytes == 0) { continue; }
        std::size_t at = 0;
        for (std::size_t const other : placed) {
            if (!meet(lifetimes[id], lifetimes[other])) { continue; }
            if (at + bytes <= packing.offsets[other]) { break; }
            at = std::max(at, packing.offsets[other] + align_up(lifetimes[other].bytes));
        }
        packing.offsets[id] = at;
        packing.total = std::max(packing.total, at + bytes);
        auto const place =
            std::upper_bound(placed.begin(), placed.end(), at,
                             [&](std::size_t offset, std::size_t other) { return offset < packing.offsets[other]; });
        placed.insert(place, id);
    }
    return packing;
}

std::vector<std::size_t> live_bytes(std::span<Lifetime const> lifetimes) {
    NodeId last = 0;
    for (Lifetime const& each : lifetimes) { last = std::max(last, each.last); }
    std::vector<std::int64_t> change(as_index(last) + 2, 0);
    for (Lifetime const& each : lifetimes) {
        change[as_index(each.first)] += static_cast<std::int64_t>(align_up(each.bytes));
        change[as_index(each.last) + 1] -= static_cast<std::int64_t>(align_up(each.bytes));
    }
    std::vector<std::size_t> live(as_index(last) + 1, 0);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < live.size(); ++i) { live[i] = static_cast<std::size_t>(sum += change[i]); }
    return live;
}

/// Which values share memory: views with their source; an in-place result with the input that dies there.
class Sharing {
  public:
    Sharing(Graph const& graph, MemoryRequest const& request) : graph_(graph), request_(request) {
        std::size_t const count = graph.values().size();
        storage_.resize(count);
        std::iota(storage_.begin(), storage_.end(), 0);
        offset_.assign(count, 0);
        std::map<ValueId, Inside> inside;
        for (Inside const& each : request.inside) { inside[each.value] = each; }
        while (!inside.empty()) { place_inside(inside, inside.begin()->first); }
        last_use_.assign(count, none);
        for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
            for (ValueId const input : graph.nodes()[i].inputs) { last_use_[as_index(input)] = static_cast<NodeId>(i); }
        }
        for (std::size_t i = 0; i < graph.nodes().size(); ++i) { share(static_cast<NodeId>(i)); }
    }
    [[nodiscard]] std::vector<ValueId> const& storage() const { return storage_; }
    /// Bytes from the beginning of the storage.
    [[nodiscard]] std::size_t offset(ValueId id) const { return offset_[as_index(id)]; }
    [[nodiscard]] NodeId last_use(ValueId id) const { return last_use_[as_index(id)]; }

  private:
    Graph const& graph_;
    MemoryRequest const& request_;
    std::vector<ValueId> storage_;
    std::vector<std::size_t> offset_;
    std::vector<NodeId> last_use_;  ///< by value
    std::vector<std::vector<ValueId>> members_ = std::vector<std::vector<ValueId>>(graph_.values().size());

    /// The value lies `offset` bytes behind the beginning of `host`.
    void join(ValueId value, ValueId host, std::size_t offset) {
        ValueId const root = storage_[as_index(host)];
        storage_[as_index(value)] = root;
        offset_[as_index(value)] = offset_[as_index(host)] + offset;
        members_[as_index(root)].push_back(value);
    }
    /// Hosts first; done ones leave the map.
    void place_inside(std::map<ValueId, Inside>& inside, ValueId value) {
        auto const found = inside.find(value);
        if (found == inside.end()) { return; }
        Inside const place = found->second;
        inside.erase(found);
        if (is_view(value)) {
            offset_[as_index(value)] = place.offset;  // joined where it is made: its host may be a view too
            return;
        }
        place_inside(inside, place.host);
        join(value, place.host, place.offset);
    }
    [[nodiscard]] bool is_view(ValueId value) const {
        NodeId const producer = graph_.value(value).producer;
        return producer != none && graph_.node(producer).op->is_view();
    }
    [[nodiscard]] bool is_placed(ValueId value) const { return storage_[as_index(value)] != value; }

    void share(NodeId id) {
        Node const& node = graph_.node(id);
        if (node.op->is_view()) {
            join(node.outputs[0], node.inputs[0], offset_[as_index(node.outputs[0])]);
            return;
        }
        for (std::size_t i = 0; i < node.outputs.size(); ++i) {
            int const input = node.op->in_place(i);
            if (input < 0 || is_placed(node.outputs[i])) { continue; }
            ValueId const source = node.inputs[static_cast<std::size_t>(input)];
            ValueId const root = storage_[as_index(source)];
            bool const same_size =
                request_.value_bytes[as_index(root)] == request_.value_bytes[as_index(node.outputs[i])];
            bool const owned = !request_.persistent[as_index(root)] &&
                               !request_.persistent[as_index(node.outputs[i])] && !request_.comes_from_elsewhere(root);
            bool const read_once = std::count(node.inputs.begin(), node.inputs.end(), source) == 1;
            if (same_size && owned && read_once && dies_at(root, id)) { join(node.outputs[i], root, 0); }
        }
    }

    /// No value in the root's memory is read after node `id`, nor wanted at the end.
    [[nodiscard]] bool dies_at(ValueId root, NodeId id) const {
        auto const free_after = [&](ValueId value) {
            return last_use_[as_index(value)] <= id && !request_.until_end[as_index(value)];
        };
        return free_after(root) &&
               std::all_of(members_[as_index(root)].begin(), members_[as_index(root)].end(), free_after);
    }
};

int segment_of(MemoryRequest const& request, NodeId node) {
    return request.segment.empty() ? 0 : request.segment[as_index(node)];
}

/// First node of a segment, or of the next one that has nodes; the last node if none has.
NodeId segment_start(MemoryRequest const& request, int segment) {
    auto const start = std::lower_bound(request.segment.begin(), request.segment.end(), segment);
    bool const behind = start == request.segment.end() && start != request.segment.begin();
    return static_cast<NodeId>(start - request.segment.begin()) - (behind ? 1 : 0);
}

/// Values that share memory are framed together: if they live in several segments, come from elsewhere, or are read
/// after the last node.
std::vector<bool> find_framed(MemoryRequest const& request, std::vector<ValueId> const& storage,
                              std::vector<Lifetime> const& lifetimes) {
    std::vector<bool> framed(storage.size(), false);
    if (request.segment.empty()) { return framed; }
    for (std::size_t i = 0; i < storage.size(); ++i) {
        if (request.until_end[i] || request.comes_from_elsewhere(static_cast<ValueId>(i))) {
            framed[as_index(storage[i])] = true;
        }
        Lifetime const& life = lifetimes[i];
        if (life.last >= 0 && segment_of(request, life.first) != segment_of(request, life.last)) { framed[i] = true; }
    }
    for (std::size_t i = 0; i < storage.size(); ++i) { framed[i] = framed[as_index(storage[i])]; }
    return framed;
}

/// Lifetimes that are packed together, and whose they are.
struct Placed {
    std::vector<Lifetime> lifetimes;
    std::vector<std::pair<bool, std::size_t>> owners;  // (is workspace, value or node)
    std::size_t red_zone = 0;

    void add(Lifetime const& lifetime, bool workspace, std::size_t owner) {
        lifetimes.push_back({block_bytes(lifetime.bytes, red_zone), lifetime.first, lifetime.last});
        owners.emplace_back(workspace, owner);
    }
    /// Returns the bytes that they take.
    std::size_t place(MemoryPlan& plan) const {
        Packing const packing = pack(lifetimes);
        for (std::size_t i = 0; i < owners.size(); ++i) {
            (owners[i].first ? plan.workspace_offset : plan.value_offset)[owners[i].second] =
                packing.offsets[i] + zone_before(lifetimes[i].bytes, red_zone);
        }
        return packing.total;
    }
    [[nodiscard]] LiveSet peak() const {
        LiveSet set;
        std::vector<std::size_t> const live = live_bytes(lifetimes);
        if (lifetimes.empty()) { return set; }
        set.node = static_cast<std::size_t>(std::max_element(live.begin(), live.end()) - live.begin());
        auto const node = static_cast<NodeId>(set.node);
        for (std::size_t i = 0; i < owners.size(); ++i) {
            if (!meet(lifetimes[i], {0, node, node})) { continue; }
            set.red_zones += 2 * zone_before(lifetimes[i].bytes, red_zone);
            if (owners[i].first) {
                set.workspace = lifetimes[i].bytes - 2 * red_zone;
            } else {
                set.values.push_back(static_cast<ValueId>(owners[i].second));
            }
        }
        return set;
    }
};

}  // namespace

Packing pack(std::span<Lifetime const> lifetimes) {
    std::vector<std::size_t> const live = live_bytes(lifetimes);
    std::size_t const bound = live.empty() ? 0 : *std::max_element(live.begin(), live.end());
    auto const length = [&](std::size_t i) { return static_cast<double>(lifetimes[i].last - lifetimes[i].first + 1); };
    auto const bytes = [&](std::size_t i) { return static_cast<double>(lifetimes[i].bytes); };
    std::vector<std::function<double(std::size_t)>> const keys{
        [&](std::size_t i) { return bytes(i); },
        [&](std::size_t i) { return bytes(i) * length(i); },
        [&](std::size_t i) { return length(i); },
        [&](std::size_t i) { return -static_cast<double>(lifetimes[i].first); },
    };
    Packing best;
    best.total = std::numeric_limits<std::size_t>::max();
    for (auto const& key : keys) {
        std::vector<std::size_t> order(lifetimes.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
        Packing candidate = pack_in_order(lifetimes, order);
        if (candidate.total < best.total) { best = std::move(candidate); }
        if (best.total == bound) { break; }
    }
    best.lower_bound = bound;
    return best;
}

MemoryPlan plan_memory(Graph const& graph, MemoryRequest const& request) {
    std::size_t const values = graph.values().size();
    auto const nodes = static_cast<NodeId>(graph.nodes().size());
    Sharing const sharing(graph, request);

    std::vector<Lifetime> of_value(values, Lifetime{0, nodes, -1});  // merged over values that share memory
    auto const extend = [&](ValueId id, NodeId at) {
        Lifetime& life = of_value[as_index(sharing.storage()[as_index(id)])];
        life.first = std::min(life.first, at);
        life.last = std::max(life.last, at);
    };
    for (NodeId i = 0; i < nodes; ++i) {
        for (ValueId const id : graph.node(i).inputs) { extend(id, i); }
        for (ValueId const id : graph.node(i).outputs) { extend(id, i); }
    }
    for (std::size_t i = 0; i < values; ++i) {
        auto const id = static_cast<ValueId>(i);
        if (request.comes_from_elsewhere(id)) { extend(id, segment_start(request, request.arrives[i])); }
        if (request.until_end[i]) { extend(id, std::max(0, nodes - 1)); }
    }

    MemoryPlan plan;
    plan.storage = sharing.storage();
    plan.framed = find_framed(request, plan.storage, of_value);
    plan.lifetime = of_value;
    plan.arrives.assign(values, false);
    for (std::size_t i = 0; i < values; ++i) {
        if (request.comes_from_elsewhere(static_cast<ValueId>(i))) { plan.arrives[as_index(plan.storage[i])] = true; }
    }
    Placed transient{{}, {}, request.red_zone}, frame{{}, {}, request.red_zone};
    for (std::size_t i = 0; i < values; ++i) {
        plan.lifetime[i].bytes = request.value_bytes[i];
        bool const stored = plan.storage[i] == static_cast<ValueId>(i) && !request.persistent[i];
        if (!stored || of_value[i].last < 0) { continue; }
        (plan.framed[i] ? frame : transient)
            .add({request.value_bytes[i], of_value[i].first, of_value[i].last}, false, i);
    }
    for (NodeId i = 0; i < nodes; ++i) {
        if (request.workspace_bytes[as_index(i)] == 0) { continue; }
        transient.add({request.workspace_bytes[as_index(i)], i, i}, true, as_index(i));
    }
    plan.value_offset.assign(values, MemoryPlan::unplaced);
    plan.workspace_offset.assign(graph.nodes().size(), 0);
    plan.total = transient.place(plan);
    plan.frame_bytes = frame.place(plan);
    plan.transient_peak = transient.peak();
    plan.frame_peak = frame.peak();
    for (std::size_t i = 0; i < values; ++i) {
        std::size_t const root = plan.value_offset[as_index(plan.storage[i])];
        if (root != MemoryPlan::unplaced) { plan.value_offset[i] = root + sharing.offset(static_cast<ValueId>(i)); }
    }
    std::vector<Lifetime> alive = transient.lifetimes;
    alive.insert(alive.end(), frame.lifetimes.begin(), frame.lifetimes.end());
    std::vector<std::size_t> const live = live_bytes(alive);
    if (!live.empty()) {
        auto const peak = std::max_element(live.begin(), live.end());
        plan.lower_bound = *peak;
        plan.peak_node = static_cast<std::size_t>(peak - live.begin());
    }
    return plan;
}

}  // namespace aureole
