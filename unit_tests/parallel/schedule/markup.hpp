#pragma once
#include <map>
#include <string>
#include <string_view>

namespace aureole::test {

/// Elements of a text of XML by name, with how often they occur. Fails the test if tags, attributes or entities are not
/// well formed.
[[nodiscard]] std::map<std::string, int> xml_elements(std::string_view text);

/// Whether a text is one value of JSON, with nothing after it.
[[nodiscard]] bool is_json(std::string_view text);

[[nodiscard]] int count_of(std::string_view text, std::string_view part);

}  // namespace aureole::test
