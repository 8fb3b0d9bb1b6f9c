#include <algorithm>
#include <set>

#include "io/deck/rules.hpp"

namespace aureole::deck {
namespace {

void check_letters(Rules& rules, std::string const& path, std::string const& axes) {
    std::set<char> const letters(axes.begin(), axes.end());
    bool const is_known = axes.find_first_not_of("ndhwc") == std::string::npos;
    if (rules.readable({path}) && (!is_known || letters.size() != axes.size())) {
        rules.fail(path, "{} is '{}' (axes are the letters n d h w c, each once): write such as nhwc or nchw", path,
                   shorten(axes));
    }
}

void check_source(Rules& rules, SourceSpec const& source, std::string const& path) {
    if (!rules.readable({path})) { return; }
    check_letters(rules, path + ".x_axes", source.x_axes);
    check_letters(rules, path + ".y_axes", source.y_axes);
    if (source.kind == SourceSpec::Kind::hdf5 && source.y.empty()) {
        rules.fail(path + ".y", "{}.y is empty (every loss compares with labels): name the dataset of the labels",
                   path);
    }
    if (!source.label_map.empty() && source.label_threshold) {
        rules.fail(path + ".label_map",
                   "{}.label_map and label_threshold are both given (each turns stored values into "
                   "classes): keep one",
                   path);
    }
    if (source.label_invert && !source.label_threshold) {
        rules.fail(path + ".label_invert",
                   "{}.label_invert is given without label_threshold (it swaps the two sides of the "
                   "threshold): add label_threshold, or use label_map",
                   path);
    }
    bool const is_made = source.kind == SourceSpec::Kind::synthetic;
    if (is_made && source.first.value_or(0) + source.count.value_or(1) > source.samples) {
        rules.fail(path + ".first", "{} uses samples up to {} (the set has {}): choose fewer, or a larger set", path,
                   source.first.value_or(0) + source.count.value_or(1), source.samples);
    }
}

void check_per_channel(Rules& rules, std::string const& path, std::size_t count) {
    auto const channels = static_cast<std::size_t>(rules.deck().image.channels);
    if (rules.readable({path, "image.channels"}) && count > 1 && count != channels) {
        rules.fail(path, "{} has {} numbers (the image has {} channels): write one for all, or one per channel", path,
                   count, channels);
    }
}

void check_normalize(Rules& rules) {
    NormalizeSpec const& normalize = rules.deck().data.loader.normalize;
    check_per_channel(rules, "data.normalize.mean", normalize.mean.size());
    check_per_channel(rules, "data.normalize.deviation", normalize.deviation.size());
    bool const is_readable = rules.readable({"data.normalize.clip_lo", "data.normalize.clip_hi"});
    if (is_readable && normalize.clip_lo && normalize.clip_hi && *normalize.clip_lo >= *normalize.clip_hi) {
        rules.fail("data.normalize.clip_hi", "data.normalize.clip_hi is {} (clip_lo is {}): choose a larger one",
                   *normalize.clip_hi, *normalize.clip_lo);
    }
}

void check_augment(Rules& rules) {
    AugmentSpec const& augment = rules.deck().data.loader.augment;
    auto const& size = rules.deck().image.size;
    if (!rules.readable({"image.size", "data.augment"})) { return; }
    if (augment.flip_d && size.size() == 2) {
        rules.fail("data.augment.flip_d", "data.augment.flip_d is true (the image has no depth): remove it");
    }
    if (augment.rotate90 && size[size.size() - 2] != size.back()) {
        rules.fail("data.augment.rotate90",
                   "data.augment.rotate90 is true (images of {} x {} change their shape when turned): "
                   "make image.size square, or remove it",
                   size[size.size() - 2], size.back());
    }
    if (augment.random_crop && augment.crop_pad > 0) {
        rules.fail("data.augment.random_crop",
                   "data.augment.random_crop and crop_pad are both given (crop_pad crops samples of "
                   "image.size, random_crop larger ones): keep one");
    }
}

}  // namespace

void check_data(Rules& rules) {
    DataSpec const& data = rules.deck().data;
    check_source(rules, data.train, "data.train");
    if (data.eval) { check_source(rules, *data.eval, "data.eval"); }
    check_normalize(rules);
    check_augment(rules);
}

}  // namespace aureole::deck
