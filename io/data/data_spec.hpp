#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor/shape.hpp"
#include "io/hdf5/reach.hpp"

namespace aureole {

/// Stored label value -> class. The key holds every integer of 64 bits and every f64 exactly.
using LabelMap = std::map<long double, std::int32_t>;
static_assert(std::numeric_limits<long double>::digits >= 64, "labels of 64 bits are compared as long double");

/// What is done about values that stand for absent ones: those that a file declares by the attributes `_FillValue` and
/// `missing_value`, and elements that were never written.
enum class FillRule : std::uint8_t {
    error,  ///< they stop the run
    zero,   ///< they become 0
    keep,   ///< they are data like all others
};

/// Where the samples of one split lie. Filled from the deck's data.train and data.eval.
struct SourceSpec {
    enum class Kind : std::uint8_t { hdf5, synthetic };
    Kind kind = Kind::hdf5;
    std::vector<std::string> files;    ///< files or globs; several: samples are concatenated, or one file per sample
    std::vector<std::string> y_files;  ///< files or globs of the labels; empty: the same files as x
    std::string x = "x";               ///< dataset of the images
    std::string y = "y";               ///< dataset of the labels; empty: no labels
    std::string
        x_axes;  ///< letters of the image dataset's axes in order, of n d h w c ("nhwc", "nchw", "hw"); empty: guessed
    std::string y_axes;                        ///< likewise of the labels
    std::optional<std::int64_t> first, count;  ///< use only samples [first, first + count)
    LabelMap label_map;                        ///< stored label value -> class; empty: as stored
    std::optional<double> label_threshold;     ///< labels become stored value > threshold (inverted by label_invert)
    bool label_invert = false;
    FillRule fill = FillRule::error;
    hdf5::Outside outside = hdf5::Outside::refuse;  ///< whether the files may lead to others outside of their folders
    std::int64_t samples = 0;                       ///< synthetic only: size of the set
};

/// How raw values become network input: y = (clip(x) [log] - mean) / deviation, per channel.
struct NormalizeSpec {
    enum class Kind : std::uint8_t {
        none,     ///< as stored
        scale,    ///< x * factor + offset (u8 / 255: factor 1/255)
        given,    ///< (x - mean) / deviation with the given figures
        dataset,  ///< mean and deviation per channel over the training set, computed once and saved
        sample,   ///< per sample and channel
    };
    Kind kind = Kind::none;
    double factor = 1, offset = 0;        ///< scale; applied before mean and deviation in the other kinds too
    std::vector<double> mean, deviation;  ///< one per channel, or one for all
    std::optional<double> clip_lo, clip_hi;
    bool log = false;  ///< log1p(|x|) * sign(x) after clipping
};

/// Random changes of training samples, drawn from (seed, epoch, sample index): the same on every grid.
struct AugmentSpec {
    bool flip_h = false, flip_w = false, flip_d = false;
    bool rotate90 = false;      ///< by multiples of 90 degrees in the (h, w) plane; square crops only
    std::int64_t crop_pad = 0;  ///< zero padding on every side before the random crop back to the image size
    bool random_crop = false;   ///< image.size is cut at a random place out of larger samples
};

struct LoaderSpec {
    NormalizeSpec normalize;
    AugmentSpec augment;
    bool shuffle = true;
    std::int64_t prefetch = 2;                         ///< batches read ahead by the loader's thread
    std::int64_t cache_limit = std::int64_t{1} << 30;  ///< bytes: what is read of a set is kept in memory if it takes
                                                       ///< no more; 0: never
};

/// What the network takes: the loader checks every sample against it.
struct SampleSpec {
    Shape x;  ///< (1, d, h, w, c) of one sample
    Shape y;  ///< (1, 1, 1, 1, 1) per-image class, or (1, d, h, w, 1) a mask, or c floats
    enum class Labels : std::uint8_t { none, classes, values } labels = Labels::classes;  ///< i32 classes or f32 values
    std::int64_t classes = 0;                  ///< classes: labels must lie in [0, classes)
    bool probabilities = false;                ///< values: must lie in [0, 1]
    std::optional<std::int64_t> ignore_label;  ///< allowed although it is no class and no probability; does not count
};

}  // namespace aureole
