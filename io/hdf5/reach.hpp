#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace aureole::hdf5 {

/// Whether an HDF5 file may lead to files outside of its folder.
enum class Outside : std::uint8_t { refuse, allow };

/// The further files that an HDF5 file may lead to by external links, external storage and sources of virtual datasets:
/// those of its folder and of the folders below, and those that the user's own links in there or prefix variables of
/// the library stand for. Others only if the user has said so: whoever made the file chose them, not who reads it.
class Reach {
  public:
    /// @param file the one that the user has named
    Reach(std::string file, Outside outside) : file_(std::move(file)), outside_(outside) {}

    [[nodiscard]] Outside outside() const { return outside_; }
    /// Whether a further file, named so within a file and found at `place`, lies within reach.
    [[nodiscard]] bool contains(std::string const& name, std::string const& place) const;
    /// Throws an Error(data_error) unless it does. `what`: what leads there, "'x' of 'a.h5' is an external link".
    void require(std::string const& what, std::string const& name, std::string const& place) const;

  private:
    std::string file_;
    Outside outside_;
};

/// How the library looks for a file that another one names: as named if that is absolute, in the folders of an
/// environment variable, beside the file, in the current folder, and beside the file that a symbolic link leads to.
struct Search {
    std::string tried;                 ///< all places in their order, quoted
    std::optional<std::string> found;  ///< the first where there is a file
    bool by_prefix = false;            ///< in a folder of the variable
};
[[nodiscard]] Search search_file(std::string const& holder, std::string const& name, char const* prefix_variable);

}  // namespace aureole::hdf5
