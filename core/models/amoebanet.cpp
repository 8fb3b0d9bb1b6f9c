#include "core/models/amoebanet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "core/error.hpp"

namespace aureole {

namespace {

enum class Op : std::uint8_t { identity, max2, max3, average3, conv1x1, conv3x3, conv1x7_7x1 };

/// An operation on one of the states: 0 and 1 are the two inputs, the others come from pairs of operations.
struct Step {
    std::size_t state;
    Op op;
};

/// Every two steps add up to the next state.
struct CellPlan {
    std::array<Step, 10> steps;
    std::array<std::size_t, 4> joined;  ///< states that make the result
    std::size_t joined_count;
    Index stride;  ///< of operations on the inputs
};

constexpr CellPlan normal_plan{{{{1, Op::conv1x1},
                                 {1, Op::max3},
                                 {1, Op::identity},
                                 {0, Op::conv1x7_7x1},
                                 {0, Op::conv1x1},
                                 {0, Op::conv1x7_7x1},
                                 {2, Op::max3},
                                 {2, Op::identity},
                                 {1, Op::average3},
                                 {5, Op::conv1x1}}},
                               {0, 3, 4, 6},
                               4,
                               1};

constexpr CellPlan reduction_plan{{{{0, Op::max2},
                                    {0, Op::max3},
                                    {2, Op::identity},
                                    {1, Op::conv3x3},
                                    {2, Op::conv1x7_7x1},
                                    {2, Op::max3},
                                    {3, Op::identity},
                                    {1, Op::max2},
                                    {2, Op::average3},
                                    {3, Op::conv1x1}}},
                                  {4, 5, 6},
                                  3,
                                  2};

/// Kernel and stride of a convolution along h and w, padded so that an extent e becomes e / stride, rounded up.
struct Kernel2D {
    Index h, w, stride_h, stride_w;
};

Windows windows_of(Kernel2D const& kernel) {
    auto const window = [](Index size, Index stride) { return Window{size, stride, (size - 1) / 2, (size - 1) / 2}; };
    return {Window{}, window(kernel.h, kernel.stride_h), window(kernel.w, kernel.stride_w)};
}

class AmoebaNetBuilder {
  public:
    AmoebaNetBuilder(NetworkBuilder& net, AmoebaNetOptions const& options) : net_(net), options_(options) {}

    ValueId build(ValueId x) {
        channels_ = options_.filters / 4;
        net_.graph().begin_unit("stem1");
        ValueId const stem = net_.relu("stem1.relu", x);
        previous_ = before_ = conv_norm("stem1.", {"conv", "bn"}, stem, channels_, {3, 3, 2, 2});
        reduction_cell("stem2");
        reduction_cell("stem3");
        for (int section = 1; section <= 5; ++section) {
            std::string const name = fmt::format("cell{}", section);
            if (section % 2 == 0) {
                reduction_cell(name);
                continue;
            }
            for (Index i = 0; i < options_.cells / 3; ++i) { cell(fmt::format("{}.{}", name, i), normal_plan); }
        }
        net_.graph().begin_unit("classifier");
        return net_.linear("fc", net_.global_pool("avgpool", previous_, PoolKind::average), options_.classes);
    }

  private:
    NetworkBuilder& net_;
    AmoebaNetOptions const& options_;
    Index channels_ = 0;
    ValueId previous_ = none, before_ = none;  ///< results of the last two cells
    bool halved_ = false;                      ///< the last cell was a reduction: before_ is twice as large
    std::map<ValueId, ValueId> relu_;          ///< of values that several operations of a cell read

    struct Names {
        std::string conv, norm;
    };

    ValueId conv_norm(std::string const& prefix, Names const& names, ValueId x, Index filters, Kernel2D const& kernel) {
        return net_.norm(prefix + names.norm, net_.conv(prefix + names.conv, x, {windows_of(kernel), filters}), {});
    }

    ValueId pool(std::string const& name, ValueId x, Window const& window, PoolKind kind, bool count_padding = false) {
        return net_.pool(name, x, {{Window{}, window, window}, kind, count_padding});
    }

    /// ReLU of a state, once per cell.
    ValueId relu_of(std::string const& name, ValueId x) {
        auto const [known, is_new] = relu_.try_emplace(x, none);
        if (is_new) { known->second = net_.relu(name + ".relu", x); }
        return known->second;
    }

    ValueId relu_conv_norm(std::string const& name, ValueId x, Index stride = 1) {
        return conv_norm(name + ".", {"conv", "bn"}, relu_of(name, x), channels_, {1, 1, stride, stride});
    }

    /// Halves the image without loss of information: one half of the channels from the pixels at even positions along h
    /// and w, the other from those one further, 0 beyond the border. Picking pixels is an average over windows of one
    /// pixel; it comes before ReLU and convolution, which act pixel by pixel and so have a quarter of the work.
    ValueId factorized_reduction(std::string const& name, ValueId x) {
        std::vector<ValueId> halves;
        for (Index shift = 0; shift < 2; ++shift) {
            std::string const half = fmt::format("{}.conv{}", name, shift + 1);
            ValueId y = pool(half + ".pixels", x, {1, 2, -shift, shift}, PoolKind::average, true);
            y = net_.relu(half + ".relu", y);
            halves.push_back(net_.conv(half, y, {windows_of({1, 1, 1, 1}), channels_ / 2}));
        }
        return net_.norm(name + ".bn", net_.concat(name + ".concat", halves), {});
    }

    /// ReLU, convolution, norm for each kernel, between 1 x 1 convolutions to a quarter of the channels and back.
    ValueId bottleneck(std::string const& name, ValueId x, std::vector<Kernel2D> kernels) {
        kernels.insert(kernels.begin(), {1, 1, 1, 1});
        kernels.push_back({1, 1, 1, 1});
        for (std::size_t i = 0; i < kernels.size(); ++i) {
            std::string const number = std::to_string(i + 1);
            bool const last = i + 1 == kernels.size();
            x = i == 0 ? relu_of(name, x) : net_.relu(name + ".relu" + number, x);
            x = conv_norm(name + ".", {"conv" + number, "bn" + number}, x, last ? channels_ : channels_ / 4,
                          kernels[i]);
        }
        return x;
    }

    ValueId apply(std::string const& name, Op op, ValueId x, Index stride) {
        switch (op) {
            case Op::identity: return x;
            // padding at the end: an odd extent is rounded up, as by the other operations of stride 2
            case Op::max2: return pool(name, x, {2, stride, 0, 1}, PoolKind::max);
            case Op::max3: return pool(name, x, {3, stride, 1, 1}, PoolKind::max);
            case Op::average3: return pool(name, x, {3, stride, 1, 1}, PoolKind::average);
            case Op::conv1x1: return relu_conv_norm(name, x, stride);
            case Op::conv3x3: return bottleneck(name, x, {{3, 3, stride, stride}});
            case Op::conv1x7_7x1: return bottleneck(name, x, {{1, 7, 1, stride}, {7, 1, stride, 1}});
        }
        fail(ExitCode::internal, "unknown operation of a cell");
    }

    /// The result of the cell before the last with this cell's size and channels.
    ValueId adapt(std::string const& name, ValueId x) {
        return halved_ ? factorized_reduction(name, x) : relu_conv_norm(name, x);
    }

    void reduction_cell(std::string const& name) {
        channels_ *= 2;
        cell(name, reduction_plan);
        halved_ = true;
    }

    void cell(std::string const& name, CellPlan const& plan) {
        net_.graph().begin_unit(name);
        relu_.clear();
        std::vector<ValueId> states{relu_conv_norm(name + ".reduce1", previous_), adapt(name + ".reduce2", before_)};
        for (std::size_t i = 0; i < plan.steps.size(); i += 2) {
            std::array<ValueId, 2> terms{};
            for (std::size_t k = 0; k < 2; ++k) {
                Step const& step = plan.steps[i + k];
                Index const stride = step.state < 2 ? plan.stride : 1;
                terms[k] = apply(fmt::format("{}.op{}", name, i + k), step.op, states[step.state], stride);
            }
            states.push_back(net_.add(fmt::format("{}.state{}", name, states.size()), terms[0], terms[1]));
        }
        std::vector<ValueId> joined;
        for (std::size_t const state : std::span(plan.joined).first(plan.joined_count)) {
            joined.push_back(states[state]);
        }
        before_ = previous_;
        previous_ = net_.concat(name, joined);
        halved_ = false;
    }
};

}  // namespace

ValueId amoebanet(NetworkBuilder& net, ValueId x, AmoebaNetOptions const& options) {
    require(options.cells >= 3 && options.cells % 3 == 0, ExitCode::bad_deck,
            "amoebanet: {} cells cannot be parted in three: choose a multiple of 3, e.g. {}", options.cells,
            std::max<Index>(1, (options.cells + 1) / 3) * 3);
    require(options.filters >= 8, ExitCode::bad_deck,
            "amoebanet: {} filters leave none for the narrowest convolution (a bottleneck has filters / 8): use 8 or "
            "more",
            options.filters);
    return AmoebaNetBuilder(net, options).build(x);
}

}  // namespace aureole
