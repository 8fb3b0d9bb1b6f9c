#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <string_view>

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

/// One sample: a page of a file.
struct Picture {
    std::string path;
    std::int64_t page = 0;
};

std::vector<Picture> pages_of(std::vector<std::string> const& paths) {
    std::vector<Picture> pictures;
    for (std::string const& path : paths) {
        std::int64_t const pages = count_pages(path);
        for (std::int64_t page = 0; page < pages; ++page) { pictures.push_back({path, page}); }
    }
    return pictures;
}

/// Decodes pictures one after the other into the same memory; all must be like the first.
class Decoder {
  public:
    explicit Decoder(Purpose purpose) : purpose_(purpose) {}

    Image const& read(Picture const& picture) {
        read_image(picture.path, picture.page, purpose_, image_);
        if (first_path_.empty()) {
            first_path_ = picture.path;
            first_ = {image_.h, image_.w, image_.c, image_.type, {}};
        }
        require(image_.h == first_.h && image_.w == first_.w && image_.c == first_.c && image_.type == first_.type,
                ExitCode::data_error,
                "'{}' is {} x {} x {} {} (rows, columns, channels), '{}' {} x {} x {} {}: give all images one size and "
                "kind",
                picture.path, image_.h, image_.w, image_.c, name_of(image_.type), first_path_, first_.h, first_.w,
                first_.c, name_of(first_.type));
        return image_;
    }

    [[nodiscard]] hdf5::Extents shape(std::size_t samples, bool with_channels) const {
        hdf5::Extents shape{static_cast<Index>(samples), first_.h, first_.w};
        if (with_channels) { shape.push_back(first_.c); }
        return shape;
    }
    [[nodiscard]] hdf5::Type type() const { return first_.type; }

  private:
    Purpose purpose_;
    Image image_, first_;
    std::string first_path_;
};

std::string stem(std::string const& path) { return fs::path(path).stem().string(); }

/// Finds the mask of each image: named like it, or like it with a suffix (a.png: a.png, a_mask.png).
std::vector<std::string> match_masks(std::vector<std::string> const& images, std::vector<std::string> const& masks,
                                     std::string const& folder) {
    std::map<std::string, std::string> left;  // by stem
    for (std::string const& mask : masks) {
        auto const [twin, is_new] = left.emplace(stem(mask), mask);
        require(is_new, ExitCode::data_error, "masks '{}' and '{}' have one name: remove one of them", twin->second,
                mask);
    }
    std::vector<std::string> matched;
    for (std::string const& image : images) {
        std::string const name = stem(image);
        auto found = left.lower_bound(name);
        auto const belongs = [&](std::string const& other) {
            return other == name || std::string_view("_-. ").find(other[name.size()]) != std::string_view::npos;
        };
        while (found != left.end() && found->first.starts_with(name) && !belongs(found->first)) { ++found; }
        require(found != left.end() && found->first.starts_with(name), ExitCode::data_error,
                "image '{}' has no mask in '{}': add a mask of the same name, or remove the image", image, folder);
        matched.push_back(found->second);
        left.erase(found);
    }
    require(left.empty(), ExitCode::data_error, "mask '{}' has no image: add the image of the same name, or remove it",
            left.empty() ? "" : left.begin()->second);
    return matched;
}

}  // namespace

Summary convert_class_folders(std::string const& folder, Output const& output, Progress const& progress) {
    std::vector<std::string> const classes =
        list(folder, [](fs::directory_entry const& e) { return e.is_directory(); });
    require(!classes.empty(), ExitCode::data_error,
            "'{}' has no folders: give each class a folder with its images, or use the kind 'masks'", folder);
    std::vector<Picture> pictures;
    std::vector<std::int32_t> labels;
    std::vector<std::string> names;
    std::vector<std::string> left_out =
        list(folder, [](fs::directory_entry const& entry) { return !entry.is_directory(); });
    for (std::string const& path : classes) {
        std::vector<std::string> const images = list_images(path);
        add_left_out(path, left_out);
        require(!images.empty(), ExitCode::data_error,
                "class folder '{}' has no PNG, JPEG or TIFF images: fill or remove it", path);
        for (std::string const& image : images) {
            std::int64_t const pages = count_pages(image);
            require(
                pages == 1, ExitCode::data_error,
                "'{}' has {} pages (an image of a class folder is one sample): save each page as a file of its own, or "
                "write the stacks as an array (n, d, h, w) and convert that by the kind npy",
                image, pages);
            pictures.push_back({image, 0});
            labels.push_back(static_cast<std::int32_t>(names.size()));
        }
        names.push_back(fs::path(path).filename().string());
    }
    SampleWriter writer(output, "folder", {folder});
    Decoder decoder(Purpose::image);
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        Image const& image = decoder.read(pictures[i]);
        if (i == 0) { writer.create_x(decoder.type(), decoder.shape(pictures.size(), true)); }
        writer.append_x(1, image.bytes.data());
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
                                 Progress const& progress) {
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
    std::vector<Picture> const x = pages_of(image_files), y = pages_of(mask_files);
    require(!labelled || x.size() == y.size(), ExitCode::data_error,
            "'{}' has {} pages of images, '{}' {} of masks: give each image one mask", images, x.size(), masks,
            y.size());
    SampleWriter writer(output, "masks", sources);
    Decoder image_decoder(Purpose::image), mask_decoder(Purpose::labels);
    for (std::size_t i = 0; i < x.size(); ++i) {
        Image const& image = image_decoder.read(x[i]);
        if (i == 0) { writer.create_x(image_decoder.type(), image_decoder.shape(x.size(), true)); }
        writer.append_x(1, image.bytes.data());
        if (labelled) {
            Image const& mask = mask_decoder.read(y[i]);
            require(mask.h == image.h && mask.w == image.w, ExitCode::data_error,
                    "mask '{}' is {} x {}, its image '{}' {} x {}: make them of one size", y[i].path, mask.h, mask.w,
                    x[i].path, image.h, image.w);
            if (i == 0) { writer.create_y(mask_decoder.type(), mask_decoder.shape(y.size(), false), {}); }
            writer.append_y(1, mask.bytes.data());
        }
        progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(x.size()));
    }
    Summary summary = writer.finish();
    if (folders) { add_left_out(images, summary.left_out); }
    if (folders && labelled) { add_left_out(masks, summary.left_out); }
    return summary;
}

}  // namespace aureole::convert
