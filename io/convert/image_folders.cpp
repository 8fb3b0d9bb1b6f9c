#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

#include "core/error.hpp"
#include "io/convert/convert.hpp"
#include "io/convert/image.hpp"
#include "io/convert/sample_writer.hpp"
#include "io/data/file_list.hpp"

namespace aureole::convert {

namespace {

namespace fs = std::filesystem;

/// Entries of a folder that are wanted, in natural order of their names; hidden ones are left out.
template <class Wanted>
std::vector<std::string> list(std::string const& folder, Wanted wanted) {
    std::error_code error;
    std::vector<std::string> paths;
    for (auto const& entry : fs::directory_iterator(folder, error)) {
        bool const hidden = entry.path().filename().string().starts_with('.');
        if (!hidden && wanted(entry)) { paths.push_back(entry.path().string()); }
    }
    require(!error, ExitCode::data_error, "cannot read folder '{}' ({}): correct the name", folder, error.message());
    std::sort(paths.begin(), paths.end(), natural_less);
    return paths;
}

std::vector<std::string> list_images(std::string const& folder) {
    return list(folder, [](fs::directory_entry const& entry) {
        return entry.is_regular_file() && is_image_name(entry.path().string());
    });
}

/// What a folder of images holds beside them.
void add_left_out(std::string const& folder, std::vector<std::string>& left_out) {
    auto const others = list(folder, [](fs::directory_entry const& entry) {
        return !entry.is_regular_file() || !is_image_name(entry.path().string());
    });
    left_out.insert(left_out.end(), others.begin(), others.end());
}

/// One sample: consecutive pages of a file, which are its depth if there are several.
struct Picture {
    std::string path;
    std::int64_t first_page = 0, pages = 1;
};

std::vector<Picture> pictures_of(std::vector<std::string> const& paths, Stacks stacks) {
    std::vector<Picture> pictures;
    for (std::string const& path : paths) {
        std::int64_t const pages = count_pages(path);
        if (stacks == Stacks::depth) {
            pictures.push_back({path, 0, pages});
            Picture const& first = pictures.front();
            require(
                pages == first.pages, ExitCode::data_error,
                "'{}' has {} pages, '{}' {} (the pages of a file are the depth of a sample): make all stacks equally "
                "deep, or convert them apart",
                path, pages, first.path, first.pages);
            continue;
        }
        for (std::int64_t page = 0; page < pages; ++page) { pictures.push_back({path, page, 1}); }
    }
    return pictures;
}

std::int64_t pages_of(std::vector<Picture> const& pictures) {
    std::int64_t pages = 0;
    for (Picture const& picture : pictures) { pages += picture.pages; }
    return pages;
}

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

std::string stem(std::string const& path) { return fs::path(path).stem().string(); }

/// The image that a mask belongs to: named like it, or like it with a suffix (a.png: a.png, a_mask.png); of images
/// whose names begin alike (a, a_b) the one with the longest name. Empty: none.
std::string image_of(std::string const& mask, std::set<std::string> const& images) {
    for (std::size_t end = mask.size(); end != std::string::npos && end > 0; end = mask.find_last_of("_-. ", end - 1)) {
        std::string name = mask.substr(0, end);
        if (images.contains(name)) { return name; }
    }
    return {};
}

/// The mask of each image, in their order.
std::vector<std::string> match_masks(std::vector<std::string> const& images, std::vector<std::string> const& masks,
                                     std::string const& folder) {
    std::set<std::string> names;
    for (std::string const& image : images) { names.insert(stem(image)); }
    std::map<std::string, std::string> mask_of;  // by the image's name
    std::string left;
    for (std::string const& mask : masks) {
        std::string const name = image_of(stem(mask), names);
        if (name.empty()) {
            left = mask;
            continue;
        }
        auto const [twin, is_new] = mask_of.emplace(name, mask);
        require(is_new, ExitCode::data_error, "image '{}' has two masks, '{}' and '{}': remove one of them", name,
                twin->second, mask);
    }
    std::vector<std::string> matched;
    for (std::string const& image : images) {
        auto const found = mask_of.find(stem(image));
        require(found != mask_of.end(), ExitCode::data_error,
                "image '{}' has no mask in '{}': add a mask of the same name, or remove the image", image, folder);
        matched.push_back(found->second);
    }
    require(left.empty(), ExitCode::data_error, "mask '{}' has no image: add the image of the same name, or remove it",
            left);
    return matched;
}

}  // namespace

Summary convert_class_folders(std::string const& folder, Output const& output, Progress const& progress) {
    std::vector<std::string> const classes =
        list(folder, [](fs::directory_entry const& e) { return e.is_directory(); });
    require(!classes.empty(), ExitCode::data_error,
            "'{}' has no folders: give each class a folder with its images, or use the kind 'masks'", folder);
    std::vector<std::string> images;
    std::vector<std::int32_t> labels;
    std::vector<std::string> names;
    std::vector<std::string> left_out =
        list(folder, [](fs::directory_entry const& entry) { return !entry.is_directory(); });
    for (std::string const& path : classes) {
        std::vector<std::string> const of_class = list_images(path);
        add_left_out(path, left_out);
        require(!of_class.empty(), ExitCode::data_error,
                "class folder '{}' has no PNG, JPEG or TIFF images: fill or remove it", path);
        images.insert(images.end(), of_class.begin(), of_class.end());
        labels.insert(labels.end(), of_class.size(), static_cast<std::int32_t>(names.size()));
        names.push_back(fs::path(path).filename().string());
    }
    std::vector<Picture> const pictures = pictures_of(images, Stacks::depth);
    SampleWriter writer(output, "folder", {folder});
    Decoder decoder(Purpose::image);
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        unsigned char const* const sample = decoder.read(pictures[i]).data();
        if (i == 0) { writer.create_x(decoder.type(), decoder.shape(pictures.size(), true)); }
        writer.append_x(1, sample);
        progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(pictures.size()));
    }
    auto const total = static_cast<std::int64_t>(labels.size());
    if (names.size() <= std::numeric_limits<std::uint8_t>::max() + 1U) {
        std::vector<std::uint8_t> const small(labels.begin(), labels.end());
        writer.create_y(hdf5::Type::u8, {total}, names);
        writer.append_y(total, small.data());
    } else {
        writer.create_y(hdf5::Type::i32, {total}, names);
        writer.append_y(total, labels.data());
    }
    Summary summary = writer.finish();
    summary.left_out = std::move(left_out);
    return summary;
}

Summary convert_images_and_masks(std::string const& images, std::string const& masks, Output const& output,
                                 Progress const& progress, Stacks stacks) {
    bool const folders = fs::is_directory(images), labelled = !masks.empty();
    require(!labelled || folders == fs::is_directory(masks), ExitCode::data_error,
            "'{}' and '{}': one is a folder and one is not: name two folders or two files", images, masks);
    std::vector<std::string> const image_files = folders ? list_images(images) : std::vector<std::string>{images};
    require(!image_files.empty(), ExitCode::data_error, "folder '{}' has no PNG, JPEG or TIFF images: name another",
            images);
    std::vector<std::string> sources{images}, mask_files;
    if (labelled) {
        sources.push_back(masks);
        mask_files = folders ? match_masks(image_files, list_images(masks), masks) : std::vector<std::string>{masks};
    }
    std::vector<Picture> const x = pictures_of(image_files, stacks), y = pictures_of(mask_files, stacks);
    bool const as_many = x.size() == y.size() && (y.empty() || x.front().pages == y.front().pages);
    require(!labelled || as_many, ExitCode::data_error,
            "'{}' has {} pages of images, '{}' {} of masks: give each image one mask", images, pages_of(x), masks,
            pages_of(y));
    SampleWriter writer(output, "masks", sources);
    Decoder image_decoder(Purpose::image), mask_decoder(Purpose::labels);
    for (std::size_t i = 0; i < x.size(); ++i) {
        unsigned char const* const image = image_decoder.read(x[i]).data();
        if (i == 0) { writer.create_x(image_decoder.type(), image_decoder.shape(x.size(), true)); }
        writer.append_x(1, image);
        if (labelled) {
            unsigned char const* const mask = mask_decoder.read(y[i]).data();
            require(mask_decoder.h() == image_decoder.h() && mask_decoder.w() == image_decoder.w(),
                    ExitCode::data_error, "mask '{}' is {} x {}, its image '{}' {} x {}: make them of one size",
                    y[i].path, mask_decoder.h(), mask_decoder.w(), x[i].path, image_decoder.h(), image_decoder.w());
            if (i == 0) { writer.create_y(mask_decoder.type(), mask_decoder.shape(y.size(), false), {}); }
            writer.append_y(1, mask);
        }
        progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(x.size()));
    }
    Summary summary = writer.finish();
    if (folders) { add_left_out(images, summary.left_out); }
    if (folders && labelled) { add_left_out(masks, summary.left_out); }
    return summary;
}

}  // namespace aureole::convert
