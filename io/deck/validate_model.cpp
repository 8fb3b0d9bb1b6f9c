#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>

#include "io/deck/rules.hpp"
#include "io/deck/scalar.hpp"

namespace aureole::deck {
namespace {

void check_resnet(Rules& rules) {
    ModelSpec const& model = rules.deck().model;
    if (!rules.readable({"model.name", "model.depth", "model.version"})) { return; }
    if (model.kind == ModelSpec::Kind::resnet_cifar) {
        Index const period = model.version == 1 ? 6 : 9;
        Index const below = std::max<Index>((model.depth - 2) / period, 1) * period + 2;
        if (model.depth != below) {
            rules.fail("model.depth",
                       "model.depth is {} (version {} of resnet_cifar has {}n+2 layers): choose {} or {}", model.depth,
                       model.version, period, below, below + period);
        }
    }
    if (model.kind == ModelSpec::Kind::resnet) {
        constexpr std::array<Index, 5> depths{18, 34, 50, 101, 152};
        if (std::find(depths.begin(), depths.end(), model.depth) == depths.end()) {
            rules.fail(
                "model.depth",
                "model.depth is {} (resnet has 18, 34, 50, 101 or 152 layers): choose one of them, or resnet_cifar",
                model.depth);
        }
    }
}

void check_amoebanet(Rules& rules) {
    ModelSpec const& model = rules.deck().model;
    if (model.kind != ModelSpec::Kind::amoebanet || !rules.readable({"model.name", "model.cells"})) { return; }
    if (model.cells % 3 != 0) {
        Index const below = std::max<Index>(model.cells / 3 * 3, 3);
        rules.fail(
            "model.cells",
            "model.cells is {} (a third of the cells stands before, between and after two reductions): choose {} "
            "or {}",
            model.cells, below, below + 3);
    }
}

/// Every level of a U-Net halves all extents.
void check_halvings(Rules& rules) {
    Index const levels = rules.deck().model.levels, step = Index{1} << levels;
    std::vector<Index> const& size = rules.deck().image.size;
    std::vector<Index> enlarged;
    Index most = levels;
    for (Index const extent : size) {
        enlarged.push_back((extent + step - 1) / step * step);
        most = std::min<Index>(most, std::countr_zero(static_cast<std::uint64_t>(extent)));
    }
    if (enlarged == size) { return; }
    rules.fail("image.size",
               "image.size is [{}] (a U-Net with {} levels halves every extent {} times, so each must be a multiple of "
               "{}): make it [{}]{}",
               fmt::join(size, ", "), levels, levels, step, fmt::join(enlarged, ", "),
               most == 0 ? " (an odd extent cannot be halved at all)"
                         : fmt::format(", or set model.levels to {}{}", most, most == 1 ? "" : " or less"));
}

void check_unet(Rules& rules) {
    ModelSpec const& model = rules.deck().model;
    auto const& size = rules.deck().image.size;
    if (model.kind != ModelSpec::Kind::unet || !rules.readable({"model", "image.size"})) { return; }
    if (model.dimensions != static_cast<Index>(size.size())) {
        rules.fail("model.dimensions", "model.dimensions is {} (image.size has {} axes): make them equal",
                   model.dimensions, size.size());
    }
    check_halvings(rules);
    bool const is_grouped = model.norm == ModelSpec::Norm::group;
    bool const is_default = model.norm_groups == ModelSpec{}.norm_groups;  // a resolved deck names it
    if (!is_grouped && !is_default && rules.given("model.norm_groups")) {
        rules.fail("model.norm_groups",
                   "model.norm_groups is given (it belongs to norm: group): remove it, or change norm");
    }
    if (is_grouped && model.base % model.norm_groups != 0) {
        rules.fail("model.norm_groups", "model.norm_groups is {} (it does not divide model.base, {}): choose a divisor",
                   model.norm_groups, model.base);
    }
}

/// Names seen so far while walking the layers in order.
using Names = std::map<std::string, std::size_t>;

void check_names(Rules& rules, LayerSpec const& layer, std::string const& path, std::size_t position, Names& names) {
    if (layer.name.empty()) { return; }
    if (!is_plain_name(layer.name)) {
        rules.fail(path + ".name",
                   "the layer's name is '{}' (it names datasets of dumps): use letters, digits, '_', '-' and '.'",
                   shorten(layer.name));
    } else if (layer.name == "input") {
        rules.fail(path + ".name", "the layer's name is 'input' (that is the image): choose another");
    } else if (auto const [first, is_new] = names.try_emplace(layer.name, position); !is_new) {
        rules.fail(path + ".name", "the layer's name '{}' is taken (layer {} has it): choose another", layer.name,
                   first->second);
    }
}

void check_from(Rules& rules, LayerSpec const& layer, std::string const& path, Names const& names) {
    for (auto const& source : layer.from) {
        if (source == "input" || names.contains(source)) { continue; }
        std::vector<std::string> known{"input"};
        for (auto const& entry : names) { known.push_back(entry.first); }
        auto const near = nearest(source, known);
        rules.fail(path + ".from",
                   "'{}' is not the name of an earlier layer (a layer reads what was computed before it): {}",
                   shorten(source),
                   near ? fmt::format("did you mean '{}'?", *near) : "give that layer a name, or write 'input'");
    }
}

/// Numbers along the image axes: one, or as many as the image has axes.
void check_axes(Rules& rules, LayerSpec const& layer, std::string const& path) {
    std::size_t const axes = rules.deck().image.size.size();
    for (auto const& [key, value] : layer.attributes) {
        std::size_t count = 1;
        if (auto const* numbers = std::get_if<std::vector<Index>>(&value)) {
            count = std::max<std::size_t>(numbers->size(), 1);
        }
        if (auto const* padding = std::get_if<Padding>(&value)) {
            count = std::max<std::size_t>(padding->sides.size(), 1);
        }
        if (count != 1 && count != axes) {
            rules.fail(path + "." + key,
                       "{} has {} entries (the image has {} axes): write one for all axes, or one per axis", key, count,
                       axes);
        }
    }
}

void check_attributes(Rules& rules, LayerSpec const& layer, std::string const& path) {
    if (layer.op == "conv" || layer.op == "transposed_conv") {
        if (layer.integer("filters") % layer.integer("groups") != 0) {
            rules.fail(path + ".groups", "groups is {} (it does not divide filters, {}): choose a divisor",
                       layer.integer("groups"), layer.integer("filters"));
        }
    }
    if (layer.op == "slice" && layer.integer("begin") >= layer.integer("end")) {
        rules.fail(path + ".end", "the slice [{}, {}) is empty (end is excluded): choose a larger end",
                   layer.integer("begin"), layer.integer("end"));
    }
    if (layer.op.ends_with("_pool") && layer.attributes.contains("padding") &&
        layer.padding("padding").mode == Padding::Mode::given) {
        auto const& kernel = std::get<std::vector<Index>>(layer.attributes.at("kernel"));
        auto const& sides = layer.padding("padding").sides;
        for (std::size_t axis = 0; axis < std::max(kernel.size(), sides.size()); ++axis) {  // one entry is for all axes
            Index const size = kernel[std::min(axis, kernel.size() - 1)];
            auto const& side = sides[std::min(axis, sides.size() - 1)];
            if (std::max(side[0], side[1]) >= size) {
                rules.fail(path + ".padding",
                           "padding is {} (a window of {} could lie outside the image): pad less than the kernel",
                           std::max(side[0], side[1]), size);
                break;
            }
        }
    }
}

}  // namespace

void check_model(Rules& rules) {
    check_resnet(rules);
    check_amoebanet(rules);
    check_unet(rules);
    Deck const& deck = rules.deck();
    bool const is_built = deck.model.kind != ModelSpec::Kind::layers;
    bool const takes_softmax = std::any_of(deck.train.loss.begin(), deck.train.loss.end(), [](LossSpec const& loss) {
        return loss.kind == LossSpec::Kind::softmax_cross_entropy;
    });
    if (rules.readable({"model.classes", "model.name", "train.loss"}) && is_built && takes_softmax &&
        deck.model.classes == 1) {
        rules.fail("model.classes",
                   "model.classes is 1 (the softmax of one value is always 1: nothing could be learnt): choose "
                   "2 or more, or the loss bce_with_logits");
    }
    bool const is_volume = deck.image.size.size() == 3;
    bool const is_amoebanet = deck.model.kind == ModelSpec::Kind::amoebanet;
    bool const is_flat =
        deck.model.kind == ModelSpec::Kind::resnet || deck.model.kind == ModelSpec::Kind::resnet_cifar || is_amoebanet;
    if (rules.readable({"model.name", "image.size"}) && is_flat && is_volume) {
        rules.fail("image.size",
                   "image.size has 3 axes ({} are built for 2): give [h, w], or write the layers in the deck",
                   is_amoebanet ? "AmoebaNets" : "ResNets");
    }
}

void check_layers(Rules& rules) {
    auto const& layers = rules.deck().model.layers;
    if (!rules.readable({"model.name"})) { return; }
    bool const all_readable = rules.readable({"model.layers"});
    bool const has_size = rules.readable({"image.size"});
    Names names;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        std::string const path = fmt::format("model.layers.{}.{}", i, layers[i].op);
        if (all_readable) { check_from(rules, layers[i], path, names); }
        check_names(rules, layers[i], path, i, names);
        if (!rules.readable({fmt::format("model.layers.{}", i)})) { continue; }
        if (has_size) { check_axes(rules, layers[i], path); }
        check_attributes(rules, layers[i], path);
    }
}

}  // namespace aureole::deck
