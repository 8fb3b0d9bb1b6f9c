#include "io/hdf5/reach.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "core/error.hpp"

namespace aureole::hdf5 {

namespace {

namespace fs = std::filesystem;

bool is_below(fs::path const& folder, fs::path const& path) {
    fs::path const relative = path.lexically_relative(folder);
    return !relative.empty() && *relative.begin() != "..";
}

bool climbs(fs::path const& name) { return std::find(name.begin(), name.end(), "..") != name.end(); }

/// The folders of a variable of the library, which may begin with "${ORIGIN}".
std::vector<fs::path> prefixes_of(char const* variable, fs::path const& folder) {
    std::vector<fs::path> prefixes;
    char const* const text = std::getenv(variable);
    for (std::string rest = text == nullptr ? "" : text; !rest.empty();) {
        std::string prefix = rest.substr(0, rest.find(':'));
        rest = rest.size() > prefix.size() ? rest.substr(prefix.size() + 1) : "";
        constexpr std::string_view origin = "${ORIGIN}";
        if (prefix.starts_with(origin)) { prefix = folder.string() + prefix.substr(origin.size()); }
        if (!prefix.empty()) { prefixes.emplace_back(prefix); }
    }
    return prefixes;
}

}  // namespace

bool Reach::contains(std::string const& name, std::string const& place) const {
    if (outside_ == Outside::allow) { return true; }
    std::error_code error;
    fs::path const folder = fs::absolute(file_, error).parent_path().lexically_normal();
    if (!climbs(name) && is_below(folder, fs::absolute(place, error).lexically_normal())) { return true; }
    fs::path const real = fs::weakly_canonical(file_, error).parent_path();
    return !error && is_below(real, fs::weakly_canonical(place, error));
}

void Reach::require(std::string const& what, std::string const& name, std::string const& place) const {
    if (contains(name, place)) { return; }
    fail(ExitCode::data_error,
         "{} that leads out of the folder of '{}', to '{}' (a data file is not to choose what else is read): copy that "
         "file into the folder, or say `outside: allow` of the data in the deck (--outside of convert)",
         what, file_, place);
}

Search search_file(std::string const& holder, std::string const& name, char const* prefix_variable) {
    Search search;
    std::vector<std::string> tried;
    auto const look = [&](fs::path const& place, bool by_prefix) {
        if (search.found || std::find(tried.begin(), tried.end(), place.string()) != tried.end()) { return; }
        tried.push_back(place.string());
        search.tried += (search.tried.empty() ? "'" : ", '") + place.string() + "'";
        std::error_code error;
        if (!fs::is_regular_file(place, error)) { return; }
        search.found = place.string();
        search.by_prefix = by_prefix;
    };
    fs::path rest(name);
    fs::path const folder = fs::path(holder).parent_path();
    if (rest.is_absolute()) {
        look(rest, false);
        rest = rest.filename();
    }
    for (fs::path const& prefix : prefixes_of(prefix_variable, folder)) { look(prefix / rest, true); }
    look(folder / rest, false);
    look(rest, false);
    std::error_code error;
    fs::path const real = fs::canonical(holder, error);
    if (!error) { look(real.parent_path() / rest, false); }
    return search;
}

}  // namespace aureole::hdf5
