#include "io/convert/match_masks.hpp"

#include <filesystem>
#include <map>
#include <optional>

#include "core/error.hpp"

namespace aureole::convert {

namespace {

using PathOfName = std::map<std::string, std::string>;

std::string stem(std::string const& path) { return std::filesystem::path(path).stem().string(); }

/// The files by their names without extension, which must differ.
PathOfName by_name(std::vector<std::string> const& paths, std::string const& kind) {
    PathOfName names;
    for (std::string const& path : paths) {
        auto const [twin, is_new] = names.emplace(stem(path), path);
        require(is_new, ExitCode::data_error, "two {} are called '{}' ('{}' and '{}'): remove or rename one of them",
                kind, twin->first, twin->second, path);
    }
    return names;
}

/// The suffix that makes masks of all images, if there is one and no mask is left.
std::optional<std::string> common_suffix(PathOfName const& images, PathOfName const& masks) {
    if (images.size() != masks.size() || images.empty()) { return {}; }
    std::string const& first = images.begin()->first;
    for (auto mask = masks.lower_bound(first); mask != masks.end() && mask->first.starts_with(first); ++mask) {
        std::string const suffix = mask->first.substr(first.size());
        bool fits = true;
        for (auto image = images.begin(); fits && image != images.end(); ++image) {
            fits = masks.contains(image->first + suffix);
        }
        if (fits) { return suffix; }
    }
    return {};
}

/// The image that a mask belongs to by its own name; empty: none.
std::string image_of(std::string const& mask, PathOfName const& images) {
    for (std::size_t end = mask.size(); end != std::string::npos && end > 0; end = mask.find_last_of("_-. ", end - 1)) {
        std::string name = mask.substr(0, end);
        if (images.contains(name)) { return name; }
    }
    return {};
}

}  // namespace

std::vector<std::string> match_masks(std::vector<std::string> const& images, std::vector<std::string> const& masks,
                                     std::string const& folder) {
    PathOfName const image_names = by_name(images, "images"), mask_names = by_name(masks, "masks");
    std::optional<std::string> const suffix = common_suffix(image_names, mask_names);
    PathOfName mask_of;  // by the image's name
    std::string left;
    for (std::string const& mask : masks) {
        std::string const own = stem(mask);
        std::string const name = suffix ? own.substr(0, own.size() - suffix->size()) : image_of(own, image_names);
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

}  // namespace aureole::convert
