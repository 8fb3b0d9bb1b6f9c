#include "io/deck/sections.hpp"

namespace aureole::deck {

Choices<SourceSpec::Kind> choices_of(Of<SourceSpec::Kind> /*type*/) {
    return {{"hdf5", SourceSpec::Kind::hdf5}, {"synthetic", SourceSpec::Kind::synthetic}};
}

Choices<FillRule> choices_of(Of<FillRule> /*type*/) {
    return {{"error", FillRule::error}, {"zero", FillRule::zero}, {"keep", FillRule::keep}};
}

Choices<hdf5::Outside> choices_of(Of<hdf5::Outside> /*type*/) {
    return {{"refuse", hdf5::Outside::refuse}, {"allow", hdf5::Outside::allow}};
}

std::vector<Field> fields_of(Of<SourceSpec> /*type*/) {
    using S = SourceSpec;
    return {
        field("kind", &S::kind,
              "hdf5: files; synthetic: samples made up by the program, to learn and to measure without files"),
        field(
            "file", &S::files,
            "file, list of files or glob; several are concatenated in that order (globs in natural order), and a file "
            "whose images have no sample axis is one sample. A file of exactly that name comes before a glob. "
            "Environment variables ${NAME} and ~ are expanded; a "
            "relative "
            "name that does not exist in the current folder is looked for beside the deck")
            .is_required()
            .as(Type::input_path)
            .items(1, Field::unlimited)
            .with("kind", {"hdf5"}),
        field("y_file", &S::y_files, "files of the labels, one for each of `file`")
            .as(Type::input_path)
            .otherwise("`file`")
            .with("kind", {"hdf5"}),
        field("x", &S::x, "dataset of the images").with("kind", {"hdf5"}),
        field("y", &S::y, "dataset of the labels; empty: no labels").with("kind", {"hdf5"}),
        field("x_axes", &S::x_axes, "axes of the image dataset in order, of the letters n d h w c: nhwc, nchw, hw ...")
            .otherwise("guessed from the extents")
            .with("kind", {"hdf5"}),
        field("y_axes", &S::y_axes, "axes of the label dataset")
            .otherwise("guessed from the extents")
            .with("kind", {"hdf5"}),
        field("first", &S::first, "first sample that is used")
            .between(0, most_samples)
            .otherwise("the first of the set"),
        field("count", &S::count, "number of samples used").between(1, most_samples).otherwise("all from `first` on"),
        field("label_map", &S::label_map,
              "stored label value: class, such as {0: 0, 255: 1}, compared in the stored type; other values are errors")
            .otherwise("labels as stored")
            .with("kind", {"hdf5"}),
        field("label_threshold", &S::label_threshold, "labels are 1 where the stored value is above this, 0 elsewhere")
            .otherwise("labels as stored")
            .with("kind", {"hdf5"}),
        field("label_invert", &S::label_invert, "swaps 0 and 1 after label_threshold").with("kind", {"hdf5"}),
        field(
            "fill", &S::fill,
            "values that stand for absent ones: the file's attributes _FillValue and missing_value, and what was never "
            "written. error: they stop the run; zero: they become 0; keep: they are data like all others")
            .with("kind", {"hdf5"}),
        field("outside", &S::outside,
              "files outside of the data file's folder that it leads to by external links, external storage or sources "
              "of virtual datasets. refuse: they are an error; allow: they are read. Those in the folder and below are "
              "always read")
            .with("kind", {"hdf5"}),
        field("samples", &S::samples, "size of the set")
            .is_required()
            .at_least(1)
            .in("samples")
            .with("kind", {"synthetic"}),
    };
}

Choices<NormalizeSpec::Kind> choices_of(Of<NormalizeSpec::Kind> /*type*/) {
    return {{"none", NormalizeSpec::Kind::none},
            {"scale", NormalizeSpec::Kind::scale},
            {"given", NormalizeSpec::Kind::given},
            {"dataset", NormalizeSpec::Kind::dataset},
            {"sample", NormalizeSpec::Kind::sample}};
}

std::vector<Field> fields_of(Of<NormalizeSpec> /*type*/) {
    using N = NormalizeSpec;
    std::vector<std::string> const scaled{"scale", "given", "dataset", "sample"};
    std::vector<std::string> const per_channel{"given"};
    return {
        field("kind", &N::kind,
              "none; scale: x * factor + offset; given: then minus mean, divided by deviation; dataset: likewise with "
              "figures "
              "of the training set, computed once and saved; sample: likewise with figures of each sample"),
        field("factor", &N::factor, "factor, such as 1/255").with("kind", scaled),
        field("offset", &N::offset, "added after the factor").with("kind", scaled),
        field("mean", &N::mean, "one per channel, or one for all").is_required().with("kind", per_channel),
        field("deviation", &N::deviation, "standard deviation, one per channel, or one for all")
            .is_required()
            .above(0)
            .with("kind", per_channel),
        field("clip_lo", &N::clip_lo, "smaller stored values become this")
            .otherwise("not clipped")
            .with("kind", scaled),
        field("clip_hi", &N::clip_hi, "larger stored values become this").otherwise("not clipped").with("kind", scaled),
        field("log", &N::log, "sign(x) * log(1 + |x|) after clipping").with("kind", scaled),
    };
}

std::vector<Field> fields_of(Of<AugmentSpec> /*type*/) {
    using A = AugmentSpec;
    return {
        field("flip_h", &A::flip_h, "mirrors top and bottom in half of the samples"),
        field("flip_w", &A::flip_w, "mirrors left and right in half of the samples"),
        field("flip_d", &A::flip_d, "mirrors front and back in half of the samples; 3-D images"),
        field("rotate90", &A::rotate90, "turns by 0, 90, 180 or 270 degrees in the (h, w) plane; square images"),
        field("crop_pad", &A::crop_pad, "zeros added on every side before a random crop back to image.size")
            .at_least(0)
            .in("pixels"),
        field("random_crop", &A::random_crop, "cuts image.size at a random place out of larger samples"),
    };
}

std::vector<Field> fields_of(Of<DataSpec> /*type*/) {
    using D = DataSpec;
    return {
        field("train", &D::train, "samples to learn from").is_required(),
        field("eval", &D::eval, "samples to evaluate on").otherwise("no evaluation"),
        field("ignore_label", &D::ignore_label,
              "labels of this value, any integer, do not count: neither in losses and gradients nor in metrics. It may "
              "be stored (255, -1 ...), or what label_map makes of a stored value; label_threshold leaves it as it is. "
              "Means are over all labels of the batch (of the evaluation set) that count. What crop_pad adds to masks "
              "has this label too")
            .from_up_to(-0x1p63, 0x1p63)
            .otherwise("all labels count, and what crop_pad adds is class 0"),
        field_at<D>(
            "normalize", [](auto& d) -> auto& { return d.loader.normalize; }, "how stored values become network input")
            .short_for("kind"),
        field_at<D>(
            "augment", [](auto& d) -> auto& { return d.loader.augment; },
            "random changes of training samples, drawn from (train.seed, epoch, sample)"),
        field_at<D>(
            "shuffle", [](auto& d) -> auto& { return d.loader.shuffle; },
            "training samples in a new random order every epoch, drawn from train.seed"),
        field_at<D>(
            "prefetch", [](auto& d) -> auto& { return d.loader.prefetch; },
            "batches read ahead while the network computes")
            .between(0, 1024)
            .in("batches"),
        field_at<D>(
            "cache_limit", [](auto& d) -> auto& { return d.loader.cache_limit; },
            "a set of which a rank needs no more is kept in its memory after the first reading: its tile of every "
            "sample, or all of it where augmentation, random_crop or statistics by sample need all; 0: always read "
            "again")
            .as(Type::bytes)
            .at_least(0)
            .in("bytes"),
    };
}

}  // namespace aureole::deck
