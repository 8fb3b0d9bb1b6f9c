#pragma once
#include <fmt/core.h>

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/deck/tree.hpp"

namespace aureole::deck {

/// Collects the faults of rules between values of a deck.
class Rules {
  public:
    Rules(Deck const& deck, std::set<std::string> const& unreadable) : deck_(deck), unreadable_(unreadable) {}

    /// Whether the values of all these paths are what the deck says.
    [[nodiscard]] bool readable(std::initializer_list<std::string_view> paths) const;
    /// Whether the deck gives the key, rather than leaving it to its default.
    [[nodiscard]] bool given(std::string const& path) const { return deck_.places.contains(path); }
    template <class... Args>
    void fail(std::string_view path, fmt::format_string<Args...> format, Args&&... args) {
        problems_.push_back({deck_.place(path), fmt::format(format, std::forward<Args>(args)...)});
    }
    [[nodiscard]] Deck const& deck() const { return deck_; }
    [[nodiscard]] std::vector<Problem> take() { return std::move(problems_); }

  private:
    Deck const& deck_;
    std::set<std::string> const& unreadable_;
    std::vector<Problem> problems_;
};

/// Letters, digits, '_', '-' and '.' only, and at least one.
[[nodiscard]] bool is_plain_name(std::string const& name);

/// validate_model.cpp
void check_model(Rules& rules);
void check_layers(Rules& rules);
/// validate_data.cpp
void check_data(Rules& rules);
/// validate_train.cpp
void check_train(Rules& rules);

}  // namespace aureole::deck
