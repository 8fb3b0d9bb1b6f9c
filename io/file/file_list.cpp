#include "io/file/file_list.hpp"

#include <glob.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>

#include "core/error.hpp"

namespace aureole {

namespace {

bool is_digit(char letter) { return std::isdigit(static_cast<unsigned char>(letter)) != 0; }

/// The run of digits at `begin` without leading zeros; moves `begin` behind it.
std::string take_number(std::string const& text, std::size_t& begin) {
    while (begin < text.size() && text[begin] == '0') { ++begin; }
    std::size_t const first = begin;
    while (begin < text.size() && is_digit(text[begin])) { ++begin; }
    return text.substr(first, begin - first);
}

bool is_there(std::filesystem::path const& path) {
    std::error_code error;
    return std::filesystem::exists(std::filesystem::symlink_status(path, error));
}

/// The pattern in which leading folders that exist by the very names written stand for themselves, whatever letters
/// they have.
std::string with_literal_folders(std::string const& pattern) {
    std::filesystem::path const whole(pattern);
    std::filesystem::path way, rest, escaped;
    for (std::filesystem::path const& part : whole) {
        if (rest.empty() && is_there(way / part)) {
            way /= part;
            std::string text;
            for (char const letter : part.string()) {
                if (std::string_view("*?[]\\").find(letter) != std::string_view::npos) { text += '\\'; }
                text += letter;
            }
            escaped /= text;
        } else {
            rest /= part;
        }
    }
    return (escaped / rest).string();
}

}  // namespace

bool natural_less(std::string const& a, std::string const& b) {
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        if (is_digit(a[i]) && is_digit(b[j])) {
            std::string const x = take_number(a, i), y = take_number(b, j);
            if (x.size() != y.size()) { return x.size() < y.size(); }
            if (x != y) { return x < y; }
        } else {
            if (a[i] != b[j]) { return a[i] < b[j]; }
            ++i;
            ++j;
        }
    }
    if (i < a.size() || j < b.size()) { return j < b.size(); }
    return a < b;  // equal but for leading zeros
}

std::vector<std::string> match_pattern(std::string const& pattern) {
    if (is_there(pattern)) { return {pattern}; }
    if (pattern.find_first_of("*?[") == std::string::npos) { return {}; }
    glob_t found{};
    bool const any = glob(with_literal_folders(pattern).c_str(), 0, nullptr, &found) == 0;
    std::vector<std::string> matches;
    if (any) { matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc); }
    globfree(&found);
    std::sort(matches.begin(), matches.end(), natural_less);
    return matches;
}

std::vector<std::string> expand_patterns(std::vector<std::string> const& patterns) {
    std::vector<std::string> files;
    for (std::string const& pattern : patterns) {
        if (pattern.find_first_of("*?[") == std::string::npos) {
            files.push_back(pattern);
            continue;
        }
        std::vector<std::string> const matches = match_pattern(pattern);
        require(!matches.empty(), ExitCode::data_error,
                "no file matches '{}' (a pattern of the deck): correct the pattern or the folder it starts from",
                pattern);
        files.insert(files.end(), matches.begin(), matches.end());
    }
    return files;
}

}  // namespace aureole
