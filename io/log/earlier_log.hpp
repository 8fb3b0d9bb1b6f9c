#pragma once
#include <string>

#include "core/tensor/dtype.hpp"

namespace aureole {

// What a run does with the log that an earlier part of it, or another run, has left in its folder, before it appends.
// Lines up to step `last`, after which the run goes on, stay; at no instant is one of them missing. Later ones, which
// the run will do again, move to <name>.superseded.<extension>. A half last line, which a crash has left, is dropped.
// A line whose step cannot be read stays where it is. Failures are Error(data_error).

/// metrics.csv of a folder. Under another header than `header` the old file is kept as metrics_<step>.csv, with a
/// warning, and its lines go on under the new one: by the names of the columns, empty where there was no such column.
/// @return the path, which then begins with `header`
std::string continue_csv(std::string const& folder, std::string const& header, Index last);

/// metrics.jsonl of a folder. @return the path
std::string continue_json(std::string const& folder, Index last);

}  // namespace aureole
