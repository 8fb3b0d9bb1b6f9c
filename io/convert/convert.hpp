#pragma once
#include <functional>
#include <string>
#include <vector>

#include "io/hdf5/dataset.hpp"

namespace aureole::convert {

/// The HDF5 file to write: images as dataset `x` (n, h, w[, c]), labels as `y`.
struct Output {
    std::string file;
    std::string x = "x", y = "y";
    std::vector<Index> chunk{};  ///< of x, one extent per axis; empty: see default_chunk
    int deflate = 1;             ///< 0 (none) to 9
    bool shuffle = true;         ///< of bytes, before deflate
};

/// Looks at the file to write before anything is read: Error(data_error) if it is no regular file and not new, or one
/// of those that are read. @param sources  files and folders
void require_output(Output const& output, std::vector<std::string> const& sources);

/// Called now and then with the samples done and all samples.
using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

/// What was written.
struct Summary {
    hdf5::Extents x_shape, y_shape;  ///< y: empty if there are no labels
    hdf5::Type x_type = hdf5::Type::other, y_type = hdf5::Type::other;
    std::vector<std::string> class_names;
    std::vector<std::string> left_out{};  ///< files in folders of images that are no images by their names
    std::vector<std::string> damaged{};   ///< samples left out because their files cannot be decoded: why
    std::vector<std::string> skipped;     ///< of an HDF5 source: datasets without numbers, links that cannot be opened
    std::uint64_t file_bytes = 0;
};

// Every conversion streams: it holds a few samples at a time. The file is written under a temporary name and renamed
// when it is whole; its attributes say where it comes from ("origin", "source", "created_by"), those of y the
// "class_names" where they are known. Errors are Error(data_error) naming the file at fault; an Error(bad_deck) names a
// wrong option.

/// IDX files (the format of MNIST), plain or gzipped. @param labels empty: no labels
Summary convert_idx(std::string const& images, std::string const& labels, Output const& output,
                    Progress const& progress);

/// Binary CIFAR-10 batches: x (n, 32, 32, 3). Class names from batches.meta.txt beside the first file, if it is there.
Summary convert_cifar10(std::vector<std::string> const& files, Output const& output, Progress const& progress);

/// What is done about pictures that cannot be decoded.
enum class Damaged : std::uint8_t {
    refuse,  ///< all of them are told in one error
    skip,    ///< their samples are left out, and named in the summary; all are decoded twice
};

/// A folder with one folder of PNG, JPEG or TIFF images per class; classes are numbered in natural order of their
/// names. The pages of a TIFF file are the depth of a sample.
Summary convert_class_folders(std::string const& folder, Output const& output, Progress const& progress,
                              Damaged damaged = Damaged::refuse);

/// What the pages of a TIFF file are.
enum class Stacks : std::uint8_t {
    samples,  ///< one each
    depth,    ///< of one sample (d, h, w, c)
};

/// Images with a mask each: two folders, whose files are matched by name (see match_masks), or two files.
/// @param masks empty: no labels
Summary convert_images_and_masks(std::string const& images, std::string const& masks, Output const& output,
                                 Progress const& progress, Stacks stacks = Stacks::samples,
                                 Damaged damaged = Damaged::refuse);

/// NumPy arrays (.npy, versions 1 to 3, C or Fortran order), the first axis counting samples. @param labels empty: none
Summary convert_npy(std::string const& images, std::string const& labels, Output const& output,
                    Progress const& progress);

/// Rewrites all datasets of numbers of an HDF5 file, with their attributes, in other chunks and with other compression.
/// The chunk given is that of `output.x`; the others get the default.
/// @param outside whether the file may lead to others outside of its folder
Summary convert_hdf5(std::string const& file, Output const& output, Progress const& progress,
                     hdf5::Outside outside = hdf5::Outside::refuse);

/// Small samples are joined to chunks of about 64 KiB, large ones cut along their longest axes to at most 1 MiB.
[[nodiscard]] hdf5::Extents default_chunk(hdf5::Extents const& shape, std::size_t element_bytes);

}  // namespace aureole::convert
