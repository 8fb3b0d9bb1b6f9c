#include "unit_tests/parallel/schedule/markup.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <vector>

namespace aureole::test {

namespace {

void check_characters(std::string_view text) {
    EXPECT_EQ(text.find('>'), std::string_view::npos) << text;
    for (std::size_t at = text.find('&'); at != std::string_view::npos; at = text.find('&', at + 1)) {
        std::string_view const rest = text.substr(at);
        bool const is_entity = rest.starts_with("&amp;") || rest.starts_with("&lt;") || rest.starts_with("&gt;") ||
                               rest.starts_with("&quot;");
        EXPECT_TRUE(is_entity) << rest;
    }
}

/// name="value" pairs, with blanks before each.
void check_attributes(std::string_view text) {
    while (!text.empty()) {
        std::size_t const open = text.find("=\"");
        ASSERT_TRUE(text[0] == ' ' && open != std::string_view::npos && open > 1) << text;
        std::size_t const close = text.find('"', open + 2);
        ASSERT_NE(close, std::string_view::npos) << text;
        std::string_view const value = text.substr(open + 2, close - open - 2);
        EXPECT_EQ(value.find('<'), std::string_view::npos) << value;
        check_characters(value);
        text.remove_prefix(close + 1);
    }
}

class Json {
  public:
    explicit Json(std::string_view text) : rest_(text) {}
    bool value() {
        blanks();
        bool const good = rest_.starts_with('{')   ? list('{', '}', true)
                          : rest_.starts_with('[') ? list('[', ']', false)
                          : rest_.starts_with('"') ? string()
                                                   : number();
        blanks();
        return good;
    }
    [[nodiscard]] bool ended() const { return rest_.empty(); }

  private:
    std::string_view rest_;

    void blanks() {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) { rest_.remove_prefix(1); }
    }
    bool take(char c) {
        if (!rest_.starts_with(c)) { return false; }
        rest_.remove_prefix(1);
        return true;
    }
    bool list(char open, char close, bool has_names) {
        if (!take(open)) { return false; }
        blanks();
        if (take(close)) { return true; }
        do {
            blanks();
            if (has_names && !(string() && take(':'))) { return false; }
            if (!value()) { return false; }
        } while (take(','));
        return take(close);
    }
    bool string() {
        if (!take('"')) { return false; }
        while (!rest_.empty() && rest_[0] != '"') {
            if (static_cast<unsigned char>(rest_[0]) < 0x20) { return false; }
            if (rest_[0] == '\\' && !escape()) { return false; }
            if (rest_.empty()) { return false; }
            rest_.remove_prefix(1);
        }
        return take('"');
    }
    /// Leaves the last character of the escape.
    bool escape() {
        rest_.remove_prefix(1);
        if (rest_.starts_with('u')) {
            if (rest_.size() < 5) { return false; }
            rest_.remove_prefix(4);
            return true;
        }
        return !rest_.empty() && std::string_view("\"\\/bfnrt").find(rest_[0]) != std::string_view::npos;
    }
    bool number() {
        std::size_t const size = rest_.find_first_not_of("+-.0123456789eE");
        bool const is_number = size != 0 && !rest_.empty();
        rest_.remove_prefix(size == std::string_view::npos ? rest_.size() : size);
        return is_number;
    }
};

}  // namespace

std::map<std::string, int> xml_elements(std::string_view text) {
    std::map<std::string, int> elements;
    std::vector<std::string> open;
    while (!text.empty()) {
        std::size_t const begin = text.find('<');
        check_characters(text.substr(0, begin));
        if (begin == std::string_view::npos) { break; }
        std::size_t const end = text.find('>', begin);
        if (end == std::string_view::npos) {
            ADD_FAILURE() << "a tag does not end: " << text.substr(begin, 80);
            return elements;
        }
        std::string_view tag = text.substr(begin + 1, end - begin - 1);
        text.remove_prefix(end + 1);
        if (tag.starts_with('/')) {
            EXPECT_TRUE(!open.empty() && open.back() == tag.substr(1)) << tag;
            if (!open.empty()) { open.pop_back(); }
            continue;
        }
        bool const is_closed = tag.ends_with('/');
        if (is_closed) { tag.remove_suffix(1); }
        std::string const name(tag.substr(0, tag.find(' ')));
        check_attributes(tag.substr(name.size()));
        ++elements[name];
        if (!is_closed) { open.push_back(name); }
    }
    EXPECT_TRUE(open.empty());
    return elements;
}

bool is_json(std::string_view text) {
    Json json(text);
    return json.value() && json.ended();
}

int count_of(std::string_view text, std::string_view part) {
    int count = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) { ++count; }
    return count;
}

}  // namespace aureole::test
