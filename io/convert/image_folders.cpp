#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>

#include "core/error.hpp"
#include "io/convert/convert.hpp"
#include "io/convert/image.hpp"
#include "io/convert/match_masks.hpp"
#include "io/convert/sample_faults.hpp"
#include "io/convert/sample_writer.hpp"
#include "io/file/file_list.hpp"
#include "io/file/link.hpp"

namespace aureole::convert {

namespace {

namespace fs = std::filesystem;

/// Entries of a folder that are wanted, in natural order of their names; hidden ones are left out.
template <class Wanted>
std::vector<std::string> list(std::string const& folder, Wanted wanted) {
    std::error_code error;
    std::vector<std::string> paths;
    require_link_target(folder);
    for (auto const& entry : fs::directory_iterator(folder, error)) {
        bool const hidden = entry.path().filename().string().starts_with('.');
        if (!hidden && wanted(entry)) { paths.push_back(entry.path().string()); }
    }
    require(!error, ExitCode::data_error, "cannot read folder '{}' ({}): correct the name", folder, error.message());
    std::sort(paths.begin(), paths.end(), natural_less);
    return paths;
}

bool is_folder(fs::path const& path) {
    std::error_code error;
    return fs::is_directory(path, error);
}

bool leads_nowhere(fs::directory_entry const& entry) {
    std::error_code error;
    return entry.is_symlink(error) && !entry.exists(error);
}

/// A link whose target is gone is a damaged image, not none.
bool is_image(fs::directory_entry const& entry) {
    std::error_code error;
    return is_image_name(entry.path().string()) && (entry.is_regular_file(error) || leads_nowhere(entry));
}

std::vector<std::string> list_images(std::string const& folder) { return list(folder, is_image); }

/// What a folder of images holds beside them.
void add_left_out(std::string const& folder, std::vector<std::string>& left_out) {
    auto const others = list(folder, [](fs::directory_entry const& entry) { return !is_image(entry); });
    left_out.insert(left_out.end(), others.begin(), others.end());
}

/// One sample: consecutive pages of a file, which are its depth if there are several.
struct Picture {
    std::string path;
    std::int64_t first_page = 0, pages = 1;
};

/// Decodes samples one after the other into the same memory; all must be like the first.
class Decoder {
  public:
    explicit Decoder(Purpose purpose) : purpose_(purpose) {}

    /// (d, h, w, c)
    std::vector<unsigned char> const& read(Picture const& picture) {
        stack_.clear();
        for (std::int64_t page = 0; page < picture.pages; ++page) {
            read_page(picture, picture.first_page + page);
            stack_.insert(stack_.end(), image_.bytes.begin(), image_.bytes.end());
        }
        depth_ = picture.pages;
        return stack_;
    }

    /// Of so many samples like those read.
    [[nodiscard]] hdf5::Extents shape(std::size_t samples, bool with_channels) const {
        hdf5::Extents shape{static_cast<Index>(samples)};
        if (depth_ > 1) { shape.push_back(depth_); }
        shape.insert(shape.end(), {first_.h, first_.w});
        if (with_channels) { shape.push_back(first_.c); }
        return shape;
    }
    [[nodiscard]] hdf5::Type type() const { return first_.type; }
    [[nodiscard]] Index h() const { return first_.h; }
    [[nodiscard]] Index w() const { return first_.w; }

  private:
    Purpose purpose_;
    Image image_, first_;
    std::string first_name_;
    std::vector<unsigned char> stack_;
    Index depth_ = 1;

    void read_page(Picture const& picture, std::int64_t page) {
        read_image(picture.path, page, purpose_, image_);
        std::string const name = page == 0 ? picture.path : fmt::format("{}, page {}", picture.path, page + 1);
        if (first_name_.empty()) {
            first_name_ = name;
            first_ = {image_.h, image_.w, image_.c, image_.type, {}};
        }
        require(image_.h == first_.h && image_.w == first_.w && image_.c == first_.c && image_.type == first_.type,
                ExitCode::data_error,
                "'{}' is {} x {} x {} {} (rows, columns, channels), '{}' {} x {} x {} {}: give all images one size and "
                "kind",
                name, image_.h, image_.w, image_.c, name_of(image_.type), first_name_, first_.h, first_.w, first_.c,
                name_of(first_.type));
    }
};

/// An image and its mask, if it has one.
struct Sample {
    std::size_t file;  ///< number of the image's file
    Picture image;
    std::optional<Picture> mask{};
};

/// The samples in files of images and of their masks (empty: no masks; else one for each). Those whose pages cannot be
/// counted are noted, and left out.
std::vector<Sample> samples_of(std::vector<std::string> const& images, std::vector<std::string> const& masks,
                               Stacks stacks, SampleFaults& faults) {
    std::vector<Sample> samples;
    auto const add = [&](std::size_t i) {
        std::int64_t const pages = count_pages(images[i]), of_mask = masks.empty() ? pages : count_pages(masks[i]);
        require(pages == of_mask, ExitCode::data_error, "'{}' has {} pages, its mask '{}' {}: give each image one mask",
                images[i], pages, masks.empty() ? "" : masks[i], of_mask);
        bool const is_one = stacks == Stacks::depth;
        Picture const* const first = samples.empty() ? nullptr : &samples.front().image;
        require(!is_one || first == nullptr || pages == first->pages, ExitCode::data_error,
                "'{}' has {} pages, '{}' {} (the pages of a file are the depth of a sample): make all stacks equally "
                "deep, or convert them apart",
                images[i], pages, first == nullptr ? "" : first->path, first == nullptr ? 0 : first->pages);
        for (std::int64_t page = 0; page < (is_one ? 1 : pages); ++page) {
            std::int64_t const length = is_one ? pages : 1;
            samples.push_back({i, {images[i], page, length}});
            if (!masks.empty()) { samples.back().mask = Picture{masks[i], page, length}; }
        }
    };
    for (std::size_t i = 0; i < images.size(); ++i) {
        faults.attempt([&] { add(i); });
    }
    return samples;
}

/// Decodes samples one after the other.
struct SampleDecoder {
    Decoder image{Purpose::image}, mask{Purpose::labels};
    unsigned char const *x = nullptr, *y = nullptr;  ///< of the last sample; y: null if it has no mask

    void read(Sample const& sample) {
        x = image.read(sample.image).data();
        if (!sample.mask) { return; }
        y = mask.read(*sample.mask).data();
        require(mask.h() == image.h() && mask.w() == image.w(), ExitCode::data_error,
                "mask '{}' is {} x {}, its image '{}' {} x {}: make them of one size", sample.mask->path, mask.h(),
                mask.w(), sample.image.path, image.h(), image.w());
    }
};

/// Leaves those out that cannot be decoded, before their number is needed.
std::vector<Sample> keep_whole(std::vector<Sample> samples, SampleFaults& faults) {
    SampleDecoder decoder;
    std::erase_if(samples, [&](Sample const& sample) { return !faults.attempt([&] { decoder.read(sample); }); });
    faults.require_none();
    faults.skip_noted();
    return samples;
}

/// Writes images, and masks if they have any. After a fault that is fatal the others are decoded only to tell theirs.
void write_samples(std::vector<Sample> const& samples, SampleWriter& writer, SampleFaults& faults,
                   Progress const& progress) {
    SampleDecoder decoder;
    auto const total = static_cast<std::int64_t>(samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        bool const is_whole = faults.attempt([&] { decoder.read(samples[i]); });
        if (is_whole && !faults.are_fatal()) {
            if (i == 0) { writer.create_x(decoder.image.type(), decoder.image.shape(samples.size(), true)); }
            writer.append_x(1, decoder.x);
            if (i == 0 && decoder.y != nullptr) {
                writer.create_y(decoder.mask.type(), decoder.mask.shape(samples.size(), false), {});
            }
            if (decoder.y != nullptr) { writer.append_y(1, decoder.y); }
        }
        progress(static_cast<std::int64_t>(i + 1), total);
    }
    faults.require_none();
}

/// @param classes by the images' files
void write_classes(std::vector<Sample> const& samples, std::vector<std::int32_t> const& classes,
                   std::vector<std::string> const& names, SampleWriter& writer) {
    auto const total = static_cast<std::int64_t>(samples.size());
    auto const write = [&]<class T>(hdf5::Type type, std::vector<T> labels) {
        for (Sample const& sample : samples) { labels.push_back(static_cast<T>(classes[sample.file])); }
        writer.create_y(type, {total}, names);
        writer.append_y(total, labels.data());
    };
    if (names.size() <= std::numeric_limits<std::uint8_t>::max() + 1U) {
        write(hdf5::Type::u8, std::vector<std::uint8_t>());
    } else {
        write(hdf5::Type::i32, std::vector<std::int32_t>());
    }
}

/// The samples to write: all, or those that are whole.
std::vector<Sample> samples_to_write(std::vector<Sample> samples, Damaged damaged, SampleFaults& faults,
                                     std::string const& source) {
    if (damaged == Damaged::skip) { samples = keep_whole(std::move(samples), faults); }
    bool const all_damaged = samples.empty() && damaged == Damaged::skip;
    require(!all_damaged, ExitCode::data_error, "all images of '{}' are damaged: name another folder, or copy it again",
            source);
    return samples;
}

}  // namespace

Summary convert_class_folders(std::string const& folder, Output const& output, Progress const& progress,
                              Damaged damaged) {
    std::vector<std::string> const classes =
        list(folder, [](fs::directory_entry const& e) { return is_folder(e.path()); });
    for (std::string const& link : list(folder, leads_nowhere)) { require_link_target(link); }
    require(!classes.empty(), ExitCode::data_error,
            "'{}' has no folders: give each class a folder with its images, or use the kind 'masks'", folder);
    std::vector<std::string> images, names;
    std::vector<std::int32_t> labels;
    std::vector<std::string> left_out = list(folder, [](fs::directory_entry const& e) { return !is_folder(e.path()); });
    for (std::string const& path : classes) {
        std::vector<std::string> const of_class = list_images(path);
        add_left_out(path, left_out);
        require(!of_class.empty(), ExitCode::data_error,
                "class folder '{}' has no PNG, JPEG or TIFF images: fill or remove it", path);
        images.insert(images.end(), of_class.begin(), of_class.end());
        labels.insert(labels.end(), of_class.size(), static_cast<std::int32_t>(names.size()));
        names.push_back(fs::path(path).filename().string());
    }
    SampleFaults faults(damaged);
    std::vector<Sample> const samples =
        samples_to_write(samples_of(images, {}, Stacks::depth, faults), damaged, faults, folder);
    SampleWriter writer(output, "folder", {folder});
    write_samples(samples, writer, faults, progress);
    write_classes(samples, labels, names, writer);
    Summary summary = writer.finish();
    summary.left_out = std::move(left_out);
    summary.damaged = faults.skipped();
    return summary;
}

Summary convert_images_and_masks(std::string const& images, std::string const& masks, Output const& output,
                                 Progress const& progress, Stacks stacks, Damaged damaged) {
    bool const folders = is_folder(images), labelled = !masks.empty();
    require(!labelled || folders == is_folder(masks), ExitCode::data_error,
            "'{}' and '{}': one is a folder and one is not: name two folders or two files", images, masks);
    std::vector<std::string> const image_files = folders ? list_images(images) : std::vector<std::string>{images};
    require(!image_files.empty(), ExitCode::data_error, "folder '{}' has no PNG, JPEG or TIFF images: name another",
            images);
    std::vector<std::string> sources{images}, mask_files;
    if (labelled) {
        sources.push_back(masks);
        mask_files = folders ? match_masks(image_files, list_images(masks), masks) : std::vector<std::string>{masks};
    }
    SampleFaults faults(damaged);
    std::vector<Sample> const samples =
        samples_to_write(samples_of(image_files, mask_files, stacks, faults), damaged, faults, images);
    SampleWriter writer(output, "masks", sources);
    write_samples(samples, writer, faults, progress);
    Summary summary = writer.finish();
    if (folders) { add_left_out(images, summary.left_out); }
    if (folders && labelled) { add_left_out(masks, summary.left_out); }
    summary.damaged = faults.skipped();
    return summary;
}

}  // namespace aureole::convert
