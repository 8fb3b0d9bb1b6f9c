#include "io/convert/convert.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "app/verbs.hpp"
#include "io/convert/sample_faults.hpp"
#include "io/log/console.hpp"
#include "io/log/progress.hpp"

namespace aureole {

namespace {

constexpr std::size_t most_named = 20;

/// The single source of a kind that takes no list.
std::string const& only_source(ConvertCommand const& command) {
    require(command.sources.size() == 1, ExitCode::bad_deck,
            "command line: convert {} takes one source, {} are given: convert them one by one", command.kind,
            command.sources.size());
    return command.sources.front();
}

convert::Summary convert_kind(ConvertCommand const& command, convert::Output const& output,
                              convert::Progress const& progress) {
    bool const takes_labels = command.kind == "idx" || command.kind == "npy" || command.kind == "masks";
    require(takes_labels || command.labels.empty(), ExitCode::bad_deck,
            "command line: convert {} finds its labels itself: leave out --labels", command.kind);
    require(!command.depth || command.kind == "masks", ExitCode::bad_deck,
            "command line: convert {} takes no --depth (it is for masks; stacks in class folders are samples already): "
            "leave it out",
            command.kind);
    bool const takes_pictures = command.kind == "folder" || command.kind == "masks";
    require(takes_pictures || !command.skip_damaged, ExitCode::bad_deck,
            "command line: convert {} takes no --skip-damaged (it is for folders of images): leave it out",
            command.kind);
    require(command.kind == "hdf5" || !command.outside, ExitCode::bad_deck,
            "command line: convert {} takes no --outside (only HDF5 files lead to others): leave it out", command.kind);
    auto const damaged = command.skip_damaged ? convert::Damaged::skip : convert::Damaged::refuse;
    if (command.kind == "cifar10") { return convert::convert_cifar10(command.sources, output, progress); }
    std::string const& source = only_source(command);
    if (command.kind == "idx") { return convert::convert_idx(source, command.labels, output, progress); }
    if (command.kind == "folder") { return convert::convert_class_folders(source, output, progress, damaged); }
    if (command.kind == "masks") {
        auto const stacks = command.depth ? convert::Stacks::depth : convert::Stacks::samples;
        return convert::convert_images_and_masks(source, command.labels, output, progress, stacks, damaged);
    }
    if (command.kind == "npy") { return convert::convert_npy(source, command.labels, output, progress); }
    return convert::convert_hdf5(source, output, progress,
                                 command.outside ? hdf5::Outside::allow : hdf5::Outside::refuse);
}

}  // namespace

ExitCode convert_verb(Command const& command) {
    ConvertCommand const& options = command.convert;
    convert::Output const output{options.output, options.x,       options.y,
                                 options.chunk,  options.deflate, !options.no_shuffle};
    std::vector<std::string> sources = options.sources;
    sources.push_back(options.labels);
    convert::require_output(output, sources);
    std::unique_ptr<Progress> shown;  // made when the number of samples is known
    convert::Progress const progress = [&](std::int64_t done, std::int64_t total) {
        if (!shown) { shown = std::make_unique<Progress>("convert", total, "samples"); }
        shown->update(done);
    };
    convert::Summary const summary = convert_kind(options, output, progress);
    shown.reset();
    say("{}: {}\n", output.file, bytes_text(static_cast<double>(summary.file_bytes)));
    if (!summary.x_shape.empty()) {
        say("  {:<10} {} {}\n", output.x, hdf5::to_string(summary.x_shape), hdf5::name_of(summary.x_type));
    }
    if (!summary.y_shape.empty()) {
        say("  {:<10} {} {}\n", output.y, hdf5::to_string(summary.y_shape), hdf5::name_of(summary.y_type));
    }
    if (!summary.class_names.empty()) { say("  classes    {}\n", fmt::join(summary.class_names, ", ")); }
    if (!summary.skipped.empty()) {
        say("  left out (no numbers, or not to be opened): {}\n", fmt::join(summary.skipped, ", "));
    }
    if (!summary.damaged.empty()) {
        warn("{} samples were left out, because their images are damaged:{}", summary.damaged.size(),
             convert::indented_list(summary.damaged, most_named));
    }
    if (!summary.left_out.empty()) {
        std::size_t const named = std::min<std::size_t>(3, summary.left_out.size());
        std::vector<std::string> const some(summary.left_out.begin(),
                                            summary.left_out.begin() + static_cast<std::ptrdiff_t>(named));
        warn(
            "{} files or folders were left out (they are no PNG, JPEG or TIFF images by their names): {}{}: "
            "convert them if they are samples",
            summary.left_out.size(), fmt::join(some, ", "), named < summary.left_out.size() ? ", ..." : "");
    }
    return ExitCode::success;
}

}  // namespace aureole
