#include "parallel/program/tiling.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "parallel/exchange/box_copy.hpp"
#include "parallel/exchange/exchange.hpp"
#include "parallel/program/communication.hpp"

namespace aureole {

namespace {

using LayoutPtr = std::shared_ptr<Layout const>;

/// An exchange begins at most this many nodes before its first user: earlier would only hold memory.
constexpr std::size_t longest_lead = 4;

std::size_t as_index(std::int32_t id) { return static_cast<std::size_t>(id); }

class Lowering {
  public:
    Lowering(Graph graph, TileGrid const& grid, int rank, TilingOptions const& options)
        : graph_(std::move(graph)), grid_(grid), rank_(rank), options_(options) {
        layouts_.resize(graph_.values().size());
        for (std::size_t i = 0; i < graph_.values().size(); ++i) {
            Value const& value = graph_.values()[i];
            if (value.role == Role::input && has_pixels(value.type.shape)) {
                layouts_[i] = tiled(value.type.shape);
            } else if (value.producer == none) {
                layouts_[i] = replicated(value.type.shape);
            }
        }
        widen_inputs();
    }

    LocalGraph run() {
        std::vector<Node> const nodes = graph_.nodes();
        for (Node const& node : nodes) { lower(node); }
        std::vector<Node> ordered;
        for (std::size_t i = 0; i < out_.size(); ++i) {
            ordered.push_back(std::move(out_[i]));
            if (i < after_.size()) {
                for (Node& node : after_[i]) { ordered.push_back(std::move(node)); }
            }
        }
        graph_.replace_nodes(std::move(ordered));
        LocalGraph local{std::move(graph_),          std::move(layouts_),
                         std::move(inside_),         std::move(partial_gradients_),
                         std::move(partial_states_), rank_};
        for (LayoutPtr& layout : local.layouts) {
            if (!layout) { layout = std::make_shared<Layout const>(Layout::replicated(grid_.ranks(), {})); }
        }
        return local;
    }

  private:
    Graph graph_;
    TileGrid const& grid_;
    int rank_;
    TilingOptions options_;
    std::vector<LayoutPtr> layouts_;  ///< by value
    std::vector<Inside> inside_;
    std::set<ValueId> hosted_;
    std::set<ValueId> partial_gradients_;
    std::set<std::string> partial_states_;
    std::vector<Node> out_;
    std::vector<std::vector<Node>> after_;              ///< by position in out_: what was put behind it later
    std::map<ValueId, std::size_t> produced_at_;        ///< position in out_
    std::map<ValueId, std::vector<ValueId>> variants_;  ///< the same value in other layouts
    std::map<std::array<Index, 5>, LayoutPtr> tiled_, replicated_;

    static bool has_pixels(Shape const& shape) { return shape.pixels_per_sample() > 1; }
    [[nodiscard]] Shape const& shape(ValueId id) const { return graph_.value(id).type.shape; }
    [[nodiscard]] Layout const& layout(ValueId id) const {
        LayoutPtr const& known = layouts_[as_index(id)];
        require(known != nullptr, "value {} is used before it is made", graph_.value(id).name);
        return *known;
    }
    LayoutPtr tiled(Shape const& shape) {
        LayoutPtr& known = tiled_[shape.extents()];
        if (!known) { known = std::make_shared<Layout const>(Layout::tiled(grid_, shape)); }
        return known;
    }
    LayoutPtr replicated(Shape const& shape) {
        LayoutPtr& known = replicated_[shape.extents()];
        if (!known) { known = std::make_shared<Layout const>(Layout::replicated(grid_.ranks(), shape)); }
        return known;
    }
    [[nodiscard]] bool is_whole(ValueId id) { return layouts_[as_index(id)] == replicated(shape(id)); }
    [[nodiscard]] bool is_image(ValueId id) const {
        Role const role = graph_.value(id).role;
        return role == Role::input || role == Role::activation || role == Role::loss;
    }

    void set_layout(ValueId id, LayoutPtr layout) {
        if (as_index(id) >= layouts_.size()) { layouts_.resize(as_index(id) + 1); }
        layouts_[as_index(id)] = std::move(layout);
    }

    /// Inputs, and what is computed from an input pixel by pixel (a change of type), are held as far as their users
    /// need them, so that nothing of them travels.
    void widen_inputs() {
        for (std::size_t i = 0; i < layouts_.size(); ++i) {
            auto const id = static_cast<ValueId>(i);
            if (graph_.value(id).role == Role::input && has_pixels(shape(id))) {
                set_layout(id, std::make_shared<Layout const>(wanted(id)));
            }
        }
    }
    Layout wanted(ValueId id) {
        Layout hull = *tiled(shape(id));
        for (NodeId const user : graph_.consumers(id)) {
            Node const& node = graph_.node(user);
            for (std::size_t i = 0; i < node.inputs.size(); ++i) {
                if (node.inputs[i] != id) { continue; }
                Layout needed = needed_of_input(node, i);
                if (node.op->kind() == "cast") {
                    needed = wanted(node.outputs[0]);
                    set_layout(node.outputs[0], std::make_shared<Layout const>(needed));
                }
                for (int rank = 0; rank < hull.ranks(); ++rank) {
                    if (needed[rank].empty()) { continue; }
                    Box& box = hull.boxes[static_cast<std::size_t>(rank)];
                    if (box.empty()) { box = needed[rank]; }
                    for (std::size_t axis = 0; axis < axis_count; ++axis) {
                        box.lo[axis] = std::min(box.lo[axis], needed[rank].lo[axis]);
                        box.hi[axis] = std::max(box.hi[axis], needed[rank].hi[axis]);
                    }
                }
            }
        }
        return hull;
    }
    Layout needed_of_input(Node const& node, std::size_t input) {
        int const reduced = node.op->reduced_input();
        Shape const& x = shape(node.inputs[input]);
        if (reduced >= 0) {
            ValueId const anchor = node.inputs[static_cast<std::size_t>(reduced)];
            return needed_layout(node.op->access_by_pixel(input), *tiled(shape(anchor)), x);
        }
        if (node.outputs.empty() || !has_pixels(shape(node.outputs[0])) || node.op->is_view()) {
            return *replicated(x);
        }
        return needed_layout(node.op->access(input), *tiled(shape(node.outputs[0])), x);
    }

    void lower(Node const& node) {
        int const reduced = node.op->reduced_input();
        if (reduced >= 0) {
            lower_reduction(node, static_cast<std::size_t>(reduced));
        } else {
            lower_map(node);
        }
    }

    /// The layout in which a node that is no reduction gives its outputs, judged by its first one.
    [[nodiscard]] bool gives_tiles(Node const& node) {
        if (node.op->is_view() || node.outputs.empty() || !has_pixels(shape(node.outputs[0]))) { return false; }
        bool spread = true;  // from single pixels to all: the adjoint of a global reduction
        for (ValueId const id : node.inputs) {
            if (!is_image(id)) { continue; }
            if (has_pixels(shape(id)) && !is_whole(id)) { return true; }
            spread = spread && !has_pixels(shape(id));
        }
        return spread;
    }

    void lower_map(Node const& node) {
        Node local = node;
        bool const tiles = gives_tiles(node);
        LayoutPtr out = node.outputs.empty() ? nullptr
                        : tiles              ? tiled(shape(node.outputs[0]))
                                             : replicated(shape(node.outputs[0]));
        if (tiles && layouts_[as_index(node.outputs[0])]) { out = layouts_[as_index(node.outputs[0])]; }  // widened
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            ValueId const id = node.inputs[i];
            if (!is_image(id) || !has_pixels(shape(id))) { continue; }
            LayoutPtr needed = replicated(shape(id));
            bool windowed = false;
            if (tiles) {
                Access const access = node.op->access(i);
                needed = std::make_shared<Layout const>(needed_layout(access, *out, shape(id)));
                windowed = access.reach[1] == Reach::window || access.reach[2] == Reach::window;
            }
            local.inputs[i] = held(id, needed, windowed, node);
        }
        for (ValueId const output : node.outputs) {
            set_layout(output, !tiles                      ? replicated(shape(output))
                               : output == node.outputs[0] ? out
                               : has_pixels(shape(output)) ? tiled(shape(output))
                                                           : replicated(shape(output)));
        }
        append(std::move(local));
    }

    void lower_reduction(Node const& node, std::size_t reduced) {
        ValueId const anchor = node.inputs[reduced];
        bool tiles = false;
        for (ValueId const id : node.inputs) {
            tiles = tiles || (is_image(id) && has_pixels(shape(id)) && !is_whole(id));
        }
        bool const partial = tiles && has_pixels(shape(anchor));
        LayoutPtr const share = partial ? tiled(shape(anchor)) : replicated(shape(anchor));
        Node local = node;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            ValueId const id = node.inputs[i];
            if (!is_image(id) || !has_pixels(shape(id))) { continue; }
            LayoutPtr needed = share;
            bool windowed = false;
            if (i != reduced) {
                Access const access = node.op->access_by_pixel(i);
                needed = std::make_shared<Layout const>(needed_layout(access, *share, shape(id)));
                windowed = access.reach[1] == Reach::window || access.reach[2] == Reach::window;
            }
            local.inputs[i] = held(id, needed, windowed, node);
        }
        for (ValueId const output : node.outputs) { set_layout(output, replicated(shape(output))); }
        if (!partial) {
            append(std::move(local));
            return;
        }
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            if (node.op->writes_input(i) && node.outputs.empty()) {
                partial_states_.insert(graph_.value(node.inputs[i]).name);
            }
        }
        bool const empty = (*share)[rank_].empty();
        std::vector<ValueType> types;
        for (ValueId const id : node.inputs) { types.push_back(graph_.value(id).type); }
        if (auto const split = node.op->split(types)) {
            append_split(local, *split, empty);
        } else {
            append_partial(std::move(local), empty);
        }
    }

    /// A reduction whose outputs are partial, and what combines them.
    void append_partial(Node local, bool empty) {
        std::vector<ValueId> wholes, parts;
        for (ValueId& output : local.outputs) {
            bool const gradient = graph_.value(output).role == Role::gradient;
            if (gradient && options_.defer_gradients) {
                partial_gradients_.insert(output);
                continue;
            }
            wholes.push_back(output);
            output = copy_of(output, ".partial");
            parts.push_back(output);
        }
        auto const combine = local.op->combine();
        Node reduce{local.name + ".all_reduce",
                    std::make_shared<AllReduceOperator>(combine, empty),
                    parts,
                    wholes,
                    local.phase,
                    local.unit};
        append(std::move(local));
        if (!parts.empty()) { append(std::move(reduce)); }
    }

    void append_split(Node const& local, Split const& split, bool empty) {
        Node partial{local.name + ".partial", split.partial, {}, {}, local.phase, local.unit};
        std::vector<ValueType> types;
        for (std::size_t const i : split.partial_inputs) {
            partial.inputs.push_back(local.inputs[i]);
            types.push_back(graph_.value(local.inputs[i]).type);
        }
        auto const results = split.partial->infer(types);
        std::vector<ValueId> wholes;
        for (std::size_t i = 0; i < results.size(); ++i) {
            bool const known = i < split.partial_outputs.size();
            ValueId const whole = known ? local.outputs[split.partial_outputs[i]]
                                        : new_value(fmt::format("{}.combined.{}", local.name, i), results[i]);
            if (!known) { set_layout(whole, replicated(results[i].shape)); }
            wholes.push_back(whole);
            partial.outputs.push_back(copy_of(whole, ".partial"));
        }
        Node reduce{local.name + ".all_reduce",
                    std::make_shared<AllReduceOperator>(split.partial->combine(), empty),
                    partial.outputs,
                    wholes,
                    local.phase,
                    local.unit};
        Node finish{local.name, split.finish, wholes, {}, local.phase, local.unit};
        for (std::size_t const i : split.finish_inputs) { finish.inputs.push_back(local.inputs[i]); }
        for (std::size_t const i : split.finish_outputs) { finish.outputs.push_back(local.outputs[i]); }
        append(std::move(partial));
        append(std::move(reduce));
        append(std::move(finish));
    }

    ValueId new_value(std::string name, ValueType const& type) {
        return graph_.add_value({std::move(name), type, Role::activation, none, {}, true});
    }
    /// A value of the same type and layout that only this lowering knows.
    ValueId copy_of(ValueId id, std::string_view suffix) {
        ValueId const copy = new_value(graph_.value(id).name + std::string(suffix), graph_.value(id).type);
        set_layout(copy, layouts_[as_index(id)]);
        return copy;
    }

    void append(Node node) {
        for (ValueId const output : node.outputs) { produced_at_[output] = out_.size(); }
        out_.push_back(std::move(node));
    }

    /// The value in the layout that a user needs: itself, a part of it, or the result of an exchange.
    ValueId held(ValueId id, LayoutPtr const& needed, bool windowed, Node const& user) {
        Layout const& has = layout(id);
        if (has == *needed) { return id; }
        bool const covers = contains(has, *needed);
        // windowed kernels find their way in a larger input
        if (covers && windowed && !is_whole(id)) { return id; }
        for (ValueId const variant : variants_[id]) {
            if (layout(variant) == *needed) { return variant; }
        }
        ValueId const made = covers ? take_part(id, needed, user) : exchange(id, needed, user);
        variants_[id].push_back(made);
        return made;
    }

    ValueId take_part(ValueId id, LayoutPtr const& needed, Node const& user) {
        ValueId const part = new_value(graph_.value(id).name + ".part", graph_.value(id).type);
        set_layout(part, needed);
        auto const offset = contiguous_offset(layout(id)[rank_], (*needed)[rank_]);
        bool const contiguous = offset && !(*needed)[rank_].empty();
        if (contiguous) { inside_.push_back({part, id, bytes(*offset, id)}); }
        append({graph_.value(id).name + ".part",
                std::make_shared<LocalPart>(contiguous),
                {id},
                {part},
                user.phase,
                user.unit});
        return part;
    }

    [[nodiscard]] std::size_t bytes(Index elements, ValueId id) const {
        return static_cast<std::size_t>(elements) * size_of(graph_.value(id).type.dtype);
    }

    ValueId exchange(ValueId id, LayoutPtr const& needed, Node const& user) {
        std::string const name = graph_.value(id).name + ".halo";
        ValueType const type = graph_.value(id).type;
        LayoutPtr const from = layouts_[as_index(id)];
        Exchange const plan(plan_redistribution(*from, *needed, rank_),
                            TensorSpec{type.dtype, type.shape, (*from)[rank_]},
                            TensorSpec{type.dtype, type.shape, (*needed)[rank_]});
        ValueId const host = new_value(name + ".begun", type), result = new_value(name, type);
        auto const buffer_bytes = static_cast<Index>(plan.buffer_bytes());
        Shape const buffer_shape{1, 1, 1, 1, buffer_bytes};
        ValueId const buffer = new_value(name + ".messages", {DType::u8, buffer_shape});
        set_layout(host, needed);
        set_layout(result, needed);
        set_layout(buffer, replicated(buffer_shape));
        Node begin{name + ".begin",
                   std::make_shared<RedistributeBegin>(from, needed, buffer_bytes),
                   {id},
                   {host, buffer},
                   user.phase,
                   user.unit};
        Node finish{name, std::make_shared<RedistributeFinish>(), {host, buffer, id}, {result}, user.phase, user.unit};
        place_inside(id, host, *from, *needed);

        std::size_t const produced = produced_at_.count(id) != 0 ? produced_at_.at(id) : 0;
        std::size_t const latest = out_.empty() ? 0 : out_.size() - 1;
        std::size_t const at = std::max(produced, latest > longest_lead ? latest - longest_lead : 0);
        if (after_.size() <= at) { after_.resize(at + 1); }
        after_[at].push_back(std::move(begin));
        produced_at_[host] = at;
        append(std::move(finish));
        return result;
    }

    /// Where this rank's own part is contiguous in the tensor with its halo, it is written there from the beginning.
    void place_inside(ValueId id, ValueId host, Layout const& from, Layout const& needed) {
        Box const& own = from[rank_];
        bool const made_here = graph_.value(id).role == Role::activation && produced_at_.count(id) != 0 &&
                               !out_[produced_at_.at(id)].op->is_view();
        if (!made_here || own.empty() || hosted_.count(id) != 0 || !contains(needed[rank_], own)) { return; }
        auto const offset = contiguous_offset(needed[rank_], own);
        if (!offset) { return; }
        inside_.push_back({id, host, bytes(*offset, id)});
        hosted_.insert(id);
    }
};

}  // namespace

LocalGraph tile(Graph graph, TileGrid const& grid, int rank, TilingOptions const& options) {
    if (grid.ranks() == 1) { return whole(std::move(graph)); }
    return Lowering(std::move(graph), grid, rank, options).run();
}

LocalGraph whole(Graph graph) {
    LocalGraph local;
    for (Value const& value : graph.values()) {
        local.layouts.push_back(std::make_shared<Layout const>(Layout::replicated(1, value.type.shape)));
    }
    local.graph = std::move(graph);
    return local;
}

}  // namespace aureole
