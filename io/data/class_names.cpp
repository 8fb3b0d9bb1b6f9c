#include "io/data/class_names.hpp"

#include <fmt/ranges.h>

#include "core/error.hpp"
#include "io/file/file_list.hpp"
#include "io/hdf5/file.hpp"

namespace aureole {

namespace {

constexpr std::size_t most_files = 64;  // a set of one file per sample names its classes in each

struct Names {
    std::string file;
    std::vector<std::string> classes;
};

/// One for each file that names its classes.
std::vector<Names> names_of(SourceSpec const& source) {
    std::vector<Names> found;
    bool const compared = source.kind == SourceSpec::Kind::hdf5 && source.label_map.empty() && !source.label_threshold;
    if (!compared || source.y.empty()) { return found; }
    std::vector<std::string> files = expand_patterns(source.y_files.empty() ? source.files : source.y_files);
    files.resize(std::min(files.size(), most_files));
    for (std::string const& path : files) {
        hdf5::File const file = hdf5::File::open(path, source.outside);
        if (!file.contains(source.y)) { continue; }
        auto const value = file.attribute(source.y, "class_names");
        if (!value) { continue; }
        if (auto const* names = std::get_if<std::vector<std::string>>(&*value)) { found.push_back({path, *names}); }
    }
    return found;
}

}  // namespace

void require_same_class_names(SourceSpec const& train, SourceSpec const& eval) {
    std::vector<Names> all = names_of(train);
    for (Names& names : names_of(eval)) { all.push_back(std::move(names)); }
    for (Names const& names : all) {
        require(
            names.classes == all.front().classes, ExitCode::data_error,
            "'{}' numbers its classes {}, '{}' {} (class_names of the labels '{}'): convert both from folders of the "
            "same classes, or map the labels by label_map",
            all.front().file, fmt::join(all.front().classes, ", "), names.file, fmt::join(names.classes, ", "),
            train.y);
    }
}

std::vector<std::string> class_names(SourceSpec const& source) {
    std::vector<Names> const all = names_of(source);
    return all.empty() ? std::vector<std::string>{} : all.front().classes;
}

}  // namespace aureole
