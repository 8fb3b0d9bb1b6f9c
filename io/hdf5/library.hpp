#pragma once
// For the .cpp files of this folder only: the C library itself.
#include <hdf5.h>

#include <mutex>
#include <string>

#include "core/error.hpp"
#include "io/hdf5/handle.hpp"
#include "io/hdf5/type.hpp"

namespace aureole::hdf5 {

/// Held during every call of the library. Distributions package it without thread safety, and the loader's thread reads
/// while the main thread writes checkpoints. Also prepares the library: silences its error stack, registers filters.
class Lock {
  public:
    Lock();

  private:
    std::unique_lock<std::recursive_mutex> hold_;
};

/// The innermost message of the library's error stack, e.g. "file signature not found".
[[nodiscard]] std::string last_reason();

/// Throws unless the identifier or status is valid: "{what} ({reason}): {remedy}".
void check(std::int64_t status, std::string const& what, std::string const& remedy);

/// The library's identifier of an in-memory type; not to be released.
[[nodiscard]] hid_t memory_type(Type type);

/// What a stored type is to us.
[[nodiscard]] Type classify(hid_t type);

/// A compound of two floats or doubles (`part`) with the member names of the stored compound.
[[nodiscard]] Handle complex_memory_type(hid_t stored, hid_t part);

/// Names and types of a compound's fields: "time (f64), flux (f32)".
[[nodiscard]] std::string list_fields(hid_t compound);

/// Registers the LZF filter (number 32000) if this build has liblzf.
void register_lzf();

}  // namespace aureole::hdf5
