#include "parallel/program/tiling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "core/error.hpp"
#include "core/ops/norm.hpp"
#include "parallel/exchange/all_reduce.hpp"
#include "parallel/exchange/box_copy.hpp"
#include "parallel/exchange/exchange.hpp"
#include "parallel/program/communicate.hpp"
#include "parallel/program/communication.hpp"

namespace aureole {

namespace {

using LayoutPtr = std::shared_ptr<Layout const>;

/// An exchange begins at most this many nodes before its first user: earlier would only hold memory.
constexpr std::size_t longest_lead = 4;
/// Sums of gradients over tiles end so many nodes of the network's graph after they begin, as long as nothing but an
/// update wants them: later would only hold memory.
constexpr int longest_sum = 8;

std::size_t as_index(std::int32_t id) { return static_cast<std::size_t>(id); }

/// The rows [lo, hi) of a box, in positions of the global tensor.
Box rows_of(Box box, std::size_t axis, Index lo, Index hi) {
    box.lo[axis] = lo;
    box.hi[axis] = hi;
    return box;
}

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
        extend();
    }

    LocalGraph run() {
        std::vector<Node> const nodes = graph_.nodes();
        for (Node const& node : nodes) {
            if (waits_for_sum(node)) { continue; }
            end_sums_of(node.inputs);
            lower(node);
            end_old_sums();
        }
        while (!sums_.empty()) { end_sum(sums_.begin()); }
        std::vector<Node> ordered;
        for (std::size_t i = 0; i < out_.size(); ++i) {
            ordered.push_back(std::move(out_[i]));
            if (i < after_.size()) {
                for (Node& node : after_[i]) { ordered.push_back(std::move(node)); }
            }
        }
        graph_.replace_nodes(std::move(ordered));
        LocalGraph local{std::move(graph_),
                         std::move(layouts_),
                         std::move(inside_),
                         std::move(may_be_strided_),
                         {},
                         std::move(partial_gradients_),
                         std::move(partial_states_),
                         std::move(tile_norms_),
                         rank_};
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
    std::vector<Layout> need_;        ///< by value: all that its users need, and the tile; empty: nothing is known
    std::vector<Inside> inside_, may_be_strided_;
    std::set<ValueId> hosted_;
    std::set<ValueId> partial_gradients_;
    std::set<std::string> partial_states_, tile_norms_;
    std::vector<Node> out_;
    std::vector<std::vector<Node>> after_;              ///< by position in out_: what was put behind it later
    std::map<ValueId, std::size_t> produced_at_;        ///< position in out_
    std::map<ValueId, std::vector<ValueId>> variants_;  ///< the same value in other layouts
    std::map<std::array<Index, 5>, LayoutPtr> tiled_, replicated_;
    /// A sum of gradients that has begun: what ends it, and the updates that wait for it.
    struct Sum {
        Node finish;
        std::vector<Node> updates{};
        int age = 0;  ///< nodes of the network's graph since
    };
    std::deque<Sum> sums_;  ///< oldest first

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

    /// Layouts of values that are held, or computed, further than the tile.
    ///
    /// Inputs are held as far as their users need them: nothing of them travels. What comes from an input pixel by
    /// pixel (a change of type) is computed as far, and with a chain so are the results of operators whose overlap is
    /// recomputed. Users come after what they use, so one pass backwards knows all needs of a value before its
    /// producer.
    void extend() {
        std::vector<Layout>& need = need_;
        need.resize(graph_.values().size());
        std::vector<int> chain(graph_.values().size(), 0);  ///< windows that the need has gone through
        for (std::size_t i = graph_.nodes().size(); i-- > 0;) {
            Node const& node = graph_.nodes()[i];
            bool const maps = node.op->reduced_input() < 0 && !node.outputs.empty() && may_tile(node);
            LayoutPtr out;
            int below = 0;
            if (maps) {
                out = tiled(shape(node.outputs[0]));
                for (ValueId const id : node.outputs) { below = std::max(below, chain[as_index(id)]); }
                if (below > 0 && (below < options_.chain || only_from_input(node))) {
                    extend_outputs(node, need);
                    out = layouts_[as_index(node.outputs[0])];
                } else {
                    below = 0;
                }
            }
            for (std::size_t k = 0; k < node.inputs.size(); ++k) {
                ValueId const id = node.inputs[k];
                if (!is_image(id) || !has_pixels(shape(id))) { continue; }
                Layout const needed =
                    maps ? needed_layout(node.op->access(k), *out, shape(id)) : needed_of_other(node, k);
                if (needed.boxes.empty()) { continue; }
                bool const more = !contains(*tiled(shape(id)), needed);
                Layout& all = need[as_index(id)];
                if (all.boxes.empty()) { all = *tiled(shape(id)); }
                grow(all, needed);
                int const windows = below + (more && has_window(node, k) ? 1 : 0);
                if (more) { chain[as_index(id)] = std::max(chain[as_index(id)], std::max(windows, 1)); }
            }
        }
        for (std::size_t i = 0; i < graph_.values().size(); ++i) {
            auto const id = static_cast<ValueId>(i);
            if (graph_.value(id).role == Role::input && has_pixels(shape(id)) && !need[i].boxes.empty()) {
                set_layout(id, std::make_shared<Layout const>(need[i]));
            }
        }
    }
    /// Its own tiles, whatever those of its inputs turn out to be: judged by shapes alone.
    [[nodiscard]] bool may_tile(Node const& node) const {
        return !node.op->is_view() && has_pixels(shape(node.outputs[0])) && node.op->reduced_input() < 0;
    }
    [[nodiscard]] bool only_from_input(Node const& node) const {
        return node.op->kind() == "cast" && graph_.value(node.inputs[0]).role == Role::input;
    }
    [[nodiscard]] bool has_window(Node const& node, std::size_t input) const {
        Access const access = node.op->reduced_input() < 0 ? node.op->access(input) : node.op->access_by_pixel(input);
        for (std::size_t axis = 1; axis <= 3; ++axis) {
            if (access.reach[axis] == Reach::window || access.reach[axis] == Reach::inverse_window) { return true; }
        }
        return false;
    }
    /// Every output of a node as far as any of them is needed.
    void extend_outputs(Node const& node, std::vector<Layout> const& need) {
        Layout hull = *tiled(shape(node.outputs[0]));
        for (ValueId const id : node.outputs) {
            bool const same = shape(id).pixels_per_sample() == shape(node.outputs[0]).pixels_per_sample();
            if (same && !need[as_index(id)].boxes.empty()) { grow(hull, need[as_index(id)]); }
        }
        for (ValueId const id : node.outputs) {
            if (!has_pixels(shape(id))) { continue; }
            Layout own = hull;
            for (Box& box : own.boxes) { box.hi[4] = box.empty() ? 0 : shape(id).c; }
            set_layout(id, std::make_shared<Layout const>(std::move(own)));
        }
    }
    /// What a reduction, or a node that needs the whole, needs of an input; nothing where that is not to be extended
    /// for.
    Layout needed_of_other(Node const& node, std::size_t input) {
        int const reduced = node.op->reduced_input();
        Shape const& x = shape(node.inputs[input]);
        if (reduced < 0) {  // the whole: inputs are read so, other values are gathered
            bool const is_input = graph_.value(node.inputs[input]).role == Role::input;
            return is_input ? *replicated(x) : Layout{};
        }
        ValueId const anchor = node.inputs[static_cast<std::size_t>(reduced)];
        if (!has_pixels(shape(anchor))) { return {}; }
        if (static_cast<int>(input) == reduced) { return *tiled(x); }
        return needed_layout(node.op->access_by_pixel(input), *tiled(shape(anchor)), x);
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
        if (tiles && layouts_[as_index(node.outputs[0])]) { out = layouts_[as_index(node.outputs[0])]; }  // extended
        if (tiles && options_.overlap != Overlap::never) {
            if (auto const slabs = plan_slabs(node, *out)) {
                lower_in_slabs(node, out, *slabs);
                return;
            }
        }
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            ValueId const id = node.inputs[i];
            if (!is_image(id)) { continue; }
            if (tiles) {
                local.inputs[i] = held_for(node, i, *out);
            } else if (has_pixels(shape(id))) {
                local.inputs[i] = held(id, replicated(shape(id)), false, node);
            }
        }
        for (ValueId const output : node.outputs) {
            bool const extended = tiles && layouts_[as_index(output)] != nullptr;
            if (extended) { continue; }
            set_layout(output, tiles && has_pixels(shape(output)) ? tiled(shape(output)) : replicated(shape(output)));
        }
        append(std::move(local));
    }

    /// Input i in the layout that a node needs for this part of its outputs.
    ValueId held_for(Node const& node, std::size_t i, Layout const& out) {
        Access const access = node.op->access(i);
        ValueId const id = node.inputs[i];
        if (!has_pixels(shape(id))) { return samples_of(id, access, out, node); }
        bool const windowed = access.reach[1] == Reach::window || access.reach[2] == Reach::window;
        return held(id, std::make_shared<Layout const>(needed_layout(access, out, shape(id))), windowed, node);
    }

    /// The samples of a value without pixels that belong to a part of an output; all ranks hold all of them.
    ValueId samples_of(ValueId id, Access const& access, Layout const& out, Node const& user) {
        if (grid_.sample_parts() == 1 || access.reach[0] != Reach::same) { return id; }
        Layout needed = layout(id);
        for (int rank = 0; rank < needed.ranks(); ++rank) {
            Box& box = needed.boxes[static_cast<std::size_t>(rank)];
            box.lo[0] = out[rank].lo[0];
            box.hi[0] = out[rank].hi[0];
        }
        return held(id, std::make_shared<Layout const>(std::move(needed)), false, user);
    }

    /// The slabs of an output: what needs rows from ranks before, what this rank can compute by itself, what needs rows
    /// from ranks behind.
    struct Slabs {
        Layout before, between, behind;
    };

    /// Slabs, where their overlap with an exchange pays; decided for all ranks alike.
    std::optional<Slabs> plan_slabs(Node const& node, Layout const& out) {
        if (node.outputs.size() != 1) { return {}; }
        std::optional<std::size_t> travelling;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            ValueId const id = node.inputs[i];
            if (!is_image(id) || !has_pixels(shape(id)) || !has_window(node, i)) { continue; }
            if (travelling || layouts_[as_index(id)] != tiled(shape(id))) { return {}; }
            Layout const needed = needed_layout(node.op->access(i), out, shape(id));
            if (contains(layout(id), needed)) { continue; }
            for (ValueId const variant : variants_[id]) {
                if (contains(layout(variant), needed)) { return {}; }  // it has arrived
            }
            travelling = i;
        }
        if (!travelling) { return {}; }
        ValueId const id = node.inputs[*travelling];
        Access const access = node.op->access(*travelling);
        Slabs slabs;
        double gained = 0, spent = 0;  // seconds of the rank with the most
        for (int rank = 0; rank < grid_.ranks(); ++rank) {
            Box const& whole = out[rank];
            std::size_t axis = 1;
            while (axis < 3 && whole.hi[axis] - whole.lo[axis] == 1) { ++axis; }
            Index lo = whole.lo[axis], hi = whole.hi[axis];
            auto const has = [&](Index first, Index last) {
                Box const part = rows_of(whole, axis, first, last);
                Box const need = needed_box(access, part, shape(id));
                return need.empty() || contains(layout(id)[rank], need);
            };
            while (lo < hi && !has(lo, lo + 1)) { ++lo; }
            while (lo < hi && !has(hi - 1, hi)) { --hi; }
            Box const between = rows_of(whole, axis, lo, hi);
            if (!whole.empty() && (3 * (hi - lo) < 2 * (whole.hi[axis] - whole.lo[axis]) || !has(lo, hi) ||
                                   !contiguous_offset(whole, between))) {
                return {};
            }
            slabs.before.boxes.push_back(rows_of(whole, axis, whole.lo[axis], lo));
            slabs.between.boxes.push_back(between);
            slabs.behind.boxes.push_back(rows_of(whole, axis, hi, whole.hi[axis]));
            if (options_.overlap == Overlap::worthwhile) {
                gained = std::max(gained, seconds_travelling(id, needed_box(access, whole, shape(id)), rank));
                double const border =
                    share_of(whole, shape(node.outputs[0])) - share_of(between, shape(node.outputs[0]));
                spent = std::max(spent, border * seconds_of(graph_, node, options_.machine) + seconds_again(node));
            }
        }
        if (options_.overlap == Overlap::worthwhile && gained - seconds_since(id) < spent) { return {}; }
        return slabs;
    }
    [[nodiscard]] double seconds_travelling(ValueId id, Box const& needed, int rank) const {
        Index const missing = needed.shape().volume() - layout(id)[rank].shape().volume();
        return options_.machine.latency +
               static_cast<double>(bytes(std::max<Index>(missing, 0), id)) / options_.machine.message_bytes;
    }
    /// Of two more runs of a kernel, which read its parameters again.
    [[nodiscard]] double seconds_again(Node const& node) const {
        Index elements = 0;
        for (ValueId const id : node.inputs) {
            if (graph_.value(id).role == Role::parameter) { elements += shape(id).volume(); }
        }
        return 2 * static_cast<double>(bytes(elements, node.outputs[0])) / options_.machine.memory_bytes;
    }
    /// Of the nodes behind the one that made a value: they hide its exchange already.
    [[nodiscard]] double seconds_since(ValueId id) const {
        auto const made = produced_at_.find(id);
        double seconds = 0;
        for (std::size_t i = made == produced_at_.end() ? 0 : made->second + 1; i < out_.size(); ++i) {
            seconds += seconds_of(graph_, out_[i], options_.machine);
        }
        return seconds / grid_.ranks();
    }

    void lower_in_slabs(Node const& node, LayoutPtr const& out, Slabs const& slabs) {
        ValueId const whole = node.outputs[0];
        set_layout(whole, out);
        Node join{node.name + ".join", std::make_shared<JoinParts>(), {}, {whole}, node.phase, node.unit};
        auto const add = [&](std::string_view which, Layout const& slab) {
            Node part = node;
            part.name += which;
            part.outputs[0] = new_value(graph_.value(whole).name + std::string(which), graph_.value(whole).type);
            set_layout(part.outputs[0], std::make_shared<Layout const>(slab));
            if (Box const& box = slab[rank_]; !box.empty()) {
                inside_.push_back({part.outputs[0], whole, bytes(*contiguous_offset((*out)[rank_], box), whole)});
            }
            for (std::size_t i = 0; i < node.inputs.size(); ++i) {
                if (is_image(node.inputs[i])) { part.inputs[i] = held_for(node, i, slab); }
            }
            join.inputs.push_back(part.outputs[0]);
            append(std::move(part));
        };
        add(".between", slabs.between);
        add(".before", slabs.before);
        add(".behind", slabs.behind);
        append(std::move(join));
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
            if (!is_image(id)) { continue; }
            if (!has_pixels(shape(id))) {
                if (partial) { local.inputs[i] = samples_of(id, node.op->access_by_pixel(i), *share, node); }
                continue;
            }
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
        if (options_.tile_norm && is_batch_norm(*node.op)) {
            append_tile_norm(std::move(local), (*share)[rank_].empty());
            return;
        }
        Shared const shared{share, shape(anchor).n};
        std::vector<ValueType> types;
        for (ValueId const id : node.inputs) { types.push_back(graph_.value(id).type); }
        if (auto const split = node.op->split(types)) {
            append_split(local, *split, shared);
        } else {
            append_partial(std::move(local), shared);
        }
    }

    static bool is_batch_norm(Operator const& op) {
        if (op.kind() == "norm_statistics") {
            return static_cast<NormStatistics const&>(op).attributes().kind == NormAttributes::Kind::batch;
        }
        return op.kind() == "norm_reduce" &&
               static_cast<NormReduce const&>(op).attributes().norm.kind == NormAttributes::Kind::batch;
    }

    /// What the ranks take of the input of a reduction, and how many samples that has.
    struct Shared {
        LayoutPtr parts;
        Index samples = 1;
        [[nodiscard]] bool empty(int rank) const { return (*parts)[rank].empty(); }
    };

    /// Rows of a reduction's output to which the samples of each rank add.
    LayoutPtr rows_of_samples(Operator const& op, std::size_t output, ValueId whole, Shared const& shared) {
        LayoutPtr const& all = layouts_[as_index(whole)];
        if (grid_.sample_parts() == 1 || !op.has_rows_of_samples(output)) { return all; }
        Layout rows = *all;
        Index const count = shape(whole).n;
        for (int rank = 0; rank < rows.ranks(); ++rank) {
            Box& box = rows.boxes[static_cast<std::size_t>(rank)];
            if (shared.empty(rank)) { continue; }
            box.lo[0] = (*shared.parts)[rank].lo[0] * count / shared.samples;
            box.hi[0] = ((*shared.parts)[rank].hi[0] * count + shared.samples - 1) / shared.samples;
        }
        return std::make_shared<Layout const>(std::move(rows));
    }

    /// Statistics stay those of the tile; only the gradients of scale and shift are summed over tiles.
    void append_tile_norm(Node local, bool empty) {
        tile_norms_.insert(local.name);
        std::vector<ValueId> wholes, parts;
        for (ValueId& output : local.outputs) {
            if (graph_.value(output).role != Role::gradient) { continue; }
            if (options_.defer_gradients) {
                partial_gradients_.insert(output);
                continue;
            }
            wholes.push_back(output);
            output = copy_of(output, ".partial", layouts_[as_index(output)]);
            parts.push_back(output);
        }
        append(local);
        append_all_reduce(local, Combine::sum, empty, parts, wholes);
    }

    /// A reduction whose outputs are partial, and what combines them.
    void append_partial(Node local, Shared const& shared) {
        std::vector<ValueId> wholes, parts;
        for (std::size_t i = 0; i < local.outputs.size(); ++i) {
            ValueId& output = local.outputs[i];
            bool const gradient = graph_.value(output).role == Role::gradient;
            if (gradient && options_.defer_gradients) {
                partial_gradients_.insert(output);
                continue;
            }
            wholes.push_back(output);
            output = copy_of(output, ".partial", rows_of_samples(*local.op, i, output, shared));
            parts.push_back(output);
        }
        append(local);
        append_all_reduce(local, local.op->combine(), shared.empty(rank_), parts, wholes);
    }

    void append_split(Node const& local, Split const& split, Shared const& shared) {
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
            partial.outputs.push_back(copy_of(whole, ".partial", rows_of_samples(*split.partial, i, whole, shared)));
        }
        std::vector<ValueId> const parts = partial.outputs;
        Node finish{local.name, split.finish, wholes, {}, local.phase, local.unit};
        for (std::size_t const i : split.finish_inputs) { finish.inputs.push_back(local.inputs[i]); }
        for (std::size_t const i : split.finish_outputs) { finish.outputs.push_back(local.outputs[i]); }
        append(std::move(partial));
        append_all_reduce(local, split.partial->combine(), shared.empty(rank_), parts, wholes);
        end_sums_of(wholes);
        append(std::move(finish));
    }

    /// Combines `parts` over the ranks into `wholes`.
    void append_all_reduce(Node const& of, Combine combine, bool empty, std::vector<ValueId> const& parts,
                           std::vector<ValueId> const& wholes) {
        if (parts.empty()) { return; }
        std::string const name = of.name + ".all_reduce";
        std::vector<TensorSpec> specs;
        for (ValueId const whole : wholes) {
            ValueType const& type = graph_.value(whole).type;
            specs.push_back({type.dtype, type.shape, layout(whole)[rank_]});
        }
        AllReduce::Ranks const ranks{grid_.ranks(), true, empty};
        auto const buffer_bytes = static_cast<Index>(AllReduce(combine, std::move(specs), ranks).buffer_bytes());
        Shape const buffer_shape{1, 1, 1, 1, buffer_bytes};
        std::vector<ValueId> begun{new_value(name + ".messages", {DType::u8, buffer_shape})};
        set_layout(begun[0], replicated(buffer_shape));
        for (ValueId const whole : wholes) { begun.push_back(copy_of(whole, ".begun", layouts_[as_index(whole)])); }
        append({name + ".begin", std::make_shared<AllReduceBegin>(combine, ranks, buffer_bytes), parts, begun, of.phase,
                of.unit});
        sums_.push_back({{name, std::make_shared<AllReduceFinish>(), begun, wholes, of.phase, of.unit}});
        bool const only_gradients = std::all_of(wholes.begin(), wholes.end(),
                                                [&](ValueId id) { return graph_.value(id).role == Role::gradient; });
        if (!only_gradients) { end_sums_of(wholes); }
    }
    /// An update waits, with its gradient, until the sum ends.
    bool waits_for_sum(Node const& node) {
        if (node.op->kind() != "optimizer_update") { return false; }
        auto const sum = sum_of(node.inputs);
        if (sum != sums_.end()) { sum->updates.push_back(node); }
        return sum != sums_.end();
    }
    /// The first sum that gives one of these values.
    std::deque<Sum>::iterator sum_of(std::vector<ValueId> const& values) {
        return std::find_if(sums_.begin(), sums_.end(), [&](Sum const& each) {
            std::vector<ValueId> const& wholes = each.finish.outputs;
            return std::find_first_of(wholes.begin(), wholes.end(), values.begin(), values.end()) != wholes.end();
        });
    }
    void end_sums_of(std::vector<ValueId> const& values) {
        for (auto sum = sum_of(values); sum != sums_.end(); sum = sum_of(values)) { end_sum(sum); }
    }
    void end_old_sums() {
        for (Sum& each : sums_) { ++each.age; }
        while (!sums_.empty() && sums_.front().age > longest_sum) { end_sum(sums_.begin()); }
    }
    void end_sum(std::deque<Sum>::iterator at) {
        Sum sum = std::move(*at);
        sums_.erase(at);
        append(std::move(sum.finish));
        for (Node& update : sum.updates) { append(std::move(update)); }
    }

    ValueId new_value(std::string name, ValueType const& type) {
        return graph_.add_value({std::move(name), type, Role::activation, none, {}, true});
    }
    /// A value of the same type that only this lowering knows.
    ValueId copy_of(ValueId id, std::string_view suffix, LayoutPtr layout) {
        ValueId const copy = new_value(graph_.value(id).name + std::string(suffix), graph_.value(id).type);
        set_layout(copy, std::move(layout));
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
        if (covers && windowed && layouts_[as_index(id)] == tiled(shape(id))) { return id; }
        for (ValueId const variant : variants_[id]) {
            if (layout(variant) == *needed) { return variant; }
        }
        for (ValueId const variant : std::vector<ValueId>(variants_[id])) {
            if (!covers && contains(layout(variant), *needed)) { return held(variant, needed, windowed, user); }
        }
        if (!covers && layouts_[as_index(id)] != tiled(shape(id))) {  // what travels is sent by its owner
            ValueId const tile = held(id, tiled(shape(id)), false, user);
            return held(tile, needed, windowed, user);
        }
        if (covers) {
            ValueId const part = take_part(id, needed, user);
            variants_[id].push_back(part);
            return part;
        }
        // one exchange for all users: those that need less take their part of it
        bool const known = as_index(id) < need_.size() && !need_[as_index(id)].boxes.empty();
        LayoutPtr const all = known && contains(need_[as_index(id)], *needed)
                                  ? std::make_shared<Layout const>(need_[as_index(id)])
                                  : needed;
        ValueId const wide = exchange(id, all, user);
        variants_[id].push_back(wide);
        return held(wide, needed, windowed, user);
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
        ValueId const host = new_value(name + ".begun", type), result = new_value(name, type);
        TensorSpec own{type.dtype, type.shape, (*from)[rank_]};
        TensorSpec const wide{type.dtype, type.shape, (*needed)[rank_]};
        Redistribution const plan = plan_redistribution(*from, *needed, rank_);
        std::size_t most = Exchange(plan, own, wide).buffer_bytes();
        if (place_inside(id, host, own.box, wide.box) == Placing::strided) {  // more strips are packed then
            own.within = wide.box;
            most = std::max(most, Exchange(plan, own, wide).buffer_bytes());
        }
        auto const buffer_bytes = static_cast<Index>(most);
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
        if (out_.empty()) {
            append(std::move(begin));
        } else {
            std::size_t const produced = produced_at_.count(id) != 0 ? produced_at_.at(id) : 0;
            std::size_t const latest = out_.size() - 1;
            std::size_t const at = std::max(produced, latest > longest_lead ? latest - longest_lead : 0);
            if (after_.size() <= at) { after_.resize(at + 1); }
            after_[at].push_back(std::move(begin));
            produced_at_[host] = at;
        }
        append(std::move(finish));
        return result;
    }

    enum class Placing : std::uint8_t { apart, contiguous, strided };

    /// This rank's own part is written into the tensor with its halo from the beginning: where it is contiguous there,
    /// elsewhere if its kernels can.
    Placing place_inside(ValueId id, ValueId host, Box const& own, Box const& needed) {
        bool const made_here = graph_.value(id).role == Role::activation && produced_at_.count(id) != 0 &&
                               !out_[produced_at_.at(id)].op->is_view();
        bool const fits = !own.empty() && contains(needed, own) && own.shape().c == needed.shape().c;
        if (!made_here || !fits || !hosted_.insert(id).second) { return Placing::apart; }
        bool const contiguous = contiguous_offset(needed, own).has_value();
        Index const offset = offset_of(Strides::of(needed.shape()), needed, own);
        (contiguous ? inside_ : may_be_strided_).push_back({id, host, bytes(offset, id)});
        return contiguous ? Placing::contiguous : Placing::strided;
    }
};

}  // namespace

LocalGraph tile(Graph graph, TileGrid const& grid, int rank, TilingOptions const& options) {
    if (grid.ranks() == 1) { return whole(std::move(graph)); }
    return Lowering(std::move(graph), grid, rank, options).run();
}

}  // namespace aureole
