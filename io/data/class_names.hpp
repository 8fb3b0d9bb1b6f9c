#pragma once
#include <string>
#include <vector>

#include "io/data/data_spec.hpp"

namespace aureole {

/// Throws an Error(data_error) if the files of training and evaluation number their classes by different names (the
/// attribute `class_names` of the labels, which `aureole convert` writes). Sets without names, and sets whose labels
/// the deck maps, are not compared.
void require_same_class_names(SourceSpec const& train, SourceSpec const& eval);

/// The names of a set's classes in their order; none if its files do not name them, or if the deck maps the labels.
[[nodiscard]] std::vector<std::string> class_names(SourceSpec const& source);

}  // namespace aureole
